//===- Epilogue.cpp - sums to results -------------------------------------===//
#include "KernelBuilder.h"
#include "fptq/Support/Activation.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

void mlir::fptq::nvptx::storeOutput(Emitter &e, const Format &format, const MatmulArguments &args, Value f, Value token,
                                    Value channel) {
  Value inside = e.both(e.less(token, args.m), e.less(channel, args.n));
  e.ifThen(inside, [&] {
    auto element = [&](Value base, Value stride) { return e.at(e.atRow(base, token, stride, 4), e.mul(channel, 4)); };
    Value y = e.mulF(f, e.loadConstant(e.f32(), e.at(args.xScales, e.mul(token, 4)), 4));
    // y + 0 would turn -0 into 0: a branch, the same for the whole grid.
    auto plus = [&](Value base, llvm::function_ref<Value()> from) {
      return e.ifElse(
          e.notNull(base), e.f32(), [&]() -> Values { return {e.addF(y, e.load(e.f32(), from(), 4))}; },
          [&]() -> Values { return {y}; })[0];
    };
    y = plus(args.bias, [&] { return e.at(args.bias, e.mul(channel, 4)); });
    y = emitActivation(e, format.activation, y);
    // No constant loads: what is read here may lie where the result goes.
    if (format.multiplicand)
      y = e.mulF(y, e.load(e.f32(), element(args.multiplicand, args.multiplicandStride), 4));
    y = plus(args.residual, [&] { return element(args.residual, args.residualStride); });
    e.store(y, element(args.y, args.yStride), 4);
  });
}

Value mlir::fptq::nvptx::twoLevelResult(Emitter &e, Value sum, Value total, Value channelScale) {
  return e.fma(e.toFloat(e.sub(sum, e.shl(total, 7))), channelScale, e.real(0));
}

void mlir::fptq::nvptx::tokenTotals(Emitter &e, const MatmulArguments &args, Value firstToken, int64_t tokens,
                                    int64_t warps, Value to) {
  Value lane = e.bitAnd(e.thread(), 31), warp = e.shr(e.thread(), 5), last = e.sub(args.m, e.num(1));
  int64_t perWarp = llvm::divideCeil(tokens, warps);
  Values rows;
  for (int64_t i = 0; i < perWarp; ++i) {
    Value token = e.min(e.add(firstToken, e.add(e.mul(warp, perWarp), i)), last);
    rows.push_back(e.atRow(args.xSums, token, args.sumsStride, 4));
  }
  // All tokens of a warp in one body: their loads overlap.
  Values sums = e.loop(lane, args.groups, e.num(32), Values(perWarp, e.num(0)), [&](Value g, ValueRange now) {
    Values next;
    for (auto [row, sum] : llvm::zip(rows, now))
      next.push_back(e.add(sum, e.loadConstant(e.i32(), e.at(row, e.mul(g, 4)), 4)));
    return next;
  });
  for (int64_t i = 0; i < perWarp; ++i) {
    Value sum = sums[i];
    for (int64_t mask = 16; mask; mask /= 2)
      sum = e.add(sum, e.shuffleXor(sum, mask));
    e.ifThen(e.equal(lane, 0), [&] { e.store(sum, e.at(to, e.mul(e.add(e.mul(warp, perWarp), i), 4)), 4); });
  }
}
