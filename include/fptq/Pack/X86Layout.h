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
constexpr int64_t kPairPanels = 2;    ///< P1: panels that lie between each other
constexpr int64_t kPairColumns = kPairPanels * kPanelColumns;
constexpr int64_t kOctet = 8;                               ///< P2: input channels of one chunk
constexpr int64_t kOctetBytes = kPanelColumns * kOctet / 2; ///< P2: of one panel
constexpr int64_t kPairOctetBytes = kPairPanels * kOctetBytes;

/// Where the parts of one packed weight lie, in bytes.
struct PanelLayout {
  int64_t pairs;       ///< P1: ceil(n / 32)
  int64_t groups;      ///< ceil(k / groupSize)
  int64_t paddedGroup; ///< P3: group size rounded up to 8
  int64_t tail;        ///< P4, P5: from the start of a group to the first panel's scales or multipliers
  int64_t zeros;       ///< from a panel's scales or multipliers to its zero points or offsets
  int64_t tailBytes;   ///< from the first panel's scales or multipliers to the second's
  int64_t groupBytes;  ///< from one group to the next
  int64_t scales;      ///< P6: from the start of a pair to its channel scales (two-level only)
  int64_t scaleBytes;  ///< of one scale
  int64_t pairBytes;   ///< from one pair to the next
};
PanelLayout panelLayout(const PackedShape &shape);

void pack(const PackedShape &shape, const WeightOperands<const uint8_t> &weight, uint8_t *out);
void unpack(const PackedShape &shape, const uint8_t *packed, const WeightOperands<uint8_t> &weight);

} // namespace mlir::fptq::x86

#endif // FPTQ_PACK_X86LAYOUT_H
