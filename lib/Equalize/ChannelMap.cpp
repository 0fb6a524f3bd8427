//===- ChannelMap.cpp - channels through reshapes and transposes ----------===//
#include "fptq/Equalize/ChannelMap.h"
#include "mlir/IR/BuiltinTypes.h"

#include <algorithm>

using namespace mlir;
using namespace mlir::fptq;
using llvm::ArrayRef;
using llvm::SmallVector;

static constexpr int64_t kUnknown = -1;

/// Elements between neighbours along each dimension, kUnknown above a dynamic one.
static SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = stride;
    stride = stride == kUnknown || ShapedType::isDynamic(shape[d]) ? kUnknown : stride * shape[d];
  }
  return strides;
}

/// True if indices along `dim` hold whole periods of `period`, or nothing lies outside that could see
/// the difference.
static bool holdsWholePeriods(ArrayRef<int64_t> shape, int64_t dim, int64_t period) {
  return dim == 0 || (!ShapedType::isDynamic(shape[dim]) && shape[dim] % period == 0);
}

int64_t ChannelMap::numChannels() const {
  int64_t count = 1;
  for (const ChannelAxis &axis : axes)
    count *= axis.size;
  return count;
}

int64_t ChannelMap::numClasses() const {
  int64_t count = 1;
  for (const ChannelAxis &axis : axes)
    count *= axis.dim ? axis.size : 1;
  return count;
}

ChannelMap ChannelMap::renameDims(llvm::function_ref<std::optional<int64_t>(int64_t)> rename) const {
  ChannelMap result = *this;
  for (ChannelAxis &axis : result.axes)
    if (axis.dim)
      axis.dim = rename(*axis.dim);
  return result;
}

/// Cuts an axis whose neighbours lie `flatStride` elements apart into axes of a tensor of shape `to`.
static std::optional<SmallVector<ChannelAxis>> placeAxis(int64_t flatStride, int64_t size, ArrayRef<int64_t> to) {
  SmallVector<int64_t> strides = rowMajorStrides(to);
  SmallVector<ChannelAxis> pieces;
  for (size_t d = to.size(); d-- > 0 && size > 1;) {
    if (strides[d] == kUnknown || flatStride % strides[d])
      return std::nullopt;
    int64_t stride = flatStride / strides[d];
    int64_t room = ShapedType::isDynamic(to[d]) ? kUnknown : to[d] / stride;
    if (room == 0 || room == 1) // the axis starts further out
      continue;
    int64_t taken = room == kUnknown ? size : std::min(room, size);
    if (size % taken || !holdsWholePeriods(to, d, stride * taken))
      return std::nullopt;
    pieces.push_back({taken, (int64_t)d, stride});
    flatStride *= taken;
    size /= taken;
  }
  if (size > 1)
    return std::nullopt;
  std::reverse(pieces.begin(), pieces.end()); // outermost first, as axes are
  return pieces;
}

std::optional<ChannelMap> ChannelMap::reshape(ArrayRef<int64_t> from, ArrayRef<int64_t> to) const {
  if (llvm::is_contained(from, 0) || llvm::is_contained(to, 0)) // no element, no stride
    return std::nullopt;
  SmallVector<int64_t> strides = rowMajorStrides(from);
  ChannelMap result;
  for (const ChannelAxis &axis : axes) {
    if (!axis.dim) {
      result.append(axis);
      continue;
    }
    int64_t stride = strides[*axis.dim];
    if (stride == kUnknown || !holdsWholePeriods(from, *axis.dim, axis.stride * axis.size))
      return std::nullopt;
    auto pieces = placeAxis(stride * axis.stride, axis.size, to);
    if (!pieces)
      return std::nullopt;
    for (const ChannelAxis &piece : *pieces)
      result.append(piece);
  }
  return result;
}

std::vector<int64_t> ChannelMap::classes() const {
  std::vector<int64_t> result(numChannels());
  for (size_t k = 0; k < result.size(); ++k) {
    int64_t rest = k, weight = 1;
    for (const ChannelAxis &axis : llvm::reverse(axes)) {
      if (axis.dim) {
        result[k] += rest % axis.size * weight;
        weight *= axis.size;
      }
      rest /= axis.size;
    }
  }
  return result;
}

std::vector<float> ChannelMap::spread(ArrayRef<float> perChannel, ArrayRef<int64_t> shape) const {
  SmallVector<int64_t> strides = rowMajorStrides(shape);
  std::vector<float> result(shape.empty() ? 1 : strides[0] * shape[0]);
  for (size_t i = 0; i < result.size(); ++i) {
    int64_t channel = 0;
    for (const ChannelAxis &axis : axes) {
      int64_t index = axis.dim ? (int64_t)i / strides[*axis.dim] % shape[*axis.dim] : 0;
      channel = channel * axis.size + index / axis.stride % axis.size;
    }
    result[i] = perChannel[channel];
  }
  return result;
}
