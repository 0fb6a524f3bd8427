//===- FPTQPlugin.c - quant-fptq in stock mlir-opt ------------------------===//
//
//   mlir-opt --load-dialect-plugin=FPTQPlugin.so --pass-pipeline='builtin.module(fptq-raise)' model.mlir
//
// One flag for dialect and passes: stock tools parse pipelines after all plugins are loaded.
//
// MLIR's plugin interface has a version of its own, which has been 1 for every LLVM so far: a plugin for another
// LLVM is loaded, brings its own libMLIR into the process and crashes somewhere else. So this file is linked with
// nothing of LLVM, spells out the two structs of mlir/Tools/Plugins, and looks at the program before it loads the
// library that has everything.
//
//===----------------------------------------------------------------------===//
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // dladdr, RTLD_DEFAULT
#endif
#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef struct {
  uint32_t apiVersion;
  const char *name, *version;
  void (*registerDialects)(void *registry);
} DialectPluginInfo;

typedef struct {
  uint32_t apiVersion;
  const char *name, *version;
  void (*registerPasses)(void);
} PassPluginInfo;

enum { kRefused = 0, kApiVersion = 1 };

/// "LLVM 19.1.7", of the libLLVM that the program itself uses.
static void describeHost(char *text, size_t size) {
  unsigned major, minor, patch;
  void (*version)(unsigned *, unsigned *, unsigned *);
  *(void **)&version = dlsym(RTLD_DEFAULT, "LLVMGetVersion");
  if (!version) {
    snprintf(text, size, "no shared LLVM");
    return;
  }
  version(&major, &minor, &patch);
  snprintf(text, size, "LLVM %u.%u.%u", major, minor, patch);
}

/// Whether the program runs on the libMLIR.so that ours was built for. The name is what counts: a program with
/// another LLVM, or with a static one of the same version, would get a second MLIR, whose types are other types.
static int hostFits(void) {
  char host[64];
  if (dlopen("libMLIR.so." FPTQ_LLVM_VERSION, RTLD_LAZY | RTLD_NOLOAD))
    return 1;
  describeHost(host, sizeof host);
  fprintf(stderr,
          "FPTQPlugin: built for libMLIR.so." FPTQ_LLVM_VERSION
          ", which this program does not use (it has %s); use the "
          "mlir-opt of LLVM " FPTQ_LLVM_VERSION ", for example Debian's mlir-22-tools\n",
          host);
  return 0;
}

/// libFPTQ-C.so, which lies beside this file.
static void *library(void) {
  static void *loaded;
  char path[PATH_MAX];
  Dl_info self;
  if (loaded || !dladdr((void *)&library, &self) || !realpath(self.dli_fname, path))
    return loaded;
  char *name = strrchr(path, '/') + 1;
  snprintf(name, sizeof path - (name - path), "libFPTQ-C.so");
  loaded = dlopen(path, RTLD_NOW);
  if (!loaded)
    fprintf(stderr, "FPTQPlugin: %s\n", dlerror());
  return loaded;
}

static int usable(void) { return hostFits() && library(); }

static void registerPasses(void) {
  void (*function)(void);
  *(void **)&function = dlsym(library(), "fptqRegisterPasses");
  function();
}

static void registerDialects(void *registry) {
  void (*function)(void *); // an MlirDialectRegistry is a struct of one pointer
  *(void **)&function = dlsym(library(), "fptqRegisterDialects");
  function(registry);
  registerPasses();
}

EXPORT DialectPluginInfo mlirGetDialectPluginInfo(void) {
  DialectPluginInfo info = {usable() ? kApiVersion : kRefused, "FPTQPlugin", FPTQ_VERSION, registerDialects};
  return info;
}

EXPORT PassPluginInfo mlirGetPassPluginInfo(void) {
  PassPluginInfo info = {usable() ? kApiVersion : kRefused, "FPTQPlugin", FPTQ_VERSION, registerPasses};
  return info;
}
