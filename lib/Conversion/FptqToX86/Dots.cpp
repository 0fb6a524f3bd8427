//===- Dots.cpp - input channels of a group: load, unpack, multiply -------===//
#include "RowKernels.h"
#include "fptq/Conversion/FptqToX86/FptqX86.h"

using namespace mlir;
using namespace mlir::fptq::x86;

/// A vector of weights of one k-quad of a body, as bytes: from the slab, or unpacked from `packed`, which a direct
/// kernel that fills a slab leaves there.
Value RowKernels::quad(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, ArrayRef<Value> packed, Value slabOut,
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

Value RowKernels::loadPacked(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, int64_t octet, int64_t j,
                             bool again) {
  const int64_t perPair = kPairPanels * isa.vectorsPerPanel(), vector = k.turn * vectorsOf(k) + j;
  Value octetOfPair = e.at(bases[vector / perPair], octet * kPairOctetBytes);
  return e.load(bytes, e.at(octetOfPair, vector % perPair * isa.vectorBytes()), 1, again);
}

/// An octet of each pair, as many bytes further on as the shape says; over a slab, a line of one pair or the other of
/// the next one, into L2. The first turn fetches for both: Zen 4, tier avx2, M = 4 from memory: 485 us for 535.
void RowKernels::prefetch(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, Value ahead, int64_t octet) {
  const int64_t pairs = k.nextPairs.size();
  if (ahead)
    e.prefetch(e.at(k.nextPairs[octet % pairs], ahead), octet / pairs * kOctetBytes, /*locality=*/2);
  for (int64_t line = 0; line < kPairOctetBytes && k.shape.prefetchBytes; line += kOctetBytes)
    for (Value base : bases)
      e.prefetch(base, octet * kPairOctetBytes + line + k.shape.prefetchBytes);
}

/// sums += one k-quad of every row and vector.
void RowKernels::addQuad(Emitter &e, const RowKernel &k, llvm::function_ref<Value(int64_t)> weightsOf,
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
SmallVector<Value> RowKernels::dots(Emitter &e, RowKernel &k, int64_t depth, SmallVector<Value> sums) {
  const int64_t rows = k.rows(), vectors = vectorsOf(k), body = k.shape.bodyK;
  SmallVector<Value> carried{k.weights, k.activations};
  for (Value optional : {k.slabOut, k.ahead})
    if (optional)
      carried.push_back(optional);
  const size_t cursors = carried.size();
  carried.append(sums.begin(), sums.end());
  SmallVector<Value> result = e.repeat(depth / body, carried, [&](ValueRange now) {
    SmallVector<Value> sums(now.drop_front(cursors)), bases;
    Value slabOut = k.slabOut ? now[2] : Value(), ahead = k.ahead ? now[cursors - 1] : Value();
    for (Value pair : k.panels)
      bases.push_back(e.at(pair, now[0]));
    if (!k.direct)
      bases.push_back(now[0]);
    for (int64_t octet = 0; octet < body / 8; ++octet) {
      SmallVector<Value> packed;
      if (k.direct && !k.shape.reloadNibbles)
        for (int64_t j = 0; j < vectors; ++j)
          packed.push_back(loadPacked(e, k, bases, octet, j, false));
      if (k.turn == 0)
        prefetch(e, k, bases, ahead, octet);
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
    if (ahead)
      next.push_back(e.add(ahead, llvm::divideCeil(body / 8, k.nextPairs.size()) * kOctetBytes));
    next.append(sums);
    return next;
  });
  k.weights = result[0];
  k.activations = result[1];
  if (k.slabOut)
    k.slabOut = result[2];
  if (k.ahead)
    k.ahead = result[cursors - 1];
  return SmallVector<Value>(llvm::drop_begin(result, cursors));
}
