//===- BufferizableOps.cpp - one-shot bufferization of our ops ------------===//
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::bufferization;

/// True where the elements of a row lie side by side, as kernels read and write them.
static bool hasContiguousRows(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  return type.getRank() == 0 || type.isLastDimUnitStride();
}

/// A buffer of the shape of `strided`, in row-major order and not written yet.
static FailureOr<Value> allocateLike(OpBuilder &b, Location loc, Value strided, const BufferizationOptions &options) {
  auto type = cast<MemRefType>(strided.getType());
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < type.getRank(); ++d)
    if (type.isDynamicDim(d))
      sizes.push_back(memref::DimOp::create(b, loc, strided, d));
  return options.createAlloc(b, loc, MemRefType::get(type.getShape(), type.getElementType()), sizes);
}

namespace {
/// A destination-style op on tensors becomes itself on memrefs, writing its inits.
template <typename OpTy>
struct DestinationOpBufferization : DstBufferizableOpInterfaceExternalModel<DestinationOpBufferization<OpTy>, OpTy> {
  /// A slice with a stride along its last dimension (`x[..., 1]`, `x[:, ::2]`) is copied for these: reading one by one
  /// what kernels load a vector at a time would cost more in every call. The others are lowered to loops or, for
  /// `quantize_rows`, take any strides.
  static constexpr bool readsRows =
      llvm::is_one_of<OpTy, QuantizeActivationsOp, QuantizedMatmulOp, PackedMatmulOp>::value;

  /// The inits are only written: whatever they held before is not read.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &) const {
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  /// `multiplicand`, `residual` and the result are read and written element by element, at the same place: x += product
  /// needs no second buffer.
  bool bufferizesToElementwiseAccess(Operation *op, const AnalysisState &, ArrayRef<OpOperand *> operands) const {
    if constexpr (!std::is_same_v<OpTy, QuantizedMatmulOp> && !std::is_same_v<OpTy, PackedMatmulOp>) {
      return false;
    } else {
      auto matmul = cast<OpTy>(op);
      auto isOperand = [](OpOperand *operand, MutableOperandRange range) {
        return llvm::any_of(range, [&](OpOperand &o) { return o.getOperandNumber() == operand->getOperandNumber(); });
      };
      return llvm::all_of(operands, [&](OpOperand *operand) {
        return isOperand(operand, matmul.getDpsInitsMutable()) || isOperand(operand, matmul.getMultiplicandMutable()) ||
               isOperand(operand, matmul.getResidualMutable());
      });
    }
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    SmallVector<Value> operands, results;
    SmallVector<std::pair<Value, Value>> copiesOut;
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<TensorType>(operand.get().getType())) {
        operands.push_back(operand.get());
        continue;
      }
      FailureOr<Value> buffer = getBuffer(rewriter, operand.get(), options, state);
      if (failed(buffer))
        return failure();
      bool isInit = cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
      if (isInit)
        results.push_back(*buffer);
      if (readsRows && !hasContiguousRows(*buffer)) {
        FailureOr<Value> rows = allocateLike(rewriter, op->getLoc(), *buffer, options);
        if (failed(rows) || (!isInit && failed(options.createMemCpy(rewriter, op->getLoc(), *buffer, *rows))))
          return failure();
        if (isInit)
          copiesOut.emplace_back(*rows, *buffer);
        buffer = rows;
      }
      operands.push_back(*buffer);
    }
    OperationState onBuffers(op->getLoc(), op->getName(), operands, /*types=*/TypeRange{}, op->getAttrs());
    onBuffers.propertiesAttr = op->getPropertiesAsAttribute();
    for (Region &region : op->getRegions())
      onBuffers.addRegion()->takeBody(region);
    rewriter.create(onBuffers);
    for (auto [rows, strided] : copiesOut)
      if (failed(options.createMemCpy(rewriter, op->getLoc(), rows, strided)))
        return failure();
    replaceOpWithBufferizedValues(rewriter, op, results);
    return success();
  }
};

/// Reads its operand, returns nothing.
struct ObserveBufferization : BufferizableOpInterface::ExternalModel<ObserveBufferization, ObserveOp> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &, const AnalysisState &) const { return true; }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &, const AnalysisState &) const { return false; }
  AliasingValueList getAliasingValues(Operation *, OpOperand &, const AnalysisState &) const { return {}; }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    FailureOr<Value> buffer = getBuffer(rewriter, op->getOperand(0), options, state);
    if (failed(buffer))
      return failure();
    ObserveOp::create(rewriter, op->getLoc(), *buffer, cast<ObserveOp>(op).getLayerAttr());
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void mlir::fptq::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, FptqDialect *) {
    QuantizeActivationsOp::attachInterface<DestinationOpBufferization<QuantizeActivationsOp>>(*context);
    QuantizeRowsOp::attachInterface<DestinationOpBufferization<QuantizeRowsOp>>(*context);
    QuantizedMatmulOp::attachInterface<DestinationOpBufferization<QuantizedMatmulOp>>(*context);
    QuantizedLookupOp::attachInterface<DestinationOpBufferization<QuantizedLookupOp>>(*context);
    PackedMatmulOp::attachInterface<DestinationOpBufferization<PackedMatmulOp>>(*context);
    PackedLookupOp::attachInterface<DestinationOpBufferization<PackedLookupOp>>(*context);
    ObserveOp::attachInterface<ObserveBufferization>(*context);
  });
}
