//===- PackWeights.cpp - layouts by name ----------------------------------===//
#include "fptq/Pack/PackWeights.h"
#include "fptq/Pack/NVPTXLayout.h"
#include "fptq/Pack/X86Layout.h"
#include "llvm/Support/ErrorHandling.h"

#include <vector>

using namespace mlir::fptq;

void mlir::fptq::packWeights(Layout layout, const PackedShape &shape, const WeightOperands<const uint8_t> &weight,
                             uint8_t *out) {
  switch (layout) {
  case Layout::X86:
    return x86::pack(shape, weight, out);
  case Layout::NVPTX:
    return nvptx::pack(shape, weight, out);
  }
  llvm_unreachable("no layout");
}

void mlir::fptq::unpackWeights(Layout layout, const PackedShape &shape, const uint8_t *packed,
                               const WeightOperands<uint8_t> &weight) {
  switch (layout) {
  case Layout::X86:
    return x86::unpack(shape, packed, weight);
  case Layout::NVPTX:
    return nvptx::unpack(shape, packed, weight);
  }
  llvm_unreachable("no layout");
}

void mlir::fptq::repackWeights(Layout from, Layout to, const PackedShape &s, const uint8_t *packed, uint8_t *out) {
  int64_t groups = (s.k + s.groupSize - 1) / s.groupSize, scaleBytes = s.halfScales ? 2 : 4;
  std::vector<uint8_t> codes(s.n * ((groups * s.groupSize + 1) / 2));
  std::vector<uint8_t> scales((s.twoLevel ? s.n : s.n * groups) * scaleBytes);
  std::vector<uint8_t> zeros(s.n * groups), multipliers(s.n * groups);
  unpackWeights(from, s, packed, {codes.data(), scales.data(), zeros.data(), multipliers.data()});
  packWeights(to, s, {codes.data(), scales.data(), zeros.data(), multipliers.data()}, out);
}
