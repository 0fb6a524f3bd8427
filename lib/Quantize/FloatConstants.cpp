//===- FloatConstants.cpp - numbers that stay float -----------------------===//
//
// A NaN in a norm makes NaN of every token, at run time and without a name. What a file holds is as easily damaged
// there as in a weight, which the quantizer refuses.
//
//===----------------------------------------------------------------------===//
#include "FloatConstants.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace mlir::fptq;

/// Bytes of a constant that is no splat; none where they are not known (a resource that was left out of the text).
static ArrayRef<char> bytesOf(Attribute value) {
  auto dense = dyn_cast_if_present<DenseElementsAttr>(value);
  return dense && !dense.isSplat() ? dense.getRawData() : resourceBytes(value);
}

namespace {
struct Found {
  int64_t element;
  StringRef what;
};
} // namespace

/// The first NaN or infinity. `exponent` is the mask of the exponent's bits: all set in both.
template <typename Bits> static std::optional<Found> findNonFinite(ArrayRef<char> bytes, Bits exponent) {
  constexpr Bits sign = Bits(1) << (sizeof(Bits) * 8 - 1);
  std::optional<Found> negative;
  for (size_t i = 0; i < bytes.size() / sizeof(Bits); ++i) {
    Bits bits = llvm::support::endian::read<Bits>(bytes.data() + i * sizeof(Bits), llvm::endianness::native);
    if ((bits & exponent) != exponent)
      continue;
    if (Bits(bits & ~sign) != exponent)
      return Found{int64_t(i), "NaN"};
    if (!(bits & sign))
      return Found{int64_t(i), "infinity"};
    if (!negative)
      negative = Found{int64_t(i), "-infinity"};
  }
  return negative;
}

static std::optional<Found> findNonFinite(ArrayRef<char> bytes, Type element) {
  if (element.isF32())
    return findNonFinite<uint32_t>(bytes, 0x7f800000);
  if (element.isF16())
    return findNonFinite<uint16_t>(bytes, 0x7c00);
  if (element.isBF16())
    return findNonFinite<uint16_t>(bytes, 0x7f80);
  if (element.isF64())
    return findNonFinite<uint64_t>(bytes, 0x7ff0000000000000);
  return std::nullopt;
}

/// Row-major `element` as indices.
static std::string indexOf(int64_t element, ArrayRef<int64_t> shape) {
  SmallVector<std::string> indices;
  for (int64_t size : llvm::reverse(shape)) {
    indices.insert(indices.begin(), std::to_string(element % size));
    element /= size;
  }
  return "[" + llvm::join(indices, ", ") + "]";
}

static std::string described(StringRef name) { return name.empty() ? "a constant" : "constant '" + name.str() + "'"; }

/// A resource that is longer or shorter than its type would be read past an end, here or later.
static LogicalResult checkSize(Location loc, StringRef name, Type type, ArrayRef<char> bytes) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || bytes.empty() || !tensor.getElementType().isIntOrFloat() ||
      tensor.getElementTypeBitWidth() < 8)
    return success();
  int64_t expected = tensor.getNumElements() * (tensor.getElementTypeBitWidth() / 8);
  if ((int64_t)bytes.size() == expected)
    return success();
  return emitError(loc) << described(name) << " of type " << type << " has " << bytes.size() << " bytes, expected "
                        << expected;
}

static LogicalResult checkFinite(Location loc, StringRef name, Type type, ArrayRef<char> bytes) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || bytes.empty() || llvm::is_contained(tensor.getShape(), 0))
    return success();
  std::optional<Found> found = findNonFinite(bytes, tensor.getElementType());
  if (!found)
    return success();
  std::string at = indexOf(found->element, tensor.getShape());
  if (found->what != "-infinity")
    return emitError(loc) << described(name) << " of type " << type << " holds " << found->what << " at " << at;
  remark::analysis(loc, remark::RemarkOpts::name("Infinity").category("Quantize"))
      << remark::add("{0} holds -infinity at {1}, as masks do", described(name), at);
  return success();
}

/// Bytes that stand in the module.
static LogicalResult check(Location loc, StringRef name, Type type, ArrayRef<char> bytes) {
  return failure(failed(checkSize(loc, name, type, bytes)) || failed(checkFinite(loc, name, type, bytes)));
}

LogicalResult mlir::fptq::checkFloatConstants(ModuleOp module, const ParameterFiles &files) {
  bool ok = true;
  module.walk([&](Operation *op) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      ok &= succeeded(check(op->getLoc(), constantName(constant), constant.getType(), bytesOf(constant.getValue())));
    auto global = dyn_cast<ml_program::GlobalOp>(op);
    if (!global || global.getIsMutable()) // a mutable one holds what the program writes
      return;
    StringRef name = global.getSymName();
    ok &= succeeded(check(op->getLoc(), name, global.getType(), bytesOf(global.getValueAttr())));
    // A file's tensor has its size checked where it is read; the file may be replaced by one of new codes.
    if (const SafetensorsEntry *entry = files.find(name);
        entry && isa_and_present<ml_program::ExternAttr>(global.getValueAttr()))
      ok &= succeeded(checkFinite(op->getLoc(), name, global.getType(), entry->data));
  });
  return success(ok);
}
