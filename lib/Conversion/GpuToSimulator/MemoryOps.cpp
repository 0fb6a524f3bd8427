//===- MemoryOps.cpp - the LLVM dialect of a kernel on a host -------------===//
#include "HostCalls.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fptq::sim;

/// Bits of a shared address: the simulator's window is aligned to its size, so that these bits of a host address are
/// what the device would see.
static constexpr int64_t kWindowMask = (1 << 18) - 1;

static unsigned spaceOf(Value pointer) { return cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace(); }

namespace {
enum class AccessKind { Read, Write, Atomic, ReadConstant };
} // namespace

/// Calls fptq_sim_access before `op` touches `pointer`.
static void checkAccess(HostCalls &calls, Operation *op, Value pointer, Type type, std::optional<uint64_t> alignment,
                        AccessKind kind) {
  DataLayout layout = DataLayout::closest(op);
  int64_t bytes = layout.getTypeSize(type).getFixedValue();
  int64_t align = alignment && *alignment ? *alignment : layout.getTypeABIAlignment(type);
  calls.call("fptq_sim_access", Type(),
             {pointer, calls.num(bytes, calls.i64()), calls.num(align, calls.i64()), calls.num32(int64_t(kind)),
              calls.num32(spaceOf(pointer)), calls.site()});
}

static void simulatePtrToInt(HostCalls &calls, LLVM::PtrToIntOp op) {
  if (spaceOf(op.getArg()) != kShared)
    return;
  calls.setInsertionPointAfter(op);
  Type type = op.getType();
  auto masked = LLVM::AndOp::create(calls, op.getLoc(), op, calls.num(kWindowMask, type));
  op.getResult().replaceAllUsesExcept(masked, masked);
}

static void simulateIntToPtr(HostCalls &calls, LLVM::IntToPtrOp op) {
  if (cast<LLVM::LLVMPointerType>(op.getType()).getAddressSpace() != kShared)
    return;
  Value address = op.getArg();
  if (address.getType() != calls.i32())
    address = LLVM::TruncOp::create(calls, op.getLoc(), calls.i32(), address);
  op.getResult().replaceAllUsesWith(calls.shared(address));
  op.erase();
}

LogicalResult mlir::fptq::sim::simulateLLVM(HostCalls &calls, Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](LLVM::LoadOp load) {
        checkAccess(calls, op, load.getAddr(), load.getType(), load.getAlignment(),
                    load.getInvariant() ? AccessKind::ReadConstant : AccessKind::Read);
        return success();
      })
      .Case([&](LLVM::StoreOp store) {
        checkAccess(calls, op, store.getAddr(), store.getValue().getType(), store.getAlignment(), AccessKind::Write);
        return success();
      })
      .Case([&](LLVM::AtomicRMWOp atomic) {
        checkAccess(calls, op, atomic.getPtr(), atomic.getType(), atomic.getAlignment(), AccessKind::Atomic);
        atomic.setSyncscope(std::nullopt); // "block", "device": scopes only the target knows
        return success();
      })
      .Case([&](LLVM::AtomicCmpXchgOp atomic) {
        checkAccess(calls, op, atomic.getPtr(), atomic.getVal().getType(), atomic.getAlignment(), AccessKind::Atomic);
        atomic.setSyncscope(std::nullopt);
        return success();
      })
      .Case([&](LLVM::FenceOp fence) {
        calls.call("fptq_sim_fence", Type(), {});
        fence.erase();
        return success();
      })
      .Case([&](LLVM::PtrToIntOp cast) {
        simulatePtrToInt(calls, cast);
        return success();
      })
      .Case([&](LLVM::IntToPtrOp cast) {
        simulateIntToPtr(calls, cast);
        return success();
      })
      .Case<LLVM::AllocaOp, LLVM::AddressOfOp, LLVM::AssumeOp, LLVM::LifetimeStartOp, LLVM::LifetimeEndOp,
            LLVM::UnreachableOp, LLVM::ReturnOp, LLVM::BrOp, LLVM::CondBrOp, LLVM::SwitchOp>(
          [](Operation *) { return success(); })
      .Case<LLVM::InlineAsmOp, LLVM::CallOp, LLVM::CallIntrinsicOp>([](Operation *) { return failure(); })
      .Default([](Operation *other) { return success(isMemoryEffectFree(other)); });
}

FailureOr<SharedLayout> mlir::fptq::sim::layOutShared(LLVM::LLVMFuncOp kernel, SymbolTable &symbols) {
  SharedLayout result;
  SmallVector<LLVM::GlobalOp> dynamic;
  auto place = [&](LLVM::GlobalOp global) {
    int64_t alignment = global.getAlignment().value_or(16);
    result.staticBytes = llvm::alignTo(result.staticBytes, alignment);
    result.offsets[global.getSymName()] = result.staticBytes;
  };
  WalkResult walked = kernel.walk([&](LLVM::AddressOfOp address) {
    auto global = symbols.lookup<LLVM::GlobalOp>(address.getGlobalName());
    if (!global || global.getAddrSpace() != kShared || global.getValueAttr() || global.getInitializerBlock()) {
      address.emitOpError() << "(S3) refers to '" << address.getGlobalName()
                            << "', which is no shared memory without an initializer";
      return WalkResult::interrupt();
    }
    if (result.offsets.count(global.getSymName()))
      return WalkResult::advance();
    result.offsets[global.getSymName()] = -1;
    int64_t bytes = DataLayout::closest(global).getTypeSize(global.getGlobalType()).getFixedValue();
    if (!bytes) {
      dynamic.push_back(global); // behind all static memory
      return WalkResult::advance();
    }
    place(global);
    result.staticBytes += bytes;
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  for (LLVM::GlobalOp global : dynamic)
    place(global);
  return result;
}
