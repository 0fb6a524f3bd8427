//===- FoldPlan.cpp - combining what the walk found -----------------------===//
#include "fptq/Equalize/ScalePropagation.h"

using namespace mlir;
using namespace mlir::fptq;

FoldPlan FoldPlan::into(Absorber absorber) {
  FoldPlan plan;
  plan.classes = absorber.map.numClasses();
  plan.absorbers.push_back(std::move(absorber));
  return plan;
}

FoldPlan FoldPlan::refused(const Twine &reason) {
  FoldPlan plan;
  plan.reason = reason.str();
  return plan;
}

FoldPlan FoldPlan::reachedThrough(int64_t classesThere) && {
  classes = classes ? std::min(classes, classesThere) : classesThere;
  return std::move(*this);
}

FoldPlan FoldPlan::both(FoldPlan a, FoldPlan b) {
  if (!a.isLegal())
    return a;
  if (!b.isLegal())
    return b;
  llvm::append_range(a.absorbers, b.absorbers);
  return std::move(a).reachedThrough(b.classes ? b.classes : a.classes);
}

FoldPlan FoldPlan::either(FoldPlan a, FoldPlan b) {
  if (a.isLegal() != b.isLegal())
    return a.isLegal() ? a : b;
  if (a.classes != b.classes)
    return a.classes > b.classes ? a : b;
  bool onlyConstants = llvm::all_of(a.absorbers, [](const Absorber &absorber) { return absorber.constant; });
  return onlyConstants ? a : b;
}
