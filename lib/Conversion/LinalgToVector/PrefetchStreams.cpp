//===- PrefetchStreams.cpp - rows that come from memory -------------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQPREFETCHSTREAMSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqPrefetchStreamsPass : impl::FptqPrefetchStreamsPassBase<FptqPrefetchStreamsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

static constexpr int64_t kCacheLine = 64;

/// True if `index` is the variable of a loop of unknown length, or a sum with one.
static bool followsLongLoop(Value index) {
  if (auto loop = dyn_cast_if_present<scf::ForOp>(index.getParentBlock()->getParentOp());
      loop && index == loop.getInductionVar())
    return !getConstantIntValue(loop.getUpperBound());
  auto apply = index.getDefiningOp<affine::AffineApplyOp>();
  return apply && llvm::any_of(apply.getOperands(), followsLongLoop);
}

/// The dimension along which `read` walks through an argument row by row while it accumulates, or -1.
static int streamOf(vector::TransferReadOp read) {
  auto memory = dyn_cast<BlockArgument>(read.getBase());
  auto type = dyn_cast<MemRefType>(read.getBase().getType());
  auto loop = dyn_cast<scf::ForOp>(read->getParentOp());
  if (!memory || !type || !isa<FunctionOpInterface>(memory.getOwner()->getParentOp()) || !loop ||
      loop.getInitArgs().empty() || !type.getElementType().isIntOrFloat())
    return -1;
  for (int d = type.getRank() - 2; d >= 0; --d)
    if (followsLongLoop(read.getIndices()[d]))
      return d;
  return -1;
}

static void prefetch(vector::TransferReadOp read, int along, int64_t ahead) {
  auto type = cast<MemRefType>(read.getBase().getType());
  int64_t size = type.getElementTypeBitWidth() / 8, row = size;
  for (int64_t extent : type.getShape().drop_front(along + 1))
    row = ShapedType::isDynamic(extent) ? ahead : row * extent;
  OpBuilder b(read);
  Location loc = read.getLoc();
  auto plus = [&](Value index, int64_t offset) -> Value {
    return offset ? arith::AddIOp::create(b, loc, index, arith::ConstantIndexOp::create(b, loc, offset)) : index;
  };
  SmallVector<Value> at(read.getIndices());
  at[along] = plus(at[along], std::max<int64_t>(1, ahead / std::max<int64_t>(row, 1)));
  Value column = at.back();
  for (int64_t byte = 0; byte < read.getVectorType().getNumElements() * size; byte += kCacheLine) {
    at.back() = plus(column, byte / size);
    memref::PrefetchOp::create(b, loc, read.getBase(), at, /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
  }
}

void FptqPrefetchStreamsPass::runOnOperation() {
  SmallVector<std::pair<vector::TransferReadOp, int>> reads;
  getOperation().walk([&](vector::TransferReadOp read) {
    if (int along = streamOf(read); along >= 0)
      reads.push_back({read, along});
  });
  for (auto [read, along] : reads)
    prefetch(read, along, bytes);
}
} // namespace mlir::fptq
