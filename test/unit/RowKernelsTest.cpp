//===- RowKernelsTest.cpp - rows computed and quantized by one kernel -----===//
//
// Norms and gated activations with their quantization, on the simulator: against plain loops in the order of
// docs/PackedLayout.md (R1 to R3), and against the CPU's code, which fuses the same ops in its own way. Then the
// kernels are broken in one place at a time.
//
//===----------------------------------------------------------------------===//
#include "SimulatedKernel.h"
#include "fptq-runtime/Kernels.h"
#include "fptq/Target/Executable.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
using namespace mlir::fptq;
using fptq_test::context;

namespace {
enum class Kind { RMSNorm, SiLU, LayerNorm, GELU };

struct Rows {
  Kind kind;
  int64_t m, k, group;
  bool isStatic, multiplier;
  int64_t padded() const { return llvm::alignTo(group, group <= 32 ? 32 : 64); }
  int64_t groups() const { return llvm::divideCeil(k, group); }
};

//===----------------------------------------------------------------------===//
// Source
//===----------------------------------------------------------------------===//

/// One linalg.generic over rows and channels; `ins` as "name map type" words.
std::string generic(StringRef result, ArrayRef<std::array<StringRef, 3>> ins, bool reduces, StringRef body) {
  std::string maps, names, types, arguments;
  for (auto [i, in] : llvm::enumerate(ins)) {
    maps += (in[1] + ", ").str();
    names += (StringRef(i ? ", " : "") + in[0]).str();
    types += (StringRef(i ? ", " : "") + in[2]).str();
    arguments += llvm::formatv("%a{0}: f32, ", i);
  }
  return llvm::formatv("%{0} = linalg.generic {{indexing_maps = [{1}{2}], iterator_types = [\"parallel\", \"{3}\"]} "
                       "ins({4} : {5}) outs({6}) {{\n^bb0({7}%o: f32):\n{8}\n} -> {9}\n",
                       result, maps, reduces ? "#row" : "#id", reduces ? "reduction" : "parallel", names, types,
                       reduces ? "%zeros : !row" : "%empty : !rows", arguments, body, reduces ? "!row" : "!rows");
}

std::string rowsOf(Kind kind) {
  constexpr std::array<StringRef, 3> x{"%x", "#id", "!rows"}, b{"%b", "#id", "!rows"}, g{"%g", "#col", "!col"};
  auto rowSum = [&](StringRef result, ArrayRef<std::array<StringRef, 3>> ins, StringRef value) {
    return generic(result, ins, true, (value + "\n%r = arith.addf %v, %o : f32\nlinalg.yield %r : f32").str());
  };
  constexpr StringRef scaled = R"(
    %mean = arith.divf %a1, %count : f32
    %shifted = arith.addf %mean, %eps : f32
    %inverse = math.rsqrt %shifted : f32)";
  switch (kind) {
  case Kind::RMSNorm:
    return rowSum("total", {x}, "%v = arith.mulf %a0, %a0 : f32") + generic("y", {x, {"%total", "#row", "!row"}, g},
                                                                            false,
                                                                            (scaled + R"(
    %n = arith.mulf %a0, %inverse : f32
    %r = arith.mulf %a2, %n : f32
    linalg.yield %r : f32)")
                                                                                .str());
  case Kind::SiLU:
    return generic("y", {x, b}, false, R"(
    %n = arith.negf %a0 : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %one, %d : f32
    %t = arith.mulf %a0, %s : f32
    %r = arith.mulf %t, %a1 : f32
    linalg.yield %r : f32)");
  case Kind::LayerNorm:
    return rowSum("total", {x}, "%v = arith.addf %a0, %zero : f32") +
           generic("centered", {x, {"%total", "#row", "!row"}}, false, R"(
    %mean = arith.divf %a1, %count : f32
    %r = arith.subf %a0, %mean : f32
    linalg.yield %r : f32)") +
           rowSum("squares", {{"%centered", "#id", "!rows"}}, "%v = arith.mulf %a0, %a0 : f32") +
           generic("y", {{"%centered", "#id", "!rows"}, {"%squares", "#row", "!row"}, g, b}, false,
                   (scaled + R"(
    %n = arith.mulf %a0, %inverse : f32
    %p = arith.mulf %n, %a2 : f32
    %r = arith.addf %p, %a3 : f32
    linalg.yield %r : f32)")
                       .str());
  case Kind::GELU:
    return generic("y", {x}, false, R"(
    %half = arith.constant 0.5 : f32
    %c = arith.constant 0.797884583 : f32
    %d = arith.constant 0.044715 : f32
    %three = arith.constant 3.0 : f32
    %cube = math.powf %a0, %three : f32
    %dc = arith.mulf %cube, %d : f32
    %i = arith.addf %a0, %dc : f32
    %ci = arith.mulf %i, %c : f32
    %t = math.tanh %ci : f32
    %t1 = arith.addf %t, %one : f32
    %h = arith.mulf %a0, %half : f32
    %r = arith.mulf %h, %t1 : f32
    linalg.yield %r : f32)");
  }
  return "";
}

