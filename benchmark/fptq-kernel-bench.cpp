//===- fptq-kernel-bench.cpp - kernels beside the machine's peaks ---------===//
#include "KernelJit.h"
#include "Peaks.h"
#include "fptq-runtime/CpuTier.h"
#include "fptq/Conversion/FptqToX86/Kernels.h"
#include "fptq/Pack/X86Layout.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/JSON.h"
#include "llvm/TargetParser/Host.h"
#include <ctime>
#include <random>
#include <unistd.h>

using namespace mlir::fptq;
namespace cl = llvm::cl;

static cl::list<std::string> shapeOption("shape", cl::desc("NxK (default: 4096x4096, and two more without --quick)"),
                                         cl::CommaSeparated);
static cl::list<int64_t> mOption("m", cl::desc("rows (default: 1,4,16,64,256)"), cl::CommaSeparated);
static cl::list<int> threadsOption("team", cl::desc("threads (default: 1,2)"), cl::CommaSeparated);
static cl::list<std::string> tierOption("tier", cl::desc("default: all this machine has"), cl::CommaSeparated);
static cl::list<std::string> schemeOption("scheme", cl::desc("group, asymmetric, two-level (default: group,two-level)"),
                                          cl::CommaSeparated);
static cl::list<int64_t> groupOption("group", cl::desc("default: 128,32"), cl::CommaSeparated);
static cl::opt<bool> quickOption("quick", cl::desc("one shape, less time a cell"));
static cl::opt<bool> coldOption("cold", cl::desc("M = 1 also with 1 GB of distinct weights"));
static cl::opt<std::string> jsonOption("json", cl::desc("write a report"), cl::value_desc("file"));

/// One thread is timed by what it ran; a team only by the clock on the wall.
static double now(int threads) {
  timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + v.size() / 2, v.end());
  return v[v.size() / 2];
}

namespace {
/// One layer, `copies` times over; results do not matter here.
struct Layer {
  PackedShape shape;
  int64_t m, copies, bytes;
  x86::PanelLayout layout;
  std::vector<uint8_t> packed;
  std::vector<int8_t> q;
  std::vector<int32_t> sums;
  std::vector<float> xScales, y;

