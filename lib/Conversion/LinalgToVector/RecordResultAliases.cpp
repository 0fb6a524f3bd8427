//===- RecordResultAliases.cpp - which results are arguments --------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQRECORDRESULTALIASESPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqRecordResultAliasesPass : impl::FptqRecordResultAliasesPassBase<FptqRecordResultAliasesPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// Argument number that `result` is, or -1.
static int64_t aliasOf(Value result) {
  auto argument = dyn_cast<BlockArgument>(result);
  if (!argument || !isa<MemRefType>(argument.getType()))
    return -1;
  return argument.getArgNumber();
}

static void recordAndDrop(func::FuncOp function) {
  Operation *terminator = function.getBody().front().getTerminator();
  SmallVector<int64_t> aliases = llvm::map_to_vector(terminator->getOperands(), aliasOf);
  function->setAttr("fptq.result_aliases", DenseI64ArrayAttr::get(function.getContext(), aliases));
  llvm::BitVector dropped(aliases.size());
  for (auto [i, alias] : llvm::enumerate(aliases))
    if (alias >= 0)
      dropped.set(i);
  terminator->eraseOperands(dropped);
  (void)function.eraseResults(dropped);
}

void FptqRecordResultAliasesPass::runOnOperation() {
  for (auto function : getOperation().getOps<func::FuncOp>())
    // A public function that is also called keeps its results: its callers use them.
    if (function.isPublic() && !function.isExternal() && function.getBody().hasOneBlock() &&
        SymbolTable::symbolKnownUseEmpty(function, getOperation()))
      recordAndDrop(function);
}
} // namespace mlir::fptq
