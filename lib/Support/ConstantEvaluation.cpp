//===- ConstantEvaluation.cpp - a constant chain as numbers ---------------===//
#include "ConstantChain.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/Parameters.h"
#include "fptq/Support/TensorBytes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::fptq;

namespace {
struct Evaluated {
  SmallVector<int64_t> shape;
  std::vector<float> data;
};

/// Neighbouring elements of a row-major tensor.
struct Run {
  int64_t first, count;
};
} // namespace

static float halfToFloat(uint16_t bits) {
  // IEEE binary16 through _Float16: exact, and vectorized where the host has F16C.
  _Float16 half;
  std::memcpy(&half, &bits, 2);
  return half;
}

static float bfloatToFloat(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, 4);
  return value;
}

/// Reads `n` elements of `bytes`, which may be unaligned (torch-mlir aligns blobs to 4).
template <typename T, typename Convert>
static void readAs(ArrayRef<char> bytes, std::vector<float> &out, Convert convert) {
  for (size_t i = 0; i < out.size(); ++i) {
    T raw;
    std::memcpy(&raw, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = convert(raw);
  }
}

/// Raw little-endian floats of `type`; false for an element type that is no float we know.
static bool readBytes(Type type, ArrayRef<char> bytes, std::vector<float> &out) {
  auto same = [](float v) { return v; };
  if (type.isF32())
    readAs<float>(bytes, out, same);
  else if (type.isF64())
    readAs<double>(bytes, out, [](double v) { return (float)v; });
  else if (type.isF16())
    readAs<uint16_t>(bytes, out, halfToFloat);
  else if (type.isBF16())
    readAs<uint16_t>(bytes, out, bfloatToFloat);
  else
    return false;
  return true;
}

/// Whether `value` has a size, and memory could hold it, as it is and as f32.
static LogicalResult checkSize(Value value, StringRef layer) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.hasStaticShape())
    return emitError(value.getLoc()) << "constant of type " << type << " has an open size (layer '" << layer << "')";
  int64_t elementBytes = std::max<int64_t>(4, llvm::divideCeil(type.getElementTypeBitWidth(), 8));
  if (!addressableBytes(type.getShape(), elementBytes))
    return emitError(value.getLoc()) << "constant of type " << type << " is larger than any memory (layer '" << layer
                                     << "')";
  return success();
}

/// The attribute that a root stands for, its own or its global's; null for an external global.
static ElementsAttr attributeOf(Operation *root) {
  Attribute constant;
  if (auto load = dyn_cast<ml_program::GlobalLoadConstOp>(root)) {
    auto global = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(root, load.getGlobalAttr());
    constant = global ? global.getValueAttr() : Attribute();
  } else {
    matchPattern(root, m_Constant(&constant));
  }
  return dyn_cast_if_present<ElementsAttr>(constant);
}

/// The tensor of an external global; an error where no file has it.
static FailureOr<const SafetensorsEntry *> tensorOf(ml_program::GlobalLoadConstOp load, const ParameterFiles &files,
                                                    StringRef layer) {
  StringRef name = load.getGlobal().getLeafReference();
  if (const SafetensorsEntry *entry = files.find(name))
    return entry;
  return load.emitError() << "no file of '" << FptqDialect::kParametersAttr << "' has the tensor '" << name
                          << "' (layer '" << layer << "')";
}

/// An external global's file must agree with its type: of the numbers, not only of how many bytes they take.
static LogicalResult checkEntry(Operation *root, RankedTensorType type, const ParameterFiles &files, StringRef layer) {
  auto load = dyn_cast<ml_program::GlobalLoadConstOp>(root);
  if (!load || attributeOf(root))
    return success();
  FailureOr<const SafetensorsEntry *> entry = tensorOf(load, files, layer);
  if (failed(entry))
    return failure();
  if ((*entry)->dtype == safetensorsDtype(type.getElementType()) && llvm::equal((*entry)->shape, type.getShape()))
    return success();
  return root->emitError() << "tensor '" << load.getGlobal().getLeafReference() << "' is " << (*entry)->dtype << " of "
                           << (*entry)->numElements() << " elements in its file, expected " << type << " (layer '"
                           << layer << "')";
}

/// The numbers of a chain's root, wherever they are: all of them, or those of `run` alone.
static FailureOr<Evaluated> evaluateRoot(Operation *root, const ParameterFiles &files, StringRef layer,
                                         std::optional<Run> run = std::nullopt) {
  auto type = cast<RankedTensorType>(root->getResult(0).getType());
  Type element = type.getElementType();
  if (!isa<FloatType>(element) || safetensorsDtype(element).empty())
    return root->emitError() << "unsupported element type " << element << " of a weight (layer '" << layer << "')";
  if (failed(checkEntry(root, type, files, layer)))
    return failure();
  FailureOr<ConstantBytes> bytes = constantBytes(root->getResult(0), files, layer);
  if (failed(bytes))
    return failure();
  Run read = run.value_or(Run{0, type.getNumElements()});
  Evaluated result{SmallVector<int64_t>(type.getShape()), std::vector<float>(read.count)};
  readBytes(element, ArrayRef<char>(*bytes).drop_front(read.first * element.getIntOrFloatBitWidth() / 8), result.data);
  return result;
}

