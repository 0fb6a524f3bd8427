//===- TMTensor.td - torch-mlir's tm_tensor, to be read --------*- tablegen -*-===//
#ifndef FPTQ_RAISE_TMTENSOR_TD
#define FPTQ_RAISE_TMTENSOR_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def TMTensor_Dialect : Dialect {
  let name = "tm_tensor";
  let cppNamespace = "::mlir::fptq::tm_tensor";
  let summary = "What torch-mlir exports where linalg has no operation";
  let description = [{
    torch-mlir's linalg-on-tensors output holds these operations for `cumsum`, `sort`, `topk`, `index_put` and the like.
    No stock MLIR knows them, so this dialect has their names, their syntax and their verifiers, and one lowering
    (`fptq-import-frontend`) to loops over tensors. It is for reading models: nothing here creates its operations.
  }];
  let extraClassDeclaration = [{
    std::optional<ParseOpHook> getParseOperationHook(StringRef name) const override;
  }];
}

class TMTensor_Op<string mnemonic> : Op<TMTensor_Dialect, mnemonic, [AttrSizedOperandSegments, RecursiveMemoryEffects]> {
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, Variadic<AnyRankedTensor>:$outputs, I64Attr:$dimension);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$region);
  let assemblyFormat = [{
    attr-dict `dimension` `(` $dimension `)` (`ins` `(` $inputs^ `:` type($inputs) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)` $region (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def TMTensor_ScanOp : TMTensor_Op<"scan"> {
  let summary = "Prefix results of a binary function along a dimension";
  let description = [{
    Inclusive: `out[0] = in[0]`, `out[i] = f(out[i-1], in[i])`. Exclusive: `out[0] = accumulator`,
    `out[i] = f(out[i-1], in[i-1])`. The second result is the last of `out`, or the accumulator where there is none.

    Must satisfy: (TM1) the dimension is one of the tensors'; (TM2) types of results are those of outputs;
    (TM3) one input and two outputs, the first of the input's type, the second without the dimension;
    (TM4) a region of two elements that yields one.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, Variadic<AnyRankedTensor>:$outputs, I64Attr:$dimension,
                       BoolAttr:$inclusive);
  let assemblyFormat = [{
    `dimension` `(` $dimension `)` `inclusive` `(` $inclusive `)` attr-dict `ins` `(` $inputs `:` type($inputs) `)`
    `outs` `(` $outputs `:` type($outputs) `)` $region (`->` type($results)^)?
  }];
}

def TMTensor_SortOp : TMTensor_Op<"sort"> {
  let summary = "Tensors sorted together along a dimension";
  let description = [{
    The region gets a pair of elements of each tensor, the one in front first, and says whether they may stay so.
    Elements for which it says so both ways keep their order.

    Must satisfy: (TM1), (TM2); (TM5) no input, and outputs of one shape; (TM6) a region of two elements for each
    output that yields i1.
  }];
}

def TMTensor_TopkOp : TMTensor_Op<"topk"> {
  let summary = "The first elements in an order along a dimension, and where they are";
  let description = [{
    Inserts every element, with its index (the second input, or its position), into the sorted list that the outputs
    begin with; the region gets the new element and one of the list and says whether the new one comes before. Of equal
    elements the one with the lower index does.

    Must satisfy: (TM1), (TM2); (TM7) values, or values and indices, in, values and indices out, all of one shape but
    for the dimension; indices are integers; (TM4).
  }];
}

def TMTensor_ScatterOp : TMTensor_Op<"scatter"> {
  let summary = "Elements or slices of a tensor replaced where indices say";
  let description = [{
    Inputs are updates and a table of indices. Row `n` of the table is a position in the dimensions `dimension_map`
    of the output, zero in the others; `updates[n, ...]` is a window there that spans the last dimensions. Each element
    of the output becomes `f(update, old)`, windows in order. Positions outside the output fail when they are met.

    Must satisfy: (TM2); (TM8) two inputs and an output, indices of rank 2 and integers, as many as updates;
    (TM9) `dimension_map` has a distinct dimension for each column of indices; it and the window cover the output's
    dimensions; (TM4).
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, Variadic<AnyRankedTensor>:$outputs,
                       DenseI64ArrayAttr:$dimension_map, DefaultValuedAttr<BoolAttr, "true">:$unique_indices);
  let assemblyFormat = [{
    attr-dict `unique_indices` `(` $unique_indices `)` (`ins` `(` $inputs^ `:` type($inputs) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)` $region (`->` type($results)^)?
  }];
}

def TMTensor_YieldOp : Op<TMTensor_Dialect, "yield", [Pure, Terminator]> {
  let summary = "Ends a region of tm_tensor";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
}

#endif // FPTQ_RAISE_TMTENSOR_TD
