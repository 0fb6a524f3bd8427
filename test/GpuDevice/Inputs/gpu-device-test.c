/*===- gpu-device-test.c - the device runtime, call by call ---------------===
 *
 *   gpu-device-test SCENARIO
 *
 *===----------------------------------------------------------------------===*/
#include "fptq-runtime/GpuDevice.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char kPtx[] = ".version 8.0\n.target sm_80\n.entry twice() { ret; }\n";
static const char kNewer[] = ".version 8.4\n.target sm_90a\n";
static const char kCubin[128] = "\x7f"
                                "ELF";
static const char kDamaged[] = ".version 8.0\n.target sm_80\ngarbage\n";

static int32_t in[64], out[96];

static int complain(void) {
  printf("error: %s\n", fptq_gpu_error());
  return 1;
}

/* out[i] = 2 * in[i] for the first n; `kind` of the input. */
static void launch(const char *kernel, FptqGpuArgumentKind kind, int32_t *from, int32_t *to,
                   FptqGpuArgumentKind to_kind, int64_t n, int64_t shared) {
  FptqGpuArgument arguments[] = {{kind, 0, from, 4 * n}, {to_kind, 0, to, 4 * n}, {FPTQ_GPU_I32, n, NULL, 0}};
  FptqGpuLaunch l = {kernel, {2, 1, 1}, {32, 1, 1}, shared, 3, arguments};
  fptq_gpu_launch(&l);
}

static int check(int32_t factor, const int32_t *from, const int32_t *to, int n) {
  for (int i = 0; i < n; ++i)
    if (to[i] != factor * from[i])
      return printf("wrong: to[%d] = %d\n", i, to[i]), 1;
  return 0;
}

static int run(void) {
  FptqGpuDevice device;
  if (fptq_gpu_open(0, &device) || fptq_gpu_load(kPtx, sizeof kPtx, "kernels.ptx"))
    return complain();
  printf("device %s sm_%d%d\n", device.name, device.major, device.minor);
  for (int i = 0; i < 96; ++i)
    out[i] = 7, in[i % 64] = i % 64;
  launch("twice", FPTQ_GPU_INPUT, in, out, FPTQ_GPU_OUTPUT, 48, 0);
  if (fptq_gpu_error())
    return complain();
  if (check(2, in, out, 48) || out[48] != 7)
    return 1;
  /* A constant is copied once; a temporary never, not even where it grows. */
  in[0] = 5;
  launch("twice", FPTQ_GPU_CONSTANT, in, out, FPTQ_GPU_OUTPUT, 64, 64 * 1024);
  in[0] = 6;
  launch("twice", FPTQ_GPU_CONSTANT, in, out, FPTQ_GPU_OUTPUT, 64, 64 * 1024);
  if (out[0] != 10)
    return printf("the constant was copied again\n"), 1;
  int32_t temporary[64] = {0}, last[64];
  launch("twice", FPTQ_GPU_CONSTANT, in, temporary, FPTQ_GPU_TEMPORARY, 32, 0);
  launch("twice", FPTQ_GPU_CONSTANT, in + 32, temporary + 32, FPTQ_GPU_TEMPORARY, 32, 0);
  launch("twice", FPTQ_GPU_TEMPORARY, temporary, last, FPTQ_GPU_OUTPUT, 64, 0);
  if (temporary[1] || last[1] != 4 || last[63] != 252)
    return printf("temporaries: %d %d %d\n", temporary[1], last[1], last[63]), 1;
  /* In place: one memory on the device too. */
  launch("twice", FPTQ_GPU_INOUT, last, last, FPTQ_GPU_INOUT, 64, 0);
  if (last[63] != 504)
    return printf("in place: %d\n", last[63]), 1;
  /* A grid of no blocks is no launch. */
  FptqGpuLaunch none = {"twice", {0, 1, 1}, {32, 1, 1}, 0, 0, NULL};
  fptq_gpu_launch(&none);
  double seconds = fptq_gpu_take_seconds();
  fptq_gpu_unload();
  printf("ok, %.4f s\n", seconds);
  return 0;
}

/* Counters start at zero and stay where they are until more are needed; a workspace is not cleared. */
static int run_with_workspace(void) {
  if (fptq_gpu_load(kPtx, sizeof kPtx, "kernels.ptx"))
    return complain();
  for (int64_t tiles = 16; tiles <= 64; tiles += 24) {
    FptqGpuArgument arguments[] = {{FPTQ_GPU_COUNTERS, 0, NULL, 4 * tiles},
                                   {FPTQ_GPU_OUTPUT, 0, out, 4 * 8},
                                   {FPTQ_GPU_I32, 8, NULL, 0},
                                   {FPTQ_GPU_WORKSPACE, 0, NULL, 1 << 20}};
    FptqGpuLaunch l = {"twice", {2, 1, 2}, {32, 1, 1}, 0, 4, arguments};
    memset(out, 0xff, sizeof out);
    fptq_gpu_launch(&l);
    fptq_gpu_launch(&l);
    if (fptq_gpu_error())
      return complain();
    if (out[7])
      return printf("counters start at %d\n", out[7]), 1;
  }
  fptq_gpu_unload();
  printf("ok\n");
  return 0;
}

