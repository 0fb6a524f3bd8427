//===- BoundAllocations.cpp - the known bound of a dynamic size -----------===//
#include "Tiling.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQBOUNDALLOCATIONSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqBoundAllocationsPass : impl::FptqBoundAllocationsPassBase<FptqBoundAllocationsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// The largest value that `size` can have, if known: noted, or a constant that a tile's size is the minimum of.
static std::optional<int64_t> boundOf(Value size) {
  Operation *definition = size.getDefiningOp();
  if (!definition)
    return std::nullopt;
  if (auto noted = definition->getAttrOfType<IntegerAttr>(kUpperBoundAttr))
    return noted.getInt();
  std::optional<int64_t> bound;
  if (isa<arith::MinUIOp, arith::MinSIOp>(definition))
    for (Value operand : definition->getOperands()) {
      std::optional<int64_t> known = getConstantIntValue(operand);
      if (!known)
        known = boundOf(operand);
      if (known)
        bound = std::min(bound.value_or(*known), *known);
    }
  return bound;
}

/// Bytes of `alloc` at its sizes' bounds, if all are known.
static std::optional<int64_t> boundBytes(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  if (!type.getLayout().isIdentity() || !type.getElementType().isIntOrFloat())
    return std::nullopt;
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  auto sizes = alloc.getDynamicSizes().begin();
  for (int64_t extent : type.getShape()) {
    if (ShapedType::isDynamic(extent)) {
      std::optional<int64_t> bound = boundOf(*sizes++);
      if (!bound)
        return std::nullopt;
      extent = *bound;
    }
    bytes *= extent;
  }
  return bytes;
}

void FptqBoundAllocationsPass::runOnOperation() {
  SmallVector<memref::AllocOp> allocs;
  getOperation().walk([&](memref::AllocOp alloc) {
    if (!alloc.getDynamicSizes().empty())
      allocs.push_back(alloc);
  });
  for (memref::AllocOp alloc : allocs) {
    std::optional<int64_t> bytes = boundBytes(alloc);
    if (!bytes)
      continue;
    OpBuilder b(alloc);
    auto alignment = alloc.getAlignmentAttr() ? alloc.getAlignmentAttr() : b.getI64IntegerAttr(64);
    auto flat = memref::AllocOp::create(b, alloc.getLoc(), MemRefType::get({*bytes}, b.getI8Type()), alignment);
    Value zero = arith::ConstantIndexOp::create(b, alloc.getLoc(), 0);
    Value view = memref::ViewOp::create(b, alloc.getLoc(), alloc.getType(), flat, zero, alloc.getDynamicSizes());
    alloc.replaceAllUsesWith(view);
    alloc.erase();
  }
}
} // namespace mlir::fptq
