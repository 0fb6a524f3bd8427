//===- ExportQuantized.cpp - codes as upstream's !quant types -------------===//
#include "fptq/IR/Fptq.h"
#include "fptq/Quantize/Passes.h"
#include "fptq/Support/ParallelLoops.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQEXPORTQUANTPASS
#include "fptq/Quantize/Passes.h.inc"

namespace {
struct FptqExportQuantPass : impl::FptqExportQuantPassBase<FptqExportQuantPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// The constants of one weight, N x K.
struct Weight {
  Value codes, scales, zeros;
  int64_t n, k, bits, groupSize;
};

/// What they hold: a code a byte, scales and, where there are any, zero points of each row's groups.
struct Numbers {
  std::vector<char> codes;
  std::vector<float> scales;
  std::vector<char> zeros;
};
} // namespace

static InFlightDiagnostic refuse(Operation *op, StringRef layer) {
  return op->emitOpError() << "cannot be written with !quant types (layer '" << layer << "'): ";
}

static std::vector<char> unpack(ArrayRef<char> packed, const Weight &weight) {
  if (weight.bits == 8)
    return {packed.begin(), packed.end()};
  int64_t rowBytes = (weight.k + 1) / 2;
  std::vector<char> codes(weight.n * weight.k);
  for (int64_t row = 0; row < weight.n; ++row)
    for (int64_t i = 0; i < weight.k; ++i)
      codes[row * weight.k + i] = static_cast<uint8_t>(packed[row * rowBytes + i / 2]) >> (i % 2 * 4) & 15;
  return codes;
}

/// Nibbles as the types say them. Their scales are positive: s * (q - z) = -s * ((15 - q) - (15 - z)), where half of
/// our own groups have a negative one, their value of largest magnitude being on code 0.
static void fitNibbles(Numbers &numbers, const Weight &weight) {
  bool isMirrored = llvm::any_of(numbers.scales, [](float scale) { return scale < 0; });
  if (numbers.zeros.empty() && !isMirrored) { // i4, the middle at 0, in the low nibble, as DenseElementsAttr keeps it
    for (char &code : numbers.codes)
      code = (code - 8) & 15;
    return;
  }
  numbers.zeros.resize(numbers.scales.size(), 8);
  int64_t groups = weight.k / weight.groupSize;
  for (auto [at, scale, zero] : llvm::enumerate(numbers.scales, numbers.zeros)) {
    if (!(scale < 0))
      continue;
    scale = -scale, zero = 15 - zero;
    int64_t first = at / groups * weight.k + at % groups * weight.groupSize;
    for (char &code : MutableArrayRef<char>(numbers.codes).slice(first, weight.groupSize))
      code = 15 - code;
  }
}

/// The type that has the weight's scales and zero points; null after an error.
static quant::QuantizedType typeOf(Operation *op, StringRef layer, const Weight &weight, ArrayRef<float> scales,
                                   ArrayRef<char> zeros) {
  MLIRContext *context = op->getContext();
  for (float scale : scales)
    if (!(scale > 0)) {
      refuse(op, layer) << "scale " << scale << " is not positive";
      return {};
    }
  bool isSigned = zeros.empty();
  unsigned flags = isSigned ? quant::QuantizationFlags::Signed : 0;
  Type storage = IntegerType::get(context, weight.bits), f32 = Float32Type::get(context);
  int64_t low = isSigned ? -(1 << (weight.bits - 1)) : 0, high = isSigned ? (1 << (weight.bits - 1)) - 1 : 15;
  SmallVector<int64_t> points(zeros.begin(), zeros.end());
  points.resize(scales.size(), 0);
  int64_t groups = weight.k / weight.groupSize;
  auto emitError = [&] { return refuse(op, layer); };
  if (groups == 1)
    return quant::UniformQuantizedPerAxisType::getChecked(emitError, flags, storage, f32,
                                                          SmallVector<double>(scales.begin(), scales.end()), points,
                                                          /*quantizedDimension=*/0, low, high);
  auto shaped = [&](Type element) { return RankedTensorType::get({weight.n, groups}, element); };
  SmallVector<APInt> integers;
  for (int64_t point : points)
    integers.push_back(APInt(weight.bits, point, isSigned));
  return quant::UniformQuantizedSubChannelType::getChecked(
      emitError, flags, storage, f32, DenseElementsAttr::get(shaped(f32), scales),
      DenseElementsAttr::get(shaped(storage), integers), ArrayRef<int32_t>{0, 1},
      ArrayRef<int64_t>{1, weight.groupSize}, low, high);
}

