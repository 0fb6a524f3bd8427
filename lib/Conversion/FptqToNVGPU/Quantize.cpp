//===- Quantize.cpp - activations to int8, one block a row ----------------===//
//
// A first pass over the row finds its largest magnitude, a second one (from L1) writes codes and group sums. Four
// neighbouring codes are one lane's: one 32-bit store.
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

static constexpr int64_t kThreads = 256, kWarps = kThreads / 32;
/// Shared memory before the group sums: one maximum a warp.
static constexpr int64_t kSumsAt = 4 * kWarps;

namespace {
class QuantizeKernel {
public:
  QuantizeKernel(Emitter &e, const QuantizeFormat &format, ValueRange a)
      : e(e), format(format), x(a[0]), multiplier(a[1]), q(a[2]), scales(a[3]), sums(a[4]), staticScale(a[5]),
        xStride(a[6]), qStride(a[7]), sumsStride(a[8]), k(a[9]), group(a[10]), row(e.blockX()), thread(e.thread()),
        shared(e.shared()) {}
  void build();

private:
  Value load(Value base, Value channel);
  Value rowMaximum(Value base);
  Value rowScale(Value maximum);
  Value code(Value v, Value inverse);
  void writeCodes(Value base, Value inverse, Value groups);

  Emitter &e;
  const QuantizeFormat &format;
  Value x, multiplier, q, scales, sums, staticScale, xStride, qStride, sumsStride, k, group;
  Value row, thread, shared;
};
} // namespace

/// x * multiplier of one channel, as f32.
Value QuantizeKernel::load(Value base, Value channel) {
  int64_t bytes = format.element.getIntOrFloatBitWidth() / 8;
  Value v = e.loadConstant(format.element, e.at(base, e.mul(channel, bytes)), bytes);
  if (!format.element.isF32())
    v = arith::ExtFOp::create(e, e.f32(), v);
  if (format.multiplier)
    v = e.mulF(v, e.loadConstant(e.f32(), e.at(multiplier, e.mul(channel, 4)), 4));
  return v;
}

/// Magnitudes as integers: ordered as the floats are, and a NaN is larger than all of them.
Value QuantizeKernel::rowMaximum(Value base) {
  Value largest = e.loop(thread, k, e.num(kThreads), ValueRange{e.num(0)}, [&](Value i, ValueRange now) -> Values {
    return {e.max(now[0], e.bitAnd(e.bits(e.i32(), load(base, i)), 0x7fffffff))};
  })[0];
  for (int64_t mask = 16; mask; mask /= 2)
    largest = e.max(largest, e.shuffleXor(largest, mask));
  e.ifThen(e.equal(e.bitAnd(thread, 31), 0), [&] { e.store(largest, e.at(shared, e.mul(e.shr(thread, 5), 4)), 4); });
  e.barrier();
  Value all = e.load(e.i32(), shared, 4);
  for (int64_t w = 1; w < kWarps; ++w)
    all = e.max(all, e.load(e.i32(), e.at(shared, 4 * w), 4));
  return all;
}

/// (Q1)
Value QuantizeKernel::rowScale(Value maximum) {
  Value scale = staticScale;
  if (!format.staticScale) {
    Value quotient = arith::DivFOp::create(e, e.bits(e.f32(), maximum), e.real(127.0f));
    scale = e.select(e.equal(maximum, 0), e.real(1.0f), quotient);
  }
  Value nan = arith::ConstantOp::create(e, FloatAttr::get(e.f32(), APFloat::getNaN(APFloat::IEEEsingle())));
  return e.select(e.less(e.num(0x7f800000), maximum), nan, scale);
}

/// (Q2) as an i32. Comparisons are ordered, so a NaN takes the last select.
Value QuantizeKernel::code(Value v, Value inverse) {
  auto compare = [&](arith::CmpFPredicate p, Value a, Value b) { return arith::CmpFOp::create(e, p, a, b); };
  Value r = math::RoundEvenOp::create(e, e.mulF(v, inverse)), high = e.real(127.0f), low = e.real(-127.0f);
  Value ordered = compare(arith::CmpFPredicate::ORD, r, r);
  Value limited = e.select(compare(arith::CmpFPredicate::OLT, r, high), r, high);
  limited = e.select(compare(arith::CmpFPredicate::OGT, limited, low), limited, low);
  return arith::FPToSIOp::create(e, e.i32(), e.select(ordered, limited, e.real(0)));
}

