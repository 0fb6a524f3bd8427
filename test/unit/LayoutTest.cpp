#include "fptq/Pack/Layout.h"
#include <gtest/gtest.h>

using namespace mlir::fptq;

TEST(Layout, GroupsArePaddedToWholeKOctets) {
  EXPECT_EQ(paddedGroupSize("x86", 128), 128);
  EXPECT_EQ(paddedGroupSize("x86", 43), 48);
}
