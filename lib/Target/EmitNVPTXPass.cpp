//===- EmitNVPTXPass.cpp - gpu.module to gpu.binary -----------------------===//
#include "fptq/Conversion/FptqToNVGPU/Passes.h"
#include "fptq/Target/NVPTX.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::fptq;

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQEMITNVPTXPASS
#include "fptq/Conversion/FptqToNVGPU/Passes.h.inc"
} // namespace mlir::fptq

static gpu::KernelTableAttr kernelTable(OpBuilder &b, ArrayRef<NVPTXKernel> kernels,
                                        const llvm::StringMap<Type> &functionTypes) {
  SmallVector<gpu::KernelMetadataAttr> entries;
  for (const NVPTXKernel &k : kernels) {
    NamedAttrList figures;
    figures.append("threads", b.getI64IntegerAttr(k.threads));
    figures.append("shared_bytes", b.getI64IntegerAttr(k.sharedBytes));
    figures.append("tile", b.getStringAttr(k.tile));
    if (k.registers)
      figures.append("registers", b.getI64IntegerAttr(*k.registers));
    if (k.spillBytes)
      figures.append("spill_bytes", b.getI64IntegerAttr(*k.spillBytes));
    entries.push_back(gpu::KernelMetadataAttr::get(b.getStringAttr(k.name), functionTypes.lookup(k.name), ArrayAttr(),
                                                   figures.getDictionary(b.getContext())));
  }
  return gpu::KernelTableAttr::get(b.getContext(), entries);
}

namespace {
struct FptqEmitNVPTXPass : mlir::fptq::impl::FptqEmitNVPTXPassBase<FptqEmitNVPTXPass> {
  using FptqEmitNVPTXPassBase::FptqEmitNVPTXPassBase;

  LogicalResult emitModule(gpu::GPUModuleOp module, const nvptx::Chip &target, NVPTXFormat format) {
    llvm::StringMap<Type> types;
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      types[function.getSymName()] = function.getFunctionType();
    FailureOr<NVPTXCode> code = compileForChip(module, target, format != NVPTXFormat::Ptx);
    if (failed(code))
      return failure();
    FailureOr<std::string> bytes = format == NVPTXFormat::Ptx ? code->ptx : code->cubin;
    if (format == NVPTXFormat::Fatbin)
      bytes = makeFatbin(*code, [&] { return module.emitError(); });
    if (failed(bytes))
      return failure();
    static constexpr gpu::CompilationTarget kinds[] = {gpu::CompilationTarget::Assembly, gpu::CompilationTarget::Binary,
                                                       gpu::CompilationTarget::Fatbin};
    OpBuilder b(module);
    auto targetAttr =
        NVVM::NVVMTargetAttr::get(b.getContext(), /*optLevel=*/3, "nvptx64-nvidia-cuda", target.name, target.features);
    Attribute object = gpu::ObjectAttr::get(b.getContext(), targetAttr, kinds[int(format)], b.getStringAttr(*bytes),
                                            DictionaryAttr(), kernelTable(b, code->kernels, types));
    gpu::BinaryOp::create(b, module.getLoc(), module.getName(), Attribute(), ArrayRef<Attribute>{object});
    module.erase();
    return success();
  }

  void runOnOperation() override {
    auto emitError = [&] { return getOperation().emitError(); };
    FailureOr<nvptx::Chip> target = nvptx::parseChip(chip, emitError);
    FailureOr<NVPTXFormat> format = parseNVPTXFormat(emit, emitError);
    if (failed(target) || failed(format))
      return signalPassFailure();
    for (auto module : llvm::make_early_inc_range(getOperation().getOps<gpu::GPUModuleOp>()))
      if (failed(emitModule(module, *target, *format)))
        return signalPassFailure();
  }
};
} // namespace
