//===- Sums.cpp - the inner loops: R rows x one block ---------------------===//
//
// Written so that LLVM has nothing left to decide: what is in registers, how long a body is, where the
// zero point enters (as the start value of the integer sums, where it costs nothing) and where a group
// is folded. Loops, not unrolling, except inside a body.
//
//===----------------------------------------------------------------------===//
#include "Sums.h"
#include "fptq/Conversion/FptqToX86/FptqX86.h"

using namespace mlir;
using namespace mlir::fptq::x86;

/// A vector of weights of one k-quad of a body, as bytes: from the slab, or unpacked from `packed`, which a direct
/// kernel that fills a slab leaves there.
Value KernelBuilder::quad(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, ArrayRef<Value> packed, Value slabOut,
                          int64_t octet, int64_t half, int64_t j) {
  const int64_t size = isa.vectorBytes();
  const int64_t inSlab = ((2 * octet + half) * isa.vectors() + k.turn * vectorsOf(k) + j) * size;
  if (!k.direct)
    return e.load(bytes, e.at(bases[0], inSlab), size);
  // A volatile load is not merged with its twin, so no register holds the packed bytes.
  Value v = packed.empty() ? loadPacked(e, k, bases, octet, j, /*again=*/true) : packed[j];
  Value quad = nibbles(e, v, half, k.shape.highInPlace);
  if (!k.finish.empty())
    quad = finished(e, quad, k.finish[j]);
  if (slabOut)
    e.store(quad, e.at(slabOut, inSlab), size);
  return quad;
}

Value KernelBuilder::loadPacked(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, int64_t octet, int64_t j,
                                bool again) {
  const int64_t perPair = kPairPanels * isa.vectorsPerPanel(), vector = k.turn * vectorsOf(k) + j;
  Value octetOfPair = e.at(bases[vector / perPair], octet * kPairOctetBytes);
  return e.load(bytes, e.at(octetOfPair, vector % perPair * isa.vectorBytes()), 1, again);
}

/// An octet of each pair, as many bytes further on as the shape says, or in the next block. The first turn fetches for
/// both: Zen 4, tier avx2, M = 4 from memory: 485 us for 535.
void KernelBuilder::prefetch(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, Value weights, int64_t octet) {
  for (int64_t line = 0; line < kPairOctetBytes; line += kOctetBytes) {
    for (Value pair : k.nextPairs)
      e.prefetch(e.at(pair, weights), octet * kPairOctetBytes + line, /*locality=*/2);
    for (Value base : k.nextPairs.empty() ? bases : ArrayRef<Value>())
      e.prefetch(base, octet * kPairOctetBytes + line + k.shape.prefetchBytes);
  }
}

/// sums += one k-quad of every row and vector.
void KernelBuilder::addQuad(Emitter &e, const RowKernel &k, llvm::function_ref<Value(int64_t)> weightsOf,
                            llvm::function_ref<Value(int64_t)> activationsOf, MutableArrayRef<Value> sums) {
  const int64_t rows = k.rows(), vectors = vectorsOf(k);
  auto add = [&](int64_t r, int64_t j, Value weights, Value x) {
    Value &sum = sums[r * vectors + j];
    sum = dot(e, sum, weights, x);
  };
  // One vector of weights at a time where registers are few. With registers to spare it is the slower order: M = 1 on
  // avx512vnni 103 us for 97.
  if (k.shape.reloadNibbles && rows < vectors) {
    SmallVector<Value> x = llvm::map_to_vector(llvm::seq(rows), activationsOf);
    for (int64_t j = 0; j < vectors; ++j) {
      Value weights = weightsOf(j);
      for (int64_t r = 0; r < rows; ++r)
        add(r, j, weights, x[r]);
    }
    return;
  }
  SmallVector<Value> weights = llvm::map_to_vector(llvm::seq(vectors), weightsOf);
  for (int64_t r = 0; r < rows; ++r) {
    Value x = activationsOf(r);
    for (int64_t j = 0; j < vectors; ++j)
      add(r, j, weights[j], x);
  }
}

