//===- SiblingMatmuls.cpp - products of the same activations together -----===//
//
// Query, key and value of a layer, or gate and up: a region of threads each costs a decoder 3 us, most of it threads
// waiting for the last one, where reading the weights takes 10 to 25.
//
//===----------------------------------------------------------------------===//
#include "HostCalls.h"
#include "fptq/IR/PackedShape.h"
#include "mlir/Analysis/AliasAnalysis.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::x86;

/// Every value whose memory a product reads.
static SmallVector<Value> reads(PackedMatmulOp op) {
  SmallVector<Value> values{op.getQ(), op.getXScales(), op.getXSums(), op.getPacked()};
  for (Value v : {op.getBias(), op.getMultiplicand(), op.getResidual()})
    if (v)
      values.push_back(v);
  return values;
}

/// Read in the columns that are written, as the output is: a product needs no other column of it.
static bool byColumn(PackedMatmulOp op, Value v) {
  return v == op.getInit() || v == op.getMultiplicand() || v == op.getResidual();
}

static bool sameColumns(PackedMatmulOp a, PackedMatmulOp b) {
  auto columns = [](PackedMatmulOp op) { return cast<MemRefType>(op.getInit().getType()).getDimSize(1); };
  return columns(a) == columns(b) && !ShapedType::isDynamic(columns(a));
}

/// Whether pieces of columns of `first` and then `second` may run in the place of all of `first`, then all of `second`.
static bool independent(AliasAnalysis &aliases, PackedMatmulOp first, PackedMatmulOp second) {
  auto apart = [&](PackedMatmulOp writer, PackedMatmulOp other, Value v) {
    if (aliases.alias(writer.getInit(), v).isNo())
      return true;
    return writer.getInit() == v && byColumn(other, v) && sameColumns(writer, other);
  };
  auto apartFromAll = [&](PackedMatmulOp writer, PackedMatmulOp other) {
    return llvm::all_of(reads(other), [&](Value v) { return apart(writer, other, v); });
  };
  return apartFromAll(first, second) && apartFromAll(second, first) && apart(first, second, second.getInit());
}

static bool sameActivations(PackedMatmulOp a, PackedMatmulOp b) {
  return a.getQ() == b.getQ() && a.getXScales() == b.getXScales() && a.getXSums() == b.getXSums() &&
         a.getK() == b.getK();
}

/// The same kernels: what `prepare` writes for one serves the other.
static bool sameFormat(PackedMatmulOp a, PackedMatmulOp b) {
  return a.getScheme() == b.getScheme() && a.getLayout() == b.getLayout() && hasHalfScales(a) == hasHalfScales(b);
}

/// Neither reads nor writes memory: products on both sides of it may meet behind it.
static bool standsAside(Operation &op) {
  if (isMemoryEffectFree(&op))
    return true;
  auto effects = dyn_cast<MemoryEffectOpInterface>(op);
  return effects && !op.getNumRegions() && effects.onlyHasEffect<MemoryEffects::Allocate>();
}

SmallVector<SmallVector<PackedMatmulOp>> x86::siblingMatmuls(Operation *root) {
  AliasAnalysis aliases(root);
  SmallVector<SmallVector<PackedMatmulOp>> all;
  root->walk([&](Block *block) {
    bool open = false; // the last group may grow
    for (Operation &op : *block) {
      auto matmul = dyn_cast<PackedMatmulOp>(op);
      if (!matmul) {
        open &= standsAside(op);
        continue;
      }
      bool joins = open && sameActivations(all.back().front(), matmul) && sameFormat(all.back().front(), matmul) &&
                   llvm::all_of(all.back(), [&](PackedMatmulOp other) { return independent(aliases, other, matmul); });
      if (!joins)
        all.emplace_back();
      all.back().push_back(matmul);
      open = true;
    }
  });
  return all;
}
