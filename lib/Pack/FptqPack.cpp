//===- FptqPack.cpp - quantized products to packed ones -------------------===//
#include "fptq/IR/PackedShape.h"
#include "fptq/Pack/PackWeights.h"
#include "fptq/Pack/Passes.h"
#include "fptq/Support/HugePages.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/Utils/Utils.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/ScopeExit.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQPACKPASS
#include "fptq/Pack/Passes.h.inc"

namespace {
struct FptqPackPass : impl::FptqPackPassBase<FptqPackPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  template <typename OpTy>
  FailureOr<DenseResourceElementsAttr> packed(OpTy op, int64_t n, int64_t k, const ParameterFiles &files);
  LogicalResult rewrite(QuantizedMatmulOp op, const ParameterFiles &files);
  LogicalResult rewrite(QuantizedLookupOp op, const ParameterFiles &files);

  Layout target = Layout::X86;                           ///< what the option names
  DenseMap<Attribute, DenseResourceElementsAttr> known;  ///< packed weights by what they were packed from
  DenseMap<Operation *, QuantizeActivationsOp> repadded; ///< products that shared a quantize step still do
  HugePages weights;                                     ///< packed in the order in which the program reads them
};
} // namespace

/// The bytes of a constant operand; empty for an absent one.
template <typename OpTy> static FailureOr<ConstantBytes> bytesOf(Value value, OpTy op, const ParameterFiles &files) {
  return value ? constantBytes(value, files, op.getLayer()) : ConstantBytes();
}

/// PK3 and PK4, per group. `zeros`: offsets in the two-level scheme.
template <typename OpTy> static LogicalResult checkGroups(OpTy op, ArrayRef<char> multipliers, ArrayRef<char> zeros) {
  const bool twoLevel = !multipliers.empty();
  for (size_t i = 0; i < zeros.size(); ++i) {
    int a = twoLevel ? static_cast<uint8_t>(multipliers[i]) : 1, b = static_cast<uint8_t>(zeros[i]);
    if (twoLevel && (a < 1 || a > 16 || 15 * a + b > 255))
      return op.emitOpError() << "(PK3) group " << i << " has multiplier " << a << " and offset " << b
                              << ", expected 1..16 and 15 a + b <= 255 (layer '" << op.getLayer() << "')";
    if (!twoLevel && b > 127)
      return op.emitOpError() << "(PK4) group " << i << " has zero point " << b << ", expected 0..127 (layer '"
                              << op.getLayer() << "')";
  }
  return success();
}

/// What a weight is packed from: the constants themselves, so that all calls of a layer, and a lookup and the head that
/// is tied to it, find one packed weight.
template <typename OpTy> static Attribute identityOf(OpTy op, int64_t k) {
  Builder b(op.getContext());
  SmallVector<Attribute> parts{op.getScheme(), b.getIndexAttr(k)};
  for (Value operand : {op.getCodes(), op.getScales(), op.getZeros(), op.getMultipliers()}) {
    Attribute constant = b.getUnitAttr();
    if (auto load = operand ? operand.template getDefiningOp<ml_program::GlobalLoadConstOp>() : nullptr)
      constant = load.getGlobalAttr();
    else if (operand)
      matchPattern(operand, m_Constant(&constant));
    parts.push_back(constant);
  }
  return b.getArrayAttr(parts);
}

template <typename OpTy>
FailureOr<DenseResourceElementsAttr> FptqPackPass::packed(OpTy op, int64_t n, int64_t k, const ParameterFiles &files) {
  auto codes = bytesOf(op.getCodes(), op, files), scales = bytesOf(op.getScales(), op, files),
       zeros = bytesOf(op.getZeros(), op, files), multipliers = bytesOf(op.getMultipliers(), op, files);
  if (failed(codes) || failed(scales) || failed(zeros) || failed(multipliers) ||
      failed(checkGroups(op, *multipliers, *zeros)))
    return failure();
  DenseResourceElementsAttr &result = known[identityOf(op, k)];
  if (result)
    return result;
  PackedShape shape = packedShape(op.getScheme(), n, k, getElementTypeOrSelf(op.getScales().getType()).isF16());
  auto pointer = [](ArrayRef<char> data) {
    return data.empty() ? nullptr : reinterpret_cast<const uint8_t *>(data.data());
  };
  const size_t bytes = packedBytes(target, shape);
  std::shared_ptr<char> memory = weights.allocate(bytes);
  WeightOperands<const uint8_t> weight{pointer(*codes), pointer(*scales), pointer(*zeros), pointer(*multipliers)};
  packWeights(target, shape, weight, reinterpret_cast<uint8_t *>(memory.get()));
  auto type = RankedTensorType::get({(int64_t)bytes}, IntegerType::get(op.getContext(), 8));
  auto keep = [memory](void *, size_t, size_t) {};
  AsmResourceBlob blob(ArrayRef<char>(memory.get(), bytes), /*dataAlignment=*/64, keep, /*dataIsMutable=*/false);
  result = DenseResourceElementsAttr::get(type, (op.getLayer() + ".packed").str(), std::move(blob));
  return result;
}

