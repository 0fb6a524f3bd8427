//===- Emitter.cpp - a terse builder for device code ----------------------===//
#include "Emitter.h"
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::nvptx;

Value Emitter::atRow(Value base, Value row, Value stride, int64_t elementBytes) {
  Value offset = arith::MulIOp::create(*this, widen(row), widen(stride));
  return at(base, arith::MulIOp::create(*this, offset, wide(elementBytes)));
}

Value Emitter::load(Type type, Value from, int64_t alignment) {
  return LLVM::LoadOp::create(*this, type, from, alignment);
}

Value Emitter::loadConstant(Type type, Value from, int64_t alignment) {
  return kernelsOverlap() ? load(type, from, alignment) : loadWeight(type, from, alignment);
}

Value Emitter::loadWeight(Type type, Value from, int64_t alignment) {
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

bool Emitter::kernelsOverlap() {
  return getInsertionBlock()->getParentOp()->getParentOfType<gpu::GPUModuleOp>()->hasAttr(kDependentLaunchAttr);
}

void Emitter::waitForKernelBefore() {
  if (!kernelsOverlap())
    return;
  // The signal comes after the wait: two kernels are under way at most, and a third does not take their memory's time.
  NVVM::GriddepcontrolOp::create(*this, NVVM::GridDepActionKind::wait);
  NVVM::GriddepcontrolOp::create(*this, NVVM::GridDepActionKind::launch_dependents);
}
