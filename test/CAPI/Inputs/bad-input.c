/* What test/CAPI/bad-input.test runs, in a folder with its files. */
#include "fptq-c/Attributes.h"
#include "fptq-c/Dialect.h"
#include "fptq-c/FptqC.h"
#include "fptq-c/Gpu.h"

#include "mlir-c/BuiltinAttributes.h"
#include "mlir-c/IR.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FptqContext *context;
static int cases, failures;

/* The call just made failed, and fptqLastError of `of` says so in words that hold `words`. */
static void expectOf(FptqContext *of, int line, int failed, const char *words) {
  const char *text = fptqLastError(of);
  ++cases;
  if (failed && *text && strstr(text, words))
    return;
  ++failures;
  printf("FAILED line %d: %s, error '%s', expected '%s'\n", line, failed ? "refused" : "accepted", text, words);
}

#define EXPECT(failed, words) expectOf(context, __LINE__, (failed), (words))
#define EXPECT_NULL(failed) expectOf(NULL, __LINE__, (failed), "is null")
#define WORKS(condition)                                                                                               \
  (++cases,                                                                                                            \
   (condition) ? (void)0 : (++failures, (void)printf("FAILED line %d: %s\n", __LINE__, fptqLastError(context))))

static MlirStringRef text(const char *s) { return mlirStringRefCreateFromCString(s); }

static void nullHandles(void) {
  FptqLayerRange range;
  FptqTensor none;
  fptqContextDestroy(NULL), fptqModuleDestroy(NULL), fptqProfileDestroy(NULL), fptqExecutableDestroy(NULL);
  fptqResultsDestroy(NULL);
  fptqContextSetDiagnosticHandler(NULL, NULL, NULL), EXPECT_NULL(1);
  EXPECT_NULL(!fptqModuleParseFile(NULL, "x")), EXPECT_NULL(!fptqModuleParseFile(context, NULL));
  EXPECT_NULL(!fptqModuleParse(NULL, "", 0)), EXPECT_NULL(!fptqModuleParse(context, NULL, 5));
  EXPECT_NULL(!fptqModuleClone(NULL)), EXPECT_NULL(fptqModuleRunPipeline(NULL, "cse"));
  EXPECT_NULL(fptqModuleWrite(NULL, "x", 0)), EXPECT_NULL(!fptqModuleText(NULL)), EXPECT_NULL(!fptqModuleLayers(NULL));
  EXPECT_NULL(!fptqModuleHash(NULL));
  EXPECT_NULL(!fptqProfileLoad(NULL, "x")), EXPECT_NULL(!fptqProfileLoad(context, NULL));
  EXPECT_NULL(fptqProfileLayerCount(NULL) == 0), EXPECT_NULL(fptqProfileLayer(NULL, 0, &range));
  EXPECT_NULL(fptqProfileFind(NULL, "a", &range)), EXPECT_NULL(!fptqProfilePolicies(NULL, 15, 150, NULL));
  EXPECT_NULL(!fptqPoliciesFromProfile(NULL, "x", 15, 150, NULL));
  EXPECT_NULL(!fptqGpuDevice(NULL));
  EXPECT_NULL(fptqProfilesMerge(context, NULL, 2, "out")), EXPECT_NULL(fptqCalibrationStart(context, NULL));
  EXPECT_NULL(fptqProfilesMerge(context, (const char *const[]){"x", NULL}, 2, "out"));
  EXPECT_NULL(fptqCalibrationFinish(NULL, "x", ""));
  EXPECT_NULL(!fptqCompile(NULL, "auto", 1)), EXPECT_NULL(!fptqExecutableTier(NULL));
  EXPECT_NULL(!fptqExecutableSignatures(NULL)), EXPECT_NULL(!fptqExecutableCall(NULL, "f", NULL, 0));
  EXPECT_NULL(fptqResultsCount(NULL) == 0);
  none = fptqResultsGet(NULL, 0), EXPECT_NULL(!none.data);
  EXPECT_NULL(fptqEmitObject(NULL, "x.o", NULL)), EXPECT_NULL(fptqEmitSharedLibrary(NULL, "x.so", NULL));
  EXPECT_NULL(!fptqContextFromMlir((MlirContext){NULL})), EXPECT_NULL(!fptqContextGetMlir(NULL).ptr);
  EXPECT_NULL(!fptqModuleFromMlir(context, (MlirModule){NULL})), EXPECT_NULL(!fptqModuleGetMlir(NULL).ptr);
  fptqRegisterDialects((MlirDialectRegistry){NULL}), EXPECT_NULL(1);
}

