//===- StableHLOScatter.cpp - dimensions of stablehlo.scatter -------------===//
#include "fptq/Raise/StableHLO.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace mlir::fptq::stablehlo;
using Dimensions = SmallVector<int64_t>;

/// `<key = [0, 1], ..., index_vector_dim = 1>`: lists that are empty, and a 0, are left out.
Attribute ScatterDimensionNumbersAttr::parse(AsmParser &parser, Type) {
  Dimensions window, inserted, inputBatch, indicesBatch, mapped;
  int64_t vector = 0;
  std::pair<StringRef, Dimensions *> lists[] = {{"update_window_dims", &window},
                                                {"inserted_window_dims", &inserted},
                                                {"input_batching_dims", &inputBatch},
                                                {"scatter_indices_batching_dims", &indicesBatch},
                                                {"scatter_dims_to_operand_dims", &mapped}};
  auto parseEntry = [&]() -> ParseResult {
    StringRef key;
    SMLoc at = parser.getCurrentLocation();
    if (parser.parseKeyword(&key) || parser.parseEqual())
      return failure();
    if (key == "index_vector_dim")
      return parser.parseInteger(vector);
    for (auto &entry : lists)
      if (key == entry.first)
        return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                              [&] { return parser.parseInteger(entry.second->emplace_back()); });
    return parser.emitError(at) << "unknown key '" << key << "'";
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater, parseEntry))
    return {};
  return get(parser.getContext(), window, inserted, inputBatch, indicesBatch, mapped, vector);
}

void ScatterDimensionNumbersAttr::print(AsmPrinter &printer) const {
  printer << '<';
  auto list = [&](StringRef key, ArrayRef<int64_t> dimensions) {
    if (dimensions.empty())
      return;
    printer << key << " = [";
    llvm::interleaveComma(dimensions, printer);
    printer << "], ";
  };
  list("update_window_dims", getUpdateWindowDims());
  list("inserted_window_dims", getInsertedWindowDims());
  list("input_batching_dims", getInputBatchingDims());
  list("scatter_indices_batching_dims", getScatterIndicesBatchingDims());
  list("scatter_dims_to_operand_dims", getScatterDimsToOperandDims());
  printer << "index_vector_dim = " << getIndexVectorDim() << '>';
}

/// Marks `dimensions`; false where one is out of range or marked already.
static bool mark(llvm::SmallBitVector &marked, ArrayRef<int64_t> dimensions) {
  for (int64_t d : dimensions) {
    if (d < 0 || d >= int64_t(marked.size()) || marked.test(d))
      return false;
    marked.set(d);
  }
  return true;
}

static bool differ(int64_t a, int64_t b) { return ShapedType::isStatic(a) && ShapedType::isStatic(b) && a != b; }

/// (SH6) An update for each index, and windows no larger than the input.
static bool sizesFit(ScatterDimensionNumbersAttr n, ArrayRef<int64_t> input, ArrayRef<int64_t> indices,
                     ArrayRef<int64_t> updates) {
  auto window = n.getUpdateWindowDims().begin();
  for (auto [d, size] : llvm::enumerate(input)) {
    if (llvm::is_contained(n.getInsertedWindowDims(), d) || llvm::is_contained(n.getInputBatchingDims(), d))
      continue;
    int64_t part = updates[*window++];
    if (ShapedType::isStatic(size) && ShapedType::isStatic(part) && part > size)
      return false;
  }
  Dimensions batch(indices);
  if (n.getIndexVectorDim() < int64_t(batch.size()))
    batch.erase(batch.begin() + n.getIndexVectorDim());
  auto expected = batch.begin();
  for (auto [d, size] : llvm::enumerate(updates))
    if (!llvm::is_contained(n.getUpdateWindowDims(), d) && differ(size, *expected++))
      return false;
  return true;
}

/// (SH6) the dimensions alone; null if they are in order, else what is wrong.
static const char *wrongDimensions(ScatterDimensionNumbersAttr n, int64_t inputRank, int64_t indicesRank,
                                   int64_t updatesRank) {
  llvm::SmallBitVector ofInput(inputRank), mapped(inputRank), ofUpdates(updatesRank), ofIndices(indicesRank);
  if (!mark(ofInput, n.getInsertedWindowDims()) || !mark(ofInput, n.getInputBatchingDims()))
    return "inserted_window_dims and input_batching_dims";
  if (!mark(mapped, n.getScatterDimsToOperandDims()) || !mark(mapped, n.getInputBatchingDims()))
    return "scatter_dims_to_operand_dims";
  if (!mark(ofUpdates, n.getUpdateWindowDims()) || !llvm::is_sorted(n.getUpdateWindowDims()) ||
      n.getUpdateWindowDims().size() != inputRank - ofInput.count())
    return "update_window_dims";
  int64_t vector = n.getIndexVectorDim();
  if (vector < 0 || vector > indicesRank || (vector < indicesRank && !mark(ofIndices, vector)) ||
      int64_t(updatesRank - ofUpdates.count()) != indicesRank - int64_t(ofIndices.count()))
    return "index_vector_dim";
  if (!mark(ofIndices, n.getScatterIndicesBatchingDims()) ||
      n.getScatterIndicesBatchingDims().size() != n.getInputBatchingDims().size())
    return "scatter_indices_batching_dims";
  return nullptr;
}

LogicalResult ScatterOp::verify() {
  auto of = [](Value v) { return dyn_cast<RankedTensorType>(v.getType()); };
  RankedTensorType input = of(getInput()), indices = of(getScatterIndices()), updates = of(getUpdates());
  if (!indices || getResult().getType() != input || updates.getElementType() != input.getElementType())
    return emitOpError() << "(SH6) has an input of type " << input << ", indices of type "
                         << getScatterIndices().getType() << ", updates of type " << updates << " and a result of type "
                         << getResult().getType();
  ScatterDimensionNumbersAttr n = getScatterDimensionNumbers();
  if (const char *wrong = wrongDimensions(n, input.getRank(), indices.getRank(), updates.getRank()))
    return emitOpError() << "(SH6) has " << wrong << " that fit no input of type " << input << ", indices of type "
                         << indices << " and updates of type " << updates << ": " << n;
  int64_t entries = n.getIndexVectorDim() == indices.getRank() ? 1 : indices.getDimSize(n.getIndexVectorDim());
  if (entries != int64_t(n.getScatterDimsToOperandDims().size()))
    return emitOpError() << "(SH6) has indices of " << entries << " entries for "
                         << n.getScatterDimsToOperandDims().size() << " scatter_dims_to_operand_dims";
  if (!sizesFit(n, input.getShape(), indices.getShape(), updates.getShape()))
    return emitOpError() << "(SH6) has updates of type " << updates << " for an input of type " << input
                         << " and indices of type " << indices << ": " << n;
  Type element = RankedTensorType::get({}, input.getElementType());
  Block &block = getUpdateComputation().front();
  auto end = block.empty() ? ReturnOp() : dyn_cast<ReturnOp>(block.back());
  if (block.getArgumentTypes() != TypeRange({element, element}) || !end || end.getOperandTypes() != TypeRange(element))
    return emitOpError() << "(SH7) has a region that is no function of two " << element << " to one";
  return success();
}
