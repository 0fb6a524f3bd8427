//===- Wgmma.h - products of many tokens, sm_90a ----------------*- C++ -*-===//
//
// The stages of Tile.cpp, with roles: one warpgroup copies, two compute 64 output channels each from the same packed
// weights, whose A fragments are those of mma.sync. A stage is handed over by two mbarriers: `full` when the bulk
// copies of the weights have arrived (their bytes are counted) and the producers' own copies are visible to the tensor
// cores' proxy, `empty` when all consumer warps have read it. While one warpgroup unpacks or folds, the other's MMAs
// run.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTONVGPU_WGMMA_H
#define FPTQ_LIB_CONVERSION_FPTQTONVGPU_WGMMA_H

#include "StageCopies.h"

namespace mlir::fptq::nvptx {

/// A place in the ring of stages: its number, and the parity of the round.
struct Place {
  Value stage, phase;
};

class WgmmaKernel : ProductBody {
public:
  WgmmaKernel(Emitter &e, const Format &format, const WgmmaShape &shape, ValueRange arguments)
      : ProductBody(e, format, arguments), shape(shape), at(format, shape.tokens),
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
  Values unpack(WarpSums &sums, Value stage, Value chunk, int64_t first, int64_t count);
  void start(WarpSums &sums, ValueRange a, Value b);
  void finish(WarpSums &sums);
  void inPlace(WarpSums &sums, llvm::function_ref<ValueRange(ValueRange)> change);
  void computeResult(WarpSums &sums, Value kTile, Value stage, Value chunk, Value result, int64_t firstStep,
                     int64_t steps);
  Values computeStage(Value kTile, Value stage, ValueRange carried);

  const WgmmaShape &shape;
  StageLayout at;
  StageCopies copies;
};
} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_WGMMA_H
