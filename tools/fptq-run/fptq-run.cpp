//===- fptq-run.cpp - compile float or quantized MLIR and call it ---------===//
#include "TensorFiles.h"
#include "fptq/InitAll.h"
#include "fptq/Profile/RangeProfile.h"
#include "fptq/Support/ModelHash.h"
#include "fptq/Support/ModuleFile.h"
#include "fptq/Support/Parameters.h"
#include "fptq/Support/Safetensors.h"
#include "fptq/Support/ToolOptions.h"
#include "fptq/Target/Executable.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"

#include <chrono>
#include <csignal>

using namespace mlir;
using namespace mlir::fptq;
namespace cl = llvm::cl;

static constexpr char kOverview[] = R"(compile float or quantized MLIR once and call it

  fptq-run model.mlirbc --entry main --inputs in.safetensors --results out.safetensors
  fptq-run model.mlirbc --arg x.npy --result y.npy --time 100         one call, and the median of a hundred
  fptq-run model.mlirbc --tier amx-int8-emulated --arg x.npy          a tier that this machine has not
  fptq-opt --fptq-observe-pipeline model.mlirbc | fptq-run - --inputs in.safetensors --calibrate profile.json
)";

namespace {
struct Options {
  cl::opt<std::string> file{cl::Positional, cl::Required, cl::desc("<model.mlir or .mlirbc>")};
  cl::opt<std::string> entry{"entry", cl::desc("public function to call (default: the only one)")};
  cl::opt<std::string> inputs{"inputs",
                              cl::desc("safetensors with arg0, arg1, ...: one call a row of their first dimension")};
  cl::opt<std::string> results{"results", cl::desc("safetensors for result0, result1, ...")};
  cl::list<std::string> args{"arg", cl::desc(".npy of one argument of a single call, in order")};
  cl::list<std::string> outs{"result", cl::desc(".npy for one result of a single call, in order")};
  cl::opt<std::string> tier{"tier", cl::init("auto"),
                            cl::desc("reference, avx2, avxvnni, avx512vnni, avx512vnni-zen, amx-int8, all but "
                                     "the first also with -emulated (default: the machine's best)")};
  cl::opt<std::string> target{"target", cl::init("x86"),
                              cl::desc("x86 (default), or nvptx: linears on the GPU, as --tier nvptx")};
  cl::opt<int> threads{"threads", cl::init(0), cl::desc("threads of parallel loops (default: all cores)")};
  cl::opt<int> repeat{"time", cl::init(0),
                      cl::desc("time this many repetitions of the first call and print the median")};
  cl::opt<std::string> calibrate{"calibrate", cl::desc("run with observers and write the profile here")};
  cl::opt<std::string> observer{"observer", cl::init("min-max"),
                                cl::desc("min-max, moving-average, percentile, mse or entropy (default min-max)")};
};
} // namespace

static int fail(const llvm::Twine &text) {
  llvm::errs() << "fptq-run: error: " << text << "\n";
  return 1;
}

/// One row of `batch` (leading dimension dropped) as an argument.
static TensorRef rowOf(Array &batch, int64_t row) {
  SmallVector<int64_t> shape(batch.shape.begin() + 1, batch.shape.end());
  int64_t bytes = batch.data.size() / batch.shape[0];
  return {batch.data.data() + row * bytes, shape};
}

static Type elementOf(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped ? shaped.getElementType() : type;
}

/// Element types and a common number of calls.
static llvm::Error checkInputs(const EntryPoint &entry, ArrayRef<Array> inputs, const Options &o) {
  bool batched = !o.inputs.empty();
  if (inputs.size() != entry.arguments.size())
    return llvm::createStringError("'" + entry.name + "' has " + llvm::Twine(entry.arguments.size()) +
                                   " arguments, got " + llvm::Twine(inputs.size()));
  for (auto [i, input] : llvm::enumerate(inputs)) {
    StringRef expected = safetensorsDtype(elementOf(entry.arguments[i]));
    if (input.dtype != expected)
      return llvm::createStringError((batched ? o.inputs : o.args[i]) + ": argument " + llvm::Twine(i) + " is " +
                                     input.dtype + ", expected " + expected);
    if (batched && (input.shape.empty() || input.shape[0] != inputs[0].shape[0]))
      return llvm::createStringError("argument " + llvm::Twine(i) + " has no leading dimension of " +
                                     llvm::Twine(inputs[0].shape.empty() ? 0 : inputs[0].shape[0]) + " calls");
  }
  return llvm::Error::success();
}

