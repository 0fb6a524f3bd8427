//===- KernelJit.cpp - one weight format, compiled for one tier -----------===//
#include "KernelJit.h"
#include "fptq/InitAll.h"
#include "fptq/Pack/Layout.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::fptq;

/// matmul<i>: bit 0 with a bias, bit 1 with a residual, bit 2 with the key's activation and multiplicand.
static std::string matmulSource(const KernelKey &key, int i) {
  std::string activated;
  if (i & 4 && key.activation)
    activated = llvm::formatv("activation <{0}> ", key.activationName());
  if (i & 4 && key.multiplies)
    activated += "multiplicand(%multiplicand : tensor<?x?xf32>)";
  return llvm::formatv(R"(
func.func @matmul{0}(%q: tensor<?x?xi8>, %xs: tensor<?xf32>, %sums: tensor<?x?xi32>, %w: tensor<?xi8>,
    %bias: tensor<?xf32>, %multiplicand: tensor<?x?xf32>, %residual: tensor<?x?xf32>,
    %y: tensor<?x?xf32> {{bufferization.writable = true}) -> tensor<?x?xf32> {{
  %r = fptq.packed_matmul #scheme <"{5}"> k({1}) layer("l")
    ins(%q, %xs, %sums : tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>) weights(%w : tensor<?xi8>) {2} {6} {3}
    outs(%y : tensor<?x?xf32>) {4} -> tensor<?x?xf32>
  return %r : tensor<?x?xf32>
}
)",
                       i, key.group, i & 1 ? "bias(%bias : tensor<?xf32>)" : "",
                       i & 2 ? "residual(%residual : tensor<?x?xf32>)" : "", key.halfScales ? "{half_scales}" : "",
                       StringRef(layoutName(key.layout())), activated);
}

/// quantize<i>: bit 0 with a multiplier, bit 1 with a static scale.
static std::string quantizeSource(const KernelKey &key, int i) {
  const char *element = key.element == FPTQ_ELEMENT_F32 ? "f32" : key.element == FPTQ_ELEMENT_F16 ? "f16" : "bf16";
  return llvm::formatv(R"(
func.func @quantize{0}(%x: tensor<?x?x{1}>, %m: tensor<?xf32>, %s: f32, %q: tensor<?x?xi8> {{bufferization.writable = true},
    %scales: tensor<?xf32> {{bufferization.writable = true}, %sums: tensor<?x?xi32> {{bufferization.writable = true})
    -> (tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>) {{
  %r:3 = fptq.quantize_activations group_size({2}) padded_group_size({3}) ins(%x : tensor<?x?x{1}>) {4} {5}
    outs(%q, %scales, %sums : tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>)
    -> tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>
  return %r#0, %r#1, %r#2 : tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>
}
)",
                       i, element, key.group, paddedGroupSize(key.layout(), key.group),
                       i & 1 ? "multiplier(%m : tensor<?xf32>)" : "", i & 2 ? "static_scale(%s)" : "");
}

static std::string source(const KernelKey &key) {
  std::string text = llvm::formatv("#scheme = #fptq.scheme<{0}, group_size = {1}, symmetric = {2}, method = rtn>\n",
                                   key.twoLevel ? "two_level" : "group", key.group, key.symmetric ? "true" : "false");
  for (int i = 0; i < 8; ++i)
    text += matmulSource(key, i) + (i < 4 ? quantizeSource(key, i) : "");
  return text;
}

FailureOr<std::unique_ptr<KernelJit>> KernelJit::create(const KernelKey &key) {
  static auto context = [] {
    DialectRegistry registry;
    registerAllDialects(registry);
    return std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  }();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source(key), context.get());
  if (!module)
    return failure();
  auto executable = Executable::compile(*module, {key.tier, key.threads, key.slices});
  if (failed(executable))
    return failure();
  auto jit = std::make_unique<KernelJit>();
  jit->executable = std::move(*executable);
  return jit;
}

llvm::Error KernelJit::call(const std::string &name, ArrayRef<TensorRef> arguments) {
  auto results = executable->call(*executable->find(name), arguments);
  return results ? llvm::Error::success() : results.takeError();
}

template <typename T> static TensorRef tensor(const T *data, ArrayRef<int64_t> shape) {
  static T nothing;
  return {const_cast<std::remove_const_t<T> *>(data ? data : &nothing), SmallVector<int64_t>(shape)};
}

llvm::Error KernelJit::run(const FptqMatmul &mm, int64_t packedBytes) {
  int64_t residualRows = mm.residual ? mm.m : 0, multiplicandRows = mm.multiplicand ? mm.m : 0;
  bool activated = mm.activation || mm.multiplicand;
  return call("matmul" + std::to_string((mm.bias ? 1 : 0) + (mm.residual ? 2 : 0) + (activated ? 4 : 0)),
              {tensor(mm.q, {mm.m, mm.q_stride}), tensor(mm.x_scales, {mm.m}), tensor(mm.x_sums, {mm.m, mm.groups}),
               tensor(mm.packed, {packedBytes}), tensor(mm.bias, {mm.bias ? mm.n : 0}),
               tensor(mm.multiplicand, {multiplicandRows, mm.n}), tensor(mm.residual, {residualRows, mm.n}),
               tensor(mm.y, {mm.m, mm.n})});
}

llvm::Error KernelJit::run(const FptqQuantize &z) {
  int64_t groups = (z.k + z.group_size - 1) / z.group_size;
  TensorRef x{const_cast<void *>(z.x), {z.m, z.k}}, scale{const_cast<float *>(z.static_scale), {}};
  static float unused;
  if (!z.static_scale)
    scale.data = &unused;
  return call("quantize" + std::to_string((z.multiplier ? 1 : 0) + (z.static_scale ? 2 : 0)),
              {x, tensor(z.multiplier, {z.multiplier ? z.k : 0}), scale, tensor(z.q, {z.m, groups * z.padded_group}),
               tensor(z.scales, {z.m}), tensor(z.sums, {z.m, groups})});
}
