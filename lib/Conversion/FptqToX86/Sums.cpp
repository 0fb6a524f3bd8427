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

/// The weights of one k-quad, `half` of octet `octet` from the cursor, as bytes.
static SmallVector<Value> loadQuad(Emitter &e, ArrayRef<Value> bases, VectorType bytes, int64_t octet, int64_t half,
                                   int64_t vectors) {
  SmallVector<Value> quad;
  int64_t size = bytes.getNumElements();
  for (int64_t j = 0; j < vectors; ++j)
    quad.push_back(e.load(bytes, e.at(bases[0], ((2 * octet + half) * vectors + j) * size), size));
  return quad;
}

/// `depth` input channels. `sums` holds rows x vectors values, twice that when high nibbles stay in place.
SmallVector<Value> KernelBuilder::dots(Emitter &e, RowKernel &k, int64_t depth, SmallVector<Value> sums) {
  const int64_t rows = k.rows(), vectors = isa.vectors(), perPanel = isa.vectorsPerPanel(), body = k.shape.bodyK;
  SmallVector<Value> carried{k.weights, k.activations};
  carried.append(sums.begin(), sums.end());
  SmallVector<Value> result = e.repeat(depth / body, carried, [&](ValueRange now) {
    SmallVector<Value> sums(now.drop_front(2)), bases;
    for (Value panel : k.panels)
      bases.push_back(e.at(panel, now[0]));
    if (!k.direct)
      bases.push_back(now[0]);
    for (int64_t octet = 0; octet < body / 8; ++octet) {
      SmallVector<Value> packed;
      auto loadPacked = [&](int64_t j, bool again) {
        return e.load(bytes, e.at(bases[j / perPanel], octet * 64 + j % perPanel * isa.vectorBytes()), 1, again);
      };
      if (k.direct && !k.shape.reloadNibbles)
        for (int64_t j = 0; j < vectors; ++j)
          packed.push_back(loadPacked(j, false));
      for (Value base : k.shape.prefetchBytes ? ArrayRef<Value>(bases) : ArrayRef<Value>())
        e.prefetch(base, octet * 64 + k.shape.prefetchBytes);
      for (int64_t half = 0; half < 2; ++half) {
        SmallVector<Value> quad;
        if (!k.direct)
          quad = loadQuad(e, bases, bytes, octet, half, vectors);
        else // a volatile load is not merged with its twin, so no register holds the packed bytes
          for (int64_t j = 0; j < vectors; ++j)
            quad.push_back(
                nibbles(e, k.shape.reloadNibbles ? loadPacked(j, true) : packed[j], half, k.shape.highInPlace));
        for (int64_t r = 0; r < rows; ++r) {
          Value x = e.broadcastDword(bytes, e.at(now[1], ((2 * octet + half) * rows + r) * 4));
          for (int64_t j = 0; j < vectors; ++j) {
            Value &sum = sums[r * vectors + j + (half && k.shape.highInPlace ? rows * vectors : 0)];
            sum = dot(e, sum, quad[j], x);
          }
        }
      }
    }
    Value weights = k.direct ? e.add(now[0], 8 * body) : e.at(now[0], slabBytes(body));
    SmallVector<Value> next{weights, e.at(now[1], body * rows)};
    next.append(sums);
    return next;
  });
  k.weights = result[0];
  k.activations = result[1];
  return SmallVector<Value>(llvm::drop_begin(result, 2));
}

namespace {
/// Accumulators, in registers or in memory.
struct Accumulators {
  Emitter &e;
  Value memory; ///< null: registers
  Type type;
  int64_t size;
  SmallVector<Value> &registers;

  Value get(int64_t i) { return memory ? e.load(type, e.at(memory, i * size), size) : registers[i]; }
  void set(int64_t i, Value v) {
    if (memory)
      e.store(v, e.at(memory, i * size), size);
    else
      registers[i] = v;
  }
};
} // namespace

