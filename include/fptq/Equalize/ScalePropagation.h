//===- ScalePropagation.h - who can take a channel scale ---------*- C++ -*-===//
//
// A layer's input is to be divided by s, channel by channel. That costs nothing where the division can
// be done at compile time, in a constant that made the input: a norm's gamma and beta, or the rows of
// the linear layer that produced it. This file walks upwards from the input and finds these constants,
// or the reason why there are none. The labels (E1)..(E7) are those of docs/Equalization.md.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_EQUALIZE_SCALEPROPAGATION_H
#define FPTQ_EQUALIZE_SCALEPROPAGATION_H

#include "fptq/Equalize/ChannelMap.h"
#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// A constant that takes the scale: an operand to be replaced, or the rows and bias of a linear layer.
struct Absorber {
  OpOperand *constant = nullptr;
  LinearOp linear;
  ChannelMap map; ///< where the channels lie in the constant, or in the linear layer's result
};

/// What a walk came to: all the constants that must be scaled together, or why it cannot be done.
class [[nodiscard]] FoldPlan {
public:
  /// Nothing to scale: zero stays zero.
  static FoldPlan nothing() { return FoldPlan(); }
  static FoldPlan into(Absorber absorber);
  static FoldPlan refused(const Twine &reason);
  /// Both operands of a sum must take the scale.
  static FoldPlan both(FoldPlan a, FoldPlan b);
  /// One factor of a product takes it: the one that tells more channels apart, then the constant. Of
  /// two refusals the former's is given.
  static FoldPlan either(FoldPlan a, FoldPlan b);
  /// The same plan, known to have come from a tensor that tells `classes` channels apart.
  FoldPlan reachedThrough(int64_t classes) &&;

  bool isLegal() const { return reason.empty(); }
  StringRef getReason() const { return reason; }
  ArrayRef<Absorber> getAbsorbers() const { return absorbers; }

private:
  SmallVector<Absorber, 2> absorbers;
  std::string reason;
  int64_t classes = 0; ///< channels told apart, all along the way; 0 for numbers and zeros
};

/// Plans to divide `value`, all of whose readers are known to be rescaled, at compile time. Copies
/// broadcasts of constants that others share; changes nothing else.
FoldPlan planFold(Value value, const ChannelMap &map);

/// One step towards the producer through an op that only moves or converts elements: reshapes,
/// transposes, casts. `operand` is null where `value` is not made by one.
struct ViewStep {
  OpOperand *operand = nullptr;
  ChannelMap map;
};
ViewStep stepThroughView(Value value, const ChannelMap &map);

/// False if `use` needs the shape only (tensor.dim, an operand a linalg body ignores) or is dead code.
bool readsElements(OpOperand &use);

} // namespace mlir::fptq

#endif // FPTQ_EQUALIZE_SCALEPROPAGATION_H
