//===- RowKernels.cpp - the functions around the inner loops --------------===//
#include "RowKernels.h"
#include "fptq/Conversion/FptqToX86/FptqX86.h"

using namespace mlir;
using namespace mlir::fptq::x86;

LLVM::LLVMFuncOp RowKernels::direct(int64_t rows) {
  return overPanels("direct" + Twine(rows), directShape(isa, rows, sumDepth(w.group)));
}

LLVM::LLVMFuncOp RowKernels::finish(int64_t rows) {
  return overPanels("finish" + Twine(rows), finishShape(rows, w.group));
}

/// name(panel..., panels, activations, start, groups, results): all groups of a block's panels, unpacked in registers.
LLVM::LLVMFuncOp RowKernels::overPanels(const Twine &name, const TileShape &shape) {
  SmallVector<Type> arguments = panelTypes();
  arguments.append({i64, ptr, ptr, i64, ptr});
  return function(name, arguments, [&](Emitter &e, ValueRange args) {
    ValueRange panels = takePanels(args);
    Value wide = wideSpace(e, shape.rows);
    e.loop(e.num(0), args[0], std::max(shape.panels, kPairPanels), [&](Value first) {
      RowKernel k;
      k.shape = shape, k.direct = true, k.wide = wide;
      if (panels.size() > 1 && shape.panels == kPairPanels) // one of two pairs
        k.panels = {e.select(e.equal(first, e.num(0)), panels[0], panels[1])};
      else
        k.panels.assign(panels.begin(), panels.end());
      k.weights = e.num(0);
      k.activations = args[1], k.start = args[2];
      k.memory = e.at(args[4], e.mul(first, isa.vectorsPerPanel() * isa.vectorBytes()));
      allGroups(e, k, args[3]);
    });
  });
}

/// `count` groups from nothing; results go to k.memory, whose rows are a block wide.
void RowKernels::allGroups(Emitter &e, RowKernel &k, Value count) {
  const int64_t vectors = vectorsOf(k), size = isa.vectorBytes();
  assert((k.inRegisters() || vectors * k.turns() == isa.vectors()) && "accumulators in memory are rows of a block");
  Value zero = e.zeros(integerResult() ? ints : floats);
  if (k.inRegisters())
    k.accumulators.assign(k.rows() * vectors, zero);
  for (int64_t i = 0; k.shape.finishes && i < k.rows() * vectors; ++i)
    k.accumulators[i] = i % vectors ? k.accumulators[i - 1] : e.broadcastDword(ints, e.at(k.start, 4 * (i / vectors)));
  for (int64_t i = 0; !k.inRegisters() && i < k.rows() * isa.vectors(); ++i)
    e.store(zero, e.at(k.memory, i * size), size);
  groups(e, k, count);
  for (auto [i, v] : llvm::enumerate(k.accumulators))
    e.store(v, e.at(k.memory, (i / vectors * isa.vectors() + i % vectors) * size), size);
}

/// first<R>(panel..., offset in them, activations, start, groups, results, slab, tails): the first tile of a sweep.
/// Computes as `direct` does, results += groups of a slab, and leaves slab and tails for the tiles that follow: the
/// stores, and the wait for weights from L3, hide behind its dots.
LLVM::LLVMFuncOp RowKernels::first(int64_t rows) {
  SmallVector<Type> arguments = panelTypes();
  arguments.append({i64, ptr, ptr, i64, ptr, ptr, ptr});
  return function("first" + Twine(rows), arguments, [&](Emitter &e, ValueRange args) {
    RowKernel k;
    k.shape = firstShape(isa, rows, sumDepth(w.group)), k.direct = true;
    ValueRange panels = takePanels(args);
    k.panels.assign(panels.begin(), panels.end());
    k.weights = args[0], k.activations = args[1], k.start = args[2], k.memory = args[4];
    k.slabOut = args[5], k.tails = args[6];
    k.wide = wideSpace(e, rows);
    addGroups(e, k, args[3]);
  });
}