void QuantizeKernel::writeCodes(Value base, Value inverse, Value groups) {
  Value columns = e.mul(groups, format.paddedGroup), codes = e.atRow(q, row, qStride, 1);
  // Lanes that share a group, and whole groups of lanes even in the last round: all take part in the shuffles.
  int64_t cluster = std::min<int64_t>(format.paddedGroup, 64) / 4;
  Value rounds = e.mul(e.ceilDiv(columns, 4 * kThreads), kThreads);
  e.loop(thread, rounds, e.num(kThreads), [&](Value quad) {
    Value column = e.mul(quad, 4), g = e.div(column, format.paddedGroup), inGroup = e.rem(column, format.paddedGroup);
    Value channel = e.add(e.mul(g, group), inGroup), inside = e.less(column, columns);
    Value word = e.num(0), sum = e.num(0);
    for (int64_t i = 0; i < 4; ++i) {
      Value wanted = e.add(channel, i);
      Value exists = e.both(inside, e.both(e.less(e.add(inGroup, i), group), e.less(wanted, k)));
      Value c = e.ifElse(
          exists, e.i32(), [&]() -> Values { return {code(load(base, wanted), inverse)}; },
          [&]() -> Values { return {e.num(0)}; })[0];
      sum = e.add(sum, c);
      word = e.bitOr(word, e.shl(e.bitAnd(c, 255), 8 * i));
    }
    for (int64_t mask = cluster / 2; mask; mask /= 2)
      sum = e.add(sum, e.shuffleXor(sum, mask));
    e.ifThen(inside, [&] { e.store(word, e.at(codes, column), 4); });
    e.ifThen(e.both(inside, e.equal(e.rem(thread, cluster), 0)), [&] {
      Value at = e.at(e.at(shared, e.mul(g, 4)), kSumsAt);
      LLVM::AtomicRMWOp::create(e, LLVM::AtomicBinOp::add, at, sum, LLVM::AtomicOrdering::monotonic);
    });
  });
}

void QuantizeKernel::build() {
  Value base = e.atRow(x, row, xStride, format.element.getIntOrFloatBitWidth() / 8);
  Value groups = arith::DivUIOp::create(e, e.sub(e.add(k, group), e.num(1)), group);
  auto eachGroup = [&](llvm::function_ref<void(Value)> body) { e.loop(thread, groups, e.num(kThreads), body); };
  auto sumAt = [&](Value g) { return e.at(e.at(shared, e.mul(g, 4)), kSumsAt); };
  eachGroup([&](Value g) { e.store(e.num(0), sumAt(g), 4); });
  Value scale = rowScale(rowMaximum(base)); // its barrier also stands between the zeros and the sums
  Value inverse = arith::DivFOp::create(e, e.real(1.0f), scale);
  e.ifThen(e.equal(thread, 0), [&] { e.store(scale, e.at(scales, e.mul(row, 4)), 4); });
  writeCodes(base, inverse, groups);
  e.barrier();
  Value to = e.atRow(sums, row, sumsStride, 4);
  eachGroup([&](Value g) { e.store(e.load(e.i32(), sumAt(g), 4), e.at(to, e.mul(g, 4)), 4); });
}

Kernel mlir::fptq::nvptx::getOrCreateQuantize(gpu::GPUModuleOp module, const QuantizeFormat &format) {
  std::string name = "quantize_";
  llvm::raw_string_ostream(name) << format.element << (format.multiplier ? "_multiplier" : "")
                                 << (format.staticScale ? "_static" : "") << "_g" << format.paddedGroup;
  Emitter types(module.getLoc(), module.getContext());
  SmallVector<Type> parameters(5, types.ptr(kGlobal));
  parameters.push_back(types.f32());
  parameters.append(5, types.i32());
  return getOrCreateKernel(module, name, parameters, {{}, kThreads, kSumsAt}, "1 row",
                           [&](Emitter &e, ValueRange arguments) { QuantizeKernel(e, format, arguments).build(); });
}
