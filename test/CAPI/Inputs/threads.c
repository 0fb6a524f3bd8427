/* Contexts are independent: each thread has its own, and all get the same result. argv: a model. */
#include "fptq-c/FptqC.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { kThreads = 4, kRounds = 3 };
static const char *path;

typedef struct {
  float y[6];
  char error[256];
} Outcome;

static int once(Outcome *outcome) {
  FptqContext *context = fptqContextCreate();
  FptqModule *module = fptqModuleParseFile(context, path);
  float x[12] = {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0};
  int64_t shape[2] = {3, 4};
  FptqTensor argument = {x, shape, 2, FPTQ_F32};
  int failed = fptqModuleRunPipeline(
      module, "fptq-choose-policy{policy=per-token group-size=4},fptq-quantize-weights,fptq-fuse");
  FptqExecutable *executable = failed ? NULL : fptqCompile(module, "auto", 1);
  FptqResults *results = executable ? fptqExecutableCall(executable, "f", &argument, 1) : NULL;
  if (results)
    memcpy(outcome->y, fptqResultsGet(results, 0).data, sizeof outcome->y);
  else
    snprintf(outcome->error, sizeof outcome->error, "%s", fptqLastError(context));
  fptqContextDestroy(context);
  /* A failure in one thread is no other's: this one is about a null handle. */
  if (fptqModuleClone(NULL) || !strstr(fptqLastError(NULL), "fptqModuleClone"))
    snprintf(outcome->error, sizeof outcome->error, "not this thread's: %s", fptqLastError(NULL));
  fptqResultsDestroy(results);
  fptqExecutableDestroy(executable);
  fptqModuleDestroy(module);
  return *outcome->error != 0;
}

static void *work(void *outcome) {
  for (int i = 0; i < kRounds; ++i)
    if (once(outcome))
      break;
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[kThreads];
  Outcome outcomes[kThreads] = {{{0}, ""}};
  path = argv[argc - 1];
  for (int i = 0; i < kThreads; ++i)
    pthread_create(&threads[i], NULL, work, &outcomes[i]);
  for (int i = 0; i < kThreads; ++i) {
    pthread_join(threads[i], NULL);
    printf("%s%g %g %g %g %g %g\n", outcomes[i].error, outcomes[i].y[0], outcomes[i].y[1], outcomes[i].y[2],
           outcomes[i].y[3], outcomes[i].y[4], outcomes[i].y[5]);
  }
  return 0;
}
