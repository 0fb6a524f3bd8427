//===- Compile.cpp - executables, object files ----------------------------===//
#include "Internal.h"
#include "fptq/Target/EmitObject.h"
#include "fptq/Target/NVPTX.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::capi;

namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// In this process
//===----------------------------------------------------------------------===//

/// The name of a function with an argument or result that no FptqTensor can describe, if there is one.
static std::optional<std::string> unpassable(ArrayRef<EntryPoint> entries) {
  for (const EntryPoint &entry : entries)
    for (ArrayRef<Type> types : {ArrayRef<Type>(entry.arguments), ArrayRef<Type>(entry.results)})
      if (!llvm::all_of(types, [](Type type) { return dtypeOf(type).has_value(); }))
        return entry.name;
  return std::nullopt;
}

FptqExecutable *fptqCompile(FptqModule *module, const char *tier, int threads) {
  if (isNull(module, __func__, "the module"))
    return nullptr;
  Call call(module->owner);
  if (threads < 0 || threads > Executable::kMaxThreads)
    return call.fail("threads is " + std::to_string(threads) + ", expected 0 to " +
                     std::to_string(Executable::kMaxThreads));
  OwningOpRef<ModuleOp> copy(module->module->clone());
  auto executable = Executable::compile(*copy, {tier && *tier ? tier : "auto", threads});
  if (failed(executable))
    return call.fail("compilation failed");
  if (auto name = unpassable((*executable)->entryPoints()))
    return call.fail("'" + *name + "' has an argument or result of an element type that cannot be passed");
  return new FptqExecutable{module->owner, std::move(*executable), {}};
}

void fptqExecutableDestroy(FptqExecutable *executable) { delete executable; }

const char *fptqExecutableTier(FptqExecutable *executable) {
  if (isNull(executable, __func__, "the executable"))
    return nullptr;
  executable->text = executable->executable->tier().str();
  return executable->text.c_str();
}

static json::Object describe(Type type) {
  json::Array shape;
  if (auto shaped = dyn_cast<ShapedType>(type))
    for (int64_t d : shaped.getShape())
      shape.push_back(ShapedType::isDynamic(d) ? -1 : d);
  return json::Object{{"dtype", nameOf(*dtypeOf(type))}, {"shape", std::move(shape)}};
}

static json::Object describe(const EntryPoint &entry) {
  json::Array arguments, results;
  for (Type type : entry.arguments)
    arguments.push_back(describe(type));
  for (auto [type, alias] : llvm::zip(entry.results, entry.aliases)) {
    json::Object result = describe(type);
    result["alias"] = alias;
    results.push_back(std::move(result));
  }
  return json::Object{{"name", entry.name}, {"arguments", std::move(arguments)}, {"results", std::move(results)}};
}

const char *fptqExecutableSignatures(FptqExecutable *executable) {
  if (isNull(executable, __func__, "the executable"))
    return nullptr;
  json::Array entries;
  for (const EntryPoint &entry : executable->executable->entryPoints())
    entries.push_back(describe(entry));
  executable->text.clear();
  llvm::raw_string_ostream(executable->text) << json::Value(std::move(entries));
  return executable->text.c_str();
}

//===----------------------------------------------------------------------===//
// In a file
//===----------------------------------------------------------------------===//

static EmitOptions emitOptions(const FptqEmitOptions *options) {
  EmitOptions result;
  if (options && options->tiers)
    result.tier = options->tiers;
  if (options && options->cpu)
    result.cpu = options->cpu;
  result.threads = !options || !options->noThreads;
  return result;
}

int fptqEmitObject(FptqModule *module, const char *path, const FptqEmitOptions *options) {
  if (isNull(module, __func__, "the module") || isNull(path, __func__, "the path"))
    return 1;
  Call call(module->owner);
  OwningOpRef<ModuleOp> copy(module->module->clone());
  if (succeeded(emitObject(*copy, path, emitOptions(options))))
    return 0;
  return call.fail("no object file was made"), 1;
}

int fptqEmitSharedLibrary(FptqModule *module, const char *path, const FptqEmitOptions *options) {
  if (isNull(module, __func__, "the module") || isNull(path, __func__, "the path"))
    return 1;
  Call call(module->owner);
  OwningOpRef<ModuleOp> copy(module->module->clone());
  if (succeeded(emitSharedLibrary(*copy, path, emitOptions(options))))
    return 0;
  return call.fail("no shared library was made"), 1;
}

int fptqEmitNVPTX(FptqModule *module, const char *chips, const char *format, const char *path) {
  if (isNull(module, __func__, "the module") || isNull(chips, __func__, "the chips") ||
      isNull(format, __func__, "the format") || isNull(path, __func__, "the path"))
    return 1;
  Call call(module->owner);
  SmallVector<StringRef> names;
  StringRef(chips).split(names, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  std::vector<std::string> list(names.begin(), names.end());
  if (succeeded(emitNVPTX(*module->module, list, format, path)))
    return 0;
  return call.fail("no kernels were written"), 1;
}