/// dcast(scast(codes)); null after an error.
static Value emitWeight(OpBuilder &b, Operation *op, StringRef layer, const Weight &weight,
                        const ParameterFiles &files) {
  FailureOr<ConstantBytes> codes = constantBytes(weight.codes, files, layer), zeros = ConstantBytes();
  FailureOr<std::vector<float>> scales = evaluateConstant(weight.scales, files, layer);
  if (weight.zeros)
    zeros = constantBytes(weight.zeros, files, layer);
  if (failed(codes) || failed(zeros) || failed(scales))
    return {};
  ArrayRef<char> points = *zeros;
  for (int point : points)
    if (point < 0 || point > 15) { // the storage type's own range, which the arithmetic here does not need
      refuse(op, layer) << "zero point " << point << " is outside of 0 to 15";
      return {};
    }
  Numbers numbers{unpack(*codes, weight), std::move(*scales), {points.begin(), points.end()}};
  if (weight.bits == 4)
    fitNibbles(numbers, weight);
  quant::QuantizedType type = typeOf(op, layer, weight, numbers.scales, numbers.zeros);
  if (!type)
    return {};
  Location loc = weight.codes.getLoc();
  SmallVector<int64_t> shape{weight.n, weight.k};
  auto attr =
      DenseElementsAttr::getFromRawBuffer(RankedTensorType::get(shape, b.getIntegerType(weight.bits)), numbers.codes);
  auto constant = arith::ConstantOp::create(b, loc, attr);
  constant->setAttr(FptqDialect::kNameAttr, b.getStringAttr(layer + ".weight"));
  Value stored = quant::StorageCastOp::create(b, loc, RankedTensorType::get(shape, type), constant);
  return quant::DequantizeCastOp::create(b, loc, RankedTensorType::get(shape, b.getF32Type()), stored);
}

static LogicalResult exportWeight(IRRewriter &rewriter, DequantizeOp op, const ParameterFiles &files) {
  StringRef name = constantName(op.getCodes());
  name.consume_back(".codes");
  name.consume_back(".weight");
  if (op.getOffsets())
    return refuse(op, name) << "it has float offsets";
  auto type = op.getType();
  rewriter.setInsertionPoint(op);
  Value weight = emitWeight(rewriter, op, name,
                            {op.getCodes(), op.getScales(), op.getZeros(), type.getDimSize(0), type.getDimSize(1),
                             (int64_t)op.getBits(), (int64_t)op.getGroupSize()},
                            files);
  if (!weight)
    return failure();
  rewriter.replaceOp(op, weight);
  return success();
}

/// The quantize step as a pair of casts around its static scale.
static FailureOr<Value> exportInput(IRRewriter &rewriter, QuantizedMatmulOp op) {
  auto step = op.getQ().getDefiningOp<QuantizeActivationsOp>();
  FloatAttr scale;
  if (!step || !step.getStaticScale() || !matchPattern(step.getStaticScale(), m_Constant(&scale)))
    return refuse(op, op.getLayer()) << "its activation scales exist only at run time";
  Location loc = op.getLoc();
  Value x = step.getX();
  auto type = cast<RankedTensorType>(x.getType());
  if (Value multiplier = step.getMultiplier())
    x = ScaleChannelsOp::create(rewriter, loc, type, x, multiplier, /*dim=*/1);
  auto quantized = quant::UniformQuantizedType::getChecked(
      [&] { return refuse(op, op.getLayer()); }, quant::QuantizationFlags::Signed, rewriter.getI8Type(),
      type.getElementType(), scale.getValueAsDouble(), /*zeroPoint=*/0, /*storageTypeMin=*/-127,
      /*storageTypeMax=*/127);
  if (!quantized)
    return failure();
  Value q = quant::QuantizeCastOp::create(rewriter, loc, type.clone(quantized), x);
  return quant::DequantizeCastOp::create(rewriter, loc, type, q).getResult();
}

using ScalarFn = llvm::function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;

/// fn of each element of the `operands`: matrices of the first one's shape, or rows.
static Value elementwise(OpBuilder &b, Location loc, ValueRange operands, ScalarFn fn) {
  auto type = cast<RankedTensorType>(operands[0].getType());
  AffineMap all = b.getMultiDimIdentityMap(2), row = AffineMap::get(2, 0, b.getAffineDimExpr(1));
  SmallVector<AffineMap> maps;
  for (Value operand : operands)
    maps.push_back(cast<RankedTensorType>(operand.getType()).getRank() == 1 ? row : all);
  maps.push_back(all);
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    ImplicitLocOpBuilder scalars(loc, b);
    linalg::YieldOp::create(b, loc, fn(scalars, args.drop_back()));
  };
  Value init = tensor::EmptyOp::create(b, loc, tensor::getMixedSizes(b, loc, operands[0]), type.getElementType());
  return linalg::GenericOp::create(b, loc, type, operands, init, maps, parallelLoops(2), body).getResult(0);
}

template <typename OpTy> static Value binary(ImplicitLocOpBuilder &b, ValueRange args) {
  return OpTy::create(b, args[0], args[1]);
}

