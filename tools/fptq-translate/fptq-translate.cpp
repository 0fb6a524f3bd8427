//===- fptq-translate.cpp - between quant-fptq's files and others' --------===//
#include "Commands.h"
#include "fptq/Pack/PackedFile.h"
#include "fptq/Support/ToolOptions.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir::fptq;
namespace cl = llvm::cl;

static constexpr char kOverview[] = R"(translate between quant-fptq's files and others'

  fptq-translate profile act_scales.safetensors -o profile.json      SmoothQuant's table to a profile
  fptq-translate profile rank0.json rank1.json -o profile.json       merge runs of one model
  fptq-translate profile profile.json -o model_cali_table --to calibration-table
  fptq-translate pack quantized.mlirbc -o packed.safetensors         every layer's bytes, as a kernel reads them
  fptq-translate unpack packed.safetensors -o codes.safetensors      and back to codes and scales
  fptq-translate header quantized.mlirbc -o model.h                  what a C program must know
  fptq-translate llvm-ir quantized.mlirbc -o model.ll --tier avx2    LLVM IR of the lowered module
  fptq-translate index part-0.safetensors part-1.safetensors -o model.safetensors.index.json
  fptq-translate import model.gguf -o model.mlirbc                   a checkpoint (Hugging Face, GGUF, GPTQ, AWQ,
                                                                     compressed-tensors) as MLIR
  fptq-translate export model.gguf -o folder                         a quantized model for vLLM and transformers

`import` and `export` are those of `quant-fptq`, with its options.
)";

namespace {
/// An input and an output that several commands take.
struct Files {
  cl::opt<std::string> input, output;
  Files(cl::SubCommand &command, const char *in, const char *out)
      : input(cl::Positional, cl::Required, cl::desc(in), cl::sub(command)),
        output("o", cl::Required, cl::desc(out), cl::value_desc("file"), cl::sub(command)) {}
};

struct ProfileCommand {
  cl::SubCommand command{"profile", "read profiles of any format, merge them, write one"};
  cl::list<std::string> inputs{cl::Positional, cl::OneOrMore, cl::desc("<profiles>"), cl::sub(command)};
  cl::opt<std::string> output{"o", cl::Required, cl::value_desc("file"), cl::desc("profile to write"),
                              cl::sub(command)};
  cl::opt<ProfileFormat> format{
      "to", cl::desc("format (default: by the extension .json, .safetensors or .txt)"),
      cl::values(clEnumValN(ProfileFormat::Fptq, "fptq", "docs/ProfileFormat.md"),
                 clEnumValN(ProfileFormat::ChannelMaxima, "channel-maxima", "SmoothQuant's table"),
                 clEnumValN(ProfileFormat::CalibrationTable, "calibration-table", "tpu-mlir's, without channels")),
      cl::init(ProfileFormat::ByExtension), cl::sub(command)};
};

struct PackCommand {
  cl::SubCommand command{"pack", "write a quantized module's weights in a target's layout"};
  Files files{command, "<model.mlirbc>", "packed weights (.safetensors, docs/PackedLayout.md)"};
  cl::opt<std::string> layout{"layout", cl::init("x86"), cl::desc("x86 (default) or nvptx"), cl::sub(command)};
};

struct UnpackCommand {
  cl::SubCommand command{"unpack", "give codes, scales and zero points back from packed weights"};
  Files files{command, "<packed.safetensors>", "portable operands of fptq.quantized_matmul (.safetensors)"};
};

/// What lowering needs to know.
struct Target {
  EmitOptions defaults;
  cl::opt<std::string> tier, cpu;
  cl::opt<bool> serial;
  explicit Target(cl::SubCommand &command)
      : tier("tier", cl::init(defaults.tier), cl::desc("tiers in the code, joined by '+' (default: all)"),
             cl::sub(command)),
        cpu("target-cpu", cl::init(defaults.cpu),
            cl::desc("processor of everything but the kernels (default: x86-64-v3)"), cl::sub(command)),
        serial("no-threads", cl::desc("no OpenMP"), cl::sub(command)) {}
  EmitOptions get() const { return {tier, cpu, !serial}; }
};

struct IRCommand {
  cl::SubCommand command{"llvm-ir", "lower a module and write it as LLVM IR"};
  Files files{command, "<model.mlir or .mlirbc>", "LLVM IR (.ll)"};
  Target target{command};
  cl::opt<bool> optimized{"optimized", cl::desc("after LLVM's passes (default: as it is lowered)"), cl::sub(command)};
};

struct HeaderCommand {
  cl::SubCommand command{"header", "write the C header of a module's public functions"};
  Files files{command, "<model.mlir or .mlirbc>", "C header"};
  Target target{command};
};

struct IndexCommand {
  cl::SubCommand command{"index", "write model.safetensors.index.json of a checkpoint in several files"};
  cl::list<std::string> inputs{cl::Positional, cl::OneOrMore, cl::desc("<shards.safetensors>"), cl::sub(command)};
  cl::opt<std::string> output{"o", cl::Required, cl::value_desc("file"), cl::desc("index to write"), cl::sub(command)};
};
} // namespace

static int status(llvm::Error error) {
  if (!error)
    return 0;
  llvm::WithColor::error(llvm::errs(), "fptq-translate") << llvm::toString(std::move(error)) << "\n";
  return 1;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  explainFatalErrors();
  ProfileCommand profile;
  PackCommand pack;
  UnpackCommand unpack;
  IRCommand ir;
  HeaderCommand header;
  IndexCommand index;
  cl::SubCommand importCommand("import", "read a checkpoint (quant-fptq import)"),
      exportCommand("export", "write a checkpoint for other tools (quant-fptq export)");
  if (argc > 1 && (importCommand.getName() == argv[1] || exportCommand.getName() == argv[1]))
    return runCheckpointCommand(llvm::ArrayRef<const char *>(argv, argc));
  cl::OptionCategory none("fptq-translate");
  cl::HideUnrelatedOptions(none); // libLLVM's own, hundreds
  cl::ParseCommandLineOptions(argc, argv, kOverview);
  if (profile.command)
    return status(translateProfiles(profile.inputs, profile.output, profile.format));
  if (pack.command)
    return !exportPacked(pack.files.input, pack.files.output, pack.layout);
  if (unpack.command)
    return status(unpackFile(unpack.files.input, unpack.files.output));
  if (ir.command)
    return !exportLLVMIR(ir.files.input, ir.files.output, ir.target.get(), ir.optimized);
  if (header.command)
    return !exportHeader(header.files.input, header.files.output, header.target.get());
  if (index.command)
    return status(writeShardIndex(index.inputs, index.output));
  return status(llvm::createStringError("no command; see fptq-translate --help"));
}
