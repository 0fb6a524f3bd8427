//===- VerifyStage.h - what a stage promises the next -----------*- C++ -*-===//
#ifndef FPTQ_LIB_PIPELINES_VERIFYSTAGE_H
#define FPTQ_LIB_PIPELINES_VERIFYSTAGE_H

#include "mlir/Pass/PassManager.h"

namespace mlir::fptq {

/// Checks here what `stage` promises (fptq-verify-stage, docs/Architecture.md).
void addVerifyStage(OpPassManager &pm, StringRef stage);

} // namespace mlir::fptq

#endif // FPTQ_LIB_PIPELINES_VERIFYSTAGE_H
