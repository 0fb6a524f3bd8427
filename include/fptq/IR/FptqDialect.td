//===- FptqDialect.td - the dialect --------------------------*- tablegen -*-===//
#ifndef FPTQ_DIALECT_TD
#define FPTQ_DIALECT_TD

include "mlir/IR/OpBase.td"

def Fptq_Dialect : Dialect {
  let name = "fptq";
  let cppNamespace = "::mlir::fptq";
  let summary = "Fine-grained post-training quantization to W4A8";
  let description = [{
    The quantization decisions of FPTQ (arXiv 2308.15987) as visible IR: which
    activation policy a layer has and why, its profiled range, group-wise weight
    scales, and the layout of packed weights.

    A linear layer walks through five forms:

    ```
    linalg.matmul & friends
      -> fptq.linear                      float, named          (raise)
      -> fptq.linear {range, policy}      decided               (profile, policy)
      -> fptq.scale_channels + linear     equalized             (equalize)
      -> fptq.quantize_activations
         + fptq.quantized_matmul          4-bit codes, scales   (quantize)
      -> fptq.quantize_activations
         + fptq.packed_matmul             bytes in a layout     (pack)
    ```

    Scales and zero points are operands, so that computed, constant and external
    values are treated alike; the static scheme (bits, group size, symmetry,
    method) is an attribute. `!quant` types are not used inside: a type that
    carries 4096 x 86 scales costs megabytes of text.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerAttributes();

    /// Folders in which the files of `fptq.parameters` are looked for: a tool adds its input's own.
    void addParameterDirectory(::llvm::StringRef path) { parameterDirectories.push_back(path.str()); }
    ::llvm::ArrayRef<std::string> getParameterDirectories() const { return parameterDirectories; }

  private:
    ::llvm::SmallVector<std::string> parameterDirectories;

  public:
    /// Module attribute: array of file names (strings), relative to the module's own file,
    /// whose tensors the external `ml_program.global`s name.
    static constexpr ::llvm::StringLiteral kParametersAttr = "fptq.parameters";
    /// Function argument or constant attribute that carries a layer's or a weight's name.
    static constexpr ::llvm::StringLiteral kNameAttr = "fptq.name";

    // Discardable attributes of quantized and packed products and lookups, for reports: what was decided of the layer
    // they were. No stage depends on them.

    /// `#fptq.range` of the layer's input, before equalization.
    static constexpr ::llvm::StringLiteral kRangeAttr = "fptq.range";
    /// `#fptq.policy` of the layer.
    static constexpr ::llvm::StringLiteral kPolicyAttr = "fptq.policy";
    /// A lookup's `reason`.
    static constexpr ::llvm::StringLiteral kReasonAttr = "fptq.reason";
    /// The weight's error in dB (f64), where it was quantized here.
    static constexpr ::llvm::StringLiteral kErrorAttr = "fptq.error_db";
    /// Unit: one of several products of a layer, but not the one that stands for it.
    static constexpr ::llvm::StringLiteral kPartAttr = "fptq.part";
  }];
}

#endif // FPTQ_DIALECT_TD
