//===- Dialect.cpp - registration, MLIR's handles and ours ----------------===//
#include "fptq-c/Dialect.h"
#include "Internal.h"
#include "fptq/IR/Fptq.h"
#include "fptq/InitAll.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Registration.h"
#include "mlir/CAPI/Support.h"
#include "mlir/InitAllPasses.h"

#include <mutex>

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::capi;

void fptqRegisterDialects(MlirDialectRegistry registry) {
  if (!isNull(registry.ptr, __func__, "the registry"))
    fptq::registerDialects(*unwrap(registry));
}

void fptqRegisterPasses(void) {
  static std::once_flag once;
  std::call_once(once, fptq::registerPasses);
}

void capi::registerPassesOnce() {
  static std::once_flag once;
  std::call_once(once, mlir::registerAllPasses);
  fptqRegisterPasses();
}

// Not MLIR_DEFINE_CAPI_DIALECT_REGISTRATION: it would insert the dialect without its external models, so that
// bufferization later fails on every op.
MlirDialectHandle mlirGetDialectHandle__fptq__(void) {
  static MlirDialectRegistrationHooks hooks = {
      fptqRegisterDialects,
      [](MlirContext context) {
        DialectRegistry registry;
        fptq::registerDialects(registry);
        unwrap(context)->appendDialectRegistry(registry);
        return wrap(static_cast<Dialect *>(unwrap(context)->getOrLoadDialect<FptqDialect>()));
      },
      [] { return wrap(FptqDialect::getDialectNamespace()); }};
  return MlirDialectHandle{&hooks};
}

FptqContext *fptqContextFromMlir(MlirContext context) {
  if (isNull(context.ptr, __func__, "the context"))
    return nullptr;
  registerPassesOnce();
  DialectRegistry registry;
  fptq::registerAllDialects(registry);
  unwrap(context)->appendDialectRegistry(registry);
  auto *result = new FptqContext(*unwrap(context));
  result->Retain();
  return result;
}

MlirContext fptqContextGetMlir(FptqContext *context) {
  return isNull(context, __func__, "the context") ? MlirContext{nullptr} : wrap(&context->mlir);
}

FptqModule *fptqModuleFromMlir(FptqContext *context, MlirModule module) {
  if (isNull(context, __func__, "the context") || isNull(module.ptr, __func__, "the module"))
    return nullptr;
  Call call(context);
  ModuleOp op = unwrap(module);
  if (op->getContext() != &context->mlir)
    return call.fail("the module belongs to another context");
  return new FptqModule{context, op, {}};
}

MlirModule fptqModuleGetMlir(FptqModule *module) {
  return isNull(module, __func__, "the module") ? MlirModule{nullptr} : wrap(*module->module);
}
