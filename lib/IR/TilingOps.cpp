//===- TilingOps.cpp - tiles of our destination-style ops -----------------===//
//
// Rows (tokens) are independent everywhere; output channels too while weights are in the portable
// form. A packed weight is one string of bytes whose panels only its layout knows: rows alone.
//
//===----------------------------------------------------------------------===//
#include "fptq/IR/Fptq.h"
#include "fptq/Support/ParallelLoops.h"
#include "mlir/Dialect/Tensor/Utils/Utils.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;
using namespace mlir::fptq;

namespace {
/// Which dimension of an operand runs along the tiled loops; -1: none.
struct Along {
  int rows = -1, columns = -1;
};

/// `operand` is the one of `ranges`, which hold an operand or none. By its place, not its value: x_scales and bias may
/// be one tensor.
template <typename... Ranges> bool isOneOf(OpOperand &operand, Ranges &&...ranges) {
  auto holds = [&](MutableOperandRange range) { return !range.empty() && &range[0] == &operand; };
  return (holds(ranges) || ...);
}

/// An operand's dimensions, by its place in the op; scalars and absent operands have none.
template <typename OpTy> Along along(OpTy op, OpOperand &operand);

template <> Along along(QuantizeActivationsOp op, OpOperand &operand) {
  bool perChannel = isOneOf(operand, op.getMultiplierMutable()) || !isa<RankedTensorType>(operand.get().getType());
  return perChannel ? Along{} : Along{0, -1};
}

template <typename OpTy> Along alongMatmul(OpTy op, OpOperand &operand) {
  if (isOneOf(operand, op.getQMutable(), op.getXScalesMutable(), op.getXSumsMutable()))
    return {0, -1};
  if (isOneOf(operand, op.getInitMutable(), op.getMultiplicandMutable(), op.getResidualMutable()))
    return {0, 1};
  return {-1, 0}; // weights and bias: output channels first
}

/// The rows that are looked up are the loop; any of them may be anywhere in the table.
template <typename OpTy> Along alongLookup(OpTy op, OpOperand &operand) {
  return isOneOf(operand, op.getIdsMutable(), op.getInitMutable()) ? Along{0, -1} : Along{};
}
template <> Along along(QuantizedLookupOp op, OpOperand &operand) { return alongLookup(op, operand); }
template <> Along along(PackedLookupOp op, OpOperand &operand) { return alongLookup(op, operand); }

template <> Along along(QuantizedMatmulOp op, OpOperand &operand) { return alongMatmul(op, operand); }
template <> Along along(PackedMatmulOp op, OpOperand &operand) {
  Along result = alongMatmul(op, operand);
  return {result.rows, -1};
}
} // namespace

/// `operand` cut to the tile; whole where it runs along none of the loops.
static Value slice(OpBuilder &b, Location loc, Value operand, Along along, ArrayRef<OpFoldResult> offsets,
                   ArrayRef<OpFoldResult> sizes) {
  if (along.rows < 0 && (along.columns < 0 || offsets.size() < 2))
    return operand;
  SmallVector<OpFoldResult> shape = tensor::getMixedSizes(b, loc, operand);
  SmallVector<OpFoldResult> starts(shape.size(), b.getIndexAttr(0)), strides(shape.size(), b.getIndexAttr(1));
  if (along.rows >= 0) {
    starts[along.rows] = offsets[0];
    shape[along.rows] = sizes[0];
  }
  if (along.columns >= 0 && offsets.size() > 1) {
    starts[along.columns] = offsets[1];
    shape[along.columns] = sizes[1];
  }
  return tensor::ExtractSliceOp::create(b, loc, operand, starts, shape, strides);
}

namespace {
/// `Loops`: 1 for rows, 2 for rows and output channels.
template <typename OpTy, int Loops> struct RowTiling : TilingInterface::ExternalModel<RowTiling<OpTy, Loops>, OpTy> {
  SmallVector<utils::IteratorType> getLoopIteratorTypes(Operation *) const { return parallelLoops(Loops); }

  SmallVector<Range> getIterationDomain(Operation *op, OpBuilder &b) const {
    Value init = cast<DestinationStyleOpInterface>(op).getDpsInits()[0];
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, op->getLoc(), init);
    SmallVector<Range> domain;
    for (int loop = 0; loop < Loops; ++loop)
      domain.push_back({b.getIndexAttr(0), sizes[loop], b.getIndexAttr(1)});
    return domain;
  }

  FailureOr<TilingResult> getTiledImplementation(Operation *op, OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                 ArrayRef<OpFoldResult> sizes) const {
    SmallVector<Value> operands, slices;
    for (OpOperand &operand : op->getOpOperands()) {
      Value whole = operand.get(), tile = whole;
      if (isa<RankedTensorType>(whole.getType()))
        tile = slice(b, op->getLoc(), whole, along(cast<OpTy>(op), operand), offsets, sizes);
      operands.push_back(tile);
      if (tile != whole)
        slices.push_back(tile);
    }
    SmallVector<Type> results;
    for (OpOperand &init : cast<DestinationStyleOpInterface>(op).getDpsInitsMutable())
      results.push_back(operands[init.getOperandNumber()].getType());
    Operation *tiled = clone(b, op, results, operands);
    SmallVector<Operation *> generated;
    for (Value value : slices)
      generated.push_back(value.getDefiningOp());
    return TilingResult{{tiled}, SmallVector<Value>(tiled->getResults()), generated};
  }

  LogicalResult getResultTilePosition(Operation *op, OpBuilder &b, unsigned number, ArrayRef<OpFoldResult> offsets,
                                      ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
                                      SmallVector<OpFoldResult> &resultSizes) const {
    Value init = cast<DestinationStyleOpInterface>(op).getDpsInits()[number];
    resultSizes = tensor::getMixedSizes(b, op->getLoc(), init);
    resultOffsets.assign(resultSizes.size(), b.getIndexAttr(0));
    for (int loop = 0; loop < Loops; ++loop) {
      resultOffsets[loop] = offsets[loop];
      resultSizes[loop] = sizes[loop];
    }
    return success();
  }

  /// The tile that yields a given part of a result: what producer fusion asks for. Whole rows only, of an op whose
  /// loops are its rows.
  FailureOr<TilingResult> generateResultTileValue(Operation *op, OpBuilder &b, unsigned number,
                                                  ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) const {
    auto type = cast<RankedTensorType>(op->getResult(number).getType());
    for (int64_t d = Loops; d < type.getRank(); ++d)
      if (!isConstantIntValue(offsets[d], 0) || getConstantIntValue(sizes[d]) != type.getDimSize(d))
        return failure();
    auto tiled = getTiledImplementation(op, b, offsets.take_front(Loops), sizes.take_front(Loops));
    if (failed(tiled))
      return failure();
    tiled->tiledValues = {tiled->tiledOps[0]->getResult(number)};
    return tiled;
  }
};
} // namespace

void mlir::fptq::registerTilingInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, FptqDialect *) {
    QuantizeActivationsOp::attachInterface<RowTiling<QuantizeActivationsOp, 1>>(*context);
    QuantizedMatmulOp::attachInterface<RowTiling<QuantizedMatmulOp, 2>>(*context);
    QuantizedLookupOp::attachInterface<RowTiling<QuantizedLookupOp, 1>>(*context);
    PackedMatmulOp::attachInterface<RowTiling<PackedMatmulOp, 1>>(*context);
    PackedLookupOp::attachInterface<RowTiling<PackedLookupOp, 1>>(*context);
  });
}
