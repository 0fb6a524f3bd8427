/* quant-fptq from C11: parse, quantize, compile, call. By CMake (CMakeLists.txt beside this file), or
 *
 *   cc main.c $(pkg-config --cflags --libs quant-fptq) -Wl,-rpath,$(pkg-config --variable=libdir quant-fptq)
 *
 *   first-layer MODULE PROFILE TOKENS OUTPUT
 */
#include "fptq-c/FptqC.h"

#include <stdio.h>
#include <stdlib.h>

static FptqContext *context;

/* The library prints nothing and never exits: that is up to the program. */
static void require(int ok) {
  if (ok)
    return;
  fprintf(stderr, "first-layer: %s\n", fptqLastError(context));
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: first-layer MODULE PROFILE TOKENS OUTPUT\n");
    return 2;
  }
  context = fptqContextCreate();
  FptqModule *module = fptqModuleParseFile(context, argv[1]);
  require(module != NULL);
  char pipeline[4096];
  snprintf(pipeline, sizeof pipeline, "fptq-quantize-pipeline{profile=%s group-size=32}", argv[2]);
  require(fptqModuleRunPipeline(module, pipeline) == 0);
  FptqExecutable *executable = fptqCompile(module, "auto", 1);
  require(executable != NULL);

  int32_t tokens[32];
  int64_t count = 0;
  FILE *file = fopen(argv[3], "r");
  while (file && count < 32 && fscanf(file, "%d", &tokens[count]) == 1)
    ++count;
  if (file)
    fclose(file);
  FptqTensor argument = {tokens, &count, 1, FPTQ_I32};
  FptqResults *results = fptqExecutableCall(executable, "first_layer", &argument, 1);
  require(results != NULL);

  FptqTensor y = fptqResultsGet(results, 0);
  FILE *output = fopen(argv[4], "wb");
  if (!output || fwrite(y.data, sizeof(float), y.shape[0] * y.shape[1], output) != (size_t)(y.shape[0] * y.shape[1]) ||
      fclose(output)) {
    perror(argv[4]);
    return 1;
  }
  printf("%lld x %lld, first %.9g\n", (long long)y.shape[0], (long long)y.shape[1], ((float *)y.data)[0]);
  fptqResultsDestroy(results);
  fptqExecutableDestroy(executable);
  fptqModuleDestroy(module);
  fptqContextDestroy(context);
  return 0;
}