  Layer(PackedShape s, int64_t m, int64_t copies)
      : shape(s), m(m), copies(copies), bytes(packedBytes("x86", s)), layout(x86::panelLayout(s)),
        packed(bytes * copies + 64, 0x35), q(m * layout.groups * layout.paddedGroup, 3), sums(m * layout.groups, 5),
        xScales(m, 1.0f), y(m * s.n) {}
  void run(KernelJit &kernel, int64_t copy) {
    const uint8_t *w = packed.data() + (64 - uintptr_t(packed.data()) % 64) % 64 + copy * bytes;
    FptqMatmul mm{m,
                  shape.n,
                  layout.groups,
                  q.data(),
                  layout.groups * layout.paddedGroup,
                  xScales.data(),
                  sums.data(),
                  layout.groups,
                  w,
                  nullptr,
                  nullptr,
                  shape.n,
                  y.data(),
                  shape.n,
                  nullptr};
    if (llvm::Error error = kernel.run(mm, bytes))
      llvm::report_fatal_error(std::move(error));
  }
};

struct Cell {
  double gops, peak, limit, share;
};

/// Rounds of kernel and peaks in turn, so that both see the same machine; medians over the rounds.
Cell measure(KernelJit &kernel, Layer &layer, const std::string &tier, int threads, double seconds, double read) {
  const double ops = 2e-9 * layer.m * layer.shape.n * layer.shape.k;
  std::vector<double> gops, peaks, limits, shares;
  for (int64_t i = 0; i < layer.copies; ++i)
    layer.run(kernel, i);
  int64_t copy = 0;
  for (int round = 0; round < 7; ++round) {
    std::vector<double> times;
    for (double start = now(threads); now(threads) - start < seconds / 7 || times.size() < 3;) {
      double before = now(threads);
      layer.run(kernel, copy++ % layer.copies);
      times.push_back(now(threads) - before);
    }
    gops.push_back(ops / median(times));
    peaks.push_back(bench::dotPeak(tier, threads));
    limits.push_back(std::min(peaks.back(), ops / (layer.bytes * 1e-9) * read));
    shares.push_back(gops.back() / limits.back());
  }
  return {median(gops), median(peaks), median(limits), median(shares)};
}

/// The share of its limit that this cell should reach, or 0 where none is set: the table in docs/Performance.md.
double wantedShare(const std::string &tier, bool twoLevel, int64_t group, int64_t m, bool cold) {
  if (m == 1)
    return cold && tier == "avx2" ? 0.85 : 0.95;
  if (m < 64)
    return 0;
  if (tier == "avx2")
    return group == 128 && !twoLevel ? 0.85 : twoLevel ? 0.80 : 0;
  if (tier == "avx512vnni")
    return group == 128 && !twoLevel ? 0.78 : 0;
  return twoLevel ? 0.60 : group == 128 ? 0.30 : 0;
}

template <typename T> std::vector<T> orDefault(const cl::list<T> &list, std::initializer_list<T> values) {
  return list.empty() ? std::vector<T>(values) : std::vector<T>(list.begin(), list.end());
}
} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "W4A8 kernels beside the machine's peaks\n");
  const char *reason;
  FptqTier best = fptq_cpu_detect(&reason);
  std::vector<std::string> tiers(tierOption.begin(), tierOption.end());
  for (int t = 1; tierOption.empty() && t <= int(best); ++t)
    tiers.push_back(fptq_tier_name(FptqTier(t)));
  auto shapes = quickOption ? orDefault<std::string>(shapeOption, {"4096x4096"})
                            : orDefault<std::string>(shapeOption, {"4096x4096", "11008x4096", "4096x11008"});
  double seconds = quickOption ? 0.1 : 0.5;
  llvm::json::Array rows;
  llvm::json::Object peaks;
  llvm::outs() << "tier        scheme     group    m      n      k thr  resident     GOPS      peak    limit  share\n";
  for (int threads : orDefault<int>(threadsOption, {1, 2})) {
    std::string count = std::to_string(threads);
    Executable::setThreads(threads);
    double l3 = bench::readPeak(20 << 20, threads), dram = bench::readPeak(400 << 20, threads);
    peaks["read_l3_" + count] = l3;
    peaks["read_dram_" + count] = dram;
    llvm::outs() << llvm::format("threads %d: read L3 %.1f GB/s, DRAM %.1f GB/s\n", threads, l3, dram);
    for (const std::string &tier : tiers)
      for (const std::string &scheme : orDefault<std::string>(schemeOption, {"group", "two-level"}))
        for (int64_t group : orDefault<int64_t>(groupOption, {128, 32})) {
          bool twoLevel = scheme == "two-level", symmetric = scheme == "group";
          auto kernel = KernelJit::create({tier, group, twoLevel, symmetric, true, threads > 1});
          if (failed(kernel))
            return 2;
          for (const std::string &text : shapes) {
            auto [n, k] = llvm::StringRef(text).split('x');
            PackedShape shape{std::stoll(n.str()), std::stoll(k.str()), group, twoLevel, symmetric, true};
            for (int64_t m : orDefault<int64_t>(mOption, {1, 4, 16, 64, 256}))
              for (bool cold : {false, true}) {
                if (cold && (m != 1 || !coldOption))
                  continue;
                int64_t bytes = packedBytes("x86", shape);
                Layer layer(shape, m, cold ? (1ll << 30) / bytes : 1);
                Cell c = measure(**kernel, layer, tier, threads, seconds, cold ? dram : l3);
                double wanted = wantedShare(tier, twoLevel, group, m, cold);
                peaks["dot_" + tier + "_" + count] = c.peak;
                llvm::outs() << llvm::format(
                    "%-11s %-10s %5lld %4lld %6lld %6lld %3d  %-8s %8.1f  %8.1f %8.1f  %5.2f\n", tier.c_str(),
                    scheme.c_str(), (long long)group, (long long)m, (long long)shape.n, (long long)shape.k, threads,
                    cold ? "dram" : "l3", c.gops, c.peak, c.limit, c.share);
                rows.push_back(llvm::json::Object{{"tier", tier},
                                                  {"scheme", scheme},
                                                  {"group_size", group},
                                                  {"m", m},
                                                  {"n", shape.n},
                                                  {"k", shape.k},
                                                  {"threads", threads},
                                                  {"resident", cold ? "dram" : "l3"},
                                                  {"gops", c.gops},
                                                  {"share_of_limit", c.share},
                                                  {"best_peer", nullptr},
                                                  {"ratio_to_best_peer", nullptr},
                                                  {"holds", wanted ? llvm::json::Value(c.share >= wanted) : nullptr}});
              }
          }
        }
  }
  if (!jsonOption.empty()) {
    std::error_code error;
    llvm::raw_fd_ostream out(jsonOption, error);
    if (error) {
      llvm::errs() << "cannot write '" << jsonOption << "': " << error.message() << "\n";
      return 2;
    }
    llvm::json::Object report{
        {"cpu", llvm::sys::getHostCPUName()}, {"peaks", std::move(peaks)}, {"rows", std::move(rows)}};
    out << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(report)));
  }
  return 0;
}
