//===- WeightStore.cpp - where quantized weights go -----------------------===//
#include "WeightStore.h"
#include "fptq/Profile/RangeProfile.h"
#include "fptq/Support/ModelHash.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_sha1_ostream.h"

#include <cstring>

using namespace mlir;
using namespace mlir::fptq;

SmallVector<WeightOperand> mlir::fptq::weightOperands(MLIRContext *context, SchemeAttr scheme, int64_t n, int64_t k,
                                                      bool halfScales) {
  Builder b(context);
  Type scaleType = halfScales ? Type(b.getF16Type()) : Type(b.getF32Type());
  int64_t groups = scheme.numGroups(k), codeBytes = llvm::divideCeil(groups * scheme.groupSizeFor(k), 2);
  bool twoLevel = scheme.getKind() == SchemeKind::TwoLevel;
  SmallVector<int64_t> scaleShape = twoLevel ? SmallVector<int64_t>{n} : SmallVector<int64_t>{n, groups};
  SmallVector<WeightOperand> operands = {
      {"codes", "U8", RankedTensorType::get({n, codeBytes}, b.getI8Type())},
      {"scales", halfScales ? "F16" : "F32", RankedTensorType::get(scaleShape, scaleType)}};
  if (!scheme.getSymmetric())
    operands.push_back({"zeros", "U8", RankedTensorType::get({n, groups}, b.getI8Type())});
  if (twoLevel)
    operands.push_back({"multipliers", "U8", RankedTensorType::get({n, groups}, b.getI8Type())});
  return operands;
}

