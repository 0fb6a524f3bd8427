//===- X86Layout.cpp - docs/PackedLayout.md, section "x86" ----------------===//
#include "fptq/Pack/X86Layout.h"

#include <algorithm>
#include <cstring>

using namespace mlir::fptq;
using namespace mlir::fptq::x86;

PanelLayout x86::panelLayout(const PackedShape &s) {
  PanelLayout l;
  l.scaleBytes = s.halfScales ? 2 : 4;
  l.pairs = (s.n + kPairColumns - 1) / kPairColumns;
  l.groups = (s.k + s.groupSize - 1) / s.groupSize;
  l.paddedGroup = paddedGroupSize(Layout::X86, s.groupSize);
  l.tail = l.paddedGroup / kOctet * kPairOctetBytes;
  l.zeros = kPanelColumns * (s.twoLevel ? 1 : l.scaleBytes);
  l.tailBytes = l.zeros + (s.symmetric && !s.twoLevel ? 0 : kPanelColumns);
  l.groupBytes = l.tail + kPairPanels * l.tailBytes;
  l.scales = l.groups * l.groupBytes;
  l.pairBytes = l.scales + (s.twoLevel ? kPairColumns * l.scaleBytes : 0);
  return l;
}

namespace {
/// One output channel.
struct Column {
  int64_t row, pair, column; ///< channel, first byte of its pair, column of the pair
  /// Byte of a group with one scale, multiplier, ... of `bytes` bytes for each column of a panel.
  int64_t inTail(const PanelLayout &l, int64_t first, int64_t bytes) const {
    return l.tail + column / kPanelColumns * l.tailBytes + first + column % kPanelColumns * bytes;
  }
  /// P6
  int64_t channelScale(const PanelLayout &l) const { return pair + l.scales + column * l.scaleBytes; }
};

/// P2: the byte and the shift of the code at offset `i` of a group.
struct NibbleAddress {
  int64_t byte;
  int shift;
};
NibbleAddress nibble(const Column &c, int64_t i) {
  return {i / kOctet * kPairOctetBytes + c.column * 4 + i % 4, int(i / 4 % 2 * 4)};
}

/// Calls `visit` for each output channel.
template <typename Fn> void forEachColumn(const PackedShape &s, const PanelLayout &l, Fn visit) {
  for (int64_t n = 0; n < s.n; ++n)
    visit(Column{n, n / kPairColumns * l.pairBytes, n % kPairColumns});
}
} // namespace

void x86::pack(const PackedShape &s, const WeightOperands<const uint8_t> &w, uint8_t *out) {
  PanelLayout l = panelLayout(s);
  int64_t codeBytes = (l.groups * s.groupSize + 1) / 2;
  std::fill(out, out + l.pairs * l.pairBytes, 0); // P7: padding is zero
  forEachColumn(s, l, [&](const Column &c) {
    for (int64_t g = 0; g < l.groups; ++g) {
      uint8_t *group = out + c.pair + g * l.groupBytes;
      for (int64_t i = 0; i < s.groupSize; ++i) {
        int64_t p = g * s.groupSize + i;
        NibbleAddress to = nibble(c, i);
        group[to.byte] |= (w.codes[c.row * codeBytes + p / 2] >> (p % 2 * 4) & 15) << to.shift;
      }
      int64_t at = c.row * l.groups + g;
      if (s.twoLevel)
        group[c.inTail(l, 0, 1)] = w.multipliers[at];
      else
        std::memcpy(group + c.inTail(l, 0, l.scaleBytes), w.scales + at * l.scaleBytes, l.scaleBytes);
      if (l.tailBytes > l.zeros)
        group[c.inTail(l, l.zeros, 1)] = w.zeros[at];
    }
    if (s.twoLevel)
      std::memcpy(out + c.channelScale(l), w.scales + c.row * l.scaleBytes, l.scaleBytes);
  });
}

void x86::unpack(const PackedShape &s, const uint8_t *packed, const WeightOperands<uint8_t> &w) {
  PanelLayout l = panelLayout(s);
  int64_t codeBytes = (l.groups * s.groupSize + 1) / 2;
  if (w.codes)
    std::fill(w.codes, w.codes + s.n * codeBytes, 0);
  forEachColumn(s, l, [&](const Column &c) {
    for (int64_t g = 0; g < l.groups; ++g) {
      const uint8_t *group = packed + c.pair + g * l.groupBytes;
      for (int64_t i = 0; w.codes && i < s.groupSize; ++i) {
        int64_t p = g * s.groupSize + i;
        NibbleAddress from = nibble(c, i);
        w.codes[c.row * codeBytes + p / 2] |= (group[from.byte] >> from.shift & 15) << (p % 2 * 4);
      }
      int64_t at = c.row * l.groups + g;
      if (s.twoLevel && w.multipliers)
        w.multipliers[at] = group[c.inTail(l, 0, 1)];
      if (!s.twoLevel && w.scales)
        std::memcpy(w.scales + at * l.scaleBytes, group + c.inTail(l, 0, l.scaleBytes), l.scaleBytes);
      if (l.tailBytes > l.zeros && w.zeros)
        w.zeros[at] = group[c.inTail(l, l.zeros, 1)];
    }
    if (s.twoLevel && w.scales)
      std::memcpy(w.scales + c.row * l.scaleBytes, packed + c.channelScale(l), l.scaleBytes);
  });
}
