//===- Passes.td - the equalization stage ---------------------*- tablegen -*-===//
#ifndef FPTQ_EQUALIZE_PASSES
#define FPTQ_EQUALIZE_PASSES

include "mlir/Pass/PassBase.td"

def FptqEqualizePass : Pass<"fptq-equalize", "ModuleOp"> {
  let summary = "Move the channel ranges of equalized layers into their weights";
  let description = [{
    For each group of layers of policy `equalized` that read one value (q, k
    and v; gate and up) chooses one scale s a channel from `channel_absmax`,
    multiplies the columns of their weights by it (`fptq.scale_channels %w, %s
    dim(1)`, evaluated when the weight is quantized) and divides their input:

    | formula       | s_j                                        | source                    |
    |---------------|--------------------------------------------|---------------------------|
    | `lae`         | `m_j / log2(2 + m_j)`                      | FPTQ, arXiv 2308.15987    |
    | `smoothquant` | `m_j^alpha / max_n abs(W_nj)^(1 - alpha)`  | arXiv 2211.10438          |

    with m_j the largest `|x_j|` that a layer of the group saw; 1 where m_j = 0.

    The division is done at compile time where that is exact: in the gamma (and
    beta) of a norm, or in the rows and bias of the linear layer that made the
    input, through attention and gated activations. The rules (E1) to (E7) are
    in docs/Equalization.md. Elsewhere it stays as `fptq.scale_channels %x, 1/s`
    before the layer and becomes the multiplier of its quantize step. A remark
    says for each layer what became of it, and why.

    `range` and `channel_absmax` of the layers afterwards describe the divided
    input. A layer whose weight columns are scaled already is left alone.

    Errors: an equalized layer without `channel_absmax`, a gamma or weight with
    NaN or infinity. With `strict=false` the first is left alone, with a remark.
  }];
  let dependentDialects = ["::mlir::fptq::FptqDialect", "::mlir::arith::ArithDialect"];
  let options = [
    Option<"formula", "formula", "std::string", /*default=*/"\"lae\"", "lae or smoothquant; default lae">,
    Option<"alpha", "alpha", "double", /*default=*/"0.5",
           "smoothquant: how much of the range moves into the weights, 0 to 1; default 0.5">,
    Option<"minScale", "min-scale", "double", /*default=*/"0",
           "smallest scale; 1 never amplifies a channel; default 0">,
    Option<"strict", "strict", "bool", /*default=*/"true",
           "fail where an equalized layer cannot be equalized; default true">
  ];
  let statistics = [
    Statistic<"numFolded", "folded", "layers whose input is divided at compile time">,
    Statistic<"numMultiplied", "multiplied", "layers whose input is divided in the quantize step">
  ];
}

def FptqLowerScaleChannelsPass : Pass<"fptq-lower-scale-channels"> {
  let summary = "Turn fptq.scale_channels into linalg.generic";
  let description = [{
    For float code: each remaining `fptq.scale_channels`, on an activation or on
    a weight, becomes an elementwise product in f32, rounded once to the
    tensor's element type.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // FPTQ_EQUALIZE_PASSES
