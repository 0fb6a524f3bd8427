//===- Fptq.h - the fptq dialect ---------------------------------*- C++ -*-===//
#ifndef FPTQ_IR_FPTQ_H
#define FPTQ_IR_FPTQ_H

#include "fptq/Pack/Layout.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "fptq/IR/FptqDialect.h.inc"
#include "fptq/IR/FptqEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "fptq/IR/FptqAttrs.h.inc"

#include "fptq/IR/LayerOpInterface.h.inc"

#define GET_OP_CLASSES
#include "fptq/IR/FptqOps.h.inc"

namespace mlir::fptq {
/// One-shot bufferization of the destination-style ops.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);
/// Tiles of the destination-style ops: rows, and output channels of the portable product.
void registerTilingInterfaceExternalModels(DialectRegistry &registry);
} // namespace mlir::fptq

#endif // FPTQ_IR_FPTQ_H
