//===- FptqOps.cpp - verifiers and shapes ---------------------------------===//
#include "fptq/IR/Limits.h"
#include "fptq/IR/PackedShape.h"

#include <cmath>

using namespace mlir;
using namespace mlir::fptq;

#include "fptq/IR/LayerOpInterface.cpp.inc"

#define GET_OP_CLASSES
#include "fptq/IR/FptqOps.cpp.inc"

static ArrayRef<int64_t> shapeOf(Value v) { return cast<ShapedType>(v.getType()).getShape(); }
/// The size of dimension `d`, dynamic where there is none: that the rank is another one, verifyShape says.
static int64_t sizeOf(Value v, size_t d) {
  ArrayRef<int64_t> shape = shapeOf(v);
  return d < shape.size() ? shape[d] : ShapedType::kDynamic;
}
static bool agree(int64_t a, int64_t b) { return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b; }

/// " (layer 'a')" for the end of a message; "" where `op` has none.
static std::string layerOf(Operation *op) {
  auto layer = op->getAttrOfType<StringAttr>("layer");
  return layer ? (" (layer '" + layer.getValue() + "')").str() : "";
}

/// "expected M x N, got 3 x 4" for one operand; `expected` may hold dynamic sizes.
static LogicalResult verifyShape(Operation *op, Value v, StringRef name, ArrayRef<int64_t> expected, StringRef label) {
  ArrayRef<int64_t> got = shapeOf(v);
  if (got.size() == expected.size() &&
      llvm::all_of(llvm::zip(got, expected), [](auto p) { return agree(std::get<0>(p), std::get<1>(p)); }))
    return success();
  InFlightDiagnostic diag = op->emitOpError() << "(" << label << ") " << name << " is ";
  auto print = [&](ArrayRef<int64_t> shape) {
    if (shape.empty())
      diag << "a scalar";
    llvm::interleave(
        shape, [&](int64_t d) { ShapedType::isDynamic(d) ? diag << "?" : diag << d; }, [&] { diag << " x "; });
  };
  print(got);
  diag << ", expected ";
  print(expected);
  return diag << layerOf(op);
}

//===----------------------------------------------------------------------===//
// Destination-style ops: effects and shapes are those of their inits
//===----------------------------------------------------------------------===//

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

/// Reads every memref operand, writes the inits; on tensors there is no effect.
static void destinationEffects(DestinationStyleOpInterface op, Effects &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand, SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
  }
}

static LogicalResult reifyInits(DestinationStyleOpInterface op, OpBuilder &b, ReifiedRankedShapedTypeDims &shapes) {
  for (OpResult result : op->getResults())
    shapes.push_back(tensor::getMixedSizes(b, op.getLoc(), op.getTiedOpOperand(result)->get()));
  return success();
}

#define FPTQ_DESTINATION_STYLE(OP)                                                                                     \
  void OP::getEffects(Effects &effects) { destinationEffects(*this, effects); }                                        \
  LogicalResult OP::reifyResultShapes(OpBuilder &b, ReifiedRankedShapedTypeDims &shapes) {                             \
    return reifyInits(*this, b, shapes);                                                                               \
  }
FPTQ_DESTINATION_STYLE(QuantizeActivationsOp)
FPTQ_DESTINATION_STYLE(QuantizeRowsOp)
FPTQ_DESTINATION_STYLE(QuantizedMatmulOp)
FPTQ_DESTINATION_STYLE(QuantizedLookupOp)
FPTQ_DESTINATION_STYLE(PackedMatmulOp)
FPTQ_DESTINATION_STYLE(PackedLookupOp)
#undef FPTQ_DESTINATION_STYLE

static Speculation::Speculatability onTensors(DestinationStyleOpInterface op) {
  return op.hasPureTensorSemantics() ? Speculation::Speculatable : Speculation::NotSpeculatable;
}

Speculation::Speculatability QuantizeActivationsOp::getSpeculatability() { return onTensors(*this); }
Speculation::Speculatability QuantizedMatmulOp::getSpeculatability() { return onTensors(*this); }
Speculation::Speculatability PackedMatmulOp::getSpeculatability() { return onTensors(*this); }
Speculation::Speculatability QuantizeRowsOp::getSpeculatability() {
  // A body may divide by an integer input.
  return hasPureTensorSemantics() ? Speculation::RecursivelySpeculatable : Speculation::NotSpeculatable;
}

