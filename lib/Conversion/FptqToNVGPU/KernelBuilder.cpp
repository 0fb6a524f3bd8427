//===- KernelBuilder.cpp - names, sizes and functions ---------------------===//
#include "KernelBuilder.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::nvptx;

SmallVector<Type> MatmulArguments::types(Emitter &e) {
  SmallVector<Type> types(7, e.ptr(kGlobal));
  types.append(7, e.i32());
  return types;
}

MatmulArguments::MatmulArguments(ValueRange a)
    : q(a[0]), xScales(a[1]), xSums(a[2]), packed(a[3]), bias(a[4]), residual(a[5]), y(a[6]), qStride(a[7]),
      sumsStride(a[8]), residualStride(a[9]), yStride(a[10]), m(a[11]), n(a[12]), groups(a[13]) {}

std::string Format::name() const {
  std::string name = twoLevel ? "two_level" : symmetric ? "sym" : "asym";
  return name + "_g" + std::to_string(group) + (halfScales ? "_f16" : "_f32");
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
  Value scale = constant ? e.loadConstant(type, from, scaleBytes()) : e.load(type, from, scaleBytes());
  return halfScales ? arith::ExtFOp::create(e, e.f32(), scale).getResult() : scale;
}

Kernel mlir::fptq::nvptx::getOrCreateKernel(gpu::GPUModuleOp module, const Twine &name, ArrayRef<Type> parameters,
                                            Kernel launch, const Twine &tile,
                                            llvm::function_ref<void(Emitter &, ValueRange)> body) {
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
  launch.function->setAttr(kLaunchAttr,
                           e.getDictionaryAttr({e.getNamedAttr("threads", e.getI64IntegerAttr(launch.threads)),
                                                e.getNamedAttr("shared_bytes", e.getI64IntegerAttr(launch.sharedBytes)),
                                                e.getNamedAttr("tile", e.getStringAttr(tile))}));
  Block *entry = launch.function.addEntryBlock(e);
  e.setInsertionPointToStart(entry);
  body(e, entry->getArguments());
  LLVM::ReturnOp::create(e, ValueRange());
  return launch;
}

Kernel mlir::fptq::nvptx::getOrCreateMatmul(gpu::GPUModuleOp module, const Chip &chip, const WeightFormat &weight,
                                            int64_t tokens) {
  Format format(weight);
  if (tokens <= 16)
    return skinnyKernel(module, format, skinnyShape(tokens, format.depth()));
  if (chip.wgmma)
    return wgmmaKernel(module, format, wgmmaShape(tokens));
  return tileKernel(module, format, tileShape(tokens));
}
