//===- EmitQuantized.cpp - the quantized form of one linear ---------------===//
#include "EmitQuantized.h"
#include "fptq/Support/Parameters.h"
#include "fptq/Support/RowForm.h"
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

/// scale = absmax / 127; a layer that only ever saw zeros gets 1.
static Value staticScale(OpBuilder &b, LinearOp op) {
  if (op.getPolicyAttr().getKind() == PolicyKind::PerToken)
    return {};
  double absmax = op.getRangeAttr().getAbsmax();
  float scale = absmax > 0 ? static_cast<float>(absmax / 127.0) : 1.0f;
  return arith::ConstantOp::create(b, op.getLoc(), b.getF32FloatAttr(scale));
}

void mlir::fptq::emitQuantized(LinearOp op, ArrayRef<Value> weights, std::optional<double> errorDb) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  SchemeAttr scheme = op.getSchemeAttr();
  int64_t k = op.getInputChannels(), n = op.getOutputChannels();
  int64_t groups = scheme.numGroups(k), group = scheme.groupSizeFor(k);
  Value x = op.getX(), multiplier = takeMultiplier(x);
  x = toRows(b, loc, x);
  OpFoldResult rows = tensor::getMixedSize(b, loc, x, 0);
  Value q = empty(b, loc, rows, {groups * group}, b.getI8Type()), scales = empty(b, loc, rows, {}, b.getF32Type()),
        sums = empty(b, loc, rows, {groups}, b.getI32Type());
  auto quantize = QuantizeActivationsOp::create(b, loc, TypeRange{q.getType(), scales.getType(), sums.getType()}, x,
                                                multiplier, staticScale(b, op), q, scales, sums, group, group);
  Value y = empty(b, loc, rows, {n}, b.getF32Type());
  Value bias = op.getBias() ? inF32(b, loc, op.getBias()) : Value();
  auto matmul = QuantizedMatmulOp::create(b, loc, y.getType(), quantize.getResult(0), quantize.getResult(1),
                                          quantize.getResult(2), weights[0], weights[1], weights[2], weights[3], bias,
                                          /*residual=*/Value(), y, scheme, op.getLayerAttr());
  // Reports read these after quantization (Policy/LayerTable.h).
  matmul->setAttr("fptq.policy", op.getPolicyAttr());
  if (Attribute profiled = op->getAttr("fptq.range"))
    matmul->setAttr("fptq.range", profiled);
  else if (op.getRangeAttr())
    matmul->setAttr("fptq.range", op.getRangeAttr());
  if (errorDb)
    matmul->setAttr("fptq.error_db", b.getF64FloatAttr(*errorDb));
  op.replaceAllUsesWith(fromRows(b, loc, matmul.getResult(), op.getType(), op.getX()));
  op.erase();
}
