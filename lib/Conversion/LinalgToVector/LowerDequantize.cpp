//===- LowerDequantize.cpp - stored weights as float constants ------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/Parameters.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERDEQUANTIZEPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerDequantizePass : impl::FptqLowerDequantizePassBase<FptqLowerDequantizePass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

static LogicalResult lower(DequantizeOp op, const ParameterFiles &files) {
  std::string name = constantName(op.getResult()).str();
  FailureOr<std::vector<float>> values = evaluateConstant(op.getResult(), files, name);
  if (failed(values))
    return failure();
  auto blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(
      ArrayRef<char>(reinterpret_cast<const char *>(values->data()), values->size() * sizeof(float)), /*align=*/64,
      /*dataIsMutable=*/false);
  OpBuilder b(op);
  auto constant = DenseResourceElementsAttr::get(op.getType(), name + ".float", std::move(blob));
  op.replaceAllUsesWith(arith::ConstantOp::create(b, op.getLoc(), constant).getResult());
  return success();
}

void FptqLowerDequantizePass::runOnOperation() {
  SmallVector<DequantizeOp> ops;
  getOperation().walk([&](DequantizeOp op) { ops.push_back(op); });
  if (ops.empty())
    return;
  FailureOr<ParameterFiles> files = ParameterFiles::open(getOperation());
  if (failed(files))
    return signalPassFailure();
  for (DequantizeOp op : ops) {
    if (!op->use_empty() && failed(lower(op, *files)))
      return signalPassFailure();
    op.erase();
  }
}
} // namespace mlir::fptq
