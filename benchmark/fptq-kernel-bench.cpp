//===- fptq-kernel-bench.cpp - times kernels and peaks on request ---------===//
//
// One engine among those that benchmark/run interleaves. It reads a command a line and answers a line:
//
//   prepare TIER SCHEME GROUP M N K THREADS COPIES   "ok BYTES" (of one copy of the weights)
//   time SECONDS                                     median seconds of a call, repeated for so long
//   dots TIER SCHEME GROUP THREADS                   GOPS in registers
//   stream TIER K BYTES THREADS                      GOPS of one row, unpacked and multiplied only; 0 bytes: from L1
//   read BYTES THREADS                               GB/s
//
// --tier prints this machine's best tier, --lacks TIER what the machine lacks for one, and nothing where it runs.
//
//===----------------------------------------------------------------------===//
#include "Layer.h"
#include "Peaks.h"
#include "fptq-runtime/CpuTier.h"
#include "llvm/Support/InitLLVM.h"
#include <algorithm>
#include <ctime>
#include <iostream>
#include <map>
#include <sstream>

using namespace mlir::fptq;

/// One thread is timed by what it ran; a team only by the clock on the wall.
static double now(int threads) {
  timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

namespace {
class Engine {
public:
  std::string prepare(std::istream &in) {
    std::string tier, scheme;
    PackedShape s;
    int64_t m, copies;
    in >> tier >> scheme >> s.groupSize >> m >> s.n >> s.k >> threads >> copies;
    if (scheme != "group" && scheme != "two-level")
      return "skip there is no scheme '" + scheme + "'";
    s.twoLevel = scheme == "two-level", s.symmetric = !s.twoLevel, s.halfScales = true;
    std::string format = tier + " " + scheme + " " + std::to_string(s.groupSize) + " " + std::to_string(threads);
    kernel = &kernels[format];
    if (!*kernel) {
      auto created = KernelJit::create({tier, s.groupSize, s.twoLevel, s.symmetric, s.halfScales, threads});
      if (failed(created))
        return "skip does not compile";
      *kernel = std::move(*created);
    }
    auto same = [&](const PackedShape &o) {
      return o.n == s.n && o.k == s.k && o.groupSize == s.groupSize && o.twoLevel == s.twoLevel;
    };
    if (!layer || layer->copies != copies || !same(layer->shape))
      layer = std::make_unique<bench::Layer>(s, copies);
    layer->setRows(m);
    for (int64_t i = 0; i < copies; ++i)
      layer->run(**kernel);
    return "ok " + std::to_string(layer->bytes);
  }

  double time(double seconds) {
    std::vector<double> times;
    for (double start = now(threads); times.empty() || now(threads) - start < seconds;) {
      double before = now(threads);
      layer->run(**kernel);
      times.push_back(now(threads) - before);
    }
    std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
    return times[times.size() / 2];
  }

private:
  std::map<std::string, std::unique_ptr<KernelJit>> kernels;
  std::unique_ptr<KernelJit> *kernel = nullptr;
  std::unique_ptr<bench::Layer> layer;
  int threads = 1;
};
} // namespace

/// What this machine lacks for a tier; empty where it runs.
static std::string lacks(const std::string &tier) {
  for (int i = FPTQ_REFERENCE; i <= FPTQ_AMX_INT8; ++i)
    if (tier == fptq_tier_name(FptqTier(i))) {
      const char *reason = fptq_cpu_lacks(FptqTier(i));
      return reason ? reason : "";
    }
  return "there is no tier '" + tier + "'";
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  const char *reason;
  if (argc > 1 && std::string(argv[1]) == "--tier") {
    std::cout << fptq_tier_name(fptq_cpu_detect(&reason)) << std::endl;
    return 0;
  }
  if (argc > 2 && std::string(argv[1]) == "--lacks") {
    std::cout << lacks(argv[2]) << std::endl;
    return 0;
  }
  fptq_cpu_detect(&reason); // asks for the permission to use AMX
  Engine engine;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    std::string command, tier, scheme;
    int64_t number;
    int threads;
    in >> command;
    if (command == "prepare") {
      std::cout << engine.prepare(in);
    } else if (command == "time") {
      double seconds;
      in >> seconds;
      std::cout << engine.time(seconds);
    } else if (command == "dots") {
      in >> tier >> scheme >> number >> threads;
      std::cout << bench::dotPeak(tier, scheme == "two-level", number, threads);
    } else if (command == "stream") {
      int64_t k;
      in >> tier >> k >> number >> threads;
      std::cout << bench::streamPeak(tier, k, number, threads);
    } else if (command == "read") {
      in >> number >> threads;
      std::cout << bench::readPeak(number, threads);
    } else {
      std::cout << "skip unknown command '" << command << "'";
    }
    std::cout << std::endl;
  }
  return 0;
}
