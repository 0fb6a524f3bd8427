//===- TeamTest.cpp - iterations shared among threads ---------------------===//
//
// Every iteration runs once, whoever runs it: for counts around the number of threads, for more threads than a team has
// counters, and where one iteration takes long and the others of its share go to other threads.
//
//===----------------------------------------------------------------------===//
#include "SimulatedKernel.h"
#include "fptq/Target/Executable.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <thread>

using namespace mlir;
using namespace mlir::fptq;
using fptq_test::context;

/// Iteration i adds 1 to element i; the first one does so `slow` times, through memory.
static constexpr const char *kCounting = R"mlir(
func.func @count(%n: index, %slow: index) -> tensor<?xi32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %counts = memref.alloc(%n) : memref<?xi32>
  scf.for %i = %c0 to %n step %c1 {
    memref.store %zero, %counts[%i] : memref<?xi32>
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %first = arith.cmpi eq, %i, %c0 : index
    %times = arith.select %first, %slow, %c1 : index
    scf.for %time = %c0 to %times step %c1 {
      %old = memref.load %counts[%i] : memref<?xi32>
      %new = arith.addi %old, %one : i32
      memref.store %new, %counts[%i] : memref<?xi32>
    }
  }
  %y = bufferization.to_tensor %counts restrict writable : memref<?xi32> to tensor<?xi32>
  return %y : tensor<?xi32>
}
)mlir";

static std::unique_ptr<Executable> compiled(const char *text, int threads) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context());
  if (!module)
    return nullptr;
  auto executable = Executable::compile(*module, {"auto", threads});
  return succeeded(executable) ? std::move(*executable) : nullptr;
}

TEST(Team, RunsEveryIterationOnce) {
  for (int threads : {1, 2, 3, 16, 17, 40}) {
    std::unique_ptr<Executable> executable = compiled(kCounting, threads);
    ASSERT_TRUE(executable);
    const EntryPoint *entry = executable->find("count");
    for (int64_t slow : {1, 100000})
      for (int64_t n : {0, 1, 2, 15, 16, 17, 39, 41, 1000, 100000, 100001, 100002}) {
        auto results = executable->call(*entry, {{&n, {}}, {&slow, {}}});
        ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
        auto *y = static_cast<const int32_t *>((*results)[0].get().data);
        for (int64_t i = 0; i < n; ++i)
          ASSERT_EQ(y[i], i ? 1 : slow) << "iteration " << i << " of " << n << ", " << threads << " threads";
      }
  }
}

static constexpr char kThreads[] = R"mlir(
func.func private @omp_get_max_threads() -> i32
func.func @threads() -> tensor<i32> {
  %n = call @omp_get_max_threads() : () -> i32
  %y = tensor.from_elements %n : tensor<i32>
  return %y : tensor<i32>
}
)mlir";

/// What the parallel loops of a call would run on.
static int threadsOf(Executable &executable) {
  auto results = executable.call(*executable.find("threads"), {});
  return results ? *static_cast<const int32_t *>((*results)[0].get().data) : -1;
}

/// OpenMP keeps the number by calling thread: a call from another one has it, too, and the next executable's does not.
TEST(Team, NumberOfThreadsIsTheExecutables) {
  auto four = compiled(kThreads, 4), all = compiled(kThreads, 0);
  ASSERT_TRUE(four && all);
  int before = threadsOf(*all), elsewhere = 0;
  EXPECT_EQ(threadsOf(*four), 4);
  std::thread([&] { elsewhere = threadsOf(*four); }).join();
  EXPECT_EQ(elsewhere, 4);
  EXPECT_EQ(threadsOf(*all), before);
}
