#include "fptq/Pack/PackedAddresses.h"
#include "RandomWeight.h"
#include "mlir/IR/MLIRContext.h"
#include <cstring>
#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::fptq;

namespace {
/// Compares every part of a packed weight, read by its address, with the operands it was packed from.
void expectAddresses(MLIRContext &context, Layout layout, const PackedShape &s, unsigned seed) {
  RandomWeight w(s, seed);
  std::vector<uint8_t> packed(packedBytes(layout, s));
  packWeights(layout, s, w.operands(), packed.data());
  PackedAddresses at = packedAddresses(&context, layout, s);
  EXPECT_EQ(!at.zero, s.symmetric);
  EXPECT_EQ(!at.multiplier, !s.twoLevel);
  auto read = [&](AffineMap map, std::initializer_list<int64_t> operands) {
    return packed.at(map.compose(operands)[0]);
  };
  int64_t scaleBytes = s.halfScales ? 2 : 4;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t g = 0; g < w.groups; ++g) {
      for (int64_t i = 0; i < s.groupSize; ++i) {
        int64_t first = at.codes.compose({n, g, i / 4})[0], shift = at.shift.compose({n, g, i / 4})[0];
        ASSERT_EQ(packed.at(first + i % 4) >> shift & 15, w.code(n, g * s.groupSize + i, s))
            << n << " " << g << " " << i;
      }
      int64_t entry = n * w.groups + g;
      ASSERT_EQ(std::memcmp(&packed.at(at.scale.compose({n, g})[0]), &w.scales[(s.twoLevel ? n : entry) * scaleBytes],
                            scaleBytes),
                0);
      if (at.zero)
        ASSERT_EQ(read(at.zero, {n, g}), w.zeros[entry]);
      if (at.multiplier)
        ASSERT_EQ(read(at.multiplier, {n, g}), w.multipliers[entry]);
    }
}
} // namespace

TEST(PackedAddresses, FindEveryPartOfRandomWeightsInBothLayouts) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  std::mt19937 random(11);
  for (int i = 0; i < 60; ++i) {
    PackedShape s{1 + int64_t(random() % 40), 1 + int64_t(random() % 200), 0, random() % 3 == 0, false,
                  random() % 2 == 0};
    s.groupSize = 1 + random() % s.k;
    s.symmetric = !s.twoLevel && random() % 2;
    for (Layout layout : {Layout::X86, Layout::NVPTX})
      ASSERT_NO_FATAL_FAILURE(expectAddresses(context, layout, s, i)) << layoutName(layout) << " group " << s.groupSize;
  }
}
