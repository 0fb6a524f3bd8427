//===- InsertObservers.cpp - fptq.observe before each linear --------------===//
#include "fptq/IR/Fptq.h"
#include "fptq/Profile/Passes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQINSERTOBSERVERSPASS
#include "fptq/Profile/Passes.h.inc"

/// A layer in a region, where perhaps no token comes (an expert's branch), is told of at the function's start with no
/// row at all: the profile has an entry for it either way.
static void announce(LinearOp op) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  if (!function || op->getParentOp() == function)
    return;
  OpBuilder b = OpBuilder::atBlockBegin(&function.getFunctionBody().front());
  Type element = op.getX().getType().getElementType();
  Value noRow = tensor::EmptyOp::create(b, op.getLoc(), ArrayRef<int64_t>{0, op.getInputChannels()}, element);
  ObserveOp::create(b, op.getLoc(), noRow, op.getLayerAttr());
}

/// By an earlier run of this pass: a second observer would count each token twice.
static bool isObserved(LinearOp op) {
  return llvm::any_of(op.getX().getUsers(), [&](Operation *user) {
    auto observer = dyn_cast<ObserveOp>(user);
    return observer && observer->getBlock() == op->getBlock() && observer.getLayerAttr() == op.getLayerAttr();
  });
}

/// What is quantized has no input of floats any more.
static void warnOfQuantized(Operation *root) {
  SmallVector<LayerOpInterface> layers;
  root->walk([&](LayerOpInterface layer) {
    if (layer.getLayerKind() != LayerKind::Lookup && !isa<LinearOp>(*layer))
      layers.push_back(layer);
  });
  if (!layers.empty())
    layers.front()->emitWarning() << layers.size() << (layers.size() == 1 ? " layer is" : " layers are")
                                  << " quantized already, and not observed (layer '" << layers.front().getLayer()
                                  << "'): calibrate the model of floats";
}

namespace {
struct FptqInsertObserversPass : impl::FptqInsertObserversPassBase<FptqInsertObserversPass> {
  using Base::Base;
  void runOnOperation() override {
    SmallVector<LinearOp> linears;
    getOperation()->walk([&](LinearOp op) {
      if (!isObserved(op))
        linears.push_back(op);
    });
    for (LinearOp op : linears) {
      OpBuilder b(op);
      ObserveOp::create(b, op.getLoc(), op.getX(), op.getLayerAttr());
    }
    warnOfQuantized(getOperation());
    for (LinearOp op : llvm::reverse(linears)) // each before those already there
      announce(op);
  }
};
} // namespace
} // namespace mlir::fptq
