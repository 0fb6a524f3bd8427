//===- Kernels.h - generated NVPTX kernels ----------------------*- C++ -*-===//
#ifndef FPTQ_CONVERSION_FPTQTONVGPU_KERNELS_H
#define FPTQ_CONVERSION_FPTQTONVGPU_KERNELS_H

#include "fptq/Conversion/FptqToNVGPU/Chip.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir::fptq::nvptx {

/// The gpu.module that holds all kernels of a program, and its dynamic shared memory.
constexpr llvm::StringLiteral kModuleSymbol = "fptq_kernels";
constexpr llvm::StringLiteral kSharedSymbol = "fptq_shared";
/// On every kernel: {threads, shared_bytes, tile}, how it is launched.
constexpr llvm::StringLiteral kLaunchAttr = "fptq.launch";

/// The constants of one packed format (docs/PackedLayout.md).
struct WeightFormat {
  int64_t group; ///< padded group size (N2)
  bool twoLevel, symmetric, halfScales;

  bool operator==(const WeightFormat &o) const {
    return std::tie(group, twoLevel, symmetric, halfScales) == std::tie(o.group, o.twoLevel, o.symmetric, o.halfScales);
  }
};

/// A kernel and how it is launched. A product's grid is ceil(n / rows) x ceil(m / tokens), a quantization's one block
/// for each row.
struct Kernel {
  LLVM::LLVMFuncOp function;
  int64_t threads, sharedBytes;
  int64_t rows = 0, tokens = 0; ///< output channels and tokens of one block
};

/// The shapes a product of up to `tokens` tokens runs in on a chip, ascending; the last serves any number.
ArrayRef<int64_t> tokensOfTiles(const Chip &chip);

/// The kernel for tiles of `tokens` tokens (one of `tokensOfTiles`), added to `module` unless it has it. Parameters:
///   q, x_scales, x_sums, packed, bias, residual, y (addresses; bias and residual may be null),
///   q_stride, sums_stride, residual_stride, y_stride (elements), m, n, groups (i32).
Kernel getOrCreateMatmul(gpu::GPUModuleOp module, const Chip &chip, const WeightFormat &format, int64_t tokens);

/// The constants of one quantization.
struct QuantizeFormat {
  Type element; ///< f32, f16 or bf16
  bool multiplier, staticScale;
  int64_t paddedGroup; ///< multiple of 32
};

/// (Q1), (Q2) and the sums. Parameters: x, multiplier, q, scales, sums (addresses), static scale (f32), x_stride,
/// q_stride, sums_stride (elements), k, group size (i32). Shared memory holds one sum a group: `sharedBytes` is for
/// none, add 4 bytes each.
Kernel getOrCreateQuantize(gpu::GPUModuleOp module, const QuantizeFormat &format);

/// The format of a weight of that scheme with `k` input channels.
WeightFormat weightFormat(SchemeAttr scheme, int64_t k, bool halfScales);
/// The tiles a product of `tokens` tokens may run in: one, or all where the number shows at run time only.
SmallVector<int64_t> tilesFor(const Chip &chip, int64_t tokens);

/// One kernel of a model. Its shared memory is what the largest of its launches needs.
struct NeededKernel {
  Kernel kernel;
  std::string functions; ///< the model's public functions that launch it
};
/// Adds the kernels that the `fptq.quantized_matmul`s and `fptq.quantize_activations` of `model` need, in order.
SmallVector<NeededKernel> addKernelsOf(ModuleOp model, gpu::GPUModuleOp into, const Chip &chip);

} // namespace mlir::fptq::nvptx

#endif // FPTQ_CONVERSION_FPTQTONVGPU_KERNELS_H
