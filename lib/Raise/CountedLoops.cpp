//===- CountedLoops.cpp - while loops that count --------------------------===//
// Upstream's uplift of scf.while to scf.for knows one form of a counter, and gives its last value in the body for the
// one behind the loop (docs/UpstreamIssues.md). Here the trips are counted by going round with what is constant,
// whatever the form: jax counts twice in one loop, backwards, and with what it carries itself.
#include "CountedLoops.h"
#include "ScalarTensors.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::fptq;

/// More trips are no layers, nor few enough to count.
static constexpr int64_t kMaxTrips = 65536;

namespace {
/// What is constant in one trip.
class Constants {
public:
  void set(Value value, Attribute constant) { known[value] = constant; }

  /// Null if `value` is not constant.
  Attribute get(Value value) {
    auto [it, isNew] = known.try_emplace(value);
    if (isNew) {
      Attribute constant = compute(value);
      known[value] = constant;
      return constant;
    }
    return it->second;
  }

private:
  Attribute compute(Value value) {
    Attribute constant;
    if (matchPattern(value, m_Constant(&constant)))
      return constant;
    Operation *op = value.getDefiningOp();
    if (!op || op->getNumResults() != 1 || op->getNumRegions() || !value.getType().isIntOrIndex())
      return {};
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands())
      operands.push_back(get(operand));
    // A copy, since folding may change an operation in place.
    Operation *copy = op->clone();
    SmallVector<OpFoldResult> folded;
    if (succeeded(copy->fold(operands, folded)) && folded.size() == 1) {
      constant = dyn_cast<Attribute>(folded[0]);
      if (auto same = dyn_cast<Value>(folded[0]))
        constant = get(same);
    }
    copy->destroy();
    return constant;
  }

  llvm::DenseMap<Value, Attribute> known;
};
} // namespace

static SmallVector<Attribute> constantsOf(Constants &constants, ValueRange values) {
  return llvm::map_to_vector(values, [&](Value value) { return constants.get(value); });
}

static void setAll(Constants &constants, ValueRange values, ArrayRef<Attribute> known) {
  for (auto [value, constant] : llvm::zip_equal(values, known))
    if (constant && value.getType().isIntOrIndex())
      constants.set(value, constant);
}

static std::optional<int64_t> tripsOf(scf::WhileOp loop) {
  Constants outside;
  SmallVector<Attribute> carried = constantsOf(outside, loop.getInits());
  for (int64_t trip = 0; trip <= kMaxTrips; ++trip) {
    Constants inside;
    setAll(inside, loop.getBeforeArguments(), carried);
    auto holds = dyn_cast_if_present<IntegerAttr>(inside.get(loop.getConditionOp().getCondition()));
    if (!holds)
      return std::nullopt;
    if (holds.getValue().isZero())
      return trip;
    setAll(inside, loop.getAfterArguments(), constantsOf(inside, loop.getConditionOp().getArgs()));
    carried = constantsOf(inside, loop.getYieldOp().getOperands());
  }
  return std::nullopt;
}

/// `block`'s operations for these arguments; what its terminator passes on as `results`.
static SmallVector<Value> copyBlock(OpBuilder &b, Block &block, ValueRange arguments, ValueRange results) {
  IRMapping values;
  values.map(block.getArguments(), arguments);
  for (Operation &op : block.without_terminator())
    b.clone(op, values);
  return llvm::map_to_vector(results, [&](Value value) { return values.lookupOrDefault(value); });
}

/// Constants to where they hold for the loop and what comes behind.
static void hoistConstants(RewriterBase &rewriter, scf::WhileOp loop) {
  SmallVector<Operation *> constants;
  loop->walk([&](arith::ConstantOp constant) { constants.push_back(constant); });
  for (Operation *constant : constants)
    rewriter.moveOpBefore(constant, loop);
}

scf::ForOp mlir::fptq::countTrips(RewriterBase &rewriter, scf::WhileOp loop) {
  for (Region &region : loop->getRegions())
    scalarizeTensors(rewriter, region, [](Type type) { return type.isIntOrIndex(); });
  loop = carryNumbers(rewriter, loop);
  hoistConstants(rewriter, loop);
  std::optional<int64_t> trips = tripsOf(loop);
  if (!trips)
    return {};
  // Each trip asks and does, and in the end it is asked once more; what asking passes on is what the loop results in.
  auto ask = [&](OpBuilder &b, ValueRange carried) {
    return copyBlock(b, *loop.getBeforeBody(), carried, loop.getConditionOp().getArgs());
  };
  rewriter.setInsertionPoint(loop);
  Location loc = loop.getLoc();
  auto bound = [&](int64_t value) { return arith::ConstantIndexOp::create(rewriter, loc, value); };
  auto counted = scf::ForOp::create(rewriter, loc, bound(0), bound(*trips), bound(1), loop.getInits(),
                                    [&](OpBuilder &b, Location loc, Value, ValueRange carried) {
                                      SmallVector<Value> next = copyBlock(b, *loop.getAfterBody(), ask(b, carried),
                                                                          loop.getYieldOp().getOperands());
                                      scf::YieldOp::create(b, loc, next);
                                    });
  rewriter.replaceOp(loop, ask(rewriter, counted.getResults()));
  return counted;
}
