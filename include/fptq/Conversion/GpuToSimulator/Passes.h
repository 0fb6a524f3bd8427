//===- Passes.h - device IR to host code ------------------------*- C++ -*-===//
#ifndef FPTQ_CONVERSION_GPUTOSIMULATOR_PASSES_H
#define FPTQ_CONVERSION_GPUTOSIMULATOR_PASSES_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Conversion/GpuToSimulator/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Conversion/GpuToSimulator/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_CONVERSION_GPUTOSIMULATOR_PASSES_H
