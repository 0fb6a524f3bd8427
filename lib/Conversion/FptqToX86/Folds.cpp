//===- Folds.cpp - groups: sums, scaled and added -------------------------===//
#include "RowKernels.h"
#include "fptq/Conversion/FptqToX86/FptqX86.h"

using namespace mlir;
using namespace mlir::fptq::x86;

/// Results so far of the panels in hand; rows in memory are a block wide.
Accumulators RowKernels::resultsOf(Emitter &e, RowKernel &k) {
  const int64_t vectors = vectorsOf(k);
  return {e,
          k.inRegisters() ? Value() : k.memory,
          integerResult() ? ints : floats,
          isa.vectorBytes(),
          vectors,
          isa.vectors(),
          k.turn * vectors,
          k.accumulators};
}

/// `sumDepth` channels in 16 bits, from start values where the scheme has them for so few channels.
SmallVector<Value> RowKernels::part(Emitter &e, RowKernel &k) {
  const int64_t rows = k.rows(), vectors = vectorsOf(k);
  SmallVector<Value> begin(rows * vectors, e.zeros(sums));
  if (startsInSums()) {
    for (int64_t i = 0; i < rows * vectors; ++i)
      begin[i] = i % vectors ? begin[i - 1] : e.broadcastDword(sums, e.at(k.start, 4 * (i / vectors)));
    k.start = e.at(k.start, 4 * rows);
  }
  return dots(e, k, sumDepth(w.group), begin);
}

/// Group sums of a tier that adds in 16 bits: each part is widened, and where there are more parts than one, the sums
/// so far wait in registers or, for more than a row, in k.wide.
SmallVector<Value> RowKernels::wideSums(Emitter &e, RowKernel &k) {
  const int64_t vectors = vectorsOf(k), count = k.rows() * vectors, parts = w.group / sumDepth(w.group);
  SmallVector<Value> values;
  Accumulators wide{e, k.rows() > 1 ? k.wide : Value(), ints, isa.vectorBytes(), vectors, vectors, 0, values};
  auto widened = [&] {
    SmallVector<Value> v = part(e, k);
    for (Value &sum : v)
      sum = Madd16Op::create(e, ints, sum, e.splat(sums, 1));
    return v;
  };
  auto addTo = [&](SmallVector<Value> v) {
    for (int64_t i = 0; i < count; ++i)
      v[i] = e.add(v[i], wide.get(i));
    return v;
  };
  SmallVector<Value> first = widened();
  if (parts == 1)
    return first;
  if (wide.memory)
    for (int64_t i = 0; i < count; ++i)
      wide.set(i, first[i]);
  else
    values = first;
  if (parts > 2) {
    SmallVector<Value> carried = k.cursors();
    carried.append(values);
    SmallVector<Value> after = e.repeat(parts - 2, carried, [&](ValueRange now) {
      ValueRange rest = k.setCursors(now);
      values.assign(rest.begin(), rest.end());
      for (auto [i, v] : llvm::enumerate(addTo(widened())))
        wide.set(i, v);
      SmallVector<Value> next = k.cursors();
      next.append(values);
      return next;
    });
    ValueRange rest = k.setCursors(after);
    values.assign(rest.begin(), rest.end());
  }
  return addTo(widened());
}

/// (P4, P5) One vector of a group's tail: from the packed bytes, or from what `tails` left of them. A direct kernel
/// that fills a slab leaves it there.
Value RowKernels::tail(Emitter &e, const RowKernel &k, Value groupStart, Tail kind, int64_t j) {
  const int64_t perPanel = isa.vectorsPerPanel(), size = isa.vectorBytes(), vector = k.turn * vectorsOf(k) + j;
  bool second = kind == Tail::Zero || kind == Tail::Offset;
  Value place = k.tails ? e.at(k.tails, (second ? isa.vectors() + vector : vector) * size) : Value();
  if (!k.direct) {
    Type type = kind == Tail::Scale ? floats : kind == Tail::Multiplier && isa.pairSums ? sums : ints;
    return e.load(type, place, size);
  }
  Value v = loadTail(e, kind, panelTail(e, k.panels, groupStart, vector / perPanel), vector % perPanel);
  v = kind == Tail::Multiplier && isa.pairSums ? pairs(e, v) : v;
  if (k.slabOut)
    e.store(v, place, size);
  return v;
}

