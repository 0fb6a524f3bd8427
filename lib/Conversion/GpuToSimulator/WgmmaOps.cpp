//===- WgmmaOps.cpp - fptq_gpu operations as calls of the simulator -------===//
#include "HostCalls.h"
#include "fptq/Conversion/FptqToNVGPU/FptqGpu.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::sim;

/// The same fence, steps, commit and wait as the inline assembly of `fptq-lower-gpu-ops`.
static LogicalResult simulateWgmma(HostCalls &calls, nvptx::WgmmaOp op) {
  constexpr int64_t kUnsignedTimesSigned = 2;
  Location loc = op.getLoc();
  Value address = LLVM::PtrToIntOp::create(calls, loc, calls.i64(), op.getB());
  Value descriptor = nvptx::matrixDescriptor(calls, loc, address);
  SmallVector<Value> acc(op.getAcc()), a(op.getA());
  Value d = calls.spill(acc);
  calls.call("fptq_sim_wgmma_fence", Type(), calls.site());
  for (int64_t s = 0; s < op.getSteps(); ++s) {
    Value step = LLVM::AddOp::create(calls, loc, descriptor, calls.num(2 * s, calls.i64()));
    calls.call("fptq_sim_wgmma", Type(),
               {d, calls.spill(ValueRange(a).slice(4 * s, 4)), step, calls.num32(op.getTokens()),
                calls.num32(kUnsignedTimesSigned), calls.site()});
  }
  calls.call("fptq_sim_wgmma_commit", Type(), calls.site());
  calls.call("fptq_sim_wgmma_wait", Type(), {calls.num32(0), calls.site()});
  op->replaceAllUsesWith(calls.reload(d, acc.size()));
  op.erase();
  return success();
}

LogicalResult mlir::fptq::sim::simulateFptqGpu(HostCalls &calls, Operation *op) {
  if (auto product = dyn_cast<nvptx::WgmmaOp>(op))
    return simulateWgmma(calls, product);
  return failure();
}
