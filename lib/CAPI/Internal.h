//===- Internal.h - what stands behind the C handles -------------*- C++ -*-===//
#ifndef FPTQ_LIB_CAPI_INTERNAL_H
#define FPTQ_LIB_CAPI_INTERNAL_H

#include "fptq-c/FptqC.h"
#include "fptq/Target/Executable.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

struct FptqContext {
  mlir::MLIRContext context;
  std::string error;
  std::string text; ///< of the last returned string
  std::unique_ptr<mlir::fptq::ProfileRecorder> recorder;
  FptqDiagnosticHandler handler = nullptr;
  void *userData = nullptr;

  explicit FptqContext(const mlir::DialectRegistry &registry) : context(registry) {}
  void fail(const llvm::Twine &text) { error += (error.empty() ? "" : "\n") + text.str(); }
};

struct FptqModule {
  FptqContext *owner;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string text;
};

struct FptqExecutable {
  FptqContext *owner;
  std::unique_ptr<mlir::fptq::Executable> executable;
  std::string text;
};

struct FptqResults {
  std::vector<mlir::fptq::CallResult> results;
  std::vector<FptqDtype> dtypes;
};

#endif // FPTQ_LIB_CAPI_INTERNAL_H
