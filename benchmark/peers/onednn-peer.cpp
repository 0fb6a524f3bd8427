//===- onednn-peer.cpp - oneDNN's s8 x s8 matmul as an engine -------------===//
//
// Weights of 8 bits with one scale: what a tuned library makes of W8A8, the yardstick for AMX. Activations come
// quantized, which flatters it. Commands and answers as in serve.py.
//
//===----------------------------------------------------------------------===//
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <map>
#include <memory>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>
#include <sstream>
#include <string>
#include <vector>

using namespace dnnl;

/// Whether ONEDNN_MAX_CPU_ISA, of which a library may be compiled without knowledge, acts where it is set.
static bool isHeld() {
  static const std::map<std::string, cpu_isa> limits = {
      {"AVX2", cpu_isa::avx2}, {"AVX2_VNNI", cpu_isa::avx2_vnni}, {"AVX512_CORE_VNNI", cpu_isa::avx512_core_vnni}};
  const char *name = getenv("ONEDNN_MAX_CPU_ISA");
  auto limit = limits.find(name ? name : "");
  // An instruction set has the bits of all that it contains.
  return limit == limits.end() || !(int(get_effective_cpu_isa()) & ~int(limit->second));
}

static double now(int threads) {
  timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

namespace {
struct Product {
  engine cpu{engine::kind::cpu, 0};
  stream queue{cpu};
  matmul primitive;
  memory x, y;
  std::vector<memory> weights;
  int threads;

  Product(int64_t m, int64_t n, int64_t k, int threads, int64_t copies) : threads(threads) {
    omp_set_num_threads(threads);
    using type = memory::data_type;
    memory::desc a({m, k}, type::s8, memory::format_tag::ab), b({k, n}, type::s8, memory::format_tag::any),
        c({m, n}, type::f32, memory::format_tag::ab);
    primitive_attr scaled;
    scaled.set_output_scales(0, {0.01f});
    matmul::primitive_desc description(matmul::desc(a, b, c), scaled, cpu);
    primitive = matmul(description);
    x = memory(a, cpu), y = memory(c, cpu);
    std::fill_n(static_cast<int8_t *>(x.get_data_handle()), m * k, 3);
    for (int64_t i = 0; i < copies; ++i) {
      weights.emplace_back(description.weights_desc(), cpu);
      std::fill_n(static_cast<int8_t *>(weights.back().get_data_handle()), description.weights_desc().get_size(), 5);
    }
    run();
  }
  void run() {
    for (memory &w : weights)
      primitive.execute(queue, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}});
    queue.wait();
  }
  double time(double seconds) {
    std::vector<double> times;
    for (double start = now(threads); times.empty() || now(threads) - start < seconds;) {
      double before = now(threads);
      run();
      times.push_back(now(threads) - before);
    }
    std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
    return times[times.size() / 2] / weights.size();
  }
};
} // namespace

int main() {
  std::unique_ptr<Product> product;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    std::string command;
    in >> command;
    try {
      if (!isHeld()) {
        std::cout << "skip oneDNN does not know ONEDNN_MAX_CPU_ISA" << std::endl;
      } else if (command == "prepare") {
        int64_t m, n, k, group, threads, copies;
        in >> m >> n >> k >> group >> threads >> copies;
        product = nullptr;
        product = std::make_unique<Product>(m, n, k, threads, copies);
        const version_t *v = dnnl::version();
        std::cout << "ok onednn " << v->major << "." << v->minor << "." << v->patch << " w8a8" << std::endl;
      } else {
        double seconds;
        in >> seconds;
        std::cout << product->time(seconds) << std::endl;
      }
    } catch (const error &e) {
      std::cout << "skip " << e.what() << std::endl;
    }
  }
}
