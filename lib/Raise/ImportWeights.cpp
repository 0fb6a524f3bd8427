//===- ImportWeights.cpp - dequantized constants as fptq.dequantize -------===//
#include "ImportWeights.h"
#include "IntegerConstants.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <numeric>

using namespace mlir;
using namespace mlir::fptq;

//===----------------------------------------------------------------------===//
// Where an operand lies along rows (N) and columns (K)
//===----------------------------------------------------------------------===//

std::optional<MatrixView> MatrixView::of(ArrayRef<int64_t> shape, const llvm::SmallBitVector &reduced) {
  int64_t rank = shape.size(), first = 0;
  if (reduced.none() || reduced.all())
    return std::nullopt;
  while (reduced[first] == reduced[0])
    ++first;
  MatrixView view{{1, 1}, reduced[0] ? 0 : 1, {{}, {}}};
  for (int64_t d = 0; d < rank; ++d) {
    bool second = d >= first;
    if (second != (reduced[d] != reduced[0]))
      return std::nullopt;
    view.shape[second] *= shape[d];
    view.groups[second].push_back(d);
  }
  return view;
}

/// The weight's dimensions as expressions of the matrix's two.
static AffineMap dimensionsOf(const MatrixView &view, ArrayRef<int64_t> shape, MLIRContext *context) {
  SmallVector<AffineExpr> exprs(shape.size());
  for (auto [i, group] : llvm::enumerate(view.groups)) {
    AffineExpr rest = getAffineDimExpr(i, context);
    for (int64_t d : llvm::reverse(group)) {
      exprs[d] = d == group.front() ? rest : rest % shape[d];
      rest = rest.floorDiv(shape[d]);
    }
  }
  return AffineMap::get(2, 0, exprs, context);
}

namespace {
/// The element of an operand at (n, k) is `numbers[row[n] + column[k]]`.
struct Table {
  std::vector<double> numbers;
  std::vector<int64_t> row, column;

  double at(int64_t n, int64_t k) const { return numbers[row[n] + column[k]]; }
};
} // namespace

/// True if `expr` is a sum of terms each of which depends on one dimension.
static bool isSeparable(AffineExpr expr) {
  if (expr.isFunctionOfDim(0) + expr.isFunctionOfDim(1) <= 1)
    return true;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (expr.getKind() == AffineExprKind::Add)
    return isSeparable(binary.getLHS()) && isSeparable(binary.getRHS());
  return expr.getKind() == AffineExprKind::Mul && isSeparable(binary.getLHS()) &&
         isa<AffineConstantExpr>(binary.getRHS());
}

/// Row-major position in the operand as one expression of the value's indices.
static AffineExpr position(const IndexedConstant &operand) {
  AffineExpr index = getAffineConstantExpr(0, operand.map.getContext());
  for (auto [result, size] : llvm::zip(operand.map.getResults(), operand.shape))
    index = index * size + result;
  return index;
}

/// Fills `table.row` and `table.column`; false where the operand does not lie along rows and columns.
static bool layOut(const IndexedConstant &operand, ArrayRef<int64_t> shape, int64_t kDim, Table &table) {
  AffineExpr index = position(operand);
  if (!isSeparable(index))
    return false;
  AffineMap map = AffineMap::get(2, 0, index);
  int64_t origin = map.compose({0, 0}).front();
  auto along = [&](int64_t dim, std::vector<int64_t> &out) {
    for (int64_t i = 0; i < shape[dim]; ++i) {
      int64_t point[] = {0, 0};
      point[dim] = i;
      out.push_back(map.compose(point).front() - origin);
    }
  };
  along(1 - kDim, table.row);
  along(kDim, table.column);
  for (int64_t &row : table.row)
    row += origin;
  return true;
}

