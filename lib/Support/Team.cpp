//===- Team.cpp - iterations shared among threads -------------------------===//
#include "fptq/Support/Team.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

static constexpr int64_t kCacheLine = 64;

/// The counter, alone on its cache line, at the start of the function: a loop must not grow the stack.
static Value counterOf(ImplicitLocOpBuilder &b) {
  OpBuilder::InsertionGuard guard(b);
  Operation *around = b.getInsertionBlock()->getParentOp();
  auto function = dyn_cast<FunctionOpInterface>(around);
  if (!function)
    function = around->getParentOfType<FunctionOpInterface>();
  b.setInsertionPointToStart(&function.getFunctionBody().front());
  Value bytes = arith::ConstantOp::create(b, b.getI64IntegerAttr(kCacheLine));
  return LLVM::AllocaOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), b.getI8Type(), bytes, kCacheLine);
}

// Not an omp.wsloop of dynamic schedule: what the runtime does for each loop of one takes 9 us on two threads of a Zen
// 4 with Debian's libomp, which formats the text of a debug message for it; this takes 0.8 us, fork and join included.
omp::ParallelOp mlir::fptq::buildTeam(ImplicitLocOpBuilder &b, Value count, Value chunk,
                                      function_ref<void(Value first, Value last)> piece) {
  Value counter = counterOf(b);
  LLVM::StoreOp::create(b, arith::ConstantOp::create(b, b.getI64IntegerAttr(0)), counter, /*alignment=*/8);
  omp::ParallelOperands operands;
  operands.ifExpr = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, chunk, count); // one piece needs no team
  auto parallel = omp::ParallelOp::create(b, operands);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&parallel.getRegion().emplaceBlock());
  auto loop = scf::WhileOp::create(b, TypeRange(b.getI64Type()), ValueRange());
  b.createBlock(&loop.getBefore());
  Value first = LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, counter, chunk, LLVM::AtomicOrdering::monotonic);
  Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, first, count);
  scf::ConditionOp::create(b, any, first);
  b.createBlock(&loop.getAfter(), {}, b.getI64Type(), b.getLoc());
  Value taken = loop.getAfterArguments().front(), end = arith::AddIOp::create(b, taken, chunk);
  piece(taken, arith::MinSIOp::create(b, end, count));
  scf::YieldOp::create(b);
  b.setInsertionPointAfter(loop);
  omp::TerminatorOp::create(b);
  return parallel;
}
