//===- FptqGpuOps.td - what nvvm cannot spell -----------------*- tablegen -*-===//
#ifndef FPTQ_GPU_OPS_TD
#define FPTQ_GPU_OPS_TD

include "mlir/Dialect/LLVMIR/LLVMOpBase.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def FptqGpu_Dialect : Dialect {
  let name = "fptq_gpu";
  let cppNamespace = "::mlir::fptq::nvptx";
  let summary = "Device operations that the nvvm dialect cannot spell";
  let description = [{
    Each stands for a short sequence of instructions and has two lowerings: inline assembly (`fptq-lower-gpu-ops`, the
    last step before LLVM), and the simulator, which takes them as they are.
  }];
}

def FptqGpu_WgmmaOp : Op<FptqGpu_Dialect, "wgmma", [MemoryEffects<[MemRead, MemWrite]>, AttrSizedOperandSegments]> {
  let summary = "Starts a warpgroup's product of unsigned and signed bytes, A in registers";
  let description = [{
    `wgmma.mma_async.m64nNk32.s32.u8.s8` for each of 1 to 4 steps of 32 input channels, between `wgmma.fence` and
    `wgmma.commit_group`. The products are under way when the operation ends: its results are for further products and
    for `fptq_gpu.wgmma_wait` only. The four warps of a warpgroup execute it together. (nvvm.wgmma.mma_async takes A
    from shared memory only.)

    With `acc` one m64nN accumulator, in each warp 16 of its rows: word `4 t + i` of lane `4 g + c` is row
    `g + 8 (i / 2)`, token `8 t + 2 c + i mod 2`. `a` holds the A fragments of mma.m16n8k32, four words a step. Byte k
    of step s of token n is in shared memory at `p ^ ((p >> 7 & 7) << 4)` with `p = b + 128 n + 32 s + k`: rows of 128
    bytes in 1024-byte atoms with the 128-byte swizzle; `b` may point to a later step of an atom's first row.

    Must satisfy: (WG1) four words of A for each of 1 to 4 steps; (WG2) four accumulators for each 8 of 8 to 256 tokens,
    and as many results; (WG3) results that nothing uses but `acc` of another product and `fptq_gpu.wgmma_wait`.

    Example: `%d:32 = fptq_gpu.wgmma a(%a0, %a1, %a2, %a3) b(%b) acc(...) : i32, ..., i32`
  }];
  let arguments = (ins Variadic<I32>:$a, LLVM_PointerInAddressSpace<3>:$b, Variadic<I32>:$acc);
  let results = (outs Variadic<I32>:$results);
  let assemblyFormat = "`a` `(` $a `)` `b` `(` $b `)` `acc` `(` $acc `)` attr-dict `:` type($b) `->` type($results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getSteps() { return getA().size() / 4; }
    int64_t getTokens() { return getAcc().size() * 2; }
  }];
}

def FptqGpu_WgmmaWaitOp : Op<FptqGpu_Dialect, "wgmma_wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Waits for a warpgroup's products";
  let description = [{
    `wgmma.wait_group`: of the products that this warpgroup has started, all but the last `pending` groups (one an
    `fptq_gpu.wgmma`) have ended, and with them must have those that `acc` comes from; the results are the sums.

    Must satisfy: (WG4) as many results as accumulators.

    Example: `%e:32 = fptq_gpu.wgmma_wait 1 acc(%d#0, ...) -> i32, ..., i32`
  }];
  let arguments = (ins ConfinedAttr<I32Attr, [IntNonNegative]>:$pending, Variadic<I32>:$acc);
  let results = (outs Variadic<I32>:$results);
  let assemblyFormat = "$pending `acc` `(` $acc `)` attr-dict `->` type($results)";
  let hasVerifier = 1;
}

#endif // FPTQ_GPU_OPS_TD
