//===- Linker.cpp - an object file to a shared library --------------------===//
#include "Linker.h"
#include "ExternalTool.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

#include <dlfcn.h>

using namespace mlir;
using namespace mlir::fptq;

/// libfptq-runtime.a, which lies beside this code (libFPTQ-C.so) or in the lib folder beside the program's, in a build
/// and in an installed copy alike; "" where it does not.
static std::string runtimeLibrary() {
  const void *here = reinterpret_cast<const void *>(&runtimeLibrary);
  Dl_info self = {};
  dladdr(here, &self); // a library's path; of a program only what it was called by
  for (std::string file : {std::string(self.dli_fname ? self.dli_fname : ""),
                           llvm::sys::fs::getMainExecutable(nullptr, const_cast<void *>(here))}) {
    SmallString<256> real;
    if (llvm::sys::fs::real_path(file, real))
      continue;
    for (StringRef place : {"", "../" FPTQ_LIBDIR, "../lib"}) {
      SmallString<256> path(llvm::sys::path::parent_path(real));
      llvm::sys::path::append(path, place, "libfptq-runtime.a");
      if (llvm::sys::fs::exists(path))
        return std::string(path);
    }
  }
  return "";
}

FailureOr<Linker> Linker::find(function_ref<InFlightDiagnostic()> emitError) {
  auto driver = llvm::sys::findProgramByName("clang-22");
  if (!driver)
    driver = llvm::sys::findProgramByName("cc");
  if (!driver)
    return emitError() << "no clang-22 and no cc on PATH to link a shared library";
  Linker linker;
  linker.driver = *driver;
  linker.runtime = runtimeLibrary();
  if (linker.runtime.empty())
    return emitError() << "no libfptq-runtime.a beside quant-fptq's library to link a shared library with: emit an "
                          "object file and link it with an installed copy's";
  return linker;
}

LogicalResult Linker::link(StringRef object, StringRef library, bool threads,
                           function_ref<InFlightDiagnostic()> emitError) const {
  SmallString<128> partial; // a name of its own: two processes may link one library
  if (std::error_code ec = llvm::sys::fs::createUniqueFile(library + ".%%%%%%.partial", partial))
    return emitError() << library << ": " << ec.message();
  ScratchFile scratch(partial);
  SmallVector<StringRef> arguments = {"-shared", "-o", partial, object, runtime, "-lm"};
  if (threads)
    arguments.push_back(FPTQ_LIBOMP);
  auto log = runTool(driver, arguments);
  if (!log)
    return emitError() << "cannot link '" << library << "': " << llvm::toString(log.takeError());
  if (std::error_code ec = llvm::sys::fs::rename(partial, library))
    return emitError() << library << ": " << ec.message();
  return success();
}
