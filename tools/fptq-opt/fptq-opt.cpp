//===- fptq-opt.cpp - mlir-opt with the fptq dialect, passes and pipelines ===//
#include "fptq-runtime/CpuTier.h"
#include "fptq/IR/Fptq.h"
#include "fptq/InitAll.h"
#include "fptq/Support/ModuleFile.h"
#include "fptq/Support/OutputFile.h"
#include "fptq/Support/ToolOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using fptq::asksForHelp;
using fptq::explainFatalErrors;
using fptq::hideOptionsExcept;

static constexpr char kOverview[] = R"help(mlir-opt with the fptq dialect, passes and pipelines

  fptq-opt --fptq-raise model.mlir                                    name the linear layers
  fptq-opt --fptq-observe-pipeline model.mlir                         records ranges (fptq-run --calibrate)
  fptq-opt --fptq-quantize-pipeline="profile=profile.json group-size=32" model.mlirbc -o quantized.mlirbc
  fptq-opt --pass-pipeline="builtin.module(fptq-raise,cse)" model.mlir
  fptq-opt --fptq-report-target                                       what this machine runs, and why

Our passes are listed here; those of upstream are all there too, see --help-hidden.
)help";

/// Options of MlirOptMain that our users need, and the list of passes by one of its names.
static constexpr StringRef kShown[] = {"fptq-raise",
                                       "pass-pipeline",
                                       "o",
                                       "emit-bytecode",
                                       "remark-format",
                                       "remarks-filter",
                                       "remarks-output-file",
                                       "verify-diagnostics",
                                       "split-input-file",
                                       "mlir-timing",
                                       "mlir-print-ir-after-all",
                                       "mlir-elide-elementsattrs-if-larger",
                                       "mlir-elide-resource-strings-if-larger",
                                       "mlir-disable-threading",
                                       "allow-unregistered-dialect",
                                       "load-dialect-plugin",
                                       "load-pass-plugin"};

namespace {
/// The module's parameter files are looked for in the input's own folder.
struct InputFolder : DialectExtension<InputFolder, fptq::FptqDialect> {
  explicit InputFolder(StringRef input) : input(input) {}
  void apply(MLIRContext *, fptq::FptqDialect *dialect) const override {
    fptq::searchParametersBeside(input, *dialect);
  }
  std::string input;
};
} // namespace

/// What compiled code would run on this machine, and why nothing better.
static void reportTarget() {
  const char *reason;
  FptqTier best = fptq_cpu_detect(&reason), chosen = fptq_cpu_tier();
  llvm::outs() << "tier: " << fptq_tier_name(chosen) << "\n"
               << "best: " << fptq_tier_name(best) << ", " << reason << "\n";
  if (chosen != best)
    llvm::outs() << "lowered by FPTQ_TIER\n";
  for (int tier = 0; tier < FPTQ_TIER_COUNT; ++tier)
    if (const char *lacks = fptq_cpu_lacks(FptqTier(tier)))
      llvm::outs() << "cannot run " << fptq_tier_name(FptqTier(tier)) << ": " << lacks << "\n";
}

/// MlirOptMain over files, with an input buffer that bytecode can be read from.
static LogicalResult run(StringRef input, StringRef output, DialectRegistry &registry) {
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects()) {
    for (StringRef name : registry.getDialectNames())
      llvm::outs() << name << "\n";
    return success();
  }
  if (config.shouldListPasses())
    return printRegisteredPasses(), success();
  std::string message;
  auto fail = [&] { return llvm::WithColor::error(llvm::errs(), "fptq-opt") << message << "\n", failure(); };
  std::unique_ptr<llvm::MemoryBuffer> buffer = fptq::openModuleBuffer(input, &message);
  if (!buffer)
    return fail();
  bool refused = false;
  llvm::Error error = fptq::writeOutputFile(output, [&](llvm::raw_ostream &os) -> llvm::Error {
    refused = failed(MlirOptMain(os, std::move(buffer), registry, config));
    return refused ? llvm::createStringError("nothing is written") : llvm::Error::success();
  });
  if (!error)
    return success();
  message = llvm::toString(std::move(error));
  return refused ? failure() : fail(); // a pass has said why itself
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  explainFatalErrors();
  if (argc == 2 && StringRef(argv[1]) == "--fptq-report-target")
    return reportTarget(), 0;
  DialectRegistry registry;
  fptq::registerToolDialects(registry);
  bool help = asksForHelp(argc, argv);
  help ? fptq::registerPasses() : fptq::registerAllPasses();
  std::string header = registerCLIOptions(kOverview, registry);
  // The line is shown anyway, and an error at a module would print the model.
  fptq::setFlagDefault("mlir-print-op-on-diagnostic", false);
  if (help)
    hideOptionsExcept(kShown);
  auto [input, output] = parseCLIOptions(argc, argv, help ? kOverview : header);
  registry.addExtension(TypeID::get<InputFolder>(), std::make_unique<InputFolder>(input));
  return asMainReturnCode(run(input, output, registry));
}