/// A zero point or offset times the sum of a row's activations. Sums that fit in 16 bits stand alone in the low half
/// of their lanes: vpmaddwd costs half of vpmulld, or less.
Value RowKernels::timesStart(Emitter &e, Value factor, Value start) {
  if (!narrowStarts())
    return e.mul(factor, start);
  VectorType halves = e.vec(2 * isa.lanes, e.getI16Type());
  return Madd16Op::create(e, ints, e.bitcast(halves, factor), e.bitcast(halves, start));
}

/// The two-level scheme in 16-bit sums: the multiplier is applied by the widening itself, the offset once a group.
void RowKernels::foldPairs(Emitter &e, RowKernel &k, ArrayRef<Value> startOf) {
  const int64_t rows = k.rows(), vectors = vectorsOf(k), parts = w.group / sumDepth(w.group);
  Value groupStart = k.weights;
  auto fold = [&](bool withOffset) {
    SmallVector<Value> sums = part(e, k);
    Accumulators results = resultsOf(e, k);
    for (int64_t j = 0; j < vectors; ++j) {
      Value multiplier = tail(e, k, groupStart, Tail::Multiplier, j);
      Value offset = withOffset ? tail(e, k, groupStart, Tail::Offset, j) : Value();
      for (int64_t r = 0, i = j; r < rows; ++r, i += vectors) {
        Value share = Madd16Op::create(e, ints, sums[i], multiplier);
        if (withOffset)
          share = e.add(share, timesStart(e, offset, startOf[r]));
        results.set(i, e.add(results.get(i), share));
      }
    }
  };
  if (parts > 1)
    k.setState(e.repeat(parts - 1, k.state(), [&](ValueRange now) {
      k.setState(now);
      fold(false);
      return k.state();
    }));
  fold(true);
}

/// One group of the panels, at once or in turns.
void RowKernels::foldGroup(Emitter &e, RowKernel &k) {
  assert((k.turns() == 1 || !k.inRegisters()) && "results of panels that take turns are in memory");
  SmallVector<Value> begin = k.cursors();
  for (k.turn = 0; k.turn < k.turns(); ++k.turn) {
    k.setCursors(begin);
    foldPanels(e, k);
  }
  k.turn = 0;
}

/// A group's int32 sums of a tier that adds in 32 bits, from start values where the scheme has a zero point.
SmallVector<Value> RowKernels::groupSums(Emitter &e, RowKernel &k, Value groupStart, ArrayRef<Value> startOf) {
  const int64_t rows = k.rows(), vectors = vectorsOf(k), count = rows * vectors;
  SmallVector<Value> begin(count, e.zeros(ints));
  for (int64_t j = 0; !w.twoLevel && j < vectors; ++j) {
    Value zero = w.symmetric ? Value() : tail(e, k, groupStart, Tail::Zero, j);
    for (int64_t r = 0, i = j; r < rows; ++r, i += vectors)
      begin[i] = zero ? timesStart(e, zero, startOf[r]) : startOf[r];
  }
  const int64_t sumsOfChain = (1 + k.shape.highInPlace) * count;
  begin.append(k.shape.chains * sumsOfChain - count, e.zeros(ints));
  SmallVector<Value> group = dots(e, k, w.group, begin);
  for (int64_t i = sumsOfChain; i < k.shape.chains * sumsOfChain; ++i)
    group[i % sumsOfChain] = e.add(group[i % sumsOfChain], group[i]);
  for (int64_t i = 0; k.shape.highInPlace && i < count; ++i)
    group[i] = e.add(group[i], arith::ShRSIOp::create(e, group[count + i], e.splat(ints, 4)));
  return group;
}

