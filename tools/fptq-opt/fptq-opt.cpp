//===- fptq-opt.cpp - mlir-opt with the fptq dialect, passes and pipelines ===//
#include "fptq/IR/Fptq.h"
#include "fptq/InitAll.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace {
/// The module's parameter files are looked for in the input's own folder.
struct InputFolder : DialectExtension<InputFolder, fptq::FptqDialect> {
  explicit InputFolder(StringRef input) : folder(llvm::sys::path::parent_path(input)) {}
  void apply(MLIRContext *, fptq::FptqDialect *dialect) const override {
    dialect->addParameterDirectory(folder.empty() ? "." : folder);
  }
  std::string folder;
};
} // namespace

int main(int argc, char **argv) {
  DialectRegistry registry;
  fptq::registerAllDialects(registry);
  fptq::registerAllPasses();
  auto [input, output] =
      registerAndParseCLIOptions(argc, argv, "quant-fptq: W4A8 quantization and lowering\n", registry);
  registry.addExtension(TypeID::get<InputFolder>(), std::make_unique<InputFolder>(input));
  return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));
}
