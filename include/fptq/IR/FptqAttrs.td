//===- FptqAttrs.td - policies, schemes, ranges, layouts ------*- tablegen -*-===//
#ifndef FPTQ_ATTRS_TD
#define FPTQ_ATTRS_TD

include "fptq/IR/FptqDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Fptq_Attr<string name, string attrMnemonic> : AttrDef<Fptq_Dialect, name> {
  let mnemonic = attrMnemonic;
}

class Fptq_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::fptq";
  let genSpecializedAttr = 0;
}

// The words are those of recipes (docs/Recipes.md).
def Fptq_LayerKind : Fptq_Enum<"LayerKind", "what a layer does with its weight", [
    I32EnumAttrCase<"Linear", 0, "linear">,
    I32EnumAttrCase<"Lookup", 1, "lookup">]>;

//===----------------------------------------------------------------------===//
// Activation policy
//===----------------------------------------------------------------------===//

// Reports, JSON and options say per-token: a word of the assembly format has no hyphen.
def Fptq_PolicyKind : Fptq_Enum<"PolicyKind", "activation policy of a layer", [
    I32EnumAttrCase<"Static", 0, "static">,
    I32EnumAttrCase<"Equalized", 1, "equalized">,
    I32EnumAttrCase<"PerToken", 2, "per_token">,
    I32EnumAttrCase<"Float", 3, "float">]>;

def Fptq_PolicyAttr : Fptq_Attr<"Policy", "policy"> {
  let summary = "activation policy of a layer, and why";
  let description = [{
    FPTQ's choice (arXiv 2308.15987, section 3.1) by the layer's profiled
    `v = max |x|`:

    | range             | kind        | activation quantization                                 |
    |-------------------|-------------|---------------------------------------------------------|
    | `v <= v0`         | `static`    | one scale a layer, from the profile                     |
    | `v0 < v < v1`     | `equalized` | channels divided by the LAE scale, then one static scale |
    | `v >= v1`         | `per_token` | one scale a token, computed at run time                 |
    |                   | `float`     | not quantized                                           |

    `reason` says in words what decided: the range seen and the thresholds, or
    the recipe rule that matched.

    Example: `#fptq.policy<equalized, "12.5 < v = 33.1 < 150 (v0, v1)">`
  }];
  let parameters = (ins
    EnumParameter<Fptq_PolicyKind>:$kind,
    StringRefParameter<"what decided">:$reason);
  let assemblyFormat = "`<` $kind `,` $reason `>`";
}

//===----------------------------------------------------------------------===//
// Weight scheme
//===----------------------------------------------------------------------===//

def Fptq_SchemeKind : Fptq_Enum<"SchemeKind", "how codes become weights", [
    I32EnumAttrCase<"Group", 0, "group">,
    I32EnumAttrCase<"TwoLevel", 1, "two_level">]>;

def Fptq_WeightMethod : Fptq_Enum<"WeightMethod", "how codes and scales were found", [
    I32EnumAttrCase<"Rtn", 0, "rtn">,
    I32EnumAttrCase<"Mse", 1, "mse">,
    I32EnumAttrCase<"Stored", 15, "stored">]>; // codes and scales came with the model; see fptq.dequantize

