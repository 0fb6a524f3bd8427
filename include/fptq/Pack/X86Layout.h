//===- X86Layout.h - the layout all x86 tiers share -------------*- C++ -*-===//
//
// Constants and addresses of docs/PackedLayout.md, section "x86". Kernels and the plain-C reference
// are written against these.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_PACK_X86LAYOUT_H
#define FPTQ_PACK_X86LAYOUT_H

#include "fptq/Pack/PackWeights.h"

namespace mlir::fptq::x86 {

constexpr int64_t kPanelColumns = 16; ///< P1: output channels of one panel
constexpr int64_t kOctet = 8;         ///< P2: input channels of one 64-byte chunk
constexpr int64_t kOctetBytes = kPanelColumns * kOctet / 2;

/// Where the parts of one packed weight lie, in bytes.
struct PanelLayout {
  int64_t panels;      ///< P1: ceil(n / 16)
  int64_t groups;      ///< ceil(k / groupSize)
  int64_t paddedGroup; ///< P3: group size rounded up to 8
  int64_t tail;        ///< P4, P5: from the start of a group to its scales or multipliers
  int64_t zeros;       ///< from the start of a group to its zero points or offsets
  int64_t groupBytes;  ///< from one group to the next
  int64_t scales;      ///< P6: from the start of a panel to its channel scales (two-level only)
  int64_t panelBytes;  ///< from one panel to the next
};
PanelLayout panelLayout(const PackedShape &shape);

void pack(const PackedShape &shape, const WeightOperands<const uint8_t> &weight, uint8_t *out);
void unpack(const PackedShape &shape, const uint8_t *packed, const WeightOperands<uint8_t> &weight);

} // namespace mlir::fptq::x86

#endif // FPTQ_PACK_X86LAYOUT_H
