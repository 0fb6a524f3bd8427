//===- StoreBF16.cpp - bfloat16 is 16 bits that are moved about -----------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQSTOREBF16PASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqStoreBF16Pass : impl::FptqStoreBF16PassBase<FptqStoreBF16Pass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

void FptqStoreBF16Pass::runOnOperation() {
  AttrTypeReplacer replacer;
  auto bits = IntegerType::get(&getContext(), 16);
  replacer.addReplacement([=](BFloat16Type) -> Type { return bits; });
  replacer.addReplacement([=](FloatAttr attr) -> std::optional<Attribute> {
    if (!attr.getType().isBF16())
      return std::nullopt;
    return IntegerAttr::get(bits, attr.getValue().bitcastToAPInt());
  });
  replacer.addReplacement([=](DenseElementsAttr attr) -> std::optional<Attribute> {
    if (!attr.getElementType().isBF16())
      return std::nullopt;
    return attr.bitcast(bits);
  });
  for (Operation &op : getOperation().getBody()->getOperations()) { // a GPU's code, in a module of its own, stays
    if (isa<LLVM::LLVMFuncOp, LLVM::GlobalOp>(op))
      replacer.recursivelyReplaceElementsIn(&op, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
  }
}
} // namespace mlir::fptq
