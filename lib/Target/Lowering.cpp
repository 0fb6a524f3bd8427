//===- Lowering.cpp - what JIT and object files share ---------------------===//
#include "Lowering.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Target/GpuTier.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::fptq;

static constexpr StringLiteral kWritable = bufferization::BufferizationDialect::kWritableAttrName;

static std::vector<EntryPoint> declareEntries(ModuleOp module) {
  std::vector<EntryPoint> entries;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isExternal())
      continue;
    function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(), UnitAttr::get(module.getContext()));
    // Bufferization would take every argument for its own; a caller's weights or tokens are not.
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (!function.getArgAttr(i, kWritable))
        function.setArgAttr(i, kWritable, BoolAttr::get(module.getContext(), false));
    FunctionType type = function.getFunctionType();
    EntryPoint entry{function.getSymName().str(), {}, {}, {}};
    llvm::append_range(entry.arguments, type.getInputs());
    llvm::append_range(entry.results, type.getResults());
    entry.aliases.assign(type.getNumResults(), -1);
    entries.push_back(std::move(entry));
  }
  return entries;
}

/// What a caller can hand over and be given: numbers of up to 64 bits, and dense tensors of them.
static bool isInterfaceType(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && tensor.getEncoding())
    return false;
  auto shaped = dyn_cast<ShapedType>(type);
  Type element = getElementTypeOrSelf(type);
  return (!shaped || isa<RankedTensorType, MemRefType>(type)) &&
         (element.isIndex() || (element.isIntOrFloat() && element.getIntOrFloatBitWidth() <= 64));
}

static LogicalResult checkSignatures(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>()) {
    auto check = [&](ArrayRef<Type> types, StringRef what) -> LogicalResult {
      for (auto [i, type] : llvm::enumerate(types))
        if (!isInterfaceType(type))
          return function.emitError()
                 << "function '" << function.getSymName() << "' has " << what << " " << i << " of type " << type
                 << ", which cannot be passed: expected a number of at most 64 bits, or a dense ranked tensor of such";
      return success();
    };
    if (function.isPublic() && !function.isExternal() &&
        (failed(check(function.getArgumentTypes(), "argument")) || failed(check(function.getResultTypes(), "result"))))
      return failure();
  }
  return success();
}

static void addStages(PassManager &pm, const LoweringOptions &options) {
  auto setHost = [&](HostPipelineOptions &host) {
    host.threads = options.threads;
    host.accumulators = options.accumulators;
  };
  if (std::optional<GpuTier> gpu = parseGpuTier(options.tier)) {
    NVPTXPipelineOptions nvptx;
    setHost(nvptx);
    nvptx.slices = options.slices;
    if (!gpu->chip.empty())
      nvptx.chip = gpu->chip;
    return buildNVPTXPipeline(pm, nvptx);
  }
  X86PipelineOptions x86;
  setHost(x86);
  x86.tier = options.tier;
  buildX86Pipeline(pm, x86);
}

/// Functions are looked for in the outermost module, and those of another one would be lowered by halves.
static LogicalResult refuseNestedModules(ModuleOp module) {
  for (auto nested : module.getOps<ModuleOp>()) {
    InFlightDiagnostic diag = nested.emitError() << "nested module";
    if (std::optional<StringRef> name = nested.getSymName())
      diag << " '" << *name << "'";
    return diag << " cannot be compiled: move what it holds into the outermost module";
  }
  return success();
}

/// Functions that generated code calls by name: ours, and those of C's libraries, which LLVM calls where a processor
/// has no instruction (tanf), and which a library of the model would hide from its program.
static bool isCalledByName(StringRef name) {
  static constexpr StringLiteral kOthers[] = {"memrefCopy", "abort", "dprintf", "__assert_fail",
                                              "fma",        "fmaf",  "erfc",    "erfcf"};
  static const llvm::TargetLibraryInfoImpl libraries{llvm::Triple(llvm::sys::getProcessTriple())};
  llvm::LibFunc ignored;
  return name.starts_with("fptq_") || name.starts_with("_mlir_") || name.starts_with("omp_") ||
         name.starts_with("__kmpc_") || llvm::is_contained(kOthers, name) || libraries.getLibFunc(name, ignored);
}

