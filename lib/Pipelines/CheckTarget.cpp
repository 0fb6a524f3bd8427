//===- CheckTarget.cpp - what a target will run, before any work ----------===//
#include "fptq/Conversion/FptqToNVGPU/Chip.h"
#include "fptq/Conversion/FptqToX86/Kernels.h"
#include "fptq/IR/Fptq.h"
#include "fptq/IR/Limits.h"
#include "fptq/Pack/Layout.h"
#include "fptq/Pipelines/Passes.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Policy/Recipe.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQCHECKTARGETPASS
#include "fptq/Pipelines/Passes.h.inc"

namespace {
/// What is known of a layer in whatever form it has.
struct Layer {
  Operation *op;
  StringRef name;
  int64_t n, k;
  SchemeAttr scheme; ///< null: not decided
  StringRef layout;  ///< empty: not packed
  bool keptFloat = false;
  bool lookup = false; ///< of 4-bit rows: no kernel, the host's own code
};

struct FptqCheckTargetPass : impl::FptqCheckTargetPassBase<FptqCheckTargetPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  FailureOr<std::string> layoutOfTarget();
  LogicalResult check(const Layer &layer, StringRef layout, SchemeKind undecided);
};
} // namespace

static std::optional<Layer> layerOf(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op)) {
    bool kept = linear.getPolicyAttr() && linear.getPolicyAttr().getKind() == PolicyKind::Float;
    return Layer{
        op, linear.getLayer(), linear.getOutputChannels(), linear.getInputChannels(), linear.getSchemeAttr(), "", kept};
  }
  if (auto matmul = dyn_cast<QuantizedMatmulOp>(op))
    return Layer{op, matmul.getLayer(), matmul.getOutputChannels(), matmul.getInputChannels(), matmul.getScheme(), ""};
  if (auto packed = dyn_cast<PackedMatmulOp>(op))
    return Layer{op,
                 packed.getLayer(),
                 packed.getOutputChannels(),
                 (int64_t)packed.getK(),
                 packed.getScheme(),
                 packed.getLayout().getName()};
  if (auto quantized = dyn_cast<QuantizedLookupOp>(op))
    return Layer{op,
                 quantized.getLayer(),
                 quantized.getRows(),
                 quantized.getChannels(),
                 quantized.getScheme(),
                 "",
                 /*keptFloat=*/false,
                 /*lookup=*/true};
  if (auto packed = dyn_cast<PackedLookupOp>(op))
    return Layer{op,
                 packed.getLayer(),
                 (int64_t)packed.getRows(),
                 packed.getChannels(),
                 packed.getScheme(),
                 packed.getLayout().getName(),
                 /*keptFloat=*/false,
                 /*lookup=*/true};
  return std::nullopt;
}

FailureOr<std::string> FptqCheckTargetPass::layoutOfTarget() {
  target = resolveTier(target);
  if (StringRef(target).starts_with("sm_")) {
    if (failed(nvptx::parseChip(target, [&] { return getOperation().emitError(); })))
      return failure();
    return std::string("nvptx");
  }
  if (!x86::parseTarget(target))
    return getOperation().emitError()
           << "unknown target '" << target
           << "', expected reference, avx2, avxvnni, avx512vnni, amx-int8 (all but the first "
              "also with -emulated), auto, or a chip like sm_80";
  if (!elsewhere && failed(checkTier(target, [&] { return getOperation().emitError(); })))
    return failure();
  return std::string("x86");
}

LogicalResult FptqCheckTargetPass::check(const Layer &layer, StringRef layout, SchemeKind undecided) {
  auto where = [&] { return llvm::formatv("layer '{0}' ({1} x {2})", layer.name, layer.k, layer.n).str(); };
  if (layer.keptFloat) {
    llvm::errs() << where() << ": float, by its policy\n";
    return success();
  }
  if (layer.k > kMaxInputChannels)
    return layer.op->emitOpError() << "(QM5) layer '" << layer.name << "' has K = " << layer.k << ", above "
                                   << kMaxInputChannels << ", where int32 sums could overflow";
  if (!layer.layout.empty() && layer.layout != layout)
    return layer.op->emitOpError() << "layer '" << layer.name << "' is packed for '" << layer.layout << "', target '"
                                   << target << "' reads '" << layout << "'";
  SchemeKind scheme = layer.scheme ? layer.scheme.getKind() : undecided;
  int64_t asked = layer.scheme ? layer.scheme.groupSizeFor(layer.k) : groupSize ? groupSize : layer.k;
  int64_t group = std::min(asked, layer.k), groups = llvm::divideCeil(layer.k, group);
  int64_t padded = groups * paddedGroupSize(std::string_view(layout.data(), layout.size()), group);
  llvm::errs() << where() << ": " << (scheme == SchemeKind::Group ? "group" : "two-level") << " scheme, " << groups
               << (groups == 1 ? " group of " : " groups of ") << group
               << (layer.lookup ? ", a row for each id, on the host" : ", on " + target);
  if (padded != layer.k)
    llvm::errs() << llvm::formatv(", K padded to {0} (+{1:P0})", padded, double(padded - layer.k) / layer.k);
  llvm::errs() << "\n";
  return success();
}

void FptqCheckTargetPass::runOnOperation() {
  markAllAnalysesPreserved();
  std::optional<SchemeKind> undecided = parseSchemeKind(scheme);
  if (!undecided || groupSize < 0) {
    getOperation().emitError() << "fptq-check-target: scheme '" << scheme << "', group-size " << groupSize
                               << ": expected group or two-level, and 0 or more";
    return signalPassFailure();
  }
  FailureOr<std::string> layout = layoutOfTarget();
  if (failed(layout))
    return signalPassFailure();
  llvm::StringSet<> seen; // prefill and decode share their layers
  bool failedAny = false;
  getOperation().walk([&](Operation *op) {
    std::optional<Layer> layer = layerOf(op);
    if (layer && seen.insert(layer->name).second)
      failedAny |= failed(check(*layer, *layout, *undecided));
  });
  if (seen.empty()) {
    getOperation().emitError() << "has no layer to check: run fptq-raise first";
    failedAny = true;
  }
  if (failedAny)
    signalPassFailure();
}

} // namespace mlir::fptq
