//===- MergeFunctions.cpp - equal layers are compiled once ----------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/IR/Fptq.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQMERGEFUNCTIONSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqMergeFunctionsPass : impl::FptqMergeFunctionsPassBase<FptqMergeFunctionsPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// Constants of one function and what stands in their place in an equal one.
using ConstantPairs = llvm::MapVector<arith::ConstantOp, arith::ConstantOp>;

/// Functions that differ in constants only; the first one stays.
struct Family {
  func::FuncOp kept;
  SmallVector<std::pair<func::FuncOp, ConstantPairs>> others;
};

/// Who calls what, found once for all functions: experts are thousands.
class Calls {
public:
  explicit Calls(ModuleOp module);
  /// Private, with one block, and only ever called directly.
  bool isMergeable(func::FuncOp function) const;
  ArrayRef<func::CallOp> of(func::FuncOp function) { return calls[function.getSymNameAttr()]; }
  /// All calls of `from` become `to`'s.
  void redirect(func::FuncOp from, func::FuncOp to);

private:
  llvm::DenseMap<StringAttr, SmallVector<func::CallOp>> calls;
  llvm::DenseSet<StringAttr> usedOtherwise;
  bool isKnown = false; ///< false where an operation of unknown kind may use any
};
} // namespace

Calls::Calls(ModuleOp module) {
  auto uses = SymbolTable::getSymbolUses(&module.getBodyRegion());
  isKnown = uses.has_value();
  if (!isKnown)
    return;
  for (SymbolTable::SymbolUse use : *uses) {
    StringAttr name = use.getSymbolRef().getRootReference();
    if (auto call = dyn_cast<func::CallOp>(use.getUser()))
      calls[name].push_back(call);
    else
      usedOtherwise.insert(name);
  }
}

bool Calls::isMergeable(func::FuncOp function) const {
  return isKnown && function.isPrivate() && !function.isExternal() && function.getBody().hasOneBlock() &&
         !usedOtherwise.contains(function.getSymNameAttr());
}

void Calls::redirect(func::FuncOp from, func::FuncOp to) {
  SmallVector<func::CallOp> moved = std::move(calls[from.getSymNameAttr()]);
  for (func::CallOp call : moved)
    call.setCalleeAttr(FlatSymbolRefAttr::get(to));
  llvm::append_range(calls[to.getSymNameAttr()], moved);
}

/// Constants that may become arguments: tensors and scales of static activations. Other scalars fold, and a difference
/// in one is a difference.
static bool isWeight(Value value) {
  if (!value.getDefiningOp<arith::ConstantOp>())
    return false;
  if (auto type = dyn_cast<RankedTensorType>(value.getType()))
    return type.getRank() > 0;
  return llvm::all_of(value.getUsers(), llvm::IsaPred<QuantizeActivationsOp>);
}

/// The constants by which `b` differs from `a`, if they differ in nothing else.
static std::optional<ConstantPairs> compare(func::FuncOp a, func::FuncOp b) {
  ConstantPairs pairs;
  DenseMap<Value, Value> known;
  for (auto [x, y] : llvm::zip_equal(a.getArguments(), b.getArguments()))
    known[x] = y;
  // Where constants stand says nothing: they are compared where they are used.
  auto equal = [&](Value x, Value y) -> LogicalResult {
    if (auto it = known.find(x); it != known.end())
      return success(it->second == y);
    auto cx = x.getDefiningOp<arith::ConstantOp>(), cy = y.getDefiningOp<arith::ConstantOp>();
    if (!cx || !cy || x.getType() != y.getType() || isWeight(x) != isWeight(y))
      return failure();
    if (isWeight(x))
      pairs.insert({cx, cy});
    else if (cx.getValue() != cy.getValue())
      return failure();
    known[x] = y;
    return success();
  };
  auto mark = [&](Value x, Value y) { known[x] = y; };
  auto isConstant = [](Operation &op) { return isa<arith::ConstantOp>(op); };
  auto left = llvm::make_filter_range(a.getBody().front(), std::not_fn(isConstant));
  auto right = llvm::make_filter_range(b.getBody().front(), std::not_fn(isConstant));
  auto i = left.begin(), j = right.begin();
  for (; i != left.end() && j != right.end(); ++i, ++j)
    if (!OperationEquivalence::isEquivalentTo(&*i, &*j, equal, mark, OperationEquivalence::IgnoreLocations))
      return std::nullopt;
  if (i != left.end() || j != right.end())
    return std::nullopt;
  return pairs;
}

