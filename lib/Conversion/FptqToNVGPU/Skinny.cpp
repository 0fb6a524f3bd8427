//===- Skinny.cpp - products of 1..16 tokens ------------------------------===//
#include "Skinny.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

SkinnyKernel::SkinnyKernel(Emitter &e, const Format &format, const SkinnyShape &shape, ValueRange arguments)
    : ProductBody(e, format, arguments), shape(shape), groups(args.groups) {
  chunks = format.chunks(e, groups);
  columns = format.columns(e, groups);
  tail = format.tail(e, groups);
  zeros = format.zeros(e, groups);
  token0 = e.mul(e.blockY(), shape.tokens);
  panel0 = e.mul(e.blockX(), shape.panels);
  Value lastPanel = e.sub(e.ceilDiv(args.n, kPanelRows), e.num(1)), panelBytes = format.panelBytes(e, groups);
  for (int64_t p = 0; p < shape.panels; ++p) // beyond the last one: again the last one, whose results nobody stores
    panels.push_back(e.atRow(args.packed, e.min(e.add(panel0, p), lastPanel), panelBytes, 1));
  Value lastToken = e.sub(args.m, e.num(1));
  for (int64_t t = 0; t < tokenTiles(); ++t) {
    Value row = e.min(e.add(e.add(token0, e.shr(lane, 2)), 8 * t), lastToken);
    rows.push_back(e.at(e.atRow(args.q, row, args.qStride, 1), e.mul(e.bitAnd(lane, 3), 4)));
  }
  begin = e.num(0);
  end = chunks;
  token = e.rem(thread, shape.tokens);
  channel = e.div(thread, shape.tokens);
  if (shape.split)
    takeSlice();
  // With a guard around the loop LLVM would sink the first window's loads into it, behind waitForKernelBefore.
  stop = e.max(end, e.add(begin, 1));
  LLVM::AssumeOp::create(e, e.less(begin, stop));
}

int64_t SkinnyKernel::sharedBytes(const Format &format, const SkinnyShape &shape) {
  int64_t last = shape.split ? 16 : 0; // where thread 0 tells the others whether their block is the last
  if (format.twoLevel)
    return shape.warps() * shape.threads() * 4 + shape.tokens * 4 + last;
  int64_t results = shape.warps() * shape.chunks * kChunk / format.depth();
  int64_t integers = shape.split ? 0 : shape.threads() * 4;
  return results * (integers + shape.panels * (format.tailRowBytes() + (format.hasZeros() ? kPanelRows : 0)) +
                    shape.tokens * 4) +
         last;
}

void SkinnyKernel::build() {
  if (format.twoLevel)
    return buildTwoLevel();
  shape.split ? buildGroupSlice() : buildGroup();
}

Kernel mlir::fptq::nvptx::skinnyKernel(gpu::GPUModuleOp module, const Format &format, const SkinnyShape &shape) {
  Kernel launch{{}, shape.threads(), SkinnyKernel::sharedBytes(format, shape), shape.panels * kPanelRows, shape.tokens};
  launch.split = shape.split;
  launch.partialsPerGroup = format.twoLevel ? 0 : format.resultsPerGroup();
  std::string tile =
      std::to_string(launch.rows) + "x" + std::to_string(shape.tokens) + "x" + std::to_string(shape.windowChannels());
  Emitter types(module.getLoc(), module.getContext());
  return getOrCreateKernel(
      module, format.name() + "_skinny" + Twine(shape.tokens) + (shape.split ? "_split" : ""),
      MatmulArguments::types(types, format, shape.split), launch, tile,
      [&](Emitter &e, ValueRange arguments) { SkinnyKernel(e, format, shape, arguments).build(); },
      /*bodyWaits=*/true);
}
