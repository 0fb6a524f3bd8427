//===- NVPTX.h - kernels to PTX, cubin and fatbin ----------------*- C++ -*-===//
#ifndef FPTQ_TARGET_NVPTX_H
#define FPTQ_TARGET_NVPTX_H

#include "fptq/Conversion/FptqToNVGPU/Chip.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::fptq {

/// What is known of one kernel of an artifact.
struct NVPTXKernel {
  std::string name;                             ///< its entry in PTX
  std::string function;                         ///< the model's public functions that launch it
  int64_t threads = 0, sharedBytes = 0;         ///< of one block; shared memory is dynamic
  std::string tile;                             ///< output channels x tokens x input channels
  std::optional<int64_t> registers, spillBytes; ///< a thread's, where ptxas was found
  int64_t slices = 1, workspaceBytes = 0;       ///< of K over blocks, and the device memory that takes
};

/// The code of all kernels for one chip.
struct NVPTXCode {
  nvptx::Chip chip;
  std::string ptx, cubin;
  std::vector<NVPTXKernel> kernels;
};

enum class NVPTXFormat { Ptx, Cubin, Fatbin };

/// ptx, cubin or fatbin; other names are errors.
FailureOr<NVPTXFormat> parseNVPTXFormat(StringRef name, function_ref<InFlightDiagnostic()> emitError);

/// PTX of kernels as `fptq-nvptx-device-pipeline` leaves them. Needs no CUDA. `module` is lowered in place.
FailureOr<std::string> translateToPTX(gpu::GPUModuleOp module, const nvptx::Chip &chip);

/// PTX and the kernels of `module`, consumed; where ptxas is found their figures and the cubin too. `needsCubin`:
/// without ptxas, or where it refuses, is an error (otherwise a warning for the latter).
FailureOr<NVPTXCode> compileForChip(gpu::GPUModuleOp module, const nvptx::Chip &chip, bool needsCubin);

/// Cubins of all chips, and PTX for chips yet to come, in one file's bytes. Needs CUDA's fatbinary.
FailureOr<std::string> makeFatbin(ArrayRef<NVPTXCode> codes, function_ref<InFlightDiagnostic()> emitError);

/// Writes the kernels that a quantized model needs, and `path`.json: {"kernels": [{"name", "function", "chip",
/// "registers", "spill_bytes", "shared_bytes", "threads", "tile", "slices", "workspace_bytes"}]}. One chip: `path`
/// itself; several: a fatbin holds them all, PTX and cubins get a file each, with the chip's name before the suffix.
/// Nothing is written unless all of it succeeded.
LogicalResult emitNVPTX(ModuleOp model, ArrayRef<std::string> chips, StringRef format, StringRef path);

} // namespace mlir::fptq

#endif // FPTQ_TARGET_NVPTX_H
