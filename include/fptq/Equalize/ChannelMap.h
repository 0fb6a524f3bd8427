//===- ChannelMap.h - where a layer's input channels lie in a tensor -*- C++ -*-===//
//
// The channels of a layer's input seldom keep their shape on the way up: heads are split, merged into
// the batch, transposed, repeated. A channel map says, for a tensor on that way, at which indices each
// channel lies. No IR: shapes and arithmetic only.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_EQUALIZE_CHANNELMAP_H
#define FPTQ_EQUALIZE_CHANNELMAP_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace mlir::fptq {

/// One axis of the channels: its coordinate is `(index[dim] / stride) % size`. Without a dimension the
/// tensor does not tell the axis's coordinates apart: channels that differ only there share a value.
struct ChannelAxis {
  int64_t size;
  std::optional<int64_t> dim;
  int64_t stride = 1;

  bool operator==(const ChannelAxis &other) const {
    return size == other.size && dim == other.dim && stride == other.stride;
  }
};

/// Channels 0..K-1, written row-major over axes (the last varies fastest). Example: input channels
/// `(head, offset)` of an output projection are axes {8, dim 0}, {64, dim 2} in the 8 x T x 64 tensor of
/// attention, and {2, dim 0}, {4, none}, {64, dim 2} in its values when 4 query heads share one.
class ChannelMap {
public:
  ChannelMap() = default;
  /// All `channels` lie along dimension `dim`.
  ChannelMap(int64_t channels, int64_t dim) { append({channels, dim, 1}); }

  llvm::ArrayRef<ChannelAxis> getAxes() const { return axes; }
  int64_t numChannels() const;
  bool operator==(const ChannelMap &other) const { return axes == other.axes; }

  /// The same with each dimension renamed; where `rename` gives none the channels become shared.
  ChannelMap renameDims(llvm::function_ref<std::optional<int64_t>(int64_t)> rename) const;

  /// The map in a tensor of shape `to` that holds the elements of one of shape `from` (this map's) in
  /// the same row-major order. Sizes may be dynamic (ShapedType::kDynamic). None where an axis
  /// straddles dimensions that do not divide it.
  std::optional<ChannelMap> reshape(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to) const;

  /// For each channel the number of its class: channels the tensor does not tell apart have one class.
  std::vector<int64_t> classes() const;
  int64_t numClasses() const;

  /// Row-major over `shape` (static): at each index the value of the first channel that lies there.
  std::vector<float> spread(llvm::ArrayRef<float> perChannel, llvm::ArrayRef<int64_t> shape) const;

private:
  /// Axes of size 1 say nothing and are left out.
  void append(ChannelAxis axis) {
    if (axis.size != 1)
      axes.push_back(axis);
  }
  llvm::SmallVector<ChannelAxis, 4> axes;
};

} // namespace mlir::fptq

#endif // FPTQ_EQUALIZE_CHANNELMAP_H
