//===- TMTensor.h - torch-mlir's tm_tensor, to be read ----------*- C++ -*-===//
#ifndef FPTQ_RAISE_TMTENSOR_H
#define FPTQ_RAISE_TMTENSOR_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "fptq/Raise/TMTensorDialect.h.inc"

#define GET_OP_CLASSES
#include "fptq/Raise/TMTensorOps.h.inc"

#endif // FPTQ_RAISE_TMTENSOR_H
