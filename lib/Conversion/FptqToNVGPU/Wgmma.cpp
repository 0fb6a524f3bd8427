//===- Wgmma.cpp - roles and the ring of stages, sm_90a -------------------===//
#include "Wgmma.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

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
  Kernel kernel = stagedKernel<WgmmaKernel>(module, format, chip, wgmmaShape(tokens), "wgmma");
  // What setmaxnreg moves between the roles is what one block has at its start.
  kernel.function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), Builder(module.getContext()).getI32IntegerAttr(1));
  return kernel;
}
