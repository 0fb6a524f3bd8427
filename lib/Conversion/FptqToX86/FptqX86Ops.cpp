//===- FptqX86Ops.cpp - the fptq_x86 dialect ------------------------------===//
#include "fptq/Conversion/FptqToX86/FptqX86.h"

using namespace mlir;
using namespace mlir::fptq::x86;

#include "fptq/Conversion/FptqToX86/FptqX86Dialect.cpp.inc"
#define GET_OP_CLASSES
#include "fptq/Conversion/FptqToX86/FptqX86Ops.cpp.inc"

void FptqX86Dialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "fptq/Conversion/FptqToX86/FptqX86Ops.cpp.inc"
      >();
}

static int64_t lanes(Value v) { return cast<VectorType>(v.getType()).getNumElements(); }

/// `narrow` elements a wide one, and a register's worth of them.
static LogicalResult verifyLanes(Operation *op, StringRef label, Value wide, Value narrow, int64_t factor,
                                 ArrayRef<int64_t> allowed) {
  if (llvm::is_contained(allowed, lanes(wide)) && lanes(narrow) == factor * lanes(wide))
    return success();
  InFlightDiagnostic diag = op->emitOpError() << "(" << label << ") has " << lanes(narrow) << " elements for "
                                              << lanes(wide) << " sums, expected " << factor << " for each of ";
  llvm::interleave(allowed, [&](int64_t n) { diag << n; }, [&] { diag << " or "; });
  return diag;
}

LogicalResult Dot4Op::verify() { return verifyLanes(*this, "D1", getAcc(), getWeights(), 4, {8, 16}); }

LogicalResult Madd8Op::verify() {
  int64_t weightMax = getWeightMax();
  if (weightMax < 0 || 2 * 127 * weightMax >= 1 << 15)
    return emitOpError() << "(MA2) weights up to " << weightMax << " can saturate a pair's sum, at most 129";
  return verifyLanes(*this, "MA1", getAcc(), getWeights(), 2, {16});
}

LogicalResult Madd16Op::verify() { return verifyLanes(*this, "MB1", getResult(), getLhs(), 2, {8, 16}); }
