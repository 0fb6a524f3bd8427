//===- Executable.h - compiled functions one can call ------------*- C++ -*-===//
//
// A module goes through `fptq-x86-pipeline` and LLVM and comes back as callable functions. Arguments
// and results are described by `TensorRef`; dynamic sizes are taken from the arguments.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_TARGET_EXECUTABLE_H
#define FPTQ_TARGET_EXECUTABLE_H

#include "fptq/Profile/ProfileRecorder.h"
#include "mlir/IR/BuiltinOps.h"

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mlir {
class ExecutionEngine;
}

namespace mlir::fptq {

/// A contiguous row-major tensor in memory; scalars (index, i64, f32) have rank 0.
struct TensorRef {
  void *data = nullptr;
  SmallVector<int64_t> shape;
};

/// One result of a call: either memory the callee allocated (freed with the result) or the storage
/// of an argument that was updated in place.
class CallResult {
public:
  CallResult() = default;
  CallResult(TensorRef tensor, void *owned, int64_t alias) : tensor(std::move(tensor)), owned(owned), alias(alias) {}
  CallResult(CallResult &&other) { *this = std::move(other); }
  CallResult &operator=(CallResult &&other) {
    std::swap(tensor, other.tensor), std::swap(owned, other.owned), std::swap(alias, other.alias);
    return *this;
  }
  ~CallResult() { std::free(owned); }

  const TensorRef &get() const { return tensor; }
  /// The argument whose storage this is, or -1.
  int64_t argument() const { return alias; }

private:
  TensorRef tensor;
  void *owned = nullptr;
  int64_t alias = -1;
};

/// A public function as its author declared it, before results updated in place were dropped.
struct EntryPoint {
  std::string name;
  std::vector<Type> arguments, results;
  std::vector<int64_t> aliases; ///< per result: argument number, or -1
};

struct CompileOptions {
  std::string tier = "auto"; ///< see fptq-x86-pipeline and GpuTier.h
  /// Of parallel loops, at most `Executable::kMaxThreads`; 1: there are none; 0: as many as OpenMP has by itself (all
  /// cores, or OMP_NUM_THREADS).
  int threads = 0;
  int64_t slices = 0; ///< of K, on a GPU: see fptq-nvptx-pipeline
  /// Called with the module when its GPU kernels stand in the LLVM dialect, before they become code: a place to look at
  /// them, or to break them in a test.
  std::function<void(ModuleOp)> onGpuKernels = nullptr;
};

class Executable {
public:
  /// Compiles `module` (consumed: it is lowered in place). Diagnostics go to the context's handlers.
  static FailureOr<std::unique_ptr<Executable>> compile(ModuleOp module, const CompileOptions &options);

  ArrayRef<EntryPoint> entryPoints() const { return entries; }
  const EntryPoint *find(StringRef name) const;

  /// Calls `entry`. Shapes must agree with its signature; an error says which argument does not.
  llvm::Expected<std::vector<CallResult>> call(const EntryPoint &entry, ArrayRef<TensorRef> arguments);

  /// What `fptq.observe` of any code in this process reports to from now on; false where another recorder is at it.
  static bool startRecording(ProfileRecorder &recorder);
  /// Ends it, if it is `recorder` that is at it. No code that observes may run meanwhile.
  static void stopRecording(ProfileRecorder &recorder);

  /// Where the system has no more threads, libomp ends the process; this many it has.
  static constexpr int kMaxThreads = 4096;

  /// The tier the code was compiled for.
  StringRef tier() const { return tierName; }

  ~Executable();

private:
  Executable();
  struct Impl;
  std::unique_ptr<Impl> impl;
  std::vector<EntryPoint> entries;
  std::string tierName;
};

} // namespace mlir::fptq

#endif // FPTQ_TARGET_EXECUTABLE_H