/* The first attempt fails, by FAKE_CUDA_FAIL; the second gives what it should. */
static int run_again(FptqGpuArgumentKind kind) {
  FptqGpuArgument arguments[] = {{kind, 0, kind == FPTQ_GPU_CONSTANT ? in : NULL, 4 * 8},
                                 {FPTQ_GPU_OUTPUT, 0, out, 4 * 8},
                                 {FPTQ_GPU_I32, 8, NULL, 0}};
  FptqGpuLaunch l = {"twice", {2, 1, 1}, {32, 1, 1}, 0, 3, arguments};
  int32_t expected = kind == FPTQ_GPU_CONSTANT ? 6 : 0;
  for (int i = 0; i < 8; ++i)
    in[i] = 3, out[i] = 7;
  if (fptq_gpu_load(kPtx, sizeof kPtx, "kernels.ptx"))
    return complain();
  fptq_gpu_launch(&l);
  printf("refused: %s\n", fptq_gpu_error());
  fptq_gpu_clear();
  fptq_gpu_launch(&l);
  if (fptq_gpu_error())
    return complain();
  return out[7] == expected ? puts("ok"), 0 : (printf("wrong: %d\n", out[7]), 1);
}

/* Two temporaries become one. The second copy fails: the first stays whole, and is found. */
static int grow_again(void) {
  int32_t temporary[64] = {0}, last[64];
  for (int i = 0; i < 64; ++i)
    in[i] = i;
  if (fptq_gpu_load(kPtx, sizeof kPtx, "kernels.ptx"))
    return complain();
  launch("twice", FPTQ_GPU_INPUT, in, temporary, FPTQ_GPU_TEMPORARY, 32, 0);
  launch("twice", FPTQ_GPU_INPUT, in + 32, temporary + 32, FPTQ_GPU_TEMPORARY, 32, 0);
  launch("twice", FPTQ_GPU_TEMPORARY, temporary, last, FPTQ_GPU_OUTPUT, 64, 0);
  printf("refused: %s\n", fptq_gpu_error());
  fptq_gpu_clear();
  launch("twice", FPTQ_GPU_TEMPORARY, temporary, last, FPTQ_GPU_OUTPUT, 64, 0);
  if (fptq_gpu_error())
    return complain();
  return check(4, in, last, 64) ? 1 : (puts("ok"), 0);
}

static int open_again(void) {
  if (!fptq_gpu_open(0, NULL))
    return puts("opened at once"), 1;
  printf("refused: %s\n", fptq_gpu_error());
  fptq_gpu_clear();
  return fptq_gpu_open(0, NULL) ? complain() : (puts("ok"), 0);
}

/* Launches on a thread that did not open the device, with a context of somebody else's current; null where all is well.
 */
static void *other_thread(void *context) {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW);
  int (*push)(void *) = (int (*)(void *))dlsym(driver, "cuCtxPushCurrent_v2");
  int (*get_current)(void **) = (int (*)(void **))dlsym(driver, "cuCtxGetCurrent");
  int32_t from[64], to[64] = {0};
  void *still = NULL;
  push(context);
  for (int i = 0; i < 64; ++i)
    from[i] = i;
  for (int i = 0; i < 200; ++i)
    launch("twice", FPTQ_GPU_INPUT, from, to, FPTQ_GPU_OUTPUT, 64, 0);
  get_current(&still);
  if (fptq_gpu_error() || still != context)
    return complain(), context;
  return check(2, from, to, 64) ? context : NULL;
}

static int run_on_threads(void) {
  pthread_t threads[2];
  int theirs;
  void *failed = NULL, *result;
  if (fptq_gpu_load(kPtx, sizeof kPtx, "kernels.ptx"))
    return complain();
  for (int i = 0; i < 2; ++i)
    pthread_create(&threads[i], NULL, other_thread, &theirs);
  launch("thrice", FPTQ_GPU_INPUT, in, out, FPTQ_GPU_OUTPUT, 4, 0); /* this thread's error alone */
  complain();
  for (int i = 0; i < 2; ++i) {
    pthread_join(threads[i], &result);
    failed = failed ? failed : result;
  }
  return failed ? 1 : (puts("ok"), 0);
}

static int load(const void *image, size_t bytes) {
  if (fptq_gpu_load(image, bytes, "artifact"))
    return complain();
  printf("loaded\n");
  return 0;
}

int main(int argc, char **argv) {
  const char *scenario = argc > 1 ? argv[1] : "";
  fptq_gpu_remember_errors(1);
  if (!strcmp(scenario, "run"))
    return run();
  if (!strcmp(scenario, "dependent")) {
    fptq_gpu_set_dependent_launches(1);
    return run();
  }
  if (!strcmp(scenario, "workspace"))
    return run_with_workspace();
  if (!strcmp(scenario, "again-constant"))
    return run_again(FPTQ_GPU_CONSTANT);
  if (!strcmp(scenario, "again-counters"))
    return run_again(FPTQ_GPU_COUNTERS);
  if (!strcmp(scenario, "again-temporary"))
    return grow_again();
  if (!strcmp(scenario, "again-open"))
    return open_again();
  if (!strcmp(scenario, "threads"))
    return run_on_threads();
  if (!strcmp(scenario, "other-chip"))
    return load(kNewer, sizeof kNewer);
  if (!strcmp(scenario, "damaged"))
    return load(kDamaged, sizeof kDamaged);
  if (!strcmp(scenario, "cubin"))
    return load(kCubin, sizeof kCubin);
  if (!strcmp(scenario, "rubbish"))
    return load("abc", 4);
  if (!strcmp(scenario, "unknown-kernel")) {
    if (load(kPtx, sizeof kPtx))
      return 1;
    launch("thrice", FPTQ_GPU_INPUT, in, out, FPTQ_GPU_OUTPUT, 4, 0);
    return fptq_gpu_error() ? complain() : 0;
  }
  if (!strcmp(scenario, "exit")) { /* not remembered: the program ends */
    fptq_gpu_remember_errors(0);
    atexit(fptq_gpu_unload);
    launch("thrice", FPTQ_GPU_INPUT, in, out, FPTQ_GPU_OUTPUT, 4, 0);
    printf("still here\n");
    return 0;
  }
  printf("unknown scenario '%s'\n", scenario);
  return 2;
}
