//===- Compile.cpp - executables, calls, calibration ----------------------===//
#include "Internal.h"
#include "fptq/Profile/RangeProfile.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::fptq;

namespace json = llvm::json;

static Type elementOf(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped ? shaped.getElementType() : type;
}

static std::optional<FptqDtype> dtypeOf(Type type) {
  type = elementOf(type);
  if (type.isF32())
    return FPTQ_F32;
  if (type.isF16())
    return FPTQ_F16;
  if (type.isBF16())
    return FPTQ_BF16;
  if (type.isF64())
    return FPTQ_F64;
  if (type.isIndex())
    return FPTQ_I64;
  if (type.isInteger())
    switch (type.getIntOrFloatBitWidth()) {
    case 1:
      return FPTQ_BOOL;
    case 8:
      return FPTQ_I8;
    case 16:
      return FPTQ_I16;
    case 32:
      return FPTQ_I32;
    case 64:
      return FPTQ_I64;
    default:
      break;
    }
  return std::nullopt;
}

static const char *nameOf(FptqDtype dtype) {
  static const char *const names[] = {"F32", "F16", "BF16", "F64", "I8", "I16", "I32", "I64", "BOOL"};
  return names[dtype];
}

FptqExecutable *fptqCompile(FptqModule *module, const char *tier, int threads) {
  if (!module)
    return nullptr;
  FptqContext &owner = *module->owner;
  owner.error.clear();
  OwningOpRef<ModuleOp> copy(module->module->clone());
  auto executable = Executable::compile(*copy, {tier && *tier ? tier : "auto", /*threads=*/threads != 1});
  if (failed(executable)) {
    if (owner.error.empty())
      owner.fail("compilation failed");
    return nullptr;
  }
  if (threads > 0)
    Executable::setThreads(threads);
  for (const EntryPoint &entry : (*executable)->entryPoints())
    for (ArrayRef<Type> types : {ArrayRef<Type>(entry.arguments), ArrayRef<Type>(entry.results)})
      for (Type type : types)
        if (!dtypeOf(type)) {
          owner.fail("'" + entry.name + "' has an argument or result of an element type that cannot be passed");
          return nullptr;
        }
  return new FptqExecutable{&owner, std::move(*executable), {}};
}

void fptqExecutableDestroy(FptqExecutable *executable) { delete executable; }

const char *fptqExecutableTier(FptqExecutable *executable) {
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

const char *fptqExecutableSignatures(FptqExecutable *executable) {
  json::Array entries;
  for (const EntryPoint &entry : executable->executable->entryPoints()) {
    json::Array arguments, results;
    for (Type type : entry.arguments)
      arguments.push_back(describe(type));
    for (auto [type, alias] : llvm::zip(entry.results, entry.aliases)) {
      json::Object result = describe(type);
      result["alias"] = alias;
      results.push_back(std::move(result));
    }
    entries.push_back(
        json::Object{{"name", entry.name}, {"arguments", std::move(arguments)}, {"results", std::move(results)}});
  }
  executable->text.clear();
  llvm::raw_string_ostream(executable->text) << json::Value(std::move(entries));
  return executable->text.c_str();
}

FptqResults *fptqExecutableCall(FptqExecutable *executable, const char *name, const FptqTensor *arguments,
                                size_t count) {
  if (!executable || !name || (count && !arguments))
    return nullptr;
  FptqContext &owner = *executable->owner;
  owner.error.clear();
  const EntryPoint *entry = executable->executable->find(name);
  if (!entry) {
    owner.fail("no public function '" + llvm::Twine(name) + "'");
    return nullptr;
  }
  std::vector<TensorRef> tensors;
  for (size_t i = 0; i < count; ++i) {
    if (i < entry->arguments.size() && arguments[i].dtype != *dtypeOf(entry->arguments[i])) {
      owner.fail("'" + entry->name + "': argument " + llvm::Twine(i) + " is " + nameOf(arguments[i].dtype) +
                 ", expected " + nameOf(*dtypeOf(entry->arguments[i])));
      return nullptr;
    }
    tensors.push_back(
        {arguments[i].data, SmallVector<int64_t>(arguments[i].shape, arguments[i].shape + arguments[i].rank)});
  }
  auto results = executable->executable->call(*entry, tensors);
  if (!results) {
    owner.fail(llvm::toString(results.takeError()));
    return nullptr;
  }
  auto *made = new FptqResults{std::move(*results), {}};
  for (Type type : entry->results)
    made->dtypes.push_back(*dtypeOf(type));
  return made;
}

size_t fptqResultsCount(FptqResults *results) { return results->results.size(); }

FptqTensor fptqResultsGet(FptqResults *results, size_t i) {
  const TensorRef &tensor = results->results[i].get();
  return {tensor.data, tensor.shape.data(), (int64_t)tensor.shape.size(), results->dtypes[i]};
}

void fptqResultsDestroy(FptqResults *results) { delete results; }

int fptqCalibrationStart(FptqContext *context, const char *observer) {
  context->error.clear();
  auto recorder = ProfileRecorder::create(observer);
  if (!recorder) {
    context->fail(llvm::toString(recorder.takeError()));
    return 1;
  }
  context->recorder = std::move(*recorder);
  Executable::setRecorder(context->recorder.get());
  return 0;
}

int fptqCalibrationFinish(FptqContext *context, const char *path, const char *modelHash) {
  context->error.clear();
  if (!context->recorder) {
    context->fail("no calibration was started");
    return 1;
  }
  Executable::setRecorder(nullptr);
  RangeProfile profile = context->recorder->profile();
  context->recorder.reset();
  profile.modelHash = modelHash ? modelHash : "";
  if (llvm::Error error = profile.save(path)) {
    context->fail(llvm::toString(std::move(error)));
    return 1;
  }
  return 0;
}
