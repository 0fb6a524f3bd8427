//===- GpuSimulatorWgmmaTest.cpp - a warpgroup's product -------------------===//
//
// fptq_gpu.wgmma on the simulator, against a loop over rows, tokens and channels that knows nothing of fragments and
// swizzles; then without the fences and the barrier it needs.
//
//===----------------------------------------------------------------------===//
#include "SimulatedKernel.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "gmock/gmock.h"
#include <random>

using namespace fptq_test;
using testing::HasSubstr;

namespace {
constexpr int kRows = 64, kThreads = 128;

/// One product of 64 rows; B's bytes lie in `shared` as the threads copy them to shared memory.
struct Product {
  int tokens, steps;
  std::vector<uint8_t> a, shared;
  std::vector<int8_t> b;
  std::vector<int32_t> fragments, acc, result;

  Product(int tokens, int steps) : tokens(tokens), steps(steps) {
    std::mt19937 random(tokens * 8 + steps);
    int k = 32 * steps, words = 4 * steps, sums = tokens / 2;
    a.resize(kRows * k);
    b.resize(tokens * k);
    for (uint8_t &v : a)
      v = random() % 4 ? random() : 255;
    for (int8_t &v : b)
      v = random() % 4 ? random() : -128;
    fragments.resize(kThreads * words);
    acc.resize(kThreads * sums);
    for (int32_t &v : acc)
      v = random();
    result.assign(acc.size(), 0);
    auto *bytes = reinterpret_cast<uint8_t *>(fragments.data());
    for (int t = 0; t < kThreads; ++t)
      for (int i = 0; i < 4 * words; ++i) { // byte i of a lane: step, register, byte
        int row = t / 32 * 16 + t % 32 / 4 + i / 4 % 2 * 8, channel = i / 16 * 32 + i / 8 % 2 * 16 + t % 4 * 4 + i % 4;
        bytes[t * 4 * words + i] = a[row * k + channel];
      }
    shared.assign(128 * tokens, 0x7f);
    for (int n = 0; n < tokens; ++n)
      for (int i = 0; i < k; ++i) {
        int p = 128 * n + i;
        shared[p ^ (p >> 7 & 7) << 4] = uint8_t(b[n * k + i]);
      }
  }

  /// acc + A * B, in the order of the accumulators.
  std::vector<int32_t> expected() const {
    std::vector<int32_t> sums = acc;
    int k = 32 * steps, count = tokens / 2;
    for (int t = 0; t < kThreads; ++t)
      for (int i = 0; i < count; ++i) {
        int row = t / 32 * 16 + t % 32 / 4 + i % 4 / 2 * 8, token = i / 4 * 8 + t % 4 * 2 + i % 2;
        uint32_t sum = uint32_t(sums[t * count + i]);
        for (int c = 0; c < k; ++c)
          sum += uint32_t(int32_t(a[row * k + c]) * b[token * k + c]);
        sums[t * count + i] = int32_t(sum);
      }
    return sums;
  }

