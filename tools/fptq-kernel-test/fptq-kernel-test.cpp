//===- fptq-kernel-test.cpp - every kernel against the reference ----------===//
//
// Random shapes through the real lowering, compared bit for bit with the plain-C reference: with unit
// scales, where results are the integer sums, and with random ones, where every rounding shows.
//
//===----------------------------------------------------------------------===//
#include "KernelJit.h"
#include "fptq-runtime/CpuTier.h"
#include "fptq-runtime/GpuSimulator.h"
#include "fptq/Conversion/FptqToX86/Kernels.h"
#include "fptq/Pack/X86Layout.h"
#include "fptq/Support/ToolOptions.h"
#include "fptq/Target/GpuTier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/JSON.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace mlir::fptq;
namespace cl = llvm::cl;

static cl::opt<int64_t> casesOption("cases", cl::desc("random shapes (default: 200)"), cl::init(200));
static cl::opt<unsigned> seedOption("seed", cl::desc("seed of the first shape (default: 1)"), cl::init(1));
static cl::list<std::string> tierOption("tier",
                                        cl::desc("tiers to test (default: all, emulated where the machine lacks one)"),
                                        cl::CommaSeparated);
static cl::opt<std::string> jsonOption("json", cl::desc("write a report"), cl::value_desc("file"));
static cl::opt<bool> verboseOption("verbose", cl::desc("print every case"));

namespace {
/// A kernel and one shape for it, all drawn from a seed.
struct Case {
  KernelKey key;
  PackedShape shape;
  int64_t m;
  bool bias, residual, unitScales, extreme, activated;
  unsigned blockOrder; ///< of a simulated GPU
};

/// Few formats, because each is compiled once for every tier; shapes are free.
constexpr int64_t kGroups[] = {32, 128, 64, 37, 8, 48, 96, 256, 600, 1000, 24, 512};

Case draw(unsigned seed, const std::string &tier) {
  std::mt19937 random(seed);
  auto below = [&](int64_t n) { return int64_t(random() % n); };
  Case c;
  int64_t format = below(std::size(kGroups) * 6), group = kGroups[format / 6], scheme = format / 2 % 3;
  // All else that a kernel fixes goes with the format; other stretches of seeds pair them otherwise.
  std::mt19937 others(format * 977 + seed / 4096);
  auto among = [&](int64_t n) { return int64_t(others() % n); };
  c.key = {tier, group, scheme == 2, scheme == 0, format % 2 == 1, among(2) ? 2 : 1};
  int64_t element = among(5);
  c.key.element = FptqElement(element < 3 ? 0 : element - 2);
  c.key.slices = std::array{1, 2, 3, 8}[among(4)];
  c.blockOrder = seed % 3 ? seed : 0;
  c.key.activation = FptqActivation(among(4));
  c.key.multiplies = !c.key.activation || among(2);
  c.shape = {1 + below(150), 0, group, c.key.twoLevel, c.key.symmetric, c.key.halfScales};
  c.shape.k = 1 + below(std::max<int64_t>(group, below(4) ? 700 : 3000));
  if (group > 512 && below(2))
    c.shape.k = group;
  c.m = below(12) == 0 ? below(300) : below(40);
  c.bias = below(2), c.residual = below(2), c.unitScales = below(2), c.extreme = below(4) == 0;
  c.activated = below(3) == 0;
  return c;
}

/// Operands of one case: for the reference in layout x86, and for the kernel in its own.
struct Operands {
  std::vector<uint8_t> packed, kernelPacked;
  std::vector<int8_t> q, kernelQ;
  std::vector<int32_t> sums;
  std::vector<float> xScales, bias, residual, multiplicand, expected, got;
  FptqMatmul mm;

  Operands(const Case &c, unsigned seed) : c(c), layout(x86::panelLayout(c.shape)), random(seed * 7919 + 1) {
    drawWeight();
    drawActivations();
    drawEpilogue();
    expected.assign(c.m * c.shape.n, -7.0f);
    got = expected;
    prepareReference();
    prepareKernel();
  }

