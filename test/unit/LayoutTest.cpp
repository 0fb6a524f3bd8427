#include "fptq/Pack/Layout.h"
#include <gtest/gtest.h>

using namespace mlir::fptq;

TEST(Layout, GroupsArePaddedToWholeKOctets) {
  EXPECT_EQ(paddedGroupSize(Layout::X86, 128), 128);
  EXPECT_EQ(paddedGroupSize(Layout::X86, 43), 48);
}

TEST(Layout, EveryNameIsReadAgainAndNoOther) {
  for (Layout layout : {Layout::X86, Layout::NVPTX})
    EXPECT_EQ(parseLayout(layoutName(layout)), layout);
  EXPECT_EQ(parseLayout("arm"), std::nullopt);
  EXPECT_EQ(parseLayout(""), std::nullopt);
}
