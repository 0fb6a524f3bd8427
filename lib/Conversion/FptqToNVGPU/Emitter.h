//===- Emitter.h - a terse builder for device code --------------*- C++ -*-===//
//
// Kernels are 32-bit arithmetic, bare pointers of the global and the shared space, and scf loops. Offsets are bytes.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTONVGPU_EMITTER_H
#define FPTQ_LIB_CONVERSION_FPTQTONVGPU_EMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::fptq::nvptx {

constexpr unsigned kGlobal = 1, kShared = 3, kSharedCluster = 7; ///< address spaces of NVPTX

class Emitter : public ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  // Types.
  Type ptr(unsigned space) { return LLVM::LLVMPointerType::get(getContext(), space); }
  Type i8() { return getI8Type(); }
  Type i32() { return getI32Type(); }
  Type i64() { return getI64Type(); }
  Type f32() { return getF32Type(); }
  VectorType vec(int64_t lanes, Type element) { return VectorType::get(lanes, element); }

  // Numbers.
  Value num(int64_t value) { return arith::ConstantOp::create(*this, getI32IntegerAttr(int32_t(value))); }
  Value wide(int64_t value) { return arith::ConstantOp::create(*this, getI64IntegerAttr(value)); }
  Value real(float value) { return arith::ConstantOp::create(*this, getF32FloatAttr(value)); }
  Value add(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
  Value add(Value a, int64_t b) { return b ? add(a, num(b)) : a; }
  Value sub(Value a, Value b) { return arith::SubIOp::create(*this, a, b); }
  Value mul(Value a, Value b) { return arith::MulIOp::create(*this, a, b); }
  Value mul(Value a, int64_t b) { return b == 1 ? a : mul(a, num(b)); }
  Value div(Value a, int64_t b) { return b == 1 ? a : arith::DivUIOp::create(*this, a, num(b)).getResult(); }
  Value rem(Value a, int64_t b) { return b == 1 ? num(0) : arith::RemUIOp::create(*this, a, num(b)).getResult(); }
  Value ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), b); }
  Value bitAnd(Value a, int64_t b) { return arith::AndIOp::create(*this, a, num(b)); }
  Value bitOr(Value a, Value b) { return arith::OrIOp::create(*this, a, b); }
  Value bitXor(Value a, Value b) { return arith::XOrIOp::create(*this, a, b); }
  Value shr(Value a, int64_t b) { return arith::ShRUIOp::create(*this, a, num(b)); }
  Value shl(Value a, int64_t b) { return arith::ShLIOp::create(*this, a, num(b)); }
  Value min(Value a, Value b) { return arith::MinSIOp::create(*this, a, b); }
  Value max(Value a, Value b) { return arith::MaxSIOp::create(*this, a, b); }
  Value less(Value a, Value b) { return compare(arith::CmpIPredicate::slt, a, b); }
  Value equal(Value a, Value b) { return compare(arith::CmpIPredicate::eq, a, b); }
  Value equal(Value a, int64_t b) { return equal(a, num(b)); }
  Value compare(arith::CmpIPredicate p, Value a, Value b) { return arith::CmpIOp::create(*this, p, a, b); }
  Value both(Value a, Value b) { return arith::AndIOp::create(*this, a, b); }
  Value select(Value c, Value a, Value b) { return arith::SelectOp::create(*this, c, a, b); }
  Value notNull(Value p) {
    return LLVM::ICmpOp::create(*this, LLVM::ICmpPredicate::ne, p, LLVM::ZeroOp::create(*this, p.getType()));
  }
  Value widen(Value v) { return arith::ExtSIOp::create(*this, i64(), v); }

  // Floats. Each rounds once: nothing here may be contracted.
  Value toFloat(Value v) { return arith::SIToFPOp::create(*this, f32(), v); }
  Value addF(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
  Value mulF(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
  Value fma(Value a, Value b, Value c) { return math::FmaOp::create(*this, a, b, c); }
  Value bits(Type type, Value v) { return arith::BitcastOp::create(*this, type, v); }

  // Memory. The 64-bit form is for offsets that may exceed 2 GiB.
  Value at(Value base, int64_t bytes);
  Value at(Value base, Value bytes);
  Value atRow(Value base, Value row, Value stride, int64_t elementBytes);
  Value load(Type type, Value from, int64_t alignment);
  /// Memory that nobody writes while the kernel runs: ld.global.nc.
  Value loadConstant(Type type, Value from, int64_t alignment);
  void store(Value v, Value to, int64_t alignment) { LLVM::StoreOp::create(*this, v, to, alignment); }
  /// The module's dynamic shared memory.
  Value shared();

  // Vectors of 32-bit words.
  SmallVector<Value> words(Value vector);
  Value vectorOf(ValueRange words);

  // Threads.
  Value thread() { return NVVM::ThreadIdXOp::create(*this, i32()); }
  Value blockX() { return NVVM::BlockIdXOp::create(*this, i32()); }
  Value blockY() { return NVVM::BlockIdYOp::create(*this, i32()); }
  void barrier() { NVVM::BarrierOp::create(*this); }
  /// The value of the lane whose number differs by `mask`; all lanes take part.
  Value shuffleXor(Value v, int64_t mask);

  // Control. Induction variables are i32.
  using Body = llvm::function_ref<SmallVector<Value>(Value iv, ValueRange carried)>;
  SmallVector<Value> loop(Value low, Value high, Value step, ValueRange init, Body body);
  void loop(Value low, Value high, Value step, llvm::function_ref<void(Value)> body);
  void ifThen(Value condition, llvm::function_ref<void()> body);
  SmallVector<Value> ifElse(Value condition, TypeRange types, llvm::function_ref<SmallVector<Value>()> then,
                            llvm::function_ref<SmallVector<Value>()> otherwise);
};

} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_EMITTER_H
