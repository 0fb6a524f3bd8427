//===- Layer.cpp - one linear layer to be timed ---------------------------===//
#include "Layer.h"

#include <cstring>

using namespace mlir::fptq;

bench::Layer::Layer(PackedShape shape, int64_t copies)
    : shape(shape), copies(copies), bytes(packedBytes(Layout::X86, shape)), layout(x86::panelLayout(shape)),
      packed(HugePages().allocate(bytes * copies)) {
  std::memset(packed.get(), 0x35, bytes * copies);
}

void bench::Layer::setRows(int64_t rows) {
  m = rows;
  x.resize(m * shape.k);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(int(i % 251) - 125) * 0.01f;
  q.resize(m * layout.groups * layout.paddedGroup);
  sums.resize(m * layout.groups);
  xScales.resize(m);
  y.resize(m * shape.n);
}

void bench::Layer::run(KernelJit &kernel) {
  auto check = [](llvm::Error error) {
    if (error)
      llvm::report_fatal_error(std::move(error));
  };
  const int64_t padded = layout.groups * layout.paddedGroup;
  FptqQuantize quantize{m,       shape.k,  shape.groupSize, layout.paddedGroup, x.data(),    shape.k,      nullptr,
                        nullptr, q.data(), padded,          xScales.data(),     sums.data(), layout.groups};
  check(kernel.run(quantize));
  const uint8_t *weights = reinterpret_cast<const uint8_t *>(packed.get()) + copy * bytes;
  copy = (copy + 1) % copies;
  FptqMatmul matmul{m,           shape.n,       layout.groups, q.data(), padded,  xScales.data(),
                    sums.data(), layout.groups, weights,       nullptr,  nullptr, shape.n,
                    y.data(),    shape.n,       nullptr,       0,        nullptr, 0};
  check(kernel.run(matmul, bytes));
}
