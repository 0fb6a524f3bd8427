//===- Chip.h - NVIDIA chips this project generates code for ----*- C++ -*-===//
#ifndef FPTQ_CONVERSION_FPTQTONVGPU_CHIP_H
#define FPTQ_CONVERSION_FPTQTONVGPU_CHIP_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/Support/LLVM.h"

#include <string>

namespace mlir::fptq::nvptx {

struct Chip {
  std::string name;        ///< "sm_80", "sm_90a", ...
  std::string features;    ///< PTX version for LLVM, "+ptx80": as old as the chip allows, so that old drivers take it
  bool wgmma;              ///< has wgmma with its A operand in registers, bulk copies and mbarriers
  int64_t sharedBytes;     ///< largest dynamic shared memory of a block
  bool dependentLaunch;    ///< a kernel may start while the one before runs (griddepcontrol)
  int64_t multiprocessors; ///< of the board that most people have

  static constexpr llvm::StringLiteral kDefault = "sm_80";
};

/// The chip of that name. Unknown names and chips below sm_80 are errors: LLVM would abort on them.
FailureOr<Chip> parseChip(StringRef name, function_ref<InFlightDiagnostic()> emitError);

} // namespace mlir::fptq::nvptx

#endif // FPTQ_CONVERSION_FPTQTONVGPU_CHIP_H
