//===- CheckAllocations.cpp - a buffer that memory has no room for --------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/Support/GlobalString.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQCHECKALLOCATIONSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqCheckAllocationsPass : impl::FptqCheckAllocationsPassBase<FptqCheckAllocationsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

static constexpr StringLiteral kAllocate = "fptq_allocate", kGiveBack = "fptq_buffer_give_back";

/// `fptq_allocate(bytes)`: a pointer from `take`, or the end of the process with a word about why.
static void defineAllocate(OpBuilder &b, ModuleOp module, LLVM::LLVMFuncOp take, LLVM::LLVMFuncOp dprintf,
                           LLVM::LLVMFuncOp abort) {
  Location loc = module.getLoc();
  b.setInsertionPointToEnd(module.getBody());
  auto function = LLVM::LLVMFuncOp::create(b, loc, kAllocate, take.getFunctionType(), LLVM::Linkage::Internal);
  function.setResultAttr(0, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr()); // as malloc's
  Block *entry = function.addEntryBlock(b);
  Block *there = b.createBlock(&function.getBody()), *none = b.createBlock(&function.getBody());
  Value bytes = entry->getArgument(0);

  b.setInsertionPointToEnd(entry);
  Value memory = LLVM::CallOp::create(b, loc, take, bytes).getResult();
  Value null = LLVM::ZeroOp::create(b, loc, memory.getType());
  Value failed = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, memory, null);
  LLVM::CondBrOp::create(b, loc, failed, none, there);
  b.setInsertionPointToEnd(there);
  LLVM::ReturnOp::create(b, loc, memory);
  b.setInsertionPointToEnd(none);
  Value standardError = LLVM::ConstantOp::create(b, loc, b.getI32Type(), 2);
  Value text = globalString(b, loc, module, "error: out of memory: the model needs a buffer of %zu bytes\n");
  LLVM::CallOp::create(b, loc, dprintf, ValueRange{standardError, text, bytes});
  LLVM::CallOp::create(b, loc, abort, ValueRange());
  LLVM::UnreachableOp::create(b, loc);
}

void FptqCheckAllocationsPass::runOnOperation() {
  ModuleOp module = getOperation();
  auto malloc = module.lookupSymbol<LLVM::LLVMFuncOp>("malloc");
  if (!malloc || module.lookupSymbol(kAllocate)) // nothing to check, or checked before
    return;
  SmallVector<LLVM::CallOp> allocations, deallocations;
  module.walk([&](LLVM::CallOp call) {
    if (call.getCallee() == malloc.getSymName())
      allocations.push_back(call);
    if (call.getCallee() == StringRef("free"))
      deallocations.push_back(call);
  });
  OpBuilder b(module.getContext());
  auto pointer = LLVM::LLVMPointerType::get(module.getContext());
  // Not fprintf: a stream may allocate.
  FailureOr<LLVM::LLVMFuncOp> dprintf =
      LLVM::lookupOrCreateFn(b, module, "dprintf", {b.getI32Type(), pointer}, b.getI32Type(), /*isVarArg=*/true);
  FailureOr<LLVM::LLVMFuncOp> abort =
      LLVM::lookupOrCreateFn(b, module, "abort", {}, LLVM::LLVMVoidType::get(module.getContext()));
  FailureOr<LLVM::LLVMFuncOp> take = LLVM::lookupOrCreateFn(b, module, "fptq_buffer_take", {b.getI64Type()}, pointer);
  FailureOr<LLVM::LLVMFuncOp> giveBack =
      LLVM::lookupOrCreateFn(b, module, kGiveBack, {pointer}, LLVM::LLVMVoidType::get(module.getContext()));
  if (failed(dprintf) || failed(abort) || failed(take) || failed(giveBack))
    return signalPassFailure();
  defineAllocate(b, module, *take, *dprintf, *abort);
  for (LLVM::CallOp call : allocations)
    call.setCallee(kAllocate);
  for (LLVM::CallOp call : deallocations)
    call.setCallee(kGiveBack);
}
} // namespace mlir::fptq
