//===- RandomWeight.h - input of the layout tests ---------------*- C++ -*-===//
#ifndef FPTQ_TEST_UNIT_RANDOMWEIGHT_H
#define FPTQ_TEST_UNIT_RANDOMWEIGHT_H

#include "fptq/Pack/PackWeights.h"
#include <random>
#include <vector>

namespace mlir::fptq {

/// A random weight in the portable form.
struct RandomWeight {
  int64_t groups;
  std::vector<uint8_t> codes, scales, zeros, multipliers;

  RandomWeight(const PackedShape &s, unsigned seed) : groups((s.k + s.groupSize - 1) / s.groupSize) {
    codes.resize(s.n * ((groups * s.groupSize + 1) / 2));
    scales.resize((s.twoLevel ? s.n : s.n * groups) * (s.halfScales ? 2 : 4));
    zeros.resize(s.symmetric ? 0 : s.n * groups);
    multipliers.resize(s.twoLevel ? s.n * groups : 0);
    std::mt19937 random(seed);
    for (auto *bytes : {&codes, &scales, &zeros, &multipliers})
      for (uint8_t &b : *bytes)
        b = random();
    if (groups * s.groupSize % 2) // the half byte behind an odd row holds nothing
      for (int64_t n = 0; n < s.n; ++n)
        codes[(n + 1) * (codes.size() / s.n) - 1] &= 15;
  }
  WeightOperands<const uint8_t> operands() const {
    return {codes.data(), scales.data(), zeros.data(), multipliers.data()};
  }
  WeightOperands<uint8_t> mutableOperands() { return {codes.data(), scales.data(), zeros.data(), multipliers.data()}; }
  int code(int64_t n, int64_t p, const PackedShape &s) const {
    int64_t rowBytes = (groups * s.groupSize + 1) / 2;
    return codes[n * rowBytes + p / 2] >> (p % 2 * 4) & 15;
  }
  bool operator==(const RandomWeight &o) const {
    return codes == o.codes && scales == o.scales && zeros == o.zeros && multipliers == o.multipliers;
  }
};

} // namespace mlir::fptq

#endif // FPTQ_TEST_UNIT_RANDOMWEIGHT_H
