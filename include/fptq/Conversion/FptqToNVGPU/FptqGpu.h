//===- FptqGpu.h - the fptq_gpu dialect --------------------------*- C++ -*-===//
#ifndef FPTQ_CONVERSION_FPTQTONVGPU_FPTQGPU_H
#define FPTQ_CONVERSION_FPTQTONVGPU_FPTQGPU_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "fptq/Conversion/FptqToNVGPU/FptqGpuDialect.h.inc"

#define GET_OP_CLASSES
#include "fptq/Conversion/FptqToNVGPU/FptqGpuOps.h.inc"

namespace mlir::fptq::nvptx {
/// The matrix descriptor of B's first step at `address` (i64) of shared memory; a step further is 2 more.
Value matrixDescriptor(OpBuilder &b, Location loc, Value address);
} // namespace mlir::fptq::nvptx

#endif // FPTQ_CONVERSION_FPTQTONVGPU_FPTQGPU_H
