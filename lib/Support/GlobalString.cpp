//===- GlobalString.cpp - C strings of a module ---------------------------===//
#include "fptq/Support/GlobalString.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

Value mlir::fptq::globalString(OpBuilder &b, Location loc, ModuleOp module, StringRef text) {
  std::string symbol = ("fptq.text." + text).str();
  if (!module.lookupSymbol(symbol)) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    std::string bytes = text.str() + '\0';
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size());
    LLVM::GlobalOp::create(top, module.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Private, symbol,
                           b.getStringAttr(bytes));
  }
  return LLVM::AddressOfOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), symbol);
}
