//===- Passes.h - packed operations to NVPTX kernels ------------*- C++ -*-===//
#ifndef FPTQ_CONVERSION_FPTQTONVGPU_PASSES_H
#define FPTQ_CONVERSION_FPTQTONVGPU_PASSES_H

#include "fptq/Conversion/FptqToNVGPU/FptqGpu.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
namespace arith {
class ArithDialect;
} // namespace arith
namespace gpu {
class GPUDialect;
} // namespace gpu
namespace LLVM {
class LLVMDialect;
} // namespace LLVM
namespace math {
class MathDialect;
} // namespace math
namespace memref {
class MemRefDialect;
} // namespace memref
namespace NVVM {
class NVVMDialect;
} // namespace NVVM
namespace scf {
class SCFDialect;
} // namespace scf
} // namespace mlir

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Conversion/FptqToNVGPU/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Conversion/FptqToNVGPU/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_CONVERSION_FPTQTONVGPU_PASSES_H
