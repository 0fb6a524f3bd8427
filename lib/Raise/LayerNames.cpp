//===- LayerNames.cpp - a layer is called like its weight -----------------===//
#include "LayerNames.h"
#include "fptq/Support/InputFile.h"
#include "fptq/Support/Json.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace mlir::fptq;

llvm::Error LayerNames::loadMap(StringRef path) {
  auto buffer = readInputFile(path);
  if (!buffer)
    return llvm::createFileError(path, buffer.takeError());
  auto parsed = parseJson((*buffer)->getBuffer());
  if (!parsed)
    return llvm::createFileError(path, parsed.takeError());
  const llvm::json::Object *object = parsed->getAsObject();
  if (!object)
    return llvm::createStringError(path + ": is no JSON object of names");
  for (auto &[key, value] : *object) {
    auto name = value.getAsString();
    if (!name || name->empty())
      return llvm::createStringError(path + ": '" + StringRef(key) + (name ? "' is empty" : "' is no string"));
    given[key] = name->str();
  }
  return llvm::Error::success();
}

std::string mlir::fptq::slicesOf(Value weight) {
  std::string text;
  for (Operation *op = weight.getDefiningOp(); op && op->getNumOperands(); op = op->getOperand(0).getDefiningOp())
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      for (auto [offset, size, extent] :
           llvm::zip(slice.getStaticOffsets(), slice.getStaticSizes(), slice.getSourceType().getShape()))
        if (size != extent)
          text += "." + std::to_string(offset);
  return text;
}

/// Drops what frontends append: ".weight", ".codes" of a stored weight, PyTorch's names of weight_norm's direction, and
/// the "_3" of a repeated resource key; not the places in stacks behind it, nor fptq-fold-weights' ".computed".
static std::string strip(StringRef key) {
  SmallVector<StringRef> parts;
  if (llvm::Regex("^(.*)\\.(weight|weight_v|parametrizations\\.weight\\.original1?|kernel|codes)(_[0-9]+)?(([.][0-9]+)*"
                  "(\\.computed)?)$")
          .match(key, &parts))
    return (parts[1] + parts[4]).str();
  return key.str();
}

/// Names that only number a blob say nothing about the layer.
static bool isNumbered(StringRef key) {
  return key.empty() || key.starts_with("torch_tensor_") || key.starts_with("__auto.constant") ||
         key.starts_with("dense_elements_") || llvm::Regex("^cst(_[0-9]+)?([.][0-9]+)*(\\.computed)?$").match(key);
}

std::string LayerNames::nameOf(Value weight, StringRef unnamed) {
  std::string slices = slicesOf(weight), identity = constantIdentity(weight);
  auto known = nameByIdentity.find(identity);
  if (known != nameByIdentity.end())
    return known->second;
  StringRef key = constantName(weight);
  key.consume_front("__auto."); // IREE's prefix of parameters
  std::string name;
  if (auto it = given.find(key); it != given.end())
    name = it->second + slices;
  else
    name = isNumbered(key) ? unnamed.str() + std::to_string(numbered++) : strip(key) + slices;
  std::string base = name;
  for (int i = 2; identityOf.contains(name); ++i)
    name = base + "_" + std::to_string(i);
  identityOf[name] = identity;
  nameByIdentity[identity] = name;
  return name;
}
