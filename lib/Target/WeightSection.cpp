//===- WeightSection.cpp - weights of an object file, in large pages ------===//
//
// A file is mapped in pages of 2 MiB where its page cache has folios of that size and address and offset agree modulo
// 2 MiB. The section's alignment sees to the latter. The advice has the kernel read such folios when the file is cold.
// Where a file system has none (before Linux 6.16 on ext4) nothing is gained or lost.
//
//===----------------------------------------------------------------------===//
#include "WeightSection.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace mlir;

/// The linker merges it into .rodata, with our alignment.
static constexpr char kSection[] = ".rodata.fptq_weights";
/// Smaller constants stay where LLVM puts them.
static constexpr uint64_t kMinBytes = 4096;
static constexpr uint64_t kPage = 2 << 20;
/// MADV_HUGEPAGE of Linux, for which the object is.
static constexpr int kAdvice = 14;

static uint64_t sizeOf(const llvm::GlobalVariable &global) {
  return global.getParent()->getDataLayout().getTypeAllocSize(global.getValueType());
}

/// madvise(first, end of last - first, MADV_HUGEPAGE) when the program is loaded; refused, pages are small ones.
static void adviseOnLoad(llvm::Module &module, llvm::GlobalVariable *first, llvm::GlobalVariable *last) {
  llvm::LLVMContext &context = module.getContext();
  llvm::IRBuilder<> b(context);
  auto *type = llvm::FunctionType::get(b.getVoidTy(), false);
  auto *load = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "fptq.advise_weights", module);
  b.SetInsertPoint(llvm::BasicBlock::Create(context, "", load));
  llvm::Value *end = b.CreateConstGEP1_64(b.getInt8Ty(), last, sizeOf(*last));
  llvm::Value *bytes = b.CreateSub(b.CreatePtrToInt(end, b.getInt64Ty()), b.CreatePtrToInt(first, b.getInt64Ty()));
  auto madvise = module.getOrInsertFunction("madvise", b.getInt32Ty(), b.getPtrTy(), b.getInt64Ty(), b.getInt32Ty());
  b.CreateCall(madvise, {first, bytes, b.getInt32(kAdvice)});
  b.CreateRetVoid();
  llvm::appendToGlobalCtors(module, load, /*Priority=*/65535);
}

void fptq::placeWeights(llvm::Module &module) {
  SmallVector<llvm::GlobalVariable *> weights;
  uint64_t total = 0;
  for (llvm::GlobalVariable &global : module.globals())
    if (global.isConstant() && global.hasInitializer() && !global.isThreadLocal() && sizeOf(global) >= kMinBytes) {
      weights.push_back(&global);
      total += sizeOf(global);
    }
  for (llvm::GlobalVariable *global : weights)
    global->setSection(kSection);
  if (total < kPage)
    return;
  weights.front()->setAlignment(llvm::Align(kPage));
  adviseOnLoad(module, weights.front(), weights.back());
}