/// "%q, %scales, %sums" instead of "%0:3".
static void nameQuantized(ResultRange results, OpAsmSetValueNameFn setName) {
  static constexpr StringLiteral kNames[] = {"q", "scales", "sums"};
  for (auto [result, name] : llvm::zip(results, kNames))
    setName(result, name);
}

void QuantizeActivationsOp::getAsmResultNames(OpAsmSetValueNameFn setName) { nameQuantized(getResults(), setName); }
void QuantizeRowsOp::getAsmResultNames(OpAsmSetValueNameFn setName) { nameQuantized(getResults(), setName); }

//===----------------------------------------------------------------------===//
// Other ops: effects and shapes
//===----------------------------------------------------------------------===//

void ObserveOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), SideEffects::DefaultResource::get());
  if (isa<MemRefType>(getX().getType()))
    effects.emplace_back(MemoryEffects::Read::get(), &getXMutable(), SideEffects::DefaultResource::get());
}

LogicalResult LinearOp::reifyResultShapes(OpBuilder &b, ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(tensor::getMixedSizes(b, getLoc(), getX()));
  shapes.back().back() = tensor::getMixedSize(b, getLoc(), getWeight(), 0);
  return success();
}

LogicalResult ScaleChannelsOp::reifyResultShapes(OpBuilder &b, ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(tensor::getMixedSizes(b, getLoc(), getInput()));
  return success();
}

LogicalResult LookupOp::reifyResultShapes(OpBuilder &b, ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back({tensor::getMixedSize(b, getLoc(), getIds(), 0), tensor::getMixedSize(b, getLoc(), getTable(), 1)});
  return success();
}

int64_t QuantizedMatmulOp::getInputChannels() {
  if (auto quantize = getQ().getDefiningOp<QuantizeActivationsOp>())
    return quantize.getInputChannels();
  if (auto rows = getQ().getDefiningOp<QuantizeRowsOp>())
    return rows.getChannels();
  return cast<ShapedType>(getQ().getType()).getDimSize(1);
}

//===----------------------------------------------------------------------===//
// Float form
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getX()), w = shapeOf(getWeight());
  if (x.empty() || !agree(x.back(), w[1])) // L1
    return emitOpError() << "(L1) input channels of x (" << (x.empty() ? 0 : x.back()) << ") and of weight (" << w[1]
                         << ") differ (layer '" << getLayer() << "')";
  if (w[0] == 0 || w[1] == 0) // L5
    return emitOpError() << "(L5) weight is " << w[0] << " x " << w[1] << ", expected rows and columns (layer '"
                         << getLayer() << "')";
  SmallVector<int64_t> expected(x);
  expected.back() = w[0];
  if (failed(verifyShape(*this, getResult(), "result", expected, "L2")))
    return failure();
  if (getBias() && failed(verifyShape(*this, getBias(), "bias", w[0], "L3")))
    return failure();
  ElementsAttr absmax = getChannelAbsmaxAttr();
  if (!absmax)
    return success();
  if (absmax.getShapedType().getNumElements() != w[1]) // L4
    return emitOpError() << "(L4) channel_absmax has " << absmax.getShapedType().getNumElements()
                         << " elements, expected " << w[1] << " (layer '" << getLayer() << "')";
  if (auto values = absmax.tryGetValues<float>())
    for (auto [k, v] : llvm::enumerate(*values)) {
      if (!(v >= 0) || std::isinf(v))
        return emitOpError() << "(L4) channel_absmax of channel " << k << " is " << v << " (layer '" << getLayer()
                             << "')";
      if (absmax.isSplat()) // one that stands for all
        break;
    }
  return success();
}

LogicalResult ObserveOp::verify() {
  if (shapeOf(getX()).empty())
    return emitOpError() << "(OB1) x is a scalar, expected rows of channels (layer '" << getLayer() << "')";
  return success();
}

LogicalResult ScaleChannelsOp::verify() {
  ArrayRef<int64_t> shape = shapeOf(getInput());
  int64_t dim = getDim();
  if (dim < 0 || dim >= (int64_t)shape.size())
    return emitOpError() << "(SC1) dim " << dim << " is outside rank " << shape.size();
  return verifyShape(*this, getScales(), "scales", shape[dim], "SC2");
}

