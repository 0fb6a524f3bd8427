//===- EmitQuantized.cpp - the quantized form of one layer ----------------===//
#include "EmitQuantized.h"
#include "fptq/Support/ParallelLoops.h"
#include "fptq/Support/Parameters.h"
#include "fptq/Support/RowForm.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/Utils/Utils.h"

using namespace mlir;
using namespace mlir::fptq;

static Value empty(OpBuilder &b, Location loc, OpFoldResult rows, ArrayRef<int64_t> rest, Type element) {
  SmallVector<OpFoldResult> sizes{rows};
  for (int64_t size : rest)
    sizes.push_back(b.getIndexAttr(size));
  return tensor::EmptyOp::create(b, loc, sizes, element);
}

/// A `scale_channels` along the last dimension by a constant is the quantize step's multiplier: the
/// product is formed there once, in float, and never stored.
static Value takeMultiplier(Value &x) {
  auto scale = x.getDefiningOp<ScaleChannelsOp>();
  if (!scale || (int64_t)scale.getDim() != cast<RankedTensorType>(x.getType()).getRank() - 1 ||
      !isConstantChain(scale.getScales()))
    return {};
  x = scale.getInput();
  return scale.getScales();
}

/// scale = absmax / 127; a layer that only ever saw zeros, or next to nothing else, gets 1.
static Value staticScale(OpBuilder &b, LinearOp op) {
  if (op.getPolicyAttr().getKind() == PolicyKind::PerToken)
    return {};
  float scale = static_cast<float>(op.getRangeAttr().getAbsmax() / 127.0);
  return arith::ConstantOp::create(b, op.getLoc(), b.getF32FloatAttr(scale > 0 ? scale : 1.0f));
}

namespace {
/// One quantize step and what it made.
struct Activations {
  OpFoldResult rows;
  Value q, scales, sums;
};
} // namespace

static Activations quantizeInput(OpBuilder &b, LinearOp op) {
  Location loc = op.getLoc();
  int64_t k = op.getInputChannels(), groups = op.getSchemeAttr().numGroups(k),
          group = op.getSchemeAttr().groupSizeFor(k);
  Value x = op.getX(), multiplier = takeMultiplier(x);
  x = toRows(b, loc, x);
  OpFoldResult rows = tensor::getMixedSize(b, loc, x, 0);
  Value q = empty(b, loc, rows, {groups * group}, b.getI8Type()), scales = empty(b, loc, rows, {}, b.getF32Type()),
        sums = empty(b, loc, rows, {groups}, b.getI32Type());
  auto step = QuantizeActivationsOp::create(b, loc, TypeRange{q.getType(), scales.getType(), sums.getType()}, x,
                                            multiplier, staticScale(b, op), q, scales, sums, group, group);
  return {rows, step.getResult(0), step.getResult(1), step.getResult(2)};
}

/// What a part of a layer is called; reports leave it out.
static void markPart(OpBuilder &b, Operation *op) { op->setAttr(FptqDialect::kPartAttr, b.getUnitAttr()); }

/// `x_scales[t] * x_sums[t,g]` times the offsets: a small float product over groups.
static Value offsetProduct(OpBuilder &b, LinearOp op, const Activations &x, Value offsets) {
  Location loc = op.getLoc();
  int64_t groups = cast<RankedTensorType>(offsets.getType()).getDimSize(1);
  Value sums = empty(b, loc, x.rows, {groups}, b.getF32Type());
  AffineMap all = b.getMultiDimIdentityMap(2), row = AffineMap::get(2, 0, b.getAffineDimExpr(0));
  sums = linalg::GenericOp::create(b, loc, sums.getType(), ValueRange{x.scales, x.sums}, ValueRange{sums},
                                   ArrayRef<AffineMap>{row, all, all}, parallelLoops(2),
                                   [](OpBuilder &b, Location loc, ValueRange args) {
                                     Value sum = arith::SIToFPOp::create(b, loc, b.getF32Type(), args[1]);
                                     Value product = arith::MulFOp::create(b, loc, args[0], sum);
                                     linalg::YieldOp::create(b, loc, product);
                                   })
             .getResult(0);
  auto type = RankedTensorType::get({cast<RankedTensorType>(sums.getType()).getDimSize(0), op.getOutputChannels()},
                                    b.getF32Type());
  auto linear = LinearOp::create(
      b, loc, type, sums, offsets, Value(), b.getStringAttr(op.getLayer() + ".offsets"), RangeAttr(), ElementsAttr(),
      PolicyAttr::get(op.getContext(), PolicyKind::Float, "offsets of '" + op.getLayer().str() + "'"), SchemeAttr());
  markPart(b, linear);
  return linear.getResult();
}

