//===- FloatConstants.h - numbers that stay float ----------------*- C++ -*-===//
#ifndef FPTQ_LIB_QUANTIZE_FLOATCONSTANTS_H
#define FPTQ_LIB_QUANTIZE_FLOATCONSTANTS_H

#include "fptq/Support/Parameters.h"

namespace mlir::fptq {

/// Fails where a constant that is left in `module` (a norm, a bias, a table, the weight of a layer that stays float)
/// holds NaN or +infinity, with an error that names it and the element for each. Not looked at: splats and scalars,
/// with which models mask and compare. -infinity is what masks are made of: a remark.
LogicalResult checkFloatConstants(ModuleOp module, const ParameterFiles &files);

} // namespace mlir::fptq

#endif // FPTQ_LIB_QUANTIZE_FLOATCONSTANTS_H