/// The quantize step with the layout's padding; one for all products that share it.
static QuantizeActivationsOp repad(OpBuilder &b, QuantizeActivationsOp op, int64_t padded) {
  if ((int64_t)op.getPaddedGroupSize() == padded)
    return op;
  b.setInsertionPoint(op);
  int64_t groups = cast<ShapedType>(op.getSumsInit().getType()).getDimSize(1);
  OpFoldResult rows = tensor::getMixedSize(b, op.getLoc(), op.getX(), 0);
  Value q = tensor::EmptyOp::create(b, op.getLoc(), ArrayRef<OpFoldResult>{rows, b.getIndexAttr(groups * padded)},
                                    b.getI8Type());
  return QuantizeActivationsOp::create(
      b, op.getLoc(), TypeRange{q.getType(), op.getScalesInit().getType(), op.getSumsInit().getType()}, op.getX(),
      op.getMultiplier(), op.getStaticScale(), q, op.getScalesInit(), op.getSumsInit(), op.getGroupSize(), padded);
}

LogicalResult FptqPackPass::rewrite(QuantizedMatmulOp op, const ParameterFiles &files) {
  auto quantize = op.getQ().getDefiningOp<QuantizeActivationsOp>();
  if (!quantize)
    return op.emitOpError() << "has activations that no fptq.quantize_activations made (layer '" << op.getLayer()
                            << "')";
  int64_t n = cast<ShapedType>(op.getCodes().getType()).getDimSize(0), k = op.getInputChannels();
  FailureOr<DenseResourceElementsAttr> bytes = packed(op, n, k, files);
  if (failed(bytes))
    return failure();
  OpBuilder b(op);
  int64_t padded = paddedGroupSize(target, op.getScheme().groupSizeFor(k));
  QuantizeActivationsOp &padding = repadded[quantize];
  if (!padding)
    padding = repad(b, quantize, padded);
  b.setInsertionPoint(op);
  Value weight = arith::ConstantOp::create(b, op.getLoc(), *bytes);
  auto matmul = PackedMatmulOp::create(
      b, op.getLoc(), op->getResultTypes(), padding.getResult(0), padding.getResult(1), padding.getResult(2), weight,
      op.getBias(), op.getMultiplicand(), op.getResidual(), op.getInit(), op.getScheme(),
      LayoutAttr::get(op.getContext(), target), k, op.getLayerAttr(), op.getActivationAttr());
  matmul->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  op->replaceAllUsesWith(matmul);
  op.erase();
  return success();
}

LogicalResult FptqPackPass::rewrite(QuantizedLookupOp op, const ParameterFiles &files) {
  FailureOr<DenseResourceElementsAttr> bytes = packed(op, op.getRows(), op.getChannels(), files);
  if (failed(bytes))
    return failure();
  OpBuilder b(op);
  Value table = arith::ConstantOp::create(b, op.getLoc(), *bytes);
  auto lookup =
      PackedLookupOp::create(b, op.getLoc(), op->getResultTypes(), op.getIds(), table, op.getInit(), op.getScheme(),
                             LayoutAttr::get(op.getContext(), target), op.getRows(), op.getLayer());
  lookup->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  op->replaceAllUsesWith(lookup);
  op.erase();
  return success();
}

void FptqPackPass::runOnOperation() {
  ModuleOp module = getOperation();
  std::optional<Layout> named = parseLayout(layout.getValue());
  if (!named) {
    module.emitError() << "fptq-pack: " << unknownLayout(layout.getValue());
    return signalPassFailure();
  }
  target = *named;
  llvm::scope_exit forget([&] { known.clear(), repadded.clear(), weights = {}; });
  FailureOr<ParameterFiles> files = ParameterFiles::open(module);
  if (failed(files))
    return signalPassFailure();
  SmallVector<QuantizedMatmulOp> ops;
  module.walk([&](QuantizedMatmulOp op) { ops.push_back(op); });
  SmallVector<QuantizedLookupOp> lookups; // after the products, in whose order the program reads
  module.walk([&](QuantizedLookupOp op) { lookups.push_back(op); });
  auto rewriteAll = [&](auto &all) {
    return llvm::all_of(all, [&](auto op) { return succeeded(rewrite(op, *files)); });
  };
  if (!rewriteAll(ops) || !rewriteAll(lookups))
    return signalPassFailure();
  eraseUnusedConstants(module); // the portable ones
}
} // namespace mlir::fptq
