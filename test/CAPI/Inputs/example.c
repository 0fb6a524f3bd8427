/* What test/CAPI/example.test runs: argv is a model and where its object file goes, without ".o". */
#include "fptq-c/Attributes.h"
#include "fptq-c/Dialect.h"
#include "fptq-c/FptqC.h"

#include "mlir-c/IR.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FptqContext *context;

static void require(int ok) {
  if (ok)
    return;
  printf("failed: %s\n", fptqLastError(context));
  exit(1);
}

static void hear(int severity, const char *text, void *userData) {
  (void)userData;
  printf("severity %d: %s\n", severity, text);
}

/* The linear is the second op of the only function. */
static void showAttributes(FptqModule *module) {
  MlirOperation function = mlirBlockGetFirstOperation(mlirModuleGetBody(fptqModuleGetMlir(module)));
  MlirBlock body = mlirRegionGetFirstBlock(mlirOperationGetRegion(function, 0));
  MlirOperation linear = mlirOperationGetNextInBlock(mlirBlockGetFirstOperation(body));
  MlirAttribute policy = mlirOperationGetAttributeByName(linear, mlirStringRefCreateFromCString("policy"));
  MlirAttribute scheme = mlirOperationGetAttributeByName(linear, mlirStringRefCreateFromCString("scheme"));
  require(fptqAttributeIsAPolicy(policy) && fptqAttributeIsAScheme(scheme) && !fptqAttributeIsAScheme(policy));
  MlirStringRef reason = fptqPolicyAttrGetReason(policy), method = fptqSchemeAttrGetMethod(scheme);
  printf("policy %d \"%.*s\"\n", fptqPolicyAttrGetKind(policy), (int)reason.length, reason.data);
  printf("scheme %d, groups of %d, symmetric %d, method %.*s\n", fptqSchemeAttrGetKind(scheme),
         (int)fptqSchemeAttrGetGroupSize(scheme), fptqSchemeAttrGetSymmetric(scheme), (int)method.length, method.data);
  /* Built from its parts it is the same attribute: MLIR keeps one of each. */
  require(mlirAttributeEqual(policy, fptqPolicyAttrGet(fptqContextGetMlir(context), FPTQ_POLICY_PER_TOKEN, reason)));
  require(
      mlirAttributeEqual(scheme, fptqSchemeAttrGet(fptqContextGetMlir(context), FPTQ_SCHEME_GROUP, 4, false, method)));
}

static void call(FptqExecutable *executable, const char *title) {
  float x[12] = {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0};
  int64_t shape[2] = {3, 4};
  FptqTensor argument = {x, shape, 2, FPTQ_F32};
  FptqResults *results = fptqExecutableCall(executable, "main_graph", &argument, 1);
  require(results && fptqResultsCount(results) == 1);
  FptqTensor y = fptqResultsGet(results, 0);
  printf("%s%d x %d:", title, (int)y.shape[0], (int)y.shape[1]);
  for (int i = 0; i < 6; ++i)
    printf(" %.3f", ((float *)y.data)[i]);
  printf("\n");
  fptqResultsDestroy(results);
}

/* Our dialect in a context that a program has already. */
static void useOwnContext(void) {
  MlirDialectRegistry registry = mlirDialectRegistryCreate();
  mlirDialectHandleInsertDialect(mlirGetDialectHandle__fptq__(), registry);
  MlirContext own = mlirContextCreateWithRegistry(registry, true);
  mlirDialectRegistryDestroy(registry);
  MlirAttribute range = mlirAttributeParseGet(
      own, mlirStringRefCreateFromCString("#fptq.range<min = -1.0, max = 2.0, absmax = 2.0, tokens = 5>"));
  require(fptqRangeAttrGetMin(range) == -1 && fptqRangeAttrGetAbsmax(range) == 2 && fptqRangeAttrGetTokens(range) == 5);
  require(mlirAttributeEqual(range, fptqRangeAttrGet(own, -1, 2, 2, 5)));
  FptqContext *ours = fptqContextFromMlir(own);
  MlirModule empty = mlirModuleCreateEmpty(mlirLocationUnknownGet(own));
  FptqModule *module = fptqModuleFromMlir(ours, empty);
  require(module && fptqModuleRunPipeline(module, "builtin.module(fptq-raise,cse)") == 0);
  require(!fptqModuleParse(ours, "not mlir", 8) && *fptqLastError(ours)); /* heard, though the context is not ours */
  fptqModuleDestroy(module);
  fptqContextDestroy(ours);
  mlirContextDestroy(own);
}

int main(int argc, char **argv) {
  require(argc == 3);
  printf("version %s\n", fptqVersion());
  context = fptqContextCreate();
  fptqContextSetDiagnosticHandler(context, hear, NULL);
  require(fptqModuleParse(context, "not mlir", 8) == NULL);
  FptqModule *module = fptqModuleParseFile(context, argv[1]);
  require(module != NULL);
  require(fptqModuleRunPipeline(module,
                                "fptq-choose-policy{policy=per-token group-size=4 symmetric=false method=mse}") == 0);
  showAttributes(module);
  require(fptqModuleRunPipeline(module, "fptq-quantize-weights,fptq-fuse") == 0);
  char path[4096];
  snprintf(path, sizeof path, "%s.o", argv[2]);
  FptqEmitOptions options = {"reference+avx2", NULL, 1};
  require(fptqEmitObject(module, path, &options) == 0);
  FptqExecutable *executable = fptqCompile(module, "auto", 1);
  require(executable != NULL);
  fptqModuleDestroy(module);
  call(executable, "");
  fptqContextDestroy(context); /* what was made from it lives on */
  context = NULL;
  call(executable, "after the context: ");
  fptqExecutableDestroy(executable);
  useOwnContext();
  return 0;
}
