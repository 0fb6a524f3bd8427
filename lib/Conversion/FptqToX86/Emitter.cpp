//===- Emitter.cpp - a terse builder for kernels --------------------------===//
#include "Emitter.h"

using namespace mlir;
using namespace mlir::fptq::x86;

Value Emitter::splat(VectorType type, int64_t value) {
  auto element =
      getIntegerAttr(type.getElementType(), APInt(type.getElementTypeBitWidth(), value, true, true).getSExtValue());
  return arith::ConstantOp::create(*this, type, DenseElementsAttr::get(type, cast<Attribute>(element)));
}

Value Emitter::at(Value base, int64_t bytes) {
  if (!bytes)
    return base;
  return LLVM::GEPOp::create(*this, ptr(), getI8Type(), base, ArrayRef<LLVM::GEPArg>{int32_t(bytes)},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value Emitter::at(Value base, Value bytes) {
  return LLVM::GEPOp::create(*this, ptr(), getI8Type(), base, ArrayRef<LLVM::GEPArg>{bytes},
                             LLVM::GEPNoWrapFlags::inbounds);
}

/// May point beyond the weight, hence no inbounds.
void Emitter::prefetch(Value base, int64_t bytes, int64_t locality) {
  Value p = LLVM::GEPOp::create(*this, ptr(), getI8Type(), base, ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
  LLVM::Prefetch::create(*this, p, /*rw=*/0, /*hint=*/locality, /*cache=*/1);
}

Value Emitter::stack(int64_t bytes) {
  return LLVM::AllocaOp::create(*this, ptr(), getI8Type(), num(bytes), /*alignment=*/64);
}

Value Emitter::broadcastDword(VectorType type, Value from) {
  int64_t lanes = type.getNumElements() * type.getElementTypeBitWidth() / 32;
  return bitcast(type, broadcast(vec(lanes, getI32Type()), load(getI32Type(), from, 4)));
}

/// Keeps LLVM from unrolling a body whose length was chosen for its registers.
static void keepBody(scf::ForOp loop) {
  MLIRContext *context = loop.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(context, BoolAttr::get(context, true), {}, {}, {}, {}, {}, {});
  loop->setAttr("loop_annotation",
                LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}));
}

SmallVector<Value> Emitter::loop(Value low, Value high, int64_t step, ValueRange init, Body body) {
  auto loop = scf::ForOp::create(*this, low, high, num(step), init);
  keepBody(loop);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(*this, next);
  return loop.getResults();
}

void Emitter::loop(Value low, Value high, int64_t step, llvm::function_ref<void(Value)> body) {
  loop(low, high, step, ValueRange(), [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>();
  });
}

SmallVector<Value> Emitter::repeat(int64_t count, ValueRange init,
                                   llvm::function_ref<SmallVector<Value>(ValueRange)> body) {
  if (count == 1)
    return body(init);
  return loop(num(0), num(count), 1, init, [&](Value, ValueRange carried) { return body(carried); });
}

void Emitter::ifThen(Value condition, llvm::function_ref<void()> body) {
  auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  body();
}

void Emitter::ifElse(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  then();
  setInsertionPointToStart(op.elseBlock());
  otherwise();
}

void Emitter::switchOn(Value value, ArrayRef<int64_t> cases, llvm::function_ref<void(int64_t)> body) {
  Value index = arith::IndexCastOp::create(*this, getIndexType(), value);
  auto op = scf::IndexSwitchOp::create(*this, TypeRange(), index, cases, cases.size());
  OpBuilder::InsertionGuard guard(*this);
  for (auto [region, c] : llvm::zip(op.getCaseRegions(), cases)) {
    setInsertionPointToStart(&region.emplaceBlock());
    body(c);
    scf::YieldOp::create(*this);
  }
  setInsertionPointToStart(&op.getDefaultRegion().emplaceBlock());
  scf::YieldOp::create(*this);
}
