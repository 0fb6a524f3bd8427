//===- ResourceSymbols.cpp - constants that stay outside LLVM IR ----------===//
#include "ResourceSymbols.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/ErrorHandling.h"

#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace mlir::fptq;

/// What generated code may assume of a buffer (bufferization aligns to this).
static constexpr size_t kAlignment = 64;
/// Smaller constants are better off inside the code.
static constexpr size_t kMinBytes = 4096;

ResourceSymbols mlir::fptq::externalizeResources(ModuleOp module) {
  ResourceSymbols result;
  SymbolTableCollection tables;
  SymbolUserMap users(tables, module); // one walk for all of them: experts are thousands of constants
  for (auto global : module.getOps<LLVM::GlobalOp>()) {
    auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(global.getValueAttr());
    AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
    if (!blob || blob->getData().size() < kMinBytes)
      continue;
    ArrayRef<char> data = blob->getData();
    const void *address = data.data();
    if (reinterpret_cast<uintptr_t>(address) % kAlignment) {
      auto *copy = static_cast<char *>(std::aligned_alloc(kAlignment, llvm::alignTo(data.size(), kAlignment)));
      if (!copy)
        llvm::report_bad_alloc_error("no memory for an aligned copy of a constant");
      std::memcpy(copy, data.data(), data.size());
      result.copies.emplace_back(copy, &std::free);
      address = copy;
    }
    global.removeValueAttr();
    global.setLinkage(LLVM::Linkage::External);
    // A constant called `cos` must not bind to libm's.
    std::string name = ("fptq.constant." + global.getSymName()).str();
    users.replaceAllUsesWith(global, StringAttr::get(module.getContext(), name));
    SymbolTable::setSymbolName(global, name);
    result.addresses[name] = address;
    result.attributes.push_back(resource);
  }
  return result;
}
