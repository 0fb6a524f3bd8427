//===- ExpertRouting.h - tokens sorted by the experts they picked -*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_EXPERTROUTING_H
#define FPTQ_LIB_RAISE_EXPERTROUTING_H

#include "MatchExperts.h"

namespace mlir::fptq {

/// Picks in the order of their experts. P is the number of picks, E of experts.
struct ExpertRouting {
  Value ids;           ///< the expert of each pick, index, in the shape of the picks
  Value order;         ///< 2 x P, index: pick at a place of the order, place of a pick
  Value offsets;       ///< E + 1, index: where an expert's picks begin in the order
  int64_t experts = 0; ///< E
};

/// The rows of `match.x`, each as often as it is picked, in the order of their experts: P, rows, reductions.
Value sortRows(OpBuilder &b, Location loc, const ExpertsMatch &match, const ExpertRouting &routing);

/// `sorted`, which is P, rows, columns, with each pick in its place and the dimensions of the result, which has
/// `like`'s type.
Value bringBack(OpBuilder &b, Location loc, const ExpertsMatch &match, const ExpertRouting &routing, Value sorted,
                Value like);

/// The routings made so far: the two or three projections of a mixture pick alike.
class ExpertRoutings {
public:
  /// The routing of `match.gather`, emitted at the builder's place unless there is one.
  ExpertRouting get(OpBuilder &b, const ExpertsMatch &match);

private:
  SmallVector<ExpertRouting> made;
};

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_EXPERTROUTING_H
