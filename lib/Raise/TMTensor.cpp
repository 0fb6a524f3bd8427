//===- TMTensor.cpp - torch-mlir's tm_tensor, to be read ------------------===//
#include "fptq/Raise/TMTensor.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace mlir::fptq::tm_tensor;

#include "fptq/Raise/TMTensorDialect.cpp.inc"

#define GET_OP_CLASSES
#include "fptq/Raise/TMTensorOps.cpp.inc"

void TMTensorDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "fptq/Raise/TMTensorOps.cpp.inc"
      >();
}

/// What the dialect has but no export was seen to use: `tm_tensor.attention`.
std::optional<Dialect::ParseOpHook> TMTensorDialect::getParseOperationHook(StringRef name) const {
  if (auto known = Dialect::getParseOperationHook(name))
    return known;
  return [](OpAsmParser &parser, OperationState &) -> ParseResult {
    return parser.emitError(parser.getNameLoc()) << "is not supported: of tm_tensor, scan, sort, topk and scatter are";
  };
}

static RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// (TM2)
static LogicalResult verifyResults(Operation *op, ValueRange outputs) {
  if (op->getResultTypes() != TypeRange(outputs))
    return op->emitOpError() << "(TM2) has results of types " << op->getResultTypes() << " for outputs of types "
                             << outputs.getTypes();
  return success();
}

/// (TM1) and (TM2)
static LogicalResult verifyOutputs(Operation *op, ValueRange outputs, int64_t dimension) {
  if (outputs.empty())
    return op->emitOpError() << "(TM2) has no output";
  int64_t rank = tensorOf(outputs.front()).getRank();
  if (dimension < 0 || dimension >= rank)
    return op->emitOpError() << "(TM1) dimension " << dimension << " is outside rank " << rank;
  return verifyResults(op, outputs);
}

/// (`label`) the region takes `arguments` and yields `yielded`.
static LogicalResult verifyRegion(Operation *op, StringRef label, TypeRange arguments, Type yielded) {
  Block &block = op->getRegion(0).front();
  if (block.getArgumentTypes() != arguments)
    return op->emitOpError() << "(" << label << ") has a region of arguments of types " << block.getArgumentTypes()
                             << ", expected " << arguments;
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield || yield.getOperandTypes() != TypeRange(yielded))
    return op->emitOpError() << "(" << label << ") has a region that does not yield " << yielded;
  return success();
}

static SmallVector<int64_t> without(ArrayRef<int64_t> shape, int64_t dimension) {
  SmallVector<int64_t> rest(shape);
  rest.erase(rest.begin() + dimension);
  return rest;
}

LogicalResult ScanOp::verify() {
  if (failed(verifyOutputs(*this, getOutputs(), getDimension())))
    return failure();
  if (getInputs().size() != 1 || getOutputs().size() != 2)
    return emitOpError() << "(TM3) has " << getInputs().size() << " inputs and " << getOutputs().size()
                         << " outputs, expected 1 and 2";
  RankedTensorType in = tensorOf(getInputs()[0]), out = tensorOf(getOutputs()[0]), last = tensorOf(getOutputs()[1]);
  Type element = in.getElementType();
  if (element != out.getElementType() || failed(verifyCompatibleShape(in, out)))
    return emitOpError() << "(TM3) has an input of type " << in << " and an output of type " << out;
  if (element != last.getElementType() ||
      failed(verifyCompatibleShape(without(in.getShape(), getDimension()), last.getShape())))
    return emitOpError() << "(TM3) has an accumulator of type " << last << " for an input of type " << in
                         << " and dimension " << getDimension();
  return verifyRegion(*this, "TM4", {element, element}, element);
}

