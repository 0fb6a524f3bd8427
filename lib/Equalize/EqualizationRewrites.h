//===- EqualizationRewrites.h - s into the IR --------------------*- C++ -*-===//
#ifndef FPTQ_LIB_EQUALIZE_EQUALIZATIONREWRITES_H
#define FPTQ_LIB_EQUALIZE_EQUALIZATIONREWRITES_H

#include "EqualizationGroups.h"
#include "fptq/Support/Parameters.h"

namespace mlir::fptq {

/// "'model.norm.weight'", "the rows of 'v_proj'".
std::string describe(const Absorber &absorber);

/// What each absorber's constant (a layer's: its bias) becomes, null where it has none. Refuses the
/// group's plan where (E6) is hurt. An error is emitted for constants that cannot be read.
FailureOr<SmallVector<DenseElementsAttr>> divideConstants(EqualizationGroup &group, ArrayRef<float> scales,
                                                          const ParameterFiles &files);

/// Divides the constants of a plan; `constants` come from `divideConstants`.
void divideAbsorbers(const FoldPlan &plan, ArrayRef<float> scales, ArrayRef<DenseElementsAttr> constants);

/// Divides the input just before the layers: one op a value, so that layers that shared an input still do.
void divideInputs(ArrayRef<LinearOp> layers, ArrayRef<float> scales);

/// Multiplies the columns of the layers' weights.
void multiplyColumns(ArrayRef<LinearOp> layers, ArrayRef<float> scales);

/// Makes `range` and `channel_absmax` those of the divided input. Values above `absmax` were clipped by
/// the observer and stay so.
void divideProfile(LinearOp op, ArrayRef<float> scales);

} // namespace mlir::fptq

#endif // FPTQ_LIB_EQUALIZE_EQUALIZATIONREWRITES_H
