//===- Emitter.h - a terse builder for device code --------------*- C++ -*-===//
//
// Kernels are 32-bit arithmetic, bare pointers of the global and the shared space, and scf loops. Offsets are bytes.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTONVGPU_EMITTER_H
#define FPTQ_LIB_CONVERSION_FPTQTONVGPU_EMITTER_H

#include "fptq/Support/KernelEmitter.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::fptq::nvptx {

constexpr unsigned kGlobal = 1, kShared = 3, kSharedCluster = 7; ///< address spaces of NVPTX

class Emitter : public KernelEmitter<32> {
public:
  using KernelEmitter::KernelEmitter;

  // Types.
  Type ptr(unsigned space) { return LLVM::LLVMPointerType::get(getContext(), space); }
  Type i8() { return getI8Type(); }
  Type i32() { return getI32Type(); }
  Type i64() { return getI64Type(); }
  Type f32() { return getF32Type(); }

  // Numbers.
  Value wide(int64_t value) { return arith::ConstantOp::create(*this, getI64IntegerAttr(value)); }
  Value real(float value) { return arith::ConstantOp::create(*this, getF32FloatAttr(value)); }
  Value div(Value a, Value b) { return arith::DivUIOp::create(*this, a, b); }
  Value div(Value a, int64_t b) { return b == 1 ? a : arith::DivUIOp::create(*this, a, num(b)).getResult(); }
  Value rem(Value a, int64_t b) { return b == 1 ? num(0) : arith::RemUIOp::create(*this, a, num(b)).getResult(); }
  Value ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), b); }
  Value bitAnd(Value a, int64_t b) { return arith::AndIOp::create(*this, a, num(b)); }
  Value bitOr(Value a, Value b) { return arith::OrIOp::create(*this, a, b); }
  Value bitXor(Value a, Value b) { return arith::XOrIOp::create(*this, a, b); }
  Value shr(Value a, int64_t b) { return arith::ShRUIOp::create(*this, a, num(b)); }
  Value shl(Value a, int64_t b) { return arith::ShLIOp::create(*this, a, num(b)); }
  Value max(Value a, Value b) { return arith::MaxSIOp::create(*this, a, b); }
  using KernelEmitter::equal;
  Value equal(Value a, int64_t b) { return equal(a, num(b)); }
  Value both(Value a, Value b) { return arith::AndIOp::create(*this, a, b); }
  Value widen(Value v) { return arith::ExtSIOp::create(*this, i64(), v); }

  // Floats. Each rounds once: nothing here may be contracted.
  Value toFloat(Value v) { return arith::SIToFPOp::create(*this, f32(), v); }
  Value addF(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
  Value mulF(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
  Value bits(Type type, Value v) { return arith::BitcastOp::create(*this, type, v); }

  // Memory. The 64-bit form is for offsets that may exceed 2 GiB.
  Value atRow(Value base, Value row, Value stride, int64_t elementBytes);
  Value load(Type type, Value from, int64_t alignment);
  /// Memory that nobody writes while the program runs: ld.global.nc.
  Value loadWeight(Type type, Value from, int64_t alignment);
  /// The same of what another kernel may have written before: a plain load where kernels overlap, as compilers move
  /// ld.global.nc over waitForKernelBefore.
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
  Value blockZ() { return NVVM::BlockIdZOp::create(*this, i32()); }
  Value gridX() { return NVVM::GridDimXOp::create(*this, i32()); }
  Value gridZ() { return NVVM::GridDimZOp::create(*this, i32()); }
  void barrier() { NVVM::BarrierOp::create(*this); }
  /// fence.acq_rel.gpu: with an atomic operation after it a release to other blocks, with one before it an acquire.
  void fence() { LLVM::FenceOp::create(*this, LLVM::AtomicOrdering::acq_rel, "device"); }
  /// Where the chip lets kernels overlap: waits for the one before, and lets the one after begin. Each thread calls
  /// this before it touches anything but constants.
  void waitForKernelBefore();
  bool kernelsOverlap();
  /// The value of the lane whose number differs by `mask`; all lanes take part.
  Value shuffleXor(Value v, int64_t mask);
};

} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_EMITTER_H
