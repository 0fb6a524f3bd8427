//===- AmxDriver.cpp - many rows on AMX tiles -----------------------------===//
#include "Amx.h"
#include "Epilogue.h"
#include "MatmulFields.h"
#include "SlabKernels.h"

using namespace mlir;
using namespace mlir::fptq::x86;

/// amx_matmul(matmul, first panel, last panel)
LLVM::LLVMFuncOp AmxKernels::matmul() {
  return function("amx_matmul", {ptr, i64, i64}, [&](Emitter &e, ValueRange args) {
    MatmulFields mm(e, args[0]);
    const int64_t resultBytes = kSweepPairs * kPairRows * kResultStride;
    Space space;
    space.results = e.stack(resultBytes);
    space.sums = w.twoLevel || !keepsIntegers() ? space.results : e.stack(resultBytes);
    space.sweep = e.stack(spaceBytes());
    space.tails = e.stack(tailVectors() * 64);
    Value m = mm.m(), pairs = e.ceilDiv(m, kPairRows);
    e.loop(e.num(0), pairs, kSweepPairs, [&](Value pair) {
      Value count = e.min(e.num(kSweepPairs), e.sub(pairs, pair)), row = e.mul(pair, kPairRows);
      Value rows = e.min(e.num(kSweepPairs * kPairRows), e.sub(m, row));
      e.loop(args[1], args[2], isa.panels, [&](Value block) {
        multiplyBlock(e, space, {args[0], space.sweep, pair, count, block, args[2]}, rows);
        Value panels = e.min(e.num(isa.panels), e.sub(args[2], block));
        call(e, EpilogueKernels(*this).epilogue(), {args[0], space.results, row, rows, block, panels});
      });
    });
  });
}

/// One block of columns and up to 8 pairs of row tiles, all of K. `sweep`: the arguments of its kernels.
void AmxKernels::multiplyBlock(Emitter &e, const Space &space, ArrayRef<Value> sweep, Value rows) {
  Value groups = MatmulFields(e, sweep[0]).groups(), bytes = e.mul(sweep[3], kPairRows * kResultStride);
  auto integers = [&](Value first, Value last) {
    SmallVector<Value> arguments(sweep);
    arguments.append({first, last, space.sums});
    call(e, integerSums(), arguments);
  };
  if (w.twoLevel)
    return integers(e.num(0), e.ceilDiv(e.mul(groups, w.group), unitK()));
  e.loop(e.num(0), bytes, 64, [&](Value i) { e.store(e.zeros(floats), e.at(space.results, i), 64); });
  if (!keepsIntegers()) {
    SmallVector<Value> arguments(sweep);
    arguments.push_back(space.results);
    return call(e, floatSums(), arguments);
  }
  e.loop(e.num(0), groups, 1, [&](Value g) {
    Value units = e.num(w.group / unitK());
    SmallVector<Value> arguments = blockPanels(e, sweep[0], sweep[4], sweep[5]);
    arguments.append({e.mul(g, w.groupBytes), space.tails});
    call(e, SlabKernels(*this).tails(), arguments);
    integers(e.mul(g, units), e.mul(e.add(g, 1), units));
    call(e, SlabKernels(*this).fold(), {space.tails, rows, space.sums, space.results});
  });
}
