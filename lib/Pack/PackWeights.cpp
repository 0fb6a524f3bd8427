//===- PackWeights.cpp - layouts by name ----------------------------------===//
#include "fptq/Pack/PackWeights.h"
#include "fptq/Pack/X86Layout.h"

using namespace mlir::fptq;

bool mlir::fptq::packWeights(std::string_view layout, const PackedShape &shape,
                             const WeightOperands<const uint8_t> &weight, uint8_t *out) {
  if (layout != "x86")
    return false;
  x86::pack(shape, weight, out);
  return true;
}

bool mlir::fptq::unpackWeights(std::string_view layout, const PackedShape &shape, const uint8_t *packed,
                               const WeightOperands<uint8_t> &weight) {
  if (layout != "x86")
    return false;
  x86::unpack(shape, packed, weight);
  return true;
}
