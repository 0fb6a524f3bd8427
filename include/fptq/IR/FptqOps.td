//===- FptqOps.td - operations --------------------------------*- tablegen -*-===//
#ifndef FPTQ_OPS_TD
#define FPTQ_OPS_TD

include "fptq/IR/FptqAttrs.td"
include "fptq/IR/LayerOpInterface.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Fptq_Op<string mnemonic, list<Trait> traits = []>
    : Op<Fptq_Dialect, mnemonic, traits>;

def Fptq_Float : AnyTypeOf<[F32, F16, BF16], "f32, f16 or bf16">;
def Fptq_FloatTensor : RankedTensorOf<[Fptq_Float]>;

// After bufferization the destination-style ops hold memrefs instead of tensors.
class Fptq_Shaped<list<Type> elements> : AnyTypeOf<[RankedTensorOf<elements>, MemRefOf<elements>]>;

//===----------------------------------------------------------------------===//
// Float form
//===----------------------------------------------------------------------===//

class Fptq_FloatOp<string mnemonic, list<Trait> traits = []> : Fptq_Op<mnemonic, !listconcat(traits,
    [Pure, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>])>;

def Fptq_LinearOp : Fptq_FloatOp<"linear", [Fptq_LayerOpInterface]> {
  let summary = "Linear layer with a constant weight";
  let description = [{
    `result[..., n] = sum_k x[..., k] * weight[n, k] + bias[n]`, computed in f32
    and rounded once to the result's element type. `layer` is the name recipes and profiles match on;
    it is unique in a module except where one weight serves several calls.

    `range` and `channel_absmax` (one `max |x_k|` a channel) come from the
    profile, `policy` and `scheme` from the policy stage.

    Must satisfy:
    - (L1) the last dimension of `x` equals dimension 1 of `weight` (K);
    - (L2) the last dimension of the result equals dimension 0 of `weight` (N),
      its other dimensions those of `x`;
    - (L3) `bias`, if any, has N elements;
    - (L4) `channel_absmax`, if any, has K elements, each finite and >= 0;
    - (L5) neither N nor K is 0: a product with nothing stays in linalg.

    Example:
    ```mlir
    %y = fptq.linear %x, %w bias(%b) layer("model.layers.0.self_attn.q_proj")
      : (tensor<?x256xf32>, tensor<768x256xf16>, tensor<768xf32>) -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins
    Fptq_FloatTensor:$x /*L1*/,
    2DTensorOf<[Fptq_Float]>:$weight /*L1 L2 L5*/,
    Optional<1DTensorOf<[Fptq_Float]>>:$bias /*L3*/,
    StrAttr:$layer,
    OptionalAttr<Fptq_RangeAttr>:$range,
    OptionalAttr<ElementsAttr>:$channel_absmax /*L4*/,
    OptionalAttr<Fptq_PolicyAttr>:$policy,
    OptionalAttr<Fptq_SchemeAttr>:$scheme);
  let results = (outs Fptq_FloatTensor:$result);
  let assemblyFormat = [{
    $x `,` $weight (`bias` `(` $bias^ `)`)? `layer` `(` $layer `)` attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getInputChannels() { return getWeight().getType().getDimSize(1); }
    int64_t getOutputChannels() { return getWeight().getType().getDimSize(0); }
    int64_t getWeightRows() { return getOutputChannels(); }
    int64_t getWeightColumns() { return getInputChannels(); }
    Value getFloatWeight() { return getWeight(); }
  }];
}

def Fptq_ObserveOp : Fptq_Op<"observe", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Record the range of a layer's input while calibrating";
  let description = [{
    Hands every row of `x` to the observers of `layer`. Inserted by
    `fptq-insert-observers`, lowered to a call of the runtime. It has no result,
    so nothing depends on it, and two effects: it writes what the runtime keeps,
    so that nothing folds it away, and reads `x` where that is a buffer.

    Must satisfy: (OB1) `x` has a dimension of channels, its last.

    Example:
    ```mlir
    fptq.observe %x layer("model.layers.0.self_attn.q_proj") : tensor<?x256xf32>
    ```
  }];
  let arguments = (ins Fptq_Shaped<[Fptq_Float]>:$x /*OB1*/, StrAttr:$layer);
  let assemblyFormat = "$x `layer` `(` $layer `)` attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def Fptq_ScaleChannelsOp : Fptq_FloatOp<"scale_channels", [AllTypesMatch<["input", "result"]>]> {
  let summary = "Multiply along one dimension by a vector";
  let description = [{
    `result[..., j, ...] = input[..., j, ...] * scales[j]`, `j` at dimension
    `dim`. Equalization inserts a pair: `1/s` on a linear's input and `s` on the
    columns of its weight; the first is folded upwards into the producer where
    that is legal, the second is evaluated when the weight is quantized.

    Must satisfy:
    - (SC1) `0 <= dim < rank(input)`;
    - (SC2) `scales` has as many elements as dimension `dim` of `input`.

    Example:
    ```mlir
    %x1 = fptq.scale_channels %x, %inverse dim(1) : tensor<?x256xf32>, tensor<256xf32>
    ```
  }];
  let arguments = (ins
    Fptq_FloatTensor:$input,
    1DTensorOf<[F32]>:$scales /*SC2*/,
    I64Attr:$dim /*SC1*/);
  let results = (outs Fptq_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $scales `dim` `(` $dim `)` attr-dict `:` type($input) `,` type($scales)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Fptq_DequantizeOp : Fptq_Op<"dequantize", [Pure, AttrSizedOperandSegments]> {
  let summary = "A weight as another tool stored it: codes and scales";
  let description = [{
    What importers of quantized checkpoints (GGUF, GPTQ, AWQ, compressed-tensors) put where a float weight
    would be. With `g = k / group_size`, in f32, each step rounded once:

    ```
    W[n,k] = scales[n,g] * (codes[n,k] - zeros[n,g]) + offsets[n,g]
    ```
    With `bits(4)` the codes are in the order of `fptq.quantized_matmul`, and the zero point is 8 without
    `zeros` (0 with `offsets`). With `bits(8)` they are signed bytes with zero point 0.

    All operands are constants. The float model evaluates it; the quantize stage takes the codes as they are,
    unless a recipe asks for another method. No `fptq.linear` over one is equalized: that would change the codes.

    Must satisfy, for a result of N x K and G groups:
    - (DQ1) `bits` is 4 or 8, and `group_size` divides K, which is known;
    - (DQ2) `codes` is N x ceil(K / 2) for 4 bits, N x K for 8;
    - (DQ3) `scales`, and `zeros` or `offsets` if any, are N x G; 8 bits have neither, 4 bits not both.

    Example:
    ```mlir
    %w = fptq.dequantize %codes, %scales bits(4) group_size(32)
      : (tensor<768x128xi8>, tensor<768x8xf16>) -> tensor<768x256xf32>
    ```
  }];
  let arguments = (ins
    2DTensorOf<[I8]>:$codes /*DQ2*/, 2DTensorOf<[F32, F16]>:$scales,
    Optional<2DTensorOf<[I8]>>:$zeros, Optional<2DTensorOf<[F32, F16]>>:$offsets /*DQ3*/,
    I64Attr:$bits, I64Attr:$group_size /*DQ1*/);
  let results = (outs 2DTensorOf<[F32]>:$result);
  let assemblyFormat = [{
    $codes `,` $scales (`zeros` `(` $zeros^ `)`)? (`offsets` `(` $offsets^ `)`)?
    `bits` `(` $bits `)` `group_size` `(` $group_size `)` attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Integer form
//===----------------------------------------------------------------------===//

class Fptq_DestinationBase<string mnemonic, list<Trait> traits> : Fptq_Op<mnemonic,
    !listconcat(traits, [DestinationStyleOpInterface,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
     DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>])>;

class Fptq_DestinationOp<string mnemonic, list<Trait> traits = []> : Fptq_DestinationBase<mnemonic,
    !listconcat(traits, [AttrSizedOperandSegments])>;

// On tensors they may run where the program would not have come, as linalg's may. Lookups may not: an assert or a branch
// that keeps ids inside of the table must come first.
def Fptq_SpeculatedOnTensors : DeclareOpInterfaceMethods<ConditionallySpeculatable>;
def Fptq_NamedResults : DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>;

def Fptq_QuantizeActivationsOp : Fptq_DestinationOp<"quantize_activations",
    [Fptq_SpeculatedOnTensors, Fptq_NamedResults]> {
  let summary = "Quantize rows to int8, with scales and group sums";
  let description = [{
    For each row (token) `t` of `x`, with `m = multiplier` (all 1 without one):

    ```
    scale[t]   = static_scale                       if given
               = max_k |x[t,k] * m[k]| / 127        otherwise (1 for an all-zero row)
    q[t,k']    = clamp(roundeven(x[t,k] * m[k] / scale[t]), -127, 127)
    sums[t,g]  = sum of q over group g
    ```

    Groups of `group_size` input channels (0: one group) are stored in
    `padded_group_size` columns of `q` each; `k'` skips the padding, which is
    zero. -128 is never produced: exact int16 accumulation on AVX2 depends on
    it. The quotient is a multiplication by `1/scale[t]`, rounded once, so that
    every target agrees to the bit. A NaN in a row makes `scale[t]` NaN (and
    with it the row's outputs); its codes are 0.

    Must satisfy, with G the number of groups:
    - (QA1) `q` is M x (G * padded_group_size), `scales` M, `sums` M x G;
    - (QA2) `padded_group_size >= group_size`, and G = ceil(K / group_size), for K > 0 channels;
    - (QA3) `multiplier`, if any, has K elements.

    Example:
    ```mlir
    %q, %s, %t = fptq.quantize_activations group_size(128) padded_group_size(128)
      ins(%x : tensor<?x256xf32>)
      outs(%q0, %s0, %t0 : tensor<?x256xi8>, tensor<?xf32>, tensor<?x2xi32>)
      -> tensor<?x256xi8>, tensor<?xf32>, tensor<?x2xi32>
    ```
  }];
  let arguments = (ins
    Fptq_Shaped<[Fptq_Float]>:$x,
    Optional<Fptq_Shaped<[F32]>>:$multiplier /*QA3*/,
    Optional<F32>:$static_scale,
    Fptq_Shaped<[I8]>:$q_init, Fptq_Shaped<[F32]>:$scales_init, Fptq_Shaped<[I32]>:$sums_init /*QA1*/,
    I64Attr:$group_size, I64Attr:$padded_group_size /*QA2*/);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `group_size` `(` $group_size `)` `padded_group_size` `(` $padded_group_size `)`
    `ins` `(` $x `:` type($x) `)`
    (`multiplier` `(` $multiplier^ `:` type($multiplier) `)`)?
    (`static_scale` `(` $static_scale^ `)`)?
    `outs` `(` $q_init `,` $scales_init `,` $sums_init `:`
      type($q_init) `,` type($scales_init) `,` type($sums_init) `)`
    attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() {
      return MutableOperandRange(*this, getODSOperandIndexAndLength(3).first, 3);
    }
    int64_t getInputChannels() { return cast<ShapedType>(getX().getType()).getDimSize(1); }
  }];
}

