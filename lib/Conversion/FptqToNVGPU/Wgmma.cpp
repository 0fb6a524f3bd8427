//===- Wgmma.cpp - products of many tokens, sm_90a ------------------------===//
//
// The stages of Tile.cpp, with roles: one warpgroup copies, two compute 64 output channels each from the same packed
// weights, whose A fragments are those of mma.sync. A stage is handed over by two mbarriers: `full` when the bulk
// copies of the weights have arrived (their bytes are counted) and the producers' own copies are visible to the tensor
// cores' proxy, `empty` when all consumer warps have read it. While one warpgroup unpacks or folds, the other's MMAs
// run.
//
//===----------------------------------------------------------------------===//
#include "StageCopies.h"
#include "fptq/Conversion/FptqToNVGPU/FptqGpu.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

namespace {
/// A place in the ring of stages: its number, and the parity of the round.
struct Place {
  Value stage, phase;
};

class WgmmaKernel {
public:
  WgmmaKernel(Emitter &e, const Format &format, const WgmmaShape &shape, ValueRange arguments)
      : e(e), format(format), shape(shape), at(format, shape.tokens), args(arguments), thread(e.thread()),
        lane(e.bitAnd(thread, 31)), warp(e.shr(thread, 5)), shared(e.shared()),
        copies(e, format, at, args, shared, e.sub(thread, e.num(WgmmaShape::kConsumers)), WgmmaShape::kProducers) {}
  void build();
  static int64_t sharedBytes(const Format &format, const WgmmaShape &shape);

private:
  int64_t totalsAt() const { return shape.stages * at.bytes; }
  int64_t barriersAt() const { return totalsAt() + (format.twoLevel ? 4 * shape.tokens : 0); }
  Value full(Value stage) { return e.at(e.at(shared, e.mul(stage, 8)), barriersAt()); }
  Value empty(Value stage) { return e.at(full(stage), 8 * shape.stages); }
  void wait(Value barrier, Value phase) { NVVM::MBarrierTryWaitParityOp::create(e, barrier, phase, e.num(10000000)); }
  void arriveAsWarp(Value barrier);
  Place next(Place place);
  Value offset(Value stage) { return e.mul(stage, at.bytes); }

  void initialize();
  void produce();
  void handOver(Value stage, uint32_t pending);
  void consume();
  void computeResult(WarpSums &sums, Value kTile, Value stage, Value chunk, Value result, int64_t firstStep,
                     int64_t steps);
  Values computeStage(Value kTile, Value stage, ValueRange carried);

  Emitter &e;
  const Format &format;
  const WgmmaShape &shape;
  StageLayout at;
  MatmulArguments args;
  Value thread, lane, warp, shared;
  StageCopies copies;
};
} // namespace

int64_t WgmmaKernel::sharedBytes(const Format &format, const WgmmaShape &shape) {
  return shape.stages * (StageLayout(format, shape.tokens).bytes + 16) + (format.twoLevel ? 4 * shape.tokens : 0);
}

//===----------------------------------------------------------------------===//
// The ring of stages
//===----------------------------------------------------------------------===//

void WgmmaKernel::arriveAsWarp(Value barrier) {
  NVVM::SyncWarpOp::create(e, e.num(-1));
  e.ifThen(e.equal(lane, 0), [&] { NVVM::MBarrierArriveOp::create(e, e.i64(), barrier, Value()); });
}

Place WgmmaKernel::next(Place place) {
  Value after = e.add(place.stage, 1), wraps = e.equal(after, shape.stages);
  return {e.select(wraps, e.num(0), after), e.select(wraps, e.bitXor(place.phase, e.num(1)), place.phase)};
}

void WgmmaKernel::initialize() {
  e.ifThen(e.equal(thread, 0), [&] {
    for (int64_t s = 0; s < shape.stages; ++s) { // producer 0 for the bytes it announces, and one lane of each warp
      NVVM::MBarrierInitOp::create(e, full(e.num(s)), e.num(1 + WgmmaShape::kProducers / 32), Value());
      NVVM::MBarrierInitOp::create(e, empty(e.num(s)), e.num(WgmmaShape::kConsumers / 32), Value());
    }
    NVVM::FenceMbarrierInitOp::create(e);
  });
  e.barrier();
}

//===----------------------------------------------------------------------===//
// Producers
//===----------------------------------------------------------------------===//

/// Signals a stage whose copies by this warp have landed: all but the last `pending` groups.
void WgmmaKernel::handOver(Value stage, uint32_t pending) {
  NVVM::CpAsyncWaitGroupOp::create(e, pending);
  NVVM::FenceProxyOp::create(e, NVVM::ProxyKind::async_shared,
                             NVVM::SharedSpaceAttr::get(e.getContext(), NVVM::SharedSpace::shared_cta));
  arriveAsWarp(full(stage));
}

void WgmmaKernel::produce() {
  Values carried = {e.num(0), e.num(0), e.num(0)};
  Values last = e.loop(e.num(0), copies.tiles(), e.num(1), carried, [&](Value tile, ValueRange now) -> Values {
    Place place{now[0], now[1]};
    wait(empty(place.stage), e.bitXor(place.phase, e.num(1))); // passes in the first round
    e.ifThen(e.equal(thread, WgmmaShape::kConsumers),
             [&] { copies.weightsInBulk(tile, offset(place.stage), full(place.stage)); });
    copies.activations(tile, offset(place.stage));
    copies.tails(tile, offset(place.stage));
    NVVM::CpAsyncCommitGroupOp::create(e);
    // One stage behind, so that copies of two stages are under way.
    e.ifThen(e.less(e.num(0), tile), [&] { handOver(now[2], 1); });
    Place after = next(place);
    return {after.stage, after.phase, place.stage};
  });
  handOver(last[2], 0);
}

