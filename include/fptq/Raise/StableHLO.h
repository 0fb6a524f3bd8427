//===- StableHLO.h - stablehlo and chlo, what is read of them ---*- C++ -*-===//
#ifndef FPTQ_RAISE_STABLEHLO_H
#define FPTQ_RAISE_STABLEHLO_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "fptq/Raise/CHLODialect.h.inc"
#include "fptq/Raise/StableHLODialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "fptq/Raise/StableHLOAttributes.h.inc"

#define GET_OP_CLASSES
#include "fptq/Raise/CHLOOps.h.inc"
#define GET_OP_CLASSES
#include "fptq/Raise/StableHLOOps.h.inc"

#endif // FPTQ_RAISE_STABLEHLO_H