LogicalResult DequantizeOp::verify() {
  ArrayRef<int64_t> w = getType().getShape();
  int64_t n = w[0], k = w[1], group = getGroupSize(), bits = getBits();
  if (bits != 4 && bits != 8)
    return emitOpError() << "(DQ1) has codes of " << bits << " bits, expected 4 or 8";
  if (ShapedType::isDynamic(k))
    return emitOpError() << "(DQ1) has an unknown number of input channels";
  if (group <= 0 || k % group)
    return emitOpError() << "(DQ1) group size " << group << " does not divide " << k << " input channels";
  if (failed(verifyShape(*this, getCodes(), "codes", {n, bits == 4 ? (k + 1) / 2 : k}, "DQ2")) ||
      failed(verifyShape(*this, getScales(), "scales", {n, k / group}, "DQ3")) ||
      (getZeros() && failed(verifyShape(*this, getZeros(), "zeros", {n, k / group}, "DQ3"))) ||
      (getOffsets() && failed(verifyShape(*this, getOffsets(), "offsets", {n, k / group}, "DQ3"))))
    return failure();
  if (bits == 8 && (getZeros() || getOffsets()))
    return emitOpError() << "(DQ3) codes of 8 bits have neither zeros nor offsets";
  if (getZeros() && getOffsets())
    return emitOpError() << "(DQ3) has both zeros and offsets";
  return success();
}

LogicalResult LookupOp::verify() {
  Type stored = getTable().getType().getElementType(), read = getType().getElementType();
  if (stored != read && stored.getIntOrFloatBitWidth() >= read.getIntOrFloatBitWidth()) // LK2
    return emitOpError() << "(LK2) has elements of type " << read << " for a table of " << stored
                         << ", expected these or wider ones (layer '" << getLayer() << "')";
  return verifyShape(*this, getResult(), "result", {getIds().getType().getDimSize(0), getChannels()}, "LK1");
}

//===----------------------------------------------------------------------===//
// Integer form
//===----------------------------------------------------------------------===//

/// `v` as a product that stays dynamic when a factor is. One that does not fit agrees with no size.
static int64_t times(int64_t a, int64_t b) {
  int64_t product;
  if (ShapedType::isDynamic(a) || ShapedType::isDynamic(b))
    return ShapedType::kDynamic;
  return llvm::MulOverflow(a, b, product) ? std::numeric_limits<int64_t>::max() : product;
}

/// QA1, QA2, QR3: codes, scales and sums of M rows of `k` channels.
template <typename OpTy>
static LogicalResult verifyQuantized(OpTy op, int64_t rows, int64_t k, StringRef shapes, StringRef sizes) {
  int64_t group = op.getGroupSize(), padded = op.getPaddedGroupSize();
  if (group < 0)
    return op.emitOpError() << "(" << sizes << ") group size " << group << " is negative";
  if (group == 0)
    group = k;
  if (!ShapedType::isDynamic(group) && padded < group)
    return op.emitOpError() << "(" << sizes << ") padded group size " << padded << " is below the group size " << group;
  int64_t groups = ShapedType::isDynamic(k) || group <= 0 ? ShapedType::kDynamic : llvm::divideCeil(k, group);
  if (failed(verifyShape(op, op.getQInit(), "q", {rows, times(groups, padded)}, shapes)) ||
      failed(verifyShape(op, op.getScalesInit(), "scales", rows, shapes)) ||
      failed(verifyShape(op, op.getSumsInit(), "sums", {rows, groups}, shapes)))
    return failure();
  return success();
}

LogicalResult QuantizeActivationsOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getX());
  if (x.size() != 2)
    return emitOpError() << "(QA1) x has rank " << x.size() << ", expected rows x channels";
  if (x[1] == 0)
    return emitOpError() << "(QA2) has no channels";
  if (failed(verifyQuantized(*this, x[0], x[1], "QA1", "QA2")))
    return failure();
  return getMultiplier() ? verifyShape(*this, getMultiplier(), "multiplier", x[1], "QA3") : success();
}

