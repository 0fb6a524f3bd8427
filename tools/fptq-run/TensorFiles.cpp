//===- TensorFiles.cpp - inputs and results of fptq-run -------------------===//
#include "TensorFiles.h"
#include "fptq/Support/Safetensors.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace mlir::fptq;

llvm::Expected<std::vector<Array>> mlir::fptq::readInputs(StringRef path, size_t count) {
  auto file = SafetensorsFile::open(path);
  if (!file)
    return file.takeError();
  std::vector<Array> inputs;
  for (size_t i = 0; i < count; ++i) {
    std::string key = "arg" + std::to_string(i);
    const SafetensorsEntry *entry = (*file)->find(key);
    if (!entry)
      return llvm::createStringError(path + ": has no tensor '" + key + "'");
    inputs.push_back({entry->dtype, entry->shape, {entry->data.begin(), entry->data.end()}});
  }
  return inputs;
}

llvm::Error mlir::fptq::writeResults(StringRef path, ArrayRef<Array> results) {
  std::vector<SafetensorsWriter::Plan> plan;
  for (auto [i, result] : llvm::enumerate(results))
    plan.push_back({"result" + std::to_string(i), result.dtype, result.shape});
  auto writer = SafetensorsWriter::create(path, plan, {}, /*resume=*/false);
  if (!writer)
    return writer.takeError();
  for (auto [p, result] : llvm::zip(plan, results))
    if (llvm::Error e = (*writer)->write(p.key, result.data))
      return e;
  return (*writer)->finish();
}
