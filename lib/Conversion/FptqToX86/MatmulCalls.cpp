//===- MatmulCalls.cpp - packed products to calls of kernels --------------===//
#include "HostCalls.h"
#include "fptq-runtime/Kernels.h"
#include "fptq/IR/PackedShape.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <cstddef>

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::x86;

/// Threads take whole blocks of every tier.
static constexpr int64_t kBlockPanels = 4;

static int64_t paddedGroup(PackedMatmulOp op) {
  return paddedGroupSize(Layout::X86, op.getScheme().groupSizeFor(op.getK()));
}

static WeightFormat weightFormat(PackedMatmulOp op) {
  SchemeAttr scheme = op.getScheme();
  return WeightFormat::get(paddedGroup(op), scheme.getKind() == SchemeKind::TwoLevel, scheme.getSymmetric(),
                           hasHalfScales(op));
}

/// An FptqMatmul on the stack; `scratch` is memory for its activations.
static FailureOr<Value> describe(Emitter &e, PackedMatmulOp op, Value scratch) {
  FailureOr<Buffer> q = buffer(e, op, op.getQ()), xScales = buffer(e, op, op.getXScales()),
                    xSums = buffer(e, op, op.getXSums()), packed = buffer(e, op, op.getPacked()),
                    y = buffer(e, op, op.getInit()), bias = optionalBuffer(e, op, op.getBias()),
                    multiplicand = optionalBuffer(e, op, op.getMultiplicand()),
                    residual = optionalBuffer(e, op, op.getResidual());
  if (failed(q) || failed(xScales) || failed(xSums) || failed(packed) || failed(y) || failed(bias) ||
      failed(multiplicand) || failed(residual))
    return failure();
  Fields mm{e, entryStack(e, op, sizeof(FptqMatmul))};
  mm.set(offsetof(FptqMatmul, m), dim(e, op.getQ(), 0));
  mm.set(offsetof(FptqMatmul, n), dim(e, op.getInit(), 1));
  mm.set(offsetof(FptqMatmul, groups), dim(e, op.getXSums(), 1));
  mm.set(offsetof(FptqMatmul, q), offsetof(FptqMatmul, q_stride), *q);
  mm.set(offsetof(FptqMatmul, x_scales), xScales->pointer);
  mm.set(offsetof(FptqMatmul, x_sums), offsetof(FptqMatmul, sums_stride), *xSums);
  mm.set(offsetof(FptqMatmul, packed), packed->pointer);
  mm.set(offsetof(FptqMatmul, bias), bias->pointer);
  mm.set(offsetof(FptqMatmul, residual), offsetof(FptqMatmul, residual_stride), *residual);
  mm.set(offsetof(FptqMatmul, y), offsetof(FptqMatmul, y_stride), *y);
  mm.set(offsetof(FptqMatmul, scratch), scratch);
  mm.set(offsetof(FptqMatmul, activation), e.num(op.getActivation() ? int64_t(*op.getActivation()) : 0));
  mm.set(offsetof(FptqMatmul, multiplicand), offsetof(FptqMatmul, multiplicand_stride), *multiplicand);
  return mm.base;
}

static Value describe(Emitter &e, Operation *op, const WeightFormat &format) {
  Fields f{e, entryStack(e, op, sizeof(FptqFormat))};
  f.set(offsetof(FptqFormat, padded_group), e.num(format.group));
  e.store(e.getI32(format.twoLevel), e.at(f.base, offsetof(FptqFormat, two_level)), 4);
  e.store(e.getI32(format.symmetric), e.at(f.base, offsetof(FptqFormat, symmetric)), 4);
  e.store(e.getI32(format.halfScales), e.at(f.base, offsetof(FptqFormat, half_scales)), 4);
  return f.base;
}

/// What the kernels prepare: the codes of all rows in their order, and start values, one a group or one for every 8
/// channels at the most.
static Value scratchMemory(Emitter &e, Value m, Value groups, int64_t group) {
  Value rowBytes = e.add(e.roundUp(e.mul(groups, group), 64), e.mul(groups, group / 8 * 4));
  Value bytes = arith::IndexCastOp::create(e, e.getIndexType(), e.add(e.mul(e.roundUp(m, 32), rowBytes), 64));
  return memref::AllocOp::create(e, MemRefType::get({ShapedType::kDynamic}, e.getI8Type()), ValueRange{bytes},
                                 ValueRange(), e.getI64IntegerAttr(64));
}

