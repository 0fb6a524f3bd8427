#include "fptq/Equalize/ChannelMap.h"
#include "fptq/Equalize/EqualizationScales.h"
#include "mlir/IR/BuiltinTypes.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <random>

using namespace mlir::fptq;
using Shape = llvm::SmallVector<int64_t>;
constexpr int64_t kAny = mlir::ShapedType::kDynamic;

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

TEST(EqualizationScales, LaeLeavesTheLogarithmOfTheMaximum) {
  std::vector<float> m = {0.5f, 2, 15, 150};
  std::vector<float> s = equalizationScales(m, {}, {});
  for (size_t j = 0; j < m.size(); ++j)
    EXPECT_NEAR(m[j] / s[j], std::log2(2.0 + m[j]), 1e-5);
  // The two thresholds of FPTQ, by hand: 15 / log2(17), 150 / log2(152).
  EXPECT_NEAR(s[2], 3.6698, 1e-4);
  EXPECT_NEAR(s[3], 20.6954, 1e-3);
}

TEST(EqualizationScales, DeadChannelIsLeftAloneAndAlmostDeadOneIsBounded) {
  std::vector<float> s = equalizationScales({0, 1e-30f}, {}, {});
  EXPECT_EQ(s[0], 1);
  EXPECT_EQ(s[1], 1e-5f);
  EXPECT_EQ(equalizationScales({0, 4}, {1, 0}, {EqualizationFormula::SmoothQuant})[0], 1);
  EXPECT_TRUE(std::isfinite(equalizationScales({4}, {0}, {EqualizationFormula::SmoothQuant, 0.0})[0]));
}

TEST(EqualizationScales, MinScaleOnlyRaises) {
  EqualizationOptions options;
  options.minScale = 1;
  std::vector<float> m = {0, 0.5f, 1.9f, 40}, s = equalizationScales(m, {}, options),
                     free = equalizationScales(m, {}, {});
  for (size_t j = 0; j < m.size(); ++j)
    EXPECT_EQ(s[j], std::max(free[j], 1.0f));
}

TEST(EqualizationScales, SmoothQuantIsTheDefinition) {
  std::mt19937 gen(7);
  std::uniform_real_distribution<float> uniform(0.1f, 30);
  std::vector<float> m(50), w(50);
  for (size_t j = 0; j < 50; ++j)
    m[j] = uniform(gen), w[j] = uniform(gen) / 30;
  for (double alpha : {0.0, 0.25, 0.5, 1.0}) {
    std::vector<float> s = equalizationScales(m, w, {EqualizationFormula::SmoothQuant, alpha});
    for (size_t j = 0; j < 50; ++j)
      EXPECT_NEAR(s[j], std::pow(m[j], alpha) / std::pow(w[j], 1 - alpha), 1e-4 * s[j]);
  }
}

TEST(EqualizationScales, ColumnMaximaOverSeveralWeights) {
  std::vector<float> maxima(2);
  accumulateColumnAbsmax({1, -2, -3, 0.5f}, maxima);
  accumulateColumnAbsmax({0.5f, -7}, maxima);
  EXPECT_EQ(maxima, (std::vector<float>{3, 7}));
}

TEST(EqualizationScales, FormulaWords) {
  EXPECT_EQ(parseEqualizationFormula("lae"), EqualizationFormula::Logarithmic);
  EXPECT_EQ(parseEqualizationFormula("smoothquant"), EqualizationFormula::SmoothQuant);
  EXPECT_EQ(parseEqualizationFormula("LAE"), std::nullopt);
}

//===----------------------------------------------------------------------===//
// Channel maps
//===----------------------------------------------------------------------===//

