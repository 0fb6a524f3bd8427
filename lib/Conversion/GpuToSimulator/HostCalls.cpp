//===- HostCalls.cpp - calls of the simulator -----------------------------===//
#include "HostCalls.h"
#include "fptq/Support/GlobalString.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::fptq::sim;

HostCalls::HostCalls(ModuleOp module, LLVM::LLVMFuncOp kernel)
    : OpBuilder(module.getContext()), module(module), kernel(kernel) {}

void HostCalls::at(Operation *op) {
  place = op;
  ++number;
  setInsertionPoint(op);
}

Value HostCalls::num(int64_t value, Type type) {
  return LLVM::ConstantOp::create(*this, place->getLoc(), type, getIntegerAttr(type, value));
}

LLVM::LLVMFuncOp HostCalls::function(StringRef name, Type result, TypeRange arguments) {
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return existing;
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(module.getBody());
  if (!result)
    result = LLVM::LLVMVoidType::get(getContext());
  return LLVM::LLVMFuncOp::create(*this, module.getLoc(), name,
                                  LLVM::LLVMFunctionType::get(result, SmallVector<Type>(arguments)));
}

Value HostCalls::call(StringRef name, Type result, ValueRange arguments) {
  // Arguments may still have a device's address space; the pass drops all of them at its end.
  SmallVector<Type> types;
  for (Value v : arguments)
    types.push_back(isa<LLVM::LLVMPointerType>(v.getType()) ? ptr() : v.getType());
  auto callee = function(name, result, types);
  auto op = LLVM::CallOp::create(*this, place->getLoc(), result ? TypeRange(result) : TypeRange(),
                                 SymbolRefAttr::get(callee), arguments);
  return result ? op.getResult() : Value();
}

Value HostCalls::shared(Value offset) {
  Value address = call("fptq_sim_shared", ptr(), offset);
  return LLVM::AddrSpaceCastOp::create(*this, place->getLoc(), LLVM::LLVMPointerType::get(getContext(), kShared),
                                       address);
}

Value HostCalls::site() {
  std::string where = llvm::formatv("{0}, operation {1}", place->getName().getStringRef(), number);
  if (auto file = place->getLoc()->findInstanceOf<FileLineColLoc>())
    where += llvm::formatv(" at {0}:{1}", file.getFilename().getValue(), file.getLine());
  return globalString(*this, place->getLoc(), module, where);
}

Value HostCalls::spill(ValueRange words, int64_t count) {
  Location loc = place->getLoc();
  Value memory;
  {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(&kernel.getBody().front()); // once a call, not once an iteration
    memory = LLVM::AllocaOp::create(*this, loc, ptr(), i32(), num32(std::max<int64_t>(words.size() + count, 1)), 16);
  }
  for (auto [i, word] : llvm::enumerate(words)) {
    Value to = LLVM::GEPOp::create(*this, loc, ptr(), i32(), memory, ArrayRef<LLVM::GEPArg>{int32_t(i)});
    LLVM::StoreOp::create(*this, loc, word, to, 4);
  }
  return memory;
}

SmallVector<Value> HostCalls::reload(Value address, int64_t count) {
  SmallVector<Value> words;
  for (int64_t i = 0; i < count; ++i) {
    Value from = LLVM::GEPOp::create(*this, place->getLoc(), ptr(), i32(), address, ArrayRef<LLVM::GEPArg>{int32_t(i)});
    words.push_back(LLVM::LoadOp::create(*this, place->getLoc(), i32(), from, 4));
  }
  return words;
}

Value HostCalls::reloadAs(Type type, Value address, int64_t count) {
  SmallVector<Value> words = reload(address, count);
  if (!isa<LLVM::LLVMStructType>(type))
    return words.front();
  Value result = LLVM::PoisonOp::create(*this, place->getLoc(), type);
  for (auto [i, word] : llvm::enumerate(words))
    result = LLVM::InsertValueOp::create(*this, place->getLoc(), result, word, ArrayRef<int64_t>{int64_t(i)});
  return result;
}

SmallVector<Value> HostCalls::fields(Value value) {
  auto type = dyn_cast<LLVM::LLVMStructType>(value.getType());
  if (!type)
    return {value};
  SmallVector<Value> result;
  for (int64_t i = 0, e = type.getBody().size(); i < e; ++i)
    result.push_back(LLVM::ExtractValueOp::create(*this, place->getLoc(), value, ArrayRef<int64_t>{i}));
  return result;
}
