//===- ForeignProfiles.h - profiles made elsewhere ---------------*- C++ -*-===//
#ifndef FPTQ_LIB_PROFILE_FOREIGNPROFILES_H
#define FPTQ_LIB_PROFILE_FOREIGNPROFILES_H

#include "fptq/Profile/RangeProfile.h"

namespace mlir::fptq {

/// SmoothQuant's published scales: a .safetensors file with one F32 vector, max |x| a channel, per layer.
llvm::Expected<RangeProfile> loadChannelMaxima(llvm::StringRef path);

/// tpu-mlir's calibration table: "# ..." comments, then "name threshold min max" a line.
llvm::Expected<RangeProfile> parseCalibrationTable(llvm::StringRef text, llvm::StringRef path);

} // namespace mlir::fptq

#endif // FPTQ_LIB_PROFILE_FOREIGNPROFILES_H
