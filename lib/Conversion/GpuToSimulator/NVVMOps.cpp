//===- NVVMOps.cpp - nvvm operations as calls of the simulator ------------===//
#include "HostCalls.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fptq::sim;

/// Replaces `op` by `value` (null: it had no result), and says that there was a case for it.
static LogicalResult replaced(Operation *op, Value value = Value()) {
  if (op->getNumResults() && !op->use_empty())
    op->getResult(0).replaceAllUsesWith(value);
  op->erase();
  return success();
}

/// The number of a special register in fptq_sim_register, or -1.
static int specialRegister(Operation *op) {
  static constexpr llvm::StringLiteral kNames[] = {
      "tid.x",   "tid.y",    "tid.z",    "ntid.x",   "ntid.y", "ntid.z", "ctaid.x", "ctaid.y",
      "ctaid.z", "nctaid.x", "nctaid.y", "nctaid.z", "laneid", "warpid", "nwarpid", "dynamic.smem.size"};
  StringRef name = op->getName().getStringRef();
  if (!name.consume_front("nvvm.read.ptx.sreg."))
    return -1;
  auto it = llvm::find(kNames, name);
  return it == std::end(kNames) ? -1 : int(it - std::begin(kNames));
}

/// i32 where the C function gives one and the operation an i1.
static Value asBit(HostCalls &calls, Operation *op, Value v) {
  if (!op->getResult(0).getType().isInteger(1))
    return v;
  return LLVM::ICmpOp::create(calls, op->getLoc(), LLVM::ICmpPredicate::ne, v, calls.num32(0));
}

static Value asWord(HostCalls &calls, Operation *op, Value v) {
  if (v.getType().isInteger(1))
    return LLVM::ZExtOp::create(calls, op->getLoc(), calls.i32(), v);
  if (v.getType().isF32())
    return LLVM::BitcastOp::create(calls, op->getLoc(), calls.i32(), v);
  return v;
}

static LogicalResult simulateShuffle(HostCalls &calls, NVVM::ShflOp op) {
  Location loc = op.getLoc();
  Value both = calls.call("fptq_sim_shuffle", calls.i64(),
                          {calls.num32(int64_t(op.getKind())), op.getThreadMask(), asWord(calls, op, op.getVal()),
                           op.getOffset(), op.getMaskAndClamp(), calls.site()});
  Value value = LLVM::TruncOp::create(calls, loc, calls.i32(), both);
  if (op.getVal().getType().isF32())
    value = LLVM::BitcastOp::create(calls, loc, op.getVal().getType(), value);
  if (!op.getReturnValueAndIsValid())
    return replaced(op, value);
  Value valid = LLVM::LShrOp::create(calls, loc, both, calls.num(32, calls.i64()));
  valid = LLVM::TruncOp::create(calls, loc, calls.getI1Type(), valid);
  Value pair = LLVM::PoisonOp::create(calls, loc, op.getType());
  pair = LLVM::InsertValueOp::create(calls, loc, pair, value, ArrayRef<int64_t>{0});
  return replaced(op, LLVM::InsertValueOp::create(calls, loc, pair, valid, ArrayRef<int64_t>{1}));
}

static std::optional<bool> isSigned(std::optional<NVVM::MMATypes> type) {
  if (type == NVVM::MMATypes::s8 || type == NVVM::MMATypes::u8)
    return type == NVVM::MMATypes::s8;
  return std::nullopt;
}

static LogicalResult simulateMma(HostCalls &calls, NVVM::MmaOp op) {
  NVVM::MMAShapeAttr shape = op.getShape();
  std::optional<bool> a = isSigned(op.getMultiplicandAPtxType()), b = isSigned(op.getMultiplicandBPtxType());
  if (shape.getM() != 16 || shape.getN() != 8 || shape.getK() != 32 || !a || !b ||
      op.getIntOverflowBehavior() == NVVM::MMAIntOverflow::satfinite)
    return failure();
  SmallVector<Value> operands(op.getOperandA());
  llvm::append_range(operands, op.getOperandB());
  llvm::append_range(operands, op.getOperandC());
  Value d = calls.spill({}, 4);
  calls.call("fptq_sim_mma_m16n8k32", Type(),
             {d, calls.spill(operands), calls.num32(int64_t(*a) | int64_t(*b) << 1), calls.site()});
  return replaced(op, calls.reloadAs(op.getType(), d, 4));
}

