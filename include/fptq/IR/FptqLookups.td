//===- FptqLookups.td - rows of tables, in the three forms ----*- tablegen -*-===//
//
// The end of FptqOps.td, whose classes these operations have.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LOOKUPS_TD
#define FPTQ_LOOKUPS_TD

def Fptq_LookupOp : Fptq_Op<"lookup", [NoMemoryEffect, Fptq_LayerOpInterface,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "Rows of a constant table";
  let description = [{
    `result[m, d] = table[ids[m], d]`, widened to the result's element type: the embedding of tokens. As with
    `tensor.extract`, an id outside of the table is undefined behaviour; what a model does against it (an assert, a
    clamp) stands before the op, which therefore is not moved out of a loop or a branch.

    `layer` is the table's name and `.lookup`: a head that is tied to the table is a layer of its own. The policy stage
    sets `reason`, and `scheme` where a rule of the recipe asks for 4 bits.

    Must satisfy:
    - (LK1) the result is M x D, for M ids and rows of D elements;
    - (LK2) its elements are those of the table, or wider.

    Example:
    ```mlir
    %x = fptq.lookup %ids, %table layer("model.embed_tokens.lookup")
      : (tensor<?xindex>, tensor<32000x4096xf16>) -> tensor<?x4096xf32>
    ```
  }];
  let arguments = (ins
    1DTensorOf<[Index]>:$ids,
    2DTensorOf<[Fptq_Float]>:$table,
    StrAttr:$layer,
    OptionalAttr<StrAttr>:$reason,
    OptionalAttr<Fptq_SchemeAttr>:$scheme);
  let results = (outs 2DTensorOf<[Fptq_Float]>:$result /*LK1 LK2*/);
  let assemblyFormat = [{
    $ids `,` $table `layer` `(` $layer `)` attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getRows() { return getTable().getType().getDimSize(0); }
    int64_t getChannels() { return getTable().getType().getDimSize(1); }
    LayerKind getLayerKind() { return LayerKind::Lookup; }
    int64_t getWeightRows() { return getRows(); }
    int64_t getWeightColumns() { return getChannels(); }
    Value getFloatWeight() { return getTable(); }
  }];
}

def Fptq_QuantizedLookupOp : Fptq_DestinationOp<"quantized_lookup", [Fptq_LayerOpInterface]> {
  let summary = "Rows of a table of 4-bit codes, in portable form";
  let description = [{
    The rows of `fptq.lookup`, each element made where it is read: with `n = ids[m]`, `g = d / group_size`, in f32 and
    rounded once,

    ```
    group:     result[m,d] = scales[n,g] * (codes[n,d] - zeros[n,g])               (zero point 8 when symmetric)
    two_level: result[m,d] = scales[n] * (codes[n,d] * multipliers[n,g] + zeros[n,g] - 128)
    ```
    Only rows that are asked for are read. Codes are in the order of `fptq.quantized_matmul`; a head that is tied to the
    table shares them.

    Must satisfy, with G groups of a row of D elements:
    - (QL1) `codes`, `scales`, `zeros` and `multipliers` are as (QM1) and (QM2) ask for N = the table's rows;
    - (QL2) the result is M x D, for M ids; D is static.
  }];
  let arguments = (ins
    Fptq_Shaped<[Index]>:$ids,
    Fptq_Shaped<[I8]>:$codes, Fptq_Shaped<[F32, F16]>:$scales,
    Optional<Fptq_Shaped<[I8]>>:$zeros, Optional<Fptq_Shaped<[I8]>>:$multipliers /*QL1*/,
    Fptq_Shaped<[F32]>:$init /*QL2*/,
    Fptq_SchemeAttr:$scheme, StrAttr:$layer);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $scheme `layer` `(` $layer `)` `ins` `(` $ids `:` type($ids) `)`
    `weights` `(` $codes `,` $scales `:` type($codes) `,` type($scales) `)`
    (`zeros` `(` $zeros^ `:` type($zeros) `)`)?
    (`multipliers` `(` $multipliers^ `:` type($multipliers) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    int64_t getRows() { return cast<ShapedType>(getCodes().getType()).getDimSize(0); }
    int64_t getChannels() { return cast<ShapedType>(getInit().getType()).getDimSize(1); }
    LayerKind getLayerKind() { return LayerKind::Lookup; }
    int64_t getWeightRows() { return getRows(); }
    int64_t getWeightColumns() { return getChannels(); }
  }];
}

def Fptq_PackedLookupOp : Fptq_DestinationBase<"packed_lookup", [Fptq_LayerOpInterface]> {
  let summary = "Rows of a packed table of 4-bit codes";
  let description = [{
    `fptq.quantized_lookup` of a table of `rows` rows in a layout: that of products, so that a tied head and its
    embedding are one string of bytes.

    Must satisfy:
    - (PL1) `packed` has exactly the bytes the layout needs for N = `rows`, K = D and the scheme; their number is
      static;
    - (PL2) the result is M x D, for M ids; D is static.
  }];
  let arguments = (ins
    Fptq_Shaped<[Index]>:$ids, Fptq_Shaped<[I8]>:$packed /*PL1*/, Fptq_Shaped<[F32]>:$init /*PL2*/,
    Fptq_SchemeAttr:$scheme, Fptq_LayoutAttr:$layout, I64Attr:$rows, StrAttr:$layer);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $scheme $layout `rows` `(` $rows `)` `layer` `(` $layer `)` `ins` `(` $ids `:` type($ids) `)`
    `weights` `(` $packed `:` type($packed) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    int64_t getChannels() { return cast<ShapedType>(getInit().getType()).getDimSize(1); }
    LayerKind getLayerKind() { return LayerKind::Lookup; }
    int64_t getWeightRows() { return getRows(); }
    int64_t getWeightColumns() { return getChannels(); }
  }];
}

#endif // FPTQ_LOOKUPS_TD
