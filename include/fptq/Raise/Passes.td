//===- Passes.td - linears out of linalg -----------------------*- tablegen -*-===//
#ifndef FPTQ_RAISE_PASSES_TD
#define FPTQ_RAISE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqImportFrontendPass : Pass<"fptq-import-frontend", "::mlir::ModuleOp"> {
  let summary = "Bring what frontends write beside linalg to linalg, tensors and loops";
  let description = [{
    - `tosa`: upstream's own passes (tosa-to-linalg and its companions), where there is such an operation.
    - `tm_tensor` (torch-mlir: cumsum, sort, topk, index_put): scan, sort, topk and scatter become loops over
      tensors. Sorting is stable and takes n log n steps. An index of a scatter that is outside the tensor fails when it
      is met, by `cf.assert`, as torch-mlir's own gathers do.
    - `stablehlo` and `chlo` (jax): what `--stablehlo-legalize-to-linalg` leaves, that is `while`, `if`, `case`, `sort`,
      `scatter`, `optimization_barrier`; `square`, `erf`, `erfc`, `top_k`. Control flow becomes `scf`, the sorts
      (stable, too) and scatters loops over tensors; an update outside of the tensor is left out, as XLA does.
    - `ml_program.global_load` of a global that is not mutable is `global_load_const`.
    - `linalg.softmax`, `linalg.pack` and `linalg.unpack` are upstream's decompositions of them; tiles whose size is not
      known are an error.
    - What a contraction computes of its weight or of its input in its own body (`sum += x * (w * scale)`, a sign, a
      cast) becomes a generic before it, and one with several sums becomes one for each. Factors may then be rounded in
      another order.

    Operations that this project does not read (of StableHLO, torch, ONNX, IREE) are errors that say what to lower them
    with. All else is left as it is. `fptq-raise`, `fptq-quantize-pipeline` and the pipelines of the
    targets begin with this pass.
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::ml_program::MLProgramDialect", "::mlir::linalg::LinalgDialect"];
}

def FptqUnrollLayersPass : Pass<"fptq-unroll-layers", "::mlir::ModuleOp"> {
  let summary = "Unroll loops over stacked layers";
  let description = [{
    A model may hold its layers as one (flax's `nn.scan`, `jax.lax.scan`): a loop whose body takes its weights from
    stacks of all layers' weights, by the loop's counter. A loop of that kind, with a constant number of trips, is
    unrolled completely, so that each layer has constant weights, hence a name, a profile and a policy of its own. Equal
    layers are one function again in the compiled code (`fptq-outline-repeats`).

    `scf.while` loops that count are made `scf.for` first. All other loops stay: of generation, over time steps (the
    weights are the same in each), and, with a remark, one that would become more than `max-operations`.
  }];
  let options = [Option<"maxOperations", "max-operations", "int64_t", "200000",
                        "of an unrolled loop (default 200000)">];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def FptqImportQuantPass : Pass<"fptq-import-quant", "::mlir::ModuleOp"> {
  let summary = "Take over what other tools have quantized";
  let description = [{
    A weight of a contraction that is `scale * (codes - zero point)` of constants becomes `fptq.dequantize`: bit for
    bit the same floats. It may be spelled with `!quant.uniform` types (per tensor, per axis, sub-channel; `quant.scast`
    of integers, or `quant.qcast` of floats, rounded half to even) or as arithmetic in any number of linalg ops, with
    groups along K made by reshapes or index maps (docs/Frontends.md, "Quantized models"). f16 and bf16 results count
    as their codes: the product is no longer rounded to 16 bits.

    `quant.dcast` of a `quant.qcast` of an activation becomes the same in arithmetic, which `fptq-raise` takes for the
    static scale of the linear behind it. Run this before `canonicalize`, which folds such pairs away.

    What starts from constant integers but fits no form is an error that names the weight; with `strict=false` a remark.
    Casts around an activation that is not quantized with one scale for the whole tensor are an error either way:
    nothing behind this pass lowers them.
  }];
  let options = [Option<"strict", "strict", "bool", "true", "what cannot be taken over is an error (default true)">];
  let dependentDialects = ["::mlir::fptq::FptqDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def FptqFoldWeightsPass : Pass<"fptq-fold-weights", "::mlir::ModuleOp"> {
  let summary = "Compute weights that a model makes of constants";
  let description = [{
    A contraction's operand that is made of nothing but constants (weight_norm, a LoRA that was not merged, a scale,
    parts put together by `tensor.concat` or `tensor.insert_slice`) is computed by compiled code, on the machine that
    compiles, and becomes a constant: called like the largest one in it that has a name (with `.computed` behind, where
    a layer uses that one itself), and with the numbers that the model itself would compute in every call. Functions
    that compute the same weight get the same constant.

    What came as integer codes is left to `fptq-import-quant`. Left alone, too, are products of two constants, what has
    one input channel (rotary frequencies), and, with a remark, what cannot be compiled, which costs no other weight:
    `fptq-raise`, which runs this pass first, warns of such a layer.
  }];
}

def FptqRaisePass : Pass<"fptq-raise", "::mlir::ModuleOp"> {
  let summary = "Find linear layers and table lookups in linalg on tensors";
  let description = [{
    A linalg op that contracts a float activation with a *constant chain* (docs/Architecture.md) becomes
    a `fptq.linear`, whatever its name: matmul with any indexing maps, batch_matmul with a broadcast or
    unit batch, contract, matvec, vecmat, contraction-shaped generics with the weight on either side.
    Which loops of the weight are N and K decides, so transpositions and broadcasts of the weight are
    looked through; the result and the activation are transposed only where the op itself does. A bias
    added afterwards, through any broadcasts and before or after reshapes, is taken in.

    A convolution is a contraction too. Windows side by side are a view: a kernel of size 1 (a stride leaves pixels
    out), or one as large as the stride (patches; K is what one of them has). Windows that overlap or have gaps are
    copied, channels last, up to 256 MiB. The bias its accumulator starts from is the linear's.

    A contraction with a constant stack of weights, one for each place of a batch or one that each token picks by an
    index, becomes a loop over them (`scf.for`, `scf.index_switch`) and a `fptq.linear` for each: mixtures of experts.
    Picked experts get the rows of their own tokens, sorted before and brought back behind; `cf.assert` checks ids.

    A contraction that is no linear with a constant weight stays as it is, with a remark that says why (a warning where
    it is a layer all the same, whose weight is not known before the model runs or is multiplied with more than the
    input): two activations (attention), an integer accumulator, one input channel (frequencies times positions), a
    weight that differs along the batch and is small (depthwise convolutions).

    Rows of a constant table that are looked up by ids (`tensor.extract` in a generic, `tensor.gather`) become a
    `fptq.lookup`, called like the table and `.lookup`. What the model does about ids outside of the table, an assert or
    a clamp, is kept before it.

    An input that the model itself quantizes and dequantizes, symmetrically to 8 bits with one scale for the tensor
    (as PyTorch's PT2E exports it), makes the linear static with exactly that scale: `policy` and `range` are set, and
    kept by the next stages unless a recipe's rule or the run's policy says otherwise. With a zero point only its range
    is kept.

    What frontends write beside linalg is brought to linalg first (`fptq-import-frontend`), loops over stacked layers
    are unrolled (`fptq-unroll-layers`), and weights that are computed from constants are computed
    (`fptq-fold-weights`).

    Layers are named by their weight. `names` (default: none) is a JSON object from a weight's name in
    the file to the layer's: frontends that number their blobs lose names.
  }];
  let options = [Option<"names", "names", "std::string", "\"\"",
                        "JSON file: weight name to layer name; default none">];
  let dependentDialects = ["::mlir::fptq::FptqDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

#endif // FPTQ_RAISE_PASSES_TD
