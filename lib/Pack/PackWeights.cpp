//===- PackWeights.cpp - layouts by name ----------------------------------===//
#include "fptq/Pack/PackWeights.h"
#include "fptq/Pack/NVPTXLayout.h"
#include "fptq/Pack/X86Layout.h"

#include <vector>

using namespace mlir::fptq;

bool mlir::fptq::packWeights(std::string_view layout, const PackedShape &shape,
                             const WeightOperands<const uint8_t> &weight, uint8_t *out) {
  if (layout == "x86")
    x86::pack(shape, weight, out);
  else if (layout == "nvptx")
    nvptx::pack(shape, weight, out);
  else
    return false;
  return true;
}

bool mlir::fptq::unpackWeights(std::string_view layout, const PackedShape &shape, const uint8_t *packed,
                               const WeightOperands<uint8_t> &weight) {
  if (layout == "x86")
    x86::unpack(shape, packed, weight);
  else if (layout == "nvptx")
    nvptx::unpack(shape, packed, weight);
  else
    return false;
  return true;
}

bool mlir::fptq::repackWeights(std::string_view from, std::string_view to, const PackedShape &s, const uint8_t *packed,
                               uint8_t *out) {
  int64_t groups = (s.k + s.groupSize - 1) / s.groupSize, scaleBytes = s.halfScales ? 2 : 4;
  std::vector<uint8_t> codes(s.n * ((groups * s.groupSize + 1) / 2));
  std::vector<uint8_t> scales((s.twoLevel ? s.n : s.n * groups) * scaleBytes);
  std::vector<uint8_t> zeros(s.n * groups), multipliers(s.n * groups);
  return unpackWeights(from, s, packed, {codes.data(), scales.data(), zeros.data(), multipliers.data()}) &&
         packWeights(to, s, {codes.data(), scales.data(), zeros.data(), multipliers.data()}, out);
}
