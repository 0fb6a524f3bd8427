//===- HostCalls.cpp - tiers and threads around calls of kernels ----------===//
#include "HostCalls.h"
#include "fptq-runtime/Kernels.h"
#include "fptq/Support/Team.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <cstddef>

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::x86;

/// A parallel region costs 1 us; the weights of one row's product of 200 000 take 4 us to read from memory.
static constexpr int64_t kMinParallelWork = 200000;
/// Parts of a product's `prepare` among threads.
static constexpr int64_t kPrepareParts = 8;

Value x86::entryStack(Emitter &e, Operation *op, int64_t bytes) {
  OpBuilder::InsertionGuard guard(e);
  Block *entry = &op->getParentOfType<FunctionOpInterface>().getFunctionBody().front();
  for (auto loop = op->getParentOfType<scf::ParallelOp>(); loop; loop = loop->getParentOfType<scf::ParallelOp>())
    entry = loop.getBody();
  e.setInsertionPointToStart(entry);
  return e.stack(bytes);
}

static Value toI64(Emitter &e, Value index) { return arith::IndexCastOp::create(e, e.i64(), index); }

Value x86::dim(Emitter &e, Value memref, int64_t i) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(i))
    return e.num(type.getDimSize(i));
  return toI64(e, memref::DimOp::create(e, memref, i));
}

FailureOr<Buffer> x86::buffer(Emitter &e, Operation *op, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return op->emitOpError() << "has an operand of type " << type << " whose last dimension is not contiguous";
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(e, memref);
  Value pointer = LLVM::IntToPtrOp::create(e, e.ptr(), toI64(e, base));
  bool dynamicOffset = ShapedType::isDynamic(offset), dynamicStride = ShapedType::isDynamic(strides.front());
  Value offsetValue = dynamicOffset ? Value() : e.num(offset),
        stride = dynamicStride ? Value() : e.num(strides.front());
  if (dynamicOffset || dynamicStride) {
    auto metadata = memref::ExtractStridedMetadataOp::create(e, memref);
    if (dynamicOffset)
      offsetValue = toI64(e, metadata.getOffset());
    if (dynamicStride)
      stride = toI64(e, metadata.getStrides().front());
  }
  if (dynamicOffset || offset)
    pointer = e.at(pointer, e.mul(offsetValue, type.getElementTypeBitWidth() / 8));
  return Buffer{pointer, stride};
}

FailureOr<Buffer> x86::optionalBuffer(Emitter &e, Operation *op, Value memref) {
  return memref ? buffer(e, op, memref) : Buffer{LLVM::ZeroOp::create(e, e.ptr()), e.num(0)};
}

LLVM::LLVMFuncOp HostCalls::runtimeFunction(Emitter &e, StringRef name, Type result, ArrayRef<Type> arguments) {
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return existing;
  OpBuilder::InsertionGuard guard(e);
  e.setInsertionPointToStart(module.getBody());
  return LLVM::LLVMFuncOp::create(e, name, LLVM::LLVMFunctionType::get(result, arguments));
}

void HostCalls::dispatch(Emitter &e, llvm::function_ref<void(Target)> fn) {
  Target only = targets.front();
  if (targets.size() == 1 && (only.tier != Tier::AmxInt8 || only.emulated))
    return fn(only);
  Value tiers = // which also asks Linux for AMX tiles
      LLVM::CallOp::create(e, runtimeFunction(e, "fptq_cpu_tiers", e.getI32Type(), {}), ValueRange()).getResult();
  auto runs = [&](Target t) {
    Value bit = e.getI32(1 << int(t.tier));
    return e.equal(arith::AndIOp::create(e, tiers, bit), bit);
  };
  // From the best to the worst: the first one the machine runs; the worst needs no question.
  SmallVector<Target> sorted(targets);
  llvm::sort(sorted, [](Target a, Target b) { return a.tier > b.tier; });
  std::function<void(size_t)> choose = [&](size_t i) {
    if (i + 1 == sorted.size())
      return fn(sorted[i]);
    e.ifElse(runs(sorted[i]), [&] { fn(sorted[i]); }, [&] { choose(i + 1); });
  };
  choose(0);
}

