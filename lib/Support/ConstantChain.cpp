//===- ConstantChain.cpp - what leads from a value to a constant ----------===//
#include "ConstantChain.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::fptq;

/// Generics of one input and one output, all loops parallel, output written in order: what the body
/// does with its only input decides.
static ChainStep classifyGeneric(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 1 || op.getNumResults() != 1 || op.getNumReductionLoops() ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return ChainStep::None;
  if (!isa<RankedTensorType>(op.getDpsInputOperand(0)->get().getType())) // one number for all
    return ChainStep::None;
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  // A unit dimension is read at constant 0, also where it is broadcast.
  if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
    return ChainStep::None;
  Block *body = op.getBody();
  Value yielded = body->getTerminator()->getOperand(0);
  if (yielded == body->getArgument(0))
    return ChainStep::Permute;
  Operation *cast = yielded.getDefiningOp();
  if (isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(cast) && cast->getOperand(0) == body->getArgument(0) &&
      map.isIdentity())
    return ChainStep::Cast;
  return ChainStep::None;
}

ChainStep mlir::fptq::classifyChainStep(Operation *op) {
  if (!op)
    return ChainStep::None;
  if (isa<ml_program::GlobalLoadConstOp>(op) || matchPattern(op, m_Constant()))
    return ChainStep::Root;
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
    return ChainStep::Reshape;
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    bool fixed = !ShapedType::isDynamicShape(slice.getStaticOffsets()) &&
                 !ShapedType::isDynamicShape(slice.getStaticSizes()) &&
                 !ShapedType::isDynamicShape(slice.getStaticStrides());
    return fixed ? ChainStep::Slice : ChainStep::None;
  }
  if (isa<linalg::TransposeOp, linalg::BroadcastOp>(op))
    return ChainStep::Permute;
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return classifyGeneric(generic);
  if (isa<arith::ExtFOp, arith::TruncFOp>(op))
    return ChainStep::Cast;
  if (auto scale = dyn_cast<ScaleChannelsOp>(op))
    return isConstantChain(scale.getScales()) ? ChainStep::ScaleChannels : ChainStep::None;
  if (auto stored = dyn_cast<DequantizeOp>(op)) {
    bool constant = llvm::all_of(stored->getOperands(), [](Value operand) {
      return classifyChainStep(operand.getDefiningOp()) == ChainStep::Root;
    });
    return constant ? ChainStep::Dequantize : ChainStep::None;
  }
  return ChainStep::None;
}

Value mlir::fptq::chainOperand(Operation *op) { return op->getOperand(0); }

AffineMap mlir::fptq::chainPermutation(Operation *op) {
  auto linalgOp = cast<linalg::LinalgOp>(op);
  // Loops are numbered by the output's dimensions only if its map is the identity; transpose and
  // broadcast say it differently, so go through the output's inverse.
  AffineMap out = linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0));
  AffineMap in = linalgOp.getMatchingIndexingMap(linalgOp.getDpsInputOperand(0));
  return in.compose(inversePermutation(out));
}

bool mlir::fptq::isConstantChain(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape())
    return false;
  while (Operation *op = value.getDefiningOp()) {
    ChainStep step = classifyChainStep(op);
    if (step == ChainStep::Root)
      return true;
    if (step == ChainStep::None)
      return false;
    value = chainOperand(op);
  }
  return false;
}

StringRef mlir::fptq::constantName(Value value) {
  Operation *op = value.getDefiningOp();
  for (; op && classifyChainStep(op) != ChainStep::Root; op = chainOperand(op).getDefiningOp())
    if (classifyChainStep(op) == ChainStep::None)
      return {};
  if (!op)
    return {};
  if (auto load = dyn_cast<ml_program::GlobalLoadConstOp>(op))
    return load.getGlobal().getLeafReference();
  if (auto name = op->getAttrOfType<StringAttr>(FptqDialect::kNameAttr))
    return name;
  Attribute constant;
  if (matchPattern(op, m_Constant(&constant)))
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant))
      return resource.getRawHandle().getKey();
  if (auto named = op->getLoc()->findInstanceOf<NameLoc>())
    return named.getName();
  return {};
}
