//===- Commands.h - what fptq-translate can do -------------------*- C++ -*-===//
#ifndef FPTQ_TRANSLATE_COMMANDS_H
#define FPTQ_TRANSLATE_COMMANDS_H

#include "fptq/Target/EmitObject.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace mlir::fptq {

/// Spelling of a profile file.
enum class ProfileFormat { ByExtension, Fptq, ChannelMaxima, CalibrationTable };

/// Reads profiles of any format, merges them, and writes `output`.
llvm::Error translateProfiles(llvm::ArrayRef<std::string> inputs, llvm::StringRef output, ProfileFormat format);

/// Writes Hugging Face's index of a checkpoint in several .safetensors files: which tensor lies where. Refuses a
/// tensor that two files have, and files that say they belong to different models.
llvm::Error writeShardIndex(llvm::ArrayRef<std::string> shards, llvm::StringRef output);

/// `import` and `export` of checkpoints: the same arguments to `quant-fptq`, and its status.
int runCheckpointCommand(llvm::ArrayRef<const char *> argv);

/// The commands on a module; false after an error that has been printed.
bool exportPacked(llvm::StringRef input, llvm::StringRef output, llvm::StringRef layout);
bool exportLLVMIR(llvm::StringRef input, llvm::StringRef output, const EmitOptions &options, bool optimized);
bool exportHeader(llvm::StringRef input, llvm::StringRef output, const EmitOptions &options);

} // namespace mlir::fptq

#endif // FPTQ_TRANSLATE_COMMANDS_H
