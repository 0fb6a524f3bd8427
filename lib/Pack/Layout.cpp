//===- Layout.cpp - sizes of packed weights (docs/PackedLayout.md) --------===//
#include "fptq/Pack/Layout.h"
#include "fptq/Pack/NVPTXLayout.h"
#include "fptq/Pack/X86Layout.h"

using namespace mlir::fptq;

static int64_t roundUp(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

int64_t mlir::fptq::paddedGroupSize(std::string_view layout, int64_t groupSize) {
  if (layout == "x86")
    return roundUp(groupSize, x86::kOctet);
  return groupSize <= nvptx::kStep ? nvptx::kStep : roundUp(groupSize, nvptx::kChunk); // N2
}

int64_t mlir::fptq::packedBytes(std::string_view layout, const PackedShape &shape) {
  if (layout == "x86") {
    x86::PanelLayout l = x86::panelLayout(shape);
    return l.pairs * l.pairBytes;
  }
  nvptx::PanelLayout l = nvptx::panelLayout(shape);
  return l.panels * l.panelBytes;
}
