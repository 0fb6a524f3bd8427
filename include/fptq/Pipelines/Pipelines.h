//===- Pipelines.h - the order of the stages ---------------------*- C++ -*-===//
#ifndef FPTQ_PIPELINES_PIPELINES_H
#define FPTQ_PIPELINES_PIPELINES_H

#include "fptq/Policy/HeadLayers.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::fptq {

/// Options of `fptq-quantize-pipeline`; each is the option of the same name of the stage that has it, with its default,
/// but for `method`: whoever quantizes a whole model has the time for mse.
struct QuantizePipelineOptions : PassPipelineOptions<QuantizePipelineOptions> {
  Option<std::string> names{*this, "names", llvm::cl::desc("JSON: weight name to layer name (default none)")};
  Option<std::string> profile{
      *this, "profile", llvm::cl::desc("profile; not needed where every layer is per token or float (default none)")};
  Option<std::string> recipe{*this, "recipe", llvm::cl::desc("per-layer rules (docs/Recipes.md; default none)")};
  Option<std::string> policy{*this, "policy", llvm::cl::desc("fptq (default), static, equalized, per-token or float"),
                             llvm::cl::init("fptq")};
  Option<double> v0{*this, "v0", llvm::cl::desc("largest static range (default 15)"), llvm::cl::init(15)};
  Option<double> v1{*this, "v1", llvm::cl::desc("smallest per-token range (default 150)"), llvm::cl::init(150)};
  Option<std::string> scheme{*this, "scheme", llvm::cl::desc("group (default) or two-level"), llvm::cl::init("group")};
  Option<int64_t> groupSize{*this, "group-size", llvm::cl::desc("input channels a group, 0: per channel (default 128)"),
                            llvm::cl::init(128)};
  Option<std::string> symmetric{*this, "symmetric", llvm::cl::desc("true, false or auto (default)"),
                                llvm::cl::init("auto")};
  Option<std::string> method{*this, "method", llvm::cl::desc("rtn or mse (default)"), llvm::cl::init("mse")};
  Option<std::string> ragged{*this, "ragged", llvm::cl::desc("pad (default), adjust or error"), llvm::cl::init("pad")};
  Option<std::string> keepFloat{*this, "keep-float", llvm::cl::desc("regex of layers that stay float (default: heads)"),
                                llvm::cl::init(kHeadLayers)};
  Option<std::string> formula{*this, "formula", llvm::cl::desc("equalization: lae (default) or smoothquant"),
                              llvm::cl::init("lae")};
  Option<double> alpha{*this, "alpha", llvm::cl::desc("smoothquant's migration strength (default 0.5)"),
                       llvm::cl::init(0.5)};
  Option<double> minScale{*this, "min-scale", llvm::cl::desc("smallest equalization scale (default 0: the paper's)"),
                          llvm::cl::init(0)};
  Option<std::string> parametersOut{
      *this, "parameters-out",
      llvm::cl::desc("stream quantized parameters into this .safetensors (default none: they stay in the module)")};
  Option<bool> resume{*this, "resume", llvm::cl::desc("go on where a killed run stopped (default true)"),
                      llvm::cl::init(true)};
  Option<std::string> scaleType{*this, "scale-type", llvm::cl::desc("f32 (default) or f16"), llvm::cl::init("f32")};
  Option<bool> progress{*this, "progress", llvm::cl::desc("a remark for each weight (default false)"),
                        llvm::cl::init(false)};
  Option<bool> strict{*this, "strict", llvm::cl::desc("what cannot be done is an error (default true)"),
                      llvm::cl::init(true)};
};

/// Linalg on tensors with float weights to `fptq.quantized_matmul`s, portable to every target.
void buildQuantizePipeline(OpPassManager &pm, const QuantizePipelineOptions &options);

/// Options of `fptq-observe-pipeline`.
struct ObservePipelineOptions : PassPipelineOptions<ObservePipelineOptions> {
  Option<std::string> names{*this, "names", llvm::cl::desc("JSON: weight name to layer name (default none)")};
  Option<bool> strict{*this, "strict", llvm::cl::desc("what cannot be taken over is an error (default true)"),
                      llvm::cl::init(true)};
};

