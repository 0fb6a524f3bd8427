//===- RowForm.h - activations as rows x channels ----------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_ROWFORM_H
#define FPTQ_SUPPORT_ROWFORM_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::fptq {

/// `x` [..., K] as [rows, K]: leading dimensions collapsed, a vector as one row.
Value toRows(OpBuilder &b, Location loc, Value x);

/// The inverse for a result `y` [rows, N] in f32: leading sizes of `like`, element type of `type`.
Value fromRows(OpBuilder &b, Location loc, Value y, RankedTensorType type, Value like);

/// A float tensor in f32; itself if it is.
Value inF32(OpBuilder &b, Location loc, Value v);

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_ROWFORM_H