  FptqMatmul kernelOperands() {
    FptqMatmul kernel = mm;
    kernel.q = kernelQ.data();
    kernel.q_stride = mm.m ? kernelQ.size() / mm.m : 0;
    kernel.packed = kernelPacked.data();
    kernel.y = got.data();
    return kernel;
  }

private:
  int byte(int low, int high) { return int(low + random() % (high - low + 1)); }
  float real() { return c.unitScales ? 1.0f : (int(random() % 2001) - 1000) * 1.37e-3f; }

  void drawWeight() {
    int64_t n = c.shape.n, groups = layout.groups, scaleCount = c.shape.twoLevel ? n : n * groups;
    std::vector<uint8_t> codes(n * ((groups * c.shape.groupSize + 1) / 2)), zeros(n * groups), multipliers(n * groups);
    for (uint8_t &b : codes)
      b = c.extreme ? (random() % 2 ? 15 : 0) | (random() % 2 ? 240 : 0) : random();
    for (size_t i = 0; i < zeros.size(); ++i) {
      multipliers[i] = c.extreme ? 16 : byte(1, 16);
      zeros[i] = c.shape.twoLevel ? byte(0, 255 - 15 * multipliers[i]) : c.extreme ? byte(0, 1) * 15 : byte(0, 15);
    }
    std::vector<uint8_t> scales;
    for (int64_t i = 0; i < scaleCount; ++i) {
      float f = real();
      uint16_t half = c.unitScales ? 0x3c00 : random() % 0x7000; // any finite f16
      const auto *p = c.shape.halfScales ? reinterpret_cast<uint8_t *>(&half) : reinterpret_cast<uint8_t *>(&f);
      scales.insert(scales.end(), p, p + (c.shape.halfScales ? 2 : 4));
    }
    packed.resize(packedBytes(Layout::X86, c.shape));
    packWeights(Layout::X86, c.shape, {codes.data(), scales.data(), zeros.data(), multipliers.data()}, packed.data());
  }

  void drawActivations() {
    int64_t groups = layout.groups, qStride = groups * layout.paddedGroup;
    q.assign(c.m * qStride, 99);
    sums.assign(c.m * groups, 0);
    for (int64_t t = 0; t < c.m; ++t)
      for (int64_t g = 0; g < groups; ++g)
        for (int64_t i = 0; i < layout.paddedGroup; ++i) {
          bool inside = i < c.shape.groupSize && g * c.shape.groupSize + i < c.shape.k;
          int8_t x = !inside ? 0 : c.extreme ? (t % 2 ? 127 : random() % 2 ? 127 : -127) : byte(-127, 127);
          q[t * qStride + g * layout.paddedGroup + i] = x;
          sums[t * groups + g] += x;
        }
    for (int64_t t = 0; t < c.m; ++t)
      // Products of all magnitudes meet the activation, most of them where it is neither 0 nor the identity.
      xScales.push_back(c.activated ? std::ldexp(real(), -int(random() % 24)) : real());
  }

  void drawEpilogue() {
    for (int64_t i = 0; i < c.shape.n; ++i)
      bias.push_back(real());
    for (int64_t i = 0; i < c.m * c.shape.n; ++i)
      residual.push_back(real()), multiplicand.push_back(real());
  }

  void prepareReference() {
    mm = {};
    mm.m = c.m, mm.n = c.shape.n, mm.groups = layout.groups;
    mm.q = q.data(), mm.q_stride = layout.groups * layout.paddedGroup;
    mm.x_scales = xScales.data();
    mm.x_sums = sums.data(), mm.sums_stride = layout.groups;
    mm.packed = packed.data();
    mm.bias = c.bias ? bias.data() : nullptr;
    mm.residual = c.residual ? residual.data() : nullptr, mm.residual_stride = c.shape.n;
    mm.y = expected.data(), mm.y_stride = c.shape.n;
    mm.activation = c.activated ? c.key.activation : FPTQ_NO_ACTIVATION;
    mm.multiplicand = c.activated && c.key.multiplies ? multiplicand.data() : nullptr;
    mm.multiplicand_stride = c.shape.n;
  }

