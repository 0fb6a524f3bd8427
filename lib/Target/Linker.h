//===- Linker.h - an object file to a shared library -------------*- C++ -*-===//
#ifndef FPTQ_LIB_TARGET_LINKER_H
#define FPTQ_LIB_TARGET_LINKER_H

#include "mlir/IR/Diagnostics.h"

#include <string>

namespace mlir::fptq {

/// A compiler driver found on PATH, and quant-fptq's own library for the code that kernels call.
class Linker {
public:
  /// Errors where one of the two is missing: before a model is compiled for nothing.
  static FailureOr<Linker> find(function_ref<InFlightDiagnostic()> emitError);

  /// Links `object` (and OpenMP's runtime, with `threads`) to `library`, beside it first and then renamed.
  LogicalResult link(StringRef object, StringRef library, bool threads,
                     function_ref<InFlightDiagnostic()> emitError) const;

private:
  std::string driver, runtime;
};

} // namespace mlir::fptq

#endif // FPTQ_LIB_TARGET_LINKER_H
