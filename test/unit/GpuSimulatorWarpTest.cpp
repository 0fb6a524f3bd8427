//===- GpuSimulatorWarpTest.cpp - what a warp does together ---------------===//
//
// Fragments are written down here by element, as the PTX ISA's tables give them, and products by a naive loop.
//
//===----------------------------------------------------------------------===//
#include "SimulatedKernel.h"
#include "gmock/gmock.h"
#include <random>

using namespace fptq_test;

namespace {
constexpr char kParameters[] = "%a: !llvm.ptr<1>, %b: !llvm.ptr<1>, %c: !llvm.ptr<1>, %d: !llvm.ptr<1>";

/// Loads each lane's words of A, B and C, multiplies, stores D.
constexpr char kMma[] = R"(
  %t = nvvm.read.ptx.sreg.laneid : i32
  %pa = llvm.getelementptr %a[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, !llvm.array<4 x i32>
  %pb = llvm.getelementptr %b[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, !llvm.array<2 x i32>
  %pc = llvm.getelementptr %c[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, !llvm.array<4 x i32>
  %pd = llvm.getelementptr %d[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, !llvm.array<4 x i32>
  %va = llvm.load %pa : !llvm.ptr<1> -> !llvm.struct<(i32, i32, i32, i32)>
  %vb = llvm.load %pb : !llvm.ptr<1> -> !llvm.struct<(i32, i32)>
  %vc = llvm.load %pc : !llvm.ptr<1> -> !llvm.struct<(i32, i32, i32, i32)>
  %a0 = llvm.extractvalue %va[0] : !llvm.struct<(i32, i32, i32, i32)>
  %a1 = llvm.extractvalue %va[1] : !llvm.struct<(i32, i32, i32, i32)>
  %a2 = llvm.extractvalue %va[2] : !llvm.struct<(i32, i32, i32, i32)>
  %a3 = llvm.extractvalue %va[3] : !llvm.struct<(i32, i32, i32, i32)>
  %b0 = llvm.extractvalue %vb[0] : !llvm.struct<(i32, i32)>
  %b1 = llvm.extractvalue %vb[1] : !llvm.struct<(i32, i32)>
  %c0 = llvm.extractvalue %vc[0] : !llvm.struct<(i32, i32, i32, i32)>
  %c1 = llvm.extractvalue %vc[1] : !llvm.struct<(i32, i32, i32, i32)>
  %c2 = llvm.extractvalue %vc[2] : !llvm.struct<(i32, i32, i32, i32)>
  %c3 = llvm.extractvalue %vc[3] : !llvm.struct<(i32, i32, i32, i32)>
  %r = nvvm.mma.sync A[%a0, %a1, %a2, %a3] B[%b0, %b1] C[%c0, %c1, %c2, %c3]
    {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>,
     multiplicandAPtxType = #nvvm.mma_type<u8>, multiplicandBPtxType = #nvvm.mma_type<s8>,
     intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>, shape = #nvvm.shape<m = 16, n = 8, k = 32>}
    : (i32, i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
  llvm.store %r, %pd : !llvm.struct<(i32, i32, i32, i32)>, !llvm.ptr<1>)";

TEST(GpuSimulatorWarp, MatrixProduct) {
  std::mt19937 random(7);
  int a[16][32], b[32][8], c[16][8];
  for (auto &row : a)
    for (int &x : row)
      x = random() % 256;
  for (auto &row : b)
    for (int &x : row)
      x = int(random() % 256) - 128;
  for (auto &row : c)
    for (int &x : row)
      x = int(random());
  std::vector<uint8_t> fa(32 * 16);
  std::vector<int8_t> fb(32 * 8);
  std::vector<int32_t> fc(32 * 4), fd(32 * 4), expected(32 * 4);
  for (int lane = 0; lane < 32; ++lane) {
    int group = lane >> 2, thread = lane % 4;
    for (int i = 0; i < 16; ++i) {
      int row = i < 4 || (i >= 8 && i < 12) ? group : group + 8;
      fa[lane * 16 + i] = a[row][thread * 4 + (i & 3) + (i < 8 ? 0 : 16)];
    }
    for (int i = 0; i < 8; ++i)
      fb[lane * 8 + i] = b[thread * 4 + (i & 3) + (i < 4 ? 0 : 16)][group];
    for (int i = 0; i < 4; ++i) {
      int row = i < 2 ? group : group + 8, column = thread * 2 + (i & 1);
      uint32_t sum = c[row][column];
      for (int k = 0; k < 32; ++k)
        sum += a[row][k] * b[k][column];
      fc[lane * 4 + i] = c[row][column];
      expected[lane * 4 + i] = sum;
    }
  }
  SimulatedKernel k(kParameters, kMma);
  EXPECT_EQ(k.launch({buffer(fa, FPTQ_GPU_INPUT), buffer(fb, FPTQ_GPU_INPUT), buffer(fc, FPTQ_GPU_INPUT),
                      buffer(fd, FPTQ_GPU_OUTPUT)},
                     32),
            "");
  EXPECT_EQ(fd, expected);
}

/// d[t] = shfl(t * 10) with one kind and offset.
std::vector<int32_t> shuffled(const std::string &kind, int offset, int clamp) {
  std::vector<int32_t> d(32, -1), none(1);
  SimulatedKernel k(kParameters, R"(
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %ten = llvm.mlir.constant(10 : i32) : i32
  %all = llvm.mlir.constant(-1 : i32) : i32
  %offset = llvm.mlir.constant()" + std::to_string(offset) +
                                     R"( : i32) : i32
  %clamp = llvm.mlir.constant()" + std::to_string(clamp) +
                                     R"( : i32) : i32
  %v = llvm.mul %t, %ten : i32
  %r = nvvm.shfl.sync )" + kind + R"( %all, %v, %offset, %clamp : i32 -> i32
  %p = llvm.getelementptr %d[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
  llvm.store %r, %p : i32, !llvm.ptr<1>)");
  EXPECT_EQ(k.launch({buffer(none, FPTQ_GPU_INPUT), buffer(none, FPTQ_GPU_INPUT), buffer(none, FPTQ_GPU_INPUT),
                      buffer(d, FPTQ_GPU_OUTPUT)},
                     32),
            "");
  return d;
}

TEST(GpuSimulatorWarp, Shuffles) {
  std::vector<int32_t> butterfly = shuffled("bfly", 4, 31), up = shuffled("up", 2, 0), down = shuffled("down", 3, 31),
                       index = shuffled("idx", 1, 31 | 24 << 8); // segments of 8 lanes
  for (int t = 0; t < 32; ++t) {
    EXPECT_EQ(butterfly[t], 10 * (t ^ 4));
    EXPECT_EQ(up[t], 10 * (t < 2 ? t : t - 2));
    EXPECT_EQ(down[t], 10 * (t > 28 ? t : t + 3));
    EXPECT_EQ(index[t], 10 * (t / 8 * 8 + 1));
  }
}
} // namespace
