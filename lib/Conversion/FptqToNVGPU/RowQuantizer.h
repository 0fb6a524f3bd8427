//===- RowQuantizer.h - one row to codes, scale and sums --------*- C++ -*-===//
//
// What the kernels that quantize share: a block makes a row. A first pass finds the largest magnitude, a second one
// writes codes and group sums. Four neighbouring codes are one lane's: one 32-bit store.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTONVGPU_ROWQUANTIZER_H
#define FPTQ_LIB_CONVERSION_FPTQTONVGPU_ROWQUANTIZER_H

#include "KernelBuilder.h"

namespace mlir::fptq::nvptx {

/// Where the row goes.
struct RowOutputs {
  Value q, scales, sums, qStride, sumsStride;
  Value staticScale; ///< f32; null: per token
};

/// The activation of a channel, as f32.
using RowElement = llvm::function_ref<Value(Value channel)>;

class RowQuantizer {
public:
  RowQuantizer(Emitter &e, int64_t threads, int64_t paddedGroup, int64_t sumsAt)
      : e(e), threads(threads), paddedGroup(paddedGroup), sumsAt(sumsAt), row(e.blockX()), thread(e.thread()),
        shared(e.shared()) {}

  /// (Q1), (Q2) and the sums. `first` and `second` give the same activations; between their calls stands a barrier.
  /// `four`, where it is given, gives those of four channels from a multiple of four on: all of them exist, or none.
  void quantize(const RowOutputs &out, RowElement first, RowElement second,
                llvm::function_ref<Values(Value channel)> four = nullptr);
  /// Calls `body` for this thread's share of the channels.
  Values forChannels(ValueRange init, Emitter::Body body);
  /// Calls `body` for `first`, `first + step`, ... below the number of channels, which is known; the loads of `unroll`
  /// channels are on their way together.
  Values forChannels(Value first, int64_t step, int64_t unroll, ValueRange init, Emitter::Body body);

  Emitter &e;
  const int64_t threads, paddedGroup;
  const int64_t sumsAt;            ///< in shared memory: one sum a group; one maximum a warp before all else
  Value k, group;                  ///< channels, of the row and of a group
  std::optional<int64_t> channels; ///< k, where it is known
  Value row, thread, shared;

private:
  Value rowMaximum(RowElement element);
  Value rowScale(Value maximum, Value staticScale);
  Value code(Value v, Value inverse);
  Values fourCodes(Value inside, Value channel, Value inGroup, Value inverse, RowElement element,
                   llvm::function_ref<Values(Value channel)> four);
  void writeCodes(const RowOutputs &out, Value inverse, Value groups, RowElement element,
                  llvm::function_ref<Values(Value channel)> four);
};

} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_ROWQUANTIZER_H