static std::vector<float> iota(int64_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

/// A reshape moves no element: whatever channel an element had in `from` it must have in `to`.
static void expectSameElements(const ChannelMap &map, Shape from, Shape to) {
  auto moved = map.reshape(from, to);
  ASSERT_TRUE(moved);
  std::vector<float> channels = iota(map.numChannels());
  EXPECT_EQ(map.spread(channels, from), moved->spread(channels, to));
}

TEST(ChannelMap, ReshapeKeepsTheChannelOfEveryElement) {
  expectSameElements(ChannelMap(24, 1), {5, 24}, {5, 3, 8});
  expectSameElements(ChannelMap(24, 1), {10, 24}, {2, 5, 24});
  expectSameElements(ChannelMap(24, 1), {10, 24}, {2, 5, 3, 2, 4});
  expectSameElements(ChannelMap(24, 1), {10, 24}, {1, 10, 1, 24, 1});
  // Heads merged into the batch, as batched attention has them.
  ChannelMap heads = *ChannelMap(24, 2).reshape({2, 5, 24}, {2, 5, 3, 8});
  ChannelMap transposed = heads.renameDims([](int64_t d) { return std::vector<int64_t>{0, 2, 1, 3}[d]; });
  expectSameElements(transposed, {2, 3, 5, 8}, {6, 5, 8});
  // ... and split again, into groups of query heads.
  ChannelMap merged = *transposed.reshape({2, 3, 5, 8}, {6, 5, 8});
  expectSameElements(merged, {6, 5, 8}, {2, 3, 1, 5, 8});
  expectSameElements(ChannelMap(8, 0), {8}, {2, 2, 2});
}

/// A tensor that holds the number of its channel in every element.
struct ChannelTensor {
  Shape shape;
  std::vector<float> elements;

  /// Dimension d of the result is dimension order[d] of this tensor.
  ChannelTensor transpose(llvm::ArrayRef<int64_t> order) const {
    ChannelTensor result{Shape(shape.size()), std::vector<float>(elements.size())};
    for (size_t d = 0; d < order.size(); ++d)
      result.shape[d] = shape[order[d]];
    for (size_t i = 0; i < elements.size(); ++i) {
      Shape index(shape.size());
      for (size_t d = shape.size(), rest = i; d-- > 0; rest /= shape[d])
        index[d] = rest % shape[d];
      size_t to = 0;
      for (size_t d = 0; d < order.size(); ++d)
        to = to * result.shape[d] + index[order[d]];
      result.elements[to] = elements[i];
    }
    return result;
  }
};

/// `shape` with one dimension split, or two neighbours merged.
static Shape randomReshape(Shape shape, std::mt19937 &gen) {
  size_t d = gen() % shape.size();
  if (gen() % 2 && d + 1 < shape.size()) {
    shape[d] *= shape[d + 1];
    shape.erase(shape.begin() + d + 1);
  } else {
    int64_t factor = std::array<int64_t, 4>{1, 2, 3, 4}[gen() % 4];
    if (shape[d] % factor == 0) {
      shape[d] /= factor;
      shape.insert(shape.begin() + d + gen() % 2, factor);
    }
  }
  return shape;
}

TEST(ChannelMap, RandomReshapesAndTransposesAgreeWithTheElements) {
  std::mt19937 gen(1);
  int followed = 0, refused = 0;
  for (int trial = 0; trial < 300; ++trial) {
    ChannelTensor tensor{{6, 24}, {}};
    ChannelMap map(24, 1);
    tensor.elements = map.spread(iota(24), tensor.shape);
    for (int step = 0; step < 6; ++step) {
      Shape to = randomReshape(tensor.shape, gen);
      auto moved = map.reshape(tensor.shape, to);
      if (!moved && ++refused)
        break;
      map = *moved, tensor.shape = to;
      Shape order(to.size());
      std::iota(order.begin(), order.end(), 0);
      std::shuffle(order.begin(), order.end(), gen);
      tensor = tensor.transpose(order);
      map = map.renameDims([&](int64_t dim) { return llvm::find(order, dim) - order.begin(); });
      ASSERT_EQ(map.spread(iota(24), tensor.shape), tensor.elements) << "trial " << trial << ", step " << step;
      ++followed;
    }
  }
  EXPECT_GT(followed, 5 * refused); // refusing everything would agree, too
}

TEST(ChannelMap, ReshapeThereAndBackIsTheSame) {
  ChannelMap map(24, 1), split = *map.reshape({4, 24}, {4, 3, 8});
  EXPECT_EQ(split.getAxes().size(), 2u);
  ChannelMap back = *split.reshape({4, 3, 8}, {4, 24});
  EXPECT_EQ(back.spread(iota(24), {4, 24}), map.spread(iota(24), {4, 24}));
}

TEST(ChannelMap, ReshapeKnowsDynamicRows) {
  auto split = ChannelMap(24, 1).reshape({kAny, 24}, {2, kAny, 3, 8});
  ASSERT_TRUE(split);
  EXPECT_EQ(*split, *ChannelMap(24, 1).reshape({10, 24}, {2, 5, 3, 8}));
  // Heads inside a dynamic batch: dimension 0 holds whole periods whatever its size.
  ChannelMap transposed = split->renameDims([](int64_t d) { return std::vector<int64_t>{0, 2, 1, 3}[d]; });
  EXPECT_TRUE(transposed.reshape({kAny, 3, 5, 8}, {kAny, 5, 8}));
  // Rows inside, dynamic: where a head begins is not known.
  EXPECT_FALSE(transposed.reshape({2, 3, kAny, 8}, {6, kAny, 8}));
}

TEST(ChannelMap, ReshapeRefusesWhatDoesNotDivide) {
  EXPECT_FALSE(ChannelMap(24, 1).reshape({2, 24}, {3, 16}));
  EXPECT_FALSE(ChannelMap(6, 1).reshape({2, 6}, {3, 4}));
  EXPECT_FALSE(ChannelMap(4, 0).reshape({4, 3}, {6, 2}));
  EXPECT_FALSE(ChannelMap(8, 1).reshape({1, 8, 0, 64}, {8, 0}));
}

TEST(ChannelMap, ChannelsOfOneKeyHeadAreOneClass) {
  // 2 key heads x 2 query heads each x 3: the repeat drops the middle axis.
  ChannelMap query = *ChannelMap(12, 1).reshape({1, 12}, {1, 2, 2, 3});
  ChannelMap key = query.renameDims([](int64_t d) { return d == 2 ? std::nullopt : std::optional<int64_t>(d); });
  EXPECT_EQ(key.classes(), (std::vector<int64_t>{0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5}));
  EXPECT_EQ(key.numClasses(), 6);
  EXPECT_EQ(key.numChannels(), 12);
  // The first channel of a class speaks for it.
  EXPECT_EQ(key.spread(iota(12), {1, 2, 1, 3}), (std::vector<float>{0, 1, 2, 6, 7, 8}));
}
