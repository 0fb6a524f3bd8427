//===- KernelBuilder.h - what the kernels of a product share ----*- C++ -*-===//
//
// Output channels are the rows of the MMA's A operand, tokens the columns of B. In an accumulator of m16n8, lane
// 4 * g + c holds rows g and g + 8 of tokens 2c and 2c + 1, in the order (g, 2c), (g, 2c + 1), (g + 8, 2c), (g + 8, 2c
// + 1).
//
// One kernel skeleton a file: Skinny.cpp, Tile.cpp, Wgmma.cpp. Tile shapes are data in TileTable.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTONVGPU_KERNELBUILDER_H
#define FPTQ_LIB_CONVERSION_FPTQTONVGPU_KERNELBUILDER_H

#include "Emitter.h"
#include "TileTable.h"
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"
#include "fptq/Pack/NVPTXLayout.h"

namespace mlir::fptq::nvptx {

using Values = SmallVector<Value>;

/// A weight format with the sizes that follow from the number of groups, which only the launch knows.
///
/// A *result* is one integer sum of `depth` input channels: the longest of 32, 64 and 128 that divides the padded
/// group, so that a result belongs to one group and kernels end groups at fixed places of their bodies.
class Format : public WeightFormat {
public:
  explicit Format(const WeightFormat &w) : WeightFormat(w) {}

  int64_t depth() const { return group == kStep ? kStep : group % 128 ? kChunk : 128; }
  int64_t resultsPerGroup() const { return group / depth(); }
  int64_t scaleBytes() const { return halfScales ? 2 : 4; }
  /// Bytes of one group's row in the tail: 16 scales, or 16 pairs {a, b}.
  int64_t tailRowBytes() const { return kPanelRows * (twoLevel ? 2 : scaleBytes()); }
  bool hasZeros() const { return !twoLevel && !symmetric; }
  std::string name() const;

  Value columns(Emitter &e, Value groups) const { return e.mul(groups, group); }
  Value chunks(Emitter &e, Value groups) const { return e.ceilDiv(columns(e, groups), kChunk); }
  Value storedGroups(Emitter &e, Value groups) const;
  /// Offsets in a panel, as in PanelLayout.
  Value tail(Emitter &e, Value groups) const { return e.mul(chunks(e, groups), kChunkBytes); }
  Value zeros(Emitter &e, Value groups) const;
  Value panelBytes(Emitter &e, Value groups) const;
  /// A scale of type f32 or f16, as f32.
  Value loadScale(Emitter &e, Value from, bool constant) const;
};

/// Parameters of a product, in order.
struct MatmulArguments {
  Value q, xScales, xSums, packed, bias, residual, y;
  Value qStride, sumsStride, residualStride, yStride, m, n, groups;
  Value multiplicand, multiplicandStride; ///< of formats that have one
  Value workspace, counters;              ///< of kernels that split K over blocks

  static SmallVector<Type> types(Emitter &e, const Format &format, bool split = false);
  MatmulArguments(ValueRange arguments, const Format &format);
};

/// What the body of every product's kernel has at hand.
struct ProductBody {
  ProductBody(Emitter &e, const Format &format, ValueRange arguments)
      : e(e), format(format), args(arguments, format), thread(e.thread()), lane(e.bitAnd(thread, 31)),
        warp(e.shr(thread, 5)), shared(e.shared()) {}

  Emitter &e;
  const Format &format;
  MatmulArguments args;
  Value thread, lane, warp, shared;
};

/// `module`'s kernel of that name and what it is launched with; `body` fills it where it is new. Unless `bodyWaits` (it
/// has something to do before), the kernel begins with waitForKernelBefore.
Kernel getOrCreateKernel(gpu::GPUModuleOp module, const Twine &name, ArrayRef<Type> parameters, Kernel launch,
                         const Twine &tile, llvm::function_ref<void(Emitter &, ValueRange)> body,
                         bool bodyWaits = false);

Kernel skinnyKernel(gpu::GPUModuleOp module, const Format &format, const SkinnyShape &shape);
Kernel tileKernel(gpu::GPUModuleOp module, const Format &format, const Chip &chip, int64_t tokens);
Kernel wgmmaKernel(gpu::GPUModuleOp module, const Format &format, const Chip &chip, int64_t tokens);

//===----------------------------------------------------------------------===//
// Fragments.cpp
//===----------------------------------------------------------------------===//

/// (N3) The A fragment of one step of a chunk, codes as unsigned bytes. `words` are a lane's four.
Values codesOfStep(Emitter &e, ValueRange words, int64_t step);
/// (A2) The same as q * a + b; `a` and `b` (in all four bytes) of the lane's rows g and g + 8.
Values bytesOfStep(Emitter &e, ValueRange words, int64_t step, ValueRange a, ValueRange b);
/// A pair {a, b} of the layout as a and b in all four bytes.
std::pair<Value, Value> multiplierAndOffset(Emitter &e, Value pair);
/// acc + A * B: m16n8k32, unsigned by signed bytes.
Values mma(Emitter &e, ValueRange a, ValueRange b, ValueRange acc);

//===----------------------------------------------------------------------===//
// Epilogue.cpp
//===----------------------------------------------------------------------===//

/// (A3), (A4) for one output; `f` is the sum before the activation scale. Writes nothing beyond m and n.
void storeOutput(Emitter &e, const Format &format, const MatmulArguments &args, Value f, Value token, Value channel);
/// (A2) the integer sum of all of K, with `total` the sum of the token's codes, as a float times the channel's scale.
Value twoLevelResult(Emitter &e, Value sum, Value total, Value channelScale);
/// Sums of all groups' xsums for `tokens` tokens from `firstToken` on, to shared memory at `to`. Warps share the
/// tokens.
void tokenTotals(Emitter &e, const MatmulArguments &args, Value firstToken, int64_t tokens, int64_t warps, Value to);

} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_KERNELBUILDER_H
