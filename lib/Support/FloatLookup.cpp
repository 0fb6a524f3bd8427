//===- FloatLookup.cpp - fptq.lookup as linalg ----------------------------===//
#include "fptq/Support/FloatLookup.h"
#include "fptq/Support/ParallelLoops.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::fptq;

void mlir::fptq::lowerFloatLookup(LookupOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  RankedTensorType type = op.getType();
  SmallVector<OpFoldResult> sizes{tensor::getMixedSize(b, loc, op.getIds(), 0), b.getIndexAttr(op.getChannels())};
  Value init = tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
  AffineMap row = AffineMap::get(2, 0, b.getAffineDimExpr(0)), all = b.getMultiDimIdentityMap(2);
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    Value channel = linalg::IndexOp::create(b, loc, 1);
    Value element = tensor::ExtractOp::create(b, loc, op.getTable(), ValueRange{args[0], channel});
    if (element.getType() != type.getElementType())
      element = arith::ExtFOp::create(b, loc, type.getElementType(), element);
    linalg::YieldOp::create(b, loc, element);
  };
  auto rows = linalg::GenericOp::create(b, loc, init.getType(), ValueRange{op.getIds()}, ValueRange{init},
                                        ArrayRef<AffineMap>{row, all}, parallelLoops(2), body);
  Value result = rows.getResult(0);
  if (result.getType() != type)
    result = tensor::CastOp::create(b, loc, type, result);
  op.replaceAllUsesWith(result);
  op.erase();
}