static LogicalResult simulateLdMatrix(HostCalls &calls, NVVM::LdMatrixOp op) {
  if (op.getShape().getM() != 8 || op.getShape().getN() != 8)
    return failure();
  int64_t count = op.getNum();
  Value d = calls.spill({}, count);
  calls.call("fptq_sim_ldmatrix", Type(),
             {d, op.getPtr(), calls.num32(count), calls.num32(op.getLayout() == NVVM::MMALayout::col), calls.site()});
  return replaced(op, calls.reloadAs(op.getType(), d, count));
}

static LogicalResult simulateAsync(HostCalls &calls, Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](NVVM::CpAsyncOp copy) {
        Value bytes = calls.num32(copy.getSize());
        calls.call("fptq_sim_cp_async", Type(),
                   {copy.getDst(), copy.getSrc(), bytes, copy.getCpSize() ? copy.getCpSize() : bytes, calls.site()});
        return replaced(op);
      })
      .Case([&](NVVM::CpAsyncCommitGroupOp) {
        calls.call("fptq_sim_cp_async_commit", Type(), {});
        return replaced(op);
      })
      .Case([&](NVVM::CpAsyncWaitGroupOp wait) {
        calls.call("fptq_sim_cp_async_wait", Type(), calls.num32(wait.getN()));
        return replaced(op);
      })
      .Case([&](NVVM::CpAsyncBulkGlobalToSharedClusterOp copy) {
        if (copy.getMulticastMask())
          return failure();
        calls.call("fptq_sim_bulk_load", Type(),
                   {copy.getDstMem(), copy.getSrcMem(), copy.getMbar(), copy.getSize(), calls.site()});
        return replaced(op);
      })
      .Case([&](NVVM::WgmmaFenceAlignedOp) {
        calls.call("fptq_sim_wgmma_fence", Type(), calls.site());
        return replaced(op);
      })
      .Case([&](NVVM::WgmmaGroupSyncAlignedOp) {
        calls.call("fptq_sim_wgmma_commit", Type(), calls.site());
        return replaced(op);
      })
      .Case([&](NVVM::WgmmaWaitGroupSyncOp wait) {
        calls.call("fptq_sim_wgmma_wait", Type(), {calls.num32(wait.getGroup()), calls.site()});
        return replaced(op);
      })
      .Default([](Operation *) { return failure(); });
}

static LogicalResult simulateMbarrier(HostCalls &calls, Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](NVVM::MBarrierInitOp init) {
        if (init.getPredicate())
          return failure();
        calls.call("fptq_sim_mbarrier_init", Type(), {init.getAddr(), init.getCount(), calls.site()});
        return replaced(op);
      })
      .Case([&](NVVM::MBarrierInvalOp inval) {
        calls.call("fptq_sim_mbarrier_invalidate", Type(), {inval.getAddr(), calls.site()});
        return replaced(op);
      })
      .Case([&](NVVM::MBarrierArriveOp arrive) {
        Value count = arrive.getCount() ? arrive.getCount() : calls.num32(1);
        return replaced(op,
                        calls.call("fptq_sim_mbarrier_arrive", calls.i64(), {arrive.getAddr(), count, calls.site()}));
      })
      .Case([&](NVVM::MBarrierArriveExpectTxOp arrive) {
        if (arrive.getPredicate())
          return failure();
        return replaced(op, calls.call("fptq_sim_mbarrier_arrive_expect", calls.i64(),
                                       {arrive.getAddr(), arrive.getTxcount(), calls.site()}));
      })
      .Case([&](NVVM::MBarrierExpectTxOp expect) {
        calls.call("fptq_sim_mbarrier_expect", Type(), {expect.getAddr(), expect.getTxcount(), calls.site()});
        return replaced(op);
      })
      .Case([&](NVVM::MBarrierTryWaitParityOp wait) {
        calls.call("fptq_sim_mbarrier_wait_parity", Type(), {wait.getAddr(), wait.getPhase(), calls.site()});
        return replaced(op);
      })
      .Default([](Operation *) { return failure(); });
}

