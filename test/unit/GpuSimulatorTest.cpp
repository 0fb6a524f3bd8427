//===- GpuSimulatorTest.cpp - memory, barriers and copies -----------------===//
//
// What the simulator must not let pass: each test runs a right kernel, then wrong ones, and reads the message.
//
//===----------------------------------------------------------------------===//
#include "fptq-runtime/GpuSimulator.h"
#include "SimulatedKernel.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "gmock/gmock.h"
#include <numeric>

using namespace fptq_test;
using testing::HasSubstr;

namespace {
constexpr char kShared[] = "llvm.mlir.global external @s() {addr_space = 3 : i32, alignment = 16 : i64} : "
                           "!llvm.array<0 x i8>";

std::vector<int32_t> iota(int n) {
  std::vector<int32_t> v(n);
  std::iota(v.begin(), v.end(), 0);
  return v;
}

/// y[t] = x[t + shift], four bytes each.
std::string copyBody(int shift) {
  return R"(
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %shift = llvm.mlir.constant()" +
         std::to_string(shift) + R"( : i32) : i32
  %i = llvm.add %t, %shift : i32
  %p = llvm.getelementptr %x[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
  %v = llvm.load %p : !llvm.ptr<1> -> i32
  %q = llvm.getelementptr %y[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
  llvm.store %v, %q : i32, !llvm.ptr<1>)";
}
constexpr char kCopyParameters[] = "%x: !llvm.ptr<1>, %y: !llvm.ptr<1>";

TEST(GpuSimulator, CopiesThroughGlobalMemory) {
  std::vector<int32_t> x = iota(64), y(64, -1);
  SimulatedKernel k(kCopyParameters, copyBody(0));
  EXPECT_EQ(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_OUTPUT)}, 64), "");
  EXPECT_EQ(x, y);
}

TEST(GpuSimulator, GlobalMemoryHasBounds) {
  std::vector<int32_t> x = iota(64), y(64, -1);
  SimulatedKernel k(kCopyParameters, copyBody(1));
  EXPECT_THAT(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_OUTPUT)}, 64),
              HasSubstr("kernel 'k', block (0, 0, 0), thread 63: reads 4 bytes at offset 256 of argument buffer 0, "
                        "which has 256 bytes (llvm.load, operation"));
}

TEST(GpuSimulator, InputsAreNotWritten) {
  std::vector<int32_t> x = iota(32), y(32);
  SimulatedKernel k(kCopyParameters, copyBody(0));
  EXPECT_THAT(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_INPUT)}, 32),
              HasSubstr("writes to argument buffer 1, which is an input"));
}

TEST(GpuSimulator, LaunchesFitTheKernel) {
  std::vector<int32_t> x = iota(32);
  SimulatedKernel k(kCopyParameters, copyBody(0));
  EXPECT_EQ(k.launch({buffer(x, FPTQ_GPU_INPUT)}, 32), "kernel 'k' has 2 arguments, launched with 1");
  EXPECT_THAT(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(x, FPTQ_GPU_INOUT)}, 2048),
              HasSubstr("launched with 2048 threads a block, at most 1024"));
  EXPECT_EQ(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(x, FPTQ_GPU_INOUT)}, 2048, 0, /*blocks=*/0), "");
}

TEST(GpuSimulator, VectorAccessIsAligned) {
  std::vector<int32_t> x = iota(64), y(64);
  SimulatedKernel k(kCopyParameters, R"(
  %p = llvm.getelementptr %x[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
  %v = llvm.load %p {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>)");
  EXPECT_THAT(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_OUTPUT)}, 1),
              HasSubstr("which is not a multiple of 16"));
}

