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

/// Bytes of `alloc` at its sizes' bounds, if all are known.
static std::optional<int64_t> boundBytes(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  if (!type.getLayout().isIdentity() || !type.getElementType().isIntOrFloat())
    return std::nullopt;
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  auto sizes = alloc.getDynamicSizes().begin();
  for (int64_t extent : type.getShape()) {
    if (ShapedType::isDynamic(extent)) {
      Operation *definition = (*sizes++).getDefiningOp();
      auto bound = definition ? definition->getAttrOfType<IntegerAttr>(kUpperBoundAttr) : IntegerAttr();
      if (!bound)
        return std::nullopt;
      extent = bound.getInt();
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