/// The length of runs along K in which none of `tables` moves on.
static int64_t groupSizeOf(ArrayRef<const Table *> tables, int64_t k) {
  int64_t size = k;
  for (const Table *table : tables)
    for (int64_t i = 1; i < k; ++i)
      if (table->column[i] != table->column[i - 1])
        size = std::gcd(size, i);
  return size;
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

namespace {
/// Codes with their zero points, N x K.
struct Codes {
  int64_t n, k;
  Table codes, zero;

  int64_t code(int64_t row, int64_t i) const { return codes.at(row, i); }
  int64_t zeroPoint(int64_t row, int64_t i) const { return zero.numbers.empty() ? 0 : zero.at(row, i); }
};

/// In which of the forms of `fptq.dequantize` they fit.
struct Form {
  int64_t bits;
  bool symmetric;
  int64_t shift; ///< of codes and zero points, for 4 bits
};
} // namespace

static std::optional<Form> chooseForm(const Codes &codes, unsigned differenceBits) {
  int64_t least = 0, most = 0, lowest = std::numeric_limits<int64_t>::max(),
          highest = std::numeric_limits<int64_t>::min();
  for (int64_t row = 0; row < codes.n; ++row)
    for (int64_t i = 0; i < codes.k; ++i) {
      int64_t code = codes.code(row, i), zero = codes.zeroPoint(row, i);
      least = std::min(least, code - zero), most = std::max(most, code - zero);
      lowest = std::min({lowest, code, zero}), highest = std::max({highest, code, zero});
    }
  if (!llvm::isIntN(differenceBits, least) || !llvm::isIntN(differenceBits, most))
    return std::nullopt; // the model's own subtraction wraps
  if (least >= -8 && most <= 7)
    return Form{4, true, 0};
  if (highest - lowest <= 15)
    return Form{4, false, lowest >= 0 && highest <= 15 ? 0 : -lowest};
  if (least >= -128 && most <= 127)
    return Form{8, true, 0};
  return std::nullopt;
}

static std::vector<char> encode(const Codes &codes, const Form &form) {
  int64_t rowBytes = form.bits == 4 ? (codes.k + 1) / 2 : codes.k;
  std::vector<char> bytes(codes.n * rowBytes, 0);
  for (int64_t row = 0; row < codes.n; ++row)
    for (int64_t i = 0; i < codes.k; ++i) {
      int64_t code = codes.code(row, i);
      if (form.symmetric)
        code += (form.bits == 4 ? 8 : 0) - codes.zeroPoint(row, i);
      else
        code += form.shift;
      if (form.bits == 4)
        bytes[row * rowBytes + i / 2] |= static_cast<char>(code << (i % 2 * 4));
      else
        bytes[row * rowBytes + i] = static_cast<char>(code);
    }
  return bytes;
}

namespace {
/// What codes have in common with those beside them, row by row.
struct Groups {
  int64_t size; ///< input channels
  std::vector<float> scales;
  std::vector<char> zeros; ///< shifted as the codes are
};
} // namespace

static Groups groupsOf(const Codes &codes, const Table &scale, const Form &form) {
  SmallVector<const Table *> tables{&scale};
  if (!form.symmetric && !codes.zero.column.empty())
    tables.push_back(&codes.zero);
  Groups groups{groupSizeOf(tables, codes.k), {}, {}};
  for (int64_t row = 0; row < codes.n; ++row)
    for (int64_t i = 0; i < codes.k; i += groups.size) {
      groups.scales.push_back(static_cast<float>(scale.at(row, i)));
      groups.zeros.push_back(static_cast<char>(codes.zeroPoint(row, i) + form.shift));
    }
  return groups;
}

static Attribute resource(StringRef name, RankedTensorType type, ArrayRef<char> bytes) {
  if (bytes.size() <= 64)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  return DenseResourceElementsAttr::get(type, name,
                                        HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, alignof(float), false));
}

FailureOr<WeightImporter::Constants> WeightImporter::convert(const Dequantization &match, ArrayRef<int64_t> shape,
                                                             int64_t kDim, StringRef name, std::string &reason) {
  Codes codes{shape[1 - kDim], shape[kDim], {}, {}};
  if (codes.n == 0 || codes.k == 0)
    return reason = "it has no elements", failure();
  Table scale;
  auto read = [&](const IndexedConstant &operand, Table &table) {
    FailureOr<std::vector<double>> numbers = constantNumbers(operand, files, name);
    if (succeeded(numbers))
      table.numbers = std::move(*numbers);
    return succeeded(numbers);
  };
  if (!read(match.codes, codes.codes) || !read(match.scale, scale) || (match.zero && !read(*match.zero, codes.zero)))
    return failure();
  if (!layOut(match.codes, shape, kDim, codes.codes) || !layOut(match.scale, shape, kDim, scale) ||
      (match.zero && !layOut(*match.zero, shape, kDim, codes.zero)))
    return reason = "its codes or scales do not lie along rows and columns", failure();
  std::optional<Form> form = chooseForm(codes, match.differenceBits);
  if (!form)
    return reason = "its codes less their zero points need more than 8 bits, or more than they are subtracted in",
           failure();

  Groups groups = groupsOf(codes, scale, *form);
  Constants result;
  result.bits = form->bits;
  result.groupSize = groups.size;
  MLIRContext *context = match.codes.map.getContext();
  Type i8 = IntegerType::get(context, 8);
  auto perGroup = [&](Type element) { return RankedTensorType::get({codes.n, codes.k / groups.size}, element); };
  std::vector<char> bytes = encode(codes, *form);
  result.codes = resource(name, RankedTensorType::get({codes.n, (int64_t)bytes.size() / codes.n}, i8), bytes);
  result.scales =
      resource((name + ".scales").str(), perGroup(Float32Type::get(context)),
               {reinterpret_cast<const char *>(groups.scales.data()), groups.scales.size() * sizeof(float)});
  if (!form->symmetric)
    result.zeros = resource((name + ".zeros").str(), perGroup(i8), groups.zeros);
  return result;
}