/// Appends one call's results to `results`, stacked along a new leading dimension.
static llvm::Error collect(const EntryPoint &entry, ArrayRef<CallResult> call, std::vector<Array> &results,
                           bool batched) {
  results.resize(entry.results.size());
  for (auto [i, result] : llvm::enumerate(call)) {
    Array &to = results[i];
    SmallVector<int64_t> shape = result.get().shape;
    int64_t bytes = safetensorsElementBytes(safetensorsDtype(elementOf(entry.results[i])));
    for (int64_t d : shape)
      bytes *= d;
    if (batched) {
      int64_t calls = to.shape.empty() ? 0 : to.shape[0];
      if (calls && !llvm::equal(shape, ArrayRef<int64_t>(to.shape).drop_front()))
        return llvm::createStringError("result " + llvm::Twine(i) + " changes its shape between calls");
      shape.insert(shape.begin(), calls + 1);
    }
    to.dtype = safetensorsDtype(elementOf(entry.results[i])).str();
    to.shape = shape;
    auto *data = static_cast<const char *>(result.get().data);
    to.data.insert(to.data.end(), data, data + bytes);
  }
  return llvm::Error::success();
}

static llvm::Expected<const EntryPoint *> chooseEntry(const Executable &executable, StringRef name) {
  if (name.empty() && executable.entryPoints().size() == 1)
    return &executable.entryPoints()[0];
  if (const EntryPoint *entry = executable.find(name))
    return entry;
  if (executable.entryPoints().empty())
    return llvm::createStringError("the module has no public function");
  std::string known;
  for (const EntryPoint &e : executable.entryPoints())
    known += " " + e.name;
  return llvm::createStringError(
      (name.empty() ? "say --entry: the module has" : "no public function '" + name.str() + "'; the module has") +
      known);
}

static llvm::Error printTimes(Executable &executable, const EntryPoint &entry, ArrayRef<TensorRef> arguments,
                              int repeat) {
  std::vector<double> times;
  for (int i = 0; i < repeat; ++i) {
    auto start = std::chrono::steady_clock::now();
    auto results = executable.call(entry, arguments);
    if (!results)
      return results.takeError();
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  llvm::sort(times);
  llvm::outs() << llvm::formatv("{0}: median {1:f1} us of {2} calls (fastest {3:f1}), tier {4}\n", entry.name,
                                times[times.size() / 2], repeat, times[0], executable.tier());
  return llvm::Error::success();
}

/// The arguments of one call, or with --inputs of all calls, stacked.
static llvm::Expected<std::vector<Array>> readArguments(const EntryPoint &entry, const Options &o) {
  if (!o.inputs.empty())
    return readInputs(o.inputs, entry.arguments.size());
  std::vector<Array> inputs;
  for (const std::string &path : o.args) {
    auto read = readNpy(path);
    if (!read)
      return read.takeError();
    inputs.push_back(std::move(*read));
  }
  return inputs;
}

static llvm::Error writeAll(const Options &o, ArrayRef<Array> results) {
  if (!o.results.empty())
    if (llvm::Error e = writeResults(o.results, results))
      return e;
  for (auto [path, result] : llvm::zip(o.outs, results))
    if (llvm::Error e = writeNpy(path, result))
      return e;
  return llvm::Error::success();
}

static llvm::Error run(Executable &executable, const Options &o) {
  auto entry = chooseEntry(executable, o.entry);
  if (!entry)
    return entry.takeError();
  if (size_t count = (*entry)->results.size(); o.outs.size() > count)
    return llvm::createStringError(llvm::Twine(o.outs.size()) + " --result files for " + llvm::Twine(count) +
                                   " results");
  auto inputs = readArguments(**entry, o);
  if (!inputs)
    return inputs.takeError();
  bool batched = !o.inputs.empty();
  if (llvm::Error e = checkInputs(**entry, *inputs, o))
    return e;
  int64_t calls = batched && !inputs->empty() ? inputs->front().shape[0] : 1;
  if (calls == 0)
    return llvm::createStringError(o.inputs + ": has no rows, so there is nothing to call");
  // An assertion of the model has said why: no stack of ours, no "submit a bug report". A model that broke the heap
  // would not even get there: it takes memory to print a stack.
  for (int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE})
    std::signal(signal, SIG_DFL);
  std::vector<Array> results;
  for (int64_t call = 0; call < calls; ++call) {
    std::vector<TensorRef> arguments;
    for (Array &input : *inputs)
      arguments.push_back(batched ? rowOf(input, call) : TensorRef{input.data.data(), input.shape});
    auto result = executable.call(**entry, arguments);
    if (!result)
      return result.takeError();
    if (llvm::Error e = collect(**entry, *result, results, batched))
      return e;
    if (call == 0 && o.repeat > 0)
      if (llvm::Error e = printTimes(executable, **entry, arguments, o.repeat))
        return e;
  }
  return writeAll(o, results);
}

