//===- Team.cpp - iterations shared among threads -------------------------===//
#include "fptq/Support/Team.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

static constexpr int64_t kCacheLine = 64;
/// Counters; threads beyond so many share one.
static constexpr int64_t kCounters = 16;

/// Counters at zero, each alone on its cache line, at the start of the function: a loop must not grow the stack.
static Value counters(ImplicitLocOpBuilder &b) {
  OpBuilder::InsertionGuard guard(b);
  Operation *around = b.getInsertionBlock()->getParentOp();
  auto function = dyn_cast<FunctionOpInterface>(around);
  if (!function)
    function = around->getParentOfType<FunctionOpInterface>();
  b.setInsertionPointToStart(&function.getFunctionBody().front());
  Value bytes = arith::ConstantOp::create(b, b.getI64IntegerAttr(kCounters * kCacheLine));
  return LLVM::AllocaOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), b.getI8Type(), bytes, kCacheLine);
}

namespace {
/// Arithmetic on i64.
struct Numbers {
  ImplicitLocOpBuilder &b;
  Value num(int64_t n) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(n)); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, x, y); }
  Value div(Value x, Value y) { return arith::DivUIOp::create(b, x, y); }
  Value rem(Value x, Value y) { return arith::RemUIOp::create(b, x, y); }
  Value min(Value x, Value y) { return arith::MinUIOp::create(b, x, y); }
  Value max(Value x, Value y) { return arith::MaxUIOp::create(b, x, y); }
  Value less(Value x, Value y) { return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, y); }
  Value counter(Value all, Value index) {
    return LLVM::GEPOp::create(b, all.getType(), b.getI8Type(), all, mul(index, num(kCacheLine)));
  }
  /// What a function of OpenMP's runtime says of the team around it.
  Value ask(StringRef name);
};
} // namespace

Value Numbers::ask(StringRef name) {
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  if (!function) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    function = LLVM::LLVMFuncOp::create(b, name, LLVM::LLVMFunctionType::get(b.getI32Type(), {}));
  }
  Value answer = LLVM::CallOp::create(b, function, ValueRange()).getResult();
  return arith::ExtUIOp::create(b, b.getI64Type(), answer);
}

/// Takes pieces of `unit`s from [begin, end), of which `counter` are taken, until none is left.
static void takePieces(Numbers n, Value counter, Value begin, Value end, Value unit,
                       function_ref<void(Value first, Value last)> piece) {
  ImplicitLocOpBuilder &b = n.b;
  constexpr auto relaxed = LLVM::AtomicOrdering::monotonic; // what pieces write is ordered by the team's end
  Type i64 = b.getI64Type();
  auto taken = [&] {
    return LLVM::LoadOp::create(b, i64, counter, 8, false, false, false, false, relaxed).getResult();
  };
  Value length = n.sub(end, begin);
  auto loop = scf::WhileOp::create(b, TypeRange(i64), ValueRange(taken()));
  OpBuilder::InsertionGuard guard(b);
  Value seen = b.createBlock(&loop.getBefore(), {}, i64, b.getLoc())->getArgument(0);
  scf::ConditionOp::create(b, n.less(seen, length), seen);
  seen = b.createBlock(&loop.getAfter(), {}, i64, b.getLoc())->getArgument(0);
  Value half = n.mul(n.div(n.sub(length, seen), n.mul(unit, n.num(2))), unit);
  Value next = n.min(n.add(seen, n.max(half, unit)), length);
  Value exchange = LLVM::AtomicCmpXchgOp::create(b, counter, seen, next, relaxed, relaxed);
  Value mine = LLVM::ExtractValueOp::create(b, exchange, ArrayRef<int64_t>{1});
  auto now = scf::IfOp::create(b, i64, mine, /*withElseRegion=*/true);
  b.setInsertionPointToStart(now.thenBlock());
  piece(n.add(begin, seen), n.add(begin, next));
  scf::YieldOp::create(b, taken());
  b.setInsertionPointToStart(now.elseBlock());
  scf::YieldOp::create(b, LLVM::ExtractValueOp::create(b, exchange, ArrayRef<int64_t>{0}).getResult());
  b.setInsertionPointAfter(now);
  scf::YieldOp::create(b, now.getResult(0));
}

// Not an omp.wsloop of dynamic schedule: what the runtime does for each loop of one takes 9 us on two threads of a Zen
// 4 with Debian's libomp, which formats the text of a debug message for it; a fork and a join alone take 1.3 us.
omp::ParallelOp mlir::fptq::buildTeam(ImplicitLocOpBuilder &b, Value count, Value unit,
                                      function_ref<void(Value first, Value last)> piece) {
  Numbers n{b};
  Value all = counters(b);
  for (int64_t i = 0; i < kCounters; ++i)
    LLVM::StoreOp::create(b, n.num(0), n.counter(all, n.num(i)), /*alignment=*/8);
  omp::ParallelOperands operands;
  operands.ifExpr = n.less(unit, count); // one piece needs no team
  auto parallel = omp::ParallelOp::create(b, operands);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&parallel.getRegion().emplaceBlock());
  Value shares = n.min(n.ask("omp_get_num_threads"), n.num(kCounters)), id = n.ask("omp_get_thread_num");
  Value units = n.div(n.add(count, n.sub(unit, n.num(1))), unit);
  auto edge = [&](Value share) { return n.min(n.mul(n.div(n.mul(units, share), shares), unit), count); };
  auto loop = scf::ForOp::create(b, n.num(0), shares, n.num(1));
  b.setInsertionPointToStart(loop.getBody());
  Value share = n.rem(n.add(id, loop.getInductionVar()), shares);
  takePieces(n, n.counter(all, share), edge(share), edge(n.add(share, n.num(1))), unit, piece);
  b.setInsertionPointAfter(loop);
  omp::TerminatorOp::create(b);
  return parallel;
}
