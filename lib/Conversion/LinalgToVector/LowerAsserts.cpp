//===- LowerAsserts.cpp - assertions of the model, to standard error ------===//
// Upstream's lowering prints with puts and aborts: where standard output is a pipe, the message is lost with its
// buffer.
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/Support/GlobalString.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERASSERTSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerAssertsPass : impl::FptqLowerAssertsPassBase<FptqLowerAssertsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

static FileLineColLoc lineOf(Location loc) {
  FileLineColLoc line;
  loc->walk([&](Location inner) {
    line = dyn_cast<FileLineColLoc>(inner);
    return line ? WalkResult::interrupt() : WalkResult::advance();
  });
  return line;
}

void FptqLowerAssertsPass::runOnOperation() {
  SmallVector<cf::AssertOp> ops;
  getOperation().walk([&](cf::AssertOp op) {
    if (op->getParentOfType<FunctionOpInterface>()) // others nobody runs
      ops.push_back(op);
  });
  if (ops.empty())
    return;
  IRRewriter b(&getContext());
  auto pointer = LLVM::LLVMPointerType::get(&getContext());
  // Of libc's assert, in every Linux: it knows the program's name, flushes what was printed, and aborts.
  FailureOr<LLVM::LLVMFuncOp> fail =
      LLVM::lookupOrCreateFn(b, getOperation(), "__assert_fail", {pointer, pointer, b.getI32Type(), pointer},
                             LLVM::LLVMVoidType::get(&getContext()));
  if (failed(fail))
    return signalPassFailure();
  for (cf::AssertOp op : ops) {
    Location loc = op.getLoc();
    FileLineColLoc line = lineOf(loc);
    auto function = op->getParentOfType<FunctionOpInterface>();
    Block *block = op->getBlock(), *rest = b.splitBlock(block, std::next(op->getIterator()));
    Block *failure = b.createBlock(block->getParent(), block->getParent()->end());
    Value number = LLVM::ConstantOp::create(b, loc, b.getI32Type(), line ? line.getLine() : 0);
    auto text = [&](StringRef value) { return globalString(b, loc, getOperation(), value); };
    LLVM::CallOp::create(b, loc, *fail,
                         ValueRange{text(op.getMsg()), text(line ? line.getFilename().getValue() : "model"), number,
                                    text(function.getName())});
    LLVM::UnreachableOp::create(b, loc);
    b.setInsertionPoint(op);
    cf::CondBranchOp::create(b, loc, op.getArg(), rest, failure);
    b.eraseOp(op);
  }
}
} // namespace mlir::fptq
