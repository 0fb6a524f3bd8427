//===- BufferCopy.cpp - a buffer of its own for a value -------------------===//
#include "BufferCopy.h"

using namespace mlir;

Value mlir::fptq::copyOf(Value buffer, MemRefType type, Operation *before) {
  OpBuilder b(before);
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < type.getRank(); ++d)
    if (type.isDynamicDim(d))
      sizes.push_back(memref::DimOp::create(b, before->getLoc(), buffer, d));
  Value copy = memref::AllocOp::create(b, before->getLoc(), type, sizes);
  memref::CopyOp::create(b, before->getLoc(), buffer, copy);
  return copy;
}
