//===- ProfileKeys.h - spellings of docs/ProfileFormat.md --------*- C++ -*-===//
#ifndef FPTQ_LIB_PROFILE_PROFILEKEYS_H
#define FPTQ_LIB_PROFILE_PROFILEKEYS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mlir::fptq {

inline constexpr llvm::StringLiteral kProfileFormat = "fptq-profile";

/// Suffixes of a layer's tensors in the sidecar.
inline constexpr llvm::StringLiteral kAbsmaxSuffix = ".absmax", kMinSuffix = ".min", kMaxSuffix = ".max",
                                     kHistogramSuffix = ".histogram";
inline constexpr llvm::StringRef kSidecarSuffixes[] = {kAbsmaxSuffix, kMinSuffix, kMaxSuffix, kHistogramSuffix};

/// The sidecar of `path`: the same name with the extension .safetensors.
std::string sidecarPath(llvm::StringRef path);

/// "file: layer 'name': key: text", the shape of every error of a profile.
llvm::Error profileError(llvm::StringRef file, llvm::StringRef layer, llvm::StringRef key, const llvm::Twine &text);

} // namespace mlir::fptq

#endif // FPTQ_LIB_PROFILE_PROFILEKEYS_H