LogicalResult QuantizeRowsOp::verify() {
  Block &body = getBody().front();
  if (getIndexingMaps().size() != getInputs().size())
    return emitOpError() << "(QR1) has " << getIndexingMaps().size() << " maps for " << getInputs().size() << " inputs";
  if (body.getNumArguments() != getInputs().size())
    return emitOpError() << "(QR2) has a body of " << body.getNumArguments() << " arguments for " << getInputs().size()
                         << " inputs";
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    AffineMap map = getMap(i);
    auto shaped = dyn_cast<ShapedType>(input.getType());
    int64_t rank = shaped ? shaped.getRank() : 0;
    if (map.getNumDims() != 2 || map.getNumSymbols() || int64_t(map.getNumResults()) != rank ||
        !llvm::all_of(map.getResults(), [](AffineExpr e) { return isa<AffineDimExpr>(e) || e == 0; }))
      return emitOpError() << "(QR1) map " << getIndexingMaps()[i] << " of input " << i
                           << " is no choice of rows and channels for rank " << rank;
    Type element = getElementTypeOrSelf(input.getType()), argument = body.getArgument(i).getType();
    if (element != argument)
      return emitOpError() << "(QR2) argument " << i << " of the body has type " << argument << ", input " << i
                           << " has elements of type " << element;
  }
  if (!isa<YieldOp>(body.back()))
    return emitOpError() << "(QR2) has a body that does not end with fptq.yield";
  if (getChannels() <= 0)
    return emitOpError() << "(QR3) has " << getChannels() << " channels";
  return verifyQuantized(*this, sizeOf(getQInit(), 0), getChannels(), "QR3", "QR3");
}

/// The weight operands of one scheme, N rows and G groups: QM1 of the codes and QM2 of the rest in a product, one label
/// for both in other ops.
static LogicalResult verifyWeights(Operation *op, SchemeAttr scheme, Value codes, Value scales, Value zeros,
                                   Value multipliers, int64_t n, int64_t groups, int64_t codeBytes,
                                   StringRef codesLabel, StringRef label) {
  if (failed(verifyShape(op, codes, "codes", {n, codeBytes}, codesLabel)))
    return failure();
  bool twoLevel = scheme.getKind() == SchemeKind::TwoLevel;
  if (twoLevel != bool(multipliers))
    return op->emitOpError() << "(" << label << ") the " << stringifyEnum(scheme.getKind()) << " scheme "
                             << (twoLevel ? "needs" : "has no") << " multipliers" << layerOf(op);
  if (bool(zeros) == scheme.getSymmetric())
    return op->emitOpError() << "(" << label << ") "
                             << (zeros ? "a symmetric scheme has no zeros" : "an asymmetric scheme needs zeros")
                             << layerOf(op);
  SmallVector<int64_t> scaleShape = twoLevel ? SmallVector<int64_t>{n} : SmallVector<int64_t>{n, groups};
  if (failed(verifyShape(op, scales, "scales", scaleShape, label)) ||
      (zeros && failed(verifyShape(op, zeros, "zeros", {n, groups}, label))) ||
      (multipliers && failed(verifyShape(op, multipliers, "multipliers", {n, groups}, label))))
    return failure();
  return success();
}

/// QM4 / PM3 and the activations' half of QM3 / PM2.
template <typename OpTy> static LogicalResult verifyMatmul(OpTy op, StringRef activations, StringRef outputs) {
  ArrayRef<int64_t> q = shapeOf(op.getQ()), y = shapeOf(op.getInit());
  if (q.size() != 2 || y.size() != 2)
    return op.emitOpError() << "(" << activations << ") q and the result have rank " << q.size() << " and " << y.size()
                            << ", expected 2";
  int64_t groups = shapeOf(op.getXSums()).size() == 2 ? op.getNumGroups() : ShapedType::kDynamic;
  if (failed(verifyShape(op, op.getXScales(), "x_scales", q[0], activations)) ||
      failed(verifyShape(op, op.getXSums(), "x_sums", {q[0], groups}, activations)) ||
      failed(verifyShape(op, op.getInit(), "result", {q[0], y[1]}, outputs)) ||
      (op.getBias() && failed(verifyShape(op, op.getBias(), "bias", y[1], outputs))) ||
      (op.getMultiplicand() && failed(verifyShape(op, op.getMultiplicand(), "multiplicand", y, outputs))) ||
      (op.getResidual() && failed(verifyShape(op, op.getResidual(), "residual", y, outputs))))
    return failure();
  return success();
}

