//===- FptqToNVGPU.cpp - packed operations to kernel launches -------------===//
#include "HostLaunch.h"
#include "fptq/Conversion/FptqToNVGPU/Passes.h"
#include "fptq/IR/PackedShape.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::nvptx;

namespace mlir::fptq {
#define GEN_PASS_DEF_CONVERTFPTQTONVGPUPASS
#include "fptq/Conversion/FptqToNVGPU/Passes.h.inc"
} // namespace mlir::fptq

static Value rootOf(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  return memref;
}

/// Only kernels touch the contents: they may stay on the device.
static bool onlyKernelsUse(Value memref) {
  return llvm::all_of(memref.getUsers(), [](Operation *user) {
    if (auto view = dyn_cast<ViewLikeOpInterface>(user))
      return onlyKernelsUse(view->getResult(0));
    return isa<PackedMatmulOp, QuantizeActivationsOp, QuantizeRowsOp, memref::DeallocOp, memref::DimOp>(user);
  });
}

/// How a launch may treat a buffer that it only reads, or that quantization writes for products.
static FptqGpuArgumentKind kindOf(Value memref, FptqGpuArgumentKind otherwise) {
  if (!memref)
    return FPTQ_GPU_CONSTANT;
  Value root = rootOf(memref);
  if (auto load = root.getDefiningOp<memref::GetGlobalOp>()) {
    auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(load, load.getNameAttr());
    return global && global.getConstant() ? FPTQ_GPU_CONSTANT : otherwise;
  }
  bool local = isa_and_nonnull<memref::AllocOp, memref::AllocaOp>(root.getDefiningOp());
  return local && onlyKernelsUse(root) ? FPTQ_GPU_TEMPORARY : otherwise;
}

namespace {
class Lowering {
public:
  /// `slices` 0: as slicesFor chooses.
  Lowering(ModuleOp module, const Chip &chip, int64_t slices) : module(module), chip(chip), slices(slices) {}
  /// What is known of buffers is asked before lowering takes their users away.
  void classify(Operation *op);
  LogicalResult lower(Operation *op);
  LogicalResult lower(PackedMatmulOp op);
  LogicalResult lower(QuantizeActivationsOp op);
  LogicalResult lower(QuantizeRowsOp op);

private:
  gpu::GPUModuleOp kernels();
  /// The same buffer is an output of one operation and an input of the next.
  FptqGpuArgumentKind kind(Operation *op, Value memref) {
    return memref ? kinds.lookup({op, memref}) : FPTQ_GPU_CONSTANT;
  }
  /// Weights and biases: a caller's memory is no kernel's.
  FptqGpuArgumentKind parameterKind(Operation *op, Value memref) {
    FptqGpuArgumentKind known = kind(op, memref);
    return known == FPTQ_GPU_INPUT ? FPTQ_GPU_PARAMETER : known;
  }
  void forTokens(HostLaunch &host, Value m, int64_t known, function_ref<void(int64_t)> launch);
  int64_t slicesOf(PackedMatmulOp op, int64_t tokens);

  ModuleOp module;
  const Chip &chip;
  int64_t slices;
  DenseMap<std::pair<Operation *, Value>, FptqGpuArgumentKind> kinds;
};
} // namespace

void Lowering::classify(Operation *op) {
  auto destination = cast<DestinationStyleOpInterface>(op);
  for (OpOperand &operand : op->getOpOperands())
    if (isa<MemRefType>(operand.get().getType()))
      kinds[{op, operand.get()}] =
          kindOf(operand.get(), destination.isDpsInit(&operand) ? FPTQ_GPU_OUTPUT : FPTQ_GPU_INPUT);
}

gpu::GPUModuleOp Lowering::kernels() {
  if (auto existing = module.lookupSymbol<gpu::GPUModuleOp>(kModuleSymbol))
    return existing;
  OpBuilder b(module.getBody(), module.getBody()->end());
  return createKernelModule(b, module.getLoc(), chip);
}

/// launch(tokens of the tile) for the smallest tile that `m` fits, or the largest.
void Lowering::forTokens(HostLaunch &host, Value m, int64_t known, function_ref<void(int64_t)> launch) {
  SmallVector<int64_t> tiles = tilesFor(chip, known);
  OpBuilder::InsertionGuard guard(host.b);
  for (int64_t tokens : ArrayRef(tiles).drop_back()) {
    Value fits = arith::CmpIOp::create(host.b, arith::CmpIPredicate::sle, m, host.num(tokens));
    auto choice = scf::IfOp::create(host.b, fits, /*withElseRegion=*/true);
    host.b.setInsertionPointToStart(choice.thenBlock());
    launch(tokens);
    host.b.setInsertionPointToStart(choice.elseBlock());
  }
  launch(tiles.back());
}

