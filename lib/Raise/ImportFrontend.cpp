//===- ImportFrontend.cpp - what frontends write beside linalg ------------===//
#include "LowerStableHLO.h"
#include "LowerTMTensor.h"
#include "SplitProducts.h"
#include "fptq/Raise/FrontendDialects.h"
#include "fptq/Raise/Passes.h"
#include "fptq/Raise/TMTensor.h"
#include "mlir/Conversion/TosaToArith/TosaToArith.h"
#include "mlir/Conversion/TosaToLinalg/TosaToLinalg.h"
#include "mlir/Conversion/TosaToTensor/TosaToTensor.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/Dialect/Tosa/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQIMPORTFRONTENDPASS
#include "fptq/Raise/Passes.h.inc"

namespace {
struct FptqImportFrontendPass : impl::FptqImportFrontendPassBase<FptqImportFrontendPass> {
  using Base::Base;
  void getDependentDialects(DialectRegistry &registry) const override;
  void runOnOperation() override;
};
} // namespace

/// Upstream's passes, in the order that its tests give them.
static OpPassManager tosaPasses() {
  OpPassManager pm(ModuleOp::getOperationName());
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(tosa::createTosaOptionalDecompositionsPass());
  function.addPass(createCanonicalizerPass());
  function.addPass(tosa::createTosaInferShapesPass());
  function.addPass(tosa::createTosaMakeBroadcastablePass());
  function.addPass(tosa::createTosaToLinalgNamed());
  function.addPass(tosa::createTosaToLinalg());
  function.addPass(createTosaToArithPass());
  function.addPass(createTosaToTensorPass());
  pm.addPass(createCanonicalizerPass());
  return pm;
}

void FptqImportFrontendPass::getDependentDialects(DialectRegistry &registry) const {
  Base::getDependentDialects(registry);
  tosaPasses().getDependentDialects(registry);
}

/// Loads of globals that nothing may write become loads of constants, which is what a weight is to every later stage.
static void constantLoads(ModuleOp module) {
  module.walk([](ml_program::GlobalLoadOp load) {
    auto global = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(load, load.getGlobalAttr());
    if (!global || global.getIsMutable())
      return;
    OpBuilder b(load);
    load.replaceAllUsesWith(
        ml_program::GlobalLoadConstOp::create(b, load.getLoc(), load.getType(), load.getGlobalAttr()).getResult());
    load.erase();
  });
}

/// Upstream's own parts of an op that stands for several.
static LogicalResult decompose(IRRewriter &rewriter, Operation *op) {
  rewriter.setInsertionPoint(op);
  if (auto pack = dyn_cast<linalg::PackOp>(op))
    return linalg::lowerPack(rewriter, pack);
  if (auto unpack = dyn_cast<linalg::UnPackOp>(op))
    return linalg::lowerUnPack(rewriter, unpack);
  FailureOr<SmallVector<Value>> parts = cast<linalg::AggregatedOpInterface>(op).decomposeOperation(rewriter);
  if (succeeded(parts))
    rewriter.replaceOp(op, *parts);
  return parts;
}

/// Ops of linalg that no loop nest has: nothing behind this pass would know what to do with one.
static LogicalResult decomposeAggregates(ModuleOp module) {
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) {
    if (isa<linalg::AggregatedOpInterface, linalg::PackOp, linalg::UnPackOp>(op))
      ops.push_back(op);
  });
  IRRewriter rewriter(module.getContext());
  for (Operation *op : ops)
    if (failed(decompose(rewriter, op)))
      return op->emitOpError() << "cannot be decomposed into other ops of linalg, of type " << op->getResultTypes()
                               << ": give it static tiles and sizes";
  return success();
}

void FptqImportFrontendPass::runOnOperation() {
  bool hasTosa = false, hasTMTensor = false, hasStableHLO = false;
  WalkResult walk = getOperation().walk([&](Operation *op) {
    StringRef name = op->getName().getDialectNamespace();
    hasTosa |= name == tosa::TosaDialect::getDialectNamespace();
    hasTMTensor |= name == tm_tensor::TMTensorDialect::getDialectNamespace();
    StringRef advice = adviceForOperation(op->getName().getStringRef());
    if (op->isRegistered() || advice.empty()) {
      hasStableHLO |= isLeftOfStableHLO(op);
      return WalkResult::advance();
    }
    op->emitOpError() << "is not linalg on tensors: " << advice;
    return WalkResult::interrupt();
  });
  if (walk.wasInterrupted())
    return signalPassFailure();
  if (hasTosa) {
    OpPassManager pm = tosaPasses();
    if (failed(runPipeline(pm, getOperation())))
      return signalPassFailure();
  }
  if (hasStableHLO)
    lowerStableHLO(getOperation());
  if (hasTMTensor) {
    RewritePatternSet patterns(&getContext());
    populateLowerTMTensorPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
  constantLoads(getOperation());
  if (failed(decomposeAggregates(getOperation())))
    return signalPassFailure();
  splitProducts(getOperation());
}
} // namespace mlir::fptq
