//===- KernelEmitter.h - a terse builder for kernels ------------*- C++ -*-===//
//
// What the emitters of every target share: kernels are bare pointers, integers of one width (`counterBits`) and scf
// loops. A target's own Emitter adds its types, memory and threads.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_SUPPORT_KERNELEMITTER_H
#define FPTQ_SUPPORT_KERNELEMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::fptq {

template <unsigned counterBits> class KernelEmitter : public ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  KernelEmitter(Location loc, OpBuilder &builder) : ImplicitLocOpBuilder(loc, builder) {}

  VectorType vec(int64_t lanes, Type element) { return VectorType::get(lanes, element); }

  // Numbers.
  Value num(int64_t value) {
    APInt bits(counterBits, value, /*isSigned=*/true, /*implicitTrunc=*/true);
    return arith::ConstantOp::create(*this, getIntegerAttr(getIntegerType(counterBits), bits));
  }
  Value add(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
  Value add(Value a, int64_t b) { return b ? add(a, num(b)) : a; }
  Value sub(Value a, Value b) { return arith::SubIOp::create(*this, a, b); }
  Value mul(Value a, Value b) { return arith::MulIOp::create(*this, a, b); }
  Value mul(Value a, int64_t b) { return b == 1 ? a : mul(a, num(b)); }
  Value min(Value a, Value b) { return arith::MinSIOp::create(*this, a, b); }
  Value compare(arith::CmpIPredicate p, Value a, Value b) { return arith::CmpIOp::create(*this, p, a, b); }
  Value less(Value a, Value b) { return compare(arith::CmpIPredicate::slt, a, b); }
  Value equal(Value a, Value b) { return compare(arith::CmpIPredicate::eq, a, b); }
  Value select(Value c, Value a, Value b) { return arith::SelectOp::create(*this, c, a, b); }
  Value notNull(Value p) {
    return LLVM::ICmpOp::create(*this, LLVM::ICmpPredicate::ne, p, LLVM::ZeroOp::create(*this, p.getType()));
  }
  Value fma(Value a, Value b, Value c) { return math::FmaOp::create(*this, a, b, c); }

  // Memory. Offsets are bytes.
  Value at(Value base, LLVM::GEPArg bytes) {
    return LLVM::GEPOp::create(*this, base.getType(), getI8Type(), base, bytes, LLVM::GEPNoWrapFlags::inbounds);
  }
  Value at(Value base, int64_t bytes) { return bytes ? at(base, LLVM::GEPArg(int32_t(bytes))) : base; }
  Value at(Value base, Value bytes) { return at(base, LLVM::GEPArg(bytes)); }

  // Control.
  using Body = llvm::function_ref<SmallVector<Value>(Value iv, ValueRange carried)>;
  SmallVector<Value> loop(Value low, Value high, Value step, ValueRange init, Body body) {
    auto loop = scf::ForOp::create(*this, low, high, step, init);
    keepBody(loop);
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
    if (!init.empty())
      scf::YieldOp::create(*this, next);
    return loop.getResults();
  }
  void loop(Value low, Value high, Value step, llvm::function_ref<void(Value)> body) {
    loop(low, high, step, ValueRange(), [&](Value iv, ValueRange) {
      body(iv);
      return SmallVector<Value>();
    });
  }
  void ifThen(Value condition, llvm::function_ref<void()> body) {
    auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(op.thenBlock());
    body();
  }
  SmallVector<Value> ifElse(Value condition, TypeRange types, llvm::function_ref<SmallVector<Value>()> then,
                            llvm::function_ref<SmallVector<Value>()> otherwise) {
    auto op = scf::IfOp::create(*this, types, condition, /*addThenBlock=*/true, /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(op.thenBlock());
    scf::YieldOp::create(*this, then());
    setInsertionPointToStart(op.elseBlock());
    scf::YieldOp::create(*this, otherwise());
    return op.getResults();
  }

private:
  /// Keeps LLVM from unrolling a body whose length was chosen for its registers.
  static void keepBody(scf::ForOp loop) {
    MLIRContext *context = loop.getContext();
    auto unroll = LLVM::LoopUnrollAttr::get(context, BoolAttr::get(context, true), {}, {}, {}, {}, {}, {});
    auto annotation =
        LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {});
    loop->setAttr("loop_annotation", annotation);
  }
};

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_KERNELEMITTER_H