  /// The same codes with the padding of the kernel's layout.
  void prepareKernel() {
    Layout own = c.key.layout();
    kernelPacked.resize(packedBytes(own, c.shape));
    repackWeights(Layout::X86, own, c.shape, packed.data(), kernelPacked.data());
    int64_t padded = paddedGroupSize(own, c.shape.groupSize), common = std::min(padded, layout.paddedGroup);
    kernelQ.assign(c.m * layout.groups * padded, 0);
    for (int64_t i = 0; i < c.m * layout.groups; ++i)
      std::copy_n(q.data() + i * layout.paddedGroup, common, kernelQ.data() + i * padded);
  }

  const Case &c;
  x86::PanelLayout layout;
  std::mt19937 random;
};

std::string describe(const Case &c) {
  std::string s;
  llvm::raw_string_ostream(s) << c.key.tier
                              << (c.key.twoLevel    ? " two-level"
                                  : c.key.symmetric ? " symmetric"
                                                    : " asymmetric")
                              << (c.key.activation ? " " : "") << c.key.activationName()
                              << (c.key.multiplies ? " multiplicand" : "") << " group " << c.key.group
                              << (c.key.halfScales ? " f16" : " f32") << " threads " << c.key.threads
                              << (parseGpuTier(c.key.tier) ? " slices " + std::to_string(c.key.slices) : "") << " m "
                              << c.m << " n " << c.shape.n << " k " << c.shape.k << (c.bias ? " bias" : "")
                              << (c.residual ? " residual" : "") << (c.activated ? " activated" : "")
                              << (c.unitScales ? " unit-scales" : "") << (c.extreme ? " extreme" : "");
  return s;
}

/// Tiers of the command line, or all of them as this machine can run them.
std::vector<std::string> tiers() {
  auto runnable = [&](const std::string &name) {
    auto target = x86::parseTarget(name);
    bool lacks = target && !target->emulated && fptq_cpu_lacks(FptqTier(target->tier));
    return lacks ? name + "-emulated" : name;
  };
  std::vector<std::string> names(tierOption.begin(), tierOption.end()), result;
  if (names.empty())
    for (int tier = 0; tier < FPTQ_TIER_COUNT; ++tier)
      names.push_back(fptq_tier_name(FptqTier(tier)));
  for (const std::string &name : names)
    result.push_back(runnable(name));
  return result;
}

/// The first differing element, or -1. NaN never equals itself here: bits are compared.
int64_t firstDifference(const std::vector<float> &a, const std::vector<float> &b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], 4))
      return i;
  return -1;
}
} // namespace

/// A call that fails ends the test: the simulator found something.
static void check(llvm::Error error, const Case &c) {
  if (!error)
    return;
  llvm::errs() << "fptq-kernel-test: " << describe(c) << ": " << llvm::toString(std::move(error)) << "\n";
  std::exit(1);
}

/// The case's activations, with a NaN, an infinity, zero rows and half-way values among them.
static bool testQuantize(const Case &c, KernelJit &kernel, unsigned seed) {
  std::mt19937 random(seed * 104729 + 3);
  int64_t k = c.shape.k, groups = x86::panelLayout(c.shape).groups;
  int64_t padded = paddedGroupSize(c.key.layout(), c.shape.groupSize), columns = groups * padded;
  std::vector<uint32_t> x(c.m * k);
  std::vector<uint16_t> halves(c.m * k);
  for (int64_t i = 0; i < c.m * k; ++i) {
    float f = (int(random() % 4001) - 2000) * 0.0625f * (i / k % 3 == 2 ? 0.0f : 1.0f);
    if (random() % 5000 == 0)
      f = random() % 2 ? std::numeric_limits<float>::quiet_NaN() : -std::numeric_limits<float>::infinity();
    std::memcpy(&x[i], &f, 4);
    halves[i] = c.key.element == FPTQ_ELEMENT_BF16 ? x[i] >> 16 : random(); // any f16, subnormals and NaNs too
  }
  std::vector<float> multiplier(k);
  for (float &m : multiplier)
    m = 0.25f + random() % 64 * 0.03125f;
  float scale = 0.5f;
  struct Result {
    std::vector<int8_t> q;
    std::vector<float> scales;
    std::vector<int32_t> sums;
  } expected{std::vector<int8_t>(c.m * columns, 9), std::vector<float>(c.m), std::vector<int32_t>(c.m * groups)},
      got = expected;
  auto operands = [&](Result &r) {
    return FptqQuantize{c.m,
                        k,
                        c.shape.groupSize,
                        padded,
                        c.key.element == FPTQ_ELEMENT_F32 ? static_cast<void *>(x.data()) : halves.data(),
                        k,
                        c.bias ? multiplier.data() : nullptr,
                        c.residual ? &scale : nullptr,
                        r.q.data(),
                        columns,
                        r.scales.data(),
                        r.sums.data(),
                        groups};
  };
  FptqQuantize z = operands(expected);
  fptq_reference_quantize(&z, c.key.element, 0, c.m);
  check(kernel.run(operands(got)), c);
  return expected.q == got.q && expected.sums == got.sums && firstDifference(expected.scales, got.scales) < 0;
}

