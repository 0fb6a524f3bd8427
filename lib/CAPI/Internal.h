//===- Internal.h - what stands behind the C handles -------------*- C++ -*-===//
#ifndef FPTQ_LIB_CAPI_INTERNAL_H
#define FPTQ_LIB_CAPI_INTERNAL_H

#include "fptq-c/FptqC.h"
#include "fptq/Profile/RangeProfile.h"
#include "fptq/Target/Executable.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/IntrusiveRefCntPtr.h"

/// Counted: the user's handle is one reference, everything made from the context another.
struct FptqContext : llvm::ThreadSafeRefCountedBase<FptqContext> {
  std::unique_ptr<mlir::MLIRContext> owned; ///< null where MLIR's context is the caller's
  mlir::MLIRContext &mlir;
  std::string error;
  std::string text; ///< of the last returned string
  std::unique_ptr<mlir::fptq::ProfileRecorder> recorder;
  FptqDiagnosticHandler handler = nullptr;
  void *userData = nullptr;

  explicit FptqContext(std::unique_ptr<mlir::MLIRContext> context) : owned(std::move(context)), mlir(*owned) {}
  explicit FptqContext(mlir::MLIRContext &context) : mlir(context) {}

  /// Drops what it recorded.
  void stopCalibration() {
    if (recorder)
      mlir::fptq::Executable::stopRecording(*recorder);
    recorder.reset();
  }

  void fail(const llvm::Twine &text) { error += (error.empty() ? "" : "\n") + text.str(); }
  void fail(llvm::Error error) { fail(llvm::toString(std::move(error))); }
};

using FptqOwner = llvm::IntrusiveRefCntPtr<FptqContext>;

struct FptqModule {
  FptqOwner owner; // first: what follows needs the context to die in
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string text;
};

struct FptqProfile {
  FptqOwner owner;
  mlir::fptq::RangeProfile profile;
  std::string text;
};

struct FptqExecutable {
  FptqOwner owner;
  std::unique_ptr<mlir::fptq::Executable> executable;
  std::string text;
};

struct FptqResults {
  FptqOwner owner;
  std::vector<mlir::fptq::CallResult> results;
  std::vector<FptqDtype> dtypes;
};

namespace mlir::fptq::capi {

/// What fptqLastError(NULL) returns: why this thread's last call failed.
std::string &threadError();

/// Whether `pointer` is null, which threadError then says of the argument `what` of `function`.
bool isNull(const void *pointer, const char *function, const char *what);

/// Text of a diagnostic, "file:1:2: error: text", and of the notes below it.
std::string print(Diagnostic &diagnostic);

/// One call from outside on a context: earlier errors are forgotten when it starts, the thread's
/// error is the context's when it ends.
class Call {
public:
  explicit Call(const FptqOwner &owner);
  ~Call();

  /// Failure by `error`, which is none where a diagnostic has said it already.
  std::nullptr_t fail(const llvm::Twine &error);
  std::nullptr_t fail(llvm::Error error) { return fail(llvm::toString(std::move(error))); }

private:
  FptqOwner owner;
  std::unique_ptr<ScopedDiagnosticHandler> listener; ///< on a context that is the caller's
};

/// Upstream's passes and ours, for pipelines by name.
void registerPassesOnce();

/// The kind of elements of a tensor or scalar type, if it can be passed.
std::optional<FptqDtype> dtypeOf(Type type);
const char *nameOf(FptqDtype dtype);

} // namespace mlir::fptq::capi

#endif // FPTQ_LIB_CAPI_INTERNAL_H
