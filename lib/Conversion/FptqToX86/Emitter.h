//===- Emitter.h - a terse builder for kernels ------------------*- C++ -*-===//
//
// Kernels are bare pointers, i64 loops and vectors: memrefs would add nothing but arguments, and vectors
// may not cross a function border (their calling convention depends on the target).
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_EMITTER_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_EMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::fptq::x86 {

/// Unit attribute of kernels whose special instructions become plain arithmetic.
constexpr llvm::StringLiteral kEmulatedAttr = "fptq_x86.emulated";

class Emitter : public ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  Emitter(Location loc, OpBuilder &builder) : ImplicitLocOpBuilder(loc, builder) {}

  // Types.
  Type ptr() { return LLVM::LLVMPointerType::get(getContext()); }
  Type i64() { return getI64Type(); }
  VectorType vec(int64_t lanes, Type element) { return VectorType::get(lanes, element); }

  // Numbers.
  Value num(int64_t value) { return arith::ConstantOp::create(*this, getI64IntegerAttr(value)); }
  Value getI32(int64_t value) { return arith::ConstantOp::create(*this, getI32IntegerAttr(value)); }
  Value splat(VectorType type, int64_t value);
  Value zeros(VectorType type) { return arith::ConstantOp::create(*this, type, cast<TypedAttr>(getZeroAttr(type))); }
  Value add(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
  Value add(Value a, int64_t b) { return b ? add(a, num(b)) : a; }
  Value sub(Value a, Value b) { return arith::SubIOp::create(*this, a, b); }
  Value mul(Value a, Value b) { return arith::MulIOp::create(*this, a, b); }
  Value mul(Value a, int64_t b) { return b == 1 ? a : mul(a, num(b)); }
  Value div(Value a, Value b) { return arith::DivUIOp::create(*this, a, b); }
  Value ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), num(b)); }
  Value roundUp(Value a, int64_t b) { return mul(ceilDiv(a, b), b); }
  Value min(Value a, Value b) { return arith::MinSIOp::create(*this, a, b); }
  Value less(Value a, Value b) { return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b); }
  Value equal(Value a, Value b) { return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, a, b); }
  Value select(Value c, Value a, Value b) { return arith::SelectOp::create(*this, c, a, b); }
  Value notNull(Value p) {
    return LLVM::ICmpOp::create(*this, LLVM::ICmpPredicate::ne, p, LLVM::ZeroOp::create(*this, ptr()));
  }

  // Memory. Offsets are bytes.
  Value at(Value base, int64_t bytes);
  Value at(Value base, Value bytes);
  Value load(Type type, Value from, int64_t alignment = 1, bool isVolatile = false) {
    return LLVM::LoadOp::create(*this, type, from, alignment, isVolatile);
  }
  Value loadI64(Value from) { return load(i64(), from, 8); }
  void store(Value v, Value to, int64_t alignment = 1) { LLVM::StoreOp::create(*this, v, to, alignment); }
  void prefetch(Value base, int64_t bytes, int64_t locality = 3);
  /// Uninitialized stack memory, aligned to a cache line. Call it outside of loops.
  Value stack(int64_t bytes);

  // Vectors.
  Value bitcast(Type type, Value v) {
    return type == v.getType() ? v : vector::BitCastOp::create(*this, type, v).getResult();
  }
  Value broadcast(VectorType type, Value v) { return vector::BroadcastOp::create(*this, type, v); }
  /// The i32 at `from` in every lane of `type` (i32 lanes, or bytes in fours).
  Value broadcastDword(VectorType type, Value from);
  Value toFloat(VectorType type, Value ints) { return arith::SIToFPOp::create(*this, type, ints); }
  Value fma(Value a, Value b, Value c) { return math::FmaOp::create(*this, a, b, c); }

  // Control. Induction variables are i64.
  using Body = llvm::function_ref<SmallVector<Value>(Value iv, ValueRange carried)>;
  SmallVector<Value> loop(Value low, Value high, int64_t step, ValueRange init, Body body);
  void loop(Value low, Value high, int64_t step, llvm::function_ref<void(Value)> body);
  /// `body` exactly `count` times; without a loop for one trip (its phis would cost copies).
  SmallVector<Value> repeat(int64_t count, ValueRange init, llvm::function_ref<SmallVector<Value>(ValueRange)> body);
  void ifThen(Value condition, llvm::function_ref<void()> body);
  void ifElse(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise);
  /// `body(c)` for the one of `cases` that `value` equals; nothing otherwise.
  void switchOn(Value value, ArrayRef<int64_t> cases, llvm::function_ref<void(int64_t)> body);
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_EMITTER_H
