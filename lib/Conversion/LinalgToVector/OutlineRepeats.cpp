//===- OutlineRepeats.cpp - unrolled layers become functions --------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQOUTLINEREPEATSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqOutlineRepeatsPass : impl::FptqOutlineRepeatsPassBase<FptqOutlineRepeatsPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// `count` pieces of `period` ops, from op `start` on.
struct Repeat {
  size_t start = 0, period = 0, count = 0;
};
} // namespace

/// Ops that every piece gets a copy of: scalars and splats, empty tensors, and what those are filled with.
static bool isCopied(Operation *op) {
  if (isa<tensor::EmptyOp>(op))
    return true;
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return llvm::all_of(fill->getOperands(), [](Value v) { return v.getDefiningOp() && isCopied(v.getDefiningOp()); });
  Attribute value;
  if (!matchPattern(op, m_Constant(&value)))
    return false;
  auto elements = dyn_cast<ElementsAttr>(value);
  return !elements || elements.isSplat();
}

/// Gives each reader its own copy of such ops, so that none of them ties two layers together.
static void copyForEachReader(Block &block) {
  SmallVector<Operation *> copied;
  for (Operation &op : block)
    if (isCopied(&op))
      copied.push_back(&op);
  for (Operation *op : llvm::reverse(copied)) { // readers before what they read: a fill is copied with its operands
    DenseMap<Operation *, Value> copies;
    for (OpOperand &use : llvm::make_early_inc_range(op->getUses())) {
      Operation *reader = block.findAncestorOpInBlock(*use.getOwner());
      Value &copy = copies[reader];
      if (!copy)
        copy = OpBuilder(reader).clone(*op)->getResult(0);
      use.set(copy);
    }
    op->erase();
  }
}

/// What an op looks like, operands left out: whether pieces are equal is for fptq-merge-functions to prove.
static size_t signatureOf(Operation *op) {
  size_t hash = llvm::hash_combine(op->getName(), op->getNumOperands());
  for (Type type : llvm::concat<Type>(op->getOperandTypes(), op->getResultTypes()))
    hash = llvm::hash_combine(hash, type);
  for (Region &region : op->getRegions())
    region.walk([&](Operation *inner) { hash = llvm::hash_combine(hash, inner->getName()); });
  return hash;
}

/// The longest run of equal neighbouring pieces; `run` ops from its start on it may be cut anywhere.
static Repeat findRepeat(ArrayRef<size_t> signatures, size_t minimum, size_t &run) {
  Repeat best;
  size_t n = signatures.size();
  for (size_t period = minimum; period <= n / 2; ++period) {
    size_t equal = 0;
    for (size_t i = 0; i + period <= n; ++i) {
      if (i + period < n && signatures[i] == signatures[i + period]) {
        ++equal;
        continue;
      }
      if (equal / period * period > best.period * (best.count ? best.count - 1 : 0)) {
        best = {i - equal, period, equal / period + 1};
        run = equal + period;
      }
      equal = 0;
    }
  }
  return best;
}

/// Values that ops [first, last) define and ops from `last` on read.
static SmallVector<Value> readLater(ArrayRef<Operation *> ops, size_t first, size_t last) {
  llvm::SmallPtrSet<Operation *, 32> inside(ops.begin() + first, ops.begin() + last);
  Block *block = ops.front()->getBlock();
  SmallVector<Value> values;
  for (Operation *op : ops.slice(first, last - first))
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) {
            Operation *reader = block->findAncestorOpInBlock(*user);
            return !inside.contains(reader) && !isCopied(reader);
          }))
        values.push_back(result);
  return values;
}

/// Shifts the cut to where the fewest values cross it: between layers that is the residual stream.
static Repeat chooseCut(ArrayRef<Operation *> ops, Repeat repeat, size_t run) {
  size_t fewest = std::numeric_limits<size_t>::max();
  Repeat best = repeat;
  for (size_t shift = 0; shift < repeat.period; ++shift) {
    size_t start = repeat.start + shift, count = (run - shift) / repeat.period;
    if (count < 2)
      continue;
    size_t crossing = readLater(ops, start, start + repeat.period).size();
    if (crossing < fewest || (crossing == fewest && count > best.count)) {
      fewest = crossing;
      best = {start, repeat.period, count};
    }
  }
  return best;
}

