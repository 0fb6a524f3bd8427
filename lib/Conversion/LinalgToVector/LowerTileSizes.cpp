//===- LowerTileSizes.cpp - sizes and bounds of tiles as arithmetic -------===//
#include "Tiling.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERTILESIZESPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerTileSizesPass : impl::FptqLowerTileSizesPassBase<FptqLowerTileSizesPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// One affine expression as index arithmetic.
struct Expander {
  OpBuilder &b;
  Location loc;
  ValueRange dims, symbols;

  Value expand(AffineExpr expr) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return arith::ConstantIndexOp::create(b, loc, constant.getValue());
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      return dims[dim.getPosition()];
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
      return symbols[symbol.getPosition()];
    auto binary = cast<AffineBinaryOpExpr>(expr);
    Value l = expand(binary.getLHS()), r = expand(binary.getRHS());
    switch (binary.getKind()) {
    case AffineExprKind::Add:
      return arith::AddIOp::create(b, loc, l, r);
    case AffineExprKind::Mul:
      return arith::MulIOp::create(b, loc, l, r);
    case AffineExprKind::FloorDiv: // of sizes, which are not negative
      return arith::DivUIOp::create(b, loc, l, r);
    case AffineExprKind::Mod:
      return arith::RemUIOp::create(b, loc, l, r);
    default:
      return arith::CeilDivUIOp::create(b, loc, l, r);
    }
  }
};
} // namespace

static bool divides(AffineMap map) {
  bool found = false;
  map.walkExprs([&](AffineExpr expr) {
    auto kind = expr.getKind();
    found |= kind == AffineExprKind::FloorDiv || kind == AffineExprKind::CeilDiv || kind == AffineExprKind::Mod;
  });
  return found;
}

void FptqLowerTileSizesPass::runOnOperation() {
  getOperation().walk([](Operation *op) {
    auto minimum = dyn_cast<affine::AffineMinOp>(op);
    auto apply = dyn_cast<affine::AffineApplyOp>(op);
    if (!minimum && !(apply && divides(apply.getAffineMap())))
      return;
    AffineMap map = minimum ? minimum.getMap() : apply.getAffineMap();
    OpBuilder b(op);
    Expander expander{b, op->getLoc(), op->getOperands().take_front(map.getNumDims()),
                      op->getOperands().drop_front(map.getNumDims())};
    Value value;
    for (AffineExpr expr : map.getResults()) {
      Value next = expander.expand(expr);
      value = value ? arith::MinUIOp::create(b, op->getLoc(), value, next).getResult() : next;
    }
    op->replaceAllUsesWith(ValueRange(value));
    op->erase();
  });
}
} // namespace mlir::fptq
