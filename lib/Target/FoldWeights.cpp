//===- FoldWeights.cpp - weights that the model computes from constants ---===//
//
// weight_norm, a LoRA that was never merged, q, k and v put together: constants go in, a weight comes out. It is
// computed once, by the compiler itself: whatever a float model may hold is understood, and the numbers are the float
// model's own. An interpreter would have to know every operation a second time.
//
// The pass is declared in the room Raise; it stands here because it runs compiled code.
//
//===----------------------------------------------------------------------===//
#include "../Raise/MatchLinear.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Raise/Passes.h"
#include "fptq/Support/Parameters.h"
#include "fptq/Target/Executable.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::fptq;

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFOLDWEIGHTSPASS
#include "fptq/Raise/Passes.h.inc"
} // namespace mlir::fptq

/// More than a frontend makes of weight_norm (12) or of spectral_norm (40).
static constexpr size_t kMaxOperations = 256;

namespace {
/// A value and, in order, all that it takes to compute it.
struct Computation {
  Value weight;
  SetVector<Operation *> ops;
};
} // namespace

/// Quantized weights are `fptq-import-quant`'s: what it leaves alone is not to be quantized a second time.
static bool holdsCodes(Operation *op) {
  if (isa<DequantizeOp>(op))
    return true;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  return type && matchPattern(op, m_Constant()) && type.getElementType().isIntOrFloat() &&
         !isa<FloatType>(type.getElementType()) && type.getElementTypeBitWidth() > 1 &&
         type.getElementTypeBitWidth() < 64 && type.getNumElements() > 1; // else masks and indices
}

/// What `weight` is computed from, if that is nothing but constants; empty if not.
static SetVector<Operation *> computationOf(Value weight) {
  SetVector<Operation *> ops, captured;
  SmallVector<Value> open = {weight};
  while (!open.empty()) {
    Operation *op = open.pop_back_val().getDefiningOp();
    if (!op || ops.size() == kMaxOperations || !isMemoryEffectFree(op) || holdsCodes(op))
      return {};
    if (!ops.insert(op))
      continue;
    llvm::append_range(open, op->getOperands());
    SetVector<Value> above;
    getUsedValuesDefinedAbove(op->getRegions(), above);
    llvm::append_range(open, above);
  }
  return topologicalSort(ops);
}

/// The weight of a product with an activation, if it is computed; no operations if it is not.
static Computation computedWeight(linalg::LinalgOp op) {
  Computation found;
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(input);
    Value weight = peelWeight(input->get(), map);
    auto type = dyn_cast<RankedTensorType>(weight.getType());
    if (isConstantChain(weight))
      return {};
    // What differs along a batch is no layer's: keys of relative positions (DeBERTa), which are computed, too.
    if (!isFloatTensor(weight) || !type.hasStaticShape() || !type.getNumElements() || differsAlongBatch(op, input, map))
      continue;
    SetVector<Operation *> ops = computationOf(weight);
    if (!ops.empty() && !found.ops.empty())
      return {}; // constants times constants: no layer's
    if (!ops.empty())
      found = {weight, std::move(ops)};
  }
  return found;
}

/// A module with a function for each computation, and the globals they read.
static OwningOpRef<ModuleOp> makeProgram(ModuleOp module, ArrayRef<Computation> computations) {
  OwningOpRef<ModuleOp> program = ModuleOp::create(module.getLoc());
  if (Attribute files = module->getAttr(FptqDialect::kParametersAttr))
    program.get()->setAttr(FptqDialect::kParametersAttr, files);
  OpBuilder b = OpBuilder::atBlockEnd(program->getBody());
  llvm::SmallPtrSet<Operation *, 8> globals;
  for (auto [i, computation] : llvm::enumerate(computations)) {
    FunctionType type = b.getFunctionType({}, computation.weight.getType());
    auto function = func::FuncOp::create(b, computation.weight.getLoc(), "weight_" + std::to_string(i), type);
    OpBuilder body = OpBuilder::atBlockBegin(function.addEntryBlock());
    IRMapping mapping;
    for (Operation *op : computation.ops) {
      body.clone(*op, mapping);
      if (auto load = dyn_cast<ml_program::GlobalLoadConstOp>(op))
        if (Operation *global = SymbolTable::lookupNearestSymbolFrom(op, load.getGlobalAttr()))
          if (globals.insert(global).second)
            b.clone(*global);
    }
    func::ReturnOp::create(body, function.getLoc(), mapping.lookup(computation.weight));
  }
  return program;
}

