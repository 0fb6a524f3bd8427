//===- EmitNVPTX.cpp - a model's kernels as files -------------------------===//
#include "fptq/Conversion/FptqToNVGPU/FptqGpu.h"
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Support/OutputFile.h"
#include "fptq/Target/NVPTX.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::fptq;

namespace json = llvm::json;

/// The kernels of `model` for one chip, in a module of their own.
static FailureOr<NVPTXCode> compileKernels(ModuleOp model, const nvptx::Chip &chip, bool needsCubin) {
  model.getContext()
      ->loadDialect<arith::ArithDialect, gpu::GPUDialect, LLVM::LLVMDialect, math::MathDialect, NVVM::NVVMDialect,
                    scf::SCFDialect, nvptx::FptqGpuDialect>();
  OwningOpRef<ModuleOp> holder(ModuleOp::create(model.getLoc()));
  OpBuilder b = OpBuilder::atBlockBegin(holder->getBody());
  auto module = nvptx::createKernelModule(b, model.getLoc(), chip);
  auto needed = nvptx::addKernelsOf(model, module, chip);
  if (failed(needed))
    return failure();
  if (needed->empty())
    return model.emitError() << "the model has no quantized linear: there is nothing to compile for a GPU";
  PassManager pm(model.getContext(), ModuleOp::getOperationName());
  buildNVPTXDevicePipeline(pm);
  if (failed(pm.run(*holder)))
    return failure();
  FailureOr<NVPTXCode> code = compileForChip(module, chip, needsCubin);
  if (failed(code))
    return failure();
  for (auto [kernel, need] : llvm::zip(code->kernels, *needed)) {
    kernel.function = need.functions;
    kernel.sharedBytes = need.kernel.sharedBytes;
    kernel.slices = need.slices;
    kernel.workspaceBytes = need.workspaceBytes;
  }
  return code;
}

static json::Value table(ArrayRef<NVPTXCode> codes) {
  json::Array kernels;
  for (const NVPTXCode &code : codes)
    for (const NVPTXKernel &k : code.kernels)
      kernels.push_back(json::Object{{"name", k.name},
                                     {"function", k.function},
                                     {"chip", code.chip.name},
                                     {"registers", k.registers},
                                     {"spill_bytes", k.spillBytes},
                                     {"shared_bytes", k.sharedBytes},
                                     {"threads", k.threads},
                                     {"tile", k.tile},
                                     {"slices", k.slices},
                                     {"workspace_bytes", k.workspaceBytes}});
  return json::Object{{"kernels", std::move(kernels)}};
}

/// `path` with the chip's name before the suffix, where there are several chips.
static std::string pathFor(StringRef path, const nvptx::Chip &chip, size_t chips) {
  if (chips == 1)
    return path.str();
  SmallString<128> named(path);
  llvm::sys::path::replace_extension(named, chip.name + llvm::sys::path::extension(path));
  return named.str().str();
}

using EmitError = function_ref<InFlightDiagnostic()>;

/// Chips by name, each once.
static FailureOr<SmallVector<nvptx::Chip>> parseChips(ArrayRef<std::string> names, EmitError emitError) {
  SmallVector<nvptx::Chip> chips;
  for (StringRef name : names) {
    FailureOr<nvptx::Chip> chip = nvptx::parseChip(name, emitError);
    if (failed(chip))
      return failure();
    if (llvm::none_of(chips, [&](const nvptx::Chip &other) { return other.name == chip->name; }))
      chips.push_back(*chip);
  }
  if (chips.empty())
    return emitError() << "no chip was named";
  return chips;
}

namespace {
struct File {
  std::string path, content;
};
} // namespace

/// What is written of `codes`: kernels in `format`, and their table.
static FailureOr<SmallVector<File>> filesOf(ArrayRef<NVPTXCode> codes, NVPTXFormat format, StringRef path,
                                            EmitError emitError) {
  SmallVector<File> files;
  if (format == NVPTXFormat::Fatbin) {
    FailureOr<std::string> fatbin = makeFatbin(codes, emitError);
    if (failed(fatbin))
      return failure();
    files.push_back({path.str(), std::move(*fatbin)});
  } else {
    for (const NVPTXCode &code : codes)
      files.push_back({pathFor(path, code.chip, codes.size()), format == NVPTXFormat::Ptx ? code.ptx : code.cubin});
  }
  files.push_back({(path + ".json").str(), llvm::formatv("{0:2}\n", table(codes)).str()});
  return files;
}

LogicalResult mlir::fptq::emitNVPTX(ModuleOp model, ArrayRef<std::string> chipNames, StringRef formatName,
                                    StringRef path) {
  auto emitError = [&] { return mlir::emitError(UnknownLoc::get(model.getContext())); };
  FailureOr<NVPTXFormat> format = parseNVPTXFormat(formatName, emitError);
  FailureOr<SmallVector<nvptx::Chip>> chips = parseChips(chipNames, emitError);
  if (failed(format) || failed(chips))
    return failure();
  OwningOpRef<ModuleOp> rows(model.clone());
  PassManager pm(model.getContext(), ModuleOp::getOperationName());
  buildNVPTXRowStages(pm);
  if (failed(pm.run(*rows)))
    return failure();
  std::vector<NVPTXCode> codes;
  for (const nvptx::Chip &chip : *chips) {
    FailureOr<NVPTXCode> code = compileKernels(*rows, chip, *format != NVPTXFormat::Ptx);
    if (failed(code))
      return failure();
    codes.push_back(std::move(*code));
  }
  FailureOr<SmallVector<File>> files = filesOf(codes, *format, path, emitError);
  if (failed(files))
    return failure();
  for (const File &file : *files) {
    llvm::Error error = writeOutputFile(file.path, [&](llvm::raw_ostream &os) {
      os << file.content;
      return llvm::Error::success();
    });
    if (error)
      return model.emitError() << llvm::toString(std::move(error));
  }
  return success();
}
