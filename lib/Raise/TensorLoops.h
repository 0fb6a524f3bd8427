//===- TensorLoops.h - scalar loops that carry tensors -----------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_TENSORLOOPS_H
#define FPTQ_LIB_RAISE_TENSORLOOPS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::fptq {

/// Loops and index arithmetic, short enough to read algorithms in. Every loop updates the tensors it carries in place
/// once they are buffers.
struct TensorLoops {
  OpBuilder &b;
  Location loc;

  using Values = SmallVector<Value>;
  using Body = function_ref<Values(TensorLoops at, ValueRange ivs, ValueRange carried)>;

  /// Loops from 0 to `sizes`, the last one innermost; what they carry in the end.
  Values nest(ValueRange sizes, ValueRange carried, Body body) {
    Values zeros(sizes.size(), index(0)), ones(sizes.size(), index(1));
    scf::LoopNest made =
        scf::buildLoopNest(b, loc, zeros, sizes, ones, carried,
                           [&](OpBuilder &inner, Location loc, ValueRange ivs, ValueRange values) -> scf::ValueVector {
                             Values next = body({inner, loc}, ivs, values);
                             return scf::ValueVector(next.begin(), next.end());
                           });
    return made.results;
  }
  Values loop(Value from, Value to, Value step, ValueRange carried, Body body) {
    auto made = scf::ForOp::create(b, loc, from, to, step, carried,
                                   [&](OpBuilder &inner, Location loc, Value iv, ValueRange values) {
                                     scf::YieldOp::create(inner, loc, body({inner, loc}, iv, values));
                                   });
    return made.getResults();
  }
  /// What `region`, which has one block, yields for these arguments.
  Value call(Region &region, ValueRange arguments) {
    IRMapping values;
    values.map(region.getArguments(), arguments);
    for (Operation &op : region.front().without_terminator())
      b.clone(op, values);
    return values.lookupOrDefault(region.front().getTerminator()->getOperand(0));
  }

  Value load(Value tensor, ValueRange at) { return tensor::ExtractOp::create(b, loc, tensor, at); }
  Value store(Value value, Value tensor, ValueRange at) { return tensor::InsertOp::create(b, loc, value, tensor, at); }
  Value size(Value tensor, int64_t d) {
    int64_t size = cast<RankedTensorType>(tensor.getType()).getDimSize(d);
    return ShapedType::isStatic(size) ? index(size) : tensor::DimOp::create(b, loc, tensor, d).getResult();
  }
  Values sizes(Value tensor) {
    Values result;
    for (int64_t d = 0; d < cast<RankedTensorType>(tensor.getType()).getRank(); ++d)
      result.push_back(size(tensor, d));
    return result;
  }

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Value add(Value l, Value r) { return arith::AddIOp::create(b, loc, l, r); }
  Value sub(Value l, Value r) { return arith::SubIOp::create(b, loc, l, r); }
  Value min(Value l, Value r) { return arith::MinUIOp::create(b, loc, l, r); }
  Value max(Value l, Value r) { return arith::MaxUIOp::create(b, loc, l, r); }
  Value both(Value l, Value r) { return arith::AndIOp::create(b, loc, l, r); }
  Value either(Value l, Value r) { return arith::OrIOp::create(b, loc, l, r); }
  Value inverse(Value v) { return arith::XOrIOp::create(b, loc, v, arith::ConstantIntOp::create(b, loc, 1, 1)); }
  Value select(Value c, Value t, Value f) { return arith::SelectOp::create(b, loc, c, t, f); }
  Value compare(arith::CmpIPredicate how, Value l, Value r) { return arith::CmpIOp::create(b, loc, how, l, r); }
  Value below(Value l, Value r) { return compare(arith::CmpIPredicate::ult, l, r); }
  Value castTo(Value v, Type type) { return arith::IndexCastOp::create(b, loc, type, v); }
};

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_TENSORLOOPS_H
