//===- Executable.cpp - compile in process and call -----------------------===//
#include "fptq/Target/Executable.h"
#include "../Runtime/GpuSimulator/SimulatorCalls.h"
#include "CallInterface.h"
#include "DeviceKernels.h"
#include "Lowering.h"
#include "ResourceSymbols.h"
#include "fptq-runtime/Buffers.h"
#include "fptq-runtime/CpuTier.h"
#include "fptq-runtime/GpuDevice.h"
#include "fptq-runtime/GpuSimulator.h"
#include "fptq-runtime/Kernels.h"
#include "fptq/Conversion/GpuToSimulator/Passes.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Target/GpuTier.h"
#include "fptq/Target/LLVMPipeline.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/Module.h"

#include <atomic>
#include <dlfcn.h>

using namespace mlir;
using namespace mlir::fptq;

//===----------------------------------------------------------------------===//
// What compiled code calls back
//===----------------------------------------------------------------------===//

static std::atomic<ProfileRecorder *> activeRecorder = nullptr;

bool Executable::startRecording(ProfileRecorder &recorder) {
  ProfileRecorder *none = nullptr;
  return activeRecorder.compare_exchange_strong(none, &recorder);
}

void Executable::stopRecording(ProfileRecorder &recorder) {
  ProfileRecorder *active = &recorder;
  activeRecorder.compare_exchange_strong(active, nullptr);
}

/// The runtime half of fptq-lower-observe: rows of `channels` values, element code 0 f32, 1 f16, 2 bf16.
static void observe(const char *layer, const void *data, int64_t rows, int64_t channels, int32_t code) {
  ProfileRecorder *recorder = activeRecorder;
  if (!recorder)
    return;
  size_t n = rows * channels;
  if (code == 0)
    return recorder->record(layer, ArrayRef(static_cast<const float *>(data), n), channels);
  std::vector<float> wide(n);
  auto *half = static_cast<const uint16_t *>(data);
  for (size_t i = 0; i < n; ++i)
    wide[i] = APFloat(code == 1 ? APFloat::IEEEhalf() : APFloat::BFloat(), APInt(16, half[i])).convertToFloat();
  recorder->record(layer, wide, channels);
}

/// libomp, loaded once for the process; null where it is missing. Any release of it will do.
static void *openmp() {
  static void *library = [] {
    void *ours = dlopen(FPTQ_LIBOMP, RTLD_NOW | RTLD_GLOBAL);
    return ours ? ours : dlopen("libomp.so.5", RTLD_NOW | RTLD_GLOBAL);
  }();
  return library;
}

namespace {
/// A number of threads for the parallel loops of one call: OpenMP keeps it by calling thread, and it is the embedding
/// program's, too.
class ThreadCount {
public:
  explicit ThreadCount(int count) {
    if (count <= 1)
      return;
    static auto *const maximum = function<int()>("omp_get_max_threads");
    before = maximum();
    set(count);
  }
  ~ThreadCount() {
    if (before)
      set(before);
  }

private:
  template <typename T> static T *function(const char *name) { return reinterpret_cast<T *>(dlsym(openmp(), name)); }
  static void set(int count) {
    static auto *const set = function<void(int)>("omp_set_num_threads");
    set(count);
  }
  int before = 0; ///< 0: nothing was changed
};
} // namespace

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

struct Executable::Impl {
  ResourceSymbols resources;
  std::unique_ptr<ExecutionEngine> engine;
  llvm::StringMap<void (*)(void **)>
      functions;                         ///< by name; to look one up in the engine takes as long as a small product
  std::unique_ptr<DeviceKernels> device; ///< of tier nvptx
  int threads = 0;                       ///< as in CompileOptions
};

Executable::Executable() : impl(std::make_unique<Impl>()) {}
Executable::~Executable() = default;

const EntryPoint *Executable::find(StringRef name) const {
  auto it = llvm::find_if(entries, [&](const EntryPoint &e) { return e.name == name; });
  return it == entries.end() ? nullptr : &*it;
}

/// What compiled code finds in this library.
static llvm::StringMap<const void *> runtimeFunctions() {
  llvm::StringMap<const void *> functions = {
      {"fptq_observe", reinterpret_cast<const void *>(&observe)},
      {"fptq_reference_matmul", reinterpret_cast<const void *>(&fptq_reference_matmul)},
      {"fptq_reference_quantize", reinterpret_cast<const void *>(&fptq_reference_quantize)},
      {"fptq_buffer_take", reinterpret_cast<const void *>(&fptq_buffer_take)},
      {"fptq_buffer_give_back", reinterpret_cast<const void *>(&fptq_buffer_give_back)},
      {"fptq_cpu_tiers", reinterpret_cast<const void *>(&fptq_cpu_tiers)},
      {"fptq_gpu_launch", reinterpret_cast<const void *>(&fptq_gpu_launch)}};
  for (const FptqSimSymbol *symbol = fptq_sim_symbols; symbol->name; ++symbol)
    functions[symbol->name] = symbol->address;
  return functions;
}

static llvm::orc::SymbolMap runtimeSymbols(llvm::orc::MangleAndInterner intern, const ResourceSymbols &resources) {
  llvm::orc::SymbolMap symbols;
  for (const auto &table : {runtimeFunctions(), resources.addresses})
    for (const auto &symbol : table)
      symbols[intern(symbol.first())] = {llvm::orc::ExecutorAddr::fromPtr(const_cast<void *>(symbol.second)),
                                         llvm::JITSymbolFlags::Exported};
  return symbols;
}

