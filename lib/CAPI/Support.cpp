//===- Support.cpp - contexts, errors, diagnostics ------------------------===//
#include "Internal.h"
#include "fptq/InitAll.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::capi;

const char *fptqVersion(void) { return FPTQ_VERSION; }

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

std::string &capi::threadError() {
  thread_local std::string error;
  return error;
}

bool capi::isNull(const void *pointer, const char *function, const char *what) {
  threadError() = pointer ? "" : (llvm::Twine(function) + ": " + what + " is null").str();
  return !pointer;
}

std::string capi::print(Diagnostic &diagnostic) {
  static const char *const words[] = {"note", "warning", "error", "remark"};
  std::string text;
  llvm::raw_string_ostream os(text);
  if (!isa<UnknownLoc>(diagnostic.getLocation()))
    if (auto where = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
      os << where.getFilename().getValue() << ':' << where.getLine() << ':' << where.getColumn() << ": ";
  os << words[static_cast<int>(diagnostic.getSeverity())] << ": " << diagnostic.str();
  for (Diagnostic &note : diagnostic.getNotes())
    os << "\n  " << print(note);
  return text;
}

static void handle(FptqContext &context, Diagnostic &diagnostic) {
  std::string text = print(diagnostic);
  if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
    context.fail(text);
  if (context.handler)
    context.handler(static_cast<int>(diagnostic.getSeverity()), text.c_str(), context.userData);
}

Call::Call(const FptqOwner &owner) : owner(owner) {
  owner->error.clear();
  threadError().clear();
  if (!owner->owned)
    listener = std::make_unique<ScopedDiagnosticHandler>(
        &owner->mlir, [context = owner.get()](Diagnostic &diagnostic) { handle(*context, diagnostic); });
}

Call::~Call() {
  if (!owner->error.empty())
    threadError() = owner->error;
}

std::nullptr_t Call::fail(const llvm::Twine &error) {
  if (owner->error.empty())
    owner->fail(error);
  return nullptr;
}

const char *fptqLastError(FptqContext *context) { return context ? context->error.c_str() : threadError().c_str(); }

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

FptqContext *fptqContextCreate(void) {
  registerPassesOnce();
  DialectRegistry registry;
  fptq::registerToolDialects(registry);
  auto *result = new FptqContext(std::make_unique<MLIRContext>(registry));
  result->Retain();
  result->mlir.printOpOnDiagnostic(false); // a module in an error's text helps nobody
  result->mlir.getDiagEngine().registerHandler([result](Diagnostic &diagnostic) {
    handle(*result, diagnostic);
    return success();
  });
  return result;
}

void fptqContextDestroy(FptqContext *context) {
  if (!context)
    return;
  context->stopCalibration();
  context->handler = nullptr; // its user data may go away with the handle
  context->Release();
}

void fptqContextSetDiagnosticHandler(FptqContext *context, FptqDiagnosticHandler handler, void *userData) {
  if (isNull(context, __func__, "the context"))
    return;
  context->handler = handler;
  context->userData = userData;
}
