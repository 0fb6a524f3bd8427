//===- Layout.cpp - sizes of packed weights (docs/PackedLayout.md) --------===//
#include "fptq/Pack/Layout.h"

using namespace mlir::fptq;

static int64_t roundUp(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

int64_t mlir::fptq::paddedGroupSize(std::string_view layout, int64_t groupSize) {
  return roundUp(groupSize, layout == "x86" ? 8 : 32);
}

int64_t mlir::fptq::packedBytes(std::string_view layout, const PackedShape &s) {
  int64_t groups = (s.k + s.groupSize - 1) / s.groupSize, padded = paddedGroupSize(layout, s.groupSize);
  int64_t rows = roundUp(s.n, 16);
  int64_t scaleBytes = s.halfScales ? 2 : 4;
  int64_t perGroup = padded / 2 + (s.twoLevel ? 2 : scaleBytes + (s.symmetric ? 0 : 1));
  return rows * groups * perGroup + (s.twoLevel ? rows * scaleBytes : 0);
}
