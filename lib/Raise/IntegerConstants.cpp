//===- IntegerConstants.cpp - operands of a dequantization as numbers -----===//
#include "IntegerConstants.h"
#include "QuantParameters.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/Rounding.h"
#include "fptq/Support/TensorBytes.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::fptq;

static double fromBits(uint64_t bits, unsigned width, bool isUnsigned) {
  APInt value(width, bits, /*isSigned=*/false, /*implicitTrunc=*/true);
  return isUnsigned ? (double)value.getZExtValue() : (double)value.getSExtValue();
}

/// `count` little-endian integers of `width` bits; nothing where `bytes` are neither one element a unit nor packed
/// nibbles.
static std::optional<std::vector<double>> readIntegers(ArrayRef<char> bytes, size_t count, unsigned width,
                                                       bool isUnsigned) {
  size_t unit = llvm::divideCeil(width, 8);
  bool packed = width == 4 && bytes.size() == llvm::divideCeil(count, 2);
  if (bytes.size() != count * unit && !packed)
    return std::nullopt; // before a shape that no bytes stand behind asks for memory
  std::vector<double> out(count);
  if (bytes.size() == count * unit) {
    for (size_t i = 0; i < count; ++i) {
      uint64_t raw = 0;
      std::memcpy(&raw, bytes.data() + i * unit, unit);
      out[i] = fromBits(raw, width, isUnsigned);
    }
    return out;
  }
  for (size_t i = 0; i < count; ++i)
    out[i] = fromBits(static_cast<uint8_t>(bytes[i / 2]) >> (i % 2 * 4), width, isUnsigned);
  return out;
}

static FailureOr<std::vector<double>> integers(Value value, bool isUnsigned, const ParameterFiles &files,
                                               StringRef weight) {
  Type element = getElementTypeOrSelf(value.getType());
  unsigned width = element.getIntOrFloatBitWidth();
  auto shaped = dyn_cast<ShapedType>(value.getType());
  auto fail = [&](const llvm::Twine &text) -> FailureOr<std::vector<double>> {
    return emitError(value.getLoc()) << text << " (weight '" << weight << "')";
  };
  if (width > 64)
    return fail("its integers have " + llvm::Twine(width) + " bits");
  if (shaped && (!shaped.hasStaticShape() || !addressableBytes(shaped.getShape(), sizeof(double))))
    return fail("its codes have an open size, or one larger than any memory");
  size_t count = shaped ? shaped.getNumElements() : 1;
  auto read = [&](const llvm::Twine &what, ArrayRef<char> bytes, bool isUnsigned) -> FailureOr<std::vector<double>> {
    if (std::optional<std::vector<double>> out = readIntegers(bytes, count, width, isUnsigned))
      return *std::move(out);
    return fail(what + " has " + llvm::Twine(bytes.size()) + " bytes, too few or too many for " + llvm::Twine(count) +
                " integers of " + llvm::Twine(width) + " bits");
  };
  if (auto load = value.getDefiningOp<ml_program::GlobalLoadConstOp>()) {
    StringRef name = load.getGlobal().getLeafReference();
    const SafetensorsEntry *entry = files.find(name);
    if (!entry)
      return fail("no file of '" + llvm::Twine(FptqDialect::kParametersAttr) + "' has the tensor '" + name + "'");
    return read("tensor '" + name + "'", entry->data, isUnsigned || entry->dtype == "U8");
  }
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return fail("its codes are no constant");
  auto number = [&](const APInt &value) {
    return isUnsigned ? (double)value.getZExtValue() : (double)value.getSExtValue();
  };
  if (auto scalar = dyn_cast<IntegerAttr>(constant))
    return std::vector<double>{number(scalar.getValue())};
  if (auto blob = dyn_cast<DenseResourceElementsAttr>(constant)) {
    AsmResourceBlob *data = blob.getRawHandle().getBlob();
    return read("resource '" + blob.getRawHandle().getKey() + "'", data ? data->getData() : ArrayRef<char>(),
                isUnsigned);
  }
  auto dense = dyn_cast<DenseElementsAttr>(constant);
  if (!dense)
    return fail("its codes are a constant of an unknown kind");
  auto numbers = llvm::map_range(dense.getValues<APInt>(), number);
  return std::vector<double>(numbers.begin(), numbers.end());
}

static FailureOr<std::vector<double>> floats(Value value, const ParameterFiles &files, StringRef weight) {
  if (isa<ShapedType>(value.getType())) {
    FailureOr<std::vector<float>> numbers = evaluateConstant(value, files, weight);
    if (failed(numbers))
      return failure();
    return std::vector<double>(numbers->begin(), numbers->end());
  }
  FloatAttr scalar;
  if (!matchPattern(value, m_Constant(&scalar)) || !scalar.getValue().isFinite())
    return emitError(value.getLoc()) << "its scale is no finite number (weight '" << weight << "')";
  return std::vector<double>{(double)(float)scalar.getValueAsDouble()};
}

/// What quant.qcast stands for, with our rounding: half to even, saturating.
static FailureOr<std::vector<double>> quantized(const IndexedConstant &operand, const ParameterFiles &files,
                                                StringRef weight) {
  auto type = cast<quant::QuantizedType>(operand.quantizedType);
  if (type.getStorageTypeIntegralWidth() > 16)
    return emitError(operand.quantized.getLoc())
           << "its storage type has " << type.getStorageTypeIntegralWidth() << " bits (weight '" << weight << "')";
  FailureOr<std::vector<float>> numbers = evaluateConstant(operand.quantized, files, weight);
  if (failed(numbers))
    return failure();
  QuantParameters parameters = *quantParameters(type); // there are some: the match has read them
  SmallVector<int64_t> strides(operand.shape.size(), 0), blocks(operand.shape.size(), 1);
  int64_t stride = 1;
  for (const QuantParameters::Dim &dim : llvm::reverse(parameters.dims)) {
    strides[dim.dim] = stride, blocks[dim.dim] = dim.block;
    stride *= dim.size;
  }
  std::vector<double> codes(numbers->size());
  for (size_t i = 0; i < codes.size(); ++i) {
    int64_t at = 0, rest = i;
    for (int64_t d = (int64_t)operand.shape.size() - 1; d >= 0; rest /= operand.shape[d--])
      at += rest % operand.shape[d] / blocks[d] * strides[d];
    int32_t zero = parameters.zeros[at], low = type.getStorageTypeMin() - zero, high = type.getStorageTypeMax() - zero;
    codes[i] = roundAndSaturate((*numbers)[i] / (float)parameters.scales[at], low, high) + zero;
  }
  return codes;
}

FailureOr<std::vector<double>> mlir::fptq::constantNumbers(const IndexedConstant &operand, const ParameterFiles &files,
                                                           StringRef weight) {
  if (operand.quantized)
    return quantized(operand, files, weight);
  if (!operand.constant) {
    std::vector<double> numbers = operand.given;
    for (double &v : numbers) // a scale is an f32 wherever it is multiplied
      v = (float)v;
    return numbers;
  }
  if (getElementTypeOrSelf(operand.constant.getType()).isInteger()) {
    FailureOr<std::vector<double>> numbers = integers(operand.constant, operand.isUnsigned, files, weight);
    if (succeeded(numbers))
      for (double v : *numbers)
        if (!llvm::isIntN(operand.fitsBits, (int64_t)v))
          return emitError(operand.constant.getLoc())
                 << (int64_t)v << " is truncated to " << operand.fitsBits << " bits (weight '" << weight << "')";
    return numbers;
  }
  return floats(operand.constant, files, weight);
}
