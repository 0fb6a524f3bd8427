//===- NVPTXLayout.cpp - docs/PackedLayout.md, section "nvptx" ------------===//
#include "fptq/Pack/NVPTXLayout.h"

#include <algorithm>
#include <cstring>

using namespace mlir::fptq;
using namespace mlir::fptq::nvptx;

PanelLayout nvptx::panelLayout(const PackedShape &s) {
  PanelLayout l;
  int64_t scaleBytes = kPanelRows * (s.halfScales ? 2 : 4);
  l.panels = (s.n + kPanelRows - 1) / kPanelRows;
  l.groups = (s.k + s.groupSize - 1) / s.groupSize;
  l.paddedGroup = paddedGroupSize(Layout::NVPTX, s.groupSize);
  l.chunks = (l.groups * l.paddedGroup + kChunk - 1) / kChunk;
  l.storedGroups = l.chunks * kChunk / l.paddedGroup;
  l.tail = l.chunks * kChunkBytes;
  l.zeros = l.tail + l.storedGroups * (s.twoLevel ? 2 * kPanelRows : scaleBytes);
  l.panelBytes = l.zeros + (s.twoLevel ? scaleBytes : s.symmetric ? 0 : l.storedGroups * kPanelRows);
  return l;
}

namespace {
/// N3: the byte (from the start of the panel) and the shift of the code of panel row `row` at padded channel `k`.
struct NibbleAddress {
  int64_t byte;
  int shift;
};
NibbleAddress nibble(int64_t row, int64_t k) {
  int64_t step = k % kStep, lane = 4 * (row % 8) + step % 16 / 4, word = row / 8 + step / 16 * 2;
  return {k / kChunk * kChunkBytes + kLaneBytes * lane + 4 * word + k % 4, int(k % kChunk / kStep * 4)};
}

/// Calls `visit(n, row of the panel, first byte of the panel)` for each output channel.
template <typename Fn> void forEachRow(const PackedShape &s, const PanelLayout &l, Fn visit) {
  for (int64_t n = 0; n < s.n; ++n)
    visit(n, n % kPanelRows, n / kPanelRows * l.panelBytes);
}

/// Calls `move(element of the operand, byte in the panel, bytes)` for each scale of a row.
template <typename Fn> void forEachScale(const PackedShape &s, const PanelLayout &l, int64_t n, Fn move) {
  int64_t bytes = s.halfScales ? 2 : 4, row = n % kPanelRows;
  if (s.twoLevel)
    return move(n, l.zeros + row * bytes, bytes);
  for (int64_t g = 0; g < l.groups; ++g)
    move(n * l.groups + g, l.tail + (g * kPanelRows + row) * bytes, bytes);
}

/// N4, N5: the byte of a zero point, of a multiplier and of an offset.
int64_t zeroAt(const PanelLayout &l, int64_t g, int64_t row) { return l.zeros + g * kPanelRows + row; }
int64_t multiplierAt(const PanelLayout &l, int64_t g, int64_t row) { return l.tail + 2 * (g * kPanelRows + row); }
int64_t offsetAt(const PanelLayout &l, int64_t g, int64_t row) { return multiplierAt(l, g, row) + 1; }
} // namespace

void nvptx::pack(const PackedShape &s, const WeightOperands<const uint8_t> &w, uint8_t *out) {
  PanelLayout l = panelLayout(s);
  int64_t codeBytes = (l.groups * s.groupSize + 1) / 2;
  std::fill(out, out + l.panels * l.panelBytes, 0); // N7: padding is zero
  forEachRow(s, l, [&](int64_t n, int64_t row, int64_t start) {
    uint8_t *panel = out + start;
    for (int64_t g = 0; g < l.groups; ++g) {
      for (int64_t i = 0; i < s.groupSize; ++i) {
        int64_t p = g * s.groupSize + i;
        NibbleAddress to = nibble(row, g * l.paddedGroup + i);
        panel[to.byte] |= (w.codes[n * codeBytes + p / 2] >> (p % 2 * 4) & 15) << to.shift;
      }
      if (s.twoLevel) {
        panel[multiplierAt(l, g, row)] = w.multipliers[n * l.groups + g];
        panel[offsetAt(l, g, row)] = w.zeros[n * l.groups + g];
      } else if (!s.symmetric) {
        panel[zeroAt(l, g, row)] = w.zeros[n * l.groups + g];
      }
    }
    forEachScale(s, l, n, [&](int64_t element, int64_t byte, int64_t bytes) {
      std::memcpy(panel + byte, w.scales + element * bytes, bytes);
    });
  });
}

void nvptx::unpack(const PackedShape &s, const uint8_t *packed, const WeightOperands<uint8_t> &w) {
  PanelLayout l = panelLayout(s);
  int64_t codeBytes = (l.groups * s.groupSize + 1) / 2;
  if (w.codes)
    std::fill(w.codes, w.codes + s.n * codeBytes, 0);
  forEachRow(s, l, [&](int64_t n, int64_t row, int64_t start) {
    const uint8_t *panel = packed + start;
    for (int64_t g = 0; g < l.groups; ++g) {
      for (int64_t i = 0; w.codes && i < s.groupSize; ++i) {
        int64_t p = g * s.groupSize + i;
        NibbleAddress from = nibble(row, g * l.paddedGroup + i);
        w.codes[n * codeBytes + p / 2] |= (panel[from.byte] >> from.shift & 15) << (p % 2 * 4);
      }
      if (s.twoLevel && w.multipliers)
        w.multipliers[n * l.groups + g] = panel[multiplierAt(l, g, row)];
      if (w.zeros && (s.twoLevel || !s.symmetric))
        w.zeros[n * l.groups + g] = panel[s.twoLevel ? offsetAt(l, g, row) : zeroAt(l, g, row)];
    }
    if (w.scales)
      forEachScale(s, l, n, [&](int64_t element, int64_t byte, int64_t bytes) {
        std::memcpy(w.scales + element * bytes, panel + byte, bytes);
      });
  });
}
