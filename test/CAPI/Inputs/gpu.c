/* What test/CAPI/gpu.test runs: argv is a model, a tier, and "two" for two executables. The driver is
 * test/GpuDevice/Inputs/fake-cuda.c. */
#include "fptq-c/Gpu.h"
#include "fptq-c/FptqC.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FptqContext *context;

static int refused(const char *what) {
  printf("%s: %s\n", what, fptqLastError(context));
  fptqContextDestroy(context);
  return 1;
}

/* Four tokens of 32 codes, all 1 in token 0, 2 in token 1, ...: the driver's kernel adds them up, times the scale. */
static int call(FptqExecutable *executable, float scale) {
  int8_t q[4 * 32];
  float scales[4] = {scale, scale, scale, scale}, y[4 * 16];
  int32_t sums[4] = {32, 64, 96, 128};
  int64_t codes[] = {4, 32}, tokens[] = {4}, groups[] = {4, 1}, outputs[] = {4, 16};
  for (int i = 0; i < 4 * 32; ++i)
    q[i] = (int8_t)(i / 32 + 1);
  FptqTensor arguments[] = {
      {q, codes, 2, FPTQ_I8}, {scales, tokens, 1, FPTQ_F32}, {sums, groups, 2, FPTQ_I32}, {y, outputs, 2, FPTQ_F32}};
  FptqResults *results = fptqExecutableCall(executable, "f", arguments, 4);
  if (!results)
    return refused("call");
  printf("y");
  for (int t = 0; t < 4; ++t)
    printf(" %g", ((float *)fptqResultsGet(results, 0).data)[16 * t + 15]);
  printf("\n");
  fptqResultsDestroy(results);
  return 0;
}

/* Two executables of one model; the first is called and goes, the second is called. */
static int run_two(const char *model, const char *tier) {
  FptqExecutable *executables[2];
  int failed = 0;
  for (int i = 0; i < 2; ++i) {
    FptqModule *module = fptqModuleParseFile(context, model);
    executables[i] = fptqCompile(module, tier, 1);
    fptqModuleDestroy(module);
  }
  for (int i = 0; i < 2; ++i) {
    if (!executables[i])
      return refused("compile");
    failed |= call(executables[i], 1);
    fptqExecutableDestroy(executables[i]);
    printf("destroyed\n");
  }
  if (!failed)
    fptqContextDestroy(context);
  return failed;
}

int main(int argc, char **argv) {
  context = fptqContextCreate();
  const char *tier = argc > 2 ? argv[2] : "nvptx", *device = fptqGpuDevice(context);
  if (!device)
    return refused("device");
  printf("device %s\n", device);
  if (argc > 3)
    return run_two(argv[1], tier);
  FptqModule *module = fptqModuleParseFile(context, argv[1]);
  FptqExecutable *executable = module ? fptqCompile(module, tier, 1) : NULL;
  if (!executable) {
    fptqModuleDestroy(module);
    return refused("compile");
  }
  printf("tier %s\n", fptqExecutableTier(executable));
  int failed = call(executable, 1) || call(executable, 0.5f);
  if (!failed) {
    double seconds = fptqGpuTakeSeconds(), none = fptqGpuTakeSeconds();
    printf("seconds %g, then %g\n", seconds, none);
  }
  fptqExecutableDestroy(executable);
  fptqModuleDestroy(module);
  if (!failed)
    fptqContextDestroy(context);
  return failed;
}