static WeightFormat formatOf(PackedMatmulOp op) {
  return withEpilogue(weightFormat(op.getScheme(), op.getK(), hasHalfScales(op)), op);
}

/// Weights of sizes that only the call knows are not split.
int64_t Lowering::slicesOf(PackedMatmulOp op, int64_t tokens) {
  int64_t n = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  if (tokens > 16 || slices)
    return tokens > 16 ? 1 : slices;
  return ShapedType::isDynamic(n) ? 1 : slicesFor(chip, formatOf(op), tokens, n, op.getK());
}

LogicalResult Lowering::lower(PackedMatmulOp op) {
  if (op.getLayout().getLayout() != Layout::NVPTX)
    return op.emitOpError() << "has layout '" << op.getLayout().getName() << "', NVPTX kernels need 'nvptx' (layer '"
                            << op.getLayer() << "')";
  HostLaunch host(op);
  auto q = host.buffer(op.getQ()), xScales = host.buffer(op.getXScales()), xSums = host.buffer(op.getXSums()),
       packed = host.buffer(op.getPacked()), bias = host.buffer(op.getBias()), residual = host.buffer(op.getResidual()),
       multiplicand = host.buffer(op.getMultiplicand()), y = host.buffer(op.getInit());
  if (failed(q) || failed(xScales) || failed(xSums) || failed(packed) || failed(bias) || failed(residual) ||
      failed(multiplicand) || failed(y))
    return failure();
  host.addBuffer(kind(op, op.getQ()), *q);
  host.addBuffer(kind(op, op.getXScales()), *xScales);
  host.addBuffer(kind(op, op.getXSums()), *xSums);
  host.addBuffer(parameterKind(op, op.getPacked()), *packed);
  host.addBuffer(parameterKind(op, op.getBias()), *bias);
  host.addBuffer(kind(op, op.getResidual()), *residual);
  // A residual or a multiplicand may lie where the result goes.
  FptqGpuArgumentKind result = kind(op, op.getInit());
  bool inPlace = op.getResidual() || op.getMultiplicand();
  host.addBuffer(inPlace && result == FPTQ_GPU_OUTPUT ? FPTQ_GPU_INOUT : result, *y);
  Value m = host.dim(op.getQ(), 0), n = host.dim(op.getInit(), 1);
  Value groups = host.dim(op.getXSums(), 1);
  for (Value scalar : {q->stride, xSums->stride, residual->stride, y->stride, m, n, groups})
    host.addI32(scalar);
  if (op.getMultiplicand()) {
    host.addBuffer(kind(op, op.getMultiplicand()), *multiplicand);
    host.addI32(multiplicand->stride);
  }
  bool fits = true;
  forTokens(host, m, cast<MemRefType>(op.getQ().getType()).getDimSize(0), [&](int64_t tokens) {
    int64_t slices = slicesOf(op, tokens);
    Kernel kernel = getOrCreateMatmul(kernels(), chip, formatOf(op), tokens, slices > 1);
    fits &= succeeded(checkShared(kernel, chip, /*extraBytes=*/0, [&] { return op.emitOpError(); }));
    Value gridX = host.ceilDiv(n, kernel.rows), gridY = host.ceilDiv(m, kernel.tokens);
    if (!kernel.split)
      return host.launch(module, kernel, gridX, gridY, host.num(0));
    HostLaunch split = host;
    split.addWorkspace(kernel, gridX, gridY, slices, groups);
    split.launch(module, kernel, gridX, gridY, host.num(0), host.num(slices));
  });
  op.erase();
  return success(fits);
}

static LogicalResult checkPadding(Operation *op, int64_t padded) {
  if (padded % 32)
    return op->emitOpError() << "has groups padded to " << padded << ", NVPTX kernels need a multiple of 32 (layout "
                             << "'nvptx')";
  return success();
}

/// `scale`, or a number that a kernel without a static scale does not read.
static void addStaticScale(HostLaunch &host, Value scale) {
  host.addF32(scale ? scale : arith::ConstantOp::create(host.b, host.b.getF32FloatAttr(0)).getResult());
}

