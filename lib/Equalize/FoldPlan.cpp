//===- FoldPlan.cpp - combining what the walk found -----------------------===//
#include "fptq/Equalize/ScalePropagation.h"

#include <limits>

using namespace mlir;
using namespace mlir::fptq;

FoldPlan FoldPlan::into(Absorber absorber) {
  FoldPlan plan;
  plan.absorbers.push_back(std::move(absorber));
  return plan;
}

FoldPlan FoldPlan::refused(const Twine &reason) {
  FoldPlan plan;
  plan.reason = reason.str();
  return plan;
}

FoldPlan FoldPlan::both(FoldPlan a, FoldPlan b) {
  if (!a.isLegal())
    return a;
  if (!b.isLegal())
    return b;
  llvm::append_range(a.absorbers, b.absorbers);
  return a;
}

int64_t FoldPlan::numClasses() const {
  int64_t least = std::numeric_limits<int64_t>::max();
  for (const Absorber &absorber : absorbers)
    least = std::min(least, absorber.map.numClasses());
  return least;
}

FoldPlan FoldPlan::either(FoldPlan a, FoldPlan b) {
  // Of two refusals the one of the factor that has the channels at all says more.
  if (!a.isLegal() && !b.isLegal())
    return StringRef(a.reason).starts_with("(E5)") ? b : a;
  if (!a.isLegal() || !b.isLegal())
    return a.isLegal() ? a : b;
  if (a.numClasses() != b.numClasses())
    return a.numClasses() > b.numClasses() ? a : b;
  bool onlyConstants = llvm::all_of(a.absorbers, [](const Absorber &absorber) { return absorber.constant; });
  return onlyConstants ? a : b;
}
