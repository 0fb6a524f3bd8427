//===- Passes.td - linears out of linalg -----------------------*- tablegen -*-===//
#ifndef FPTQ_RAISE_PASSES_TD
#define FPTQ_RAISE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqRaisePass : Pass<"fptq-raise", "::mlir::ModuleOp"> {
  let summary = "Find linear layers in linalg on tensors";
  let description = [{
    A linalg op that contracts a float activation with a *constant chain* (docs/Architecture.md) becomes
    a `fptq.linear`, whatever its name: matmul with any indexing maps, batch_matmul with a broadcast or
    unit batch, contract, matvec, vecmat, contraction-shaped generics with the weight on either side.
    Which loops of the weight are N and K decides, so transpositions and broadcasts of the weight are
    looked through; the result and the activation are transposed only where the op itself does. A bias
    added afterwards, through any broadcasts and before or after reshapes, is taken in.

    A contraction that is no linear with a constant weight stays as it is, with a remark that says why:
    two activations (attention), an integer accumulator, a weight that differs along the batch.

    Layers are named by their weight. `names` (default: none) is a JSON object from a weight's name in
    the file to the layer's: frontends that number their blobs lose names.
  }];
  let options = [Option<"names", "names", "std::string", "\"\"", "JSON file: weight name to layer name">];
  let dependentDialects = ["::mlir::fptq::FptqDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

#endif // FPTQ_RAISE_PASSES_TD
