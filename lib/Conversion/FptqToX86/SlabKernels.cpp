//===- SlabKernels.cpp - weights unpacked once for many rows --------------===//
#include "SlabKernels.h"
#include "fptq/Conversion/FptqToX86/FptqX86.h"

using namespace mlir;
using namespace mlir::fptq::x86;

/// unpack(panel..., group, first octet, octets, slab): octets of one group as bytes, [k/4][vector]. `group` is its
/// offset in each pair.
LLVM::LLVMFuncOp SlabKernels::unpack() {
  SmallVector<Type> arguments = panelTypes();
  arguments.append({i64, i64, i64, ptr});
  return function("unpack", arguments, [&](Emitter &e, ValueRange args) {
    const int64_t vectors = isa.vectors(), perPanel = isa.vectorsPerPanel(), size = isa.vectorBytes();
    const int64_t perPair = kPairPanels * perPanel;
    // Tiles have it in L2; what is fetched beyond it besides holds up its lines. Emerald Rapids, two-level: 1.04 times
    // as fast at M = 64, 1.03 at 256, without.
    const bool ahead = slabShape(isa, 1, partK(), false).prefetchNextSlab;
    ValueRange panels = takePanels(args);
    SmallVector<Finish> finish;
    for (int64_t j = 0; slabHoldsBytes() && j < vectors; ++j)
      finish.push_back(loadFinish(e, panelTail(e, panels, args[0], j / perPanel), j % perPanel));
    Value nibblesFrom = e.add(args[0], e.mul(args[1], kPairOctetBytes));
    e.loop(e.num(0), args[2], 1, {nibblesFrom, args[3]}, [&](Value, ValueRange now) {
      for (int64_t j = 0; j < vectors; ++j) {
        Value from = e.at(e.at(panels[j / perPair], now[0]), j % perPair * size);
        Value packed = e.load(bytes, from);
        if (j % perPanel == 0 && !ahead)
          e.prefetch(from, 4096);
        for (int64_t half = 0; half < 2; ++half) {
          Value quad = nibbles(e, packed, half);
          quad = slabHoldsBytes() ? finished(e, quad, finish[j]) : quad;
          e.store(quad, e.at(now[1], (half * vectors + j) * size), size);
        }
      }
      return SmallVector<Value>{e.add(now[0], kPairOctetBytes), e.at(now[1], slabBytes(8))};
    });
  });
}

/// tails(panel..., group, out): scales or multipliers, then zero points or offsets, one vector each.
LLVM::LLVMFuncOp SlabKernels::tails() {
  SmallVector<Type> arguments = panelTypes();
  arguments.append({i64, ptr});
  return function("tails", arguments, [&](Emitter &e, ValueRange args) {
    const int64_t vectors = isa.vectors(), perPanel = isa.vectorsPerPanel(), size = isa.vectorBytes();
    ValueRange panels = takePanels(args);
    for (int64_t j = 0; j < vectors; ++j) {
      Value tail = panelTail(e, panels, args[0], j / perPanel);
      Value first = loadTail(e, w.twoLevel ? Tail::Multiplier : Tail::Scale, tail, j % perPanel);
      e.store(w.twoLevel && isa.pairSums ? pairs(e, first) : first, e.at(args.back(), j * size), size);
      if (tailVectors() > vectors)
        e.store(loadTail(e, w.twoLevel ? Tail::Offset : Tail::Zero, tail, j % perPanel),
                e.at(args.back(), (vectors + j) * size), size);
    }
  });
}

/// start(tails, start values, rows, sums): what sums that cross slabs begin with. The two-level scheme of tiers
/// that sum in 16 bits adds a group's offsets to the sums of all groups.
LLVM::LLVMFuncOp SlabKernels::start() {
  return function("start", {ptr, ptr, i64, ptr}, [&](Emitter &e, ValueRange args) {
    const int64_t vectors = isa.vectors(), size = isa.vectorBytes();
    e.loop(e.num(0), args[2], 1, {args[1], args[3]}, [&](Value, ValueRange now) {
      Value begin = e.broadcastDword(ints, now[0]);
      for (int64_t j = 0; j < vectors; ++j) {
        Value to = e.at(now[1], j * size), v = begin;
        if (!slabHoldsBytes() && tailVectors() > vectors)
          v = e.mul(v, e.load(ints, e.at(args[0], (vectors + j) * size), size));
        e.store(w.twoLevel ? e.add(e.load(ints, to, size), v) : v, to, size);
      }
      return SmallVector<Value>{e.at(now[0], 4), e.at(now[1], vectors * size)};
    });
  });
}

/// fold(tails, rows, sums, results): (A1) for a group whose sums are complete.
LLVM::LLVMFuncOp SlabKernels::fold() {
  return function("fold", {ptr, i64, ptr, ptr}, [&](Emitter &e, ValueRange args) {
    const int64_t vectors = isa.vectors(), size = isa.vectorBytes();
    e.loop(e.num(0), args[1], 1, {args[2], args[3]}, [&](Value, ValueRange now) {
      for (int64_t j = 0; j < vectors; ++j) {
        Value sum = e.toFloat(floats, e.load(ints, e.at(now[0], j * size), size)), to = e.at(now[1], j * size);
        Value scale = e.load(floats, e.at(args[0], j * size), size);
        e.store(e.fma(sum, scale, e.load(floats, to, size)), to, size);
      }
      return SmallVector<Value>{e.at(now[0], vectors * size), e.at(now[1], vectors * size)};
    });
  });
}
