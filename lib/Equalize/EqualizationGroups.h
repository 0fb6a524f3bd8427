//===- EqualizationGroups.h - layers that share one scale --------*- C++ -*-===//
#ifndef FPTQ_LIB_EQUALIZE_EQUALIZATIONGROUPS_H
#define FPTQ_LIB_EQUALIZE_EQUALIZATIONGROUPS_H

#include "fptq/Equalize/ScalePropagation.h"

namespace mlir::fptq {

/// All equalized layers that read one value, at most through views: q, k and v; gate and up. They
/// share one scale.
struct EqualizationGroup {
  Value root;     ///< what they read, above all views
  ChannelMap map; ///< where the channels lie in `root`
  SmallVector<LinearOp, 3> equalized;
  SmallVector<LinearOp, 1> keptFloat; ///< other readers, which can take s into their weights, exactly
  FoldPlan plan = FoldPlan::nothing();
};

/// True if the pass has been here before: the weight's columns are scaled already.
bool isEqualized(LinearOp op);

/// Groups `layers`, in order of first appearance, and plans each group's fold by (E1)..(E5).
std::vector<EqualizationGroup> collectGroups(ArrayRef<LinearOp> layers);

/// Sets of groups that hold the same layers, as @prefill and @decode do. They must agree on s and on
/// what was folded, since the layer's codes exist once: the plans of a family are all legal or all
/// refused (E7).
std::vector<SmallVector<EqualizationGroup *>> joinFamilies(MutableArrayRef<EqualizationGroup> groups);

/// Refuses every plan of a family for the first reason found in one of them.
void refuseFamily(ArrayRef<EqualizationGroup *> family);

} // namespace mlir::fptq

#endif // FPTQ_LIB_EQUALIZE_EQUALIZATIONGROUPS_H
