//===- Amx.cpp - blocks of 2 x 2 tiles ------------------------------------===//
//
// 2 x 2 tiles (32 rows x 32 columns) need one tile load a multiply, the least that eight tiles allow. What
// a step of them reads is contiguous: activations are packed once a product, [32 rows][k/64][row tile][16][64],
// weights are unpacked to signed bytes once a slab of four panels, [half][k/64][panel][16][64]. Sums of the two-level
// scheme stay integers over all of K and live in L2 between slabs; AmxFloats.cpp folds those of the group scheme.
//
//===----------------------------------------------------------------------===//
#include "Amx.h"
#include "MatmulFields.h"

using namespace mlir;
using namespace mlir::fptq::x86;

std::unique_ptr<TileUnit> AmxKernels::tileUnit(Emitter &e) {
  if (!emulated)
    return std::make_unique<HardwareTiles>();
  auto multiply = function("tile_multiply", {ptr, ptr, ptr, i64}, EmulatedTiles::multiplyBody);
  return std::make_unique<EmulatedTiles>(e, multiply);
}

/// One step of a block of 2 x 2 tiles, row-major in `acc`: `depth` channels, 64 or 32.
SmallVector<Value> AmxKernels::multiplyStep(Emitter &e, TileUnit &unit, Value slab, Value activations, int64_t depth,
                                            ValueRange acc) {
  SmallVector<Value> a(2), sums(acc);
  for (int64_t r = 0; r < 2; ++r)
    a[r] = unit.load(e, 4 + r, e.at(activations, r * kTileBytes), 64, kTileRows, depth);
  for (int64_t c = 0; c < 2; ++c) {
    Value b = unit.load(e, 6 + c, e.at(slab, c * kTileBytes), 64, depth / 4, 64);
    for (int64_t r = 0; r < 2; ++r)
      sums[2 * r + c] = unit.multiply(e, sums[2 * r + c], a[r], b, depth);
  }
  return sums;
}

/// The arguments that amx_integers and amx_floats begin with: matmul, space, pair of row tiles, pairs, first panel of
/// the block, end of the panels.
SmallVector<Type> AmxKernels::sweepArguments() const { return {ptr, ptr, i64, i64, i64, i64}; }

AmxKernels::Sweep AmxKernels::openSweep(Emitter &e, ValueRange args) {
  MatmulFields mm(e, args[0]);
  Value groups = mm.groups(), stride = e.mul(e.ceilDiv(e.mul(groups, w.group), 64), kStep);
  NextSlab next(e, args[1]);
  next.set(NextSlab::Field::Groups, groups);
  return {
      args[3], groups, e.at(mm.scratch(), e.mul(args[2], stride)), stride, blockPanels(e, args[0], args[4], args[5]),
      args[1], next};
}

/// amx_integers(sweep..., first unit, last unit, sums): sums = units of all of K.
LLVM::LLVMFuncOp AmxKernels::integerSums() {
  SmallVector<Type> arguments = sweepArguments();
  arguments.append({i64, i64, ptr});
  return function("amx_integers", arguments, [&](Emitter &e, ValueRange args) {
    auto unit = tileUnit(e);
    Sweep sweep = openSweep(e, args);
    const NextSlab &next = sweep.next;
    eachSlab(e, sweep, args[6], args[7], [&](const Slab &slab, const Slab &slabAfter) {
      Value steps = e.ceilDiv(e.mul(slab.units, unitK()), 64), begins = e.equal(slab.first, args[6]);
      next.set(NextSlab::Field::FirstUnit, slabAfter.first);
      eachBlock(e, sweep, slab, slabAfter, args[8], [&](const Block &block) {
        next.set(NextSlab::Field::Units, block.due);
        next.set(NextSlab::Field::Place, block.weights);
        auto at = [&](int64_t i) { return e.at(block.results, i / 2 * kTileRows * kResultStride + i % 2 * 64); };
        auto tiles = [&](llvm::function_ref<Value(int64_t)> tile) { return llvm::map_to_vector(llvm::seq(4), tile); };
        SmallVector<Value> acc = e.ifElse(
            begins, SmallVector<Type>(4, unit->type(e)),
            [&] { return tiles([&](int64_t i) { return unit->zero(e, i); }); },
            [&] { return tiles([&](int64_t i) { return unit->load(e, i, at(i), kResultStride, kTileRows, 64); }); });
        SmallVector<Value> carried{block.weights, block.activations};
        carried.append(acc);
        auto after = e.loop(e.num(0), steps, 1, carried, [&](Value step, ValueRange now) {
          auto sums = multiplyStep(e, *unit, now[0], now[1], 64, now.drop_front(2));
          unpackDue(e, next, step);
          SmallVector<Value> after{e.at(now[0], kStep), e.at(now[1], kStep)};
          after.append(sums);
          return after;
        });
        for (int64_t i = 0; i < 4; ++i)
          unit->store(e, after[2 + i], at(i), kResultStride);
      });
    });
  });
}
