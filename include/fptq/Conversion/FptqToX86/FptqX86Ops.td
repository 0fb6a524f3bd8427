//===- FptqX86Ops.td - what differs between the x86 tiers -----*- tablegen -*-===//
#ifndef FPTQ_X86_OPS_TD
#define FPTQ_X86_OPS_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def FptqX86_Dialect : Dialect {
  let name = "fptq_x86";
  let cppNamespace = "::mlir::fptq::x86";
  let summary = "The integer dot products of the x86 tiers";
  let description = [{
    Everything else a kernel does is `arith`, `vector`, `math`, `scf` and LLVM pointers. Each operation
    here stands for one instruction and has two lowerings (`fptq-lower-x86-ops`): that instruction's
    intrinsic, and plain `arith` with the same result, which runs on any machine.
  }];
}

class FptqX86_Op<string mnemonic, list<Trait> traits = []> : Op<FptqX86_Dialect, mnemonic, !listconcat([Pure], traits)>;

def FptqX86_Dot4Op : FptqX86_Op<"dot4", [AllTypesMatch<["acc", "result"]>, AllTypesMatch<["weights", "activations"]>]> {
  let summary = "acc[i] += sum of four u8 x s8 products (vpdpbusd)";
  let description = [{
    `result[i] = acc[i] + sum_{j<4} unsigned(weights[4i+j]) * signed(activations[4i+j])`, modulo 2^32.

    Must satisfy: (D1) four bytes for each i32 of `acc`, of which there are 8 or 16.

    Example: `%r = fptq_x86.dot4 %acc, %w, %x : vector<16xi32>, vector<64xi8>`
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I32]>:$acc, VectorOfRankAndType<[1], [I8]>:$weights,
                       VectorOfRankAndType<[1], [I8]>:$activations);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = "$acc `,` $weights `,` $activations attr-dict `:` type($acc) `,` type($weights)";
  let hasVerifier = 1;
}

def FptqX86_Madd8Op : FptqX86_Op<"madd8", [AllTypesMatch<["acc", "result"]>, AllTypesMatch<["weights", "activations"]>]> {
  let summary = "acc[i] += sum of two u8 x s8 products, in 16 bits (vpmaddubsw, vpaddw)";
  let description = [{
    `result[i] = acc[i] + weights[2i] * activations[2i] + weights[2i+1] * activations[2i+1]`, the addition
    modulo 2^16. The instruction saturates the pair's sum; `weight_max` proves that it never does:
    activations are -127..127 (docs/PackedLayout.md, "Arithmetic").

    The lowering pins the order of the additions (`llvm.arithmetic.fence`): regrouped, the products stay
    alive and the accumulators spill.

    Must satisfy: (MA1) two bytes for each i16 of `acc`, of which there are 16;
    (MA2) `2 * 127 * weight_max < 2^15`.

    Example: `%r = fptq_x86.madd8 %acc, %w, %x weight_max(15) : vector<16xi16>, vector<32xi8>`
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I16]>:$acc, VectorOfRankAndType<[1], [I8]>:$weights,
                       VectorOfRankAndType<[1], [I8]>:$activations, I64Attr:$weight_max);
  let results = (outs VectorOfRankAndType<[1], [I16]>:$result);
  let assemblyFormat = [{
    $acc `,` $weights `,` $activations `weight_max` `(` $weight_max `)` attr-dict `:` type($acc) `,` type($weights)
  }];
  let hasVerifier = 1;
}

def FptqX86_Madd16Op : FptqX86_Op<"madd16", [AllTypesMatch<["lhs", "rhs"]>]> {
  let summary = "sum of two s16 x s16 products (vpmaddwd)";
  let description = [{
    `result[i] = lhs[2i] * rhs[2i] + lhs[2i+1] * rhs[2i+1]`, signed, modulo 2^32.

    Must satisfy: (MB1) two i16 for each i32 of the result, of which there are 8 or 16.

    Example: `%r = fptq_x86.madd16 %a, %b : vector<16xi16> -> vector<8xi32>`
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I16]>:$lhs, VectorOfRankAndType<[1], [I16]>:$rhs);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `->` type($result)";
  let hasVerifier = 1;
}

#endif // FPTQ_X86_OPS_TD