/// The product of the case, element by element; says where it is not the reference's.
static bool testMatmul(const Case &c, KernelJit &kernel, unsigned seed) {
  Operands o(c, seed);
  FptqFormat f{x86::panelLayout(c.shape).paddedGroup, c.key.twoLevel, c.key.symmetric, c.key.halfScales};
  fptq_reference_matmul(&o.mm, &f, 0, (c.shape.n + 15) / 16);
  check(kernel.run(o.kernelOperands(), o.kernelPacked.size()), c);
  int64_t at = firstDifference(o.expected, o.got);
  if (at >= 0)
    llvm::errs() << "mismatch: " << describe(c) << ", row " << at / c.shape.n << " column " << at % c.shape.n
                 << ": got " << o.got[at] << ", expected " << o.expected[at] << "\n";
  return at < 0;
}

/// All kernels of one case; says what differs and how to see it again.
static bool testCase(const Case &c, KernelJit &kernel, unsigned seed) {
  fptq_sim_set_block_order(c.blockOrder);
  bool multiplies = testMatmul(c, kernel, seed), quantizes = testQuantize(c, kernel, seed);
  if (!quantizes)
    llvm::errs() << "quantization differs: " << describe(c) << "\n";
  if (!multiplies || !quantizes)
    llvm::errs() << "repeat with: fptq-kernel-test --cases 1 --seed " << seed << " --tier " << c.key.tier << "\n";
  return multiplies && quantizes;
}

/// False where the file of --json cannot be written.
static bool writeReport(int64_t done, int64_t mismatches, const std::vector<std::string> &names) {
  if (jsonOption.empty())
    return true;
  std::error_code error;
  llvm::raw_fd_ostream out(jsonOption, error);
  if (error) {
    llvm::errs() << "fptq-kernel-test: cannot write '" << jsonOption << "': " << error.message() << "\n";
    return false;
  }
  llvm::json::Object report{{"cases", done}, {"mismatches", mismatches}, {"tiers", llvm::json::Array(names)}};
  out << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(report)));
  return true;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  hideOptionsExcept({"cases", "seed", "tier", "json", "verbose"});
  cl::ParseCommandLineOptions(argc, argv, "compares generated kernels with the reference, bit for bit\n");
  std::vector<std::string> names = tiers();
  for (const std::string &name : names)
    if (!x86::parseTarget(name) && !parseGpuTier(name)) {
      llvm::errs() << "fptq-kernel-test: unknown tier '" << name << "'\n";
      return 2;
    }
  std::map<std::string, std::unique_ptr<KernelJit>> compiled;
  int64_t done = 0, mismatches = 0;
  for (int64_t i = 0; i < casesOption && !mismatches; ++i)
    for (const std::string &name : names) {
      unsigned seed = seedOption + i;
      Case c = draw(seed, name);
      if (verboseOption)
        llvm::outs() << "seed " << seed << ": " << describe(c) << "\n";
      auto &kernel = compiled[describe(c).substr(0, describe(c).find(" m "))]; // one for each format
      if (!kernel) {
        auto created = KernelJit::create(c.key);
        if (failed(created)) {
          llvm::errs() << "fptq-kernel-test: does not compile: " << describe(c) << "\n";
          return 2;
        }
        kernel = std::move(*created);
      }
      ++done;
      mismatches += !testCase(c, *kernel, seed);
      if (mismatches)
        break;
    }
  if (!writeReport(done, mismatches, names))
    return 2;
  llvm::outs() << done << " cases, " << mismatches << " mismatches, tiers " << llvm::join(names, " ") << "\n";
  return mismatches != 0;
}
