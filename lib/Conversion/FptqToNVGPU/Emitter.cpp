//===- Emitter.cpp - a terse builder for device code ----------------------===//
#include "Emitter.h"
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::nvptx;

Value Emitter::at(Value base, int64_t bytes) {
  if (!bytes)
    return base;
  return LLVM::GEPOp::create(*this, base.getType(), i8(), base, ArrayRef<LLVM::GEPArg>{int32_t(bytes)},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value Emitter::at(Value base, Value bytes) {
  return LLVM::GEPOp::create(*this, base.getType(), i8(), base, ArrayRef<LLVM::GEPArg>{bytes},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value Emitter::atRow(Value base, Value row, Value stride, int64_t elementBytes) {
  Value offset = arith::MulIOp::create(*this, widen(row), widen(stride));
  return at(base, arith::MulIOp::create(*this, offset, wide(elementBytes)));
}

Value Emitter::load(Type type, Value from, int64_t alignment) {
  return LLVM::LoadOp::create(*this, type, from, alignment);
}

Value Emitter::loadConstant(Type type, Value from, int64_t alignment) {
  return LLVM::LoadOp::create(*this, type, from, alignment, /*isVolatile=*/false, /*isNonTemporal=*/false,
                              /*isInvariant=*/true);
}

Value Emitter::shared() {
  auto module = getInsertionBlock()->getParentOp()->getParentOfType<gpu::GPUModuleOp>();
  if (!module.lookupSymbol(kSharedSymbol)) {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(module.getBody());
    // 1024: the atoms of wgmma's 128-byte swizzle start there.
    LLVM::GlobalOp::create(*this, LLVM::LLVMArrayType::get(i8(), 0), /*isConstant=*/false, LLVM::Linkage::External,
                           kSharedSymbol, Attribute(), /*alignment=*/1024, kShared);
  }
  return LLVM::AddressOfOp::create(*this, ptr(kShared), kSharedSymbol);
}

SmallVector<Value> Emitter::words(Value vector) {
  SmallVector<Value> result;
  for (int64_t i = 0, e = cast<VectorType>(vector.getType()).getNumElements(); i < e; ++i)
    result.push_back(LLVM::ExtractElementOp::create(*this, vector, num(i)));
  return result;
}

Value Emitter::vectorOf(ValueRange words) {
  Value result = LLVM::PoisonOp::create(*this, vec(words.size(), words.front().getType()));
  for (auto [i, word] : llvm::enumerate(words))
    result = LLVM::InsertElementOp::create(*this, result, word, num(i));
  return result;
}

Value Emitter::shuffleXor(Value v, int64_t mask) {
  return NVVM::ShflOp::create(*this, v.getType(), num(-1), v, num(mask), num(31), NVVM::ShflKind::bfly, UnitAttr());
}

/// Keeps LLVM from unrolling a body whose length was chosen for its registers.
static void keepBody(scf::ForOp loop) {
  MLIRContext *context = loop.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(context, BoolAttr::get(context, true), {}, {}, {}, {}, {}, {});
  loop->setAttr("loop_annotation",
                LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}));
}

SmallVector<Value> Emitter::loop(Value low, Value high, Value step, ValueRange init, Body body) {
  auto loop = scf::ForOp::create(*this, low, high, step, init);
  keepBody(loop);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(*this, next);
  return loop.getResults();
}

void Emitter::loop(Value low, Value high, Value step, llvm::function_ref<void(Value)> body) {
  loop(low, high, step, ValueRange(), [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>();
  });
}

void Emitter::ifThen(Value condition, llvm::function_ref<void()> body) {
  auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  body();
}

SmallVector<Value> Emitter::ifElse(Value condition, TypeRange types, llvm::function_ref<SmallVector<Value>()> then,
                                   llvm::function_ref<SmallVector<Value>()> otherwise) {
  auto op = scf::IfOp::create(*this, types, condition, /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  scf::YieldOp::create(*this, then());
  setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(*this, otherwise());
  return op.getResults();
}
