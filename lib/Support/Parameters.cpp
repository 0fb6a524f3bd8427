//===- Parameters.cpp - the files of a module -----------------------------===//
#include "fptq/Support/Parameters.h"
#include "fptq/IR/Fptq.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::fptq;

/// `name` itself where absolute, else below the first parameter directory that has it.
static std::string locate(MLIRContext *context, StringRef name) {
  if (llvm::sys::path::is_absolute(name))
    return name.str();
  if (auto *dialect = context->getOrLoadDialect<FptqDialect>())
    for (const std::string &directory : dialect->getParameterDirectories()) {
      SmallString<128> path(directory);
      llvm::sys::path::append(path, name);
      if (llvm::sys::fs::exists(path))
        return std::string(path);
    }
  return name.str();
}

FailureOr<ParameterFiles> ParameterFiles::open(ModuleOp module) {
  ParameterFiles result;
  Attribute attribute = module->getAttr(FptqDialect::kParametersAttr);
  if (!attribute)
    return result;
  auto names = dyn_cast<ArrayAttr>(attribute);
  if (!names || !llvm::all_of(names, llvm::IsaPred<StringAttr>))
    return module.emitError() << "attribute '" << FptqDialect::kParametersAttr << "' is not an array of file names";
  for (auto name : names.getAsRange<StringAttr>()) {
    auto file = SafetensorsFile::open(locate(module.getContext(), name));
    if (!file)
      return module.emitError() << "cannot read parameters: " << llvm::toString(file.takeError());
    result.files.push_back(std::move(*file));
  }
  return result;
}

std::shared_ptr<SafetensorsFile> ParameterFiles::fileOf(StringRef name) const {
  for (const auto &file : files)
    if (file->find(name))
      return file;
  return nullptr;
}

bool ParameterFiles::contains(StringRef path) const {
  return llvm::any_of(files, [&](const auto &file) { return llvm::sys::fs::equivalent(file->path(), path); });
}

const SafetensorsEntry *ParameterFiles::find(StringRef name) const {
  auto file = fileOf(name);
  return file ? file->find(name) : nullptr;
}

std::vector<float> mlir::fptq::floatElements(ElementsAttr attr) {
  if (auto resource = dyn_cast_if_present<DenseF32ResourceElementsAttr>(attr))
    if (auto values = resource.tryGetAsArrayRef())
      return values->vec();
  if (auto dense = dyn_cast_if_present<DenseElementsAttr>(attr); dense && dense.getElementType().isF32())
    return {dense.value_begin<float>(), dense.value_end<float>()};
  return {};
}
