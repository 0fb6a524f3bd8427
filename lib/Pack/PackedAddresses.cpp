//===- PackedAddresses.cpp - where a packed weight keeps its parts --------===//
#include "fptq/Pack/PackedAddresses.h"
#include "fptq/Pack/NVPTXLayout.h"
#include "fptq/Pack/X86Layout.h"

using namespace mlir;
using namespace mlir::fptq;

static constexpr int64_t kQuad = PackedAddresses::kQuad;

static PackedAddresses x86Addresses(MLIRContext *context, const PackedShape &shape) {
  x86::PanelLayout l = x86::panelLayout(shape);
  AffineExpr n, g, q;
  bindDims(context, n, g, q);
  int64_t quads = x86::kOctet / kQuad;
  AffineExpr pair = n.floorDiv(x86::kPairColumns) * l.pairBytes, column = n % x86::kPairColumns;
  AffineExpr panel = column.floorDiv(x86::kPanelColumns), lane = n % x86::kPanelColumns;
  AffineExpr group = pair + g * l.groupBytes, tail = group + l.tail + panel * l.tailBytes;
  PackedAddresses at;
  at.codes = AffineMap::get(3, 0, group + q.floorDiv(quads) * x86::kPairOctetBytes + column * 4); // P2
  at.shift = AffineMap::get(3, 0, q % quads * 4);
  at.scale = AffineMap::get(2, 0,
                            shape.twoLevel ? pair + l.scales + column * l.scaleBytes // P6
                                           : tail + lane * l.scaleBytes);            // P4
  if (shape.twoLevel)
    at.multiplier = AffineMap::get(2, 0, tail + lane); // P5
  if (shape.twoLevel || !shape.symmetric)
    at.zero = AffineMap::get(2, 0, tail + l.zeros + lane);
  return at;
}

static PackedAddresses nvptxAddresses(MLIRContext *context, const PackedShape &shape) {
  using namespace nvptx;
  PanelLayout l = panelLayout(shape);
  AffineExpr n, g, q;
  bindDims(context, n, g, q);
  int64_t scaleBytes = shape.halfScales ? 2 : 4;
  AffineExpr panel = n.floorDiv(kPanelRows) * l.panelBytes, row = n % kPanelRows;
  AffineExpr quad = g * (l.paddedGroup / kQuad) + q;
  AffineExpr lane = row % 8 * 4 + quad % 4, word = row.floorDiv(8) + (quad % 8).floorDiv(4) * 2; // N3
  AffineExpr chunk = panel + quad.floorDiv(kChunk / kQuad) * kChunkBytes;
  PackedAddresses at;
  at.codes = AffineMap::get(3, 0, chunk + lane * kLaneBytes + word * 4);
  at.shift = AffineMap::get(3, 0, (quad % (kChunk / kQuad)).floorDiv(kStep / kQuad) * 4);
  AffineExpr entry = g * kPanelRows + row;
  at.scale = AffineMap::get(2, 0,
                            shape.twoLevel ? panel + l.zeros + row * scaleBytes    // N6
                                           : panel + l.tail + entry * scaleBytes); // N4
  if (shape.twoLevel)
    at.multiplier = AffineMap::get(2, 0, panel + l.tail + entry * 2); // N5
  if (shape.twoLevel || !shape.symmetric)
    at.zero = AffineMap::get(2, 0, shape.twoLevel ? panel + l.tail + entry * 2 + 1 : panel + l.zeros + entry);
  return at;
}

PackedAddresses mlir::fptq::packedAddresses(MLIRContext *context, Layout layout, const PackedShape &shape) {
  switch (layout) {
  case Layout::X86:
    return x86Addresses(context, shape);
  case Layout::NVPTX:
    return nvptxAddresses(context, shape);
  }
  llvm_unreachable("no layout");
}