def Fptq_SchemeAttr : Fptq_Attr<"Scheme", "scheme"> {
  let summary = "how 4-bit codes become weights";
  let description = [{
    - `group`: `W[n,k] ~ scales[n,g] * (q[n,k] - zeros[n,g])`, `q` in 0..15,
      `g = k / group_size`. Exact for GPTQ, AWQ, compressed-tensors, GGUF
      Q4_0/Q4_1. `symmetric` means `zeros = 8` and has no operand.
    - `two_level`: `W[n,k] ~ scales[n] * (q[n,k] * a[n,g] + b[n,g] - 128)` with
      `a` in 1..16 and `15 a + b <= 255`: the dequantized byte is an unsigned
      8-bit weight, and ONE int32 accumulation runs over all of K (DGQ
      2310.04836, QoQ 2405.04532 section 4.1, LiquidQuant).

    `group_size = 0` means one group along all of K (per channel).

    Example: `#fptq.scheme<group, group_size = 128, symmetric = true, method = rtn>`
  }];
  let parameters = (ins
    EnumParameter<Fptq_SchemeKind>:$kind,
    "int64_t":$group_size,
    "bool":$symmetric,
    EnumParameter<Fptq_WeightMethod>:$method);
  let assemblyFormat = [{
    `<` $kind `,` struct($group_size, $symmetric, $method) `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Elements of one group when the layer has `k` input channels.
    int64_t groupSizeFor(int64_t k) const { return getGroupSize() ? getGroupSize() : k; }
    /// Groups along `k` input channels; the last may be ragged (padded with the zero point).
    int64_t numGroups(int64_t k) const {
      int64_t g = groupSizeFor(k);
      return g ? (k + g - 1) / g : 0;
    }
  }];
}

//===----------------------------------------------------------------------===//
// Profiled range
//===----------------------------------------------------------------------===//

def Fptq_RangeAttr : Fptq_Attr<"Range", "range"> {
  let summary = "profiled range of a layer's input";
  let description = [{
    Over all calibration tokens: smallest and largest value, `absmax = max |x|`
    after the chosen observer (equal to the largest magnitude for min-max,
    smaller for percentile, MSE or entropy), and how many tokens were seen.

    Example: `#fptq.range<min = -3.5, max = 12.25, absmax = 12.25, tokens = 2000>`
  }];
  let parameters = (ins
    APFloatParameter<"smallest value">:$minValue,
    APFloatParameter<"largest value">:$maxValue,
    APFloatParameter<"max |x| after the observer">:$absmaxValue,
    "int64_t":$tokens);
  let builders = [AttrBuilder<(ins "double":$min, "double":$max, "double":$absmax, "int64_t":$tokens), [{
    return $_get($_ctxt, ::llvm::APFloat(min), ::llvm::APFloat(max), ::llvm::APFloat(absmax), tokens);
  }]>];
  let extraClassDeclaration = [{
    double getMin() const { return getMinValue().convertToDouble(); }
    double getMax() const { return getMaxValue().convertToDouble(); }
    double getAbsmax() const { return getAbsmaxValue().convertToDouble(); }
    /// Profiled, but no token came: to an expert, say. Tables of other tools have no tokens either, but a range.
    bool isUnseen() const { return getTokens() == 0 && getAbsmaxValue().isZero(); }
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Activation function
//===----------------------------------------------------------------------===//

// The numbers are those of FptqActivation (fptq-runtime/Kernels.h), where 0 is none.
def Fptq_ActivationFunction : Fptq_Enum<"ActivationFunction", "function of an epilogue", [
    I32EnumAttrCase<"Silu", 1, "silu">,
    I32EnumAttrCase<"Gelu", 2, "gelu">,
    I32EnumAttrCase<"GeluTanh", 3, "gelu_tanh">]>;

def Fptq_ActivationFunctionAttr : EnumAttr<Fptq_Dialect, Fptq_ActivationFunction, "activation"> {
  let summary = "activation function of an epilogue";
  let description = [{
    - `silu`: `x / (1 + exp(-x))`;
    - `gelu`: `0.5 x (1 + erf(x / sqrt(2)))`;
    - `gelu_tanh`: `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.

    How they are computed, to the bit: (A4), (A5) of docs/PackedLayout.md.
  }];
  let assemblyFormat = "`<` $value `>`";
}

//===----------------------------------------------------------------------===//
// Packed layout
//===----------------------------------------------------------------------===//

def Fptq_LayoutAttr : Fptq_Attr<"Layout", "layout"> {
  let summary = "order of packed weight bytes";
  let description = [{
    Names a layout of docs/PackedLayout.md, for example `#fptq.layout<"x86">`
    (all x86 tiers share one) or `#fptq.layout<"nvptx">`.
  }];
  let parameters = (ins "::mlir::fptq::Layout":$layout);
  let assemblyFormat = "`<` custom<LayoutName>($layout) `>`";
  let extraClassDeclaration = [{
    ::llvm::StringRef getName() const { return layoutName(getLayout()); }
  }];
}

#endif // FPTQ_ATTRS_TD
