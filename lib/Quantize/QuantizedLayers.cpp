//===- QuantizedLayers.cpp - what the quantize stage has to do ------------===//
#include "QuantizedLayers.h"
#include "StoredWeights.h"
#include "fptq/IR/Limits.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::fptq;

//===----------------------------------------------------------------------===//
// One use
//===----------------------------------------------------------------------===//

/// Everything the stage may assume of a weight that is to be quantized (docs/Architecture.md).
static LogicalResult checkWeight(LayerOpInterface use) {
  Value weight = use.getFloatWeight();
  int64_t k = use.getWeightColumns(), padded = summedChannels(k, use.getSchemeAttr().groupSizeFor(k));
  if (padded > kMaxInputChannels) { // before its weight is evaluated, which takes memory
    InFlightDiagnostic diag = use->emitOpError() << "(QM5) has " << k << " input channels";
    if (padded != k)
      diag << " (" << padded << " with the last group's padding)";
    return diag << ", which could overflow int32, at most " << kMaxInputChannels << " (layer '" << use.getLayer()
                << "')";
  }
  if (!isConstantChain(weight))
    return use->emitOpError() << "has a weight that is no constant (layer '" << use.getLayer() << "')";
  bool canKeepCodes = isa<LinearOp>(use) && weight.getDefiningOp<DequantizeOp>();
  if (use.getSchemeAttr().getMethod() == WeightMethod::Stored && !canKeepCodes)
    return use->emitOpError() << "is to keep its codes, but its weight came with none (layer '" << use.getLayer()
                              << "')";
  return success();
}

static LogicalResult checkDecided(LinearOp op) {
  if (!op.getPolicyAttr())
    return op.emitOpError() << "has no policy (layer '" << op.getLayer() << "'): run fptq-choose-policy first";
  PolicyKind kind = op.getPolicyAttr().getKind();
  if (kind == PolicyKind::Float)
    return success();
  if (!op.getSchemeAttr())
    return op.emitOpError() << "has no scheme (layer '" << op.getLayer() << "')";
  if (kind != PolicyKind::PerToken && !op.getRangeAttr())
    return op.emitOpError() << "has no profiled range for its " << stringifyEnum(kind) << " policy (layer '"
                            << op.getLayer() << "')";
  return success();
}

/// Whether the weight of `layer` is to be quantized: it is still float, and not to stay so.
static FailureOr<bool> wantsQuantized(LayerOpInterface layer) {
  if (!layer.getFloatWeight())
    return false;
  bool wants = bool(layer.getSchemeAttr());
  if (auto linear = dyn_cast<LinearOp>(*layer)) {
    if (failed(checkDecided(linear)))
      return failure();
    wants = linear.getPolicyAttr().getKind() != PolicyKind::Float;
  }
  if (wants && failed(checkWeight(layer)))
    return failure();
  return wants;
}

/// Two uses of one name must mean one weight.
static LogicalResult checkSameLayer(LayerOpInterface first, LayerOpInterface other) {
  Value weight = first.getFloatWeight(), otherWeight = other.getFloatWeight();
  if (first->getName() == other->getName() && weight.getType() == otherWeight.getType() &&
      first.getSchemeAttr() == other.getSchemeAttr() && constantIdentity(weight) == constantIdentity(otherWeight))
    return success();
  InFlightDiagnostic diag = other->emitOpError()
                            << "has another weight or scheme than an earlier call (layer '" << other.getLayer() << "')";
  diag.attachNote(first->getLoc()) << "earlier call";
  return diag;
}

//===----------------------------------------------------------------------===//
// Tied tables
//===----------------------------------------------------------------------===//

/// True where two weights are one constant as they stand. Front ends may write a tied table twice, so contents count.
static bool sameConstant(Value a, Value b) {
  if (a == b)
    return true;
  if (a.getType() != b.getType())
    return false;
  auto load = a.getDefiningOp<ml_program::GlobalLoadConstOp>(),
       other = b.getDefiningOp<ml_program::GlobalLoadConstOp>();
  if (load && other)
    return load.getGlobalAttr() == other.getGlobalAttr();
  Attribute constant, otherConstant;
  if (!matchPattern(a, m_Constant(&constant)) || !matchPattern(b, m_Constant(&otherConstant)))
    return false;
  ArrayRef<char> bytes = resourceBytes(constant);
  return constant == otherConstant || (!bytes.empty() && bytes == resourceBytes(otherConstant));
}

