//===- Layout.h - sizes of packed weights -----------------------*- C++ -*-===//
//
// The arithmetic of docs/PackedLayout.md, without IR: how many bytes a packed weight takes and how
// a group is padded. The order of the bytes is written in lib/Pack.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_PACK_LAYOUT_H
#define FPTQ_PACK_LAYOUT_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mlir::fptq {

/// The layouts of docs/PackedLayout.md.
enum class Layout { X86, NVPTX };

/// "x86" or "nvptx", as in `#fptq.layout` and in files.
std::string_view layoutName(Layout layout);
std::optional<Layout> parseLayout(std::string_view name);
/// What to say of a name that is neither.
std::string unknownLayout(std::string_view name);

/// What a layout needs to know of one weight.
struct PackedShape {
  int64_t n;         ///< output channels
  int64_t k;         ///< input channels, unpadded
  int64_t groupSize; ///< input channels a group, 1..k
  bool twoLevel;     ///< two-level scheme (byte multipliers and offsets, one float scale a row)
  bool symmetric;    ///< group scheme without stored zero points
  bool halfScales;   ///< scales stored as f16 (otherwise f32)
};

/// Columns of int8 activations one group takes: the group size rounded up for `layout`.
int64_t paddedGroupSize(Layout layout, int64_t groupSize);

/// Bytes of the packed weight in `layout`.
int64_t packedBytes(Layout layout, const PackedShape &shape);

} // namespace mlir::fptq

#endif // FPTQ_PACK_LAYOUT_H