struct HostCalls::Siblings {
  Value m, depth, scratch;            ///< depth: channels with padding; scratch: of all of them
  SmallVector<Value> matmuls, panels; ///< of each
  Value work, mostPanels;             ///< multiply-adds of all; panels of the widest
};

FailureOr<HostCalls::Siblings> HostCalls::describeAll(Emitter &e, ArrayRef<PackedMatmulOp> ops) {
  PackedMatmulOp last = ops.back();
  const int64_t group = paddedGroup(last);
  Siblings s;
  s.m = dim(e, last.getQ(), 0);
  Value groups = dim(e, last.getXSums(), 1);
  s.depth = e.mul(groups, group);
  s.scratch = scratchMemory(e, s.m, groups, group);
  Value scratchPointer = buffer(e, last, s.scratch)->pointer;
  s.work = e.num(0);
  s.mostPanels = e.num(0);
  for (PackedMatmulOp op : ops) {
    FailureOr<Value> matmul = describe(e, op, scratchPointer);
    if (failed(matmul))
      return failure();
    Value n = dim(e, op.getInit(), 1);
    s.matmuls.push_back(*matmul), s.panels.push_back(e.ceilDiv(n, 16));
    s.work = e.add(s.work, e.mul(s.m, e.mul(n, s.depth)));
    s.mostPanels = arith::MaxSIOp::create(e, s.mostPanels, s.panels.back());
  }
  return s;
}

void HostCalls::call(Emitter &e, Target target, PackedMatmulOp op, const Siblings &s) {
  // Of every product the same part of its blocks; of products as wide as each other the same columns.
  auto edge = [&](Value ofMost, Value own) {
    Value blocks = e.mul(e.ceilDiv(ofMost, kBlockPanels), e.ceilDiv(own, kBlockPanels));
    return e.min(e.mul(e.div(blocks, e.ceilDiv(s.mostPanels, kBlockPanels)), kBlockPanels), own);
  };
  auto run = [&](llvm::function_ref<void(Value matmul, Value first, Value last)> kernel) {
    share(e, s.mostPanels, kBlockPanels, s.work, [&](Value first, Value last) {
      for (auto [matmul, own] : llvm::zip(s.matmuls, s.panels))
        kernel(matmul, edge(first, own), edge(last, own));
    });
  };
  const WeightFormat format = weightFormat(op);
  if (target.tier == Tier::Reference) {
    // The oracle itself: portable C of the runtime, which whoever links or loads the code has anyway.
    Value f = describe(e, op, format);
    auto reference = runtimeFunction(e, "fptq_reference_matmul", LLVM::LLVMVoidType::get(e.getContext()),
                                     {e.ptr(), e.ptr(), e.i64(), e.i64()});
    return run([&](Value matmul, Value first, Value last) {
      LLVM::CallOp::create(e, reference, ValueRange{matmul, f, first, last});
    });
  }
  KernelSet kernels = getOrCreateKernels(module, target, format);
  prepare(e, kernels, s.matmuls.front(), e.mul(s.m, s.depth));
  run([&](Value matmul, Value first, Value last) {
    LLVM::CallOp::create(e, kernels.run, ValueRange{matmul, first, last});
  });
}

LogicalResult HostCalls::lower(ArrayRef<PackedMatmulOp> ops) {
  PackedMatmulOp last = ops.back();
  Emitter e(last.getLoc(), last);
  for (PackedMatmulOp op : ops)
    if (op.getLayout().getLayout() != Layout::X86)
      return op.emitOpError() << "has layout '" << op.getLayout().getName() << "', the x86 tiers need 'x86' (layer '"
                              << op.getLayer() << "')";
  FailureOr<Siblings> siblings = describeAll(e, ops);
  if (failed(siblings))
    return failure();
  dispatch(e, [&](Target target) { call(e, target, last, *siblings); });
  memref::DeallocOp::create(e, siblings->scratch);
  for (PackedMatmulOp op : ops)
    op.erase();
  return success();
}