/// `depth` input channels. `sums` holds rows x vectors values, twice that when high nibbles stay in place, and all of
/// that for each chain.
SmallVector<Value> KernelBuilder::dots(Emitter &e, RowKernel &k, int64_t depth, SmallVector<Value> sums) {
  const int64_t rows = k.rows(), vectors = vectorsOf(k), body = k.shape.bodyK;
  SmallVector<Value> carried{k.weights, k.activations};
  if (k.slabOut)
    carried.push_back(k.slabOut);
  const size_t cursors = carried.size();
  carried.append(sums.begin(), sums.end());
  SmallVector<Value> result = e.repeat(depth / body, carried, [&](ValueRange now) {
    SmallVector<Value> sums(now.drop_front(cursors)), bases;
    Value slabOut = k.slabOut ? now[2] : Value();
    for (Value pair : k.panels)
      bases.push_back(e.at(pair, now[0]));
    if (!k.direct)
      bases.push_back(now[0]);
    for (int64_t octet = 0; octet < body / 8; ++octet) {
      SmallVector<Value> packed;
      if (k.direct && !k.shape.reloadNibbles)
        for (int64_t j = 0; j < vectors; ++j)
          packed.push_back(loadPacked(e, k, bases, octet, j, false));
      if (k.turn == 0 && (k.shape.prefetchBytes || !k.nextPairs.empty()))
        prefetch(e, k, bases, now[0], octet);
      for (int64_t half = 0; half < 2; ++half) {
        const int64_t chain = octet % k.shape.chains, both = chain * (1 + k.shape.highInPlace) + half;
        const int64_t first = (k.shape.highInPlace ? both : chain) * rows * vectors;
        auto weightsOf = [&](int64_t j) { return quad(e, k, bases, packed, slabOut, octet, half, j); };
        auto activationsOf = [&](int64_t r) {
          return e.broadcastDword(bytes, e.at(now[1], ((2 * octet + half) * rows + r) * 4));
        };
        addQuad(e, k, weightsOf, activationsOf, MutableArrayRef<Value>(sums).slice(first, rows * vectors));
      }
    }
    SmallVector<Value> next{k.direct ? e.add(now[0], body / 8 * kPairOctetBytes) : e.at(now[0], slabBytes(body)),
                            e.at(now[1], body * rows)};
    if (slabOut)
      next.push_back(e.at(slabOut, slabBytes(body)));
    next.append(sums);
    return next;
  });
  k.weights = result[0];
  k.activations = result[1];
  if (k.slabOut)
    k.slabOut = result[2];
  return SmallVector<Value>(llvm::drop_begin(result, cursors));
}

