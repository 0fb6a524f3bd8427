//===- KernelBuilder.cpp - names, sizes and functions ---------------------===//
#include "KernelBuilder.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::nvptx;

SmallVector<Type> MatmulArguments::types(Emitter &e, const Format &format, bool split) {
  SmallVector<Type> types(7, e.ptr(kGlobal));
  types.append(7, e.i32());
  if (format.multiplicand)
    types.append({e.ptr(kGlobal), e.i32()});
  types.append(split ? 2 : 0, e.ptr(kGlobal));
  return types;
}

MatmulArguments::MatmulArguments(ValueRange a, const Format &format)
    : q(a[0]), xScales(a[1]), xSums(a[2]), packed(a[3]), bias(a[4]), residual(a[5]), y(a[6]), qStride(a[7]),
      sumsStride(a[8]), residualStride(a[9]), yStride(a[10]), m(a[11]), n(a[12]), groups(a[13]) {
  a = a.drop_front(14);
  if (format.multiplicand) {
    multiplicand = a[0], multiplicandStride = a[1];
    a = a.drop_front(2);
  }
  if (!a.empty())
    workspace = a[0], counters = a[1];
}

std::string Format::name() const {
  std::string name = twoLevel ? "two_level" : symmetric ? "sym" : "asym";
  name += "_g" + std::to_string(group) + (halfScales ? "_f16" : "_f32");
  if (activation)
    name += "_" + stringifyEnum(ActivationFunction(activation)).str();
  return name + (multiplicand ? "_times" : "");
}

Value Format::storedGroups(Emitter &e, Value groups) const {
  return group == kStep ? e.mul(chunks(e, groups), kChunk / kStep) : groups;
}

Value Format::zeros(Emitter &e, Value groups) const {
  return e.add(tail(e, groups), e.mul(storedGroups(e, groups), tailRowBytes()));
}

Value Format::panelBytes(Emitter &e, Value groups) const {
  Value bytes = zeros(e, groups);
  if (twoLevel)
    return e.add(bytes, kPanelRows * scaleBytes());
  return symmetric ? bytes : e.add(bytes, e.mul(storedGroups(e, groups), kPanelRows));
}

Value Format::loadScale(Emitter &e, Value from, bool constant) const {
  Type type = halfScales ? e.getF16Type() : e.getF32Type();
  Value scale = constant ? e.loadWeight(type, from, scaleBytes()) : e.load(type, from, scaleBytes());
  return halfScales ? arith::ExtFOp::create(e, e.f32(), scale).getResult() : scale;
}

Kernel mlir::fptq::nvptx::getOrCreateKernel(gpu::GPUModuleOp module, const Twine &name, ArrayRef<Type> parameters,
                                            Kernel launch, const Twine &tile,
                                            llvm::function_ref<void(Emitter &, ValueRange)> body, bool bodyWaits) {
  std::string symbol = ("fptq_" + name).str();
  launch.function = module.lookupSymbol<LLVM::LLVMFuncOp>(symbol);
  if (launch.function)
    return launch;
  Emitter e(module.getLoc(), module.getContext());
  e.setInsertionPointToEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(e.getContext()), parameters);
  launch.function = LLVM::LLVMFuncOp::create(e, symbol, type);
  launch.function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), e.getUnitAttr());
  launch.function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), e.getUnitAttr());
  launch.function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                           e.getDenseI32ArrayAttr({int32_t(launch.threads), 1, 1}));
  NamedAttrList shape;
  shape.append("threads", e.getI64IntegerAttr(launch.threads));
  shape.append("shared_bytes", e.getI64IntegerAttr(launch.sharedBytes));
  shape.append("tile", e.getStringAttr(tile));
  if (module->hasAttr(kDependentLaunchAttr))
    shape.append(kDependentLaunchKey, e.getUnitAttr());
  launch.function->setAttr(kLaunchAttr, shape.getDictionary(e.getContext()));
  Block *entry = launch.function.addEntryBlock(e);
  e.setInsertionPointToStart(entry);
  if (!bodyWaits)
    e.waitForKernelBefore();
  body(e, entry->getArguments());
  LLVM::ReturnOp::create(e, ValueRange());
  return launch;
}

LogicalResult mlir::fptq::nvptx::checkShared(const Kernel &kernel, const Chip &chip, int64_t extraBytes,
                                             function_ref<InFlightDiagnostic()> emitError) {
  int64_t bytes = kernel.sharedBytes + extraBytes;
  if (bytes <= chip.sharedBytes)
    return success();
  LLVM::LLVMFuncOp function = kernel.function;
  return emitError() << "kernel '" << function.getSymName() << "' needs " << bytes
                     << " bytes of shared memory, a block of " << chip.name << " has " << chip.sharedBytes;
}

gpu::GPUModuleOp mlir::fptq::nvptx::createKernelModule(OpBuilder &b, Location loc, const Chip &chip) {
  auto module = gpu::GPUModuleOp::create(b, loc, kModuleSymbol);
  if (chip.dependentLaunch)
    module->setAttr(kDependentLaunchAttr, b.getUnitAttr());
  return module;
}

int64_t mlir::fptq::nvptx::workspaceBytes(const Kernel &kernel, int64_t m, int64_t n, int64_t groups, int64_t slices) {
  int64_t tiles = llvm::divideCeil(n, kernel.rows) * llvm::divideCeil(m, kernel.tokens);
  int64_t partials = kernel.partialsPerGroup ? groups * kernel.partialsPerGroup : slices;
  return kernel.split ? 4 * tiles * partials * kernel.rows * kernel.tokens : 0;
}

Kernel mlir::fptq::nvptx::getOrCreateMatmul(gpu::GPUModuleOp module, const Chip &chip, const WeightFormat &weight,
                                            int64_t tokens, bool split) {
  Format format(weight);
  if (tokens <= 16)
    return skinnyKernel(module, format, skinnyShape(tokens, format.depth(), split));
  if (chip.wgmma)
    return wgmmaKernel(module, format, chip, tokens);
  return tileKernel(module, format, chip, tokens);
}