/// Group sums of a tier that adds in 16 bits: every `sumDepth` channels are widened. Returns them as values, or
/// leaves them in k.wide when there are too many for registers (then the result is empty).
SmallVector<Value> KernelBuilder::wideSums(Emitter &e, RowKernel &k, ArrayRef<Value> start) {
  const int64_t count = k.rows() * isa.vectors(), depth = sumDepth(w.group), parts = w.group / depth;
  const bool registers = parts == 1 || k.rows() <= 1;
  SmallVector<Value> values(start);
  Accumulators wide{e, registers ? Value() : k.wide, ints, isa.vectorBytes(), values};
  if (!registers)
    for (int64_t i = 0; i < count; ++i)
      wide.set(i, start[i]);
  SmallVector<Value> carried{k.weights, k.activations};
  if (registers)
    carried.append(start.begin(), start.end());
  SmallVector<Value> result = e.repeat(parts, carried, [&](ValueRange now) {
    k.weights = now[0], k.activations = now[1];
    if (registers)
      values.assign(now.begin() + 2, now.end());
    SmallVector<Value> part = dots(e, k, depth, SmallVector<Value>(count, e.zeros(sums)));
    Value ones = e.splat(sums, 1);
    for (int64_t i = 0; i < count; ++i)
      wide.set(i, e.add(wide.get(i), Madd16Op::create(e, ints, part[i], ones)));
    SmallVector<Value> next{k.weights, k.activations};
    if (registers)
      next.append(values);
    return next;
  });
  k.weights = result[0], k.activations = result[1];
  return registers ? SmallVector<Value>(llvm::drop_begin(result, 2)) : SmallVector<Value>();
}

/// (a, a) in 16 bits each: vpmaddwd by them widens and scales at once.
Value KernelBuilder::pairs(Emitter &e, Value wide) {
  Value high = arith::ShLIOp::create(e, wide, e.splat(ints, 16));
  return e.bitcast(sums, arith::OrIOp::create(e, wide, high));
}

/// (P4, P5) One vector of a group's tail: from the packed bytes, or from what `tails` left of them.
Value KernelBuilder::tail(Emitter &e, const RowKernel &k, Value groupStart, Tail kind, int64_t j) {
  const int64_t vectors = isa.vectors(), size = isa.vectorBytes();
  if (!k.direct) {
    bool second = kind == Tail::Zero || kind == Tail::Offset;
    Type type = kind == Tail::Scale ? floats : kind == Tail::Multiplier ? sums : ints;
    return e.load(type, e.at(k.tails, (second ? vectors + j : j) * size), size);
  }
  Value base = e.at(e.at(k.panels[j / isa.vectorsPerPanel()], groupStart), w.tail);
  Value v = loadTail(e, kind, base, j % isa.vectorsPerPanel());
  return kind == Tail::Multiplier && isa.pairSums ? pairs(e, v) : v;
}

/// The two-level scheme in 16-bit sums: the multiplier is applied by the widening itself, the offset once a group.
void KernelBuilder::foldPairs(Emitter &e, RowKernel &k, ArrayRef<Value> startOf) {
  const int64_t rows = k.rows(), vectors = isa.vectors(), depth = sumDepth(w.group);
  Value groupStart = k.weights;
  Accumulators results{e, k.inRegisters() ? Value() : k.memory, ints, isa.vectorBytes(), k.accumulators};
  for (int64_t j = 0; j < vectors; ++j) {
    Value offset = tail(e, k, groupStart, Tail::Offset, j);
    for (int64_t r = 0, i = j; r < rows; ++r, i += vectors)
      results.set(i, e.add(results.get(i), e.mul(offset, startOf[r])));
  }
  SmallVector<Value> carried{k.weights, k.activations};
  if (k.inRegisters())
    carried.append(k.accumulators);
  SmallVector<Value> after = e.repeat(w.group / depth, carried, [&](ValueRange now) {
    k.weights = now[0], k.activations = now[1];
    if (k.inRegisters())
      k.accumulators.assign(now.begin() + 2, now.end());
    SmallVector<Value> part = dots(e, k, depth, SmallVector<Value>(rows * vectors, e.zeros(sums)));
    for (int64_t j = 0; j < vectors; ++j) {
      Value multiplier = tail(e, k, groupStart, Tail::Multiplier, j);
      for (int64_t r = 0, i = j; r < rows; ++r, i += vectors)
        results.set(i, e.add(results.get(i), Madd16Op::create(e, ints, part[i], multiplier)));
    }
    SmallVector<Value> next{k.weights, k.activations};
    if (k.inRegisters())
      next.append(k.accumulators);
    return next;
  });
  k.weights = after[0], k.activations = after[1];
  if (k.inRegisters())
    k.accumulators.assign(after.begin() + 2, after.end());
}

