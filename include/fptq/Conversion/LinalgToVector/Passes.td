//===- Passes.td - the rest of the model, in pipeline order ----*- tablegen -*-===//
#ifndef FPTQ_CONVERSION_LINALGTOVECTOR_PASSES_TD
#define FPTQ_CONVERSION_LINALGTOVECTOR_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqLoadParametersPass : Pass<"fptq-load-parameters", "::mlir::ModuleOp"> {
  let summary = "Turn loads of external parameters into resource constants over the mapped file";
  let description = [{
    Every `ml_program.global_load_const` of an external global becomes an `arith.constant dense_resource`
    whose blob is the tensor's bytes in its `.safetensors` file, mapped and not copied; the blob keeps
    the mapping alive. Globals with an inline value become plain constants. A tensor that no file has,
    or has with another shape or element type, is an error, and so is a resource of more or fewer bytes than its type.
    A resource of integers of 2 to 7 bits, a byte each or two nibbles a byte, becomes one of bytes and an
    `arith.trunci`.

    What is loaded from globals that are stored to, and what is stored, is copied (docs/UpstreamIssues.md, "Stores to
    globals").
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect"];
}

def FptqLowerLinearPass : Pass<"fptq-lower-linear", "::mlir::ModuleOp"> {
  let summary = "Lower float linears to contractions over weights packed 16 or 32 columns wide";
  let description = [{
    A remaining `fptq.linear` (policy float, or the float pipeline) becomes a `linalg.generic` over its
    weight in the order [N/width][K][width], evaluated and packed now: one stream of memory, no
    horizontal sums. N is padded with zero columns. `width` (default 32) is the number of columns.
  }];
  let options = [Option<"width", "width", "int64_t", "32", "columns of one packed block; default 32">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FptqLowerFloatLookupPass : Pass<"fptq-lower-float-lookup", "::mlir::ModuleOp"> {
  let summary = "Lower lookups in float tables to linalg";
  let description = [{
    A `fptq.lookup` (the quantize stage never ran, as when a model is calibrated) becomes a `linalg.generic` that
    extracts its rows from the table.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FptqLowerDequantizePass : Pass<"fptq-lower-dequantize", "::mlir::ModuleOp"> {
  let summary = "Evaluate stored weights that no linear took";
  let description = [{
    A `fptq.dequantize` that something other than a `fptq.linear` reads (a module that was never raised) becomes
    the float constant it stands for.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def FptqAllowContractionPass : Pass<"fptq-allow-contraction"> {
  let summary = "Let mulf and addf become one fma";
  let description = [{
    Sets `fastmath<contract>` on every float op; nothing else is relaxed, so results do not depend on
    what LLVM finds to reorder. Also notes upper bounds of sizes that slice a static dimension (the KV
    cache), while the slice is still there, for `fptq-bound-allocations`.
  }];
}

def FptqOutlineRepeatsPass : Pass<"fptq-outline-repeats", "::mlir::ModuleOp"> {
  let summary = "Make functions of a model's unrolled layers";
  let description = [{
    Front ends write all layers into one function, and bufferization takes more than quadratic time in its
    length. The longest run of neighbouring pieces that look alike (names and types of their ops), each of at
    least `minimum` ops (default 16), becomes private functions, cut where the fewest values cross. What a piece
    reads, weights included, is its arguments. `fptq-merge-functions` then proves which of them are equal.
  }];
  let options = [Option<"minimum", "minimum", "size_t", "16", "ops of the smallest piece; default 16">];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def FptqOutlineBranchesPass : Pass<"fptq-outline-branches", "::mlir::ModuleOp"> {
  let summary = "Make functions of the branches of a scf.index_switch";
  let description = [{
    `fptq-raise` makes a branch of each expert of a mixture. What a branch does, but for its observers, becomes a
    private function whose weights are arguments; `fptq-merge-functions` then leaves one of them.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def FptqMergeFunctionsPass : Pass<"fptq-merge-functions", "::mlir::ModuleOp"> {
  let summary = "Merge private functions that differ in their constants only";
  let description = [{
    Layers of a model are mostly equal but for their weights: one of them stays, what differs (tensor constants
    that are not splats) becomes its arguments, and everyone calls it. Compile time and code no longer grow with
    the number of layers. The `layer` names of merged products are kept with `*` for each number; functions
    with observers keep their own names and so stay apart.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def FptqFoldReshapesPass : Pass<"fptq-fold-reshapes", "::mlir::func::FuncOp"> {
  let summary = "Reshapes out of the way of fusion";
  let description = [{
    In functions with a product of activations that were reshaped for it: loops of one step and dimensions of size 1 are
    dropped, as upstream's `linalg-fold-unit-extent-dims` does, with two conditions: two loops stay, rows and channels,
    and ops that read windows are left alone. The batch of a product of two activations that was made of several
    dimensions (`tensor.collapse_shape` before and `tensor.expand_shape` behind a
    `batch_matmul`) is these dimensions again, which the softmax between two such products has.
  }];
}

def FptqFuseElementwisePass : Pass<"fptq-fuse-elementwise"> {
  let summary = "Fuse elementwise producers that are read once";
  let description = [{
    The upstream patterns with one condition: the producer has one use and the consumer reads each of
    its elements exactly once. `linalg-fuse-elementwise-ops` also fuses SwiGLU and softmax into the next
    matmul and recomputes exp for every output column.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def FptqFuseAttentionPass : Pass<"fptq-fuse-attention", "::mlir::func::FuncOp"> {
  let summary = "Keep the scores of one head and a few rows in cache";
  let description = [{
    Tiles the consumer of an attention's second product over heads and `rows` query rows (default 12: two register
    tiles of 6) and fuses into that loop, which is also the parallel one, all that moves with the rows: back to the
    first product, but not what is computed from keys and values alone. For more than `rows` rows keys that lie
    channel by channel are transposed once before the loop, so that vectors run along the keys. The heads of fewer rows
    (decode) are a parallel loop from `parallel-min` multiply-adds on (default 0: never).
  }];
  let options = [
    Option<"rows", "rows", "int64_t", "12", "query rows of one tile; default 12">,
    Option<"parallelMin", "parallel-min", "int64_t", "0",
           "multiply-adds from which few rows share their heads; 0 (default): never">];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect"];
}

def FptqSkipMaskedKeysPass : Pass<"fptq-skip-masked-keys", "::mlir::func::FuncOp"> {
  let summary = "Let blocks of query rows stop at their last key";
  let description = [{
    In the loops of `fptq-fuse-attention`: where the scores are masked by `select(key <= row + ..., score, -inf)`, no
    row of a block sees keys behind the last one that its last row sees. That bound, in whole vectors of 16, takes the
    place of the number of keys in the block. Results do not change: what is left out would have been added as exact
    zeros. So the masked scores may only go into a maximum and an exponential; where another mask shows some of them
    again (a prefix that every row sees), all keys are computed.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::affine::AffineDialect"];
}

def FptqFuseRowsPass : Pass<"fptq-fuse-rows", "::mlir::func::FuncOp"> {
  let summary = "Quantize rows where they are computed";
  let description = [{
    Where an `fptq.quantize_activations` reads what elementwise ops and row reductions made for it alone (a norm, a
    gated activation), all of them are tiled to as many rows (at most 8) as fit `bytes` (default 32768) and fused: the
    float row is quantized before it leaves the cache, and is never stored as a whole. The same operations on the same
    numbers: codes, scales and sums do not change by a bit. With `threads` the loop over tiles is a parallel one.
  }];
  let options = [Option<"bytes", "bytes", "int64_t", "32768", "floats of one tile, in bytes; default 32768">,
                 Option<"threads", "threads", "bool", "false", "share the tiles among threads; default false">];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect"];
}

def FptqOutlineRowsPass : Pass<"fptq-outline-rows", "::mlir::func::FuncOp"> {
  let summary = "Make one operation of rows and their quantization, for targets with a kernel for both";
  let description = [{
    What `fptq-fuse-rows` tiles on a CPU becomes the body of an `fptq.quantize_rows`: scalar code for one element. Sums
    along the row become `fptq.row_sum`; their order is that of the vectors on a CPU, so codes, scales and sums are
    equal. What has no kernel form (other reductions, gathers, functions without a polynomial) stays where it is and is
    an input; a remark says what it was.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::fptq::FptqDialect"];
}

def FptqTileForVectorsPass : Pass<"fptq-tile-for-vectors", "::mlir::func::FuncOp"> {
  let summary = "Tile linalg ops to register size";
  let description = [{
    Three shapes cover a model: elementwise (one vector along the output's last dimension), dot form
    (both operands contiguous along the reduction) and outer-product form (an operand runs along the
    output's last dimension). Contractions of at least `parallel-min` multiply-adds (default 0: none)
    are first split in `chunks` (default 8) parallel pieces along their largest parallel dimension, and larger
    elementwise ops in pieces of 16 rows.
    Convolutions and pooling (a fourth shape: reductions along several loops, or along a window) have vectors of 16
    columns of the result, along which inputs are read one by one or in steps of up to 4, and several rows.
    `accumulators` (default 96: 12 ymm registers; 384 suits AVX-512) bounds the outer-product tile.
  }];
  let options = [
    Option<"parallelMin", "parallel-min", "int64_t", "0",
           "multiply-adds from which a contraction is parallel; 0 (default): never">,
    Option<"chunks", "chunks", "int64_t", "8", "parallel pieces of one contraction; default 8">,
    Option<"accumulators", "accumulators", "int64_t", "96",
           "floats an outer-product tile may accumulate in registers; default 96">];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect"];
}

def FptqTileReductionsPass : Pass<"fptq-tile-reductions", "::mlir::func::FuncOp"> {
  let summary = "Second half of tiling: vector accumulators along reductions";
  let description = [{
    Runs after canonicalization has made the peeled main tiles static. Left-over rows one by one, left-over columns of
    the outer-product form in tiles of 16, the last one masked; then partial accumulators (dot form) or a loop over the
    reduction (outer-product form; windows: one for each of their reductions).
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect"];
}

def FptqLowerTileSizesPass : Pass<"fptq-lower-tile-sizes", "::mlir::func::FuncOp"> {
  let summary = "Sizes and bounds of tiles as plain arithmetic";
  let description = [{
    Minima and divisions of the affine dialect become unsigned arithmetic. Not for the code: what follows, up to
    bufferization, asks of every two slices of a tensor whether they overlap, and answers by eliminating the
    variables of all bounds around them, divisions among them. Arithmetic it takes as it is. Nothing
    of that precision was ever used.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def FptqVectorizeLinalgPass : Pass<"fptq-vectorize-linalg", "::mlir::func::FuncOp"> {
  let summary = "Vectorize tiled linalg ops, with masks where sizes are dynamic";
  let description = [{
    What cannot be vectorized (asserts or loops inside bodies, integer argmax, too large a tile) stays a
    linalg op, is lowered to loops later, and is named by a remark with the reason.
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def FptqRecordResultAliasesPass : Pass<"fptq-record-result-aliases", "::mlir::ModuleOp"> {
  let summary = "Note and drop results that are arguments updated in place";
  let description = [{
    After bufferization: each public function that nothing in the module calls gets
    `fptq.result_aliases`, for each of its results the argument number it is equal to, or -1; the former
    are dropped, as `drop-equivalent-buffer-results` does for private functions.
  }];
}

def FptqCopyStridedViewsPass : Pass<"fptq-copy-strided-views", "::mlir::func::FuncOp"> {
  let summary = "Copy a part of a buffer that a cast declares contiguous";
  let description = [{
    After bufferization. Functions take and return contiguous buffers (identity layouts); where a value is a part of
    a larger buffer, upstream's bufferization copies it unless `memref.cast` accepts the types, and that takes the
    strides of a type with dynamic sizes for ones that may be anything. Such a cast becomes an allocation and a copy.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def FptqSeparateResultsPass : Pass<"fptq-separate-results", "::mlir::func::FuncOp"> {
  let summary = "Copy a result that lies in the buffer of an earlier one";
  let description = [{
    After bufferization: a caller frees every result, so each needs an allocation of its own. Upstream's buffer
    deallocation does not see to that where a function returns a value twice, or a value and a reshape of it. In a
    function of several blocks this holds for each return.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def FptqLowerCopiesPass : Pass<"fptq-lower-copies", "::mlir::func::FuncOp"> {
  let summary = "Copies of strided buffers as loops";
  let description = [{
    A `memref.copy` with a layout would become a call of `memrefCopy`, a library function of MLIR's own
    runners that copies element by element; as a linalg op it becomes loops that LLVM vectorizes.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def FptqLowerExpansionsPass : Pass<"fptq-lower-expansions", "::mlir::func::FuncOp"> {
  let summary = "Expansions of one dimension to several dynamic ones";
  let description = [{
    A `memref.expand_shape` with two dynamic sizes in a group (tokens to a batch of sequences) becomes a
    `memref.reinterpret_cast` by its own output shape. Upstream's `expand-strided-metadata` takes all but one size of a
    group for static, and crashes (docs/UpstreamIssues.md).
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect"];
}

def FptqBoundAllocationsPass : Pass<"fptq-bound-allocations", "::mlir::func::FuncOp"> {
  let summary = "Allocate the known bound of a dynamic size";
  let description = [{
    A dynamic allocation all of whose sizes have a bound (noted by `fptq-allow-contraction`) becomes a
    static one with a view of the real size, which can then move to the stack or out of a loop. A static one that no
    memory could hold is an error: its byte count may wrap round to a small one.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect"];
}

def FptqLowerObservePass : Pass<"fptq-lower-observe", "::mlir::ModuleOp"> {
  let summary = "Lower fptq.observe on buffers to a call of the runtime";
  let description = [{
    `fptq_observe(const char *layer, const void *data, int64_t rows, int64_t channels, int32_t element)`, where
    `element` is 0 for f32, 1 for f16 and 2 for bf16; the executable that runs the code supplies it.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::arith::ArithDialect"];
}

def FptqLowerPackedLookupPass : Pass<"fptq-lower-packed-lookup", "::mlir::ModuleOp"> {
  let summary = "Lower lookups of 4-bit rows on buffers to loops of vectors";
  let description = [{
    A `fptq.packed_lookup` becomes a loop over its ids that unpacks the codes of one row in any layout, four channels at
    once, and multiplies them by their group's scale. Nothing in it is of one target: the host of an NVPTX program runs
    it too. Ids outside of the table are undefined behaviour, as they are for `tensor.extract`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::affine::AffineDialect", "::mlir::scf::SCFDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

def FptqLowerAssertsPass : Pass<"fptq-lower-asserts", "::mlir::ModuleOp"> {
  let summary = "Failed assertions speak on standard error";
  let description = [{
    A `cf.assert` of a frontend (a token outside the vocabulary, an index outside a cache) becomes a branch to libc's
    `__assert_fail`, with the message, the line of the model's file and the function. Upstream's lowering prints to
    standard output, where the message stays in the buffer of a pipe when the process aborts.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::cf::ControlFlowDialect"];
}

def FptqCheckAllocationsPass : Pass<"fptq-check-allocations", "::mlir::ModuleOp"> {
  let summary = "A buffer that memory has no room for is an error, not a write to address 0";
  let description = [{
    Every call of `malloc`, as `finalize-memref-to-llvm` leaves them, goes through a function of the module that says
    how many bytes were wanted, on standard error, and aborts where there are none. It takes them from the runtime
    (`fptq-runtime/Buffers.h`), which `free` becomes a return to: buffers are kept for the next call.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def FptqLowerVectorsPass : Pass<"fptq-lower-vectors", "::mlir::func::FuncOp"> {
  let summary = "Bring vectors to shapes LLVM likes";
  let description = [{
    Transfers without permutation maps and unit dimensions, masks, multi-reductions, transpositions as shuffles; in
    between what `fptq-lower-math` does.
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect"];
}

def FptqLowerBF16Pass : Pass<"fptq-lower-bf16"> {
  let summary = "Compute bfloat16 in f32, and convert it by integer arithmetic";
  let description = [{
    Arithmetic of bfloat16 becomes that of f32 between conversions (as no x86 has it, LLVM does the same), and conversions
    become shifts and a rounding to nearest even, on every processor alike. LLVM calls `__truncsfbf2` for them, which
    libgcc has from GCC 13 on, or takes denormals for zeros (docs/UpstreamIssues.md). Functions of `math` are for
    `math-extend-to-supported-types`, before.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

def FptqStoreBF16Pass : Pass<"fptq-store-bf16", "::mlir::ModuleOp"> {
  let summary = "Move bfloat16 about as integers of 16 bits";
  let description = [{
    In functions and globals of the LLVM dialect `bf16` becomes `i16`, which is all that it is after `fptq-lower-bf16`.
    LLVM takes single elements out of a vector of `bfloat`, as a masked store does on AVX2, by way of f32 and
    `__truncsfbf2`.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def FptqLowerMathPass : Pass<"fptq-lower-math"> {
  let summary = "Math as polynomials, products and sums as fma: the same on every target";
  let description = [{
    Powers by small constants as products, by other integers by squaring; exp, tanh, erf and log as polynomials (at most
    5 ulp; sin and cos are left to libm: their polynomials are bad away from 0, where rotary angles are); mulf with addf
    or subf as fma where both have
    `fastmath<contract>`, which is then taken from all operations. On scalars and vectors alike, so that a CPU and a
    GPU compute the same floats.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def FptqPrefetchStreamsPass : Pass<"fptq-prefetch-streams", "::mlir::func::FuncOp"> {
  let summary = "Prefetch rows that come from memory";
  let description = [{
    Where vectors of an argument are read row by row in a loop of unknown length and accumulated (the keys and values of
    a cache), the rows `bytes` ahead are prefetched: the processor's own prefetch ends with each page of 4 KB. Where
    another argument of the same type is read like that behind it, as values are behind keys and the next head's keys
    behind values, its row of the same number is prefetched into the second-level cache, up to `window` bytes of them: a
    head's rows are over before prefetching ahead has paid. Runs on vectors and buffers, after views are folded.
  }];
  let options = [Option<"bytes", "bytes", "int64_t", "2048", "how far ahead, in bytes; default 2048">,
                 Option<"window", "window", "int64_t", "131072",
                        "how much of the stream that comes next, in bytes; default 131072">];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect"];
}

def FptqShareLoopsPass : Pass<"fptq-share-loops", "::mlir::ModuleOp"> {
  let summary = "Share the iterations of parallel loops among threads";
  let description = [{
    Every outermost `scf.parallel` without reductions becomes an `omp.parallel` whose threads each have a share of the
    iterations, and take from others' when they are through: pieces of attention differ in length, and threads in who
    else uses their core. Static allocas move to the start of the thread's region. `convert-scf-to-openmp` has a loop of
    OpenMP's own in its place, whose dynamic schedule costs more than a small piece of work, and scopes of allocas that
    `convert-scf-to-cf` makes illegal. A pass on modules, because it declares functions of OpenMP's runtime.
  }];
  let dependentDialects = ["::mlir::omp::OpenMPDialect", "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::scf::SCFDialect"];
}

#endif // FPTQ_CONVERSION_LINALGTOVECTOR_PASSES_TD