static LogicalResult simulateBarrier(HostCalls &calls, Operation *op) {
  auto orZero = [&](Value v) { return v ? v : calls.num32(0); };
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](NVVM::Barrier0Op) {
        calls.call("fptq_sim_barrier", Type(), {orZero({}), orZero({}), calls.site()});
        return replaced(op);
      })
      .Case([&](NVVM::BarrierOp barrier) {
        if (barrier.getReductionOp())
          return failure();
        calls.call("fptq_sim_barrier", Type(),
                   {orZero(barrier.getBarrierId()), orZero(barrier.getNumberOfThreads()), calls.site()});
        return replaced(op);
      })
      .Case([&](NVVM::BarrierArriveOp barrier) {
        calls.call("fptq_sim_barrier_arrive", Type(),
                   {orZero(barrier.getBarrierId()), barrier.getNumberOfThreads(), calls.site()});
        return replaced(op);
      })
      .Case([&](NVVM::SyncWarpOp sync) {
        calls.call("fptq_sim_syncwarp", Type(), {sync.getMask(), calls.site()});
        return replaced(op);
      })
      .Case([&](NVVM::MembarOp) {
        calls.call("fptq_sim_fence", Type(), {});
        return replaced(op);
      })
      .Case<NVVM::FenceMbarrierInitOp, NVVM::SetMaxRegisterOp, NVVM::PrefetchOp>([&](Operation *) {
        return replaced(op); // order that the simulator keeps anyway, and hints
      })
      .Case([&](NVVM::FenceProxyOp) {
        calls.call("fptq_sim_proxy_fence", Type(), {});
        return replaced(op);
      })
      .Case([&](NVVM::GriddepcontrolOp control) {
        if (control.getKind() == NVVM::GridDepActionKind::wait)
          calls.call("fptq_sim_griddep_wait", Type(), {});
        return replaced(op);
      })
      .Default([](Operation *) { return failure(); });
}

static LogicalResult simulateWarp(HostCalls &calls, Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](NVVM::ShflOp shuffle) { return simulateShuffle(calls, shuffle); })
      .Case([&](NVVM::MmaOp mma) { return simulateMma(calls, mma); })
      .Case([&](NVVM::LdMatrixOp load) { return simulateLdMatrix(calls, load); })
      .Case([&](NVVM::VoteSyncOp vote) {
        Value result = calls.call(
            "fptq_sim_vote", calls.i32(),
            {calls.num32(int64_t(vote.getKind())), vote.getMask(), asWord(calls, op, vote.getPred()), calls.site()});
        return replaced(op, asBit(calls, op, result));
      })
      .Case([&](NVVM::ElectSyncOp elect) {
        Value mask = elect.getMembermask() ? elect.getMembermask() : calls.num32(-1);
        return replaced(op, asBit(calls, op, calls.call("fptq_sim_elect", calls.i32(), {mask, calls.site()})));
      })
      .Case([&](NVVM::ReduxOp redux) {
        if (redux.getVal().getType().isF32())
          return failure();
        return replaced(op, calls.call("fptq_sim_reduce", calls.i32(),
                                       {calls.num32(int64_t(redux.getKind())), redux.getVal(), redux.getMaskAndClamp(),
                                        calls.site()}));
      })
      .Case([&](NVVM::PermuteOp permute) {
        if (permute.getMode() != NVVM::PermuteMode::DEFAULT)
          return failure();
        return replaced(
            op, calls.call("fptq_sim_permute", calls.i32(), {permute.getLo(), permute.getHi(), permute.getSelector()}));
      })
      .Default([](Operation *) { return failure(); });
}

LogicalResult mlir::fptq::sim::simulateNVVM(HostCalls &calls, Operation *op) {
  if (int number = specialRegister(op); number >= 0)
    return replaced(op, calls.call("fptq_sim_register", calls.i32(), calls.num32(number)));
  for (auto simulate : {simulateBarrier, simulateWarp, simulateAsync, simulateMbarrier})
    if (succeeded(simulate(calls, op)))
      return success();
  return failure();
}
