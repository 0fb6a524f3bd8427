//===- BuffersTest.cpp - memory that is kept from call to call ------------===//
#include "fptq-runtime/Buffers.h"
#include "gtest/gtest.h"

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {
constexpr size_t kMiB = size_t(1) << 20;

struct Buffers : testing::Test {
  void SetUp() override { fptq_buffers_release(); }
  void TearDown() override { fptq_buffers_release(); }
};

TEST_F(Buffers, TheSameSizeComesBack) {
  void *first = fptq_buffer_take(kMiB);
  fptq_buffer_give_back(first);
  void *second = fptq_buffer_take(kMiB);
  EXPECT_EQ(first, second);
  free(second); // as the caller of a model frees a result
}

TEST_F(Buffers, NoMoreThanAQuarterIsWasted) {
  void *large = fptq_buffer_take(8 * kMiB);
  fptq_buffer_give_back(large);
  void *small = fptq_buffer_take(4 * kMiB), *near = fptq_buffer_take(7 * kMiB);
  EXPECT_NE(small, large);
  EXPECT_EQ(near, large);
  fptq_buffer_give_back(small);
  fptq_buffer_give_back(near);
}

TEST_F(Buffers, TheSmallestThatFits) {
  void *large = fptq_buffer_take(10 * kMiB), *small = fptq_buffer_take(9 * kMiB);
  fptq_buffer_give_back(large);
  fptq_buffer_give_back(small);
  void *found = fptq_buffer_take(9 * kMiB - 4096);
  EXPECT_EQ(found, small);
  fptq_buffer_give_back(found);
}

TEST_F(Buffers, TheOldestGoWhereAllWouldBeTooMuch) {
  std::vector<void *> taken;
  for (int i = 0; i < 5; ++i)
    taken.push_back(fptq_buffer_take(60 * kMiB + i * 8 * kMiB / 10));
  for (void *buffer : taken)
    fptq_buffer_give_back(buffer); // 4 of them fit in 256 MiB
  // The smallest that is left for what the first one held.
  void *buffer = fptq_buffer_take(60 * kMiB);
  EXPECT_EQ(buffer, taken[1]);
  free(buffer);
}

TEST_F(Buffers, NullIsNothing) { fptq_buffer_give_back(nullptr); }

TEST_F(Buffers, NoBufferIsTakenTwiceAtATime) {
  std::vector<std::thread> threads;
  std::vector<char> intact(4, true);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t, &intact] {
      for (int i = 0; i < 2000; ++i) {
        size_t bytes = (64 << 10) + 4096 * (i % 3);
        auto *buffer = static_cast<char *>(fptq_buffer_take(bytes));
        memset(buffer, t, bytes);
        for (size_t at = 0; at < bytes; at += 4096)
          intact[t] &= buffer[at] == t;
        fptq_buffer_give_back(buffer);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  for (int t = 0; t < 4; ++t)
    EXPECT_TRUE(intact[t]) << t;
}
} // namespace
