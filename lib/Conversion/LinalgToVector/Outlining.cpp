//===- Outlining.cpp - neighbouring ops as a function ---------------------===//
#include "Outlining.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::fptq;

bool mlir::fptq::isCopied(Operation *op) {
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

void mlir::fptq::copyForEachReader(Block &block) {
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

SmallVector<Value> mlir::fptq::readLater(ArrayRef<Operation *> ops) {
  llvm::SmallPtrSet<Operation *, 32> inside(ops.begin(), ops.end());
  Block *block = ops.front()->getBlock();
  SmallVector<Value> values;
  for (Operation *op : ops)
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) {
            Operation *reader = block->findAncestorOpInBlock(*user);
            return !inside.contains(reader) && !isCopied(reader);
          }))
        values.push_back(result);
  return values;
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

/// What the ops that move read of what stays: of `block`, its arguments, or from around it.
static SmallVector<Value> argumentsOf(const llvm::SetVector<Operation *> &moved, Block *block) {
  llvm::SetVector<Value> arguments;
  for (Operation *op : moved)
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        Operation *source = operand.getDefiningOp();
        Operation *owner = block->findAncestorOpInBlock(source ? *source : *operand.getParentBlock()->getParentOp());
        if (!owner || !moved.contains(owner))
          arguments.insert(operand);
      }
    });
  return arguments.takeVector();
}

void mlir::fptq::outline(ArrayRef<Operation *> ops, func::FuncOp parent, SymbolTable &symbols) {
  Block *block = ops.front()->getBlock();
  SmallVector<Value> results = readLater(ops);
  llvm::SetVector<Operation *> moved = withCopies(ops, block);
  SmallVector<Value> inputs = argumentsOf(moved, block);
  OpBuilder b(parent.getContext());
  auto type = b.getFunctionType(TypeRange(ValueRange(inputs)), TypeRange(ValueRange(results)));
  auto function = func::FuncOp::create(b, ops.front()->getLoc(), (parent.getName() + "_layer").str(), type);
  function.setPrivate();
  function->setAttr("no_inline", b.getUnitAttr());
  symbols.insert(function, Block::iterator(parent));
  Block *body = function.addEntryBlock();

  b.setInsertionPointAfter(ops.back());
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
