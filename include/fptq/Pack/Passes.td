//===- Passes.td - codes to a layout ---------------------------*- tablegen -*-===//
#ifndef FPTQ_PACK_PASSES_TD
#define FPTQ_PACK_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqPackPass : Pass<"fptq-pack", "::mlir::ModuleOp"> {
  let summary = "Bring 4-bit weights into a target's layout";
  let description = [{
    Each `fptq.quantized_matmul` becomes a `fptq.packed_matmul`, its constant codes, scales and zero
    points packed now into one string of bytes (docs/PackedLayout.md), shared by all calls of a layer;
    a `fptq.quantized_lookup` becomes a `fptq.packed_lookup` in the same way, with the bytes of the products that have
    its codes (a tied head);
    `fptq.quantize_activations` pads its groups as the layout asks. `layout` (default: x86) is x86 or
    nvptx. Two-level weights whose `15 a + b` exceeds 255 or whose `a` is outside 1..16 are errors.
  }];
  let options = [Option<"layout", "layout", "std::string", "\"x86\"", "x86 or nvptx; default x86">];
  let dependentDialects = ["::mlir::fptq::FptqDialect", "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

#endif // FPTQ_PACK_PASSES_TD
