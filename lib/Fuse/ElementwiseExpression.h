//===- ElementwiseExpression.h - what an element is computed by -*- C++ -*-===//
//
// Frontends spell one function over many elementwise operations, or over one linalg.generic, or something between.
// Here they look alike: an expression of scalar operations.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_FUSE_ELEMENTWISEEXPRESSION_H
#define FPTQ_LIB_FUSE_ELEMENTWISEEXPRESSION_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::fptq {

/// `op` computes each element of its only result, an f32 tensor, from the same element of its operands (or of smaller
/// ones, broadcast).
bool isElementwise(Operation *op);

/// A product `coefficient * numerator... / denominator...`.
struct Product {
  double coefficient = 1;
  SmallVector<Value> numerator, denominator;
};

class ElementwiseExpression {
public:
  /// The scalar operation or the whole tensor that an element of `v` is: through elementwise operations into their
  /// bodies, and out of bodies at operands that are not broadcast.
  Value resolve(Value v);
  std::optional<double> constant(Value v);
  Product product(Value v);
  /// `v` as a polynomial in `x`, lowest power first; nothing where it is none, or one of more than 3 degrees.
  std::optional<SmallVector<double, 4>> polynomial(Value v, Value x);
  /// The operation whose scalar operation defines `v`, whichever form it has.
  template <typename OpTy> OpTy as(Value v) { return resolve(v).template getDefiningOp<OpTy>(); }

  /// The elementwise operations on tensors that were looked into.
  const llvm::SmallSetVector<Operation *, 8> &operations() const { return visited; }

private:
  /// False once more has been looked at than any activation has: x squared again and again is an expression of
  /// exponential size. What lies deeper then counts as a value of its own.
  bool maySplit() { return ++steps <= kMostSteps; }
  static constexpr int kMostSteps = 1000;
  int steps = 0;

  void multiply(Value v, bool inverse, Product &into);
  llvm::SmallSetVector<Operation *, 8> visited;
};

} // namespace mlir::fptq

#endif // FPTQ_LIB_FUSE_ELEMENTWISEEXPRESSION_H
