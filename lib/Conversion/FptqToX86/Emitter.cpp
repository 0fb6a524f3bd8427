//===- Emitter.cpp - a terse builder for kernels --------------------------===//
#include "Emitter.h"

using namespace mlir;
using namespace mlir::fptq::x86;

Value Emitter::splat(VectorType type, int64_t value) {
  auto element =
      getIntegerAttr(type.getElementType(), APInt(type.getElementTypeBitWidth(), value, true, true).getSExtValue());
  return arith::ConstantOp::create(*this, type, DenseElementsAttr::get(type, cast<Attribute>(element)));
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

SmallVector<Value> Emitter::repeat(int64_t count, ValueRange init,
                                   llvm::function_ref<SmallVector<Value>(ValueRange)> body) {
  if (count == 1)
    return body(init);
  return loop(num(0), num(count), 1, init, [&](Value, ValueRange carried) { return body(carried); });
}

void Emitter::ifElse(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise) {
  auto branch = [](llvm::function_ref<void()> body) {
    body();
    return SmallVector<Value>();
  };
  KernelEmitter::ifElse(condition, TypeRange(), [&] { return branch(then); }, [&] { return branch(otherwise); });
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
