//===- BoundAllocations.cpp - the known bound of a dynamic size -----------===//
#include "Tiling.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/Support/TensorBytes.h"

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

/// The sizes of `alloc` at their bounds, if all are known.
static std::optional<SmallVector<int64_t>> boundShape(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  if (!type.getLayout().isIdentity() || !type.getElementType().isIntOrIndexOrFloat())
    return std::nullopt;
  SmallVector<int64_t> shape(type.getShape());
  auto sizes = alloc.getDynamicSizes().begin();
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent)) {
      std::optional<int64_t> bound = boundOf(*sizes++);
      if (!bound)
        return std::nullopt;
      extent = *bound;
    }
  return shape;
}

/// One block of bytes, and a view of the real sizes.
static void allocateBound(memref::AllocOp alloc, int64_t bytes) {
  OpBuilder b(alloc);
  auto alignment = alloc.getAlignmentAttr() ? alloc.getAlignmentAttr() : b.getI64IntegerAttr(64);
  auto flat = memref::AllocOp::create(b, alloc.getLoc(), MemRefType::get({bytes}, b.getI8Type()), alignment);
  Value zero = arith::ConstantIndexOp::create(b, alloc.getLoc(), 0);
  Value view = memref::ViewOp::create(b, alloc.getLoc(), alloc.getType(), flat, zero, alloc.getDynamicSizes());
  alloc.replaceAllUsesWith(view);
  alloc.erase();
}

void FptqBoundAllocationsPass::runOnOperation() {
  SmallVector<memref::AllocOp> allocs;
  getOperation().walk([&](memref::AllocOp alloc) { allocs.push_back(alloc); });
  for (memref::AllocOp alloc : allocs) {
    std::optional<SmallVector<int64_t>> shape = boundShape(alloc);
    if (!shape)
      continue;
    Type element = alloc.getType().getElementType();
    std::optional<int64_t> bytes =
        addressableBytes(*shape, element.isIndex() ? 8 : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8));
    bool isStatic = alloc.getDynamicSizes().empty();
    if (!bytes && isStatic) {
      alloc.emitError() << "needs a buffer of type " << alloc.getType() << ", larger than any memory";
      return signalPassFailure();
    }
    if (bytes && !isStatic && !element.isIndex())
      allocateBound(alloc, *bytes);
  }
}
} // namespace mlir::fptq
