//===- Context.cpp - contexts, diagnostics, modules -----------------------===//
#include "Internal.h"
#include "fptq/IR/Fptq.h"
#include "fptq/InitAll.h"
#include "fptq/Support/ModuleFile.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

using namespace mlir;
using namespace mlir::fptq;

const char *fptqVersion(void) { return FPTQ_VERSION; }

/// "file:1:2: error: text" and the notes below it.
static void print(llvm::raw_ostream &os, Diagnostic &diagnostic) {
  static const char *const words[] = {"note", "warning", "error", "remark"};
  if (!isa<UnknownLoc>(diagnostic.getLocation())) {
    if (auto where = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
      os << where.getFilename().getValue() << ':' << where.getLine() << ':' << where.getColumn() << ": ";
  }
  os << words[static_cast<int>(diagnostic.getSeverity())] << ": " << diagnostic.str();
  for (Diagnostic &note : diagnostic.getNotes()) {
    os << "\n  ";
    print(os, note);
  }
}

static void handle(FptqContext &context, Diagnostic &diagnostic) {
  std::string text;
  llvm::raw_string_ostream os(text);
  print(os, diagnostic);
  if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
    context.fail(text);
  if (context.handler)
    context.handler(static_cast<int>(diagnostic.getSeverity()), text.c_str(), context.userData);
}

FptqContext *fptqContextCreate(void) {
  static std::once_flag once;
  std::call_once(once, registerAllPasses);
  DialectRegistry registry;
  registerAllDialects(registry);
  auto *result = new FptqContext(registry);
  result->context.printOpOnDiagnostic(false); // a module in an error's text helps nobody
  result->context.getDiagEngine().registerHandler([result](Diagnostic &diagnostic) {
    handle(*result, diagnostic);
    return success();
  });
  return result;
}

void fptqContextDestroy(FptqContext *context) {
  if (context && context->recorder)
    Executable::setRecorder(nullptr);
  delete context;
}

void fptqContextSetDiagnosticHandler(FptqContext *context, FptqDiagnosticHandler handler, void *userData) {
  context->handler = handler;
  context->userData = userData;
}

const char *fptqLastError(FptqContext *context) { return context ? context->error.c_str() : "no context"; }

static FptqModule *wrap(FptqContext *context, OwningOpRef<ModuleOp> module) {
  if (!module && context->error.empty())
    context->fail("parsing failed");
  return module ? new FptqModule{context, std::move(module), {}} : nullptr;
}

FptqModule *fptqModuleParseFile(FptqContext *context, const char *path) {
  if (!context || !path)
    return nullptr;
  context->error.clear();
  if (!llvm::sys::fs::exists(path)) {
    context->fail(llvm::Twine(path) + ": no such file");
    return nullptr;
  }
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openModuleBuffer(path, &message);
  if (!buffer) {
    context->fail(message);
    return nullptr;
  }
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  StringRef folder = llvm::sys::path::parent_path(path);
  context->context.getOrLoadDialect<FptqDialect>()->addParameterDirectory(folder.empty() ? "." : folder);
  return wrap(context, parseSourceFile<ModuleOp>(sources, &context->context));
}

FptqModule *fptqModuleParse(FptqContext *context, const char *text, size_t length) {
  if (!context || !text)
    return nullptr;
  context->error.clear();
  return wrap(context, parseSourceString<ModuleOp>(StringRef(text, length), &context->context));
}

FptqModule *fptqModuleClone(FptqModule *module) {
  return module ? new FptqModule{module->owner, module->module->clone(), {}} : nullptr;
}

void fptqModuleDestroy(FptqModule *module) { delete module; }

int fptqModuleRunPipeline(FptqModule *module, const char *pipeline) {
  if (!module || !pipeline)
    return 1;
  FptqContext &owner = *module->owner;
  owner.error.clear();
  PassManager pm(&owner.context, ModuleOp::getOperationName());
  std::string message;
  llvm::raw_string_ostream os(message);
  if (failed(parsePassPipeline(pipeline, pm, os))) {
    owner.fail("pipeline '" + llvm::Twine(pipeline) + "': " + message);
    return 1;
  }
  if (succeeded(pm.run(*module->module)))
    return 0;
  if (owner.error.empty())
    owner.fail("pipeline '" + llvm::Twine(pipeline) + "' failed");
  return 1;
}

int fptqModuleWrite(FptqModule *module, const char *path, int bytecode) {
  if (!module || !path)
    return 1;
  module->owner->error.clear();
  llvm::Error error = llvm::writeToOutput(path, [&](llvm::raw_ostream &os) -> llvm::Error {
    if (!bytecode)
      module->module->print(os);
    else if (failed(writeBytecodeToFile(*module->module, os)))
      return llvm::createStringError("bytecode cannot be written");
    return llvm::Error::success();
  });
  if (!error)
    return 0;
  module->owner->fail(llvm::Twine(path) + ": " + llvm::toString(std::move(error)));
  return 1;
}

const char *fptqModuleText(FptqModule *module) {
  module->text.clear();
  llvm::raw_string_ostream os(module->text);
  module->module->print(os, OpPrintingFlags().elideLargeElementsAttrs(16).elideLargeResourceString(64));
  return module->text.c_str();
}