static void badText(void) {
  static const char unverified[] = "func.func @f(%x: tensor<3x4xf32>, %w: tensor<2x5xf32>) -> tensor<3x2xf32> {\n"
                                   "  %y = fptq.linear %x, %w layer(\"a\") : (tensor<3x4xf32>, tensor<2x5xf32>) -> "
                                   "tensor<3x2xf32>\n  return %y : tensor<3x2xf32>\n}\n";
  EXPECT(!fptqModuleParseFile(context, "absent.mlir"), "absent.mlir: no such file");
  EXPECT(!fptqModuleParseFile(context, "."), "");
  EXPECT(!fptqModuleParse(context, "func.func @f(", 13), "error");
  EXPECT(!fptqModuleParse(context, "\xff\0\xfe", 3), "error");
  EXPECT(!fptqModuleParse(context, "\"no.such\"() : () -> ()", 22), "unregistered");
  EXPECT(!fptqModuleParse(context, unverified, sizeof unverified - 1), "'fptq.linear'");
  WORKS(*fptqLastError(NULL)); /* the thread's last failure is the same */
}

/* Bytecode cut anywhere, and of a later version. */
static void badBytecode(FptqModule *module) {
  static char bytes[1 << 16], wrong[1 << 16];
  WORKS(fptqModuleWrite(module, "model.mlirbc", 1) == 0);
  FILE *file = fopen("model.mlirbc", "rb");
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  FptqModule *whole = fptqModuleParse(context, bytes, size);
  WORKS(whole != NULL);
  fptqModuleDestroy(whole);
  for (size_t n = 1; n < size; ++n) { /* an exact copy on the heap: a sanitizer sees a read past it */
    char *cut = malloc(n);
    memcpy(cut, bytes, n);
    EXPECT(!fptqModuleParse(context, cut, n), "error");
    free(cut);
  }
  memcpy(wrong, bytes, size);
  wrong[4] = (char)((99 << 1) | 1);
  EXPECT(!fptqModuleParse(context, wrong, size), "newer than the current version");
}

static void badPipelines(FptqModule *module) {
  char *before = malloc(strlen(fptqModuleText(module)) + 1);
  strcpy(before, fptqModuleText(module));
  EXPECT(fptqModuleRunPipeline(module, "no-such-pass"), "no-such-pass");
  EXPECT(fptqModuleRunPipeline(module, "builtin.module(cse"), "builtin.module(cse");
  EXPECT(fptqModuleRunPipeline(module, "cse,,"), "cse,,");
  EXPECT(fptqModuleRunPipeline(module, "fptq-raise{no-such-option=1}"), "no-such-option");
  EXPECT(fptqModuleRunPipeline(module, "fptq-quantize-pipeline{no-such-option=1}"), "no-such-option");
  EXPECT(fptqModuleRunPipeline(module, "fptq-attach-profile{profile=absent.json}"), "absent.json");
  EXPECT(fptqModuleRunPipeline(module, "fptq-choose-policy{v0=20 v1=10}"), "20");
  EXPECT(fptqModuleRunPipeline(module, "fptq-choose-policy{policy=best}"), "best");
  EXPECT(fptqModuleRunPipeline(module, "fptq-verify-stage{stage=packed,quantized}"), "");
  /* Half of this pipeline runs, then it fails: the module is as it was. */
  EXPECT(fptqModuleRunPipeline(module, "fptq-choose-policy{policy=per-token group-size=4},fptq-quantize-weights,"
                                       "fptq-verify-stage{stage=packed}"),
         "is not packed");
  WORKS(strcmp(before, fptqModuleText(module)) == 0);
  WORKS(fptqModuleRunPipeline(module, "cse") == 0);
  free(before);
}