/// "model.layers.3.mlp.up_proj" to "model.layers.*.mlp.up_proj": the name of a layer that stands for several.
static StringAttr withoutNumbers(StringAttr name) {
  std::string text;
  for (char c : name.getValue())
    if (!llvm::isDigit(c))
      text += c;
    else if (text.empty() || text.back() != '*')
      text += '*';
  return StringAttr::get(name.getContext(), text);
}

/// Takes away what is for messages only from here on: the number in a layer's name, why it has its policy, its error.
static SmallVector<DictionaryAttr> takeNotes(func::FuncOp function) {
  SmallVector<DictionaryAttr> notes;
  function.walk([&](PackedMatmulOp op) {
    notes.push_back(op->getAttrDictionary());
    op->setDiscardableAttrs(ArrayRef<NamedAttribute>());
    op.setLayerAttr(withoutNumbers(op.getLayerAttr()));
  });
  return notes;
}

static void giveNotes(func::FuncOp function, ArrayRef<DictionaryAttr> notes) {
  size_t i = 0;
  function.walk([&](PackedMatmulOp op) { op->setAttrs(notes[i++]); });
}

/// All that two functions must share before their bodies are worth comparing.
static DictionaryAttr frameOf(func::FuncOp function) {
  NamedAttrList attributes(function->getAttrDictionary());
  attributes.erase(SymbolTable::getSymbolAttrName());
  return attributes.getDictionary(function.getContext());
}

/// Makes the constants that differ arguments of the kept function, and calls it everywhere. Nobody calls the others
/// then.
static void merge(Family &family, Calls &calls) {
  func::FuncOp kept = family.kept;
  llvm::MapVector<arith::ConstantOp, unsigned> arguments;
  for (auto &[other, pairs] : family.others)
    for (auto [mine, theirs] : pairs)
      if (mine.getValue() != theirs.getValue() && !arguments.contains(mine)) {
        unsigned at = kept.getNumArguments();
        (void)kept.insertArgument(at, mine.getType(), DictionaryAttr(), mine.getLoc());
        arguments[mine] = at;
      }
  auto pass = [&](func::FuncOp function, llvm::function_ref<arith::ConstantOp(arith::ConstantOp)> theirs) {
    for (func::CallOp call : calls.of(function)) {
      OpBuilder b(call);
      for (auto [mine, at] : arguments)
        call.getOperandsMutable().append(b.clone(*theirs(mine))->getResult(0));
    }
  };
  // The kept one first: afterwards the others' calls are its own too.
  pass(kept, [](arith::ConstantOp mine) { return mine; });
  for (auto &[other, pairs] : family.others) {
    pass(other, [&pairs = pairs](arith::ConstantOp mine) { return pairs.lookup(mine); });
    calls.redirect(other, kept);
  }
  for (auto [mine, at] : arguments) {
    mine.replaceAllUsesWith(Value(kept.getArgument(at)));
    mine.erase();
  }
}

void FptqMergeFunctionsPass::runOnOperation() {
  ModuleOp module = getOperation();
  Calls calls(module);
  SmallVector<func::FuncOp> uncalled; // erased last: they hold calls themselves
  llvm::MapVector<DictionaryAttr, SmallVector<func::FuncOp>> frames;
  for (auto function : module.getOps<func::FuncOp>())
    if (calls.isMergeable(function))
      frames[frameOf(function)].push_back(function);
  for (auto &[frame, functions] : frames) {
    SmallVector<Family> families;
    DenseMap<Operation *, SmallVector<DictionaryAttr>> notes;
    for (func::FuncOp function : functions) {
      notes[function] = takeNotes(function);
      bool found = false;
      for (Family &family : families)
        if (std::optional<ConstantPairs> pairs = compare(family.kept, function)) {
          family.others.push_back({function, std::move(*pairs)});
          found = true;
          break;
        }
      if (!found)
        families.push_back({function, {}});
    }
    for (Family &family : families) {
      if (family.others.empty()) {
        giveNotes(family.kept, notes[family.kept]);
        continue;
      }
      remark::passed(family.kept.getLoc(), remark::RemarkOpts::name("FunctionsMerged").category("LinalgToVector"))
          << remark::metric("function", family.kept.getName()) << remark::metric("functions", family.others.size() + 1);
      merge(family, calls);
      llvm::append_range(uncalled, llvm::make_first_range(family.others));
    }
  }
  for (func::FuncOp function : uncalled)
    function.erase();
}
} // namespace mlir::fptq