def Fptq_QuantizeRowsOp : Fptq_DestinationOp<"quantize_rows",
    [IsolatedFromAbove, SingleBlock, Fptq_SpeculatedOnTensors, Fptq_NamedResults]> {
  let summary = "Compute rows and quantize them, in one step";
  let description = [{
    `fptq.quantize_activations` together with what computes its rows (a norm, a gated activation), for targets that
    run both as one kernel. The body computes one element of the M x `channels` activations in f32: its arguments are
    the elements of `inputs` that `indexing_maps`, from (row, channel), point at; scalar inputs have a map without
    results. `fptq.row_sum` adds up along the channels of the row. What the body yields is the activation; scales, codes
    and sums follow from it as in `fptq.quantize_activations`.

    Must satisfy, with G the number of groups:
    - (QR1) a map for each input: two dimensions, one result a dimension of the input, each a dimension or 0;
    - (QR2) the body has an argument for each input, of its element type, and yields one f32;
    - (QR3) `q` is M x (G * padded_group_size), `scales` M, `sums` M x G, with G = ceil(channels / group_size) and
      `padded_group_size >= group_size`; a group size of 0 is one group.

    Example (RMSNorm):
    ```mlir
    %q, %s, %t = fptq.quantize_rows channels(256) group_size(128) padded_group_size(128)
      maps [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (k)>]
      ins(%x, %gamma : tensor<?x256xf32>, tensor<256xf32>)
      outs(%q0, %s0, %t0 : tensor<?x256xi8>, tensor<?xf32>, tensor<?x2xi32>) {
    ^bb0(%e: f32, %g: f32):
      %k = arith.constant 256.0 : f32
      %eps = arith.constant 1.0e-5 : f32
      %sum = fptq.row_sum %e * %e : f32
      %mean = arith.divf %sum, %k : f32
      %shifted = arith.addf %mean, %eps : f32
      %r = math.rsqrt %shifted : f32
      %n = arith.mulf %e, %r : f32
      %y = arith.mulf %g, %n : f32
      fptq.yield %y : f32
    } -> tensor<?x256xi8>, tensor<?xf32>, tensor<?x2xi32>
    ```
  }];
  let arguments = (ins
    Variadic<AnyTypeOf<[AnyRankedTensor, AnyMemRef, AnyFloat, AnySignlessInteger]>>:$inputs /*QR2*/,
    Optional<F32>:$static_scale,
    Fptq_Shaped<[I8]>:$q_init, Fptq_Shaped<[F32]>:$scales_init, Fptq_Shaped<[I32]>:$sums_init /*QR3*/,
    AffineMapArrayAttr:$indexing_maps /*QR1*/,
    I64Attr:$channels, I64Attr:$group_size, I64Attr:$padded_group_size /*QR3*/);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `channels` `(` $channels `)` `group_size` `(` $group_size `)` `padded_group_size` `(` $padded_group_size `)`
    `maps` $indexing_maps
    `ins` `(` $inputs `:` type($inputs) `)` (`static_scale` `(` $static_scale^ `)`)?
    `outs` `(` $q_init `,` $scales_init `,` $sums_init `:`
      type($q_init) `,` type($scales_init) `,` type($sums_init) `)`
    attr-dict-with-keyword $body (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() {
      return MutableOperandRange(*this, getODSOperandIndexAndLength(2).first, 3);
    }
    AffineMap getMap(int64_t input) { return cast<AffineMapAttr>(getIndexingMaps()[input]).getValue(); }
    /// Input channels of one group, before padding.
    int64_t getGroupChannels() { return getGroupSize() ? getGroupSize() : getChannels(); }
  }];
}

