//===- TileTableTest.cpp - shapes of NVPTX kernels ------------------------===//
//
// Which small products are split over blocks, and what happens where a tile does not fit a chip.
//
//===----------------------------------------------------------------------===//
#include "fptq/Conversion/FptqToNVGPU/FptqGpu.h"
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

namespace {
constexpr WeightFormat kTwoLevel{128, true, false, false}, kGroup{128, false, true, false};

int64_t slices(const char *chip, const WeightFormat &format, int64_t tokens, int64_t n, int64_t k) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  auto parsed = parseChip(chip, [&] { return emitError(UnknownLoc::get(&context)); });
  return slicesFor(*parsed, format, tokens, n, k);
}

TEST(Slices, WhereTilesFillTheChipThereIsNoSplit) {
  EXPECT_EQ(slices("sm_90a", kTwoLevel, 8, 4096, 14336), 1);
  EXPECT_EQ(slices("sm_90a", kTwoLevel, 8, 65536, 65536), 1);
  EXPECT_EQ(slices("sm_87", kTwoLevel, 8, 1024, 14336), 1); // 16 multiprocessors
}

TEST(Slices, AShortKIsNotWorthTheReduction) {
  EXPECT_EQ(slices("sm_90a", kTwoLevel, 8, 768, 768), 1);
  EXPECT_EQ(slices("sm_90a", kTwoLevel, 8, 768, 3072), 1);
  EXPECT_EQ(slices("sm_80", kTwoLevel, 16, 1024, 4096), 1);
}

TEST(Slices, ALongKOfFewChannelsIs) {
  EXPECT_EQ(slices("sm_90a", kTwoLevel, 8, 1024, 14336), 4);
  EXPECT_EQ(slices("sm_80", kTwoLevel, 16, 1024, 28672), 3);
  // The group scheme's fold over all of K is the last block's alone.
  EXPECT_EQ(slices("sm_90a", kGroup, 8, 1024, 14336), 1);
  EXPECT_GT(slices("sm_90a", kGroup, 8, 512, 65536), 1);
}

TEST(Slices, TilesOfManyTokensAreNotSplit) { EXPECT_EQ(slices("sm_90a", kTwoLevel, 32, 1024, 28672), 1); }

TEST(Slices, WorkspaceOfAProduct) {
  Kernel twoLevel{{}, 256, 0, 32, 8, true, 0}, group{{}, 256, 0, 32, 8, true, 2}, whole{{}, 256, 0, 32, 8};
  EXPECT_EQ(workspaceBytes(twoLevel, 3, 100, 16, 4), 4 * 4 * 4 * 256);
  EXPECT_EQ(workspaceBytes(group, 3, 100, 16, 4), 4 * 4 * 32 * 256);
  EXPECT_EQ(workspaceBytes(whole, 3, 100, 16, 1), 0);
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

/// A chip whose blocks have that much of it, and what a tile of 128 tokens takes there.
struct SmallChip {
  MLIRContext context{MLIRContext::Threading::DISABLED};
  Chip chip;
  OwningOpRef<ModuleOp> holder;
  std::string message;

  SmallChip(int64_t sharedBytes, bool wgmma) : chip{"sm_small", "+ptx80", wgmma, sharedBytes, false, 100} {
    context.loadDialect<arith::ArithDialect, gpu::GPUDialect, LLVM::LLVMDialect, math::MathDialect, NVVM::NVVMDialect,
                        scf::SCFDialect, FptqGpuDialect>();
    holder = ModuleOp::create(UnknownLoc::get(&context));
  }
  Kernel kernel() {
    OpBuilder b = OpBuilder::atBlockBegin(holder->getBody());
    return getOrCreateMatmul(createKernelModule(b, holder->getLoc(), chip), chip, kGroup, 128);
  }
  bool fits(const Kernel &kernel) {
    ScopedDiagnosticHandler keep(&context, [&](Diagnostic &d) { message = d.str(); });
    return succeeded(checkShared(kernel, chip, 0, [&] { return emitError(UnknownLoc::get(&context)); }));
  }
};

TEST(SharedMemory, StagesAreWhatTheChipHasRoomFor) {
  for (bool wgmma : {false, true}) {
    SmallChip large(227 * 1024, wgmma);
    int64_t all = large.kernel().sharedBytes;
    SmallChip small(all - 1, wgmma);
    Kernel kernel = small.kernel();
    EXPECT_LT(kernel.sharedBytes, all);
    EXPECT_TRUE(small.fits(kernel));
  }
}

TEST(SharedMemory, ATileThatDoesNotFitIsAnError) {
  SmallChip tiny(16 * 1024, false);
  EXPECT_FALSE(tiny.fits(tiny.kernel()));
  EXPECT_EQ(tiny.message, "kernel 'fptq_sym_g128_f32_tile128' needs 51200 bytes of shared memory, a block of sm_small "
                          "has 16384");
}
} // namespace
