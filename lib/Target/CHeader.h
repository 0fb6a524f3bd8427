//===- CHeader.h - what a C program must know of an object -------*- C++ -*-===//
#ifndef FPTQ_LIB_TARGET_CHEADER_H
#define FPTQ_LIB_TARGET_CHEADER_H

#include "fptq/Target/Executable.h"

namespace mlir::fptq {

/// The header of `entries`: a descriptor type for each element type and rank, a struct of results and
/// a prototype for each function. `guard` becomes the include guard.
std::string cHeader(ArrayRef<EntryPoint> entries, StringRef guard);

} // namespace mlir::fptq

#endif // FPTQ_LIB_TARGET_CHEADER_H
