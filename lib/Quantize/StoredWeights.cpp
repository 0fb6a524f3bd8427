//===- StoredWeights.cpp - weights that came as codes ---------------------===//
#include "StoredWeights.h"

#include <cstring>

using namespace mlir;
using namespace mlir::fptq;

static DequantizeOp storedWeight(LinearOp op) { return op.getWeight().getDefiningOp<DequantizeOp>(); }

bool mlir::fptq::keepsOperands(Operation *op) {
  auto stored = dyn_cast<DequantizeOp>(op);
  return stored && stored.getBits() == 4 && llvm::any_of(stored->getUsers(), [](Operation *user) {
           auto linear = dyn_cast<LinearOp>(user);
           return linear && linear.getSchemeAttr() && linear.getSchemeAttr().getMethod() == WeightMethod::Stored;
         });
}

SmallVector<WeightOperand> mlir::fptq::storedOperands(LinearOp op) {
  Builder b(op.getContext());
  DequantizeOp stored = storedWeight(op);
  int64_t n = op.getOutputChannels(), k = op.getInputChannels(), groups = k / stored.getGroupSize();
  auto codes = RankedTensorType::get({n, (k + 1) / 2}, b.getI8Type());
  auto zeros = RankedTensorType::get({n, groups}, b.getI8Type());
  auto scales = RankedTensorType::get({n, groups}, b.getF32Type());
  if (stored.getBits() == 8)
    return {{"high.codes", "U8", codes},
            {"high.scales", "F32", scales},
            {"low.codes", "U8", codes},
            {"low.scales", "F32", scales},
            {"low.zeros", "U8", zeros}};
  if (stored.getOffsets())
    return {{"zeros", "U8", zeros}};
  return {};
}

/// Nibbles h + 8 (high) or l (low) of signed bytes, two codes a byte.
static std::vector<char> nibbles(ArrayRef<char> bytes, int64_t n, int64_t k, bool high) {
  int64_t rowBytes = (k + 1) / 2;
  std::vector<char> codes(n * rowBytes, 0);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t i = 0; i < k; ++i) {
      int q = static_cast<int8_t>(bytes[row * k + i]);
      int code = high ? (q >> 4) + 8 : q & 15;
      codes[row * rowBytes + i / 2] |= static_cast<char>(code << (i % 2 * 4));
    }
  return codes;
}

static std::vector<char> scaled(ArrayRef<float> scales, float factor) {
  std::vector<char> bytes(scales.size() * sizeof(float));
  for (auto [i, scale] : llvm::enumerate(scales)) {
    float product = scale * factor; // a power of two: exact
    std::memcpy(bytes.data() + i * sizeof(float), &product, sizeof(float));
  }
  return bytes;
}

FailureOr<OperandBytes> mlir::fptq::storedBytes(LinearOp op, const PlannedWeight &plan, const ParameterFiles &files) {
  DequantizeOp stored = storedWeight(op);
  // Also what is used as it is gets looked at: a scale of NaN must not reach a kernel.
  FailureOr<std::vector<float>> scales = evaluateConstant(stored.getScales(), files, op.getLayer());
  if (failed(scales) || (stored.getOffsets() && failed(evaluateConstant(stored.getOffsets(), files, op.getLayer()))))
    return failure();
  size_t groups = scales->size();
  if (stored.getBits() == 4)
    return stored.getOffsets() ? OperandBytes{std::vector<char>(groups, 0)} : OperandBytes{};
  FailureOr<ConstantBytes> codes = constantBytes(stored.getCodes(), files, op.getLayer());
  if (failed(codes))
    return failure();
  int64_t n = op.getOutputChannels(), k = op.getInputChannels();
  return OperandBytes{nibbles(*codes, n, k, /*high=*/true), scaled(*scales, 16), nibbles(*codes, n, k, /*high=*/false),
                      scaled(*scales, 1), std::vector<char>(groups, 0)};
}

QuantizedParts mlir::fptq::storedParts(LinearOp op, const llvm::StringMap<Value> &made) {
  DequantizeOp stored = storedWeight(op);
  QuantizedParts parts;
  if (stored.getBits() == 8) {
    parts.products = {{made.lookup("high.codes"), made.lookup("high.scales"), {}, {}},
                      {made.lookup("low.codes"), made.lookup("low.scales"), made.lookup("low.zeros"), {}}};
    return parts;
  }
  Value zeros = stored.getOffsets() ? made.lookup("zeros") : stored.getZeros();
  parts.products = {{stored.getCodes(), stored.getScales(), zeros, {}}};
  parts.offsets = stored.getOffsets();
  return parts;
}