LogicalResult QuantizedMatmulOp::verify() {
  if (failed(verifyMatmul(*this, "QM3", "QM4")))
    return failure();
  int64_t columns = shapeOf(getQ())[1], groups = getNumGroups();
  if (columns > kMaxInputChannels)
    return emitOpError() << "(QM5) " << columns << " input channels could overflow int32, at most " << kMaxInputChannels
                         << " (layer '" << getLayer() << "')";
  int64_t group = getScheme().getGroupSize(), rows = shapeOf(getQ())[0];
  if (failed(group ? verifyShape(*this, getQ(), "q", {rows, times(groups, group)}, "QM3")
                   : verifyShape(*this, getXSums(), "x_sums", {rows, 1}, "QM3")))
    return failure();
  return verifyWeights(*this, getScheme(), getCodes(), getScales(), getZeros(), getMultipliers(), shapeOf(getInit())[1],
                       groups, ShapedType::isDynamic(columns) ? columns : llvm::divideCeil(columns, 2), "QM1", "QM2");
}

/// QL2, PL2: one row of static length for each id.
template <typename OpTy> static LogicalResult verifyRows(OpTy op, StringRef label) {
  ArrayRef<int64_t> ids = shapeOf(op.getIds()), rows = shapeOf(op.getInit());
  if (ids.size() != 1)
    return op.emitOpError() << "(" << label << ") ids have rank " << ids.size() << ", expected 1 (layer '"
                            << op.getLayer() << "')";
  if (rows.size() == 2 && ShapedType::isDynamic(rows[1]))
    return op.emitOpError() << "(" << label << ") rows have no static length (layer '" << op.getLayer() << "')";
  return verifyShape(op, op.getInit(), "result", {ids[0], rows.empty() ? 0 : rows.back()}, label);
}

LogicalResult QuantizedLookupOp::verify() {
  if (failed(verifyRows(*this, "QL2")))
    return failure();
  int64_t groups = getScheme().numGroups(getChannels()), group = getScheme().groupSizeFor(getChannels());
  return verifyWeights(*this, getScheme(), getCodes(), getScales(), getZeros(), getMultipliers(), sizeOf(getCodes(), 0),
                       groups, llvm::divideCeil(groups * group, 2), "QL1", "QL1");
}

//===----------------------------------------------------------------------===//
// Packed form
//===----------------------------------------------------------------------===//

PackedShape mlir::fptq::packedShape(SchemeAttr scheme, int64_t n, int64_t k, bool halfScales) {
  return {n, k, scheme.groupSizeFor(k), scheme.getKind() == SchemeKind::TwoLevel, scheme.getSymmetric(), halfScales};
}

PackedShape mlir::fptq::packedShape(SchemeAttr scheme, LayoutAttr layout, int64_t n, int64_t k, int64_t bytes) {
  PackedShape halves = packedShape(scheme, n, k, /*halfScales=*/true);
  return bytes == packedBytes(layout.getLayout(), halves) ? halves : packedShape(scheme, n, k, false);
}

bool mlir::fptq::hasHalfScales(PackedMatmulOp op) {
  int64_t n = op.getOutputChannels(), bytes = shapeOf(op.getPacked())[0];
  if (ShapedType::isDynamic(n) || ShapedType::isDynamic(bytes))
    return op.getHalfScales();
  return packedShape(op.getScheme(), op.getLayout(), n, op.getK(), bytes).halfScales;
}

/// More rows than any weight has, and few enough for their bytes to fit 64 bits.
static constexpr int64_t kMaxRows = int64_t(1) << 31;

/// Before anything is computed from an attribute `k`.
static LogicalResult verifyInputChannels(Operation *op, int64_t k) {
  if (k <= 0 || k > kMaxInputChannels)
    return op->emitOpError() << "(QM5) " << k << " input channels, expected 1.." << kMaxInputChannels;
  return success();
}

