//===- X86Layout.cpp - docs/PackedLayout.md, section "x86" ----------------===//
#include "fptq/Pack/X86Layout.h"

#include <algorithm>
#include <cstring>

using namespace mlir::fptq;
using namespace mlir::fptq::x86;

PanelLayout x86::panelLayout(const PackedShape &s) {
  PanelLayout l;
  int64_t scaleBytes = kPanelColumns * (s.halfScales ? 2 : 4);
  l.panels = (s.n + kPanelColumns - 1) / kPanelColumns;
  l.groups = (s.k + s.groupSize - 1) / s.groupSize;
  l.paddedGroup = paddedGroupSize("x86", s.groupSize);
  l.tail = l.paddedGroup / kOctet * kOctetBytes;
  l.zeros = l.tail + (s.twoLevel ? kPanelColumns : scaleBytes);
  l.groupBytes = l.zeros + (s.symmetric && !s.twoLevel ? 0 : kPanelColumns);
  l.scales = l.groups * l.groupBytes;
  l.panelBytes = l.scales + (s.twoLevel ? scaleBytes : 0);
  return l;
}

namespace {
/// One output channel inside its panel.
struct Column {
  int64_t row, start, lane; ///< channel, first byte of its panel, column of the panel
};

/// P2: the byte and the shift of the code at offset `i` of a group.
struct NibbleAddress {
  int64_t byte;
  int shift;
};
NibbleAddress nibble(const Column &c, int64_t i) {
  return {i / kOctet * kOctetBytes + c.lane * 4 + i % 4, int(i / 4 % 2 * 4)};
}

/// Calls `visit` for each output channel.
template <typename Fn> void forEachColumn(const PackedShape &s, const PanelLayout &l, Fn visit) {
  for (int64_t n = 0; n < s.n; ++n)
    visit(Column{n, n / kPanelColumns * l.panelBytes, n % kPanelColumns});
}
} // namespace

void x86::pack(const PackedShape &s, const WeightOperands<const uint8_t> &w, uint8_t *out) {
  PanelLayout l = panelLayout(s);
  int64_t codeBytes = (l.groups * s.groupSize + 1) / 2, scaleBytes = s.halfScales ? 2 : 4;
  std::fill(out, out + l.panels * l.panelBytes, 0); // P7: padding is zero
  forEachColumn(s, l, [&](const Column &c) {
    for (int64_t g = 0; g < l.groups; ++g) {
      uint8_t *group = out + c.start + g * l.groupBytes;
      for (int64_t i = 0; i < s.groupSize; ++i) {
        int64_t p = g * s.groupSize + i;
        NibbleAddress to = nibble(c, i);
        group[to.byte] |= (w.codes[c.row * codeBytes + p / 2] >> (p % 2 * 4) & 15) << to.shift;
      }
      int64_t at = c.row * l.groups + g;
      if (s.twoLevel)
        group[l.tail + c.lane] = w.multipliers[at];
      else
        std::memcpy(group + l.tail + c.lane * scaleBytes, w.scales + at * scaleBytes, scaleBytes);
      if (l.groupBytes > l.zeros)
        group[l.zeros + c.lane] = w.zeros[at];
    }
    if (s.twoLevel)
      std::memcpy(out + c.start + l.scales + c.lane * scaleBytes, w.scales + c.row * scaleBytes, scaleBytes);
  });
}

void x86::unpack(const PackedShape &s, const uint8_t *packed, const WeightOperands<uint8_t> &w) {
  PanelLayout l = panelLayout(s);
  int64_t codeBytes = (l.groups * s.groupSize + 1) / 2, scaleBytes = s.halfScales ? 2 : 4;
  if (w.codes)
    std::fill(w.codes, w.codes + s.n * codeBytes, 0);
  forEachColumn(s, l, [&](const Column &c) {
    for (int64_t g = 0; g < l.groups; ++g) {
      const uint8_t *group = packed + c.start + g * l.groupBytes;
      for (int64_t i = 0; w.codes && i < s.groupSize; ++i) {
        int64_t p = g * s.groupSize + i;
        NibbleAddress from = nibble(c, i);
        w.codes[c.row * codeBytes + p / 2] |= (group[from.byte] >> from.shift & 15) << (p % 2 * 4);
      }
      int64_t at = c.row * l.groups + g;
      if (s.twoLevel && w.multipliers)
        w.multipliers[at] = group[l.tail + c.lane];
      if (!s.twoLevel && w.scales)
        std::memcpy(w.scales + at * scaleBytes, group + l.tail + c.lane * scaleBytes, scaleBytes);
      if (l.groupBytes > l.zeros && w.zeros)
        w.zeros[at] = group[l.zeros + c.lane];
    }
    if (s.twoLevel && w.scales)
      std::memcpy(w.scales + c.row * scaleBytes, packed + c.start + l.scales + c.lane * scaleBytes, scaleBytes);
  });
}
