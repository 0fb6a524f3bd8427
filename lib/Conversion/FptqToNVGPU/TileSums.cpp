//===- TileSums.cpp - the accumulators of one warp ------------------------===//
#include "TileSums.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

StageLayout::StageLayout(const Format &format, int64_t tokens) {
  constexpr int64_t rows = TileShape::kRows, depth = TileShape::kDepth;
  this->tokens = tokens;
  results = depth / format.depth();
  activations = rows * depth / 2;
  scales = activations + tokens * depth;
  zeros = scales + results * rows / kPanelRows * format.tailRowBytes();
  sums = zeros + (format.hasZeros() ? results * rows : 0);
  bytes = llvm::alignTo(sums + (format.twoLevel ? 0 : results * tokens * 4), 1024); // a swizzle atom of wgmma
}

WarpSums::WarpSums(Emitter &e, const Format &format, const StageLayout &at, Value stage, Value lane, Value firstPanel,
                   Value firstToken, int64_t tokenTiles, ValueRange carried, int64_t panels)
    : e(e), format(format), at(at), stage(stage), lane(lane), firstPanel(firstPanel), firstToken(firstToken),
      panels(panels), tokenTiles(tokenTiles) {
  auto take = [&](SmallVector<Values> &fragments) {
    for (int64_t i = 0; i < panels * tokenTiles; ++i, carried = carried.drop_front(4))
      fragments.emplace_back(carried.take_front(4));
  };
  if (!format.twoLevel)
    take(floats);
  if (!seeds(format))
    take(ints);
}

Values WarpSums::start(Emitter &e, const Format &format, int64_t tokenTiles, int64_t panels) {
  int64_t count = 4 * panels * tokenTiles;
  Values all;
  if (!format.twoLevel)
    all.append(count, e.real(0));
  if (!seeds(format))
    all.append(count, e.num(0));
  return all;
}

Values WarpSums::carried() const {
  Values all;
  for (const Values &fragment : floats)
    all.append(fragment);
  if (!seeds(format))
    for (const Values &fragment : ints)
      all.append(fragment);
  return all;
}

//===----------------------------------------------------------------------===//
// What a stage holds beside codes
//===----------------------------------------------------------------------===//

/// The scale or the pair {a, b} of the lane's row g + 8 * half.
Value WarpSums::scaleRow(Value result, int64_t panel, int64_t half) {
  int64_t element = format.twoLevel ? 2 : format.scaleBytes(), rows = format.tailRowBytes();
  Value row = e.add(e.mul(result, TileShape::kRows / kPanelRows), firstPanel);
  Value from = e.add(e.mul(row, rows), e.mul(e.shr(lane, 2), element));
  return e.at(e.at(stage, from), at.scales + panel * rows + 8 * half * element);
}

Value WarpSums::zeroPoint(Value result, int64_t panel, int64_t half) {
  if (format.symmetric)
    return e.num(8);
  Value row = e.add(e.mul(result, TileShape::kRows), e.mul(firstPanel, kPanelRows));
  Value from = e.at(e.at(stage, e.add(row, e.shr(lane, 2))), at.zeros + panel * kPanelRows + 8 * half);
  return arith::ExtUIOp::create(e, e.i32(), e.load(e.i8(), from, 1));
}

