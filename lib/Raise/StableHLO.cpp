//===- StableHLO.cpp - stablehlo and chlo, what is read of them -----------===//
#include "fptq/Raise/StableHLO.h"
#include "fptq/Raise/FrontendDialects.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fptq::stablehlo;

#include "fptq/Raise/CHLODialect.cpp.inc"
#include "fptq/Raise/StableHLODialect.cpp.inc"

/// The types of `optimization_barrier`, which are written once.
static ParseResult parseSameTypes(OpAsmParser &parser, SmallVectorImpl<Type> &operands,
                                  SmallVectorImpl<Type> &results) {
  if (parser.parseTypeList(operands))
    return failure();
  results = operands;
  return success();
}

static void printSameTypes(OpAsmPrinter &printer, Operation *, TypeRange operands, TypeRange) { printer << operands; }

#define GET_ATTRDEF_CLASSES
#include "fptq/Raise/StableHLOAttributes.cpp.inc"

#define GET_OP_CLASSES
#include "fptq/Raise/CHLOOps.cpp.inc"
#define GET_OP_CLASSES
#include "fptq/Raise/StableHLOOps.cpp.inc"

void StableHLODialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "fptq/Raise/StableHLOAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "fptq/Raise/StableHLOOps.cpp.inc"
      >();
  allowUnknownOperations(); // in the generic syntax: fptq-import-frontend says what to do
}

void mlir::fptq::chlo::CHLODialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "fptq/Raise/CHLOOps.cpp.inc"
      >();
  allowUnknownOperations();
}

std::optional<Dialect::ParseOpHook> StableHLODialect::getParseOperationHook(StringRef) const {
  return fptq::refuseOperation;
}

std::optional<Dialect::ParseOpHook> mlir::fptq::chlo::CHLODialect::getParseOperationHook(StringRef) const {
  return fptq::refuseOperation;
}

Type StableHLODialect::parseType(DialectAsmParser &parser) const {
  parser.emitError(parser.getNameLoc()) << "dialect 'stablehlo' is not linalg on tensors: "
                                        << fptq::adviceForOperation("stablehlo.type");
  return {};
}

//===----------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------===//

static Type scalarTensor(Type element) { return RankedTensorType::get({}, element); }

/// (`label`) the region takes `arguments` and returns `returned`.
static LogicalResult verifyRegion(Operation *op, StringRef label, Region &region, TypeRange arguments,
                                  TypeRange returned) {
  Block &block = region.front();
  if (block.getArgumentTypes() != arguments)
    return op->emitOpError() << "(" << label << ") has a region of arguments of types " << block.getArgumentTypes()
                             << ", expected " << arguments;
  auto end = block.empty() ? ReturnOp() : dyn_cast<ReturnOp>(block.back());
  if (!end)
    return op->emitOpError() << "(" << label << ") has a region that does not return";
  if (end.getOperandTypes() != returned)
    return op->emitOpError() << "(" << label << ") has a region that returns " << end.getOperandTypes() << ", expected "
                             << returned;
  return success();
}

ParseResult WhileOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> inits;
  SMLoc at = parser.getCurrentLocation();
  if (parser.parseAssignmentList(arguments, inits))
    return failure();
  if (!inits.empty() && (parser.parseColon() || parser.parseTypeList(result.types)))
    return failure();
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.resolveOperands(inits, result.types, at, result.operands))
    return failure();
  for (auto [argument, type] : llvm::zip_equal(arguments, result.types))
    argument.type = type;
  return failure(parser.parseKeyword("cond") || parser.parseRegion(*result.addRegion(), arguments) ||
                 parser.parseKeyword("do") || parser.parseRegion(*result.addRegion(), arguments));
}

void WhileOp::print(OpAsmPrinter &printer) {
  printer << '(';
  llvm::interleaveComma(llvm::zip_equal(getCond().getArguments(), getInits()), printer,
                        [&](auto pair) { printer << std::get<0>(pair) << " = " << std::get<1>(pair); });
  printer << ')';
  if (!getInits().empty())
    printer << " : " << getInits().getTypes();
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs());
  // One set of names in the header serves both regions.
  printer.shadowRegionArgs(getBody(), getCond().getArguments());
  printer << " cond ";
  printer.printRegion(getCond(), /*printEntryBlockArgs=*/false);
  printer << " do ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult WhileOp::verify() {
  TypeRange carried = getInits().getTypes();
  if (getResultTypes() != carried)
    return emitOpError() << "(SH1) has results of types " << getResultTypes() << " and carries " << carried;
  Type condition = scalarTensor(IntegerType::get(getContext(), 1));
  if (failed(verifyRegion(*this, "SH1", getCond(), carried, condition)))
    return failure();
  return verifyRegion(*this, "SH1", getBody(), carried, carried);
}

LogicalResult IfOp::verify() {
  for (Region *branch : {&getTrueBranch(), &getFalseBranch()})
    if (failed(verifyRegion(*this, "SH2", *branch, {}, getResultTypes())))
      return failure();
  return success();
}

LogicalResult CaseOp::verify() {
  if (getBranches().empty())
    return emitOpError() << "(SH3) has no branch";
  for (Region &branch : getBranches())
    if (failed(verifyRegion(*this, "SH2", branch, {}, getResultTypes())))
      return failure();
  return success();
}

LogicalResult SortOp::verify() {
  if (getInputs().empty() || getResultTypes() != getInputs().getTypes())
    return emitOpError() << "(SH4) has inputs of types " << getInputs().getTypes() << " and results of types "
                         << getResultTypes();
  auto shape = cast<RankedTensorType>(getInputs()[0].getType()).getShape();
  int64_t rank = shape.size(), dimension = getDimension();
  if (dimension < -rank || dimension >= rank)
    return emitOpError() << "(SH4) dimension " << dimension << " is outside rank " << rank;
  SmallVector<Type> elements;
  for (Value input : getInputs()) {
    auto type = cast<RankedTensorType>(input.getType());
    if (failed(verifyCompatibleShape(type.getShape(), shape)))
      return emitOpError() << "(SH4) has inputs of types " << getInputs().getTypes();
    elements.append(2, scalarTensor(type.getElementType()));
  }
  return verifyRegion(*this, "SH5", getComparator(), elements, scalarTensor(IntegerType::get(getContext(), 1)));
}

LogicalResult mlir::fptq::chlo::TopKOp::verify() {
  auto of = [](Value v) { return cast<RankedTensorType>(v.getType()); };
  RankedTensorType in = of(getOperand()), values = of(getValues()), indices = of(getIndices());
  int64_t last = in.getRank() - 1, k = getK();
  bool fits = last >= 0 && k >= 0 && (in.isDynamicDim(last) || in.getDimSize(last) >= k);
  if (fits) {
    SmallVector<int64_t> shape(in.getShape());
    shape[last] = k;
    fits = values.getElementType() == in.getElementType() && shape == values.getShape() && shape == indices.getShape();
  }
  if (!fits)
    return emitOpError() << "(CH1) has an operand of type " << in << ", k = " << k << " and results of types " << values
                         << " and " << indices;
  return success();
}