  std::string body() const {
    std::string text = llvm::formatv(R"(
  %s = llvm.mlir.addressof @s : !llvm.ptr<3>
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %words = llvm.mlir.constant({0} : i32) : i32
  %sums = llvm.mlir.constant({1} : i32) : i32
  %share = llvm.mlir.constant({2} : i32) : i32
  %at = llvm.mul %t, %share : i32
  %from = llvm.getelementptr %b[%at] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
  %to = llvm.getelementptr %s[%at] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %copied = llvm.load %from {{alignment = {4} : i64} : !llvm.ptr<1> -> vector<{3}xi32>
  llvm.store %copied, %to {{alignment = {4} : i64} : vector<{3}xi32>, !llvm.ptr<3>
  nvvm.fence.proxy {{kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
  nvvm.barrier0
  %fa = llvm.mul %t, %words : i32
  %fc = llvm.mul %t, %sums : i32
)",
                                     4 * steps, tokens / 2, tokens, tokens / 4, std::min(tokens, 16));
    auto word = [&](const char *name, const char *array, const char *first, int i) {
      text += llvm::formatv("%p{0}{1} = llvm.getelementptr {2}[{3}] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32\n"
                            "%q{0}{1} = llvm.getelementptr %p{0}{1}[{1}] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32\n",
                            name, i, array, first);
    };
    std::string as, cs, types;
    for (int i = 0; i < 4 * steps; ++i) {
      word("a", "%a", "%fa", i);
      text += llvm::formatv("%a{0} = llvm.load %qa{0} : !llvm.ptr<1> -> i32\n", i);
      as += (i ? ", %a" : "%a") + std::to_string(i);
    }
    for (int i = 0; i < tokens / 2; ++i) {
      word("c", "%c", "%fc", i);
      text += llvm::formatv("%c{0} = llvm.load %qc{0} : !llvm.ptr<1> -> i32\n", i);
      cs += (i ? ", %c" : "%c") + std::to_string(i);
      types += i ? ", i32" : "i32";
    }
    text += llvm::formatv("%started:{0} = fptq_gpu.wgmma a({1}) b(%s) acc({2}) : !llvm.ptr<3> -> {3}\n", tokens / 2, as,
                          cs, types);
    std::string started;
    for (int i = 0; i < tokens / 2; ++i)
      started += (i ? ", %started#" : "%started#") + std::to_string(i);
    text += llvm::formatv("%d:{0} = fptq_gpu.wgmma_wait 0 acc({1}) -> {2}\n", tokens / 2, started, types);
    for (int i = 0; i < tokens / 2; ++i) {
      word("d", "%y", "%fc", i);
      text += llvm::formatv("llvm.store %d#{0}, %qd{0} : i32, !llvm.ptr<1>\n", i);
    }
    return text;
  }

  std::string run(std::function<void(mlir::ModuleOp)> mutate = nullptr) {
    SimulatedKernel kernel("%a: !llvm.ptr<1>, %b: !llvm.ptr<1>, %c: !llvm.ptr<1>, %y: !llvm.ptr<1>", body(),
                           "llvm.mlir.global external @s() {addr_space = 3 : i32, alignment = 1024 : i64} : "
                           "!llvm.array<0 x i8>",
                           mutate);
    return kernel.launch({buffer(fragments, FPTQ_GPU_INPUT), buffer(shared, FPTQ_GPU_INPUT),
                          buffer(acc, FPTQ_GPU_INPUT), buffer(result, FPTQ_GPU_OUTPUT)},
                         kThreads, 128 * tokens);
  }
};

TEST(GpuSimulatorWgmma, IsAProduct) {
  for (int tokens : {8, 16, 64})
    for (int steps : {1, 3, 4}) {
      Product p(tokens, steps);
      ASSERT_EQ(p.run(), "") << tokens << " tokens, " << steps << " steps";
      EXPECT_EQ(p.result, p.expected()) << tokens << " tokens, " << steps << " steps";
    }
}

TEST(GpuSimulatorWgmma, NeedsTheProxyFence) {
  Product p(16, 2);
  EXPECT_THAT(p.run([](mlir::ModuleOp m) { m.walk([](mlir::NVVM::FenceProxyOp op) { op.erase(); }); }),
              HasSubstr("without fence.proxy.async after"));
}

TEST(GpuSimulatorWgmma, NeedsTheBarrier) {
  Product p(16, 2);
  EXPECT_THAT(p.run([](mlir::ModuleOp m) { m.walk([](mlir::NVVM::Barrier0Op op) { op.erase(); }); }),
              HasSubstr("no barrier between them"));
}

TEST(GpuSimulatorWgmma, ReadsTheSwizzledBytes) {
  Product p(16, 2);
  std::swap(p.shared[128 + 16], p.shared[128]); // of token 1, whose first 16 bytes lie in its second 16
  EXPECT_EQ(p.run(), "");
  EXPECT_NE(p.result, p.expected());
}
} // namespace
