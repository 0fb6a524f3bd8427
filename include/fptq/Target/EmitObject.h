//===- EmitObject.h - object files, headers, shared libraries ----*- C++ -*-===//
#ifndef FPTQ_TARGET_EMITOBJECT_H
#define FPTQ_TARGET_EMITOBJECT_H

#include "fptq/Pipelines/Pipelines.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::fptq {

struct EmitOptions {
  /// Tiers in the artifact, joined by '+'; with more than one the program picks when it starts.
  std::string tier = allTiers();
  std::string cpu = "x86-64-v3"; ///< of everything but the kernels, which carry their own features
  bool threads = true;           ///< OpenMP; links libomp
};

/// Writes `path` (.o) and beside it a C header of the module's public functions, `path` with .h.
/// Constants are data of the object. Consumes `module`. Errors go to the context's handlers.
LogicalResult emitObject(ModuleOp module, StringRef path, const EmitOptions &options);

/// The same as a shared library (.so), with quant-fptq's runtime library (and OpenMP's, with `threads`) linked in by
/// the `clang-22` or `cc` found on PATH.
LogicalResult emitSharedLibrary(ModuleOp module, StringRef path, const EmitOptions &options);

/// The same code as LLVM IR text, before or after LLVM's passes.
LogicalResult emitLLVMIR(ModuleOp module, StringRef path, const EmitOptions &options, bool optimized);

/// The C header alone. Which results are arguments updated in place is known only after lowering.
LogicalResult emitHeader(ModuleOp module, StringRef path, const EmitOptions &options);

} // namespace mlir::fptq

#endif // FPTQ_TARGET_EMITOBJECT_H