template <typename T> static std::vector<char> bytesOf(const std::vector<T> &values) {
  std::vector<char> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

static std::vector<char> bytesOf(const QuantizedWeight &weight, StringRef suffix, bool halfScales) {
  if (suffix == "codes")
    return bytesOf(weight.codes);
  if (suffix == "zeros")
    return bytesOf(weight.zeros);
  if (suffix == "multipliers")
    return bytesOf(weight.multipliers);
  if (halfScales)
    return bytesOf(std::vector<_Float16>(weight.scales.begin(), weight.scales.end()));
  return bytesOf(weight.scales);
}

OperandBytes mlir::fptq::operandBytes(const QuantizedWeight &weight, const PlannedWeight &plan, bool halfScales) {
  OperandBytes bytes;
  for (const WeightOperand &operand : plan.operands)
    bytes.push_back(bytesOf(weight, operand.suffix, halfScales));
  return bytes;
}

static std::string keyOf(const PlannedWeight &weight, const WeightOperand &operand) {
  return (weight.layer + "." + operand.suffix).str();
}

/// A weight that came as codes has the names that its new ones get. What it is read from is gone when the pass ends;
/// until then a load finds its file's tensor by its name alone, and an inline value by another name.
static void makeWay(ModuleOp module, StringRef name) {
  auto old = dyn_cast_or_null<ml_program::GlobalOp>(SymbolTable::lookupSymbolIn(module, name));
  if (!old)
    return;
  if (isa_and_present<ml_program::ExternAttr>(old.getValueAttr()))
    return old.erase();
  SymbolTable symbols(module);
  (void)symbols.renameToUnique(old, {});
}

/// A new external global beside the others.
static void declareGlobal(ModuleOp module, StringRef name, Type type) {
  makeWay(module, name);
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  ml_program::GlobalOp::create(b, module.getLoc(), name, type, /*is_mutable=*/false,
                               ml_program::ExternAttr::get(module.getContext(), type), b.getStringAttr("private"));
}

/// Stands for all that the weights are made from: layers, policies, schemes and channels as the module has them, its
/// constants, and what the parameter files hold. A run with another recipe or profile must not go on with weights that
/// were scaled for this one. Reading the files' data would take as long as quantizing: the model's hash, or where the
/// module has none their size and time, stand for it.
static std::string originOf(ModuleOp module, const ParameterFiles &files) {
  llvm::raw_sha1_ostream os;
  // Where the files are is not what they are: an importer may write them to a new place each time.
  Attribute names = module->removeAttr(FptqDialect::kParametersAttr);
  module->print(os, OpPrintingFlags().elideLargeResourceString(0));
  if (names)
    module->setAttr(FptqDialect::kParametersAttr, names);
  llvm::StringSet<> seen;
  module.walk([&](Operation *op) {
    op->getAttrDictionary().walk([&](DenseResourceElementsAttr constant) {
      if (AsmResourceBlob *blob = constant.getRawHandle().getBlob();
          blob && seen.insert(constant.getRawHandle().getKey()).second)
        os << StringRef(blob->getData().data(), blob->getData().size());
    });
  });
  if (modelHash(module).empty())
    files.describe(os);
  return llvm::toHex(os.sha1(), /*LowerCase=*/true);
}

/// Each tensor has a name of its own: "a.high.codes" may be of an 8-bit layer "a" or of a layer "a.high".
static LogicalResult checkKeys(ModuleOp module, ArrayRef<PlannedWeight> weights, ArrayRef<ml_program::GlobalOp> kept) {
  llvm::StringMap<std::string> ownerOf;
  for (ml_program::GlobalOp global : kept)
    ownerOf[global.getSymName()] = "a constant that is read elsewhere, too";
  for (const PlannedWeight &weight : weights)
    for (const WeightOperand &operand : weight.operands)
      if (auto [known, isNew] = ownerOf.try_emplace(keyOf(weight, operand), "layer '" + weight.layer + "'"); !isNew)
        return module.emitError() << "quantized parameters of layer '" << weight.layer << "' would be called '"
                                  << known->first() << "', which is the name of " << known->second;
  return success();
}

FailureOr<std::unique_ptr<WeightStore>> WeightStore::create(ModuleOp module, StringRef path, bool resume,
                                                            ArrayRef<PlannedWeight> weights,
                                                            ArrayRef<ml_program::GlobalOp> kept,
                                                            const ParameterFiles &files) {
  auto store = std::make_unique<WeightStore>();
  store->module = module;
  store->path = path.str();
  store->files = &files;
  if (failed(checkKeys(module, weights, path.empty() ? ArrayRef<ml_program::GlobalOp>() : kept)))
    return failure();
  if (path.empty())
    return store;
  if (files.contains(path))
    return module.emitError() << "cannot write quantized parameters: '" << path
                              << "' has the weights that are to be quantized; name another file";
  if (RangeProfile::isSidecar(path))
    return module.emitError() << "cannot write quantized parameters: '" << path
                              << "' has the vectors of a profile; name another file";
  std::string origin = resume ? originOf(module, files) : std::string();
  std::vector<SafetensorsWriter::Plan> plan;
  for (const PlannedWeight &weight : weights)
    for (const WeightOperand &operand : weight.operands) {
      plan.push_back({keyOf(weight, operand), operand.dtype.str(), SmallVector<int64_t>(operand.type.getShape())});
      declareGlobal(module, keyOf(weight, operand), operand.type);
    }
  for (ml_program::GlobalOp global : kept) {
    const SafetensorsEntry *entry = files.find(global.getSymName());
    if (!entry)
      return global.emitError() << "no parameter file has the tensor '" << global.getSymName() << "'";
    plan.push_back({global.getSymName().str(), entry->dtype, entry->shape});
    store->kept.push_back(global);
  }
  // In the header, so that a partial file of another model is not gone on with, and shards can be told apart.
  llvm::StringMap<std::string> metadata;
  if (!modelHash(module).empty())
    metadata["model_hash"] = modelHash(module).str();
  auto writer = SafetensorsWriter::create(path, plan, metadata, resume, origin);
  if (!writer)
    return module.emitError() << "cannot write quantized parameters: " << llvm::toString(writer.takeError());
  store->writer = std::move(*writer);
  return store;
}

bool WeightStore::isDone(const PlannedWeight &weight) const {
  return writer && llvm::all_of(weight.operands,
                                [&](const WeightOperand &operand) { return writer->isDone(keyOf(weight, operand)); });
}

LogicalResult WeightStore::add(Location location, const PlannedWeight &weight, const OperandBytes &operands) {
  for (const auto &[operand, bytes] : llvm::zip_equal(weight.operands, operands)) {
    if (!writer) {
      auto blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64, /*dataIsMutable=*/false);
      resources[keyOf(weight, operand)] =
          DenseResourceElementsAttr::get(operand.type, keyOf(weight, operand), std::move(blob));
      continue;
    }
    if (llvm::Error error = writer->write(keyOf(weight, operand), bytes))
      return emitError(location) << "cannot write quantized parameters: " << llvm::toString(std::move(error));
  }
  return success();
}

Value WeightStore::load(OpBuilder &b, Location location, const PlannedWeight &weight, const WeightOperand &operand) {
  std::string key = keyOf(weight, operand);
  if (!writer)
    return arith::ConstantOp::create(b, location, resources[key]);
  return ml_program::GlobalLoadConstOp::create(b, location, operand.type, FlatSymbolRefAttr::get(b.getContext(), key));
}

LogicalResult WeightStore::finish() {
  if (!writer)
    return success();
  auto fail = [&](llvm::Error error) {
    return module.emitError() << "cannot write quantized parameters: " << llvm::toString(std::move(error));
  };
  for (ml_program::GlobalOp global : kept)
    if (!writer->isDone(global.getSymName())) // straight from one mapping to the other file
      if (llvm::Error error = writer->write(global.getSymName(), files->find(global.getSymName())->data))
        return fail(std::move(error));
  if (llvm::Error error = writer->finish())
    return fail(std::move(error));
  Builder b(module.getContext());
  module->setAttr(FptqDialect::kParametersAttr, b.getStrArrayAttr({llvm::sys::path::filename(path)}));
  StringRef folder = llvm::sys::path::parent_path(path);
  // Folders are searched in order: the new file must be found before another of its name.
  module.getContext()->getOrLoadDialect<FptqDialect>()->addParameterDirectory(folder.empty() ? "." : folder);
  return success();
}