/// Sums of codes of the lane's two tokens in a tile.
std::pair<Value, Value> WarpSums::codeSums(Value result, int64_t tokenTile) {
  Value token = e.add(e.add(e.mul(result, at.tokens), firstToken), e.mul(e.bitAnd(lane, 3), 2));
  Value from = e.at(e.at(stage, e.mul(token, 4)), at.sums + 4 * 8 * tokenTile);
  Values pair = e.words(e.load(e.vec(2, e.i32()), from, 8));
  return {pair[0], pair[1]};
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// 1.5 * 2^23 as an integer: a float whose low 22 bits count in ones. An integer sum that starts there is its own
/// conversion to float, for one subtraction; I2F runs at a quarter of the rate (a sixteenth of an MMA's worth of time).
/// |c| stays below 2^22 for any zero point up to 127 (P4) and a group of up to 128: 127 * 127 * 128 < 2^21.
static constexpr int64_t kMagic = 0x4b400000;
static constexpr float kMagicValue = 12582912.0f;

void WarpSums::begin(Value result) {
  if (format.twoLevel) {
    pairs.clear();
    for (int64_t p = 0; p < panels; ++p) {
      auto [a0, b0] = multiplierAndOffset(e, e.load(e.getI16Type(), scaleRow(result, p, 0), 2));
      auto [a1, b1] = multiplierAndOffset(e, e.load(e.getI16Type(), scaleRow(result, p, 1), 2));
      pairs.push_back({Values{a0, a1}, Values{b0, b1}});
    }
    return;
  }
  if (!seeds(format))
    return;
  // The zero point's share is subtracted before the sum begins: for symmetric weights the same in all panels.
  ints.assign(panels * tokenTiles, Values());
  Value magic = e.num(kMagic);
  for (int64_t t = 0; t < tokenTiles; ++t) {
    auto [even, odd] = codeSums(result, t);
    for (int64_t p = 0; p < panels; ++p)
      for (int64_t half = 0; half < 2; ++half) {
        Value z = zeroPoint(result, p, half);
        integers(p, t).push_back(e.sub(magic, e.mul(even, z)));
        integers(p, t).push_back(e.sub(magic, e.mul(odd, z)));
      }
  }
}

Values WarpSums::weights(ValueRange words, int64_t step, int64_t panel) {
  if (!format.twoLevel)
    return codesOfStep(e, words, step);
  return bytesOfStep(e, words, step, pairs[panel].first, pairs[panel].second);
}

/// (A1) One rounding of the integer (none here: it is exact) and one fma.
void WarpSums::fold(Value result, bool seeded) {
  for (int64_t p = 0; p < panels; ++p) {
    Value scales[2], zeroPoints[2];
    for (int64_t half = 0; half < 2; ++half) {
      scales[half] = format.loadScale(e, scaleRow(result, p, half), /*constant=*/false);
      zeroPoints[half] = seeded ? Value() : zeroPoint(result, p, half);
    }
    for (int64_t t = 0; t < tokenTiles; ++t) {
      std::pair<Value, Value> sums = seeded ? std::pair<Value, Value>() : codeSums(result, t);
      Values &f = floats[p * tokenTiles + t];
      for (int64_t i = 0; i < 4; ++i) {
        Value c = integers(p, t)[i];
        if (seeded)
          c = e.addF(e.bits(e.f32(), c), e.real(-kMagicValue));
        else
          c = e.toFloat(e.sub(c, e.mul(i % 2 ? sums.second : sums.first, zeroPoints[i / 2])));
        f[i] = e.fma(c, scales[i / 2], f[i]);
      }
    }
  }
}

void WarpSums::end(Value result, Value number) {
  if (format.twoLevel)
    return;
  if (seeds(format))
    return fold(result, /*seeded=*/true);
  // A group of several results: its integer sum goes on until the last of them.
  Value last = e.equal(e.rem(e.add(number, 1), format.resultsPerGroup()), 0);
  Values before = carried();
  Values after = e.ifElse(
      last, TypeRange(ValueRange(before)),
      [&] {
        fold(result, /*seeded=*/false);
        Value zero = e.num(0);
        for (Values &fragment : ints)
          fragment.assign(4, zero);
        return carried();
      },
      [&] { return before; });
  WarpSums folded(e, format, at, stage, lane, firstPanel, firstToken, tokenTiles, after, panels);
  ints = std::move(folded.ints);
  floats = std::move(folded.floats);
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

void mlir::fptq::nvptx::storeSums(Emitter &e, const Format &format, const MatmulArguments &args, Value lane,
                                  ValueRange carried, const WarpOutputs &to, int64_t panels) {
  int64_t tokenTiles = carried.size() / (4 * panels * (format.twoLevel || format.resultsPerGroup() == 1 ? 1 : 2));
  Value row = e.add(to.channel, e.shr(lane, 2)), pair = e.mul(e.bitAnd(lane, 3), 2);
  Value lastPanel = e.sub(e.ceilDiv(args.n, kPanelRows), e.num(1)), panelBytes = format.panelBytes(e, args.groups);
  for (int64_t p = 0; p < panels; ++p)
    for (int64_t half = 0; half < 2; ++half) {
      Value channel = e.add(row, p * kPanelRows + 8 * half), scale;
      if (format.twoLevel) {
        Value panel = e.atRow(args.packed, e.min(e.div(channel, kPanelRows), lastPanel), panelBytes, 1);
        Value at = e.add(format.zeros(e, args.groups), e.mul(e.rem(channel, kPanelRows), format.scaleBytes()));
        scale = format.loadScale(e, e.at(panel, at), /*constant=*/true);
      }
      for (int64_t t = 0; t < tokenTiles; ++t)
        for (int64_t i = 0; i < 2; ++i) {
          Value f = carried[4 * (p * tokenTiles + t) + 2 * half + i], token = e.add(pair, 8 * t + i);
          if (format.twoLevel)
            f = twoLevelResult(e, f, e.load(e.i32(), e.at(to.totals, e.mul(token, 4)), 4), scale);
          storeOutput(e, format, args, f, e.add(to.token, token), channel);
        }
    }
}