//===----------------------------------------------------------------------===//
// IR
//===----------------------------------------------------------------------===//

/// What a weight is made of, as text: equal for the copies of one weight in several functions.
static std::string identityOf(const Dequantization &match, ArrayRef<int64_t> shape, int64_t kDim) {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto add = [&](const IndexedConstant &operand) {
    Attribute constant;
    if (Value root = operand.constant ? operand.constant : operand.quantized) {
      if (auto load = root.getDefiningOp<ml_program::GlobalLoadConstOp>())
        os << load.getGlobal();
      else if (matchPattern(root, m_Constant(&constant)))
        os << constant.getAsOpaquePointer();
      else
        os << root.getAsOpaquePointer();
    }
    for (double v : operand.given)
      os << v << ",";
    os << operand.quantizedType << operand.map << operand.isUnsigned << ";";
  };
  add(match.codes);
  add(match.scale);
  if (match.zero)
    add(*match.zero);
  os << kDim;
  for (int64_t size : shape)
    os << "x" << size;
  return text;
}

/// The name of a weight of so many elements; one of a stack has its place there behind it.
static std::string nameOf(const IndexedConstant &codes, int64_t elements) {
  std::string name = constantName(codes.constant ? codes.constant : codes.quantized).str();
  ArrayRef<int64_t> shape = codes.shape;
  size_t leading = shape.size();
  for (int64_t size = 1; size < elements && leading;)
    size *= shape[--leading];
  if (name.empty() || llvm::product_of(shape.drop_front(leading)) != elements)
    return name;
  int64_t place = AffineMap::get(2, 0, position(codes)).compose({0, 0}).front() / elements;
  std::string places;
  for (int64_t size : llvm::reverse(shape.take_front(leading))) {
    places = "." + std::to_string(place % size) + places;
    place /= size;
  }
  return name + places;
}

FailureOr<Value> WeightImporter::import(RewriterBase &rewriter, Value value, Dequantization match,
                                        const MatrixView &view, std::string &reason) {
  auto type = cast<RankedTensorType>(value.getType());
  AffineMap dimensions = dimensionsOf(view, type.getShape(), type.getContext());
  for (IndexedConstant *operand : {&match.codes, &match.scale, match.zero ? &*match.zero : nullptr})
    if (operand)
      operand->map = operand->map.compose(dimensions);
  Value root = match.codes.constant ? match.codes.constant : match.codes.quantized;
  std::string name = nameOf(match.codes, llvm::product_of(view.shape));
  std::string identity = identityOf(match, view.shape, view.kDim);
  auto known = made.find(identity);
  if (known == made.end()) {
    auto constants = convert(match, view.shape, view.kDim, name.empty() ? "weight" : name, reason);
    if (failed(constants))
      return failure();
    known = made.try_emplace(identity, *constants).first;
  }
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointAfterValue(value);
  Value weight = emit(rewriter, root.getLoc(), known->second, name, type.getElementType(), view);
  if (type.getRank() == 2)
    return weight;
  return tensor::ExpandShapeOp::create(rewriter, root.getLoc(), type, weight, view.groups).getResult();
}

Value WeightImporter::emit(RewriterBase &rewriter, Location loc, const Constants &constants, StringRef name,
                           Type element, const MatrixView &view) {
  auto constant = [&](Attribute attr) -> Value {
    return attr ? arith::ConstantOp::create(rewriter, loc, cast<TypedAttr>(attr)).getResult() : Value();
  };
  Value codes = constant(constants.codes);
  // Also where there is none: the blob manager numbers keys, from one model of a context to the next.
  codes.getDefiningOp()->setAttr(FptqDialect::kNameAttr, rewriter.getStringAttr(name));
  int64_t n = view.shape[1 - view.kDim], k = view.shape[view.kDim];
  Value weight = DequantizeOp::create(rewriter, loc, RankedTensorType::get({n, k}, rewriter.getF32Type()), codes,
                                      constant(constants.scales), constant(constants.zeros), /*offsets=*/Value(),
                                      constants.bits, constants.groupSize);
  if (!element.isF32())
    weight = arith::TruncFOp::create(rewriter, loc, RankedTensorType::get({n, k}, element), weight);
  if (view.kDim == 1)
    return weight;
  Value init = tensor::EmptyOp::create(rewriter, loc, view.shape, element);
  return linalg::TransposeOp::create(rewriter, loc, weight, init, ArrayRef<int64_t>{1, 0})->getResult(0);
}
