//===- StableHLO.td - what lowering StableHLO leaves of it -----*- tablegen -*-===//
#ifndef FPTQ_RAISE_STABLEHLO_TD
#define FPTQ_RAISE_STABLEHLO_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def StableHLO_Dialect : Dialect {
  let name = "stablehlo";
  let cppNamespace = "::mlir::fptq::stablehlo";
  let summary = "What `--stablehlo-legalize-to-linalg` leaves";
  let description = [{
    StableHLO's lowering to linalg takes all operations but control flow, `sort`, `scatter` and `optimization_barrier`;
    it lowers what stands in their regions. So these have their names, their syntax and their verifiers here, and one
    lowering (`fptq-import-frontend`), to `scf` and loops over tensors. It is for reading models: nothing here
    creates its operations. All others are refused with what lowers them.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    std::optional<ParseOpHook> getParseOperationHook(StringRef name) const override;
    Type parseType(DialectAsmParser &parser) const override;
  }];
}

class StableHLO_Op<string mnemonic, list<Trait> traits = []> : Op<StableHLO_Dialect, mnemonic, traits>;

def StableHLO_WhileOp : StableHLO_Op<"while", [RecursiveMemoryEffects]> {
  let summary = "A loop that carries tensors";
  let description = [{
    `body` of what is carried, as long as `cond` of it holds.

    Must satisfy: (SH1) both regions take tensors of the operands' types, `cond` returns one tensor of i1, `body` and
    the loop what is carried.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inits);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$cond, SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def StableHLO_IfOp : StableHLO_Op<"if", [RecursiveMemoryEffects]> {
  let summary = "One of two branches";
  let description = [{
    Must satisfy: (SH2) a branch takes nothing and returns what the operation does.
  }];
  let arguments = (ins 0DTensorOf<[I1]>:$pred);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$trueBranch, SizedRegion<1>:$falseBranch);
  let hasVerifier = 1;
}

def StableHLO_CaseOp : StableHLO_Op<"case", [RecursiveMemoryEffects]> {
  let summary = "One of several branches, the last one for an index that has none";
  let description = [{
    Must satisfy: (SH2); (SH3) there is a branch.
  }];
  let arguments = (ins 0DTensorOf<[I32]>:$index);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region VariadicRegion<SizedRegion<1>>:$branches);
  let hasVerifier = 1;
}

def StableHLO_SortOp : StableHLO_Op<"sort", [RecursiveMemoryEffects]> {
  let summary = "Tensors sorted together along a dimension";
  let description = [{
    The region gets a pair of elements of each tensor and says whether the first comes before the second. Sorted stably,
    whether that is asked for or not.

    Must satisfy: (SH4) tensors of one shape, of which `dimension` is one (from the end, if negative), and results of
    their types; (SH5) the region takes two elements of each and returns one i1, as tensors of rank 0.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, DefaultValuedAttr<I64Attr, "-1">:$dimension,
                       DefaultValuedAttr<BoolAttr, "false">:$is_stable);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$comparator);
  let hasVerifier = 1;
}

def StableHLO_ScatterDimensionNumbersAttr : AttrDef<StableHLO_Dialect, "ScatterDimensionNumbers"> {
  let mnemonic = "scatter";
  let summary = "Which dimensions of a scatter's operands belong together";
  let parameters = (ins ArrayRefParameter<"int64_t">:$updateWindowDims, ArrayRefParameter<"int64_t">:$insertedWindowDims,
                        ArrayRefParameter<"int64_t">:$inputBatchingDims,
                        ArrayRefParameter<"int64_t">:$scatterIndicesBatchingDims,
                        ArrayRefParameter<"int64_t">:$scatterDimsToOperandDims, "int64_t":$indexVectorDim);
  let hasCustomAssemblyFormat = 1;
}

def StableHLO_ScatterOp : StableHLO_Op<"scatter", [RecursiveMemoryEffects]> {
  let summary = "Windows of a tensor combined with updates where indices say";
  let description = [{
    Each element of `updates` is combined with the one of `input` it belongs to, in order. An update whose window
    reaches out of the input is left out, as XLA does.

    Must satisfy: (SH6) dimensions that are distinct, ascending where they are windows, in range, and that cover the
    input's and the updates'; sizes that fit; (SH7) the region takes an element of the input and one of the updates and
    returns one, as tensors of rank 0.
  }];
  // Of several tensors at once no export was seen.
  let arguments = (ins AnyRankedTensor:$input, TensorOf<[AnyInteger]>:$scatter_indices, AnyRankedTensor:$updates,
                       StableHLO_ScatterDimensionNumbersAttr:$scatter_dimension_numbers,
                       DefaultValuedAttr<BoolAttr, "false">:$indices_are_sorted,
                       DefaultValuedAttr<BoolAttr, "false">:$unique_indices);
  let results = (outs AnyRankedTensor:$result);
  let regions = (region SizedRegion<1>:$update_computation);
  let hasVerifier = 1;
}

def StableHLO_OptimizationBarrierOp : StableHLO_Op<"optimization_barrier", [Pure]> {
  let summary = "Its operands";
  let arguments = (ins Variadic<AnyRankedTensor>:$operands);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "attr-dict $operands `:` custom<SameTypes>(type($operands), type($results))";
}

def StableHLO_ReturnOp : StableHLO_Op<"return", [Pure, Terminator]> {
  let summary = "Ends a region of stablehlo";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
}

#endif // FPTQ_RAISE_STABLEHLO_TD
