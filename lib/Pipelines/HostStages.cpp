//===- HostStages.cpp - the model around the kernels, on one page ---------===//
#include "HostStages.h"
#include "VerifyStage.h"
#include "fptq/Conversion/FptqToX86/Passes.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/Equalize/Passes.h"
#include "fptq/Pack/Passes.h"
#include "fptq/Raise/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Dialect/Vector/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::fptq;

/// Below this many multiply-adds a parallel region (1 us) costs more than it gains.
static constexpr int64_t kParallelMin = 1000000;
/// The same for one row's attention, whose keys and values come from memory.
static constexpr int64_t kParallelHeadsMin = 200000;
/// Buffers up to this size live on the stack.
static constexpr unsigned kStackBytes = 64 * 1024;

static int64_t accumulatorsOf(const HostPipelineOptions &options) {
  if (options.accumulators)
    return options.accumulators;
  auto features = llvm::sys::getHostCPUFeatures();
  return features.lookup("avx512f") ? kAccumulators512 : kAccumulators256;
}

void mlir::fptq::addLinalgStages(OpPassManager &pm) {
  pm.addPass(createFptqLowerScaleChannelsPass());
  pm.addPass(createConvertElementwiseToLinalgPass());
  pm.addPass(createFptqAllowContractionPass());
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass()); // sizes from arguments, not through every op
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void mlir::fptq::addElementwiseFusion(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createFptqFoldReshapesPass());
  pm.addPass(createFptqFuseElementwisePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static void addTensorStages(OpPassManager &pm, const HostPipelineOptions &options, const HostTarget &target) {
  pm.addPass(createFptqImportFrontendPass()); // float models come here as their frontend left them
  pm.addPass(createLowerAffinePass());        // a model's own may be negative; from here on affine ops are sizes
  pm.addPass(createFptqPackPass({target.layout.str()}));
  addVerifyStage(pm, "packed");
  pm.addPass(createFptqLoadParametersPass());
  pm.addPass(createFptqLowerLinearPass({options.width}));
  pm.addPass(createFptqLowerFloatLookupPass());
  pm.addPass(createFptqLowerDequantizePass());
  addLinalgStages(pm);
  pm.addPass(createFptqOutlineRepeatsPass());
  pm.addPass(createFptqMergeFunctionsPass());
  pm.addPass(createFptqOutlineBranchesPass());
  pm.addPass(createFptqMergeFunctionsPass());
  addElementwiseFusion(pm);
  FptqFuseAttentionPassOptions attention;
  attention.parallelMin = options.threads ? kParallelHeadsMin : 0;
  pm.addNestedPass<func::FuncOp>(createFptqFuseAttentionPass(attention));
  target.fuseRows(pm);
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass()); // exp is fused twice; this merges the copies
  pm.addNestedPass<func::FuncOp>(createFptqSkipMaskedKeysPass());
}

static void addVectorStages(OpPassManager &pm, const HostPipelineOptions &options) {
  FptqTileForVectorsPassOptions tile;
  tile.parallelMin = options.threads ? kParallelMin : 0;
  tile.accumulators = accumulatorsOf(options);
  pm.addNestedPass<func::FuncOp>(createFptqTileForVectorsPass(tile));
  pm.addPass(createCanonicalizerPass()); // no cse from here to bufferization: merged fills become copies
  pm.addNestedPass<func::FuncOp>(createFptqTileReductionsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createFptqLowerTileSizesPass());
  pm.addNestedPass<func::FuncOp>(createFptqVectorizeLinalgPass());
  pm.addNestedPass<func::FuncOp>(vector::createLowerVectorMaskPass()); // before canonicalize puts constants into masks
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createLoopInvariantSubsetHoistingPass());
  pm.addPass(createCanonicalizerPass());
}

static void addBufferStages(OpPassManager &pm, const HostPipelineOptions &options) {
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  // A model's own loop may make a new tensor each time. What it carries is contiguous, unless it is known to be a
  // slice.
  bufferize.allowReturnAllocsFromLoops = true;
  bufferize.unknownTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  bufferize.functionBoundaryTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  pm.addNestedPass<func::FuncOp>(createFptqCopyStridedViewsPass()); // before anything believes its casts
  pm.addPass(createCanonicalizerPass());                            // so that results that are arguments show as such
  pm.addPass(bufferization::createDropEquivalentBufferResultsPass());
  pm.addPass(createFptqRecordResultAliasesPass()); // after: results of private layers are their arguments
  pm.addNestedPass<func::FuncOp>(createFptqSeparateResultsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass()); // removes memref.copy %x, %x
  pm.addPass(createFptqLowerObservePass());
  pm.addPass(createFptqLowerPackedLookupPass());
  if (options.threads)
    pm.addNestedPass<func::FuncOp>(createForallToParallelLoopPass());
  else
    pm.addNestedPass<func::FuncOp>(createForallToForLoopPass());
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createFptqBoundAllocationsPass());
  pm.addNestedPass<func::FuncOp>(bufferization::createBufferLoopHoistingPass());
  bufferization::PromoteBuffersToStackPassOptions stack;
  stack.maxAllocSizeInBytes = kStackBytes;
  pm.addNestedPass<func::FuncOp>(bufferization::createPromoteBuffersToStackPass(stack));
  bufferization::buildBufferDeallocationPipeline(pm, {});
  pm.addPass(createConvertBufferizationToMemRefPass()); // the clone of a constant that is returned
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static void addLLVMStages(OpPassManager &pm, const HostPipelineOptions &options,
                          function_ref<void(OpPassManager &)> addKernels) {
  pm.addNestedPass<func::FuncOp>(createFptqLowerCopiesPass());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass()); // what the vectorizer named in remarks
  pm.addPass(math::createMathExtendToSupportedTypes());             // functions are those of f32
  pm.addPass(createFptqLowerBF16Pass());
  pm.addNestedPass<func::FuncOp>(createFptqLowerVectorsPass());
  VectorTransferToSCFOptions unroll;
  pm.addNestedPass<func::FuncOp>(createConvertVectorToSCFPass(unroll.enableFullUnroll()));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(memref::createFoldMemRefAliasOpsPass());
  // The fold turns a transfer to a view without unit dimensions into one with a permutation, which LLVM has not.
  pm.addNestedPass<func::FuncOp>(createFptqLowerVectorsPass());
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createFptqPrefetchStreamsPass());
  // Kernels come after all clean-up: what their generator wrote is already in the order it wants.
  addKernels(pm);
  if (options.threads)
    pm.addPass(createFptqShareLoopsPass());
  pm.addNestedPass<func::FuncOp>(createFptqLowerExpansionsPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createFptqLowerAssertsPass()); // before upstream's, which convert-func-to-llvm has, too
  ConvertVectorToLLVMPassOptions vectors;
  vectors.reassociateFPReductions = true; // horizontal sums of explicit partial accumulators
  pm.addPass(createConvertVectorToLLVMPass(vectors));
  pm.addPass(createConvertComplexToStandardPass()); // rotary embeddings of DeepSeek and Llama 4
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createConvertVectorToLLVMPass(vectors)); // what libm calls on vectors left
  pm.addPass(createConvertComplexToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass()); // transfer padding is ub.poison
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createFptqCheckAllocationsPass());
  if (options.threads)
    pm.addPass(createConvertOpenMPToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createFptqStoreBF16Pass());
}

void mlir::fptq::buildHostPipeline(OpPassManager &pm, const HostPipelineOptions &options, const HostTarget &target) {
  addTensorStages(pm, options, target);
  addVectorStages(pm, options);
  addBufferStages(pm, options);
  addLLVMStages(pm, options, target.addKernels);
}
