//===- Quantize.cpp - activations to int8, vectorized ---------------------===//
#include "KernelBuilder.h"
#include "fptq-runtime/Kernels.h"
#include <cstddef>

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::x86;

namespace {
/// Writes quantize(quantize, first row, last row): (Q1), (Q2) and the group sums.
class QuantizeBuilder {
public:
  QuantizeBuilder(Emitter &e, int64_t lanes, const QuantizeFormat &format, ValueRange args)
      : e(e), lanes(lanes), format(format), base(args[0]), floats(e.vec(lanes, e.getF32Type())),
        ints(e.vec(lanes, e.getI32Type())), bytes(e.vec(lanes, e.getI8Type())) {
    e.loop(args[1], args[2], 1, [&](Value r) { row(r); });
  }

private:
  Value integer(size_t at) { return e.load(e.i64(), e.at(base, at), 8); }
  Value pointer(size_t at) { return e.load(e.ptr(), e.at(base, at), 8); }

  /// Lanes below `valid`.
  Value mask(Value valid) {
    auto iota = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
    Value lane = arith::ConstantOp::create(e, ints, DenseElementsAttr::get(ints, ArrayRef<int32_t>(iota)));
    Value limit = e.broadcast(ints, arith::TruncIOp::create(e, e.getI32Type(), valid));
    return arith::CmpIOp::create(e, arith::CmpIPredicate::slt, lane, limit);
  }

  /// x * multiplier of channels k.., 0 where the mask is false. A null mask means all lanes.
  Value load(Value x, Value multiplier, Value k, Value valid) {
    // 16-bit floats as integers: what LLVM makes of a masked load of bf16 calls the compiler's runtime.
    int64_t bits = format.element.getIntOrFloatBitWidth();
    auto element = bits == 32 ? floats : e.vec(lanes, e.getIntegerType(bits));
    Value from = e.at(x, e.mul(k, bits / 8)), v;
    Value lanesIn = valid ? mask(valid) : Value();
    if (valid)
      v = LLVM::MaskedLoadOp::create(e, element, from, lanesIn, e.zeros(element), 1);
    else
      v = e.load(element, from);
    if (format.element.isF16())
      v = arith::ExtFOp::create(e, floats, e.bitcast(e.vec(lanes, e.getF16Type()), v));
    else if (format.element.isBF16())
      v = e.bitcast(floats, arith::ShLIOp::create(e, arith::ExtUIOp::create(e, ints, v), e.splat(ints, 16)));
    if (!format.multiplier)
      return v;
    Value m = e.at(multiplier, e.mul(k, 4));
    Value factor = valid ? LLVM::MaskedLoadOp::create(e, floats, m, lanesIn, e.zeros(floats), 4).getResult()
                         : e.load(floats, m, 4);
    return arith::MulFOp::create(e, v, factor);
  }

  /// |v| as an integer: ordered as the floats are, and a NaN is larger than all of them.
  Value magnitude(Value v) { return arith::AndIOp::create(e, e.bitcast(ints, v), e.splat(ints, 0x7fffffff)); }

  Value rowMaximum(Value x, Value multiplier, Value k) {
    constexpr int64_t unroll = 4;
    Value whole = e.mul(e.div(k, e.num(unroll * lanes)), unroll * lanes);
    auto maxima = e.loop(
        e.num(0), whole, unroll * lanes, SmallVector<Value>(unroll, e.zeros(ints)), [&](Value at, ValueRange now) {
          SmallVector<Value> next;
          for (int64_t i = 0; i < unroll; ++i)
            next.push_back(arith::MaxSIOp::create(e, now[i], magnitude(load(x, multiplier, e.add(at, i * lanes), {}))));
          return next;
        });
    Value all = maxima[0];
    for (Value m : llvm::drop_begin(maxima))
      all = arith::MaxSIOp::create(e, all, m);
    all = e.loop(whole, k, lanes, ValueRange{all}, [&](Value at, ValueRange now) -> SmallVector<Value> {
      return {arith::MaxSIOp::create(e, now[0], magnitude(load(x, multiplier, at, e.sub(k, at))))};
    })[0];
    return vector::ReductionOp::create(e, vector::CombiningKind::MAXSI, all);
  }

  Value real(float f) { return arith::ConstantOp::create(e, e.getF32FloatAttr(f)); }

