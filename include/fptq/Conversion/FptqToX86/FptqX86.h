//===- FptqX86.h - the fptq_x86 dialect -------------------------*- C++ -*-===//
#ifndef FPTQ_CONVERSION_FPTQTOX86_FPTQX86_H
#define FPTQ_CONVERSION_FPTQTOX86_FPTQX86_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "fptq/Conversion/FptqToX86/FptqX86Dialect.h.inc"

#define GET_OP_CLASSES
#include "fptq/Conversion/FptqToX86/FptqX86Ops.h.inc"

#endif // FPTQ_CONVERSION_FPTQTOX86_FPTQX86_H