/// PK2, PM1: the packed operand has the bytes its layout needs, with f32 or f16 scales.
static LogicalResult verifyPackedBytes(Operation *op, Value packed, SchemeAttr scheme, LayoutAttr layout, int64_t n,
                                       int64_t k, StringRef label) {
  if (shapeOf(packed).size() != 1)
    return op->emitOpError() << "(" << label << ") packed weight has rank " << shapeOf(packed).size() << ", expected 1";
  int64_t bytes = shapeOf(packed)[0];
  if (ShapedType::isDynamic(n)) // nothing to compare with
    return success();
  if (n > kMaxRows)
    return op->emitOpError() << "(" << label << ") packed weight has " << n << " rows, expected at most " << kMaxRows;
  int64_t f32 = packedBytes(layout.getLayout(), packedShape(scheme, n, k, false)),
          f16 = packedBytes(layout.getLayout(), packedShape(scheme, n, k, true));
  if (agree(bytes, f32) || agree(bytes, f16))
    return success();
  return op->emitOpError() << "(" << label << ") packed weight has " << bytes << " bytes, layout '" << layout.getName()
                           << "' needs " << f32 << " (f32 scales) or " << f16 << " (f16 scales) for N = " << n
                           << ", K = " << k;
}

LogicalResult PackOp::verify() {
  if (failed(verifyInputChannels(*this, getK())))
    return failure();
  int64_t n = sizeOf(getCodes(), 0), k = getK(), group = getScheme().groupSizeFor(k), groups = getScheme().numGroups(k);
  if (failed(verifyWeights(*this, getScheme(), getCodes(), getScales(), getZeros(), getMultipliers(), n, groups,
                           llvm::divideCeil(groups * group, 2), "PK1", "PK1")))
    return failure();
  return verifyPackedBytes(*this, getPacked(), getScheme(), getLayout(), n, k, "PK2");
}

LogicalResult UnpackOp::verify() {
  if (failed(verifyInputChannels(*this, getK())))
    return failure();
  bool twoLevel = getScheme().getKind() == SchemeKind::TwoLevel;
  size_t expected = 2 + !getScheme().getSymmetric() + twoLevel;
  if (getNumResults() != expected)
    return emitOpError() << "(UP1) has " << getNumResults() << " results, expected " << expected;
  for (auto [i, type] : llvm::enumerate(getResultTypes())) {
    Type element = getElementTypeOrSelf(type);
    if (i == 1 ? !element.isF32() && !element.isF16() : !element.isInteger(8))
      return emitOpError() << "(UP1) result " << i << " has elements of type " << element << ", expected "
                           << (i == 1 ? "f32 or f16" : "i8");
  }
  int64_t k = getK(), n = sizeOf(getResult(0), 0), groups = getScheme().numGroups(k);
  Value zeros = getScheme().getSymmetric() ? Value() : Value(getResult(2));
  Value multipliers = twoLevel ? Value(getResult(3)) : Value();
  if (failed(verifyWeights(*this, getScheme(), getResult(0), getResult(1), zeros, multipliers, n, groups,
                           llvm::divideCeil(groups * getScheme().groupSizeFor(k), 2), "UP1", "UP1")))
    return failure();
  return verifyPackedBytes(*this, getPacked(), getScheme(), getLayout(), n, k, "UP1");
}

LogicalResult PackedMatmulOp::verify() {
  if (failed(verifyInputChannels(*this, getK())) || failed(verifyMatmul(*this, "PM2", "PM3")))
    return failure();
  int64_t groups = getScheme().numGroups(getK());
  int64_t columns = groups * paddedGroupSize(getLayout().getLayout(), getScheme().groupSizeFor(getK()));
  if (failed(verifyShape(*this, getQ(), "q", {shapeOf(getQ())[0], columns}, "PM2")) ||
      failed(verifyShape(*this, getXSums(), "x_sums", {shapeOf(getQ())[0], groups}, "PM2")))
    return failure();
  return verifyPackedBytes(*this, getPacked(), getScheme(), getLayout(), shapeOf(getInit())[1], getK(), "PM1");
}

LogicalResult PackedLookupOp::verify() {
  if (failed(verifyRows(*this, "PL2")))
    return failure();
  if (int64_t(getRows()) <= 0)
    return emitOpError() << "(PL1) has a table of " << int64_t(getRows()) << " rows (layer '" << getLayer() << "')";
  if (ShapedType::isDynamic(sizeOf(getPacked(), 0))) // f16 scales are told by the number of bytes (P9)
    return emitOpError() << "(PL1) packed weight has an unknown number of bytes (layer '" << getLayer() << "')";
  if (failed(verifyInputChannels(*this, getChannels())))
    return failure();
  return verifyPackedBytes(*this, getPacked(), getScheme(), getLayout(), getRows(), getChannels(), "PL1");
}