std::string source(const Rows &r) {
  return llvm::formatv(R"(
#id = affine_map<(m, k) -> (m, k)>
#row = affine_map<(m, k) -> (m)>
#col = affine_map<(m, k) -> (k)>
!rows = tensor<?x{0}xf32>
!row = tensor<?xf32>
!col = tensor<{0}xf32>
!q = tensor<?x{1}xi8>
!t = tensor<?x{2}xi32>
func.func @f(%x: !rows, %b: !rows, %g: !col, %w: !col, %scale: f32, %codes: !q {{bufferization.writable = true},
    %scales: !row {{bufferization.writable = true}, %sums: !t {{bufferization.writable = true}) -> (!q, !row, !t) {{
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %count = arith.constant {0}.0 : f32
  %eps = arith.constant 1.0e-5 : f32
  %m = tensor.dim %x, %c0 : !rows
  %empty = tensor.empty(%m) : !rows
  %emptyRow = tensor.empty(%m) : !row
  %zeros = linalg.fill ins(%zero : f32) outs(%emptyRow : !row) -> !row
  {3}
  %done:3 = fptq.quantize_activations group_size({4}) padded_group_size({5}) ins(%y : !rows) {6} {7}
    outs(%codes, %scales, %sums : !q, !row, !t) -> !q, !row, !t
  return %done#0, %done#1, %done#2 : !q, !row, !t
})",
                       r.k, r.groups() * r.padded(), r.groups(), rowsOf(r.kind), r.group, r.padded(),
                       r.multiplier ? "multiplier(%w : !col)" : "", r.isStatic ? "static_scale(%scale)" : "");
}

//===----------------------------------------------------------------------===//
// Operands and results
//===----------------------------------------------------------------------===//

struct Operands {
  std::vector<float> x, b, g, w;
  float scale = 0.03f;

  /// Rows in turn: small numbers, large ones with a NaN or infinities, zeros, and what overflows when it is squared.
  explicit Operands(const Rows &r) : x(r.m * r.k), b(r.m * r.k), g(r.k), w(r.k) {
    std::mt19937 random(5);
    auto real = [&] { return (int(random() % 20001) - 10000) * 1.03e-4f; };
    for (int64_t t = 0; t < r.m; ++t)
      for (int64_t k = 0; k < r.k; ++k) {
        x[t * r.k + k] = t % 5 == 3 ? 0.0f : real() * (t % 5 == 4 ? 3e30f : t % 5 == 2 ? 90.0f : 4.0f);
        b[t * r.k + k] = real();
      }
    if (r.k > 31)
      x[31] = 9; // the largest, in a warp's last lane: no step of the search for it is idle
    for (float &v : g)
      v = 1 + real() / 4;
    for (float &v : w)
      v = 1.5f + real();
    if (r.m > 2) {
      x[r.k + random() % r.k] = NAN;
      x[2 * r.k] = -INFINITY;
      x[2 * r.k + r.k / 2] = 1e-42f;
    }
  }
};

struct Result {
  std::vector<int8_t> q;
  std::vector<float> scales;
  std::vector<int32_t> sums;
  explicit Result(const Rows &r) : q(r.m * r.groups() * r.padded(), 9), scales(r.m), sums(r.m * r.groups()) {}
  bool operator==(const Result &o) const {
    return q == o.q && sums == o.sums && !std::memcmp(scales.data(), o.scales.data(), 4 * scales.size());
  }
};

/// What the function makes on `tier`, or an empty optional with the reason in `message`.
std::optional<Result> run(const Rows &r, const std::string &tier, std::string &message,
                          std::function<void(ModuleOp)> onGpuKernels = nullptr) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source(r), &context());
  CompileOptions options;
  options.tier = tier;
  options.threads = 1;
  options.onGpuKernels = std::move(onGpuKernels);
  auto executable = Executable::compile(*module, options);
  if (failed(executable)) {
    message = "does not compile";
    return std::nullopt;
  }
  Operands o(r);
  Result result(r);
  int64_t columns = r.groups() * r.padded();
  auto results = (*executable)
                     ->call(*(*executable)->find("f"), {{o.x.data(), {r.m, r.k}},
                                                        {o.b.data(), {r.m, r.k}},
                                                        {o.g.data(), {r.k}},
                                                        {o.w.data(), {r.k}},
                                                        {&o.scale, {}},
                                                        {result.q.data(), {r.m, columns}},
                                                        {result.scales.data(), {r.m}},
                                                        {result.sums.data(), {r.m, r.groups()}}});
  if (!results) {
    message = llvm::toString(results.takeError());
    return std::nullopt;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Reference
//===----------------------------------------------------------------------===//

/// (R1) of x * x.
float sumOfSquares(const float *x, int64_t k) {
  float lanes[32] = {};
  for (int64_t i = 0; i < k; ++i)
    lanes[i % 32] = std::fma(x[i], x[i], lanes[i % 32]);
  for (int64_t half = 16; half; half /= 2)
    for (int64_t l = 0; l < half; ++l)
      lanes[l] += lanes[l + half];
  return lanes[0];
}

/// (R3)
float exponential(float x) {
  x = x < -87.8f ? -87.8f : x > 88.8f ? 88.8f : x;
  float n = std::floor(std::fma(x, 1.44269502f, 0.5f));
  n = n < -127.0f ? -127.0f : n > 127.0f ? 127.0f : n;
  float r = std::fma(2.12194442e-4f, n, std::fma(-0.693359375f, n, x)), p = 1.98756912e-4f;
  for (float c : {0.00139819994f, 0.00833345205f, 0.0416657962f, 0.166666657f, 0.5f})
    p = std::fma(p, r, c);
  uint32_t bits = std::isnan(n) ? 0 : uint32_t(int(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, 4);
  return (std::fma(p, r * r, r) + 1.0f) * power;
}

Result reference(const Rows &r) {
  Operands o(r);
  std::vector<float> y(r.m * r.k);
  for (int64_t t = 0; t < r.m; ++t) {
    const float *x = o.x.data() + t * r.k;
    float inverse = 1.0f / std::sqrt(sumOfSquares(x, r.k) / float(r.k) + 1.0e-5f);
    for (int64_t k = 0; k < r.k; ++k)
      y[t * r.k + k] = r.kind == Kind::RMSNorm ? o.g[k] * (x[k] * inverse)
                                               : x[k] * (1.0f / (exponential(-x[k]) + 1.0f)) * o.b[t * r.k + k];
  }
  Result result(r);
  FptqQuantize z{r.m,
                 r.k,
                 r.group,
                 r.padded(),
                 y.data(),
                 r.k,
                 r.multiplier ? o.w.data() : nullptr,
                 r.isStatic ? &o.scale : nullptr,
                 result.q.data(),
                 r.groups() * r.padded(),
                 result.scales.data(),
                 result.sums.data(),
                 r.groups()};
  fptq_reference_quantize(&z, FPTQ_ELEMENT_F32, 0, r.m);
  return result;
}

//===----------------------------------------------------------------------===//
// Tests
//===----------------------------------------------------------------------===//

class RowKernels : public testing::TestWithParam<Rows> {};

TEST_P(RowKernels, EqualTheReferenceAndTheCPU) {
  const Rows &r = GetParam();
  std::string message;
  int64_t fused = 0;
  auto count = [&](ModuleOp module) {
    module.walk([&](LLVM::LLVMFuncOp f) { fused += f.getName().contains("_rows_k"); });
  };
  for (const char *tier : {"nvptx-sim", "nvptx-sim:sm_90a"}) {
    std::optional<Result> device = run(r, tier, message, count), host = run(r, "auto", message);
    ASSERT_TRUE(device && host) << message;
    EXPECT_TRUE(*device == *host) << tier << " differs from the CPU";
    if (r.kind == Kind::RMSNorm || r.kind == Kind::SiLU)
      EXPECT_TRUE(*device == reference(r)) << tier << " differs from the reference";
  }
  EXPECT_EQ(fused, 2) << "the rows were not fused";
}

std::string nameOf(const testing::TestParamInfo<Rows> &info) {
  const Rows &r = info.param;
  static constexpr const char *kNames[] = {"RMSNorm", "SiLU", "LayerNorm", "GELU"};
  return llvm::formatv("{0}_{1}_rows_of_{2}_groups_of_{3}{4}{5}", kNames[int(r.kind)], r.m, r.k, r.group,
                       r.isStatic ? "_static" : "", r.multiplier ? "_multiplier" : "");
}

// Rows shorter than a warp, ragged against its lanes, against groups and against four; and longer than a block.
INSTANTIATE_TEST_SUITE_P(
    Shapes, RowKernels,
    testing::Values(Rows{Kind::RMSNorm, 5, 256, 32, true, false}, Rows{Kind::RMSNorm, 6, 100, 48, false, true},
                    Rows{Kind::RMSNorm, 1, 7, 7, false, false}, Rows{Kind::RMSNorm, 4, 33, 32, true, true},
                    Rows{Kind::RMSNorm, 3, 9001, 128, false, false}, Rows{Kind::SiLU, 5, 768, 64, true, false},
                    Rows{Kind::SiLU, 7, 90, 30, false, true}, Rows{Kind::SiLU, 2, 8200, 128, false, false},
                    Rows{Kind::LayerNorm, 6, 200, 128, false, false}, Rows{Kind::LayerNorm, 4, 31, 31, true, true},
                    Rows{Kind::GELU, 6, 514, 96, false, false}, Rows{Kind::GELU, 1, 32, 32, true, false}),
    nameOf);

/// Longer than shared memory of sm_86: the row is computed twice.
TEST(RowKernels, LongerThanSharedMemory) {
  for (Kind kind : {Kind::RMSNorm, Kind::SiLU}) {
    Rows r{kind, 2, 27001, 128, false, false};
    std::string message;
    std::optional<Result> device = run(r, "nvptx-sim:sm_86", message);
    ASSERT_TRUE(device) << message;
    EXPECT_TRUE(*device == reference(r));
  }
}

/// Drops one barrier, or lets one shuffle miss its lane.
TEST(RowKernels, MutantsAreCaught) {
  Rows r{Kind::RMSNorm, 1, 640, 32, false, false};
  Result expected = reference(r);
  std::string message;
  int64_t places = 0;
  auto isPlace = [](Operation *op) { return isa<NVVM::BarrierOp, NVVM::Barrier0Op, NVVM::ShflOp>(op); };
  auto whole = run(r, "nvptx-sim", message, [&](ModuleOp m) { m.walk([&](Operation *op) { places += isPlace(op); }); });
  ASSERT_TRUE(whole && *whole == expected) << message;
  ASSERT_GE(places, 4 + 5 + 5);
  for (int64_t broken = 0; broken < places; ++broken) {
    std::string what;
    auto mutate = [&](ModuleOp module) {
      int64_t number = 0;
      module.walk([&](Operation *op) {
        if (!isPlace(op) || number++ != broken)
          return;
        what = op->getName().getStringRef();
        if (auto shuffle = dyn_cast<NVVM::ShflOp>(op))
          shuffle.replaceAllUsesWith(shuffle.getVal());
        op->erase();
      });
    };
    std::optional<Result> got = run(r, "nvptx-sim", message, mutate);
    EXPECT_FALSE(got && *got == expected) << "survives without " << what << ", place " << broken;
  }
}
} // namespace
