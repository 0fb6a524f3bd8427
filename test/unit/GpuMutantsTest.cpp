//===- GpuMutantsTest.cpp - broken kernels do not pass --------------------===//
//
// Each product kernel is broken in one place at a time: a barrier dropped, a wait made shorter, fragments swapped, a
// phase turned round. The simulator must object, or the result be wrong; a mutant that survives fails the test. Shapes
// are whole tiles and long enough to go round the pipeline, so that no mutant is harmless.
//
//===----------------------------------------------------------------------===//
#include "SimulatedKernel.h"
#include "fptq-runtime/Kernels.h"
#include "fptq/Conversion/FptqToNVGPU/FptqGpu.h"
#include "fptq/Pack/PackWeights.h"
#include "fptq/Target/Executable.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"
#include <cstring>
#include <random>

using namespace mlir;
using namespace mlir::fptq;
using fptq_test::context;

namespace {
struct Product {
  const char *chip;
  int64_t m, n, k, slices;
};
constexpr int64_t kGroup = 32;

using Mutation = std::function<void(Operation *)>;
struct Mutant {
  std::string what;
  int64_t operation; ///< number in a walk of the module
  Mutation apply;
};

/// One product, whose number of tokens picks the kernel.
class Subject {
public:
  explicit Subject(const Product &p) : product(p), shape{p.n, p.k, kGroup, false, true, false} {
    std::mt19937 random(11);
    int64_t groups = p.k / kGroup;
    std::vector<uint8_t> codes(p.n * p.k / 2), scales;
    for (uint8_t &byte : codes)
      byte = random();
    for (int64_t i = 0; i < p.n * groups; ++i) {
      float scale = 0.25f + random() % 64 / 64.0f;
      scales.insert(scales.end(), reinterpret_cast<uint8_t *>(&scale), reinterpret_cast<uint8_t *>(&scale) + 4);
    }
    WeightOperands<const uint8_t> weight{codes.data(), scales.data(), nullptr, nullptr};
    std::vector<uint8_t> reference(packedBytes(Layout::X86, shape));
    packed.resize(packedBytes(Layout::NVPTX, shape));
    packWeights(Layout::X86, shape, weight, reference.data());
    packWeights(Layout::NVPTX, shape, weight, packed.data());
    q.resize(p.m * p.k);
    sums.assign(p.m * groups, 0);
    for (int64_t i = 0; i < p.m * p.k; ++i)
      sums[i / kGroup] += q[i] = int(random() % 255) - 127;
    xScales.assign(p.m, 0.5f);
    expected.assign(p.m * p.n, 0);
    FptqMatmul mm{
        p.m,     p.n,     groups, q.data(),        p.k, xScales.data(), sums.data(), groups,  reference.data(),
        nullptr, nullptr, p.n,    expected.data(), p.n, nullptr,        0,           nullptr, 0};
    FptqFormat format{kGroup, 0, 1, 0};
    fptq_reference_matmul(&mm, &format, 0, (p.n + 15) / 16);
  }

