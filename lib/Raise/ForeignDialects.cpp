//===- ForeignDialects.cpp - what to do with other projects' dialects -----===//
// A model in StableHLO is the commonest wrong input, and "custom op 'stablehlo.add' is unknown" helps nobody. So each
// dialect of another project that could hold a model has a stand-in, whose parser answers what to do.
#include "fptq/Raise/FrontendDialects.h"
#include "fptq/Raise/StableHLO.h"
#include "fptq/Raise/TMTensor.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/DialectRegistry.h"

using namespace mlir;
using namespace mlir::fptq;

namespace mlir::fptq::foreign {
namespace {
struct Entry {
  StringLiteral name, advice;
};
} // namespace

static constexpr StringLiteral kStablehlo =
    "lower it first: torch-mlir-opt --inline --canonicalize --stablehlo-legalize-to-linalg --canonicalize";
static constexpr StringLiteral kTorch =
    "lower it first: torch-mlir-opt --torch-backend-to-linalg-on-tensors-backend-pipeline, or "
    "output_type=\"linalg-on-tensors\" in Python";
static constexpr StringLiteral kOnnx =
    "import the ONNX file with torch-mlir-import-onnx, then lower it (docs/Frontends.md)";
static constexpr StringLiteral kIree = "docs/Frontends.md has what to replace in the output of iree-compile";
static constexpr StringLiteral kTensorFlow = "let TensorFlow lower it to TOSA or StableHLO";

static constexpr Entry kEntries[] = {
    {"mhlo", kStablehlo},
    {"vhlo", kStablehlo},
    {"torch", kTorch},
    {"torch_c", kTorch},
    {"onnx", kOnnx},
    {"krnl", kOnnx},
    {"util", kIree},
    {"hal", kIree},
    {"flow", kIree},
    {"stream", kIree},
    {"iree_linalg_ext", kIree},
    {"tf", kTensorFlow},
    {"tfl", kTensorFlow},
};

/// Of StableHLO and CHLO, what torch-mlir-opt does not lower and nothing here does either.
static constexpr Entry kNotLowered[] = {
    {"stablehlo.get_dimension_size", "export the model with static shapes"},
    {"stablehlo.set_dimension_size", "export the model with static shapes"},
    {"stablehlo.custom_call", "it stands for a library's code; export the model without it"},
    {"stablehlo.fft", "it has no lowering to linalg; export the model without it"},
    {"stablehlo.cholesky", "it has no lowering to linalg; export the model without it"},
    {"stablehlo.triangular_solve", "it has no lowering to linalg; export the model without it"},
    {"chlo.erf_inv", "it has no lowering to linalg; export the model without it"},
};

/// Stands in for the dialect of an entry: its operations are no input in their own syntax, and left to
/// `fptq-import-frontend` in the generic one.
template <size_t Index> struct Dialect : mlir::Dialect {
  static constexpr StringLiteral getDialectNamespace() { return kEntries[Index].name; }

  explicit Dialect(MLIRContext *context) : mlir::Dialect(getDialectNamespace(), context, TypeID::get<Dialect>()) {
    allowUnknownOperations();
    allowUnknownTypes();
  }

  Type parseType(DialectAsmParser &parser) const override { return refuse(parser), Type(); }
  Attribute parseAttribute(DialectAsmParser &parser, Type) const override { return refuse(parser), Attribute(); }
  std::optional<ParseOpHook> getParseOperationHook(StringRef) const override { return refuseOperation; }
  static void refuse(DialectAsmParser &parser) {
    parser.emitError(parser.getNameLoc())
        << "dialect '" << getDialectNamespace() << "' is not linalg on tensors: " << kEntries[Index].advice;
  }
};

template <size_t... Indices> static void registerAll(DialectRegistry &registry, std::index_sequence<Indices...>) {
  registry.insert<Dialect<Indices>...>();
}
} // namespace mlir::fptq::foreign

void mlir::fptq::registerFrontendDialects(DialectRegistry &registry) {
  registry.insert<chlo::CHLODialect, stablehlo::StableHLODialect, tm_tensor::TMTensorDialect>();
  foreign::registerAll(registry, std::make_index_sequence<std::size(foreign::kEntries)>());
}

StringRef mlir::fptq::adviceForOperation(StringRef name) {
  for (const foreign::Entry &entry : foreign::kNotLowered)
    if (entry.name == name)
      return entry.advice;
  StringRef dialect = name.split('.').first;
  if (dialect == "stablehlo" || dialect == "chlo")
    return foreign::kStablehlo;
  for (const foreign::Entry &entry : foreign::kEntries)
    if (entry.name == dialect)
      return entry.advice;
  return {};
}

ParseResult mlir::fptq::refuseOperation(OpAsmParser &parser, OperationState &state) {
  return parser.emitError(parser.getNameLoc()) // the parser names the operation
         << "is not linalg on tensors: " << adviceForOperation(state.name.getStringRef());
}
