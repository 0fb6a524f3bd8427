//===- ImportQuantized.cpp - quantized models of other tools --------------===//
#include "ActivationQuantization.h"
#include "ImportWeights.h"
#include "MatchLinear.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Raise/ComputedWeight.h"
#include "fptq/Raise/Passes.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQIMPORTQUANTPASS
#include "fptq/Raise/Passes.h.inc"

namespace {
struct FptqImportQuantPass : impl::FptqImportQuantPassBase<FptqImportQuantPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  LogicalResult importOperand(IRRewriter &rewriter, WeightImporter &importer, OpOperand &operand);
  LogicalResult importWeight(IRRewriter &rewriter, WeightImporter &importer, Value value, const MatrixView &view);
  LogicalResult importActivation(IRRewriter &rewriter, quant::DequantizeCastOp op);
  LogicalResult refuse(Value value, const llvm::Twine &reason);
};
} // namespace

/// Nothing but constants and pure ops below; `codes` tells whether a tensor of integers of up to 8 bits is among them.
static bool dependsOnConstantsOnly(Value value, bool *codes = nullptr) {
  SetVector<Operation *> ops;
  bool isConstant = walkBackwards(value, ops, [](Value below) {
    Operation *op = below.getDefiningOp();
    return op && isMemoryEffectFree(op);
  });
  if (!isConstant || !codes)
    return isConstant;
  *codes = llvm::any_of(ops, [](Operation *op) {
    auto type = isConstantRoot(op) ? dyn_cast<RankedTensorType>(op->getResult(0).getType()) : RankedTensorType();
    auto element = type ? dyn_cast<IntegerType>(type.getElementType()) : IntegerType();
    return element && element.getWidth() > 1 && element.getWidth() <= 8;
  });
  return true;
}

/// The name of the first constant below `value` that has one.
static std::string nameBelow(Value value) {
  SmallVector<Value> todo{value};
  llvm::DenseSet<Value> seen;
  while (!todo.empty()) {
    Value v = todo.pop_back_val();
    if (!seen.insert(v).second)
      continue;
    if (StringRef name = constantName(v); !name.empty())
      return name.str();
    if (Operation *op = v.getDefiningOp())
      llvm::append_range(todo, op->getOperands());
  }
  return "unnamed";
}

LogicalResult FptqImportQuantPass::refuse(Value value, const llvm::Twine &reason) {
  if (strict)
    return emitError(value.getLoc()) << "quantized weight '" << nameBelow(value)
                                     << "' cannot be taken over: " << reason;
  remark::missed(value.getLoc(), remark::RemarkOpts::name("LeftQuantized").category("Raise"))
      << remark::add("quantized weight '{0}' stays as it is", nameBelow(value)) << remark::reason("{0}", reason.str());
  return success();
}

LogicalResult FptqImportQuantPass::importWeight(IRRewriter &rewriter, WeightImporter &importer, Value value,
                                                const MatrixView &view) {
  if (cast<RankedTensorType>(value.getType()).getElementType().isF64())
    return refuse(value, "it is computed in f64");
  FailureOr<Dequantization> match = matchDequantization(value);
  if (failed(match))
    return refuse(value, "its arithmetic is no scale * (codes - zero point)");
  std::string reason;
  FailureOr<Value> weight = importer.import(rewriter, value, *match, view, reason);
  if (failed(weight))
    return reason.empty() ? failure() : refuse(value, reason);
  remark::passed(value.getLoc(), remark::RemarkOpts::name("ImportedCodes").category("Raise"))
      << remark::add("weight '{0}' taken over as codes", nameBelow(*weight));
  rewriter.replaceAllUsesWith(value, *weight);
  return success();
}

/// A weight of a contraction: the loops it runs along say which dimension is K.
LogicalResult FptqImportQuantPass::importOperand(IRRewriter &rewriter, WeightImporter &importer, OpOperand &operand) {
  auto op = cast<linalg::LinalgOp>(operand.getOwner());
  AffineMap map = op.getMatchingIndexingMap(&operand), result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  Value value = operand.get();
  for (AffineMap move; Value below = lookThroughMove(value, move); value = below)
    map = move.compose(map);
  if (auto rounded = value.getDefiningOp<arith::TruncFOp>()) // the product of a scale that is wider than the model
    value = rounded.getIn();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  bool codes = false;
  // Tables made of wider integers (positions, masks) and of floats are no quantized weights.
  if (isConstantChain(value) || !type || !isa<FloatType>(type.getElementType()) ||
      !dependsOnConstantsOnly(value, &codes) || (!codes && !value.getDefiningOp<quant::DequantizeCastOp>()))
    return success();
  llvm::SmallBitVector reduced(type.getRank());
  for (auto [d, expr] : llvm::enumerate(map.getResults()))
    if (auto loop = dyn_cast<AffineDimExpr>(expr))
      reduced[d] = !result.isFunctionOfDim(loop.getPosition());
  std::optional<MatrixView> view = MatrixView::of(type.getShape(), reduced);
  if (!view)
    return refuse(value, "its input channels are neither its first dimensions nor its last");
  return importWeight(rewriter, importer, value, *view);
}

/// Arithmetic instead of a pair of casts, which canonicalization would fold away.
LogicalResult FptqImportQuantPass::importActivation(IRRewriter &rewriter, quant::DequantizeCastOp op) {
  rewriter.setInsertionPoint(op);
  FailureOr<Value> value = emitActivationQuantization(rewriter, op);
  if (failed(value))
    return op.emitOpError() << "is no quantization of an activation with one scale for the whole tensor, the only one "
                               "that can be taken over";
  rewriter.replaceOp(op, *value);
  return success();
}

void FptqImportQuantPass::runOnOperation() {
  ModuleOp module = getOperation();
  FailureOr<ParameterFiles> files = ParameterFiles::open(module);
  if (failed(files))
    return signalPassFailure();
  WeightImporter importer(*files);
  IRRewriter rewriter(&getContext());
  bool ok = true;
  module.walk([&](linalg::LinalgOp op) {
    if (isMultiplyAccumulate(op))
      for (OpOperand *operand : op.getDpsInputOperands())
        ok &= succeeded(importOperand(rewriter, importer, *operand));
  });
  if (!ok)
    return signalPassFailure();
  // What no contraction reads: embedding tables, activations.
  SmallVector<quant::DequantizeCastOp> casts;
  module.walk([&](quant::DequantizeCastOp op) { casts.push_back(op); });
  llvm::SmallBitVector table(2);
  table.set(1);
  for (quant::DequantizeCastOp op : casts) {
    if (op->use_empty()) {
      rewriter.eraseOp(op);
      continue;
    }
    auto type = dyn_cast<RankedTensorType>(op.getType());
    bool constant = dependsOnConstantsOnly(op.getResult());
    if (constant && type && type.getRank() == 2)
      ok &= succeeded(importWeight(rewriter, importer, op.getResult(), *MatrixView::of(type.getShape(), table)));
    else
      ok &= succeeded(importActivation(rewriter, op));
  }
  if (!ok)
    signalPassFailure();
}
} // namespace mlir::fptq
