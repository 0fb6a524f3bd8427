// quant-fptq inside a C++ program that has its own MLIR code: register, quantize, compile, call.
//
//   first-layer MODULE PROFILE TOKENS OUTPUT
#include "fptq/IR/Fptq.h"
#include "fptq/InitAll.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Target/Executable.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Path.h"

#include <cstdio>
#include <fstream>
#include <iterator>

using namespace mlir;

int main(int argc, char **argv) {
  if (argc != 5)
    return std::fprintf(stderr, "usage: first-layer MODULE PROFILE TOKENS OUTPUT\n"), 2;

  DialectRegistry registry;
  fptq::registerAllDialects(registry); // or fptq::registerDialects, where upstream's are registered already
  MLIRContext context(registry);
  // The module's weights are in files beside it.
  context.getOrLoadDialect<fptq::FptqDialect>()->addParameterDirectory(llvm::sys::path::parent_path(argv[1]));
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(argv[1], &context);
  if (!module)
    return 1;

  PassManager pm(&context, ModuleOp::getOperationName());
  fptq::QuantizePipelineOptions options;
  options.profile = argv[2]; // which decides the policies: six layers static, down_proj equalized
  options.groupSize = 32;
  fptq::buildQuantizePipeline(pm, options);
  if (failed(pm.run(*module)))
    return 1;
  auto executable = fptq::Executable::compile(*module, {/*tier=*/"auto", /*threads=*/1});
  if (failed(executable))
    return 1;

  std::ifstream file(argv[3]);
  std::vector<int32_t> tokens((std::istream_iterator<int32_t>(file)), std::istream_iterator<int32_t>());
  fptq::TensorRef argument{tokens.data(), {static_cast<int64_t>(tokens.size())}};
  auto results = (*executable)->call(*(*executable)->find("first_layer"), argument);
  if (!results)
    return std::fprintf(stderr, "%s\n", llvm::toString(results.takeError()).c_str()), 1;

  const fptq::TensorRef &y = results->front().get();
  auto *data = static_cast<const float *>(y.data);
  std::ofstream(argv[4], std::ios::binary)
      .write(static_cast<const char *>(y.data), y.shape[0] * y.shape[1] * sizeof(float));
  std::printf("%lld x %lld, first %.9g\n", (long long)y.shape[0], (long long)y.shape[1], data[0]);
  return 0;
}