/// One group: start values, dots, and its share of the accumulators.
void KernelBuilder::foldGroup(Emitter &e, RowKernel &k) {
  const int64_t rows = k.rows(), vectors = isa.vectors(), count = rows * vectors, size = isa.vectorBytes();
  SmallVector<Value> startOf;
  for (int64_t r = 0; r < rows; ++r)
    startOf.push_back(e.broadcastDword(ints, e.at(k.start, 4 * r)));
  if (w.twoLevel && isa.pairSums)
    return foldPairs(e, k, startOf);

  Value groupStart = k.weights;
  SmallVector<Value> begin(count, e.zeros(ints));
  for (int64_t j = 0; !w.twoLevel && j < vectors; ++j) {
    Value zero = w.symmetric ? Value() : tail(e, k, groupStart, Tail::Zero, j);
    for (int64_t r = 0, i = j; r < rows; ++r, i += vectors)
      begin[i] = zero ? e.mul(zero, startOf[r]) : startOf[r];
  }
  SmallVector<Value> group;
  if (isa.pairSums) {
    group = wideSums(e, k, begin);
  } else {
    if (k.shape.highInPlace)
      begin.append(count, e.zeros(ints));
    group = dots(e, k, w.group, begin);
    for (int64_t i = 0; k.shape.highInPlace && i < count; ++i)
      group[i] = e.add(group[i], arith::ShRSIOp::create(e, group[count + i], e.splat(ints, 4)));
  }
  Accumulators results{e, k.inRegisters() ? Value() : k.memory, integerResult() ? ints : floats, size, k.accumulators};
  for (int64_t j = 0; j < vectors; ++j) {
    Value scale = tail(e, k, groupStart, w.twoLevel ? Tail::Multiplier : Tail::Scale, j);
    Value offset = w.twoLevel ? tail(e, k, groupStart, Tail::Offset, j) : Value();
    for (int64_t r = 0, i = j; r < rows; ++r, i += vectors) {
      Value sum = group.empty() ? e.load(ints, e.at(k.wide, i * size), size) : group[i];
      if (w.twoLevel) // (A2)
        results.set(i, e.add(results.get(i), e.add(e.mul(sum, scale), e.mul(offset, startOf[r]))));
      else // (A1)
        results.set(i, e.fma(e.toFloat(floats, sum), scale, results.get(i)));
    }
  }
}