TEST(GpuSimulator, SharedMemoryHasBounds) {
  std::vector<int32_t> x(32), y(32);
  SimulatedKernel k(kCopyParameters, R"(
  %s = llvm.mlir.addressof @s : !llvm.ptr<3>
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %p = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  llvm.store %t, %p : i32, !llvm.ptr<3>)",
                    kShared);
  EXPECT_EQ(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_OUTPUT)}, 32, 128), "");
  EXPECT_THAT(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_OUTPUT)}, 32, 124),
              HasSubstr("thread 31: writes 4 bytes at offset 124 of 124 bytes of shared memory"));
}

/// Threads of two warps copy 16 bytes each with cp.async; each then reads what the thread 32 further copied.
constexpr char kPipeline[] = R"(
  %s = llvm.mlir.addressof @s : !llvm.ptr<3>
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %c16 = llvm.mlir.constant(16 : i32) : i32
  %c32 = llvm.mlir.constant(32 : i32) : i32
  %at = llvm.mul %t, %c16 : i32
  %to = llvm.getelementptr %s[%at] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %from = llvm.getelementptr %x[%at] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
  nvvm.cp.async.shared.global %to, %from, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
  nvvm.cp.async.commit.group
  nvvm.cp.async.wait.group 0
  nvvm.barrier0
  %other = llvm.xor %t, %c32 : i32
  %o = llvm.mul %other, %c16 : i32
  %p = llvm.getelementptr %s[%o] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %v = llvm.load %p {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
  %q = llvm.getelementptr %y[%o] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
  llvm.store %v, %q {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<1>)";

std::string runPipeline(std::function<void(mlir::ModuleOp)> mutate) {
  std::vector<int32_t> x = iota(256), y(256, -1);
  SimulatedKernel k(kCopyParameters, kPipeline, kShared, mutate);
  std::string message = k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_OUTPUT)}, 64, 1024);
  return message.empty() && x != y ? "wrong result" : message;
}

TEST(GpuSimulator, PipelineOfCopies) { EXPECT_EQ(runPipeline(nullptr), ""); }

TEST(GpuSimulator, MissingBarrierIsARace) {
  auto drop = [](mlir::ModuleOp m) { m.walk([](mlir::NVVM::Barrier0Op op) { op.erase(); }); };
  // Whichever warp comes second finds it, whatever the values in memory are.
  EXPECT_THAT(runPipeline(drop), testing::AnyOf(HasSubstr("with no barrier between them"), HasSubstr("is on its way")));
}

TEST(GpuSimulator, WaitThatIsTooShort) {
  auto weaken = [](mlir::ModuleOp m) { m.walk([](mlir::NVVM::CpAsyncWaitGroupOp op) { op.setN(1); }); };
  EXPECT_THAT(runPipeline(weaken), HasSubstr("while an asynchronous copy to it is on its way"));
}

TEST(GpuSimulator, BarrierInABranchIsADeadlock) {
  std::vector<int32_t> x(64), y(64);
  SimulatedKernel k(kCopyParameters, R"(
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %c32 = llvm.mlir.constant(32 : i32) : i32
  %c64 = llvm.mlir.constant(64 : i32) : i32
  %id = llvm.mlir.constant(3 : i32) : i32
  %low = llvm.icmp "ult" %t, %c32 : i32
  llvm.cond_br %low, ^wait, ^done
^wait:
  nvvm.barrier id = %id number_of_threads = %c64
  llvm.br ^done
^done:)");
  EXPECT_THAT(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_OUTPUT)}, 64),
              HasSubstr("deadlock: thread 0 waits in nvvm.barrier, operation"));
}

TEST(GpuSimulator, WarpsStayTogether) {
  std::vector<int32_t> x(32), y(32);
  SimulatedKernel k(kCopyParameters, R"(
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %c5 = llvm.mlir.constant(5 : i32) : i32
  %all = llvm.mlir.constant(-1 : i32) : i32
  %low = llvm.icmp "ult" %t, %c5 : i32
  llvm.cond_br %low, ^one, ^two
^one:
  nvvm.bar.warp.sync %all : i32
  llvm.br ^done
^two:
  nvvm.bar.warp.sync %all : i32
  llvm.br ^done
^done:)");
  EXPECT_THAT(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_OUTPUT)}, 32),
              HasSubstr("thread 5: has left its warp, which waits in nvvm.bar.warp.sync"));
}

