//===- SimulateGpu.cpp - GPU kernels to host code -------------------------===//
#include "HostCalls.h"
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"
#include "fptq/Conversion/GpuToSimulator/Passes.h"
#include "fptq/Support/GlobalString.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::sim;

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQSIMULATEGPUPASS
#include "fptq/Conversion/GpuToSimulator/Passes.h.inc"
} // namespace mlir::fptq

namespace {
/// One kernel in the table: FptqSimKernel.
struct Kernel {
  std::string name;
  LLVM::LLVMFuncOp body;
  int64_t arguments, staticShared;
  std::array<int64_t, 3> block;
  bool dependent;
};
} // namespace

static bool isKernel(LLVM::LLVMFuncOp f) {
  return f->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()) || f->hasAttr(gpu::GPUDialect::getKernelFuncAttrName());
}

/// Every device operation becomes calls; an operation without a case is an error that names it (S1).
static LogicalResult simulateOperations(HostCalls &calls, LLVM::LLVMFuncOp kernel) {
  SmallVector<Operation *> ops;
  kernel.walk([&](Operation *op) {
    if (op != kernel)
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    calls.at(op);
    StringRef dialect = op->getName().getDialectNamespace();
    LogicalResult done = dialect == "llvm"       ? simulateLLVM(calls, op)
                         : dialect == "nvvm"     ? simulateNVVM(calls, op)
                         : dialect == "fptq_gpu" ? simulateFptqGpu(calls, op)
                                                 : failure();
    if (failed(done))
      return op->emitOpError() << "(S1) has no case in the GPU simulator";
  }
  return success();
}

/// `address of @shared` becomes an address in the simulator's window.
static void replaceShared(HostCalls &calls, LLVM::LLVMFuncOp kernel, const SharedLayout &shared) {
  SmallVector<LLVM::AddressOfOp> addresses;
  kernel.walk([&](LLVM::AddressOfOp op) {
    if (shared.offsets.count(op.getGlobalName()))
      addresses.push_back(op);
  });
  for (LLVM::AddressOfOp op : addresses) {
    calls.at(op);
    op.replaceAllUsesWith(calls.shared(calls.num32(shared.offsets.lookup(op.getGlobalName()))));
    op.erase();
  }
}

/// All memory is the host's: pointers of every space become plain ones.
static void dropAddressSpaces(LLVM::LLVMFuncOp kernel) {
  AttrTypeReplacer replacer;
  replacer.addReplacement(
      [](LLVM::LLVMPointerType type) -> Type { return LLVM::LLVMPointerType::get(type.getContext()); });
  replacer.recursivelyReplaceElementsIn(kernel, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
  kernel.walk([](LLVM::AddrSpaceCastOp cast) {
    cast.replaceAllUsesWith(cast.getArg());
    cast.erase();
  });
}

/// `void name(ptr parameters)`: calls `kernel` with what the parameters point to, as cuLaunchKernel takes them.
static LLVM::LLVMFuncOp emitEntry(HostCalls &calls, LLVM::LLVMFuncOp kernel) {
  Location loc = kernel.getLoc();
  OpBuilder::InsertionGuard guard(calls);
  calls.setInsertionPointAfter(kernel);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(calls.getContext()), calls.ptr());
  auto entry =
      LLVM::LLVMFuncOp::create(calls, loc, (kernel.getSymName() + ".parameters").str(), type, LLVM::Linkage::Internal);
  Block *block = entry.addEntryBlock(calls);
  calls.setInsertionPointToStart(block);
  SmallVector<Value> values;
  for (auto [i, argument] : llvm::enumerate(kernel.getArgumentTypes())) {
    Value slot = LLVM::GEPOp::create(calls, loc, calls.ptr(), calls.ptr(), block->getArgument(0),
                                     ArrayRef<LLVM::GEPArg>{int32_t(i)});
    Value pointer = LLVM::LoadOp::create(calls, loc, calls.ptr(), slot);
    values.push_back(LLVM::LoadOp::create(calls, loc, argument, pointer));
  }
  LLVM::CallOp::create(calls, loc, TypeRange(), SymbolRefAttr::get(kernel), values);
  LLVM::ReturnOp::create(calls, loc, ValueRange());
  return entry;
}

static std::array<int64_t, 3> requiredBlock(LLVM::LLVMFuncOp kernel) {
  std::array<int64_t, 3> block = {0, 0, 0};
  if (auto required = kernel->getAttrOfType<DenseI32ArrayAttr>(NVVM::NVVMDialect::getReqntidAttrName()))
    for (int i = 0; i < 3; ++i)
      block[i] = i < required.size() ? required[i] : 1;
  return block;
}

static bool overlapsTheOneBefore(LLVM::LLVMFuncOp kernel) {
  auto launch = kernel->getAttrOfType<DictionaryAttr>(nvptx::kLaunchAttr);
  return launch && launch.contains(nvptx::kDependentLaunchKey);
}

static FailureOr<Kernel> simulateKernel(ModuleOp module, gpu::GPUModuleOp device, LLVM::LLVMFuncOp kernel) {
  SymbolTable symbols(device);
  FailureOr<SharedLayout> shared = layOutShared(kernel, symbols);
  HostCalls calls(module, kernel);
  if (failed(shared) || failed(simulateOperations(calls, kernel)))
    return failure();
  replaceShared(calls, kernel, *shared);
  Kernel result{
      kernel.getSymName().str(),   {}, int64_t(kernel.getNumArguments()), shared->staticBytes, requiredBlock(kernel),
      overlapsTheOneBefore(kernel)};
  dropAddressSpaces(kernel);
  // Attributes that only the device understands would be translated with the function.
  for (NamedAttribute attribute : llvm::to_vector(kernel->getDiscardableAttrs()))
    kernel->removeDiscardableAttr(attribute.getName());
  for (unsigned i = 0, e = kernel.getNumArguments(); i < e; ++i)
    kernel.setArgAttrs(i, ArrayRef<NamedAttribute>());
  kernel->moveBefore(device);
  SymbolTable::setSymbolName(kernel, "fptq.simulated." + result.name);
  kernel.setLinkage(LLVM::Linkage::Internal);
  kernel.setCConv(LLVM::CConv::C);
  result.body = emitEntry(calls, kernel);
  return result;
}

/// An internal array of FptqSimKernel.
static LLVM::GlobalOp emitTable(ModuleOp module, ArrayRef<Kernel> kernels) {
  OpBuilder b(module.getBodyRegion());
  Location loc = module.getLoc();
  Type ptr = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  auto entryType = LLVM::LLVMStructType::getLiteral(b.getContext(), {ptr, ptr, i64, i64, i64, i64, i64, i64});
  auto tableType = LLVM::LLVMArrayType::get(entryType, kernels.size());
  b.setInsertionPointToEnd(module.getBody());
  auto table = LLVM::GlobalOp::create(b, loc, tableType, /*isConstant=*/true, LLVM::Linkage::Internal,
                                      "fptq.simulated.kernels", Attribute());
  b.createBlock(&table.getInitializerRegion());
  Value value = LLVM::PoisonOp::create(b, loc, tableType);
  for (auto [i, entry] : llvm::enumerate(kernels)) {
    Kernel kernel = entry;
    SmallVector<Value> fields = {globalString(b, loc, module, kernel.name),
                                 LLVM::AddressOfOp::create(b, loc, ptr, kernel.body.getSymName())};
    for (int64_t number : {kernel.arguments, kernel.staticShared, kernel.block[0], kernel.block[1], kernel.block[2],
                           int64_t(kernel.dependent)})
      fields.push_back(LLVM::ConstantOp::create(b, loc, i64, b.getI64IntegerAttr(number)));
    for (auto [j, field] : llvm::enumerate(fields))
      value = LLVM::InsertValueOp::create(b, loc, value, field, ArrayRef<int64_t>{int64_t(i), int64_t(j)});
  }
  LLVM::ReturnOp::create(b, loc, value);
  return table;
}

/// fptq_gpu_launch(launch) becomes fptq_sim_launch(launch, table, count).
static void redirectLaunches(ModuleOp module, LLVM::GlobalOp table, int64_t count) {
  SmallVector<LLVM::CallOp> launches;
  module.walk([&](LLVM::CallOp call) {
    if (call.getCallee() == "fptq_gpu_launch")
      launches.push_back(call);
  });
  for (LLVM::CallOp call : launches) {
    HostCalls calls(module, call->getParentOfType<LLVM::LLVMFuncOp>());
    calls.at(call);
    Value kernels = LLVM::AddressOfOp::create(calls, call.getLoc(), table);
    calls.call("fptq_sim_launch", Type(), {call.getOperand(0), kernels, calls.num(count, calls.i64())});
    call.erase();
  }
  if (auto declaration = module.lookupSymbol<LLVM::LLVMFuncOp>("fptq_gpu_launch"))
    declaration.erase();
}

namespace {
struct FptqSimulateGpuPass : mlir::fptq::impl::FptqSimulateGpuPassBase<FptqSimulateGpuPass> {
  using FptqSimulateGpuPassBase::FptqSimulateGpuPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<Kernel> kernels;
    for (auto device : llvm::to_vector(module.getOps<gpu::GPUModuleOp>())) {
      for (auto function : llvm::to_vector(device.getOps<LLVM::LLVMFuncOp>())) {
        if (function.isExternal() || !isKernel(function))
          continue;
        FailureOr<Kernel> kernel = simulateKernel(module, device, function);
        if (failed(kernel))
          return signalPassFailure();
        kernels.push_back(*kernel);
      }
      device.erase();
    }
    redirectLaunches(module, emitTable(module, kernels), kernels.size());
  }
};
} // namespace