  /// Whether the kernel, broken by `mutant` (null: whole), gives the right product and breaks no rule.
  bool survives(const Mutant *mutant, std::vector<Mutant> *all = nullptr) {
    std::string tier = std::string("nvptx-sim:") + product.chip;
    CompileOptions options{tier, /*threads=*/1, product.slices, [&](ModuleOp module) {
                             if (all)
                               *all = mutants(module);
                             if (mutant)
                               mutant->apply(operationNumber(module, mutant->operation));
                           }};
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source(), &context());
    auto executable = Executable::compile(*module, options);
    if (failed(executable)) {
      ADD_FAILURE() << "does not compile" << (mutant ? ": " + mutant->what : "");
      return false;
    }
    std::vector<float> y(product.m * product.n, -1.0f);
    int64_t groups = product.k / kGroup;
    auto results = (*executable)
                       ->call(*(*executable)->find("f"), {{q.data(), {product.m, product.k}},
                                                          {xScales.data(), {product.m}},
                                                          {sums.data(), {product.m, groups}},
                                                          {packed.data(), {int64_t(packed.size())}},
                                                          {y.data(), {product.m, product.n}}});
    if (!results) {
      llvm::consumeError(results.takeError());
      return false;
    }
    return !std::memcmp(y.data(), expected.data(), 4 * y.size());
  }

private:
  std::string source() const {
    return llvm::formatv(R"(
#scheme = #fptq.scheme<group, group_size = {0}, symmetric = true, method = rtn>
func.func @f(%q: tensor<{1}x{2}xi8>, %xs: tensor<{1}xf32>, %sums: tensor<{1}x{3}xi32>, %w: tensor<{4}xi8>,
    %y: tensor<{1}x{5}xf32> {{bufferization.writable = true}) -> tensor<{1}x{5}xf32> {{
  %r = fptq.packed_matmul #scheme <"nvptx"> k({2}) layer("l")
    ins(%q, %xs, %sums : tensor<{1}x{2}xi8>, tensor<{1}xf32>, tensor<{1}x{3}xi32>) weights(%w : tensor<{4}xi8>)
    outs(%y : tensor<{1}x{5}xf32>) -> tensor<{1}x{5}xf32>
  return %r : tensor<{1}x{5}xf32>
})",
                         kGroup, product.m, product.k, product.k / kGroup, packed.size(), product.n);
  }

  static Operation *operationNumber(ModuleOp module, int64_t number) {
    Operation *found = nullptr;
    module.walk([&](Operation *op) { found = number-- == 0 ? op : found; });
    return found;
  }

  static void add(std::vector<Mutant> &list, const char *what, Operation *op, int64_t number, Mutation apply) {
    list.push_back({llvm::formatv("{0}: {1}, operation {2}", what, op->getName(), number), number, std::move(apply)});
  }

  /// Everything that can be broken in the kernels of `module`; of many products the first and the last.
  static std::vector<Mutant> mutants(ModuleOp module) {
    std::vector<Mutant> list, products;
    int64_t number = 0;
    module.walk([&](Operation *op) {
      int64_t here = number++;
      if (isa<NVVM::BarrierOp, NVVM::Barrier0Op, NVVM::FenceProxyOp, LLVM::FenceOp>(op))
        add(list, "dropped", op, here, [](Operation *o) { o->erase(); });
      if (auto control = dyn_cast<NVVM::GriddepcontrolOp>(op);
          control && control.getKind() == NVVM::GridDepActionKind::wait)
        add(list, "dropped", op, here, [](Operation *o) { o->erase(); });
      if (isa<LLVM::AtomicRMWOp>(op)) {
        add(list, "dropped", op, here, [](Operation *o) {
          OpBuilder b(o);
          o->replaceAllUsesWith(ValueRange(LLVM::ZeroOp::create(b, o->getLoc(), o->getResult(0).getType())));
          o->erase();
        });
        add(list, "a block too many", op, here, [](Operation *o) {
          auto counts = cast<LLVM::AtomicRMWOp>(o);
          OpBuilder b(o);
          Value one = LLVM::ConstantOp::create(b, o->getLoc(), b.getI32Type(), b.getI32IntegerAttr(1));
          counts.getValMutable().assign(LLVM::AddOp::create(b, o->getLoc(), counts.getVal(), one));
        });
      }
      if (isa<NVVM::CpAsyncWaitGroupOp>(op))
        add(list, "one group shorter", op, here, [](Operation *o) {
          auto wait = cast<NVVM::CpAsyncWaitGroupOp>(o);
          wait.setN(wait.getN() + 1);
        });
      if (isa<nvptx::WgmmaWaitOp>(op))
        add(list, "one product shorter", op, here, [](Operation *o) {
          auto wait = cast<nvptx::WgmmaWaitOp>(o);
          wait.setPending(wait.getPending() + 1);
        });
      if (isa<NVVM::MBarrierTryWaitParityOp>(op))
        add(list, "the other phase", op, here, [](Operation *o) {
          auto wait = cast<NVVM::MBarrierTryWaitParityOp>(o);
          OpBuilder b(o);
          Value one = LLVM::ConstantOp::create(b, o->getLoc(), b.getI32Type(), b.getI32IntegerAttr(1));
          wait.getPhaseMutable().assign(LLVM::XOrOp::create(b, o->getLoc(), wait.getPhase(), one));
        });
      if (isa<NVVM::MmaOp>(op))
        add(products, "swapped fragments", op, here, [](Operation *o) {
          Value first = o->getOperand(0);
          o->setOperand(0, o->getOperand(1));
          o->setOperand(1, first);
        });
    });
    if (!products.empty())
      list.insert(list.end(), {products.front(), products.back()});
    return list;
  }

  Product product;
  PackedShape shape;
  std::vector<uint8_t> packed;
  std::vector<int8_t> q;
  std::vector<int32_t> sums;
  std::vector<float> xScales, expected;
};

class GpuMutants : public testing::TestWithParam<Product> {};

TEST_P(GpuMutants, AreCaught) {
  Subject subject(GetParam());
  std::vector<Mutant> mutants;
  ASSERT_TRUE(subject.survives(nullptr, &mutants)) << "the kernel itself is wrong";
  ASSERT_GE(mutants.size(), 3u);
  for (const Mutant &mutant : mutants)
    EXPECT_FALSE(subject.survives(&mutant)) << "survives: " << mutant.what;
}

INSTANTIATE_TEST_SUITE_P(Kernels, GpuMutants,
                         testing::Values(Product{"sm_80", 8, 32, 2112, 1}, Product{"sm_80", 8, 32, 2112, 3},
                                         Product{"sm_80", 32, 128, 640, 1}, Product{"sm_80", 128, 128, 640, 1},
                                         Product{"sm_90a", 8, 32, 2112, 2}, Product{"sm_90a", 32, 128, 768, 1},
                                         Product{"sm_90a", 64, 128, 768, 1}),
                         [](const auto &info) {
                           return std::string(info.param.chip) + "_" + std::to_string(info.param.m) + "_tokens_" +
                                  std::to_string(info.param.slices) + "_slices";
                         });
} // namespace