/// Scales and offsets: a float root, or nothing.
static FailureOr<std::vector<float>> evaluateOptional(Value value, const ParameterFiles &files, StringRef layer) {
  if (!value)
    return std::vector<float>();
  FailureOr<Evaluated> root = evaluateRoot(value.getDefiningOp(), files, layer);
  if (failed(root))
    return failure();
  return std::move(root->data);
}

/// The definition of fptq.dequantize, spelled plainly.
static FailureOr<Evaluated> evaluateStored(DequantizeOp op, const ParameterFiles &files, StringRef layer) {
  auto scales = evaluateOptional(op.getScales(), files, layer),
       offsets = evaluateOptional(op.getOffsets(), files, layer);
  FailureOr<ConstantBytes> codeBytes = constantBytes(op.getCodes(), files, layer), zeroBytes = ConstantBytes();
  if (op.getZeros())
    zeroBytes = constantBytes(op.getZeros(), files, layer);
  if (failed(scales) || failed(offsets) || failed(codeBytes) || failed(zeroBytes))
    return failure();
  ArrayRef<char> codes = *codeBytes, zeros = *zeroBytes;
  Evaluated result{SmallVector<int64_t>(op.getType().getShape()), {}};
  int64_t n = result.shape[0], k = result.shape[1], group = op.getGroupSize(), groups = k / group;
  bool nibbles = op.getBits() == 4;
  int64_t rowBytes = nibbles ? (k + 1) / 2 : k;
  int middle = nibbles && offsets->empty() ? 8 : 0;
  result.data.resize(n * k);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t i = 0; i < k; ++i) {
      int64_t g = row * groups + i / group;
      int8_t byte = codes[row * rowBytes + (nibbles ? i / 2 : i)];
      int code = !nibbles ? byte : i % 2 ? uint8_t(byte) >> 4 : byte & 15;
      int zero = zeros.empty() ? middle : uint8_t(zeros[g]);
      result.data[row * k + i] = (*scales)[g] * float(code - zero);
    }
  // A pass of its own, so that no compiler contracts product and sum: writers round both.
  if (!offsets->empty())
    for (int64_t row = 0; row < n; ++row)
      for (int64_t i = 0; i < k; ++i)
        result.data[row * k + i] += (*offsets)[row * groups + i / group];
  return result;
}

