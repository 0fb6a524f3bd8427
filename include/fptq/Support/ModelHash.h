//===- ModelHash.h - which model a module and its files belong to -*- C++ -*-===//
#ifndef FPTQ_SUPPORT_MODELHASH_H
#define FPTQ_SUPPORT_MODELHASH_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::fptq {

/// The module attribute `fptq.model_hash`, which profiles and parameter files repeat as `model_hash`; empty without
/// one.
inline StringRef modelHash(ModuleOp module) {
  auto hash = module->getAttrOfType<StringAttr>("fptq.model_hash");
  return hash ? hash.getValue() : "";
}

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_MODELHASH_H