/// The activation as frontends spell it.
static Value activated(ImplicitLocOpBuilder &b, ActivationFunction function, Value x) {
  auto real = [&](float v) -> Value { return arith::ConstantOp::create(b, b.getF32FloatAttr(v)); };
  auto mul = [&](Value l, Value r) -> Value { return arith::MulFOp::create(b, l, r); };
  auto add = [&](Value l, Value r) -> Value { return arith::AddFOp::create(b, l, r); };
  if (function == ActivationFunction::Silu)
    return arith::DivFOp::create(b, x, add(math::ExpOp::create(b, arith::NegFOp::create(b, x)), real(1)));
  Value bend = mul(x, real(0.707106769f));
  if (function == ActivationFunction::Gelu)
    bend = math::ErfOp::create(b, bend);
  else
    bend = math::TanhOp::create(b, mul(add(mul(mul(mul(x, x), x), real(0.044715f)), x), real(0.797884583f)));
  return mul(mul(x, real(0.5f)), add(bend, real(1)));
}

static LogicalResult exportMatmul(IRRewriter &rewriter, QuantizedMatmulOp op, const ParameterFiles &files) {
  StringRef layer = op.getLayer();
  int64_t n = op.getOutputChannels(), k = op.getInputChannels();
  int64_t group = op.getScheme().groupSizeFor(k);
  if (op.getScheme().getKind() != SchemeKind::Group)
    return refuse(op, layer) << "its scheme is two_level";
  if (k % group)
    return refuse(op, layer) << "its last group is ragged: K = " << k << ", groups of " << group;
  rewriter.setInsertionPoint(op);
  FailureOr<Value> x = exportInput(rewriter, op);
  if (failed(x))
    return failure();
  Value weight = emitWeight(rewriter, op, layer, {op.getCodes(), op.getScales(), op.getZeros(), n, k, 4, group}, files);
  if (!weight)
    return failure();
  Location loc = op.getLoc();
  MLIRContext *context = op.getContext();
  AffineExpr m, c, r;
  bindDims(context, m, c, r);
  auto map = [&](AffineExpr first, AffineExpr second) { return AffineMap::get(3, 0, {first, second}, context); };
  Value zero = arith::ConstantOp::create(rewriter, loc, rewriter.getF32FloatAttr(0));
  Value init = linalg::FillOp::create(rewriter, loc, zero, op.getInit()).getResult(0);
  Value y =
      linalg::MatmulOp::create(
          rewriter, loc, init.getType(), ValueRange{*x, weight}, init,
          rewriter.getNamedAttr("indexing_maps", rewriter.getAffineMapArrayAttr({map(m, r), map(c, r), map(m, c)})))
          .getResult(0);
  if (op.getBias())
    y = elementwise(rewriter, loc, {y, op.getBias()}, binary<arith::AddFOp>);
  if (op.getActivation())
    y = elementwise(rewriter, loc, y, [&](ImplicitLocOpBuilder &b, ValueRange args) {
      return activated(b, *op.getActivation(), args[0]);
    });
  if (op.getMultiplicand())
    y = elementwise(rewriter, loc, {y, op.getMultiplicand()}, binary<arith::MulFOp>);
  if (op.getResidual())
    y = elementwise(rewriter, loc, {y, op.getResidual()}, binary<arith::AddFOp>);
  rewriter.replaceOp(op, y);
  return success();
}

/// A !quant table would be a float table to whoever reads it, as `quant.dcast` gives all of it.
static LogicalResult refuseLookup(QuantizedLookupOp op) {
  return op.emitOpError() << "cannot be written with !quant types, which dequantize whole tables and no single rows "
                             "(layer '"
                          << op.getLayer() << "')";
}

void FptqExportQuantPass::runOnOperation() {
  ModuleOp module = getOperation();
  FailureOr<ParameterFiles> files = ParameterFiles::open(module);
  if (failed(files))
    return signalPassFailure();
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) {
    if (isa<DequantizeOp, QuantizedMatmulOp, QuantizedLookupOp>(op))
      ops.push_back(op);
  });
  IRRewriter rewriter(&getContext());
  bool ok = true; // every layer that cannot be written is named, not only the first
  for (Operation *op : ops) {
    if (auto weight = dyn_cast<DequantizeOp>(op))
      ok &= succeeded(exportWeight(rewriter, weight, *files));
    else if (auto matmul = dyn_cast<QuantizedMatmulOp>(op))
      ok &= succeeded(exportMatmul(rewriter, matmul, *files));
    else
      ok &= succeeded(refuseLookup(cast<QuantizedLookupOp>(op)));
  }
  if (!ok)
    return signalPassFailure();
  module.walk([&](QuantizeActivationsOp op) {
    if (op->use_empty())
      rewriter.eraseOp(op);
  });
}
} // namespace mlir::fptq
