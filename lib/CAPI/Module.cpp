//===- Module.cpp - parse, transform, write models ------------------------===//
#include "Internal.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Policy/LayerTable.h"
#include "fptq/Support/ModelHash.h"
#include "fptq/Support/ModuleFile.h"
#include "fptq/Support/OutputFile.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::capi;

static FptqModule *parse(FptqContext *context, Call &call, std::unique_ptr<llvm::MemoryBuffer> buffer) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context->mlir);
  if (!module)
    return call.fail("parsing failed");
  return new FptqModule{context, std::move(module), {}};
}

FptqModule *fptqModuleParseFile(FptqContext *context, const char *path) {
  if (isNull(context, __func__, "the context") || isNull(path, __func__, "the path"))
    return nullptr;
  Call call(context);
  if (!llvm::sys::fs::exists(path))
    return call.fail(llvm::Twine(path) + ": no such file");
  searchParametersBeside(path, *context->mlir.getOrLoadDialect<FptqDialect>());
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openModuleBuffer(path, &message);
  if (!buffer)
    return call.fail(message);
  return parse(context, call, std::move(buffer));
}

FptqModule *fptqModuleParse(FptqContext *context, const char *text, size_t length) {
  if (isNull(context, __func__, "the context") || isNull(text, __func__, "the text"))
    return nullptr;
  Call call(context);
  // Copied: the lexer wants a terminating zero, and bytecode an alignment that the caller's bytes need not have.
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(length, "<text>", llvm::Align(4096));
  if (!buffer)
    return call.fail("no memory for " + llvm::Twine(length) + " bytes");
  llvm::copy(StringRef(text, length), buffer->getBufferStart());
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> checked = checkModuleBuffer(std::move(buffer), &message);
  return checked ? parse(context, call, std::move(checked)) : call.fail(message);
}

FptqModule *fptqModuleClone(FptqModule *module) {
  if (isNull(module, __func__, "the module"))
    return nullptr;
  return new FptqModule{module->owner, module->module->clone(), {}};
}

void fptqModuleDestroy(FptqModule *module) { delete module; }

/// The passes inside "builtin.module(...)", which command lines write around them.
static StringRef withoutAnchor(StringRef pipeline) {
  StringRef inner = pipeline.trim();
  return inner.consume_front("builtin.module(") && inner.consume_back(")") ? inner : pipeline;
}

int fptqModuleRunPipeline(FptqModule *module, const char *pipeline) {
  if (isNull(module, __func__, "the module") || isNull(pipeline, __func__, "the pipeline"))
    return 1;
  Call call(module->owner);
  PassManager pm(&module->owner->mlir, ModuleOp::getOperationName());
  std::string message;
  llvm::raw_string_ostream os(message);
  if (failed(parsePassPipeline(withoutAnchor(pipeline), pm, os)))
    return call.fail("pipeline '" + llvm::Twine(pipeline) +
                     "': " + (message.empty() ? "an option cannot be read" : StringRef(message).trim())),
           1;
  // On a copy: a pass that fails in the middle leaves IR that no later call could rely on. Weights are attributes,
  // which copies share.
  OwningOpRef<ModuleOp> copy(module->module->clone());
  if (failed(pm.run(*copy)))
    return call.fail("pipeline '" + llvm::Twine(pipeline) + "' failed"), 1;
  module->module = std::move(copy);
  return 0;
}

int fptqModuleWrite(FptqModule *module, const char *path, int bytecode) {
  if (isNull(module, __func__, "the module") || isNull(path, __func__, "the path"))
    return 1;
  Call call(module->owner);
  llvm::Error error = writeOutputFile(path, [&](llvm::raw_ostream &os) -> llvm::Error {
    if (!bytecode)
      module->module->print(os);
    else if (failed(writeBytecodeToFile(*module->module, os)))
      return llvm::createStringError("bytecode cannot be written");
    return llvm::Error::success();
  });
  if (!error)
    return 0;
  return call.fail(llvm::toString(std::move(error))), 1;
}

const char *fptqModuleText(FptqModule *module) {
  if (isNull(module, __func__, "the module"))
    return nullptr;
  module->text.clear();
  llvm::raw_string_ostream os(module->text);
  module->module->print(os, OpPrintingFlags().elideLargeElementsAttrs(16).elideLargeResourceString(64));
  return module->text.c_str();
}

const char *fptqModuleLayers(FptqModule *module) {
  if (isNull(module, __func__, "the module"))
    return nullptr;
  module->text.clear();
  llvm::raw_string_ostream(module->text) << layerTable(*module->module);
  return module->text.c_str();
}

const char *fptqModuleHash(FptqModule *module) {
  if (isNull(module, __func__, "the module"))
    return nullptr;
  module->text = modelHash(*module->module).str();
  return module->text.c_str();
}