/// The first stages of the same, and an `fptq.observe` before each linear: the layers of a profile are then those that
/// are quantized.
void buildObservePipeline(OpPassManager &pm, const ObservePipelineOptions &options);

/// Floats that the tile of an outer product keeps in registers: of 16 ymm, of 32 zmm.
inline constexpr int64_t kAccumulators256 = 96, kAccumulators512 = 384;

/// Options of the code around the kernels, which runs on the host whatever the target is.
struct HostPipelineOptions : virtual mlir::detail::PassOptions {
  Option<bool> threads{*this, "threads", llvm::cl::desc("parallel loops of the host through OpenMP (default true)"),
                       llvm::cl::init(true)};
  Option<int64_t> width{*this, "width", llvm::cl::desc("columns of a packed float weight's block (default 32)"),
                        llvm::cl::init(32)};
  Option<int64_t> accumulators{*this, "accumulators",
                               llvm::cl::desc("floats an outer-product tile keeps in registers: 96 for 16 ymm, 384 "
                                              "for 32 zmm; 0: by this machine (default)"),
                               llvm::cl::init(0)};
};

/// Options of `fptq-x86-pipeline`.
struct X86PipelineOptions : HostPipelineOptions, PassPipelineOptions<X86PipelineOptions> {
  Option<std::string> tier{
      *this, "tier",
      llvm::cl::desc(
          "reference, avx2, avxvnni, avx512vnni, avx512vnni-zen, amx-int8, each also with -emulated; auto: what "
          "this machine offers (default); several joined by '+': the program picks when it starts"),
      llvm::cl::init("auto")};
};

/// Every tier of x86, joined by '+'.
std::string allTiers();

/// `name`, or what this machine and FPTQ_TIER offer where it is "auto".
std::string resolveTier(StringRef name);

/// An error where this machine would die on code of the x86 tier of that name, with what it runs instead.
LogicalResult checkTier(StringRef tier, function_ref<InFlightDiagnostic()> emitError);

/// Tensors with linalg, float linears and packed W4A8 linears, to the LLVM dialect.
void buildX86Pipeline(OpPassManager &pm, const X86PipelineOptions &options);

/// Options of `fptq-nvptx-pipeline`.
struct NVPTXPipelineOptions : HostPipelineOptions, PassPipelineOptions<NVPTXPipelineOptions> {
  Option<std::string> chip{*this, "chip", llvm::cl::desc("chip to generate kernels for (default sm_80)"),
                           llvm::cl::init("sm_80")};
  Option<std::string> emit{
      *this, "emit",
      llvm::cl::desc("ptx, cubin or fatbin: what becomes of the kernels; none (default): they stay "
                     "as they are, for the simulator"),
      llvm::cl::init("none")};
  Option<int64_t> slices{
      *this, "slices",
      llvm::cl::desc("blocks that share the K of a small product, 1 to 8 (default 0: chosen by shape)"),
      llvm::cl::init(0)};
};

/// Brings the kernels of every gpu.module to the form that device and simulator share: LLVM dialect with nvvm
/// operations and, for what nvvm cannot spell, fptq_gpu operations. The simulator takes over here; for a device
/// `fptq-lower-gpu-ops` replaces the latter by inline assembly and LLVM makes PTX.
void buildNVPTXDevicePipeline(OpPassManager &pm);

/// Brings rows and their quantization together, as the kernels of a model compute them: quantized linears on tensors,
/// for those who want the kernels without the host's code.
void buildNVPTXRowStages(OpPassManager &pm);

/// Tensors to the LLVM dialect for the host, with calls of `fptq_gpu_launch` (fptq-runtime/GpuLaunch.h) for products
/// and activation quantization, and `gpu.module @fptq_kernels` as buildNVPTXDevicePipeline leaves it or, with `emit`, a
/// `gpu.binary` of that name.
void buildNVPTXPipeline(OpPassManager &pm, const NVPTXPipelineOptions &options);

/// `fptq-observe-pipeline`, `fptq-quantize-pipeline`, `fptq-x86-pipeline`, `fptq-nvptx-pipeline`,
/// `fptq-nvptx-device-pipeline`.
void registerPipelines();

} // namespace mlir::fptq

#endif // FPTQ_PIPELINES_PIPELINES_H
