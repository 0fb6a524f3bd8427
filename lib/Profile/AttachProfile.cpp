//===- AttachProfile.cpp - profiled ranges onto the linears ---------------===//
#include "fptq/IR/Fptq.h"
#include "fptq/Profile/Passes.h"
#include "fptq/Profile/RangeProfile.h"
#include "fptq/Support/ModelHash.h"
#include "fptq/Support/OwnPolicy.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQATTACHPROFILEPASS
#include "fptq/Profile/Passes.h.inc"

namespace {
struct FptqAttachProfilePass : impl::FptqAttachProfilePassBase<FptqAttachProfilePass> {
  using Base::Base;
  void runOnOperation() override;

private:
  LogicalResult attach(LinearOp op, const LayerRange &range);
  LogicalResult report(ArrayRef<StringRef> layers, StringRef what);
};
} // namespace

/// Channel maxima live in a resource: 11008 floats would be a page of text.
static ElementsAttr channelMaxima(MLIRContext *context, StringRef layer, ArrayRef<float> values) {
  auto type = RankedTensorType::get({(int64_t)values.size()}, Float32Type::get(context));
  if (values.size() <= 16)
    return DenseElementsAttr::get(type, values);
  ArrayRef<char> bytes(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
  return DenseResourceElementsAttr::get(type, (layer + ".channel_absmax").str(),
                                        HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, alignof(float), false));
}

LogicalResult FptqAttachProfilePass::attach(LinearOp op, const LayerRange &range) {
  if (!range.fault.empty())
    return op.emitOpError() << "profile '" << profile << "': layer '" << op.getLayer() << "': " << range.fault;
  if (range.channels && range.channels != op.getInputChannels())
    return op.emitOpError() << "profile '" << profile << "': layer '" << op.getLayer() << "': channels is "
                            << range.channels << ", the layer has " << op.getInputChannels();
  op.setRangeAttr(RangeAttr::get(op.getContext(), range.min, range.max, range.absmax, range.tokens));
  if (range.channelAbsmax.empty())
    op.removeChannelAbsmaxAttr(); // of a profile before this one
  else
    op.setChannelAbsmaxAttr(channelMaxima(op.getContext(), op.getLayer(), range.channelAbsmax));
  remark::passed(op.getLoc(), remark::RemarkOpts::name("RangeAttached").category("Profile"))
      << remark::metric("layer", op.getLayer()) << remark::metric("range", range.absmax);
  return success();
}

LogicalResult FptqAttachProfilePass::report(ArrayRef<StringRef> layers, StringRef what) {
  if (layers.empty())
    return success();
  InFlightDiagnostic diag = strict ? getOperation().emitError() : getOperation().emitWarning();
  diag << "profile '" << profile << "' " << what << ": ";
  llvm::interleaveComma(layers, diag, [&](StringRef layer) { diag << "'" << layer << "'"; });
  diag.report();
  return failure(strict);
}

void FptqAttachProfilePass::runOnOperation() {
  ModuleOp module = getOperation();
  auto fail = [&](const llvm::Twine &text) {
    module.emitError() << text;
    signalPassFailure();
  };
  if (profile.empty())
    return fail("fptq-attach-profile: option profile is missing");
  llvm::Expected<RangeProfile> loaded = RangeProfile::load(profile);
  if (!loaded)
    return fail("cannot read profile: " + llvm::toString(loaded.takeError()));
  StringRef hash = modelHash(module);
  if (!hash.empty() && !loaded->modelHash.empty() && loaded->modelHash != hash)
    return fail("profile '" + profile + "': model_hash is '" + loaded->modelHash + "', this model's is '" + hash + "'");
  llvm::StringSet<> seen;
  llvm::SetVector<StringRef> missing;
  bool ok = true;
  module.walk([&](LinearOp op) {
    seen.insert(op.getLayer());
    if (hasOwnPolicy(op)) // and its own range
      return;
    if (const LayerRange *range = loaded->find(op.getLayer()))
      ok &= succeeded(attach(op, *range));
    else
      missing.insert(op.getLayer());
  });
  SmallVector<StringRef> extra;
  for (const LayerRange &range : loaded->layers)
    if (!seen.contains(range.layer))
      extra.push_back(range.layer);
  ok &= succeeded(report(missing.getArrayRef(), "has no entry for layers"));
  ok &= succeeded(report(extra, "has entries for layers the model does not have"));
  if (!ok)
    signalPassFailure();
}
} // namespace mlir::fptq
