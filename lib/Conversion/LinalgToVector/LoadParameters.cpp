//===- LoadParameters.cpp - external globals to mapped constants ----------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOADPARAMETERSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLoadParametersPass : impl::FptqLoadParametersPassBase<FptqLoadParametersPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// A resource over the mapped bytes; its deleter holds the mapping until the last user is gone.
static DenseResourceElementsAttr mapped(RankedTensorType type, StringRef name, const SafetensorsEntry &entry,
                                        std::shared_ptr<SafetensorsFile> file) {
  auto keepMapped = [file = std::move(file)](void *, size_t, size_t) {};
  AsmResourceBlob blob(entry.data, /*dataAlignment=*/1, std::move(keepMapped), /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

static FailureOr<TypedAttr> constantFor(ml_program::GlobalOp global, const ParameterFiles &files) {
  if (auto value = dyn_cast_or_null<TypedAttr>(global.getValueAttr()); value && !isa<ml_program::ExternAttr>(value))
    return value;
  auto type = dyn_cast<RankedTensorType>(global.getType());
  if (!type || !type.hasStaticShape())
    return global.emitError() << "external parameter '" << global.getSymName() << "' has no static tensor type";
  const SafetensorsEntry *entry = files.find(global.getSymName());
  if (!entry)
    return global.emitError() << "no parameter file has the tensor '" << global.getSymName() << "'";
  Type element = type.getElementType(); // resources of i1 have 8 elements a byte, files one
  bool dtype = (entry->dtype == safetensorsDtype(element) && !element.isInteger(1)) ||
               (entry->dtype == "U8" && element.isInteger(8));
  if (!dtype || !llvm::equal(entry->shape, type.getShape())) {
    InFlightDiagnostic diag = global.emitError()
                              << "tensor '" << global.getSymName() << "' is " << entry->dtype << " [";
    llvm::interleaveComma(entry->shape, diag);
    return diag << "] in its file, expected " << type;
  }
  return TypedAttr(mapped(type, global.getSymName(), *entry, files.fileOf(global.getSymName())));
}

/// Bits of an element of a resource that is made of integers or floats; 0 for another constant.
static int64_t resourceWidth(arith::ConstantOp op) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue());
  return resource && resource.getElementType().isIntOrFloat() ? resource.getElementType().getIntOrFloatBitWidth() : 0;
}

/// LLVM IR has no resources of nibbles and the like (dense constants it has): they become bytes, and are cut where they
/// are read. Two nibbles may share a byte, the first one below.
static void widenNibbles(arith::ConstantOp op) {
  int64_t width = resourceWidth(op);
  if (width < 2 || width > 7)
    return;
  auto resource = cast<DenseResourceElementsAttr>(op.getValue());
  ArrayRef<char> bytes = resourceBytes(resource);
  int64_t elements = resource.getNumElements();
  auto type = cast<RankedTensorType>(resource.getType()).clone(IntegerType::get(op.getContext(), 8));
  auto wide = DenseResourceElementsAttr::get(type, resource.getRawHandle());
  if (width == 4 && (int64_t)bytes.size() == (elements + 1) / 2 && elements > 1) {
    std::vector<char> unpacked(elements);
    for (int64_t i = 0; i < elements; ++i)
      unpacked[i] = static_cast<char>(static_cast<uint8_t>(bytes[i / 2]) >> (i % 2 * 4));
    wide = DenseResourceElementsAttr::get(type, resource.getRawHandle().getKey(),
                                          HeapAsmResourceBlob::allocateAndCopyInferAlign<char>(unpacked));
  }
  OpBuilder b(op);
  Value constant = arith::ConstantOp::create(b, op.getLoc(), wide);
  op.replaceAllUsesWith(arith::TruncIOp::create(b, op.getLoc(), op.getType(), constant).getResult());
  op.erase();
}

/// A resource of another size than its type says would be read past its end.
static LogicalResult checkSize(arith::ConstantOp op) {
  int64_t width = resourceWidth(op);
  if (width < 8)
    return success();
  auto resource = cast<DenseResourceElementsAttr>(op.getValue());
  int64_t bytes = resourceBytes(resource).size(), expected = resource.getNumElements() * (width / 8);
  if (bytes == expected)
    return success();
  return op.emitError() << "resource '" << resource.getRawHandle().getKey() << "' has " << bytes << " bytes, expected "
                        << expected;
}

static Value ownTensor(OpBuilder &b, TypedValue<RankedTensorType> value) {
  return bufferization::AllocTensorOp::create(b, value.getLoc(), value.getType(), ValueRange(), /*copy=*/value);
}

/// Copies what is loaded from globals that are stored to, and what is stored. Upstream's bufferization takes a load for
/// the global's own memory, which a later store overwrites, and a store of a tensor that may not be overwritten (an
/// argument, a constant) stores a new buffer in its place and forgets to fill it (docs/UpstreamIssues.md).
static void copyStates(ModuleOp module) {
  llvm::DenseSet<SymbolRefAttr> stored;
  OpBuilder b(module);
  module.walk([&](ml_program::GlobalStoreOp op) {
    stored.insert(op.getGlobalAttr());
    b.setInsertionPoint(op);
    if (auto value = dyn_cast<TypedValue<RankedTensorType>>(op.getValue()))
      op.getValueMutable().assign(ownTensor(b, value));
  });
  module.walk([&](ml_program::GlobalLoadOp op) {
    auto value = dyn_cast<TypedValue<RankedTensorType>>(op.getResult());
    if (!value || !stored.contains(op.getGlobalAttr()))
      return;
    b.setInsertionPointAfter(op);
    Value copy = ownTensor(b, value);
    value.replaceAllUsesExcept(copy, copy.getDefiningOp());
  });
}

void FptqLoadParametersPass::runOnOperation() {
  ModuleOp module = getOperation();
  FailureOr<ParameterFiles> files = ParameterFiles::open(module);
  if (failed(files))
    return signalPassFailure();
  llvm::StringMap<TypedAttr> constants;
  WalkResult result = module.walk([&](ml_program::GlobalLoadConstOp load) {
    auto global = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(load, load.getGlobalAttr());
    TypedAttr &constant = constants[global.getSymName()];
    if (!constant) {
      FailureOr<TypedAttr> made = constantFor(global, *files);
      if (failed(made))
        return WalkResult::interrupt();
      constant = *made;
    }
    OpBuilder b(load);
    load.replaceAllUsesWith(arith::ConstantOp::create(b, load.getLoc(), constant).getResult());
    load.erase();
    return WalkResult::advance();
  });
  module.walk(widenNibbles);
  WalkResult sizes = module.walk([](arith::ConstantOp op) { return WalkResult(checkSize(op)); });
  if (result.wasInterrupted() || sizes.wasInterrupted())
    return signalPassFailure();
  copyStates(module);
  eraseUnusedGlobals(module);
}
} // namespace mlir::fptq
