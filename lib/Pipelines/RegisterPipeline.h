//===- RegisterPipeline.h - pipelines by name --------------------*- C++ -*-===//
#ifndef FPTQ_LIB_PIPELINES_REGISTERPIPELINE_H
#define FPTQ_LIB_PIPELINES_REGISTERPIPELINE_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

namespace mlir::fptq {

/// PassPipelineRegistration says on stderr what is wrong with an option; here the caller hears it.
template <typename Options>
void registerPipeline(StringRef name, StringRef description, void (*build)(OpPassManager &, const Options &)) {
  auto parse = [build](OpPassManager &pm, StringRef text, function_ref<LogicalResult(const Twine &)> fail) {
    Options options;
    std::string message;
    llvm::raw_string_ostream os(message);
    if (failed(options.parseFromString(text, os)))
      return fail(message.empty() ? "the value of an option cannot be read" : StringRef(message).trim());
    build(pm, options);
    return success();
  };
  registerPassPipeline(name, description, parse, [](auto showOptions) { showOptions(Options()); });
}

} // namespace mlir::fptq

#endif // FPTQ_LIB_PIPELINES_REGISTERPIPELINE_H