/// `ops` of `block` and the copied ops that they read, which stand right before their readers and go with them.
static llvm::SetVector<Operation *> withCopies(ArrayRef<Operation *> ops, Block *block) {
  llvm::SetVector<Operation *> moved;
  auto add = [&](auto &&self, Operation *op) -> void {
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (Operation *source = operand.getDefiningOp(); source && source->getBlock() == block && isCopied(source))
          self(self, source);
    });
    moved.insert(op);
  };
  for (Operation *op : ops)
    add(add, op);
  return moved;
}

/// What the ops that move read of `block`, which stays.
static SmallVector<Value> argumentsOf(const llvm::SetVector<Operation *> &moved, Block *block) {
  llvm::SetVector<Value> arguments;
  for (Operation *op : moved)
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        Operation *source = operand.getDefiningOp();
        bool outside = source ? source->getBlock() == block && !moved.contains(source)
                              : cast<BlockArgument>(operand).getOwner() == block;
        if (outside)
          arguments.insert(operand);
      }
    });
  return arguments.takeVector();
}

/// Moves ops [first, last) into a private function and calls it.
static void outline(ArrayRef<Operation *> ops, size_t first, size_t last, func::FuncOp parent, SymbolTable &symbols) {
  Block *block = ops.front()->getBlock();
  SmallVector<Value> results = readLater(ops, first, last);
  llvm::SetVector<Operation *> moved = withCopies(ops.slice(first, last - first), block);
  SmallVector<Value> inputs = argumentsOf(moved, block);
  OpBuilder b(parent.getContext());
  auto type = b.getFunctionType(TypeRange(ValueRange(inputs)), TypeRange(ValueRange(results)));
  auto function = func::FuncOp::create(b, ops[first]->getLoc(), (parent.getName() + "_layer").str(), type);
  function.setPrivate();
  function->setAttr("no_inline", b.getUnitAttr());
  symbols.insert(function, Block::iterator(parent));
  Block *body = function.addEntryBlock();

  b.setInsertionPointAfter(ops[last - 1]);
  auto call = func::CallOp::create(b, function.getLoc(), function, inputs);
  for (auto [result, outer] : llvm::zip(results, call.getResults()))
    result.replaceUsesWithIf(
        outer, [&](OpOperand &use) { return !moved.contains(block->findAncestorOpInBlock(*use.getOwner())); });
  for (Operation *op : moved)
    op->moveBefore(body, body->end());
  for (auto [value, argument] : llvm::zip(inputs, body->getArguments()))
    value.replaceUsesWithIf(argument, [&](OpOperand &use) { return function->isAncestor(use.getOwner()); });
  b.setInsertionPointToEnd(body);
  func::ReturnOp::create(b, function.getLoc(), results);
}

void FptqOutlineRepeatsPass::runOnOperation() {
  SymbolTable symbols(getOperation());
  for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
    if (function.isExternal() || !function.getBody().hasOneBlock())
      continue;
    Block &block = function.getBody().front();
    auto listed = [](Operation &op) { return !isCopied(&op) && !op.hasTrait<OpTrait::ConstantLike>(); };
    // Too short to hold two pieces: leave the function alone.
    if ((size_t)llvm::count_if(block, listed) <= 2 * minimum)
      continue;
    copyForEachReader(block);
    SmallVector<Operation *> ops;
    for (Operation &op : block.without_terminator())
      if (listed(op))
        ops.push_back(&op);
    size_t run = 0;
    Repeat repeat = findRepeat(llvm::map_to_vector(ops, signatureOf), minimum, run);
    if (repeat.count < 2)
      continue;
    repeat = chooseCut(ops, repeat, run);
    remark::passed(function.getLoc(), remark::RemarkOpts::name("LayersOutlined").category("LinalgToVector"))
        << remark::metric("function", function.getName()) << remark::metric("layers", repeat.count)
        << remark::metric("ops", repeat.period);
    for (size_t i = 0; i < repeat.count; ++i)
      outline(ops, repeat.start + i * repeat.period, repeat.start + (i + 1) * repeat.period, function, symbols);
  }
}
} // namespace mlir::fptq