def Fptq_RowSumOp : Fptq_Op<"row_sum", [Pure, ParentOneOf<["QuantizeRowsOp"]>, SameOperandsAndResultType]> {
  let summary = "The sum along the channels of a row, in an order that every target can follow";
  let description = [{
    The sum of `value`, or of `value * factor`, over all channels of the row (docs/PackedLayout.md, R1): 32
    accumulators start at 0, accumulator `l` takes the channels `k mod 32 = l` in ascending order, a product by fma;
    then each of the first 16, 8, 4, 2, 1 accumulators is added to the one that many further on.

    Example: `%squares = fptq.row_sum %x * %x : f32`
  }];
  let arguments = (ins F32:$value, Optional<F32>:$factor);
  let results = (outs F32:$result);
  let assemblyFormat = "$value (`*` $factor^)? attr-dict `:` type($result)";
}

def Fptq_YieldOp : Fptq_Op<"yield", [Pure, Terminator, ParentOneOf<["QuantizeRowsOp"]>]> {
  let summary = "The value of a body";
  let description = "Ends the body of `fptq.quantize_rows` with the element it computes.";
  let arguments = (ins F32:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def Fptq_QuantizedMatmulOp : Fptq_DestinationOp<"quantized_matmul", [Fptq_LayerOpInterface, Fptq_SpeculatedOnTensors]> {
  let summary = "int8 activations times 4-bit weights, in portable form";
  let description = [{
    The product (docs/PackedLayout.md, "Arithmetic"). `codes` holds two 4-bit codes a
    byte: row n, position p (`p = g * group_size + offset in the group`) in the
    low nibble of byte p/2 for even p, in the high nibble for odd p; a ragged
    last group is filled with codes that stand for zero.

    group scheme:
    ```
    y[t,n] = x_scales[t] * sum_g scales[n,g] * (sum_{k in g} codes*q - zeros[n,g]*x_sums[t,g])
    ```
    two_level scheme (`multipliers` a, `zeros` b, unsigned bytes):
    ```
    y[t,n] = x_scales[t] * scales[n] *
             sum_g (a[n,g] * sum_{k in g} codes*q + (b[n,g] - 128) * x_sums[t,g])
    ```
    Inner sums are int32 and exact. Then the epilogue, each step of it where it is given and rounded once:
    `+ bias[n]`, the activation function, `* multiplicand[t,n]` (the product of a gated linear unit), `+ residual[t,n]`.

    Must satisfy, with G groups (1 for a `group_size` of 0):
    - (QM1) `codes` is N x ceil(G * group_size / 2);
    - (QM2) group: `scales` N x G, no `multipliers`, `zeros` N x G exactly when
      the scheme is asymmetric; two_level: `scales` N, `multipliers` and `zeros` N x G;
    - (QM3) `q` is M x (G * group_size), `x_scales` M, `x_sums` M x G;
    - (QM4) `bias` N, `multiplicand`, `residual` and result M x N;
    - (QM5) `255 * 127 * K < 2^31` (int32 accumulation cannot overflow): K <= 65536.
  }];
  let arguments = (ins
    Fptq_Shaped<[I8]>:$q, Fptq_Shaped<[F32]>:$x_scales, Fptq_Shaped<[I32]>:$x_sums /*QM3*/,
    Fptq_Shaped<[I8]>:$codes /*QM1*/, Fptq_Shaped<[F32, F16]>:$scales,
    Optional<Fptq_Shaped<[I8]>>:$zeros, Optional<Fptq_Shaped<[I8]>>:$multipliers /*QM2*/,
    Optional<Fptq_Shaped<[F32]>>:$bias, Optional<Fptq_Shaped<[F32]>>:$multiplicand,
    Optional<Fptq_Shaped<[F32]>>:$residual,
    Fptq_Shaped<[F32]>:$init /*QM4*/,
    Fptq_SchemeAttr:$scheme, StrAttr:$layer, OptionalAttr<Fptq_ActivationFunctionAttr>:$activation);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $scheme `layer` `(` $layer `)`
    `ins` `(` $q `,` $x_scales `,` $x_sums `:` type($q) `,` type($x_scales) `,` type($x_sums) `)`
    `weights` `(` $codes `,` $scales `:` type($codes) `,` type($scales) `)`
    (`zeros` `(` $zeros^ `:` type($zeros) `)`)?
    (`multipliers` `(` $multipliers^ `:` type($multipliers) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`activation` $activation^)?
    (`multiplicand` `(` $multiplicand^ `:` type($multiplicand) `)`)?
    (`residual` `(` $residual^ `:` type($residual) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    int64_t getNumGroups() { return cast<ShapedType>(getXSums().getType()).getDimSize(1); }
    int64_t getOutputChannels() { return cast<ShapedType>(getInit().getType()).getDimSize(1); }
    /// K without the padding of a ragged last group, which only the quantize step knows; with it where no quantize step
    /// made `q`.
    int64_t getInputChannels();
    int64_t getWeightRows() { return getOutputChannels(); }
    int64_t getWeightColumns() { return getInputChannels(); }
  }];
}

//===----------------------------------------------------------------------===//
// Packed form
//===----------------------------------------------------------------------===//

class Fptq_PackBase<string mnemonic> : Fptq_Op<mnemonic, [Pure, AttrSizedOperandSegments]>;

def Fptq_PackOp : Fptq_PackBase<"pack"> {
  let summary = "Order codes, scales and zero points as a layout says";
  let description = [{
    Operands as in `fptq.quantized_matmul`; `k` is the number of input channels
    before padding. The result is the byte string of docs/PackedLayout.md for
    `layout`. Exact: `fptq.unpack` gives the operands back bit for bit.

    Must satisfy:
    - (PK1) operands agree with `scheme` as in (QM1), (QM2);
    - (PK2) the result has exactly the bytes the layout needs (not checked where N is dynamic);
    - (PK3) in the two-level scheme `1 <= a <= 16` and `15 a + b <= 255`;
    - (PK4) in the group scheme zero points are 0..127.

    Of these `fptq-pack` checks (PK3) and (PK4), where the numbers are known.
  }];
  let arguments = (ins
    RankedTensorOf<[I8]>:$codes, RankedTensorOf<[F32, F16]>:$scales,
    Optional<RankedTensorOf<[I8]>>:$zeros, Optional<RankedTensorOf<[I8]>>:$multipliers,
    Fptq_SchemeAttr:$scheme, Fptq_LayoutAttr:$layout, I64Attr:$k);
  let results = (outs 1DTensorOf<[I8]>:$packed);
  let assemblyFormat = [{
    $scheme $layout `k` `(` $k `)` `weights` `(` $codes `,` $scales `:` type($codes) `,` type($scales) `)`
    (`zeros` `(` $zeros^ `:` type($zeros) `)`)?
    (`multipliers` `(` $multipliers^ `:` type($multipliers) `)`)?
    attr-dict `->` type($packed)
  }];
  let hasVerifier = 1;
}

def Fptq_UnpackOp : Fptq_Op<"unpack", [Pure]> {
  let summary = "Give codes, scales and zero points back from packed bytes";
  let description = [{
    Inverse of `fptq.pack`; results in its operand order, absent ones left out.

    Must satisfy: (UP1) as (PK1), (PK2) with results and operand exchanged, in the element types of `fptq.pack`.
  }];
  let arguments = (ins 1DTensorOf<[I8]>:$packed,
    Fptq_SchemeAttr:$scheme, Fptq_LayoutAttr:$layout, I64Attr:$k);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $scheme $layout `k` `(` $k `)` $packed attr-dict `:` type($packed) `->` type($results)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Fptq_PackedMatmulOp : Fptq_DestinationOp<"packed_matmul", [Fptq_LayerOpInterface, Fptq_SpeculatedOnTensors]> {
  let summary = "int8 activations times packed 4-bit weights";
  let description = [{
    `fptq.quantized_matmul` with its weights in a layout: the form the
    lowerings take. `q` is padded group by group as the layout asks
    (`padded_group_size` of `fptq.quantize_activations`). Whether scales are f32
    or f16 follows from the number of bytes (P9); where that or N is dynamic,
    `half_scales` says it.

    Must satisfy:
    - (PM1) `packed` has exactly the bytes the layout needs for N, K, scheme;
    - (PM2) `q` is M x (G * padded group size of the layout), `x_scales` M, `x_sums` M x G;
    - (PM3) `bias` N, `multiplicand`, `residual` and result M x N.
  }];
  let arguments = (ins
    Fptq_Shaped<[I8]>:$q, Fptq_Shaped<[F32]>:$x_scales, Fptq_Shaped<[I32]>:$x_sums /*PM2*/,
    Fptq_Shaped<[I8]>:$packed /*PM1*/,
    Optional<Fptq_Shaped<[F32]>>:$bias, Optional<Fptq_Shaped<[F32]>>:$multiplicand,
    Optional<Fptq_Shaped<[F32]>>:$residual,
    Fptq_Shaped<[F32]>:$init /*PM3*/,
    Fptq_SchemeAttr:$scheme, Fptq_LayoutAttr:$layout, I64Attr:$k, StrAttr:$layer,
    OptionalAttr<Fptq_ActivationFunctionAttr>:$activation, UnitAttr:$half_scales);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $scheme $layout `k` `(` $k `)` `layer` `(` $layer `)`
    `ins` `(` $q `,` $x_scales `,` $x_sums `:` type($q) `,` type($x_scales) `,` type($x_sums) `)`
    `weights` `(` $packed `:` type($packed) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`activation` $activation^)?
    (`multiplicand` `(` $multiplicand^ `:` type($multiplicand) `)`)?
    (`residual` `(` $residual^ `:` type($residual) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    int64_t getNumGroups() { return cast<ShapedType>(getXSums().getType()).getDimSize(1); }
    int64_t getOutputChannels() { return cast<ShapedType>(getInit().getType()).getDimSize(1); }
    int64_t getWeightRows() { return getOutputChannels(); }
    int64_t getWeightColumns() { return getK(); }
  }];
}

include "fptq/IR/FptqLookups.td"

#endif // FPTQ_OPS_TD
