//===- InsertObservers.cpp - fptq.observe before each linear --------------===//
#include "fptq/IR/Fptq.h"
#include "fptq/Profile/Passes.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQINSERTOBSERVERSPASS
#include "fptq/Profile/Passes.h.inc"

namespace {
struct FptqInsertObserversPass : impl::FptqInsertObserversPassBase<FptqInsertObserversPass> {
  using Base::Base;
  void runOnOperation() override {
    getOperation()->walk([](LinearOp op) {
      OpBuilder b(op);
      ObserveOp::create(b, op.getLoc(), op.getX(), op.getLayerAttr());
    });
  }
};
} // namespace
} // namespace mlir::fptq
