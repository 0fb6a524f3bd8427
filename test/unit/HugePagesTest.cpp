//===- HugePagesTest.cpp --------------------------------------------------===//
#include "fptq/Support/HugePages.h"
#include "gtest/gtest.h"

#include <cinttypes>
#include <fstream>
#include <string>
#include <unistd.h>

using mlir::fptq::HugePages;

static uintptr_t address(const std::shared_ptr<char> &p) { return reinterpret_cast<uintptr_t>(p.get()); }

/// What the kernel notes about the mapping that holds `p`.
static std::string mappingFlags(uintptr_t p) {
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t low, high;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &low, &high) == 2)
      inside = low <= p && p < high;
    if (inside && line.rfind("VmFlags:", 0) == 0)
      return line + " ";
  }
  return "";
}

TEST(HugePages, PiecesLieOneBehindTheOther) {
  HugePages pages;
  auto first = pages.allocate(100), second = pages.allocate(1), third = pages.allocate(64);
  EXPECT_EQ(address(first) % (2 << 20), 0u);
  EXPECT_EQ(address(second) - address(first), 128u);
  EXPECT_EQ(address(third) - address(second), 64u);
}

TEST(HugePages, APieceOutlivesItsNeighboursAndItsOwner) {
  std::shared_ptr<char> kept;
  {
    HugePages pages;
    pages.allocate(4 << 20);
    kept = pages.allocate(4 << 20);
  }
  for (size_t i = 0; i < 4 << 20; i += 4096) {
    EXPECT_EQ(kept.get()[i], 0);
    kept.get()[i] = 1;
  }
}

TEST(HugePages, MoreThanABlock) {
  HugePages pages;
  auto small = pages.allocate(1), large = pages.allocate(200 << 20);
  large.get()[(200 << 20) - 1] = 1;
  EXPECT_EQ(address(large) % (2 << 20), 0u);
}

TEST(HugePages, TheKernelIsAsked) {
  if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK))
    GTEST_SKIP() << "this kernel has no transparent huge pages";
  HugePages pages;
  auto piece = pages.allocate(8 << 20);
  EXPECT_NE(mappingFlags(address(piece) + 1).find(" hg "), std::string::npos);
}
