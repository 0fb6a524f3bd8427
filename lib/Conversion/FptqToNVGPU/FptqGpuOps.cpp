//===- FptqGpuOps.cpp - the fptq_gpu dialect ------------------------------===//
#include "fptq/Conversion/FptqToNVGPU/FptqGpu.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

#include "fptq/Conversion/FptqToNVGPU/FptqGpuDialect.cpp.inc"

#define GET_OP_CLASSES
#include "fptq/Conversion/FptqToNVGPU/FptqGpuOps.cpp.inc"

void FptqGpuDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "fptq/Conversion/FptqToNVGPU/FptqGpuOps.cpp.inc"
      >();
}

LogicalResult WgmmaOp::verify() {
  if (getA().empty() || getA().size() % 4 || getA().size() > 16)
    return emitOpError() << "(WG1) has " << getA().size() << " words of A, expected 4 for each of 1 to 4 steps";
  if (getAcc().empty() || getAcc().size() % 4 || getAcc().size() > 128)
    return emitOpError() << "(WG2) has " << getAcc().size()
                         << " accumulators, expected 4 for each 8 of 8 to 256 tokens";
  if (getResults().size() != getAcc().size())
    return emitOpError() << "(WG2) has " << getResults().size() << " results for " << getAcc().size()
                         << " accumulators";
  for (OpOperand &use : (*this)->getUses()) {
    auto product = dyn_cast<WgmmaOp>(use.getOwner());
    bool goesOn = product && use.getOperandNumber() > product.getA().size(); // behind A and B
    if (!goesOn && !isa<WgmmaWaitOp>(use.getOwner())) {
      InFlightDiagnostic error = emitOpError() << "(WG3) has a result that '" << use.getOwner()->getName()
                                               << "' uses while the product is under way";
      error.attachNote(use.getOwner()->getLoc()) << "expected fptq_gpu.wgmma_wait before this";
      return error;
    }
  }
  return success();
}

LogicalResult WgmmaWaitOp::verify() {
  if (getResults().size() != getAcc().size())
    return emitOpError() << "(WG4) has " << getResults().size() << " results for " << getAcc().size()
                         << " accumulators";
  return success();
}