  /// (Q1)
  Value rowScale(Value maximum) {
    auto compare = [&](arith::CmpIPredicate p, int64_t v) { return arith::CmpIOp::create(e, p, maximum, e.getI32(v)); };
    Value scale;
    if (format.staticScale) {
      scale = e.load(e.getF32Type(), pointer(offsetof(FptqQuantize, static_scale)), 4);
    } else {
      Value largest = arith::BitcastOp::create(e, e.getF32Type(), maximum);
      Value quotient = arith::DivFOp::create(e, largest, real(127.0f));
      scale = e.select(compare(arith::CmpIPredicate::eq, 0), real(1.0f), quotient);
    }
    Value nan = arith::ConstantOp::create(e, FloatAttr::get(e.getF32Type(), APFloat::getNaN(APFloat::IEEEsingle())));
    return e.select(compare(arith::CmpIPredicate::sgt, 0x7f800000), nan, scale);
  }

  /// (Q2) as int32 lanes. Comparisons are ordered, so a NaN takes the last select.
  Value codes(Value v, Value inverse) {
    Value r = math::RoundEvenOp::create(e, arith::MulFOp::create(e, v, inverse));
    Value high = e.broadcast(floats, real(127.0f)), low = e.broadcast(floats, real(-127.0f));
    Value ordered = arith::CmpFOp::create(e, arith::CmpFPredicate::ORD, r, r);
    Value limited = e.select(arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, r, high), r, high);
    limited = e.select(arith::CmpFOp::create(e, arith::CmpFPredicate::OGT, limited, low), limited, low);
    return arith::FPToSIOp::create(e, ints, e.select(ordered, limited, e.zeros(floats)));
  }

  void row(Value r) {
    Value k = integer(offsetof(FptqQuantize, k)), group = integer(offsetof(FptqQuantize, group_size)),
          padded = integer(offsetof(FptqQuantize, padded_group)),
          multiplier = pointer(offsetof(FptqQuantize, multiplier));
    int64_t size = format.element.getIntOrFloatBitWidth() / 8;
    Value x =
        e.at(pointer(offsetof(FptqQuantize, x)), e.mul(e.mul(r, integer(offsetof(FptqQuantize, x_stride))), size));
    Value q = e.at(pointer(offsetof(FptqQuantize, q)), e.mul(r, integer(offsetof(FptqQuantize, q_stride))));
    Value sums =
        e.at(pointer(offsetof(FptqQuantize, sums)), e.mul(e.mul(r, integer(offsetof(FptqQuantize, sums_stride))), 4));
    Value scale = rowScale(rowMaximum(x, multiplier, k));
    e.store(scale, e.at(pointer(offsetof(FptqQuantize, scales)), e.mul(r, 4)), 4);
    Value inverse = e.broadcast(floats, arith::DivFOp::create(e, real(1.0f), scale));
    Value groups = e.div(e.add(e.add(k, group), -1), group);
    e.loop(e.num(0), groups, 1, [&](Value g) {
      Value first = e.mul(g, group), valid = e.min(group, e.sub(k, first)), to = e.at(q, e.mul(g, padded));
      Value whole = e.mul(e.div(valid, e.num(lanes)), lanes);
      auto sum =
          e.loop(e.num(0), whole, lanes, ValueRange{e.zeros(ints)}, [&](Value i, ValueRange now) -> SmallVector<Value> {
            Value c = codes(load(x, multiplier, e.add(first, i), {}), inverse);
            e.store(arith::TruncIOp::create(e, bytes, c), e.at(to, i));
            return {e.add(now[0], c)};
          });
      sum = e.loop(whole, padded, lanes, sum, [&](Value i, ValueRange now) -> SmallVector<Value> {
        Value c = codes(load(x, multiplier, e.add(first, i), e.sub(valid, i)), inverse);
        LLVM::MaskedStoreOp::create(e, arith::TruncIOp::create(e, bytes, c), e.at(to, i), mask(e.sub(padded, i)), 1);
        return {e.add(now[0], c)};
      });
      e.store(vector::ReductionOp::create(e, vector::CombiningKind::ADD, sum[0]), e.at(sums, e.mul(g, 4)), 4);
    });
  }

  Emitter &e;
  int64_t lanes;
  const QuantizeFormat &format;
  Value base;
  VectorType floats, ints, bytes;
};
} // namespace

LLVM::LLVMFuncOp x86::getOrCreateQuantize(ModuleOp module, Target target, const QuantizeFormat &format) {
  const Isa &isa = isaOf(target.tier);
  std::string name = "quantize_";
  llvm::raw_string_ostream(name) << format.element << (format.multiplier ? "_multiplier" : "")
                                 << (format.staticScale ? "_static" : "");
  Type p = LLVM::LLVMPointerType::get(module.getContext()), i64 = IntegerType::get(module.getContext(), 64);
  return getOrCreateFunction(module, isa, target.emulated, name, {p, i64, i64},
                             [&](Emitter &e, ValueRange args) { QuantizeBuilder(e, isa.lanes, format, args); });
}
