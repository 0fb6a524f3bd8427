//===- GpuRegionsTest.cpp - host memory behind the arguments of a launch --===//
extern "C" {
#include "../../lib/Runtime/GpuRegions.h"
}
#include "gtest/gtest.h"
#include <vector>

namespace {
struct Joined {
  int count;
  FptqGpuRegion regions[kMaxGpuArguments];
  int of[kMaxGpuArguments];

  explicit Joined(std::vector<FptqGpuArgument> arguments) {
    FptqGpuLaunch launch{"k", {1, 1, 1}, {32, 1, 1}, 0, int64_t(arguments.size()), arguments.data()};
    count = fptq_gpu_regions(&launch, regions, of);
  }
};

char memory[1024];

FptqGpuArgument at(FptqGpuArgumentKind kind, int64_t offset, int64_t bytes) {
  return {kind, 0, memory + offset, bytes};
}

TEST(GpuRegions, SeparateBuffersStaySeparate) {
  Joined j({at(FPTQ_GPU_INPUT, 0, 64), at(FPTQ_GPU_OUTPUT, 64, 64), {FPTQ_GPU_I32, 7, nullptr, 0}});
  ASSERT_EQ(j.count, 2);
  EXPECT_NE(j.of[0], j.of[1]);
  EXPECT_EQ(j.of[2], -1);
  EXPECT_FALSE(j.regions[j.of[0]].written);
  EXPECT_TRUE(j.regions[j.of[1]].written);
}

TEST(GpuRegions, ParametersAreReadAndWorkspacesHaveNoHostMemory) {
  Joined j({at(FPTQ_GPU_PARAMETER, 0, 64), {FPTQ_GPU_WORKSPACE, 0, nullptr, 512}, {FPTQ_GPU_COUNTERS, 0, nullptr, 4}});
  ASSERT_EQ(j.count, 1);
  EXPECT_FALSE(j.regions[0].written || j.regions[0].constant);
  EXPECT_EQ(j.of[0], 0);
  EXPECT_EQ(j.of[1], -1);
  EXPECT_EQ(j.of[2], -1);
}

TEST(GpuRegions, AResidualInPlaceIsOneMemory) {
  Joined j({at(FPTQ_GPU_INPUT, 128, 64), at(FPTQ_GPU_INOUT, 128, 64)});
  ASSERT_EQ(j.count, 1);
  EXPECT_EQ(j.of[0], j.of[1]);
  EXPECT_TRUE(j.regions[0].written);
}

TEST(GpuRegions, OneBufferMayJoinTwoOthers) {
  Joined j({at(FPTQ_GPU_INPUT, 0, 100), at(FPTQ_GPU_INPUT, 200, 100), at(FPTQ_GPU_OUTPUT, 50, 200)});
  ASSERT_EQ(j.count, 1);
  EXPECT_EQ(j.regions[0].host, memory);
  EXPECT_EQ(j.regions[0].bytes, 300);
}

TEST(GpuRegions, ATemporaryThatIsAlsoSomethingElseIsCopied) {
  Joined j({at(FPTQ_GPU_TEMPORARY, 0, 64), at(FPTQ_GPU_INPUT, 32, 64)});
  ASSERT_EQ(j.count, 1);
  EXPECT_FALSE(j.regions[0].temporary);
}

TEST(GpuRegions, ConstantsAreNotJoined) {
  Joined j({at(FPTQ_GPU_CONSTANT, 0, 64), at(FPTQ_GPU_OUTPUT, 32, 64), {FPTQ_GPU_CONSTANT, 0, nullptr, 0}});
  ASSERT_EQ(j.count, 2);
  EXPECT_TRUE(j.regions[j.of[0]].constant);
  EXPECT_EQ(j.of[2], -1); // a bias that there is not
}

TEST(GpuRegions, TooManyArguments) {
  Joined j(std::vector<FptqGpuArgument>(kMaxGpuArguments + 1, at(FPTQ_GPU_INPUT, 0, 4)));
  EXPECT_EQ(j.count, -1);
}
} // namespace