/// result[i] = source[base + sum i_d * strides_d]: slices, transpositions and broadcasts alike.
static Evaluated gather(const Evaluated &source, ArrayRef<int64_t> shape, ArrayRef<int64_t> strides, int64_t base) {
  Evaluated result{SmallVector<int64_t>(shape), {}};
  int64_t total = 1, rank = shape.size();
  for (int64_t d : shape)
    total *= d;
  result.data.resize(total);
  SmallVector<int64_t> index(rank, 0);
  int64_t inner = rank ? shape.back() : 1, step = rank ? strides.back() : 0;
  for (int64_t out = 0, at = base; out < total; out += inner) {
    for (int64_t i = 0; i < inner; ++i)
      result.data[out + i] = source.data[at + i * step];
    for (int64_t d = rank - 2; d >= 0; --d) { // carry
      at += strides[d];
      if (++index[d] < shape[d])
        break;
      at -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return result;
}

static Evaluated permute(const Evaluated &source, Operation *op, ArrayRef<int64_t> shape) {
  AffineMap map = chainPermutation(op);
  SmallVector<int64_t> from = computeSuffixProduct(source.shape), strides(shape.size(), 0);
  for (auto [d, expr] : llvm::enumerate(map.getResults()))
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      strides[dim.getPosition()] = from[d];
  return gather(source, shape, strides, 0);
}

/// The run of its source that a slice is: one weight of a stack of them, of which the others need not be read.
static std::optional<Run> runOf(tensor::ExtractSliceOp op) {
  ArrayRef<int64_t> shape = op.getSourceType().getShape(), sizes = op.getStaticSizes();
  SmallVector<int64_t> strides = computeSuffixProduct(shape);
  Run run{0, 1};
  bool isOne = true; // so far it is one place of every dimension
  for (size_t d = 0; d < shape.size(); ++d) {
    if (op.getStaticStrides()[d] != 1 || (!isOne && sizes[d] != shape[d]))
      return std::nullopt;
    isOne &= sizes[d] == 1;
    run.first += op.getStaticOffsets()[d] * strides[d];
    run.count *= sizes[d];
  }
  return run;
}

static Evaluated slice(const Evaluated &source, tensor::ExtractSliceOp op, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> from = computeSuffixProduct(source.shape), strides;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  int64_t base = 0;
  for (size_t d = 0; d < from.size(); ++d) {
    base += op.getStaticOffsets()[d] * from[d];
    if (!dropped.test(d))
      strides.push_back(op.getStaticStrides()[d] * from[d]);
  }
  return gather(source, shape, strides, base);
}

/// Rounds through a narrower type where the chain itself does.
static void roundTo(Type type, std::vector<float> &data) {
  if (type.isF16()) {
    for (float &v : data)
      v = (float)(_Float16)v;
  } else if (type.isBF16()) {
    for (float &v : data) {
      APFloat exact(v);
      bool lost;
      exact.convert(APFloat::BFloat(), APFloat::rmNearestTiesToEven, &lost);
      v = exact.convertToFloat();
    }
  }
}

static FailureOr<Evaluated> evaluate(Value value, const ParameterFiles &files, StringRef layer) {
  Operation *op = value.getDefiningOp();
  auto type = cast<RankedTensorType>(value.getType());
  if (failed(checkSize(value, layer)))
    return failure();
  ChainStep step = classifyChainStep(op);
  if (step == ChainStep::None)
    return emitError(value.getLoc()) << "weight is no constant (layer '" << layer << "')";
  if (step == ChainStep::Root)
    return evaluateRoot(op, files, layer);
  if (step == ChainStep::Dequantize)
    return evaluateStored(cast<DequantizeOp>(op), files, layer);
  Operation *source = chainOperand(op).getDefiningOp();
  if (auto part = dyn_cast<tensor::ExtractSliceOp>(op); part && classifyChainStep(source) == ChainStep::Root)
    if (std::optional<Run> run = runOf(part)) {
      FailureOr<Evaluated> read = evaluateRoot(source, files, layer, run);
      if (succeeded(read))
        read->shape.assign(type.getShape().begin(), type.getShape().end());
      return read;
    }
  FailureOr<Evaluated> below = evaluate(source->getResult(0), files, layer);
  if (failed(below))
    return failure();
  switch (step) {
  case ChainStep::Reshape:
    below->shape.assign(type.getShape().begin(), type.getShape().end());
    return below;
  case ChainStep::Permute:
    return permute(*below, op, type.getShape());
  case ChainStep::Slice:
    return slice(*below, cast<tensor::ExtractSliceOp>(op), type.getShape());
  case ChainStep::Cast:
    roundTo(type.getElementType(), below->data);
    return below;
  default:
    break;
  }
  auto scale = cast<ScaleChannelsOp>(op);
  FailureOr<Evaluated> scales = evaluate(scale.getScales(), files, layer);
  if (failed(scales))
    return failure();
  int64_t inner = computeSuffixProduct(below->shape)[scale.getDim()], extent = below->shape[scale.getDim()];
  for (size_t i = 0; i < below->data.size(); ++i)
    below->data[i] *= scales->data[i / inner % extent];
  return below;
}

FailureOr<ConstantBytes> mlir::fptq::constantBytes(Value value, const ParameterFiles &files, StringRef layer) {
  if (failed(checkSize(value, layer)))
    return failure();
  auto type = cast<RankedTensorType>(value.getType());
  size_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  auto checked = [&](StringRef what, StringRef name, ArrayRef<char> data) -> FailureOr<ConstantBytes> {
    if (data.size() != bytes)
      return emitError(value.getLoc()) << what << " '" << name << "' has " << data.size() << " bytes, expected "
                                       << bytes << " (layer '" << layer << "')";
    return ConstantBytes(data);
  };
  Operation *op = value.getDefiningOp();
  ElementsAttr constant = op ? attributeOf(op) : ElementsAttr();
  if (auto load = dyn_cast_if_present<ml_program::GlobalLoadConstOp>(op); load && !constant) {
    FailureOr<const SafetensorsEntry *> entry = tensorOf(load, files, layer);
    if (failed(entry))
      return failure();
    return checked("tensor", load.getGlobal().getLeafReference(), (*entry)->data);
  }
  if (auto resource = dyn_cast_if_present<DenseResourceElementsAttr>(constant))
    return checked("resource", resource.getRawHandle().getKey(), resourceBytes(resource));
  if (auto dense = dyn_cast_if_present<DenseElementsAttr>(constant)) {
    ArrayRef<char> raw = dense.getRawData(); // the verifier has counted them, unless one stands for all
    if (!dense.isSplat())
      return ConstantBytes(raw);
    std::vector<char> repeated(bytes);
    for (size_t at = 0; at < bytes; at += raw.size())
      llvm::copy(raw, repeated.begin() + at);
    return ConstantBytes(std::move(repeated));
  }
  return emitError(value.getLoc()) << "expected a dense constant (layer '" << layer << "')";
}

FailureOr<std::vector<float>> mlir::fptq::evaluateConstant(Value value, const ParameterFiles &files, StringRef layer) {
  FailureOr<Evaluated> result = evaluate(value, files, layer);
  if (failed(result))
    return failure();
  for (auto [i, v] : llvm::enumerate(result->data))
    if (!std::isfinite(v)) {
      auto shape = cast<RankedTensorType>(value.getType()).getShape();
      int64_t columns = shape.empty() ? 1 : std::max<int64_t>(shape.back(), 1);
      return emitError(value.getLoc()) << "weight holds " << (std::isnan(v) ? "NaN" : "infinity") << " at row "
                                       << i / columns << ", column " << i % columns << " (layer '" << layer << "')";
    }
  return std::move(result->data);
}