/// Thread 0 starts a bulk copy of 256 bytes in each of two rounds; all wait for it and add up.
std::string runBulk(int expected, int parity, std::function<void(mlir::ModuleOp)> mutate = nullptr) {
  std::string e = std::to_string(expected), p = std::to_string(parity);
  std::vector<int32_t> x = iota(64), y(64, -1);
  SimulatedKernel k(kCopyParameters, R"(
  %s = llvm.mlir.addressof @s : !llvm.ptr<3>
  %b = llvm.mlir.addressof @bar : !llvm.ptr<3>
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %c1 = llvm.mlir.constant(1 : i32) : i32
  %expected = llvm.mlir.constant()" + e + R"( : i32) : i32
  %parity = llvm.mlir.constant()" + p + R"( : i32) : i32
  %bytes = llvm.mlir.constant(256 : i32) : i32
  %ticks = llvm.mlir.constant(1000 : i32) : i32
  %first = llvm.icmp "eq" %t, %c0 : i32
  llvm.cond_br %first, ^init, ^ready
^init:
  nvvm.mbarrier.init %b, %c1 : !llvm.ptr<3>, i32
  llvm.br ^ready
^ready:
  nvvm.barrier0
  llvm.cond_br %first, ^issue, ^wait
^issue:
  nvvm.mbarrier.arrive.expect_tx %b, %expected : !llvm.ptr<3>, i32
  nvvm.cp.async.bulk.shared.cluster.global %s, %x, %b, %bytes : !llvm.ptr<3>, !llvm.ptr<1>
  llvm.br ^wait
^wait:
  nvvm.mbarrier.try_wait.parity %b, %parity, %ticks : !llvm.ptr<3>, i32, i32
  %p = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
  %v = llvm.load %p : !llvm.ptr<3> -> i32
  %q = llvm.getelementptr %y[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
  llvm.store %v, %q : i32, !llvm.ptr<1>)",
                    std::string(kShared) +
                        "\nllvm.mlir.global internal @bar() {addr_space = 3 : i32, alignment = 8 : i64} : i64",
                    mutate);
  std::string message = k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_OUTPUT)}, 64, 256);
  return message.empty() && x != y ? "wrong result" : message;
}

TEST(GpuSimulator, BulkCopy) { EXPECT_EQ(runBulk(256, 0), ""); }
TEST(GpuSimulator, BulkCopyWithTheWrongPhase) {
  EXPECT_THAT(runBulk(256, 1), testing::AnyOf(HasSubstr("is on its way"), HasSubstr("no barrier between")));
}
TEST(GpuSimulator, BulkCopyThatExpectsTooMuch) { EXPECT_THAT(runBulk(512, 0), HasSubstr("deadlock")); }
TEST(GpuSimulator, BulkCopyThatNobodyWaitsFor) {
  auto drop = [](mlir::ModuleOp m) {
    m.walk([](mlir::NVVM::MBarrierTryWaitParityOp op) { op.erase(); });
    m.walk([](mlir::LLVM::LoadOp op) {
      mlir::OpBuilder b(op);
      op.replaceAllUsesWith(mlir::LLVM::ZeroOp::create(b, op.getLoc(), op.getType()).getResult());
      op.erase();
    });
  };
  EXPECT_THAT(runBulk(256, 0, drop), HasSubstr("exits with 1 bulk copies that nobody waited for"));
}

