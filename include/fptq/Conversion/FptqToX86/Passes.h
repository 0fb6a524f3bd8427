//===- Passes.h - packed operations to x86 kernels --------------*- C++ -*-===//
#ifndef FPTQ_CONVERSION_FPTQTOX86_PASSES_H
#define FPTQ_CONVERSION_FPTQTOX86_PASSES_H

#include "fptq/Conversion/FptqToX86/FptqX86.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
namespace arith {
class ArithDialect;
} // namespace arith
namespace LLVM {
class LLVMDialect;
} // namespace LLVM
namespace math {
class MathDialect;
} // namespace math
namespace memref {
class MemRefDialect;
} // namespace memref
namespace omp {
class OpenMPDialect;
} // namespace omp
namespace scf {
class SCFDialect;
} // namespace scf
namespace vector {
class VectorDialect;
} // namespace vector
} // namespace mlir

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Conversion/FptqToX86/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Conversion/FptqToX86/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_CONVERSION_FPTQTOX86_PASSES_H