/// Product `number` of the layer; the first one carries the bias and what reports read.
static Value product(OpBuilder &b, LinearOp op, const Activations &x, const QuantizedParts::Product &weight,
                     size_t number, Value residual) {
  Location loc = op.getLoc();
  SchemeAttr given = op.getSchemeAttr();
  auto scheme =
      SchemeAttr::get(op.getContext(), given.getKind(), given.getGroupSize(), !weight.zeros, given.getMethod());
  std::string layer = op.getLayer().str() + (number ? ".part" + std::to_string(number) : "");
  Value y = empty(b, loc, x.rows, {op.getOutputChannels()}, b.getF32Type());
  Value bias = !number && op.getBias() ? inF32(b, loc, op.getBias()) : Value();
  auto matmul = QuantizedMatmulOp::create(b, loc, y.getType(), x.q, x.scales, x.sums, weight.codes, weight.scales,
                                          weight.zeros, weight.multipliers, bias, /*multiplicand=*/Value(), residual, y,
                                          scheme, b.getStringAttr(layer),
                                          /*activation=*/nullptr);
  if (number)
    markPart(b, matmul);
  return matmul.getResult();
}

void mlir::fptq::emitQuantized(LinearOp op, const QuantizedParts &parts, std::optional<double> errorDb) {
  OpBuilder b(op);
  Activations x = quantizeInput(b, op);
  Value y = parts.offsets ? offsetProduct(b, op, x, parts.offsets) : Value();
  // Last first: the product that carries the layer's name ends up on top.
  for (size_t i = parts.products.size(); i-- > 0;)
    y = product(b, op, x, parts.products[i], i, y);
  Operation *matmul = y.getDefiningOp();
  // Reports read these after quantization (Policy/LayerTable.h).
  matmul->setAttr(FptqDialect::kPolicyAttr, op.getPolicyAttr());
  if (Attribute profiled = op->getAttr(FptqDialect::kRangeAttr))
    matmul->setAttr(FptqDialect::kRangeAttr, profiled);
  else if (op.getRangeAttr())
    matmul->setAttr(FptqDialect::kRangeAttr, op.getRangeAttr());
  if (errorDb)
    matmul->setAttr(FptqDialect::kErrorAttr, b.getF64FloatAttr(*errorDb));
  op.replaceAllUsesWith(fromRows(b, op.getLoc(), y, op.getType(), op.getX()));
  op.erase();
}

void mlir::fptq::emitQuantized(LookupOp op, const QuantizedParts::Product &table, std::optional<double> errorDb) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  OpFoldResult rows = tensor::getMixedSize(b, loc, op.getIds(), 0);
  Value init = empty(b, loc, rows, {op.getChannels()}, b.getF32Type());
  auto lookup = QuantizedLookupOp::create(b, loc, init.getType(), op.getIds(), table.codes, table.scales, table.zeros,
                                          table.multipliers, init, op.getSchemeAttr(), op.getLayerAttr());
  if (op.getReasonAttr())
    lookup->setAttr(FptqDialect::kReasonAttr, op.getReasonAttr());
  if (errorDb)
    lookup->setAttr(FptqDialect::kErrorAttr, b.getF64FloatAttr(*errorDb));
  Value result = lookup.getResult();
  RankedTensorType wanted = op.getType();
  if (!wanted.getElementType().isF32())
    result = arith::TruncFOp::create(b, loc, cast<RankedTensorType>(result.getType()).clone(wanted.getElementType()),
                                     result);
  if (result.getType() != wanted)
    result = tensor::CastOp::create(b, loc, wanted, result);
  op.replaceAllUsesWith(result);
  op.erase();
}
