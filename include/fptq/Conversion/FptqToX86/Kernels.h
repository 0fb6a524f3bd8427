//===- Kernels.h - generated x86 kernels ------------------------*- C++ -*-===//
#ifndef FPTQ_CONVERSION_FPTQTOX86_KERNELS_H
#define FPTQ_CONVERSION_FPTQTOX86_KERNELS_H

#include "fptq-runtime/CpuTier.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::fptq::x86 {

/// FptqTier, which has the names, for code that switches over it.
enum class Tier {
  Reference = FPTQ_REFERENCE,
  Avx2 = FPTQ_AVX2,
  AvxVnni = FPTQ_AVXVNNI,
  Avx512Vnni = FPTQ_AVX512VNNI,
  Avx512VnniZen = FPTQ_AVX512VNNI_ZEN,
  AmxInt8 = FPTQ_AMX_INT8
};

/// A tier, and whether its special instructions are replaced by plain arithmetic.
struct Target {
  Tier tier;
  bool emulated = false;
};

/// "avx512vnni", "amx-int8-emulated", ...; nothing for an unknown name. The reference cannot be emulated.
std::optional<Target> parseTarget(llvm::StringRef name);
/// What parseTarget understands, for error messages.
std::string knownTargets();

/// The constants of one packed format (docs/PackedLayout.md).
struct WeightFormat {
  int64_t group; ///< padded group size (P3)
  bool twoLevel, symmetric, halfScales;
  int64_t tail, zeros, tailBytes, groupBytes; ///< as in PanelLayout

  static WeightFormat get(int64_t paddedGroup, bool twoLevel, bool symmetric, bool halfScales);
};

/// Entry points of one kernel set, all with internal linkage; `matmul` points to an FptqMatmul of
/// fptq-runtime/Kernels.h.
struct KernelSet {
  LLVM::LLVMFuncOp prepare; ///< (matmul, part, parts): fills its share of `scratch`
  LLVM::LLVMFuncOp run;     ///< (matmul, first panel, last panel)
};

/// The kernels of `target` for `format`, added to `module` unless it has them. Not for the reference tier.
KernelSet getOrCreateKernels(ModuleOp module, Target target, const WeightFormat &format);

/// The constants of one quantization.
struct QuantizeFormat {
  Type element; ///< f32, f16 or bf16
  bool multiplier, staticScale;
};

/// (quantize, first row, last row), on an FptqQuantize. Not for the reference tier.
LLVM::LLVMFuncOp getOrCreateQuantize(ModuleOp module, Target target, const QuantizeFormat &format);

} // namespace mlir::fptq::x86

#endif // FPTQ_CONVERSION_FPTQTOX86_KERNELS_H
