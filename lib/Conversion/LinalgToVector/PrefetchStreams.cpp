//===- PrefetchStreams.cpp - rows that come from memory -------------------===//
#include "PassOptions.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQPREFETCHSTREAMSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqPrefetchStreamsPass : impl::FptqPrefetchStreamsPassBase<FptqPrefetchStreamsPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// A read that walks through an argument row by row while it accumulates.
struct Stream {
  vector::TransferReadOp read;
  int along;       ///< the dimension it walks along
  scf::ForOp rows; ///< the loop of unknown length that does

  MemRefType type() { return cast<MemRefType>(read.getBase().getType()); }
  int64_t elementBytes() { return type().getElementTypeBitWidth() / 8; }
  /// Bytes from row to row, `unknown` where the shape does not tell.
  int64_t rowBytes(int64_t unknown) {
    ArrayRef<int64_t> extents = type().getShape().drop_front(along + 1);
    if (llvm::any_of(extents, ShapedType::isDynamic))
      return unknown;
    return std::max<int64_t>(1, llvm::product_of(extents) * elementBytes());
  }
};
} // namespace

static constexpr int64_t kCacheLine = 64;
static constexpr int kIntoL1 = 3, kIntoL2 = 2;

/// The loop of unknown length whose variable `index` is, or has as a summand.
static scf::ForOp longLoopOf(Value index) {
  if (auto loop = dyn_cast_if_present<scf::ForOp>(index.getParentBlock()->getParentOp());
      loop && index == loop.getInductionVar())
    return getConstantIntValue(loop.getUpperBound()) ? scf::ForOp() : loop;
  if (auto apply = index.getDefiningOp<affine::AffineApplyOp>())
    for (Value operand : apply.getOperands())
      if (scf::ForOp loop = longLoopOf(operand))
        return loop;
  return {};
}

static std::optional<Stream> streamOf(vector::TransferReadOp read) {
  auto memory = dyn_cast<BlockArgument>(read.getBase());
  auto type = dyn_cast<MemRefType>(read.getBase().getType());
  auto loop = dyn_cast<scf::ForOp>(read->getParentOp());
  if (!memory || !type || !isa<FunctionOpInterface>(memory.getOwner()->getParentOp()) || !loop ||
      loop.getInitArgs().empty() || !type.getElementType().isIntOrFloat())
    return std::nullopt;
  for (int d = type.getRank() - 2; d >= 0; --d)
    if (scf::ForOp rows = longLoopOf(read.getIndices()[d]))
      return Stream{read, d, rows};
  return std::nullopt;
}

static Value plus(OpBuilder &b, Location loc, Value index, int64_t offset) {
  if (offset == 0)
    return index;
  return arith::AddIOp::create(b, loc, index, arith::ConstantIndexOp::create(b, loc, offset));
}

/// The lines of `memory` that a vector like that of the stream's read touches at `at`.
static void prefetchLines(OpBuilder &b, Stream &s, Value memory, SmallVector<Value> at, int locality) {
  Location loc = s.read.getLoc();
  Value column = at.back();
  for (int64_t byte = 0; byte < s.read.getVectorType().getNumElements() * s.elementBytes(); byte += kCacheLine) {
    at.back() = plus(b, loc, column, byte / s.elementBytes());
    memref::PrefetchOp::create(b, loc, memory, at, /*isWrite=*/false, locality, /*isDataCache=*/true);
  }
}

static void prefetchAhead(Stream &s, int64_t bytes) {
  OpBuilder b(s.read);
  SmallVector<Value> at(s.read.getIndices());
  at[s.along] = plus(b, s.read.getLoc(), at[s.along], std::max<int64_t>(1, bytes / s.rowBytes(bytes)));
  prefetchLines(b, s, s.read.getBase(), at, kIntoL1);
}

/// Where the rows of the stream that begins when `s` ends are: of `next`, which follows in the same iteration, or
/// begins the next one. Nothing where its indices are not known yet.
static std::optional<SmallVector<Value>> placeOf(Stream &s, Stream &next, bool nextIteration,
                                                 DominanceInfo &dominance) {
  OpBuilder b(s.read);
  SmallVector<Value> at(next.read.getIndices());
  bool moves = false;
  for (int d = 0; d < s.along; ++d) {
    auto argument = dyn_cast<BlockArgument>(at[d]);
    if (nextIteration && argument && argument.getOwner() == s.rows->getBlock()) {
      at[d] = plus(b, s.read.getLoc(), at[d], 1);
      moves = true;
    } else if (!dominance.properlyDominates(at[d], s.rows)) {
      return std::nullopt;
    }
  }
  if (nextIteration && !moves) // the very rows that were read in this iteration
    return std::nullopt;
  for (int d = s.along; d < s.type().getRank(); ++d)
    at[d] = s.read.getIndices()[d];
  return at;
}

/// Rows of `next` as those of `s` are read, the first `window` bytes of them: a stream of some rows, as an attention
/// head's keys or values, would be over before prefetching rows ahead has paid.
static void prefetchNext(Stream &s, Stream &next, bool nextIteration, int64_t window, DominanceInfo &dominance) {
  if (s.type() != next.type() || s.along != next.along)
    return;
  std::optional<SmallVector<Value>> at = placeOf(s, next, nextIteration, dominance);
  if (!at)
    return;
  OpBuilder b(s.read);
  int64_t rows = std::max<int64_t>(1, window / s.rowBytes(window)), extent = s.type().getDimSize(s.along);
  if (ShapedType::isDynamic(extent) || extent > rows) {
    Location loc = s.read.getLoc();
    (*at)[s.along] = arith::MinUIOp::create(b, loc, (*at)[s.along], arith::ConstantIndexOp::create(b, loc, rows - 1));
  }
  prefetchLines(b, s, next.read.getBase(), *at, kIntoL2);
}

void FptqPrefetchStreamsPass::runOnOperation() {
  if (failed(checkOption(getOperation(), getArgument(), "bytes", bytes)) ||
      failed(checkOption(getOperation(), getArgument(), "window", window)))
    return signalPassFailure();
  DominanceInfo dominance(getOperation());
  llvm::MapVector<Block *, SmallVector<Stream>> bodies; // the streams of one iteration of what is around them
  getOperation().walk([&](vector::TransferReadOp read) {
    if (std::optional<Stream> s = streamOf(read))
      bodies[s->rows->getBlock()].push_back(*s);
  });
  for (auto &[body, streams] : bodies)
    for (auto [i, s] : llvm::enumerate(streams)) {
      auto isOther = [&s = s](Stream &t) { return t.read.getBase() != s.read.getBase(); };
      auto after = llvm::find_if(llvm::drop_begin(streams, i + 1), isOther);
      if (after != streams.end())
        prefetchNext(s, *after, /*nextIteration=*/false, window, dominance);
      else if (auto first = llvm::find_if(streams, isOther); first != streams.end())
        prefetchNext(s, *first, /*nextIteration=*/true, window, dominance);
      prefetchAhead(s, bytes);
    }
}
} // namespace mlir::fptq
