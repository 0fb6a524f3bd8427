//===- CHLO.td - what lowering StableHLO leaves of CHLO --------*- tablegen -*-===//
#ifndef FPTQ_RAISE_CHLO_TD
#define FPTQ_RAISE_CHLO_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def CHLO_Dialect : Dialect {
  let name = "chlo";
  let cppNamespace = "::mlir::fptq::chlo";
  let summary = "What jax writes beside StableHLO";
  let description = [{
    jax writes `jnp.var`, so every LayerNorm, the exact GELU and `lax.top_k` with operations of CHLO, for which
    torch-mlir-opt has no lowering. These have their names and their syntax here, and a lowering
    (`fptq-import-frontend`) to `arith`, `math` and loops over tensors. For reading models: nothing here creates them.
  }];
  let extraClassDeclaration = [{
    std::optional<ParseOpHook> getParseOperationHook(StringRef name) const override;
  }];
}

class CHLO_Unary<string mnemonic, Type elements> : Op<CHLO_Dialect, mnemonic, [Pure, SameOperandsAndResultType]> {
  let arguments = (ins RankedTensorOf<[elements]>:$operand);
  let results = (outs RankedTensorOf<[elements]>:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `->` type($result)";
}

def CHLO_SquareOp : CHLO_Unary<"square", AnyTypeOf<[AnyFloat, AnySignlessInteger]>> {
  let summary = "x * x";
}
def CHLO_ErfOp : CHLO_Unary<"erf", AnyFloat> {
  let summary = "Error function";
}
def CHLO_ErfcOp : CHLO_Unary<"erfc", AnyFloat> {
  let summary = "1 - erf(x)";
}

def CHLO_TopKOp : Op<CHLO_Dialect, "top_k", [Pure]> {
  let summary = "The k largest elements of each line, the largest first, and where they are";
  let description = [{
    Of equal ones the first comes first; NaN is larger than all numbers.

    Must satisfy: (CH1) the last dimension of the operand has at least k elements, and that of the results k.
  }];
  let arguments = (ins RankedTensorOf<[AnyFloat, AnySignlessInteger]>:$operand, I64Attr:$k);
  let results = (outs AnyRankedTensor:$values, RankedTensorOf<[AnySignlessInteger]>:$indices);
  let assemblyFormat = [{
    `(` $operand `,` `k` `=` $k `)` attr-dict `:` type($operand) `->` `(` type($values) `,` type($indices) `)`
  }];
  let hasVerifier = 1;
}

#endif // FPTQ_RAISE_CHLO_TD
