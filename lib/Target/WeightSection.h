//===- WeightSection.h - weights of an object file, in large pages -*- C++ -*-===//
#ifndef FPTQ_LIB_TARGET_WEIGHTSECTION_H
#define FPTQ_LIB_TARGET_WEIGHTSECTION_H

namespace llvm {
class Module;
}

namespace mlir::fptq {

/// Puts the large constants of `module` into a section of their own, in the order of the module, and where they fill a
/// page of 2 MiB, starts the section at one and has the program ask the system for such pages when it is loaded.
void placeWeights(llvm::Module &module);

} // namespace mlir::fptq

#endif // FPTQ_LIB_TARGET_WEIGHTSECTION_H