/// A lookup reads the codes of a linear over the very same numbers, where both have one scheme. An equalized linear's
/// weight is another one: its columns are scaled.
static void shareTable(QuantizedLayer &lookup, QuantizedLayers &layers) {
  LayerOpInterface table = lookup.uses.front();
  auto options = remark::RemarkOpts::name("TiedTable").category("Quantize");
  for (auto &[name, layer] : layers) {
    LayerOpInterface use = layer.uses.front();
    if (!isa<LinearOp>(use) || layer.stored)
      continue;
    bool sameScheme = use.getSchemeAttr() == table.getSchemeAttr();
    if (sameScheme && sameConstant(use.getFloatWeight(), table.getFloatWeight())) {
      lookup.sharedWith = name;
      remark::passed(table->getLoc(), options)
          << remark::add("layer '{0}' reads the codes of '{1}'", table.getLayer().str(), name.str());
      return;
    }
    if ((name + ".lookup").str() == table.getLayer())
      remark::missed(table->getLoc(), options)
          << remark::add("layer '{0}' has codes of its own", table.getLayer().str())
          << remark::reason("those of '{0}' are {1}", name.str(),
                            sameScheme ? "of an equalized weight" : "of another scheme");
  }
}

//===----------------------------------------------------------------------===//
// All uses
//===----------------------------------------------------------------------===//

FailureOr<QuantizedLayers> mlir::fptq::collectLayers(ModuleOp module, bool halfScales) {
  QuantizedLayers layers;
  WalkResult walked = module.walk([&](LayerOpInterface use) -> WalkResult {
    FailureOr<bool> wanted = wantsQuantized(use);
    if (failed(wanted))
      return WalkResult::interrupt();
    if (!*wanted)
      return WalkResult::advance();
    QuantizedLayer &layer = layers[use.getLayer()];
    if (!layer.uses.empty() && failed(checkSameLayer(layer.uses.front(), use)))
      return WalkResult::interrupt();
    layer.uses.push_back(use);
    SchemeAttr scheme = use.getSchemeAttr();
    layer.stored = scheme.getMethod() == WeightMethod::Stored;
    if (layer.uses.size() == 1)
      layer.plan = {use.getLayer().str(), layer.stored
                                              ? storedOperands(cast<LinearOp>(*use))
                                              : weightOperands(module.getContext(), scheme, use.getWeightRows(),
                                                               use.getWeightColumns(), halfScales)};
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  for (auto &[name, layer] : layers)
    if (isa<LookupOp>(layer.uses.front()))
      shareTable(layer, layers);
  return layers;
}

SmallVector<ml_program::GlobalOp> mlir::fptq::globalsInUse(ModuleOp module, const QuantizedLayers &layers) {
  llvm::DenseMap<Operation *, Value> weights;
  for (const auto &[name, layer] : layers)
    for (LayerOpInterface use : layer.uses)
      weights[use] = use.getFloatWeight();
  // A load is dead with its chain if all that it reaches ends in such a weight.
  std::function<bool(Value)> onlyWeights = [&](Value value) {
    return llvm::all_of(value.getUses(), [&](OpOperand &use) {
      Operation *user = use.getOwner();
      if (keepsOperands(user))
        return false;
      if (auto weight = weights.find(user); weight != weights.end())
        return weight->second == value;
      return user->getNumResults() == 1 && isMemoryEffectFree(user) && isConstantChain(user->getResult(0)) &&
             onlyWeights(user->getResult(0));
    });
  };
  llvm::SetVector<ml_program::GlobalOp> kept;
  module.walk([&](ml_program::GlobalLoadConstOp load) {
    auto global = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(load, load.getGlobalAttr());
    if (isa_and_nonnull<ml_program::ExternAttr>(global.getValueAttr()) && !onlyWeights(load.getResult()))
      kept.insert(global);
  });
  return kept.takeVector();
}
