//===- FoldWeights.cpp - weights that the model computes from constants ---===//
//
// weight_norm, a LoRA that was never merged, q, k and v put together: constants go in, a weight comes out. It is
// computed once, by the compiler itself: whatever a float model may hold is understood, and the numbers are the float
// model's own. An interpreter would have to know every operation a second time.
//
// The pass is declared in the room Raise; it stands here because it runs compiled code.
//
//===----------------------------------------------------------------------===//
#include "fptq/IR/Fptq.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Raise/ComputedWeight.h"
#include "fptq/Raise/Passes.h"
#include "fptq/Support/Parameters.h"
#include "fptq/Target/Executable.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::fptq;

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFOLDWEIGHTSPASS
#include "fptq/Raise/Passes.h.inc"
} // namespace mlir::fptq

namespace {
/// A weight, what it is called and what was computed.
struct FoldedWeight {
  Value value;
  std::string name;
  DenseResourceElementsAttr constant;
};

/// A module with a function for each weight, called `entries`, and the globals they read.
struct Program {
  OwningOpRef<ModuleOp> module;
  SmallVector<std::string> entries;
};
} // namespace

/// The globals that `weights` read come first: they keep their names, by which files hold them.
static void copyGlobals(ArrayRef<ComputedWeight> weights, SymbolTable &symbols) {
  llvm::SmallPtrSet<Operation *, 8> known;
  for (const ComputedWeight &weight : weights)
    for (Operation *op : weight.ops)
      op->walk([&](ml_program::GlobalLoadConstOp load) {
        Operation *global = SymbolTable::lookupNearestSymbolFrom(load, load.getGlobalAttr());
        if (global && known.insert(global).second)
          symbols.insert(global->clone());
      });
}

static Program makeProgram(ModuleOp module, ArrayRef<ComputedWeight> weights) {
  Program program{ModuleOp::create(module.getLoc()), {}};
  if (Attribute files = module->getAttr(FptqDialect::kParametersAttr))
    program.module.get()->setAttr(FptqDialect::kParametersAttr, files);
  SymbolTable symbols(*program.module);
  copyGlobals(weights, symbols);
  for (const ComputedWeight &weight : weights) {
    auto type = FunctionType::get(module.getContext(), {}, weight.value.getType());
    auto function = func::FuncOp::create(weight.value.getLoc(), "weight", type);
    program.entries.push_back(symbols.insert(function).str());
    OpBuilder body = OpBuilder::atBlockBegin(function.addEntryBlock());
    IRMapping mapping;
    for (Operation *op : weight.ops)
      body.clone(*op, mapping);
    func::ReturnOp::create(body, function.getLoc(), mapping.lookup(weight.value));
  }
  return program;
}

/// An attempt: its first error goes to `error` and nothing to the user, nor do remarks about what runs as loops, which
/// nobody asks of code that runs once.
static FailureOr<std::unique_ptr<Executable>> compileQuietly(ModuleOp program, std::string &error) {
  ScopedDiagnosticHandler quiet(program.getContext(), [&](Diagnostic &diagnostic) {
    if (error.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
      error = diagnostic.str();
    return success();
  });
  CompileOptions options;
  options.threads = 1; // a few weights, once: not worth a runtime that may be missing
  return Executable::compile(program, options);
}

static remark::RemarkOpts remarkOptions() { return remark::RemarkOpts::name("FoldedWeight").category("Raise"); }

static void reportLeftAlone(const ComputedWeight &weight, StringRef reason) {
  remark::missed(weight.value.getLoc(), remarkOptions())
      << remark::add("weight '{0}' left to the model to compute", nameOf(weight))
      << remark::reason("{0}", reason.str());
}

/// What was computed as a constant: the same one for all functions (prefill, decode) that compute the same weight, so
/// that it is one layer and is stored once.
static DenseResourceElementsAttr constantOf(RankedTensorType type, StringRef name, ArrayRef<char> bytes,
                                            ArrayRef<FoldedWeight> before) {
  for (const FoldedWeight &other : before)
    if (other.name == name && other.constant.getType() == type &&
        other.constant.getRawHandle().getBlob()->getData() == bytes)
      return other.constant;
  auto blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64, /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(type, name.empty() ? "computed" : name, std::move(blob));
}

/// All in one program; where that fails by halves, so that one that cannot be compiled costs no other.
static void compute(ModuleOp module, ArrayRef<ComputedWeight> weights, SmallVectorImpl<FoldedWeight> &folded) {
  Program program = makeProgram(module, weights);
  std::string error;
  FailureOr<std::unique_ptr<Executable>> executable = compileQuietly(*program.module, error);
  if (failed(executable)) {
    if (weights.size() == 1)
      return reportLeftAlone(weights.front(), error);
    size_t half = weights.size() / 2;
    compute(module, weights.take_front(half), folded);
    return compute(module, weights.drop_front(half), folded);
  }
  for (auto [weight, entry] : llvm::zip_equal(weights, program.entries)) {
    auto results = (*executable)->call(*(*executable)->find(entry), {});
    if (!results) {
      reportLeftAlone(weight, llvm::toString(results.takeError()));
      continue;
    }
    auto type = cast<RankedTensorType>(weight.value.getType());
    ArrayRef<char> bytes(static_cast<const char *>(results->front().get().data),
                         type.getNumElements() * type.getElementTypeBitWidth() / 8);
    std::string name = nameOf(weight);
    folded.push_back({weight.value, name, constantOf(type, name, bytes, folded)});
  }
}

/// Puts the constants in place. One whose root is still read, by a layer of its own, leaves it the name.
static void replace(ModuleOp module, ArrayRef<FoldedWeight> folded) {
  llvm::DenseMap<Operation *, std::string> constants;
  for (const FoldedWeight &weight : folded) {
    OpBuilder b(weight.value.getDefiningOp());
    Operation *constant = arith::ConstantOp::create(b, weight.value.getLoc(), weight.constant);
    Value(weight.value).replaceAllUsesWith(constant->getResult(0));
    constants[constant] = weight.name;
  }
  eraseUnusedConstants(module); // some of `constants` too, where the product itself is unused
  SmallVector<Operation *> used;
  llvm::StringSet<> taken;
  module.walk([&](Operation *op) {
    if (constants.contains(op))
      used.push_back(op);
    else if (isConstantRoot(op))
      taken.insert(constantName(op->getResult(0)));
  });
  for (Operation *constant : used) {
    std::string root = constants.lookup(constant);
    std::string name = !root.empty() && taken.contains(root) ? root + ".computed" : root;
    constant->setAttr(FptqDialect::kNameAttr, StringAttr::get(module.getContext(), name)); // the key may be another one
    remark::passed(constant->getLoc(), remarkOptions()) << remark::add("weight '{0}' computed from constants", name);
  }
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
    SmallVector<ComputedWeight> weights;
    llvm::DenseSet<Value> known;
    getOperation().walk([&](linalg::LinalgOp op) {
      ComputedWeight weight = matchComputedWeight(op);
      if (!weight.ops.empty() && known.insert(weight.value).second)
        weights.push_back(std::move(weight));
    });
    if (weights.empty())
      return;
    if (failed(ParameterFiles::open(getOperation()))) // an error of its own, not a reason to leave each weight alone
      return signalPassFailure();
    SmallVector<FoldedWeight> folded;
    compute(getOperation(), weights, folded);
    replace(getOperation(), folded);
  }
};
} // namespace
