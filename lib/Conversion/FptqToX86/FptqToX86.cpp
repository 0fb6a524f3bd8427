//===- FptqToX86.cpp - packed operations to calls of kernels --------------===//
#include "HostCalls.h"
#include "fptq/Conversion/FptqToX86/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::x86;

namespace mlir::fptq {
#define GEN_PASS_DEF_CONVERTFPTQTOX86PASS
#include "fptq/Conversion/FptqToX86/Passes.h.inc"
} // namespace mlir::fptq

namespace {
struct ConvertFptqToX86Pass : mlir::fptq::impl::ConvertFptqToX86PassBase<ConvertFptqToX86Pass> {
  using ConvertFptqToX86PassBase::ConvertFptqToX86PassBase;

  void runOnOperation() override {
    SmallVector<Target> targets;
    for (const std::string &name : tiers) {
      std::optional<Target> target = parseTarget(name);
      if (!target) {
        getOperation().emitError() << "unknown tier '" << name << "', expected " << knownTargets()
                                   << "; tools join several by '+'";
        return signalPassFailure();
      }
      targets.push_back(*target);
    }
    if (targets.empty())
      targets.push_back({Tier::Avx2});
    WalkResult ready = getOperation().walk([&](Operation *op) -> WalkResult {
      if (!isa<PackedMatmulOp, QuantizeActivationsOp>(op))
        return WalkResult::advance();
      if (!isa<MemRefType>(op->getOperand(0).getType()))
        return op->emitOpError("is not bufferized");
      if (!op->getParentOfType<FunctionOpInterface>())
        return op->emitOpError("is in no function");
      return WalkResult::advance();
    });
    if (ready.wasInterrupted())
      return signalPassFailure();
    HostCalls calls(getOperation(), targets, threads);
    SmallVector<QuantizeActivationsOp> quantizations;
    getOperation().walk([&](QuantizeActivationsOp op) { quantizations.push_back(op); });
    auto lowered = [&](auto &&what) { return succeeded(calls.lower(what)); };
    if (!llvm::all_of(siblingMatmuls(getOperation()), lowered) || !llvm::all_of(quantizations, lowered))
      signalPassFailure();
  }
};
} // namespace
