//===- KernelJit.h - one weight format, compiled for one tier ---*- C++ -*-===//
#ifndef FPTQ_TOOLS_KERNEL_TEST_KERNELJIT_H
#define FPTQ_TOOLS_KERNEL_TEST_KERNELJIT_H

#include "fptq-runtime/Kernels.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include <memory>
#include <string>

namespace mlir::fptq {

/// What a compiled kernel fixes; the shape is chosen when it is called.
struct KernelKey {
  std::string tier; ///< as in convert-fptq-to-x86
  int64_t group;    ///< as in the scheme, unpadded
  bool twoLevel, symmetric, halfScales, threads;
  int teamSize = 2; ///< OpenMP threads, where there are threads
};

class KernelJit {
public:
  /// Compiles a function of one fptq.packed_matmul through the real lowering.
  static llvm::Expected<std::unique_ptr<KernelJit>> create(const KernelKey &key);
  void run(const FptqMatmul &matmul, int64_t packedBytes);
  /// The object file, to look at.
  void dump(llvm::StringRef file) { engine->dumpToObjectFile(file); }

private:
  std::unique_ptr<ExecutionEngine> engine;
  void (*function[4])(void *, void *, void *, void *, void *, void *, void *) = {};
};

} // namespace mlir::fptq

#endif // FPTQ_TOOLS_KERNEL_TEST_KERNELJIT_H
