//===- WgmmaOps.cpp - fptq_gpu operations as calls of the simulator -------===//
#include "HostCalls.h"
#include "fptq/Conversion/FptqToNVGPU/FptqGpu.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::sim;

/// On a product and on its waits: numbers of the products whose sums they take.
static constexpr StringLiteral kProducts = "fptq.products";

static SmallVector<int64_t> productsOf(Operation *op) {
  auto products = op->getAttrOfType<DenseI64ArrayAttr>(kProducts);
  return products ? SmallVector<int64_t>(products.asArrayRef()) : SmallVector<int64_t>();
}

/// The same fence, steps and commit as the inline assembly of `fptq-lower-gpu-ops`.
static LogicalResult simulateWgmma(HostCalls &calls, nvptx::WgmmaOp op) {
  constexpr int64_t kUnsignedTimesSigned = 2;
  Location loc = op.getLoc();
  Value address = LLVM::PtrToIntOp::create(calls, loc, calls.i64(), op.getB());
  Value descriptor = nvptx::matrixDescriptor(calls, loc, address);
  SmallVector<Value> acc(op.getAcc()), a(op.getA());
  SmallVector<int64_t> products = productsOf(op);
  products.push_back(calls.operation());
  for (Operation *user : op->getUsers()) {
    SmallVector<int64_t> all = productsOf(user);
    for (int64_t product : products)
      if (!llvm::is_contained(all, product))
        all.push_back(product);
    user->setAttr(kProducts, calls.getDenseI64ArrayAttr(all));
  }
  Value d = calls.spill(acc);
  calls.call("fptq_sim_wgmma_fence", Type(), calls.site());
  for (int64_t s = 0; s < op.getSteps(); ++s) {
    Value step = LLVM::AddOp::create(calls, loc, descriptor, calls.num(2 * s, calls.i64()));
    calls.call("fptq_sim_wgmma", Type(),
               {d, calls.spill(ValueRange(a).slice(4 * s, 4)), step, calls.num32(op.getTokens()),
                calls.num32(kUnsignedTimesSigned), calls.num32(calls.operation()), calls.site()});
  }
  calls.call("fptq_sim_wgmma_commit", Type(), calls.site());
  op->replaceAllUsesWith(calls.reload(d, acc.size()));
  op.erase();
  return success();
}

static LogicalResult simulateWait(HostCalls &calls, nvptx::WgmmaWaitOp op) {
  calls.call("fptq_sim_wgmma_wait", Type(), {calls.num32(op.getPending()), calls.site()});
  for (int64_t product : productsOf(op))
    calls.call("fptq_sim_wgmma_take", Type(), {calls.num32(product), calls.site()});
  op->replaceAllUsesWith(SmallVector<Value>(op.getAcc()));
  op.erase();
  return success();
}

LogicalResult mlir::fptq::sim::simulateFptqGpu(HostCalls &calls, Operation *op) {
  if (auto product = dyn_cast<nvptx::WgmmaOp>(op))
    return simulateWgmma(calls, product);
  if (auto wait = dyn_cast<nvptx::WgmmaWaitOp>(op))
    return simulateWait(calls, wait);
  return failure();
}
