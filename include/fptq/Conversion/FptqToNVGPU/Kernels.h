//===- Kernels.h - generated NVPTX kernels ----------------------*- C++ -*-===//
#ifndef FPTQ_CONVERSION_FPTQTONVGPU_KERNELS_H
#define FPTQ_CONVERSION_FPTQTONVGPU_KERNELS_H

#include "fptq-runtime/Kernels.h"
#include "fptq/Conversion/FptqToNVGPU/Chip.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir::fptq::nvptx {

/// The gpu.module that holds all kernels of a program, and its dynamic shared memory.
constexpr llvm::StringLiteral kModuleSymbol = "fptq_kernels";
constexpr llvm::StringLiteral kSharedSymbol = "fptq_shared";
/// On every kernel: {threads, shared_bytes, tile}, how it is launched; with `dependent_launch` it may start while the
/// kernel before still runs.
constexpr llvm::StringLiteral kLaunchAttr = "fptq.launch", kDependentLaunchKey = "dependent_launch";
/// On a gpu.module whose kernels do so.
constexpr llvm::StringLiteral kDependentLaunchAttr = "fptq.dependent_launch";

/// The constants of one packed format (docs/PackedLayout.md), and what the epilogue does beyond bias and residual: a
/// kernel for each, because a polynomial in the registers of a product that does not need it would cost occupancy.
struct WeightFormat {
  int64_t group; ///< padded group size (N2)
  bool twoLevel, symmetric, halfScales;
  FptqActivation activation = FPTQ_NO_ACTIVATION;
  bool multiplicand = false;
};

/// A kernel and how it is launched. A product's grid is ceil(n / rows) x ceil(m / tokens) tiles, a quantization's one
/// block for each row. A split product has a third dimension, slices of K, and two more parameters: a workspace of four
/// bytes for each output of a tile, times the slices (`partialsPerGroup` 0) or the partial sums of all groups, and a
/// counter of four bytes for each tile, which is 0 before and after.
struct Kernel {
  LLVM::LLVMFuncOp function;
  int64_t threads, sharedBytes;
  int64_t rows = 0, tokens = 0; ///< output channels and tokens of one block
  bool split = false;
  int64_t partialsPerGroup = 0;
};

/// An empty gpu.module for kernels of `chip`.
gpu::GPUModuleOp createKernelModule(OpBuilder &b, Location loc, const Chip &chip);

/// The shapes a product of up to `tokens` tokens runs in on a chip, ascending; the last serves any number.
ArrayRef<int64_t> tokensOfTiles(const Chip &chip);

/// The kernel for tiles of `tokens` tokens (one of `tokensOfTiles`), added to `module` unless it has it. Parameters:
///   q, x_scales, x_sums, packed, bias, residual, y (addresses; bias and residual may be null),
///   q_stride, sums_stride, residual_stride, y_stride (elements), m, n, groups (i32),
/// where the format has one: multiplicand (address), multiplicand_stride (i32),
/// and with `split` (tiles of up to 16 tokens): workspace, counters (addresses).
Kernel getOrCreateMatmul(gpu::GPUModuleOp module, const Chip &chip, const WeightFormat &format, int64_t tokens,
                         bool split = false);

/// The most of them (below), and what a pass may be told to take.
constexpr int64_t kMaxSlices = 8;
/// Bytes of workspace of a split product.
int64_t workspaceBytes(const Kernel &kernel, int64_t m, int64_t n, int64_t groups, int64_t slices);
/// Blocks that share the K of a tile of `tokens` tokens: 1 is no split. `n` x `k` is the weight's shape.
int64_t slicesFor(const Chip &chip, const WeightFormat &format, int64_t tokens, int64_t n, int64_t k);

/// An error where a block of `chip` has less shared memory than `kernel` takes with `extraBytes` more.
LogicalResult checkShared(const Kernel &kernel, const Chip &chip, int64_t extraBytes,
                          function_ref<InFlightDiagnostic()> emitError);

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

/// Dimensions of an input of `fptq.quantize_rows` whose strides a launch hands over: all but a contiguous last one.
SmallVector<int64_t> stridedDims(Value input);

/// Rows computed as the body of `op` says, (Q1), (Q2) and the sums. Parameters: an address for each input with
/// elements, the others by value; the strides of each input's `stridedDims` (i32, elements); q, scales, sums
/// (addresses), static scale (f32), q_stride, sums_stride (i32).
Kernel getOrCreateRows(gpu::GPUModuleOp module, const Chip &chip, QuantizeRowsOp op);

/// The format of a weight of that scheme with `k` input channels.
WeightFormat weightFormat(SchemeAttr scheme, int64_t k, bool halfScales);
/// With the epilogue of `op`, in portable or packed form.
template <typename MatmulOp> WeightFormat withEpilogue(WeightFormat format, MatmulOp op) {
  if (op.getActivation())
    format.activation = FptqActivation(*op.getActivation());
  format.multiplicand = bool(op.getMultiplicand());
  return format;
}
/// The tiles a product of `tokens` tokens may run in: one, or all where the number shows at run time only.
SmallVector<int64_t> tilesFor(const Chip &chip, int64_t tokens);

/// One kernel of a model. Its shared memory, slices and workspace are what the largest of its launches needs.
struct NeededKernel {
  Kernel kernel;
  std::string functions; ///< the model's public functions that launch it
  int64_t slices = 1, workspaceBytes = 0;
};
/// Adds the kernels that the `fptq.quantized_matmul`s, `fptq.quantize_activations` and `fptq.quantize_rows` of `model`
/// need, in order. An error where one does not fit the chip.
FailureOr<SmallVector<NeededKernel>> addKernelsOf(ModuleOp model, gpu::GPUModuleOp into, const Chip &chip);

} // namespace mlir::fptq::nvptx

#endif // FPTQ_CONVERSION_FPTQTONVGPU_KERNELS_H
