//===- Parameters.cpp - the files of a module -----------------------------===//
#include "fptq/Support/Parameters.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"
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

void ParameterFiles::describe(raw_ostream &os) const {
  for (const auto &file : files) {
    llvm::sys::fs::file_status status;
    (void)llvm::sys::fs::status(file->path(), status); // gone since it was opened: size 0
    os << status.getSize() << ' ' << status.getLastModificationTime().time_since_epoch().count() << '\n';
  }
}

const SafetensorsEntry *ParameterFiles::find(StringRef name) const {
  auto file = fileOf(name);
  return file ? file->find(name) : nullptr;
}

StringRef mlir::fptq::safetensorsDtype(Type element) {
  if (element.isF32())
    return "F32";
  if (element.isF16())
    return "F16";
  if (element.isBF16())
    return "BF16";
  if (element.isF64())
    return "F64";
  if (element.isIndex() || element.isInteger(64))
    return "I64";
  if (element.isInteger(32))
    return "I32";
  if (element.isInteger(16))
    return "I16";
  if (element.isInteger(8))
    return "I8";
  return element.isInteger(1) ? "BOOL" : "";
}

ArrayRef<char> mlir::fptq::resourceBytes(Attribute constant) {
  auto resource = dyn_cast_if_present<DenseResourceElementsAttr>(constant);
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  return blob ? blob->getData() : ArrayRef<char>();
}

bool mlir::fptq::isZero(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.value();
  return matchPattern(value, m_AnyZeroFloat());
}

void mlir::fptq::eraseUnusedGlobals(ModuleOp module) {
  SymbolTableCollection tables;
  SymbolUserMap users(tables, module); // one walk of the module, which may have a global for each of many layers
  for (auto global : llvm::make_early_inc_range(module.getOps<ml_program::GlobalOp>()))
    if (users.useEmpty(global))
      global.erase();
}

void mlir::fptq::eraseUnusedConstants(ModuleOp module) {
  IRRewriter rewriter(module.getContext());
  (void)runRegionDCE(rewriter, module->getRegions()); // failure means nothing was dead
  eraseUnusedGlobals(module);
}

std::vector<float> mlir::fptq::floatElements(ElementsAttr attr) {
  if (auto resource = dyn_cast_if_present<DenseF32ResourceElementsAttr>(attr))
    if (auto values = resource.tryGetAsArrayRef())
      return values->vec();
  if (auto dense = dyn_cast_if_present<DenseElementsAttr>(attr); dense && dense.getElementType().isF32())
    return {dense.value_begin<float>(), dense.value_end<float>()};
  return {};
}
