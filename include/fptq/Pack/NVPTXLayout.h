//===- NVPTXLayout.h - the layout all NVPTX chips share ---------*- C++ -*-===//
//
// Constants and addresses of docs/PackedLayout.md, section "nvptx". Kernels are written against these.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_PACK_NVPTXLAYOUT_H
#define FPTQ_PACK_NVPTXLAYOUT_H

#include "fptq/Pack/PackWeights.h"

namespace mlir::fptq::nvptx {

constexpr int64_t kPanelRows = 16;                       ///< N1: output channels of one panel
constexpr int64_t kStep = 32;                            ///< N3: input channels of one MMA
constexpr int64_t kChunk = 64;                           ///< N3: input channels of one 512-byte chunk
constexpr int64_t kChunkBytes = kPanelRows * kChunk / 2; ///< 16 bytes for each lane of a warp
constexpr int64_t kLaneBytes = 16;

/// Where the parts of one packed weight lie, in bytes; all are multiples of 16.
struct PanelLayout {
  int64_t panels;       ///< N1: ceil(n / 16)
  int64_t groups;       ///< ceil(k / groupSize)
  int64_t paddedGroup;  ///< N2
  int64_t chunks;       ///< N3: of one panel
  int64_t storedGroups; ///< N4: groups of whole chunks; one more than `groups` for an odd number of groups of 32
  int64_t tail;         ///< N4, N5: from the start of a panel to its scales, or to its {a, b}
  int64_t zeros;        ///< N4, N6: to its zero points, or to its channel scales
  int64_t panelBytes;   ///< from one panel to the next
};
PanelLayout panelLayout(const PackedShape &shape);

void pack(const PackedShape &shape, const WeightOperands<const uint8_t> &weight, uint8_t *out);
void unpack(const PackedShape &shape, const uint8_t *packed, const WeightOperands<uint8_t> &weight);

} // namespace mlir::fptq::nvptx

#endif // FPTQ_PACK_NVPTXLAYOUT_H
