//===- AmxDriver.cpp - many rows on AMX tiles -----------------------------===//
#include "Amx.h"
#include "MatmulFields.h"

using namespace mlir;
using namespace mlir::fptq::x86;

/// amx_matmul(matmul, first panel, last panel)
LLVM::LLVMFuncOp KernelBuilder::amxMatmul() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_matmul", {p, i64, i64}, [&](Emitter &e, ValueRange args) {
    MatmulFields mm(e, args[0]);
    const int64_t resultBytes = kSweepPairs * kPairRows * kResultStride;
    SlabSpace space;
    space.results = e.stack(resultBytes);
    space.sums = w.twoLevel ? space.results : amxKeepsIntegers() ? e.stack(resultBytes) : e.stack(2 * amxChunkBytes());
    space.next = e.stack(8 * NextSlab::FieldCount);
    space.slab = e.stack(2 * amxSlabK() / 64 * kStep);
    space.tails = e.stack(std::max<int64_t>(1, amxSlabK() / w.group) * tailVectors() * 64);
    Value m = mm.m(), pairs = e.ceilDiv(m, kPairRows);
    e.loop(e.num(0), pairs, kSweepPairs, [&](Value pair) {
      Value count = e.min(e.num(kSweepPairs), e.sub(pairs, pair)), row = e.mul(pair, kPairRows);
      Value rows = e.min(e.num(kSweepPairs * kPairRows), e.sub(m, row));
      e.loop(args[1], args[2], isa.panels, [&](Value block) {
        amxSweep(e, args[0], space, pair, count, rows, blockPanels(e, args[0], block, args[2]));
        call(e, epilogue(),
             {args[0], space.results, row, rows, block, e.min(e.num(isa.panels), e.sub(args[2], block))});
      });
    });
  });
}

/// Units [first, last) of all of K, slab by slab. The two halves of the block take turns, so that the slab that all
/// row tiles share stays in L1: `multiply` is called for each half of each slab, and unpacks the one behind it.
void KernelBuilder::amxSlabs(Emitter &e, ArrayRef<Value> panels, Value groups, const SlabSpace &space, Value first,
                             Value last, llvm::function_ref<void(const AmxTurn &)> multiply) {
  const int64_t inSlab = amxSlabK() / amxUnitK(), slabSize = amxSlabK() / 64 * kStep;
  auto turnOf = [&](Value turn) {
    AmxTurn t;
    t.half = arith::AndIOp::create(e, turn, e.num(1));
    t.first = e.add(first, e.mul(e.div(turn, e.num(2)), inSlab));
    t.units = e.min(e.num(inSlab), arith::MaxSIOp::create(e, e.sub(last, t.first), e.num(0)));
    t.slab = e.at(space.slab, e.mul(t.half, slabSize));
    return t;
  };
  NextSlab next{e, space.next};
  auto describe = [&](const AmxTurn &t) {
    Value second = e.equal(t.half, e.num(1));
    next.set(NextSlab::Panel0, e.select(second, panels[2], panels[0]));
    next.set(NextSlab::Panel1, e.select(second, panels[3], panels[1]));
    next.set(NextSlab::Groups, groups);
    next.set(NextSlab::FirstUnit, t.first);
    next.set(NextSlab::Units, t.units);
    next.set(NextSlab::Place, t.slab);
    next.set(NextSlab::Done, e.num(0));
  };
  describe(turnOf(e.num(0)));
  call(e, amxFill(), space.next);
  e.loop(e.num(0), e.mul(e.ceilDiv(e.sub(last, first), inSlab), 2), 1, [&](Value turn) {
    describe(turnOf(e.add(turn, 1)));
    multiply(turnOf(turn));
    if (!unpacksInUnits())
      call(e, amxFill(), space.next);
  });
}

/// One block of columns and up to 8 pairs of row tiles, all of K.
void KernelBuilder::amxSweep(Emitter &e, Value matmul, const SlabSpace &space, Value pair, Value pairs, Value rows,
                             ArrayRef<Value> panels) {
  MatmulFields mm(e, matmul);
  Value groups = mm.groups(), stride = e.mul(e.ceilDiv(e.mul(groups, w.group), 64), kStep);
  Value activations = e.at(mm.scratch(), e.mul(pair, stride));
  auto clear = [&](Value memory, Value bytes) {
    e.loop(e.num(0), bytes, 64, [&](Value i) { e.store(e.zeros(ints), e.at(memory, i), 64); });
  };
  auto tailsOf = [&](Value group, Value to) {
    SmallVector<Value> arguments(panels);
    arguments.append({e.add(e.mul(group, w.groupBytes), w.tail), to});
    call(e, tails(), arguments);
  };
  auto at = [&](Value unit) { // activations of a unit; slabs are whole tiles
    return e.at(activations, e.mul(e.div(e.mul(unit, amxUnitK()), e.num(64)), kStep));
  };
  auto integers = [&](Value first, Value last) {
    amxSlabs(e, panels, groups, space, first, last, [&](const AmxTurn &t) {
      Value steps = e.ceilDiv(e.mul(t.units, amxUnitK()), 64), sums = e.at(space.sums, e.mul(t.half, kHalfBytes));
      SmallVector<Value> arguments{space.next, t.slab, at(t.first), stride, steps, pairs, sums};
      e.ifElse(
          e.equal(t.first, first), [&] { call(e, amxIntegers(true), arguments); },
          [&] { call(e, amxIntegers(false), arguments); });
    });
  };

  Value allUnits = e.ceilDiv(e.mul(groups, w.group), amxUnitK());
  if (w.twoLevel)
    return integers(e.num(0), allUnits);
  clear(space.results, e.mul(pairs, kPairRows * kResultStride));
  if (amxKeepsIntegers())
    return e.loop(e.num(0), groups, 1, [&](Value g) {
      Value units = e.num(w.group / amxUnitK());
      tailsOf(g, space.tails);
      integers(e.mul(g, units), e.mul(e.add(g, 1), units));
      call(e, fold(), {space.tails, rows, space.sums, space.results});
    });
  const int64_t inSlab = amxSlabK() / w.group;
  amxSlabs(e, panels, groups, space, e.num(0), allUnits, [&](const AmxTurn &t) {
    Value k = e.mul(t.first, amxUnitK()), group = e.div(k, e.num(w.group));
    Value here = e.min(e.num(inSlab), e.sub(groups, group));
    e.ifThen(e.equal(t.half, e.num(0)), [&] {
      // Scales of zero complete the last chunk: what its tiles hold there does not matter.
      clear(space.tails, e.num(inSlab * tailVectors() * 64));
      e.loop(e.num(0), here, 1,
             [&](Value i) { tailsOf(e.add(group, i), e.at(space.tails, e.mul(i, tailVectors() * 64))); });
    });
    call(e, amxFloats(),
         {space.next, t.slab, e.at(space.tails, e.mul(t.half, kHalfBytes)), at(t.first), stride, here, pairs,
          e.at(space.results, e.mul(t.half, kHalfBytes)), space.sums});
  });
}