/// `sumDepth` channels in 16 bits, from start values where the scheme has them for so few channels.
SmallVector<Value> KernelBuilder::part(Emitter &e, RowKernel &k) {
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
SmallVector<Value> KernelBuilder::wideSums(Emitter &e, RowKernel &k) {
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

/// (a, a) in 16 bits each: vpmaddwd by them widens and scales at once.
Value KernelBuilder::pairs(Emitter &e, Value wide) {
  Value high = arith::ShLIOp::create(e, wide, e.splat(ints, 16));
  return e.bitcast(sums, arith::OrIOp::create(e, wide, high));
}

/// (P4, P5) One vector of a group's tail: from the packed bytes, or from what `tails` left of them. A direct kernel
/// that fills a slab leaves it there.
Value KernelBuilder::tail(Emitter &e, const RowKernel &k, Value groupStart, Tail kind, int64_t j) {
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
Value KernelBuilder::timesStart(Emitter &e, Value factor, Value start) {
  if (!narrowStarts())
    return e.mul(factor, start);
  VectorType halves = e.vec(2 * isa.lanes, e.getI16Type());
  return Madd16Op::create(e, ints, e.bitcast(halves, factor), e.bitcast(halves, start));
}

/// The two-level scheme in 16-bit sums: the multiplier is applied by the widening itself, the offset once a group.
void KernelBuilder::foldPairs(Emitter &e, RowKernel &k, ArrayRef<Value> startOf) {
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
void KernelBuilder::foldGroup(Emitter &e, RowKernel &k) {
  assert((k.turns() == 1 || !k.inRegisters()) && "results of panels that take turns are in memory");
  SmallVector<Value> begin = k.cursors();
  for (k.turn = 0; k.turn < k.turns(); ++k.turn) {
    k.setCursors(begin);
    foldPanels(e, k);
  }
  k.turn = 0;
}

/// One group of the panels in hand: start values, dots, and its share of the accumulators.
void KernelBuilder::foldPanels(Emitter &e, RowKernel &k) {
  const int64_t rows = k.rows(), vectors = vectorsOf(k), count = rows * vectors;
  Value groupStart = k.weights;
  if (k.shape.finishes) {
    const int64_t perPanel = isa.vectorsPerPanel();
    k.finish = llvm::map_to_vector(llvm::seq(vectors), [&](int64_t j) {
      return loadFinish(e, panelTail(e, k.panels, groupStart, j / perPanel), j % perPanel);
    });
    k.accumulators = dots(e, k, w.group, k.accumulators);
    return;
  }
  SmallVector<Value> startOf;
  for (int64_t r = 0; r < rows && !startsInSums(); ++r)
    startOf.push_back(e.broadcastDword(ints, e.at(k.start, 4 * r)));
  if (!startsInSums())
    k.start = e.at(k.start, 4 * rows);
  if (w.twoLevel && isa.pairSums)
    return foldPairs(e, k, startOf);

  SmallVector<Value> group;
  if (isa.pairSums) {
    group = wideSums(e, k);
  } else {
    SmallVector<Value> begin(count, e.zeros(ints));
    for (int64_t j = 0; !w.twoLevel && j < vectors; ++j) {
      Value zero = w.symmetric ? Value() : tail(e, k, groupStart, Tail::Zero, j);
      for (int64_t r = 0, i = j; r < rows; ++r, i += vectors)
        begin[i] = zero ? timesStart(e, zero, startOf[r]) : startOf[r];
    }
    const int64_t sumsOfChain = (1 + k.shape.highInPlace) * count;
    begin.append(k.shape.chains * sumsOfChain - count, e.zeros(ints));
    group = dots(e, k, w.group, begin);
    for (int64_t i = sumsOfChain; i < k.shape.chains * sumsOfChain; ++i)
      group[i % sumsOfChain] = e.add(group[i % sumsOfChain], group[i]);
    for (int64_t i = 0; k.shape.highInPlace && i < count; ++i)
      group[i] = e.add(group[i], arith::ShRSIOp::create(e, group[count + i], e.splat(ints, 4)));
  }
  Accumulators results = resultsOf(e, k);
  for (int64_t j = 0; j < vectors; ++j) {
    Value scale = tail(e, k, groupStart, w.twoLevel ? Tail::Multiplier : Tail::Scale, j);
    Value offset = w.twoLevel ? tail(e, k, groupStart, Tail::Offset, j) : Value();
    Value zero = isa.pairSums && !w.symmetric ? tail(e, k, groupStart, Tail::Zero, j) : Value();
    for (int64_t r = 0, i = j; r < rows; ++r, i += vectors) {
      if (w.twoLevel) { // (A2)
        Value share = e.add(e.mul(group[i], scale), timesStart(e, offset, startOf[r]));
        results.set(i, e.add(results.get(i), share));
        continue;
      }
      Value sum = zero ? e.add(group[i], timesStart(e, zero, startOf[r])) : group[i];
      results.set(i, e.fma(e.toFloat(floats, sum), scale, results.get(i))); // (A1)
    }
  }
}

/// `count` groups from the cursors.
void KernelBuilder::groups(Emitter &e, RowKernel &k, Value count) {
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
void KernelBuilder::addGroups(Emitter &e, RowKernel &k, Value count) {
  const int64_t size = isa.vectorBytes();
  for (int64_t i = 0; k.inRegisters() && i < k.rows() * isa.vectors(); ++i)
    k.accumulators.push_back(e.load(integerResult() ? ints : floats, e.at(k.memory, i * size), size));
  groups(e, k, count);
  for (auto [i, v] : llvm::enumerate(k.accumulators))
    e.store(v, e.at(k.memory, i * size), size);
}