/// A function that nobody defines is refused here, with its place: the JIT would only name it on stderr.
static LogicalResult checkExternals(ModuleOp module) {
  llvm::StringMap<const void *> runtime = runtimeFunctions();
  bool ok = true;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    StringRef name = function.getSymName();
    if (!function.isExternal() || name.starts_with("llvm.") || runtime.contains(name))
      continue;
    if (!dlsym(RTLD_DEFAULT, name.str().c_str())) {
      function.emitError() << "function '" << name << "' is called, and nothing in this process defines it";
      ok = false;
    }
  }
  return success(ok);
}

/// GPU kernels to code: nothing of them is left in `module` but what the host runs.
static LogicalResult takeKernels(ModuleOp module, StringRef tier, DeviceKernels *device,
                                 const CompileOptions &options) {
  std::optional<GpuTier> gpu = parseGpuTier(tier);
  if (!gpu)
    return success();
  if (options.onGpuKernels)
    options.onGpuKernels(module);
  if (device)
    return device->load(module, gpu->chip);
  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  pm.addPass(createFptqSimulateGpuPass());
  return pm.run(module);
}

/// Machine code of a module in LLVM's dialect, with `resources` and this library behind its symbols.
static FailureOr<std::unique_ptr<ExecutionEngine>> generateCode(ModuleOp module, const ResourceSymbols &resources) {
  auto machine = hostTargetMachine(), forEngine = hostTargetMachine(); // the engine takes ownership of its own
  if (!machine || !forEngine)
    return module.emitError() << "no code generator for this machine: "
                              << llvm::toString(llvm::joinErrors(machine.takeError(), forEngine.takeError()));
  llvm::TargetMachine *target = machine->get();
  auto transformer = [target](llvm::Module *m) { return optimize(*m, *target); };
  ExecutionEngineOptions options;
  options.transformer = transformer;
  options.jitCodeGenOptLevel = llvm::CodeGenOptLevel::Aggressive;
  options.enableGDBNotificationListener = options.enablePerfNotificationListener = false;
  auto engine = ExecutionEngine::create(module, options, std::move(*forEngine));
  if (!engine)
    return module.emitError() << "code generation failed: " << llvm::toString(engine.takeError());
  (*engine)->registerSymbols([&](llvm::orc::MangleAndInterner intern) { return runtimeSymbols(intern, resources); });
  return std::move(*engine);
}

FailureOr<std::unique_ptr<Executable>> Executable::compile(ModuleOp module, const CompileOptions &options) {
  std::unique_ptr<Executable> executable(new Executable);
  Impl &impl = *executable->impl;
  std::string &tier = executable->tierName;
  tier = resolveTier(options.tier);
  if (failed(checkTier(tier, [&] { return module.emitError(); }))) // before anything is compiled
    return failure();
  if (auto gpu = parseGpuTier(tier); gpu && !gpu->simulated) {
    auto device = DeviceKernels::open(module, *gpu);
    if (failed(device))
      return failure();
    impl.device = std::move(*device);
    tier = "nvptx:" + gpu->chip;
  }
  impl.threads = options.threads;
  const bool isParallel = options.threads != 1;
  if (isParallel && !openmp())
    return module.emitError() << "cannot load OpenMP's runtime '" << FPTQ_LIBOMP
                              << "' or libomp.so.5: install libomp-22-dev, or compile for one thread";

  auto entries = lowerToLLVM(module, {tier, isParallel, options.slices});
  if (failed(entries) || failed(takeKernels(module, tier, impl.device.get(), options)) ||
      failed(checkExternals(module)))
    return failure();
  executable->entries = std::move(*entries);
  impl.resources = externalizeResources(module);
  auto engine = generateCode(module, impl.resources);
  if (failed(engine))
    return failure();
  impl.engine = std::move(*engine);
  for (const EntryPoint &entry : executable->entries) {
    auto found = impl.engine->lookupPacked("_mlir_ciface_" + entry.name);
    if (!found)
      return module.emitError() << "cannot link '" << entry.name << "': " << llvm::toString(found.takeError());
    impl.functions[entry.name] = *found;
  }
  return executable;
}

llvm::Expected<std::vector<CallResult>> Executable::call(const EntryPoint &entry, ArrayRef<TensorRef> arguments) {
  if (llvm::Error e = checkArguments(entry, arguments))
    return std::move(e);
  fptq_sim_clear();
  fptq_gpu_clear();
  std::optional<DeviceKernels::Call> running;
  if (impl->device)
    running.emplace();
  ThreadCount threads(impl->threads);
  std::vector<CallResult> results = callPacked(impl->functions.lookup(entry.name), entry, arguments);
  const char *error = impl->device ? fptq_gpu_error() : fptq_sim_error();
  if (error)
    return llvm::createStringError(Twine("'") + entry.name + "': " + error);
  for (const CallResult &result : results)
    if (llvm::any_of(result.get().shape, [](int64_t size) { return size < 0; }))
      return llvm::createStringError(Twine("'") + entry.name +
                                     "' returned a tensor of a negative size: its arguments ask for one");
  return results;
}