LogicalResult SortOp::verify() {
  if (failed(verifyOutputs(*this, getOutputs(), getDimension())))
    return failure();
  if (!getInputs().empty())
    return emitOpError() << "(TM5) has " << getInputs().size() << " inputs, expected none";
  SmallVector<Type> arguments;
  for (Value output : getOutputs()) {
    arguments.append(2, tensorOf(output).getElementType());
    if (failed(verifyCompatibleShape(tensorOf(output), tensorOf(getOutputs()[0]))))
      return emitOpError() << "(TM5) has outputs of types " << getOutputs().getTypes();
  }
  return verifyRegion(*this, "TM6", arguments, IntegerType::get(getContext(), 1));
}

LogicalResult TopkOp::verify() {
  if (failed(verifyOutputs(*this, getOutputs(), getDimension())))
    return failure();
  if (getInputs().empty() || getInputs().size() > 2 || getOutputs().size() != 2)
    return emitOpError() << "(TM7) has " << getInputs().size() << " inputs and " << getOutputs().size()
                         << " outputs, expected 1 or 2, and 2";
  RankedTensorType values = tensorOf(getInputs()[0]), best = tensorOf(getOutputs()[0]);
  RankedTensorType where = tensorOf(getOutputs()[1]);
  bool fits = values.getElementType() == best.getElementType() && values.getRank() == best.getRank() &&
              succeeded(verifyCompatibleShape(without(values.getShape(), getDimension()),
                                              without(best.getShape(), getDimension()))) &&
              succeeded(verifyCompatibleShape(best, where)) && where.getElementType().isSignlessInteger();
  if (getInputs().size() == 2)
    fits = fits && tensorOf(getInputs()[1]).getElementType() == where.getElementType() &&
           succeeded(verifyCompatibleShape(tensorOf(getInputs()[1]), values));
  if (!fits)
    return emitOpError() << "(TM7) has inputs of types " << getInputs().getTypes() << " and outputs of types "
                         << getOutputs().getTypes();
  Type element = values.getElementType();
  return verifyRegion(*this, "TM4", {element, element}, IntegerType::get(getContext(), 1));
}

/// (TM9)
static LogicalResult verifyDimensionMap(ScatterOp op, int64_t columns, int64_t window, int64_t rank) {
  llvm::SmallBitVector covered(rank);
  covered.set(std::max<int64_t>(rank - window, 0), rank);
  llvm::SmallBitVector indexed(rank);
  for (int64_t dimension : op.getDimensionMap()) {
    if (dimension < 0 || dimension >= rank || indexed.test(dimension))
      return op.emitOpError() << "(TM9) dimension_map has " << dimension << ", outside rank " << rank << " or twice";
    indexed.set(dimension);
  }
  covered |= indexed;
  if (columns != int64_t(op.getDimensionMap().size()) || window > rank || !covered.all())
    return op.emitOpError() << "(TM9) has indices of " << columns << " columns, a dimension_map of "
                            << op.getDimensionMap().size() << " and a window of rank " << window
                            << " for an output of rank " << rank;
  return success();
}

LogicalResult ScatterOp::verify() {
  if (getInputs().size() != 2 || getOutputs().size() != 1)
    return emitOpError() << "(TM8) has " << getInputs().size() << " inputs and " << getOutputs().size()
                         << " outputs, expected 2 and 1";
  if (failed(verifyResults(*this, getOutputs())))
    return failure();
  RankedTensorType updates = tensorOf(getInputs()[0]), indices = tensorOf(getInputs()[1]);
  RankedTensorType out = tensorOf(getOutputs()[0]);
  if (indices.getRank() != 2 || !isa<IntegerType>(indices.getElementType()) || updates.getRank() < 1 ||
      failed(verifyCompatibleShape(updates.getShape().take_front(), indices.getShape().take_front())))
    return emitOpError() << "(TM8) has updates of type " << updates << " and indices of type " << indices;
  if (failed(verifyDimensionMap(*this, indices.getDimSize(1), updates.getRank() - 1, out.getRank())))
    return failure();
  return verifyRegion(*this, "TM4", {updates.getElementType(), out.getElementType()}, out.getElementType());
}
