//===- CollectKernels.cpp - the kernels a model needs, without its host code ===//
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Pack/Layout.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::nvptx;

namespace {
/// Who calls whom, by symbol.
class Callers {
public:
  explicit Callers(ModuleOp module) {
    module.walk([&](CallOpInterface call) {
      auto callee = dyn_cast<SymbolRefAttr>(call.getCallableForCallee());
      auto caller = call->getParentOfType<FunctionOpInterface>();
      if (callee && caller)
        callers[callee.getLeafReference()].insert(caller);
    });
  }
  /// The public functions that reach `function`, itself included.
  llvm::SetVector<StringRef> entries(FunctionOpInterface function) {
    llvm::SetVector<StringRef> names;
    llvm::SetVector<FunctionOpInterface> reached;
    reached.insert(function);
    for (size_t i = 0; i < reached.size(); ++i) {
      FunctionOpInterface f = reached[i];
      if (f.isPublic())
        names.insert(f.getName());
      auto found = callers.find(f.getNameAttr());
      if (found != callers.end())
        reached.insert(found->second.begin(), found->second.end());
    }
    return names;
  }

private:
  DenseMap<StringAttr, llvm::SetVector<FunctionOpInterface>> callers;
};
} // namespace

static int64_t sizeOf(Value v, int64_t dim) { return cast<ShapedType>(v.getType()).getDimSize(dim); }

WeightFormat mlir::fptq::nvptx::weightFormat(SchemeAttr scheme, int64_t k, bool halfScales) {
  return {paddedGroupSize(Layout::NVPTX, scheme.groupSizeFor(k)),
          scheme.getKind() == SchemeKind::TwoLevel,
          scheme.getSymmetric(),
          halfScales,
          FPTQ_NO_ACTIVATION,
          /*multiplicand=*/false};
}

SmallVector<int64_t> mlir::fptq::nvptx::tilesFor(const Chip &chip, int64_t tokens) {
  ArrayRef<int64_t> sizes = tokensOfTiles(chip);
  if (ShapedType::isDynamic(tokens))
    return SmallVector<int64_t>(sizes);
  const int64_t *fits = llvm::find_if(sizes, [&](int64_t size) { return tokens <= size; });
  return {fits == sizes.end() ? sizes.back() : *fits};
}

namespace {
/// Makes the kernels of one operation after another, and notes who needs them.
class Collector {
public:
  Collector(ModuleOp model, gpu::GPUModuleOp into, const Chip &chip) : callers(model), into(into), chip(chip) {}

  LogicalResult add(QuantizeActivationsOp op);
  LogicalResult add(QuantizeRowsOp op) { return add(op, getOrCreateRows(into, chip, op)); }
  LogicalResult add(QuantizedMatmulOp op);
  SmallVector<NeededKernel> take();

private:
  LogicalResult add(Operation *op, Kernel kernel, int64_t slices = 1, int64_t workspace = 0);

  Callers callers;
  gpu::GPUModuleOp into;
  const Chip &chip;
  llvm::MapVector<Operation *, NeededKernel> needed;
  llvm::DenseMap<Operation *, llvm::SetVector<StringRef>> functions;
};
} // namespace

LogicalResult Collector::add(Operation *op, Kernel kernel, int64_t slices, int64_t workspace) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  if (!function)
    return op->emitOpError("is in no function");
  NeededKernel &entry = needed.insert({kernel.function, {kernel, {}}}).first->second;
  entry.kernel.sharedBytes = std::max(entry.kernel.sharedBytes, kernel.sharedBytes);
  entry.slices = std::max(entry.slices, slices);
  entry.workspaceBytes = std::max(entry.workspaceBytes, workspace);
  functions[kernel.function].insert_range(callers.entries(function));
  return checkShared(kernel, chip, /*extraBytes=*/0, [&] { return op->emitOpError(); });
}

LogicalResult Collector::add(QuantizeActivationsOp op) {
  int64_t k = op.getInputChannels(), group = op.getGroupSize() ? op.getGroupSize() : k;
  Type element = cast<ShapedType>(op.getX().getType()).getElementType();
  Kernel kernel = getOrCreateQuantize(
      into, {element, bool(op.getMultiplier()), bool(op.getStaticScale()), paddedGroupSize(Layout::NVPTX, group)});
  kernel.sharedBytes += 4 * llvm::divideCeil(k, group);
  return add(op, kernel);
}

LogicalResult Collector::add(QuantizedMatmulOp op) {
  bool half = cast<ShapedType>(op.getScales().getType()).getElementType().isF16(), ok = true;
  int64_t k = op.getInputChannels(), n = sizeOf(op.getInit(), 1);
  WeightFormat format = withEpilogue(weightFormat(op.getScheme(), k, half), op);
  int64_t groups = llvm::divideCeil(k, op.getScheme().groupSizeFor(k));
  for (int64_t tokens : tilesFor(chip, sizeOf(op.getQ(), 0))) {
    int64_t slices = ShapedType::isDynamic(n) ? 1 : slicesFor(chip, format, tokens, n, k);
    Kernel kernel = getOrCreateMatmul(into, chip, format, tokens, slices > 1);
    ok &= succeeded(add(op, kernel, slices, workspaceBytes(kernel, tokens, n, groups, slices)));
  }
  return success(ok);
}

SmallVector<NeededKernel> Collector::take() {
  SmallVector<NeededKernel> result;
  for (auto &[function, entry] : needed) {
    entry.functions = llvm::join(functions[function], ", ");
    result.push_back(entry);
  }
  return result;
}

FailureOr<SmallVector<NeededKernel>> mlir::fptq::nvptx::addKernelsOf(ModuleOp model, gpu::GPUModuleOp into,
                                                                     const Chip &chip) {
  Collector collector(model, into, chip);
  bool ok = true; // all that is wrong at once
  model.walk([&](Operation *op) {
    TypeSwitch<Operation *>(op).Case<QuantizeActivationsOp, QuantizeRowsOp, QuantizedMatmulOp>(
        [&](auto known) { ok &= succeeded(collector.add(known)); });
  });
  if (!ok)
    return failure();
  return collector.take();
}
