//===- LowerLinear.cpp - float linears over packed weights ----------------===//
#include "PassOptions.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/ParallelLoops.h"
#include "fptq/Support/Parameters.h"
#include "fptq/Support/RowForm.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERLINEARPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerLinearPass : impl::FptqLowerLinearPassBase<FptqLowerLinearPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// [N, K] to [ceil(N / width), K, width], missing columns zero.
static std::vector<float> packColumns(ArrayRef<float> weight, int64_t n, int64_t k, int64_t width) {
  std::vector<float> packed(llvm::divideCeil(n, width) * k * width, 0.0f);
  for (int64_t row = 0; row < n; ++row) {
    float *to = packed.data() + row / width * k * width + row % width;
    for (int64_t i = 0; i < k; ++i)
      to[i * width] = weight[row * k + i];
  }
  return packed;
}

namespace {
/// The packed weights of a module, so that functions which share a layer (prefill, prompt, decode) share its constant.
class PackedColumns {
public:
  DenseResourceElementsAttr get(OpBuilder &b, StringRef name, ArrayRef<int64_t> shape, ArrayRef<float> data) {
    auto type = RankedTensorType::get(shape, b.getF32Type());
    ArrayRef<char> bytes(reinterpret_cast<const char *>(data.data()), data.size() * sizeof(float));
    for (DenseResourceElementsAttr known : byName[name])
      if (known.getType() == type && known.getRawHandle().getBlob()->getData() == bytes)
        return known;
    auto blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64, /*dataIsMutable=*/false);
    return byName[name].emplace_back(DenseResourceElementsAttr::get(type, name, std::move(blob)));
  }

private:
  llvm::StringMap<SmallVector<DenseResourceElementsAttr, 1>> byName;
};
} // namespace

/// y[m, b, n] += x[m, k] * w[b, k, n].
static Value contract(OpBuilder &b, Location loc, Value x, Value w, ArrayRef<OpFoldResult> sizes) {
  MLIRContext *c = b.getContext();
  AffineExpr m, block, k, n;
  bindDims(c, m, block, k, n);
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0.0f));
  Value empty = tensor::EmptyOp::create(b, loc, sizes, b.getF32Type());
  Value init = linalg::FillOp::create(b, loc, zero, empty).getResult(0);
  SmallVector<AffineMap> maps = {AffineMap::get(4, 0, {m, k}, c), AffineMap::get(4, 0, {block, k, n}, c),
                                 AffineMap::get(4, 0, {m, block, n}, c)};
  using utils::IteratorType;
  SmallVector<IteratorType> kinds = {IteratorType::parallel, IteratorType::parallel, IteratorType::reduction,
                                     IteratorType::parallel};
  return linalg::GenericOp::create(b, loc, init.getType(), ValueRange{x, w}, ValueRange{init}, maps, kinds,
                                   [](OpBuilder &b, Location loc, ValueRange args) {
                                     Value product = arith::MulFOp::create(b, loc, args[0], args[1]);
                                     Value sum = arith::AddFOp::create(b, loc, args[2], product);
                                     linalg::YieldOp::create(b, loc, sum);
                                   })
      .getResult(0);
}

static Value addBias(OpBuilder &b, Location loc, Value y, Value bias) {
  auto type = cast<RankedTensorType>(y.getType());
  AffineMap rows = b.getMultiDimIdentityMap(2), column = AffineMap::get(2, 0, b.getAffineDimExpr(1));
  return linalg::GenericOp::create(b, loc, type, ValueRange{bias}, ValueRange{y}, ArrayRef<AffineMap>{column, rows},
                                   parallelLoops(2),
                                   [](OpBuilder &b, Location loc, ValueRange args) {
                                     Value sum = arith::AddFOp::create(b, loc, args[1], args[0]);
                                     linalg::YieldOp::create(b, loc, sum);
                                   })
      .getResult(0);
}

/// No rows: nothing to compute, and upstream slices no tensor of no elements.
static bool dropEmpty(LinearOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  if (!llvm::is_contained(type.getShape(), 0))
    return false;
  OpBuilder b(op);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, op.getLoc(), op.getX());
  sizes.back() = b.getIndexAttr(op.getOutputChannels());
  op.replaceAllUsesWith(tensor::EmptyOp::create(b, op.getLoc(), sizes, type.getElementType()).getResult());
  op.erase();
  return true;
}

static LogicalResult lowerLinear(LinearOp op, const ParameterFiles &files, int64_t width, PackedColumns &known) {
  FailureOr<std::vector<float>> weight = evaluateConstant(op.getWeight(), files, op.getLayer());
  if (failed(weight))
    return failure();
  OpBuilder b(op);
  Location loc = op.getLoc();
  int64_t n = op.getOutputChannels(), k = op.getInputChannels();
  width = std::min<int64_t>(width, llvm::alignTo(n, 16));
  int64_t blocks = llvm::divideCeil(n, width);
  std::string name = (op.getLayer() + ".packed_float").str();
  Value w =
      arith::ConstantOp::create(b, loc, known.get(b, name, {blocks, k, width}, packColumns(*weight, n, k, width)));
  Value x = toRows(b, loc, inF32(b, loc, op.getX()));
  OpFoldResult rows = tensor::getMixedSize(b, loc, x, 0);
  Value y = contract(b, loc, x, w, {rows, b.getIndexAttr(blocks), b.getIndexAttr(width)});
  y = tensor::CollapseShapeOp::create(b, loc, y, ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  if (blocks * width != n) {
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    y = tensor::ExtractSliceOp::create(b, loc, y, ArrayRef<OpFoldResult>{zero, zero},
                                       ArrayRef<OpFoldResult>{rows, b.getIndexAttr(n)},
                                       ArrayRef<OpFoldResult>{one, one});
  }
  if (op.getBias())
    y = addBias(b, loc, y, inF32(b, loc, op.getBias()));
  op.replaceAllUsesWith(fromRows(b, loc, y, op.getType(), op.getX()));
  op.erase();
  return success();
}

/// Layers that were to be quantized and were not: a stage is missing.
static void warnOfForgotten(ArrayRef<LinearOp> ops) {
  auto isForgotten = [](LinearOp op) { return bool(op.getSchemeAttr()); };
  int64_t count = llvm::count_if(ops, isForgotten);
  if (!count)
    return;
  LinearOp first = *llvm::find_if(ops, isForgotten);
  first.emitWarning()
      << count << (count == 1 ? " layer runs" : " layers run")
      << " in float that fptq-choose-policy decided to quantize, and fptq-quantize-weights did not (layer '"
      << first.getLayer() << "')";
}

void FptqLowerLinearPass::runOnOperation() {
  if (failed(checkOption(getOperation(), getArgument(), "width", width)))
    return signalPassFailure();
  FailureOr<ParameterFiles> files = ParameterFiles::open(getOperation());
  if (failed(files))
    return signalPassFailure();
  SmallVector<LinearOp> ops;
  getOperation().walk([&](LinearOp op) { ops.push_back(op); });
  warnOfForgotten(ops);
  PackedColumns known;
  for (LinearOp op : ops)
    if (!dropEmpty(op) && failed(lowerLinear(op, *files, width, known)))
      return signalPassFailure();
}
} // namespace mlir::fptq