/// `count` groups from the cursors.
void KernelBuilder::groups(Emitter &e, RowKernel &k, Value count) {
  SmallVector<Value> carried = k.cursors();
  if (k.inRegisters())
    carried.append(k.accumulators);
  SmallVector<Value> after = e.loop(e.num(0), count, 1, carried, [&](Value, ValueRange now) {
    size_t n = k.setCursors(now);
    if (k.inRegisters())
      k.accumulators.assign(now.begin() + n, now.end());
    foldGroup(e, k);
    k.start = e.at(k.start, 4 * k.rows());
    if (k.direct)
      k.weights = e.add(k.weights, w.groupBytes - w.tail);
    else
      k.tails = e.at(k.tails, tailVectors() * isa.vectorBytes());
    SmallVector<Value> next = k.cursors();
    if (k.inRegisters())
      next.append(k.accumulators);
    return next;
  });
  size_t n = k.setCursors(after);
  if (k.inRegisters())
    k.accumulators.assign(after.begin() + n, after.end());
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// direct<R>(panel..., activations, start, groups, results)
LLVM::LLVMFuncOp KernelBuilder::direct(int64_t rows) {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  SmallVector<Type> arguments(isa.panels, p);
  arguments.append({p, p, i64, p});
  return function("direct" + Twine(rows), arguments, [&](Emitter &e, ValueRange args) {
    RowKernel k;
    k.shape = directShape(isa, rows, sumDepth(w.group)), k.direct = true;
    const int64_t count = rows * isa.vectors();
    k.panels.assign(args.begin(), args.begin() + isa.panels);
    args = args.drop_front(isa.panels);
    k.weights = e.num(0);
    k.activations = args[0], k.start = args[1], k.memory = args[3];
    if (isa.pairSums)
      k.wide = e.stack(count * isa.vectorBytes());
    Value zero = e.zeros(integerResult() ? ints : floats);
    if (k.inRegisters())
      k.accumulators.assign(count, zero);
    for (int64_t i = 0; !k.inRegisters() && i < count; ++i)
      e.store(zero, e.at(k.memory, i * isa.vectorBytes()), isa.vectorBytes());
    groups(e, k, args[2]);
    for (auto [i, v] : llvm::enumerate(k.accumulators))
      e.store(v, e.at(k.memory, i * isa.vectorBytes()), isa.vectorBytes());
  });
}

/// tile<R>(slab, tails, activations, start, groups, results): results += groups of a slab.
LLVM::LLVMFuncOp KernelBuilder::tile(int64_t rows) {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("tile" + Twine(rows), {p, p, p, p, i64, p}, [&](Emitter &e, ValueRange args) {
    RowKernel k;
    k.shape = slabShape(isa, rows, sumDepth(w.group), true);
    k.weights = args[0], k.tails = args[1], k.activations = args[2], k.start = args[3], k.memory = args[5];
    if (isa.pairSums)
      k.wide = e.stack(rows * isa.vectors() * isa.vectorBytes());
    groups(e, k, args[4]);
  });
}

/// tile<R>(slab, tails, activations, parts, sums): sums += `parts` times sumDepth channels, without folding.
LLVM::LLVMFuncOp KernelBuilder::integerTile(int64_t rows) {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("integer_tile" + Twine(rows), {p, p, p, i64, p}, [&](Emitter &e, ValueRange args) {
    RowKernel k;
    k.shape = slabShape(isa, rows, sumDepth(w.group), false);
    const int64_t count = rows * isa.vectors(), size = isa.vectorBytes();
    auto sumAt = [&](int64_t i) { return e.at(args[4], i * size); };
    SmallVector<Value> carried{args[0], args[2]};
    for (int64_t i = 0; !isa.pairSums && i < count; ++i)
      carried.push_back(e.load(ints, sumAt(i), size));
    SmallVector<Value> after = e.loop(e.num(0), args[3], 1, carried, [&](Value, ValueRange now) {
      k.weights = now[0], k.activations = now[1];
      SmallVector<Value> part(now.drop_front(2));
      if (isa.pairSums)
        part.assign(count, e.zeros(sums));
      part = dots(e, k, isa.pairSums ? sumDepth(w.group) : k.shape.bodyK, part);
      for (int64_t i = 0; isa.pairSums && i < count; ++i) {
        Value factor = w.twoLevel ? e.load(sums, e.at(args[1], i % isa.vectors() * size), size) : e.splat(sums, 1);
        Value wide = Madd16Op::create(e, ints, part[i], factor);
        e.store(e.add(e.load(ints, sumAt(i), size), wide), sumAt(i), size);
      }
      SmallVector<Value> next{k.weights, k.activations};
      if (!isa.pairSums)
        next.append(part);
      return next;
    });
    for (int64_t i = 0; !isa.pairSums && i < count; ++i)
      e.store(after[2 + i], sumAt(i), size);
  });
}