//===----------------------------------------------------------------------===//
// Consumers
//===----------------------------------------------------------------------===//

/// One result's steps, from step `firstStep` of `chunk` on, as one operation.
void WgmmaKernel::computeResult(WarpSums &sums, Value kTile, Value stage, Value chunk, Value result, int64_t firstStep,
                                int64_t steps) {
  int64_t tokenTiles = shape.tokens / 8;
  sums.begin(result);
  Values a, acc, words;
  for (int64_t step = firstStep; step < firstStep + steps; ++step) {
    if (words.empty() || step % 2 == 0) {
      Value from = e.add(e.mul(warp, StageCopies::kChunks), e.add(chunk, step / 2));
      from = e.at(stage, e.add(e.mul(from, kChunkBytes), e.mul(lane, kLaneBytes)));
      words = e.words(e.load(e.vec(4, e.i32()), from, kLaneBytes));
    }
    a.append(sums.weights(words, step % 2, 0));
  }
  for (int64_t t = 0; t < tokenTiles; ++t)
    acc.append(sums.integers(0, t));
  Value b = e.at(e.at(stage, e.mul(chunk, kChunk)), at.activations + firstStep * kStep);
  auto product = WgmmaOp::create(e, SmallVector<Type>(acc.size(), e.i32()), a, b, acc);
  for (int64_t t = 0; t < tokenTiles; ++t)
    sums.integers(0, t) = Values(product.getResults().slice(4 * t, 4));
  sums.end(result, e.add(e.mul(kTile, at.results), result));
}

Values WgmmaKernel::computeStage(Value kTile, Value stage, ValueRange carried) {
  auto sumsOf = [&](ValueRange values) {
    return WarpSums(e, format, at, stage, lane, warp, e.num(0), shape.tokens / 8, values, /*panels=*/1);
  };
  if (format.depth() > kChunk) {
    WarpSums sums = sumsOf(carried);
    computeResult(sums, kTile, stage, e.num(0), e.num(0), 0, TileShape::kDepth / kStep);
    return sums.carried();
  }
  return e.loop(e.num(0), e.num(StageCopies::kChunks), e.num(1), carried, [&](Value chunk, ValueRange now) {
    WarpSums sums = sumsOf(now);
    int64_t results = kChunk / format.depth(), steps = format.depth() / kStep;
    for (int64_t r = 0; r < results; ++r)
      computeResult(sums, kTile, stage, chunk, e.add(e.mul(chunk, results), r), r * steps, steps);
    return sums.carried();
  });
}

void WgmmaKernel::consume() {
  constexpr int64_t warps = WgmmaShape::kConsumers / 32;
  Value totals = e.at(shared, totalsAt());
  if (format.twoLevel) {
    tokenTotals(e, args, copies.token0, shape.tokens, warps, totals);
    NVVM::BarrierOp::create(e, Type(), e.num(1), e.num(WgmmaShape::kConsumers), NVVM::BarrierReductionAttr(), Value());
  }
  Values carried = WarpSums::start(e, format, shape.tokens / 8, /*panels=*/1);
  carried.append({e.num(0), e.num(0)});
  Values last = e.loop(e.num(0), copies.tiles(), e.num(1), carried, [&](Value tile, ValueRange now) {
    Place place{now[now.size() - 2], now.back()};
    wait(full(place.stage), place.phase);
    Values sums = computeStage(tile, e.at(shared, offset(place.stage)), now.drop_back(2));
    arriveAsWarp(empty(place.stage));
    Place after = next(place);
    sums.append({after.stage, after.phase});
    return sums;
  });
  WarpOutputs outputs{e.mul(e.add(copies.panel0, warp), kPanelRows), copies.token0, totals};
  storeSums(e, format, args, lane, ValueRange(last).drop_back(2), outputs, /*panels=*/1);
}

void WgmmaKernel::build() {
  initialize();
  e.ifElse(
      e.less(warp, e.num(WgmmaShape::kConsumers / 32)), TypeRange(),
      [&]() -> Values {
        NVVM::SetMaxRegisterOp::create(e, WgmmaShape::kConsumerRegisters, NVVM::SetMaxRegisterAction::increase);
        consume();
        return {};
      },
      [&]() -> Values {
        NVVM::SetMaxRegisterOp::create(e, WgmmaShape::kProducerRegisters, NVVM::SetMaxRegisterAction::decrease);
        produce();
        return {};
      });
}

Kernel mlir::fptq::nvptx::wgmmaKernel(gpu::GPUModuleOp module, const Format &format, const Chip &chip, int64_t tokens) {
  WgmmaShape shape =
      fitStages(wgmmaShape(tokens), chip, [&](const WgmmaShape &s) { return WgmmaKernel::sharedBytes(format, s); });
  Kernel launch{{},
                WgmmaShape::kConsumers + WgmmaShape::kProducers,
                WgmmaKernel::sharedBytes(format, shape),
                TileShape::kRows,
                shape.tokens};
  Emitter types(module.getLoc(), module.getContext());
  Kernel kernel =
      getOrCreateKernel(module, format.name() + "_wgmma" + Twine(shape.tokens), MatmulArguments::types(types), launch,
                        Twine(TileShape::kRows) + "x" + Twine(shape.tokens) + "x" + Twine(TileShape::kDepth),
                        [&](Emitter &e, ValueRange arguments) { WgmmaKernel(e, format, shape, arguments).build(); });
  // What setmaxnreg moves between the roles is what one block has at its start.
  kernel.function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), types.getI32IntegerAttr(1));
  return kernel;
}