/// Two blocks of two warps leave a number a thread in %x; the one that comes last adds them up.
constexpr char kLastBlock[] = R"(
  %s = llvm.mlir.addressof @s : !llvm.ptr<3>
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %b = nvvm.read.ptx.sreg.ctaid.x : i32
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %c1 = llvm.mlir.constant(1 : i32) : i32
  %c64 = llvm.mlir.constant(64 : i32) : i32
  %first = llvm.mul %b, %c64 : i32
  %i = llvm.add %first, %t : i32
  %mine = llvm.getelementptr %x[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
  llvm.store %i, %mine : i32, !llvm.ptr<1>
  nvvm.barrier0
  %speaks = llvm.icmp "eq" %t, %c0 : i32
  llvm.cond_br %speaks, ^count, ^all
^count:
  llvm.fence syncscope("device") acq_rel
  %before = llvm.atomicrmw uinc_wrap %c, %c1 syncscope("device") monotonic : !llvm.ptr<1>, i32
  llvm.fence syncscope("device") acq_rel
  llvm.store %before, %s : i32, !llvm.ptr<3>
  llvm.br ^all
^all:
  nvvm.barrier0
  %came = llvm.load %s : !llvm.ptr<3> -> i32
  %last = llvm.icmp "eq" %came, %c1 : i32
  llvm.cond_br %last, ^sum, ^done
^sum:
  %p = llvm.getelementptr %x[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
  %q = llvm.getelementptr %p[64] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
  %u = llvm.load %p : !llvm.ptr<1> -> i32
  %v = llvm.load %q : !llvm.ptr<1> -> i32
  %w = llvm.add %u, %v : i32
  %r = llvm.getelementptr %y[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
  llvm.store %w, %r : i32, !llvm.ptr<1>
  llvm.br ^done
^done:)";

std::string runLastBlock(uint32_t order, std::function<void(mlir::ModuleOp)> mutate = nullptr) {
  std::vector<int32_t> x(128, -1), y(64, -1), expected(64);
  for (int i = 0; i < 64; ++i)
    expected[i] = 64 + 2 * i;
  SimulatedKernel k("%x: !llvm.ptr<1>, %c: !llvm.ptr<1>, %y: !llvm.ptr<1>", kLastBlock, kShared, mutate);
  fptq_sim_set_block_order(order);
  FptqGpuArgument counters = {FPTQ_GPU_COUNTERS, 0, nullptr, 4};
  std::string message = k.launch({buffer(x, FPTQ_GPU_OUTPUT), counters, buffer(y, FPTQ_GPU_OUTPUT)}, 64, 16, 2);
  fptq_sim_set_block_order(0);
  return message.empty() && y != expected ? "wrong result" : message;
}

TEST(GpuSimulator, TheLastBlockSeesTheOthers) {
  for (uint32_t order : {0, 1, 2, 3, 4})
    EXPECT_EQ(runLastBlock(order), "");
}

TEST(GpuSimulator, BlocksNeedFences) {
  for (int dropped : {0, 1}) {
    auto drop = [&](mlir::ModuleOp m) {
      int number = 0;
      m.walk([&](mlir::LLVM::FenceOp op) { number++ == dropped ? op.erase() : void(); });
    };
    for (uint32_t order : {0, 1})
      EXPECT_THAT(runLastBlock(order, drop), HasSubstr("no fence and atomic operation of both blocks order them"));
  }
}

TEST(GpuSimulator, FencesCoverWhatBarriersOrdered) {
  auto drop = [&](mlir::ModuleOp m) {
    bool first = true;
    m.walk([&](mlir::NVVM::Barrier0Op op) { std::exchange(first, false) ? op.erase() : void(); });
  };
  EXPECT_THAT(runLastBlock(0, drop), HasSubstr("no fence and atomic operation of both blocks order them"));
}

TEST(GpuSimulator, CountersAreLeftAtZero) {
  auto count = [&](mlir::ModuleOp m) {
    m.walk([&](mlir::LLVM::AtomicRMWOp op) { op.setBinOp(mlir::LLVM::AtomicBinOp::add); });
  };
  EXPECT_THAT(runLastBlock(0, count), HasSubstr("leaves a counter (argument 1, byte 0) that is not 0"));
}

TEST(GpuSimulator, ConstantsAreNotWritten) {
  std::vector<int32_t> x(32, 7), y(32);
  SimulatedKernel k(kCopyParameters, R"(
  %one = llvm.mlir.constant(1 : i32) : i32
  llvm.store %one, %x : i32, !llvm.ptr<1>
  %v = llvm.load %x invariant : !llvm.ptr<1> -> i32)");
  EXPECT_THAT(k.launch({buffer(x, FPTQ_GPU_INOUT), buffer(y, FPTQ_GPU_OUTPUT)}, 1),
              HasSubstr("reads argument buffer 0 at offset 0 as a constant, which this launch writes"));
}

TEST(GpuSimulator, ConstantsAreNotTheKernelBefores) {
  std::vector<int32_t> x(32, 7), y(32);
  auto declare = [&](mlir::ModuleOp m) {
    mlir::OpBuilder b(m.getContext());
    auto key = b.getNamedAttr("dependent_launch", b.getUnitAttr());
    m.walk([&](mlir::LLVM::LLVMFuncOp f) { f->setAttr("fptq.launch", b.getDictionaryAttr({key})); });
  };
  SimulatedKernel k(kCopyParameters, R"(
  nvvm.griddepcontrol wait
  %v = llvm.load %x invariant : !llvm.ptr<1> -> i32)",
                    "", declare);
  EXPECT_EQ(k.launch({buffer(x, FPTQ_GPU_PARAMETER), buffer(y, FPTQ_GPU_OUTPUT)}, 1), "");
  EXPECT_THAT(k.launch({buffer(x, FPTQ_GPU_INPUT), buffer(y, FPTQ_GPU_OUTPUT)}, 1),
              HasSubstr("reads argument buffer 0 as a constant: compilers move that before griddepcontrol.wait"));
}

/// Reads %x, and %y only after griddepcontrol.wait.
std::string runDependent(FptqGpuArgumentKind kind, bool waits, bool reads) {
  std::vector<int32_t> x = iota(64), y(64, -1);
  auto declare = [&](mlir::ModuleOp m) {
    mlir::OpBuilder b(m.getContext());
    auto key = b.getNamedAttr("dependent_launch", b.getUnitAttr());
    m.walk([&](mlir::LLVM::LLVMFuncOp f) { f->setAttr("fptq.launch", b.getDictionaryAttr({key})); });
    if (!waits)
      m.walk([](mlir::NVVM::GriddepcontrolOp op) { op.erase(); });
  };
  std::string body = R"(
  %t = nvvm.read.ptx.sreg.tid.x : i32
  %p = llvm.getelementptr %x[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
  %q = llvm.getelementptr %y[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
  %v = llvm.load %p : !llvm.ptr<1> -> i32
  nvvm.griddepcontrol wait
  llvm.store %v, %q : i32, !llvm.ptr<1>)";
  SimulatedKernel k(kCopyParameters, reads ? body : "nvvm.griddepcontrol wait", "", declare);
  return k.launch({buffer(x, kind), buffer(y, FPTQ_GPU_OUTPUT)}, 64);
}

TEST(GpuSimulator, OnlyParametersAreReadBeforeTheKernelBeforeIsDone) {
  EXPECT_EQ(runDependent(FPTQ_GPU_PARAMETER, true, true), "");
  EXPECT_EQ(runDependent(FPTQ_GPU_CONSTANT, true, true), "");
  for (FptqGpuArgumentKind kind : {FPTQ_GPU_INPUT, FPTQ_GPU_TEMPORARY})
    EXPECT_THAT(runDependent(kind, true, true), HasSubstr("reads argument buffer 0 before griddepcontrol.wait"));
  EXPECT_THAT(runDependent(FPTQ_GPU_CONSTANT, false, true), HasSubstr("writes argument buffer 1 before griddep"));
  EXPECT_THAT(runDependent(FPTQ_GPU_CONSTANT, false, false), HasSubstr("thread 0 exits without griddepcontrol.wait"));
}
} // namespace