/// results += a group's sums times its scales (A1), or its multipliers and offsets (A2).
void RowKernels::addGroup(Emitter &e, RowKernel &k, ArrayRef<Value> group, Value groupStart, ArrayRef<Value> startOf) {
  const int64_t rows = k.rows(), vectors = vectorsOf(k);
  Accumulators results = resultsOf(e, k);
  for (int64_t j = 0; j < vectors; ++j) {
    Value scale = tail(e, k, groupStart, w.twoLevel ? Tail::Multiplier : Tail::Scale, j);
    Value offset = w.twoLevel ? tail(e, k, groupStart, Tail::Offset, j) : Value();
    Value zero = isa.pairSums && !w.symmetric ? tail(e, k, groupStart, Tail::Zero, j) : Value();
    for (int64_t r = 0, i = j; r < rows; ++r, i += vectors) {
      if (w.twoLevel) {
        Value share = e.add(e.mul(group[i], scale), timesStart(e, offset, startOf[r]));
        results.set(i, e.add(results.get(i), share));
        continue;
      }
      Value sum = zero ? e.add(group[i], timesStart(e, zero, startOf[r])) : group[i];
      results.set(i, e.fma(e.toFloat(floats, sum), scale, results.get(i)));
    }
  }
}

/// results += the dots of a group of finished weights.
void RowKernels::addFinished(Emitter &e, RowKernel &k) {
  const int64_t perPanel = isa.vectorsPerPanel();
  Value groupStart = k.weights;
  k.finish = llvm::map_to_vector(llvm::seq(vectorsOf(k)), [&](int64_t j) {
    return loadFinish(e, panelTail(e, k.panels, groupStart, j / perPanel), j % perPanel);
  });
  k.accumulators = dots(e, k, w.group, k.accumulators);
}

/// One group of the panels in hand.
void RowKernels::foldPanels(Emitter &e, RowKernel &k) {
  if (k.shape.finishes)
    return addFinished(e, k);
  Value groupStart = k.weights;
  SmallVector<Value> startOf;
  if (!startsInSums()) {
    for (int64_t r = 0; r < k.rows(); ++r)
      startOf.push_back(e.broadcastDword(ints, e.at(k.start, 4 * r)));
    k.start = e.at(k.start, 4 * k.rows());
  }
  if (w.twoLevel && isa.pairSums)
    return foldPairs(e, k, startOf);
  SmallVector<Value> group = isa.pairSums ? wideSums(e, k) : groupSums(e, k, groupStart, startOf);
  addGroup(e, k, group, groupStart, startOf);
}

/// `count` groups from the cursors.
void RowKernels::groups(Emitter &e, RowKernel &k, Value count) {
  k.setState(e.loop(e.num(0), count, 1, k.state(), [&](Value, ValueRange now) {
    k.setState(now);
    foldGroup(e, k);
    if (k.direct)
      k.weights = e.add(k.weights, w.groupBytes - w.tail);
    if (k.tails)
      k.tails = e.at(k.tails, tailVectors() * isa.vectorBytes());
    return k.state();
  }));
}

/// The same, added to results in memory, wherever they are meanwhile.
void RowKernels::addGroups(Emitter &e, RowKernel &k, Value count) {
  const int64_t size = isa.vectorBytes();
  for (int64_t i = 0; k.inRegisters() && i < k.rows() * isa.vectors(); ++i)
    k.accumulators.push_back(e.load(integerResult() ? ints : floats, e.at(k.memory, i * size), size));
  groups(e, k, count);
  for (auto [i, v] : llvm::enumerate(k.accumulators))
    e.store(v, e.at(k.memory, i * size), size);
}
