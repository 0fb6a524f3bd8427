//===- Emitter.h - a terse builder for kernels ------------------*- C++ -*-===//
//
// Kernels are bare pointers, i64 loops and vectors: memrefs would add nothing but arguments, and vectors
// may not cross a function border (their calling convention depends on the target).
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_EMITTER_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_EMITTER_H

#include "fptq/Support/KernelEmitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::fptq::x86 {

/// Unit attribute of kernels whose special instructions become plain arithmetic.
constexpr llvm::StringLiteral kEmulatedAttr = "fptq_x86.emulated";

class Emitter : public KernelEmitter<64> {
public:
  using KernelEmitter::KernelEmitter;

  // Types.
  Type ptr() { return LLVM::LLVMPointerType::get(getContext()); }
  Type i64() { return getI64Type(); }

  // Numbers.
  Value getI32(int64_t value) { return arith::ConstantOp::create(*this, getI32IntegerAttr(value)); }
  Value splat(VectorType type, int64_t value);
  Value zeros(VectorType type) { return arith::ConstantOp::create(*this, type, cast<TypedAttr>(getZeroAttr(type))); }
  Value div(Value a, Value b) { return arith::DivUIOp::create(*this, a, b); }
  Value ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), num(b)); }
  Value roundUp(Value a, int64_t b) { return mul(ceilDiv(a, b), b); }

  // Memory.
  Value load(Type type, Value from, int64_t alignment = 1, bool isVolatile = false) {
    return LLVM::LoadOp::create(*this, type, from, alignment, isVolatile);
  }
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

  // Control. Induction variables are i64.
  SmallVector<Value> loop(Value low, Value high, int64_t step, ValueRange init, Body body) {
    return KernelEmitter::loop(low, high, num(step), init, body);
  }
  void loop(Value low, Value high, int64_t step, llvm::function_ref<void(Value)> body) {
    KernelEmitter::loop(low, high, num(step), body);
  }
  /// `body` exactly `count` times; without a loop for one trip (its phis would cost copies).
  SmallVector<Value> repeat(int64_t count, ValueRange init, llvm::function_ref<SmallVector<Value>(ValueRange)> body);
  using KernelEmitter::ifElse;
  void ifElse(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise);
  /// `body(c)` for the one of `cases` that `value` equals; nothing otherwise.
  void switchOn(Value value, ArrayRef<int64_t> cases, llvm::function_ref<void(int64_t)> body);
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_EMITTER_H