/// What the options alone tell, before a model is read.
static llvm::Error checkOptions(const Options &o) {
  if (!o.inputs.empty() && !o.args.empty())
    return llvm::createStringError("--inputs and --arg exclude each other");
  for (auto [name, value] : {std::pair("--threads", o.threads.getValue()), std::pair("--time", o.repeat.getValue())})
    if (value < 0)
      return llvm::createStringError(llvm::Twine(name) + " is " + llvm::Twine(value) + ", expected 0 or more");
  if (o.threads > Executable::kMaxThreads)
    return llvm::createStringError("--threads is " + llvm::Twine(o.threads.getValue()) + ", expected " +
                                   llvm::Twine(Executable::kMaxThreads) + " at most");
  if (o.repeat > 0 && !o.calibrate.empty())
    return llvm::createStringError("--time and --calibrate exclude each other: repetitions would be recorded, too");
  if (o.target != "x86" && o.target != "nvptx")
    return llvm::createStringError("unknown target '" + o.target + "', expected x86 or nvptx");
  return llvm::Error::success();
}

/// libLLVM brings hundreds of options, one of them called `threads`: none is this tool's.
static void forgetLibraryOptions() {
  SmallVector<cl::Option *> options;
  for (auto &[name, option] : cl::getRegisteredOptions())
    if (!StringRef(name).starts_with("help") && StringRef(name) != "version")
      options.push_back(option);
  for (cl::Option *option : options)
    option->removeArgument();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  explainFatalErrors();
  forgetLibraryOptions();
  Options o;
  cl::ParseCommandLineOptions(argc, argv, kOverview);

  if (llvm::Error e = checkOptions(o))
    return fail(llvm::toString(std::move(e)));
  std::unique_ptr<ProfileRecorder> recorder;
  if (!o.calibrate.empty()) {
    auto made = ProfileRecorder::create(o.observer);
    if (!made)
      return fail(llvm::toString(made.takeError()));
    recorder = std::move(*made);
    Executable::startRecording(*recorder);
  }
  DialectRegistry registry;
  registerToolDialects(registry);
  MLIRContext context(registry);
  ModuleFile module(o.file, context);
  if (!module.parse("fptq-run"))
    return 1;
  if (o.target == "nvptx" && o.tier == "auto")
    o.tier = "nvptx";
  std::string hash = modelHash(module.get()).str();
  auto executable = Executable::compile(module.get(), {o.tier, o.threads});
  if (failed(executable))
    return 1;
  if (llvm::Error e = run(**executable, o))
    return fail(llvm::toString(std::move(e)));
  if (!recorder)
    return 0;
  RangeProfile profile = recorder->profile();
  profile.modelHash = hash;
  if (profile.layers.empty())
    return fail(o.file + ": no layer was observed: run fptq-opt --fptq-observe-pipeline first");
  if (llvm::Error e = profile.save(o.calibrate))
    return fail(llvm::toString(std::move(e)));
  return 0;
}