static void badAttributes(void) {
  MlirContext mlir = fptqContextGetMlir(context);
  MlirAttribute null = {NULL}, unit = mlirUnitAttrGet(mlir);
#define ATTRIBUTE(failed, words) expectOf(NULL, __LINE__, (failed), (words))
  ATTRIBUTE(!fptqPolicyAttrGet(mlir, 17, text("x")).ptr, "no policy 17");
  ATTRIBUTE(!fptqSchemeAttrGet(mlir, -1, 4, true, text("rtn")).ptr, "no scheme -1");
  ATTRIBUTE(!fptqSchemeAttrGet(mlir, FPTQ_SCHEME_GROUP, 4, true, text("best")).ptr, "no method 'best'");
  ATTRIBUTE(!fptqSchemeAttrGet(mlir, FPTQ_SCHEME_GROUP, -4, true, text("rtn")).ptr, "group size -4");
  ATTRIBUTE(!fptqSchemeAttrGet(mlir, FPTQ_SCHEME_TWO_LEVEL, 4, true, text("rtn")).ptr, "symmetric");
  ATTRIBUTE(!fptqRangeAttrGet(mlir, 0, NAN, 1, 1).ptr, "not finite");
  ATTRIBUTE(!fptqRangeAttrGet(mlir, 2, 1, 2, 1).ptr, "above its maximum");
  ATTRIBUTE(!fptqRangeAttrGet(mlir, 1, 2, 2, -1).ptr, "token count -1");
  ATTRIBUTE(!fptqLayoutAttrGet(mlir, text("sparc")).ptr, "unknown layout 'sparc'");
  ATTRIBUTE(!fptqLayoutAttrGet((MlirContext){NULL}, text("x86")).ptr, "is null");
  ATTRIBUTE(fptqPolicyAttrGetKind(unit) == FPTQ_POLICY_INVALID, "no #fptq.policy");
  ATTRIBUTE(fptqPolicyAttrGetReason(null).length == 0, "is null");
  ATTRIBUTE(fptqSchemeAttrGetGroupSize(unit) == -1, "no #fptq.scheme");
  ATTRIBUTE(fptqSchemeAttrGetMethod(unit).length == 0, "no #fptq.scheme");
  ATTRIBUTE(isnan(fptqRangeAttrGetAbsmax(unit)), "no #fptq.range");
  ATTRIBUTE(fptqLayoutAttrGetName(unit).length == 0, "no #fptq.layout");
  WORKS(!fptqAttributeIsAPolicy(null) && !fptqAttributeIsAPolicy(unit));
}

static void wrongContext(void) {
  MlirContext other = mlirContextCreate();
  MlirModule module = mlirModuleCreateEmpty(mlirLocationUnknownGet(other));
  EXPECT(!fptqModuleFromMlir(context, module), "another context");
  mlirModuleDestroy(module); /* still ours to destroy */
  mlirContextDestroy(other);
}

static void badCompile(FptqModule *module) {
  static const char undefined[] = "func.func private @nobody(f32) -> f32\nfunc.func @g(%x: f32) -> f32 {\n"
                                  "  %y = call @nobody(%x) : (f32) -> f32\n  return %y : f32\n}\n";
  static const char complex[] = "func.func @g(%x: tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> {\n"
                                "  return %x : tensor<4xcomplex<f32>>\n}\n";
  EXPECT(!fptqCompile(module, "sse9", 1), "sse9");
  FptqModule *bad = fptqModuleParse(context, undefined, sizeof undefined - 1);
  EXPECT(!fptqCompile(bad, "auto", 1), "function 'nobody' is called");
  fptqModuleDestroy(bad);
  bad = fptqModuleParse(context, complex, sizeof complex - 1);
  EXPECT(!fptqCompile(bad, "auto", 1), "cannot be passed");
  fptqModuleDestroy(bad);
  FptqEmitOptions cpu = {NULL, "i8080", 1}, tier = {"avx9", NULL, 1}, fine = {"reference", NULL, 1};
  EXPECT(fptqEmitObject(module, "x.o", &cpu), "unknown processor 'i8080'");
  EXPECT(fptqEmitObject(module, "x.o", &tier), "avx9");
  EXPECT(fptqEmitObject(module, "absent/x.o", &fine), "absent/x.o");
  EXPECT(fptqEmitSharedLibrary(module, "absent/x.so", &fine), "absent/x");
  EXPECT(fptqModuleWrite(module, "absent/x.mlir", 0), "absent/x.mlir");
}