/// name(slab, tails, activations, start, count, results, first tile, last tile, step of activations, step of start,
/// next..., quarter): `body` for tiles of a run, with the cursors and results of each. A tile fetches a quarter of the
/// slab that begins at `next` in each pair.
LLVM::LLVMFuncOp RowKernels::overSlab(const Twine &name, const TileShape &shape,
                                      llvm::function_ref<void(Emitter &, RowKernel &, ValueRange)> body) {
  SmallVector<Type> arguments{ptr, ptr, ptr, ptr, i64, ptr, i64, i64, i64, i64};
  llvm::append_range(arguments, panelTypes());
  arguments.push_back(i64);
  return function(name, arguments, [&](Emitter &e, ValueRange args) {
    Value wide = wideSpace(e, shape.rows);
    e.loop(args[6], args[7], 1, ValueRange{args[2], args[3], args[5]}, [&](Value tile, ValueRange now) {
      RowKernel k;
      k.shape = shape, k.wide = wide;
      k.weights = args[0], k.tails = args[1], k.activations = now[0], k.start = now[1], k.memory = now[2];
      if (shape.prefetchNextSlab) {
        k.nextPairs = llvm::to_vector(args.slice(10, panelTypes().size()));
        k.ahead = e.mul(arith::AndIOp::create(e, tile, e.num(3)), args.back());
      }
      body(e, k, args);
      return SmallVector<Value>{e.at(now[0], args[8]), e.at(now[1], args[9]),
                                e.at(now[2], shape.rows * isa.vectors() * isa.vectorBytes())};
    });
  });
}

/// tile<R>: results += `count` groups of a slab.
LLVM::LLVMFuncOp RowKernels::tile(int64_t rows) {
  return overSlab("tile" + Twine(rows), slabShape(isa, rows, sumDepth(w.group), true),
                  [&](Emitter &e, RowKernel &k, ValueRange args) { addGroups(e, k, args[4]); });
}

/// integer_tile<R>: results += `count` times partK channels, without folding.
LLVM::LLVMFuncOp RowKernels::integerTile(int64_t rows) {
  return overSlab("integer_tile" + Twine(rows), slabShape(isa, rows, sumDepth(w.group), false),
                  [&](Emitter &e, RowKernel &k, ValueRange args) {
                    k.tails = Value(); // they do not move on with each part
                    SmallVector<Value> begin = k.cursors();
                    for (k.turn = 0; k.turn < k.turns(); ++k.turn) {
                      k.setCursors(begin);
                      addParts(e, k, args[1], args[4]);
                    }
                  });
}

/// The panels in hand of integerTile.
void RowKernels::addParts(Emitter &e, RowKernel &k, Value tails, Value parts) {
  const int64_t vectors = vectorsOf(k), count = k.rows() * vectors, size = isa.vectorBytes();
  const int64_t first = k.turn * vectors;
  auto sumAt = [&](int64_t i) { return e.at(k.memory, (i / vectors * isa.vectors() + first + i % vectors) * size); };
  SmallVector<Value> carried = k.cursors();
  for (int64_t i = 0; !isa.pairSums && i < count; ++i)
    carried.push_back(e.load(ints, sumAt(i), size));
  SmallVector<Value> after = e.loop(e.num(0), parts, 1, carried, [&](Value, ValueRange now) {
    SmallVector<Value> sum(k.setCursors(now));
    sum = isa.pairSums ? part(e, k) : dots(e, k, k.shape.bodyK, sum);
    for (int64_t i = 0; isa.pairSums && i < count; ++i) {
      Value factor = w.twoLevel ? e.load(sums, e.at(tails, (first + i % vectors) * size), size) : e.splat(sums, 1);
      Value wide = Madd16Op::create(e, ints, sum[i], factor);
      e.store(e.add(e.load(ints, sumAt(i), size), wide), sumAt(i), size);
    }
    SmallVector<Value> next = k.cursors();
    if (!isa.pairSums)
      next.append(sum);
    return next;
  });
  ValueRange sum = k.setCursors(after);
  for (auto [i, v] : llvm::enumerate(sum))
    e.store(v, sumAt(i), size);
}

/// Stack space for group sums that are more than a row and made of more than a part.
Value RowKernels::wideSpace(Emitter &e, int64_t rows) {
  bool needed = isa.pairSums && !w.twoLevel && rows > 1 && sumDepth(w.group) < w.group;
  return needed ? e.stack(rows * isa.vectors() * isa.vectorBytes()) : Value();
}
