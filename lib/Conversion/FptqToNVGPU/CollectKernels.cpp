//===- CollectKernels.cpp - the kernels a model needs, without its host code ===//
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Pack/Layout.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/SetVector.h"

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

FailureOr<SmallVector<NeededKernel>> mlir::fptq::nvptx::addKernelsOf(ModuleOp model, gpu::GPUModuleOp into,
                                                                     const Chip &chip) {
  Callers callers(model);
  llvm::MapVector<Operation *, NeededKernel> needed;
  llvm::DenseMap<Operation *, llvm::SetVector<StringRef>> functions;
  bool fits = true;
  auto add = [&](Operation *op, Kernel kernel, int64_t slices = 1, int64_t workspace = 0) {
    auto function = op->getParentOfType<FunctionOpInterface>();
    if (!function) {
      op->emitOpError("is in no function");
      fits = false;
      return;
    }
    fits &= succeeded(checkShared(kernel, chip, /*extraBytes=*/0, [&] { return op->emitOpError(); }));
    NeededKernel &entry = needed.insert({kernel.function, {kernel, {}}}).first->second;
    entry.kernel.sharedBytes = std::max(entry.kernel.sharedBytes, kernel.sharedBytes);
    entry.slices = std::max(entry.slices, slices);
    entry.workspaceBytes = std::max(entry.workspaceBytes, workspace);
    functions[kernel.function].insert_range(callers.entries(function));
  };
  model.walk([&](Operation *op) {
    if (auto quantize = dyn_cast<QuantizeActivationsOp>(op)) {
      int64_t k = quantize.getInputChannels(), group = quantize.getGroupSize() ? quantize.getGroupSize() : k;
      Type element = cast<ShapedType>(quantize.getX().getType()).getElementType();
      Kernel kernel =
          getOrCreateQuantize(into, {element, bool(quantize.getMultiplier()), bool(quantize.getStaticScale()),
                                     paddedGroupSize(Layout::NVPTX, group)});
      kernel.sharedBytes += 4 * llvm::divideCeil(k, group);
      add(op, kernel);
    } else if (auto rows = dyn_cast<QuantizeRowsOp>(op)) {
      add(op, getOrCreateRows(into, chip, rows));
    } else if (auto matmul = dyn_cast<QuantizedMatmulOp>(op)) {
      bool half = cast<ShapedType>(matmul.getScales().getType()).getElementType().isF16();
      int64_t k = matmul.getInputChannels(), n = sizeOf(matmul.getInit(), 1);
      WeightFormat format = withEpilogue(weightFormat(matmul.getScheme(), k, half), matmul);
      int64_t groups = llvm::divideCeil(k, matmul.getScheme().groupSizeFor(k));
      for (int64_t tokens : tilesFor(chip, sizeOf(matmul.getQ(), 0))) {
        int64_t slices = ShapedType::isDynamic(n) ? 1 : slicesFor(chip, format, tokens, n, k);
        Kernel kernel = getOrCreateMatmul(into, chip, format, tokens, slices > 1);
        add(op, kernel, slices, workspaceBytes(kernel, tokens, n, groups, slices));
      }
    }
  });
  if (!fits)
    return failure();
  SmallVector<NeededKernel> result;
  for (auto &[function, entry] : needed) {
    entry.functions = llvm::join(functions[function], ", ");
    result.push_back(entry);
  }
  return result;
}