static void badCalls(FptqModule *module) {
  FptqExecutable *executable = fptqCompile(module, "reference", 1);
  WORKS(executable != NULL);
  float x[8] = {0};
  int64_t n = 1, shape[] = {2, 4}, narrow[] = {2, 3}, negative[] = {-2, 4}, huge[] = {INT64_MAX / 2, 4};
  FptqTensor good = {x, shape, 2, FPTQ_F32}, scalar = {&n, NULL, 0, FPTQ_I64};
#define CALL(first, words)                                                                                             \
  do {                                                                                                                 \
    FptqTensor arguments[] = {first, scalar};                                                                          \
    EXPECT(!fptqExecutableCall(executable, "f", arguments, 2), words);                                                 \
  } while (0)
  EXPECT(!fptqExecutableCall(executable, "g", &good, 1), "no public function 'g'");
  EXPECT(!fptqExecutableCall(executable, "f", &good, 1), "has 2 arguments, got 1");
  EXPECT_NULL(!fptqExecutableCall(executable, "f", NULL, 2));
  EXPECT_NULL(!fptqExecutableCall(executable, NULL, &good, 1));
  CALL(((FptqTensor){x, shape, 2, FPTQ_F64}), "is F64, expected F32");
  CALL(((FptqTensor){x, shape, 2, 99}), "element type 99");
  CALL(((FptqTensor){x, shape, 1, FPTQ_F32}), "rank 1, expected 2");
  CALL(((FptqTensor){x, shape, -1, FPTQ_F32}), "rank -1");
  CALL(((FptqTensor){x, NULL, 2, FPTQ_F32}), "no shape");
  CALL(((FptqTensor){NULL, shape, 2, FPTQ_F32}), "no data");
  CALL(((FptqTensor){x, narrow, 2, FPTQ_F32}), "size 3 in dimension 1, expected 4");
  CALL(((FptqTensor){x, negative, 2, FPTQ_F32}), "size -2 in dimension 0");
  CALL(((FptqTensor){x, huge, 2, FPTQ_F32}), "more bytes");
  CALL(((FptqTensor){0}), "rank 0, expected 2");
  CALL(((FptqTensor){x, shape, INT64_C(1) << 40, FPTQ_F32}), "rank 1099511627776, expected 2");
  FptqTensor arguments[] = {good, scalar};
  FptqResults *results = fptqExecutableCall(executable, "f", arguments, 2); /* after all that it works */
  WORKS(results && fptqResultsCount(results) == 1);
  FptqTensor none = fptqResultsGet(results, 1);
  EXPECT(!none.data && !none.shape, "no result 1");
  fptqResultsDestroy(results);
  fptqExecutableDestroy(executable);
}

static void badProfiles(void) {
  EXPECT(!fptqProfileLoad(context, "absent.json"), "absent.json");
  EXPECT(!fptqProfileLoad(context, "truncated.json"), "truncated.json");
  EXPECT(!fptqProfileLoad(context, "no-layers.json"), "no-layers.json");
  EXPECT(!fptqProfileLoad(context, "model.mlirbc"), "model.mlirbc");
  EXPECT(!fptqPoliciesFromProfile(context, "absent.json", 15, 150, NULL), "absent.json");
  EXPECT(fptqProfilesMerge(context, (const char *const[]){"absent.json"}, 1, "out.json"), "absent.json");
  EXPECT(fptqProfilesMerge(context, (const char *const[]){""}, 0, "out.json"), "no profiles");
  EXPECT(fptqCalibrationStart(context, "guess"), "guess");
  EXPECT(fptqCalibrationFinish(context, "out.json", ""), "no calibration was started");
}

int main(void) {
  EXPECT_NULL(!fptqModuleClone(NULL));
  context = fptqContextCreate();
  FptqModule *module = fptqModuleParseFile(context, "model.mlir");
  WORKS(module != NULL);
  nullHandles();
  badText();
  badBytecode(module);
  badPipelines(module);
  badAttributes();
  wrongContext();
  badCompile(module);
  badCalls(module);
  badProfiles();
  /* The context goes first; what was made from it lives on. */
  FptqContext *gone = context;
  context = NULL;
  fptqContextDestroy(gone);
  WORKS(fptqModuleRunPipeline(module, "canonicalize") == 0);
  EXPECT(fptqModuleRunPipeline(module, "no-such-pass"), "no-such-pass");
  fptqModuleDestroy(module);
  printf("%d cases, %d failures\n", cases, failures);
  return failures != 0;
}