LogicalResult Lowering::lower(QuantizeActivationsOp op) {
  int64_t padded = op.getPaddedGroupSize();
  if (failed(checkPadding(op, padded)))
    return failure();
  HostLaunch host(op);
  auto x = host.buffer(op.getX()), multiplier = host.buffer(op.getMultiplier()), q = host.buffer(op.getQInit()),
       scales = host.buffer(op.getScalesInit()), sums = host.buffer(op.getSumsInit());
  if (failed(x) || failed(multiplier) || failed(q) || failed(scales) || failed(sums))
    return failure();
  host.addBuffer(kind(op, op.getX()), *x);
  host.addBuffer(kind(op, op.getMultiplier()), *multiplier);
  host.addBuffer(kind(op, op.getQInit()), *q);
  host.addBuffer(kind(op, op.getScalesInit()), *scales);
  host.addBuffer(kind(op, op.getSumsInit()), *sums);
  addStaticScale(host, op.getStaticScale());
  Value k = host.dim(op.getX(), 1), group = op.getGroupSize() ? host.num(op.getGroupSize()) : k;
  for (Value scalar : {x->stride, q->stride, sums->stride, k, group})
    host.addI32(scalar);
  Type element = cast<MemRefType>(op.getX().getType()).getElementType();
  Kernel kernel =
      getOrCreateQuantize(kernels(), {element, bool(op.getMultiplier()), bool(op.getStaticScale()), padded});
  Value groups = host.dim(op.getSumsInit(), 1);
  int64_t known = cast<MemRefType>(op.getSumsInit().getType()).getDimSize(1);
  if (failed(checkShared(kernel, chip, ShapedType::isDynamic(known) ? 0 : 4 * known, [&] { return op.emitOpError(); })))
    return failure();
  host.launch(module, kernel, host.dim(op.getX(), 0), host.num(1), arith::MulIOp::create(host.b, groups, host.num(4)));
  op.erase();
  return success();
}

LogicalResult Lowering::lower(QuantizeRowsOp op) {
  if (failed(checkPadding(op, op.getPaddedGroupSize())))
    return failure();
  HostLaunch host(op);
  SmallVector<Value> strides;
  for (Value input : op.getInputs()) {
    if (!isa<MemRefType>(input.getType())) {
      input.getType().isF32() ? host.addF32(input)
                              : host.addI32(arith::ExtUIOp::create(host.b, host.b.getI64Type(), input));
      continue;
    }
    FailureOr<HostBuffer> buffer = host.buffer(input, /*anyStrides=*/true);
    if (failed(buffer))
      return failure();
    host.addBuffer(kind(op, input), *buffer);
    for (int64_t dim : stridedDims(input))
      strides.push_back(buffer->strides[dim]);
  }
  for (Value stride : strides)
    host.addI32(stride);
  auto q = host.buffer(op.getQInit()), scales = host.buffer(op.getScalesInit()), sums = host.buffer(op.getSumsInit());
  if (failed(q) || failed(scales) || failed(sums))
    return failure();
  host.addBuffer(kind(op, op.getQInit()), *q);
  host.addBuffer(kind(op, op.getScalesInit()), *scales);
  host.addBuffer(kind(op, op.getSumsInit()), *sums);
  addStaticScale(host, op.getStaticScale());
  host.addI32(q->stride);
  host.addI32(sums->stride);
  Kernel kernel = getOrCreateRows(kernels(), chip, op);
  if (failed(checkShared(kernel, chip, /*extraBytes=*/0, [&] { return op.emitOpError(); })))
    return failure();
  host.launch(module, kernel, host.dim(op.getQInit(), 0), host.num(1), host.num(0));
  op.erase();
  return success();
}

LogicalResult Lowering::lower(Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<PackedMatmulOp, QuantizeActivationsOp, QuantizeRowsOp>([&](auto known) { return lower(known); })
      .Default(failure());
}

namespace {
struct ConvertFptqToNVGPUPass : mlir::fptq::impl::ConvertFptqToNVGPUPassBase<ConvertFptqToNVGPUPass> {
  using ConvertFptqToNVGPUPassBase::ConvertFptqToNVGPUPassBase;

  void runOnOperation() override {
    FailureOr<Chip> parsed = parseChip(chip, [&] { return getOperation().emitError(); });
    if (failed(parsed))
      return signalPassFailure();
    if (slices < 0 || slices > kMaxSlices) {
      getOperation().emitError() << "has 'slices' " << slices.getValue() << ", expected 0 (chosen by shape) to "
                                 << kMaxSlices;
      return signalPassFailure();
    }
    Lowering lowering(getOperation(), *parsed, slices);
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<PackedMatmulOp, QuantizeActivationsOp, QuantizeRowsOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      if (op->getNumResults()) {
        op->emitOpError("is not bufferized");
        return signalPassFailure();
      }
      if (!op->getParentOfType<FunctionOpInterface>()) {
        op->emitOpError("is in no function");
        return signalPassFailure();
      }
      lowering.classify(op);
    }
    for (Operation *op : ops)
      if (failed(lowering.lower(op)))
        return signalPassFailure();
  }
};
} // namespace
