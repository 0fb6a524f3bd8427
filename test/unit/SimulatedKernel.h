//===- SimulatedKernel.h - a kernel's text, run on the simulator -*- C++ -*-===//
#ifndef FPTQ_TEST_UNIT_SIMULATEDKERNEL_H
#define FPTQ_TEST_UNIT_SIMULATEDKERNEL_H

#include "fptq-runtime/GpuLaunch.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mlir {
class ExecutionEngine;
}

namespace fptq_test {

/// The tests' one context: every dialect, no threads, and LLVM's native target at hand.
mlir::MLIRContext &context();

/// A host buffer as a kernel's argument.
template <typename T> FptqGpuArgument buffer(std::vector<T> &data, FptqGpuArgumentKind kind) {
  return {kind, 0, data.data(), int64_t(data.size() * sizeof(T))};
}

/// One kernel called `k`, from the body of its function in the LLVM dialect.
class SimulatedKernel {
public:
  /// `body`: lines of the function; `parameters`: its signature; `globals`: shared memory. `mutate` may change the
  /// device code before it becomes host code.
  SimulatedKernel(const std::string &parameters, const std::string &body, const std::string &globals = "",
                  std::function<void(mlir::ModuleOp)> mutate = nullptr);
  ~SimulatedKernel();

  /// Runs it; "" or the simulator's message.
  std::string launch(std::vector<FptqGpuArgument> arguments, int64_t threads, int64_t sharedBytes = 0,
                     int64_t blocks = 1);

private:
  std::unique_ptr<mlir::ExecutionEngine> engine;
};

} // namespace fptq_test

#endif // FPTQ_TEST_UNIT_SIMULATEDKERNEL_H
