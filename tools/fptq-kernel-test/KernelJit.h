//===- KernelJit.h - one weight format, compiled for one tier ---*- C++ -*-===//
#ifndef FPTQ_TOOLS_KERNEL_TEST_KERNELJIT_H
#define FPTQ_TOOLS_KERNEL_TEST_KERNELJIT_H

#include "fptq-runtime/Kernels.h"
#include "fptq/Pack/Layout.h"
#include "fptq/Target/Executable.h"

namespace mlir::fptq {

/// What a compiled kernel fixes; the shape is chosen when it is called.
struct KernelKey {
  std::string tier; ///< as in fptq-run
  int64_t group;    ///< as in the scheme, unpadded
  bool twoLevel, symmetric, halfScales;
  int threads = 1;
  FptqElement element = FPTQ_ELEMENT_F32; ///< of the activations that are quantized
  int64_t slices = 0;                     ///< of K, in the small products of a GPU
  /// Of products that are activated; the others have neither.
  FptqActivation activation = FPTQ_NO_ACTIVATION;
  bool multiplies = true;

  const char *activationName() const {
    const char *const names[] = {"", "silu", "gelu", "gelu_tanh"};
    return names[activation];
  }
  mlir::fptq::Layout layout() const {
    using mlir::fptq::Layout;
    return tier.rfind("nvptx", 0) == 0 ? Layout::NVPTX : Layout::X86;
  }
};

/// Functions of one operation each, through a target's whole pipeline.
class KernelJit {
public:
  static FailureOr<std::unique_ptr<KernelJit>> create(const KernelKey &key);

  /// fptq.packed_matmul; rows have to be contiguous. `matmul.y` is written in place.
  llvm::Error run(const FptqMatmul &matmul, int64_t packedBytes);
  /// fptq.quantize_activations, likewise.
  llvm::Error run(const FptqQuantize &quantize);

private:
  llvm::Error call(const std::string &name, ArrayRef<TensorRef> arguments);
  std::unique_ptr<Executable> executable;
};

} // namespace mlir::fptq

#endif // FPTQ_TOOLS_KERNEL_TEST_KERNELJIT_H