bool HostCalls::shares(Emitter &e) {
  Operation *around = e.getInsertionBlock()->getParentOp();
  return threads && !isa<scf::ParallelOp>(around) && !around->getParentOfType<scf::ParallelOp>();
}

void HostCalls::share(Emitter &e, Value count, int64_t unit, Value work, llvm::function_ref<void(Value, Value)> fn) {
  if (!shares(e))
    return fn(e.num(0), count);
  // A branch, not OpenMP's own `if`: a serialized region still costs two calls of its runtime.
  e.ifElse(
      e.less(e.num(kMinParallelWork), work), [&] { buildTeam(e, count, e.num(unit), fn); },
      [&] { fn(e.num(0), count); });
}

void HostCalls::prepare(Emitter &e, const KernelSet &kernels, Value matmul, Value codes) {
  // A copy of each code: worth about four multiply-adds. What is not shared is one part.
  Value work = e.mul(codes, 4), parts = e.num(1);
  if (shares(e))
    parts = e.select(e.less(e.num(kMinParallelWork), work), e.num(kPrepareParts), parts);
  share(e, parts, 1, work, [&](Value first, Value last) {
    e.loop(first, last, 1,
           [&](Value part) { LLVM::CallOp::create(e, kernels.prepare, ValueRange{matmul, part, parts}); });
  });
}

LogicalResult HostCalls::lower(QuantizeActivationsOp op) {
  Emitter e(op.getLoc(), op);
  FailureOr<Buffer> x = buffer(e, op, op.getX()), q = buffer(e, op, op.getQInit()),
                    scales = buffer(e, op, op.getScalesInit()), sums = buffer(e, op, op.getSumsInit()),
                    multiplier = optionalBuffer(e, op, op.getMultiplier());
  if (failed(x) || failed(q) || failed(scales) || failed(sums) || failed(multiplier))
    return failure();
  Value staticScale = LLVM::ZeroOp::create(e, e.ptr());
  if (op.getStaticScale()) {
    staticScale = entryStack(e, op, 4);
    e.store(op.getStaticScale(), staticScale, 4);
  }
  Value m = dim(e, op.getX(), 0), k = dim(e, op.getX(), 1);
  Fields z{e, entryStack(e, op, sizeof(FptqQuantize))};
  z.set(offsetof(FptqQuantize, m), m);
  z.set(offsetof(FptqQuantize, k), k);
  z.set(offsetof(FptqQuantize, group_size), op.getGroupSize() ? e.num(op.getGroupSize()) : k);
  z.set(offsetof(FptqQuantize, padded_group), e.num(op.getPaddedGroupSize()));
  z.set(offsetof(FptqQuantize, x), offsetof(FptqQuantize, x_stride), *x);
  z.set(offsetof(FptqQuantize, multiplier), multiplier->pointer);
  z.set(offsetof(FptqQuantize, static_scale), staticScale);
  z.set(offsetof(FptqQuantize, q), offsetof(FptqQuantize, q_stride), *q);
  z.set(offsetof(FptqQuantize, scales), scales->pointer);
  z.set(offsetof(FptqQuantize, sums), offsetof(FptqQuantize, sums_stride), *sums);
  Type element = cast<MemRefType>(op.getX().getType()).getElementType();
  FptqElement kind = element.isF32() ? FPTQ_ELEMENT_F32 : element.isF16() ? FPTQ_ELEMENT_F16 : FPTQ_ELEMENT_BF16;
  dispatch(e, [&](Target target) {
    // A division and a handful of operations for each element: worth about eight multiply-adds.
    share(e, m, 1, e.mul(e.mul(m, k), 8), [&](Value first, Value last) {
      if (target.tier == Tier::Reference) {
        auto reference = runtimeFunction(e, "fptq_reference_quantize", LLVM::LLVMVoidType::get(e.getContext()),
                                         {e.ptr(), e.getI32Type(), e.i64(), e.i64()});
        LLVM::CallOp::create(e, reference, ValueRange{z.base, e.getI32(kind), first, last});
        return;
      }
      QuantizeFormat format{element, bool(op.getMultiplier()), bool(op.getStaticScale())};
      LLVM::CallOp::create(e, getOrCreateQuantize(module, target, format), ValueRange{z.base, first, last});
    });
  });
  op.erase();
  return success();
}
