//===- RowQuantizer.cpp - one row to codes, scale and sums ----------------===//
#include "RowQuantizer.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

Values RowQuantizer::forChannels(Value first, int64_t step, int64_t unroll, ValueRange init, Emitter::Body body) {
  auto several = [&](Value from, int64_t count, ValueRange now) {
    Values next(now);
    for (int64_t i = 0; i < count; ++i)
      next = body(e.add(from, i * step), next);
    return next;
  };
  int64_t steps = *channels / step, rest = steps % unroll, looped = (steps - rest) * step;
  Values now(init);
  if (looped)
    now = e.loop(first, e.num(looped), e.num(unroll * step), now,
                 [&](Value i, ValueRange carried) { return several(i, unroll, carried); });
  now = several(e.add(first, looped), rest, now);
  if (*channels % step)
    now = e.loop(e.add(first, steps * step), e.num(*channels), e.num(step), now, body); // once, or not at all
  return now;
}

Values RowQuantizer::forChannels(ValueRange init, Emitter::Body body) {
  if (channels)
    return forChannels(thread, threads, /*unroll=*/4, init, body);
  return e.loop(thread, k, e.num(threads), init, body);
}

/// Magnitudes as integers: ordered as the floats are, and a NaN is larger than all of them.
Value RowQuantizer::rowMaximum(RowElement element) {
  Value largest = forChannels(ValueRange{e.num(0)}, [&](Value i, ValueRange now) -> Values {
    return {e.max(now[0], e.bitAnd(e.bits(e.i32(), element(i)), 0x7fffffff))};
  })[0];
  for (int64_t mask = 16; mask; mask /= 2)
    largest = e.max(largest, e.shuffleXor(largest, mask));
  e.ifThen(e.equal(e.bitAnd(thread, 31), 0), [&] { e.store(largest, e.at(shared, e.mul(e.shr(thread, 5), 4)), 4); });
  e.barrier();
  Value all = e.load(e.i32(), shared, 4);
  for (int64_t w = 1; w < threads / 32; ++w)
    all = e.max(all, e.load(e.i32(), e.at(shared, 4 * w), 4));
  return all;
}

/// (Q1)
Value RowQuantizer::rowScale(Value maximum, Value staticScale) {
  Value scale = staticScale;
  if (!scale) {
    Value quotient = arith::DivFOp::create(e, e.bits(e.f32(), maximum), e.real(127.0f));
    scale = e.select(e.equal(maximum, 0), e.real(1.0f), quotient);
  }
  Value nan = arith::ConstantOp::create(e, FloatAttr::get(e.f32(), APFloat::getNaN(APFloat::IEEEsingle())));
  return e.select(e.less(e.num(0x7f800000), maximum), nan, scale);
}

/// (Q2) as an i32. Comparisons are ordered, so a NaN takes the last select.
Value RowQuantizer::code(Value v, Value inverse) {
  auto compare = [&](arith::CmpFPredicate p, Value a, Value b) { return arith::CmpFOp::create(e, p, a, b); };
  Value r = math::RoundEvenOp::create(e, e.mulF(v, inverse)), high = e.real(127.0f), low = e.real(-127.0f);
  Value ordered = compare(arith::CmpFPredicate::ORD, r, r);
  Value limited = e.select(compare(arith::CmpFPredicate::OLT, r, high), r, high);
  limited = e.select(compare(arith::CmpFPredicate::OGT, limited, low), limited, low);
  return arith::FPToSIOp::create(e, e.i32(), e.select(ordered, limited, e.real(0)));
}

/// Codes of four channels from `channel` on, which is `inGroup` in its group; 0 where there is none.
Values RowQuantizer::fourCodes(Value inside, Value channel, Value inGroup, Value inverse, RowElement element,
                               llvm::function_ref<Values(Value channel)> four) {
  auto exists = [&](int64_t i) {
    return e.both(inside, e.both(e.less(e.add(inGroup, i), group), e.less(e.add(channel, i), k)));
  };
  auto none = [&](int64_t count) { return Values(count, e.num(0)); };
  if (four)
    return e.ifElse(
        exists(0), SmallVector<Type>(4, e.i32()),
        [&] { return llvm::map_to_vector<4>(four(channel), [&](Value v) { return code(v, inverse); }); },
        [&] { return none(4); });
  Values codes;
  for (int64_t i = 0; i < 4; ++i)
    codes.push_back(e.ifElse(
        exists(i), e.i32(), [&]() -> Values { return {code(element(e.add(channel, i)), inverse)}; },
        [&] { return none(1); })[0]);
  return codes;
}

void RowQuantizer::writeCodes(const RowOutputs &out, Value inverse, Value groups, RowElement element,
                              llvm::function_ref<Values(Value channel)> four) {
  Value columns = e.mul(groups, paddedGroup), codes = e.atRow(out.q, row, out.qStride, 1);
  // Lanes that share a group, and whole groups of lanes even in the last round: all take part in the shuffles.
  int64_t cluster = std::min<int64_t>(paddedGroup, 64) / 4;
  Value rounds = e.mul(e.ceilDiv(columns, 4 * threads), threads);
  e.loop(thread, rounds, e.num(threads), [&](Value quad) {
    Value column = e.mul(quad, 4), g = e.div(column, paddedGroup), inGroup = e.rem(column, paddedGroup);
    Value channel = e.add(e.mul(g, group), inGroup), inside = e.less(column, columns);
    Value word = e.num(0), sum = e.num(0);
    for (auto [i, c] : llvm::enumerate(fourCodes(inside, channel, inGroup, inverse, element, four))) {
      sum = e.add(sum, c);
      word = e.bitOr(word, e.shl(e.bitAnd(c, 255), 8 * i));
    }
    for (int64_t mask = cluster / 2; mask; mask /= 2)
      sum = e.add(sum, e.shuffleXor(sum, mask));
    e.ifThen(inside, [&] { e.store(word, e.at(codes, column), 4); });
    e.ifThen(e.both(inside, e.equal(e.rem(thread, cluster), 0)), [&] {
      Value at = e.at(e.at(shared, e.mul(g, 4)), sumsAt);
      LLVM::AtomicRMWOp::create(e, LLVM::AtomicBinOp::add, at, sum, LLVM::AtomicOrdering::monotonic);
    });
  });
}

void RowQuantizer::quantize(const RowOutputs &out, RowElement first, RowElement second,
                            llvm::function_ref<Values(Value channel)> four) {
  Value groups = arith::DivUIOp::create(e, e.sub(e.add(k, group), e.num(1)), group);
  auto eachGroup = [&](llvm::function_ref<void(Value)> body) { e.loop(thread, groups, e.num(threads), body); };
  auto sumAt = [&](Value g) { return e.at(e.at(shared, e.mul(g, 4)), sumsAt); };
  eachGroup([&](Value g) { e.store(e.num(0), sumAt(g), 4); });
  // The barrier of rowMaximum also stands between the zeros and the sums.
  Value scale = rowScale(rowMaximum(first), out.staticScale);
  Value inverse = arith::DivFOp::create(e, e.real(1.0f), scale);
  e.ifThen(e.equal(thread, 0), [&] { e.store(scale, e.at(out.scales, e.mul(row, 4)), 4); });
  writeCodes(out, inverse, groups, second, four);
  e.barrier();
  Value to = e.atRow(out.sums, row, out.sumsStride, 4);
  eachGroup([&](Value g) { e.store(e.load(e.i32(), sumAt(g), 4), e.at(to, e.mul(g, 4)), 4); });
}