/// A function of the model with such a name would be what is called: frontends' private @round gets another, a public
/// one is for the user to rename.
static LogicalResult keepCalledNamesFree(ModuleOp module) {
  SymbolTable symbols(module);
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (function.getSymName().contains('\0'))
      return function.emitError() << "function '" << function.getSymName().split('\0').first
                                  << "...' has a byte 0 in its name, where the linker's ends: rename it";
    if (function.isExternal() || !isCalledByName(function.getSymName()))
      continue;
    if (!function.isPrivate())
      return function.emitError()
             << "function '" << function.getSymName()
             << "' has the name of one of C's libraries or of the runtime, which it would replace: rename it";
    if (failed(symbols.renameToUnique(function, {})))
      return function.emitError() << "cannot rename function '" << function.getSymName() << "'";
  }
  return success();
}

/// What no conversion took: LLVM's translation would name only the cast around it, at no place.
static LogicalResult checkLowered(ModuleOp module) {
  WalkResult left = module.walk([](UnrealizedConversionCastOp cast) {
    Value value = cast.getResult(0);
    Operation *culprit = value.use_empty() ? cast.getOperation() : *value.user_begin();
    if (LLVM::isCompatibleType(value.getType())) {
      value = cast.getOperand(0);
      culprit = value.getDefiningOp() ? value.getDefiningOp() : cast.getOperation();
    }
    culprit->emitError() << "code generation failed: nothing lowers '" << culprit->getName() << "' of a value of type "
                         << value.getType();
    return WalkResult::interrupt();
  });
  return failure(left.wasInterrupted());
}

/// What upstream's passes would take for something else: they fold `quant.dcast` of `quant.qcast` to nothing, and ask
/// for the bounds of a dimension that no tensor has.
static LogicalResult refuseMisread(ModuleOp module) {
  WalkResult found = module.walk([](Operation *op) {
    if (isa<quant::QuantizeCastOp, quant::DequantizeCastOp, quant::StorageCastOp>(op)) {
      op->emitError() << "'" << op->getName() << "' has no code of its own: run fptq-import-quant first";
      return WalkResult::interrupt();
    }
    auto dim = dyn_cast<tensor::DimOp>(op);
    auto type = dim ? dyn_cast<RankedTensorType>(dim.getSource().getType()) : RankedTensorType();
    std::optional<int64_t> index = type ? dim.getConstantIndex() : std::nullopt;
    if (!index || (*index >= 0 && *index < type.getRank()))
      return WalkResult::advance();
    op->emitError() << "dimension " << *index << " of a tensor of rank " << type.getRank();
    return WalkResult::interrupt();
  });
  return failure(found.wasInterrupted());
}

FailureOr<std::vector<EntryPoint>> mlir::fptq::lowerToLLVM(ModuleOp module, const LoweringOptions &options) {
  if (failed(refuseNestedModules(module)) || failed(checkSignatures(module)) || failed(keepCalledNamesFree(module)) ||
      failed(refuseMisread(module)))
    return failure();
  std::vector<EntryPoint> entries = declareEntries(module);
  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  addStages(pm, options);
  if (failed(pm.run(module)) || failed(checkLowered(module)))
    return failure();
  for (EntryPoint &entry : entries) // which results the pipeline found to be arguments
    if (auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(entry.name))
      if (auto aliases = function->getAttrOfType<DenseI64ArrayAttr>("fptq.result_aliases"))
        entry.aliases.assign(aliases.asArrayRef().begin(), aliases.asArrayRef().end());
  return entries;
}
