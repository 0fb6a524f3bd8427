//===- FptqDialect.cpp - registration of the dialect's parts --------------===//
#include "fptq/IR/Fptq.h"

using namespace mlir;
using namespace mlir::fptq;

#include "fptq/IR/FptqDialect.cpp.inc"

void FptqDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "fptq/IR/FptqOps.cpp.inc"
      >();
}