/// Computed weights are called like the largest constant in them: the direction of weight_norm, what a LoRA is added
/// to.
static StringRef largestConstant(const Computation &computation) {
  StringRef name;
  int64_t largest = 0;
  for (Operation *op : computation.ops) {
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    bool isRoot = isa<ml_program::GlobalLoadConstOp>(op) || matchPattern(op, m_Constant());
    if (isRoot && type && type.hasStaticShape() && type.getNumElements() > largest)
      largest = type.getNumElements(), name = constantName(op->getResult(0));
  }
  return name;
}

/// Without the remarks about what runs as loops: of code that runs once nobody asks.
static FailureOr<std::unique_ptr<Executable>> compileQuietly(ModuleOp program, const CompileOptions &options) {
  ScopedDiagnosticHandler quiet(program.getContext(), [](Diagnostic &diagnostic) {
    return success(diagnostic.getSeverity() == DiagnosticSeverity::Remark);
  });
  return Executable::compile(program, options);
}

static void replace(const Computation &computation, const TensorRef &computed) {
  Value weight = computation.weight;
  auto type = cast<RankedTensorType>(weight.getType());
  ArrayRef<char> bytes(static_cast<const char *>(computed.data),
                       type.getNumElements() * type.getElementTypeBitWidth() / 8);
  std::string name = largestConstant(computation).str();
  auto blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64, /*dataIsMutable=*/false);
  OpBuilder b(weight.getDefiningOp());
  auto constant = arith::ConstantOp::create(
      b, weight.getLoc(), DenseResourceElementsAttr::get(type, name.empty() ? "computed" : name, std::move(blob)));
  constant->setAttr(FptqDialect::kNameAttr, b.getStringAttr(name)); // the key is another one where the name is taken
  auto options = remark::RemarkOpts::name("FoldedWeight").category("Raise");
  remark::passed(weight.getLoc(), options) << remark::add("weight '{0}' computed from constants", name);
  weight.replaceAllUsesWith(constant);
}

namespace {
struct FptqFoldWeightsPass : mlir::fptq::impl::FptqFoldWeightsPassBase<FptqFoldWeightsPass> {
  using FptqFoldWeightsPassBase::FptqFoldWeightsPassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    FptqFoldWeightsPassBase::getDependentDialects(registry);
    OpPassManager pm(ModuleOp::getOperationName());
    buildX86Pipeline(pm, {});
    pm.getDependentDialects(registry);
  }

  void runOnOperation() override {
    SmallVector<Computation> computations;
    llvm::DenseSet<Value> known;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (!op.hasPureTensorSemantics() || !isMultiplyAccumulate(op))
        return;
      Computation computation = computedWeight(op);
      if (!computation.ops.empty() && known.insert(computation.weight).second)
        computations.push_back(std::move(computation));
    });
    if (computations.empty())
      return;
    OwningOpRef<ModuleOp> program = makeProgram(getOperation(), computations);
    CompileOptions options;
    options.threads = false; // a few weights, once: not worth a runtime that may be missing
    FailureOr<std::unique_ptr<Executable>> executable = compileQuietly(*program, options);
    if (failed(executable))
      return signalPassFailure();
    for (auto [computation, entry] : llvm::zip_equal(computations, (*executable)->entryPoints())) {
      auto results = (*executable)->call(entry, {});
      if (!results) {
        computation.weight.getDefiningOp()->emitError() << llvm::toString(results.takeError());
        return signalPassFailure();
      }
      replace(computation, results->front().get());
    }
    eraseUnusedConstants(getOperation());
  }
};
} // namespace
