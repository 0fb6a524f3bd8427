//===- EmitLookup.cpp - a match as fptq.lookup ----------------------------===//
#include "EmitLookup.h"
#include "fptq/Support/ParallelLoops.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::fptq;

/// Ops whose only use was the other half of the body. Asserts stay: they have effects.
static void eraseDead(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// {[0, .., rank-1]}, followed by [rank] where a channel dimension is kept.
static SmallVector<ReassociationIndices> idGroups(int64_t rank, bool channels) {
  SmallVector<ReassociationIndices> groups(1);
  for (int64_t d = 0; d < rank; ++d)
    groups[0].push_back(d);
  if (channels)
    groups.push_back({rank});
  return groups;
}

/// Looks up `ids` of any rank: [ids.., D].
static LookupOp lookUp(IRRewriter &b, Location loc, Value ids, Value table, Type element, StringRef layer,
                       Value &rows) {
  auto type = cast<RankedTensorType>(ids.getType());
  int64_t rank = type.getRank(), channels = cast<RankedTensorType>(table.getType()).getDimSize(1);
  Value flat = ids;
  if (rank == 0)
    flat = tensor::ExpandShapeOp::create(b, loc, RankedTensorType::get({1}, type.getElementType()), ids,
                                         ArrayRef<ReassociationIndices>{});
  else if (rank > 1)
    flat = tensor::CollapseShapeOp::create(b, loc, ids, idGroups(rank, false));
  int64_t count = cast<RankedTensorType>(flat.getType()).getDimSize(0);
  auto lookup = LookupOp::create(b, loc, RankedTensorType::get({count, channels}, element), flat, table,
                                 b.getStringAttr(layer), /*reason=*/StringAttr(), /*scheme=*/SchemeAttr());
  rows = lookup.getResult();
  SmallVector<int64_t> shape(type.getShape());
  shape.push_back(channels);
  if (rank == 0) {
    rows = tensor::CollapseShapeOp::create(b, loc, rows, ArrayRef<ReassociationIndices>{{0, 1}});
  } else if (rank > 1) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, ids);
    sizes.push_back(b.getIndexAttr(channels));
    rows =
        tensor::ExpandShapeOp::create(b, loc, RankedTensorType::get(shape, element), rows, idGroups(rank, true), sizes);
  }
  return lookup;
}

//===----------------------------------------------------------------------===//
// Generics
//===----------------------------------------------------------------------===//

Value mlir::fptq::emitIndex(OpBuilder &b, linalg::GenericOp op, const IndexMatch &match) {
  Location loc = op.getLoc();
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  SmallVector<BlockArgument> arguments;
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(input);
    if (llvm::any_of(match.along.set_bits(), [&](unsigned loop) { return map.isFunctionOfDim(loop); }))
      continue;
    inputs.push_back(input->get());
    maps.push_back(compressDims(map, match.along));
    arguments.push_back(op.getMatchingBlockArgument(input));
  }
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<OpFoldResult> sizes, initSizes = tensor::getMixedSizes(b, loc, op.getDpsInits()[0]);
  SmallVector<int64_t> renumbered(op.getNumLoops(), -1);
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (!match.along.test(loop)) {
      renumbered[loop] = sizes.size();
      sizes.push_back(initSizes[*out.getResultPosition(b.getAffineDimExpr(loop))]);
    }
  maps.push_back(b.getMultiDimIdentityMap(sizes.size()));
  Value init = tensor::EmptyOp::create(b, loc, sizes, b.getIndexType());
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    IRMapping mapping;
    for (auto [from, to] : llvm::zip(arguments, args))
      mapping.map(from, to);
    for (Operation &inner : op.getBody()->without_terminator())
      if (!match.varying.contains(&inner))
        b.clone(inner, mapping)->walk([&](linalg::IndexOp index) { index.setDim(renumbered[index.getDim()]); });
    linalg::YieldOp::create(b, loc, mapping.lookupOrDefault(match.index));
  };
  auto indices =
      linalg::GenericOp::create(b, loc, init.getType(), inputs, init, maps, parallelLoops(sizes.size()), body);
  eraseDead(*indices.getBody());
  return indices.getResult(0);
}

/// Loops other than the channels' in order, then the channels: the dimensions of the rows.
static AffineMap rowsMap(linalg::GenericOp op, const LookupMatch &match) {
  SmallVector<AffineExpr> results;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (loop != match.channelLoop)
      results.push_back(getAffineDimExpr(loop, op.getContext()));
  results.push_back(getAffineDimExpr(match.channelLoop, op.getContext()));
  return AffineMap::get(op.getNumLoops(), 0, results, op.getContext());
}

/// `op` on the rows instead of the table.
static linalg::GenericOp restOf(IRRewriter &b, linalg::GenericOp op, const LookupMatch &match, Value rows) {
  SmallVector<Value> inputs = op.getDpsInputs();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  inputs.push_back(rows);
  maps.insert(maps.end() - 1, rowsMap(op, match));
  auto body = [&](OpBuilder &b, Location, ValueRange args) {
    IRMapping mapping;
    for (auto [i, from] : llvm::enumerate(op.getBody()->getArguments()))
      mapping.map(from, args[i + (i >= op.getDpsInputs().size())]);
    mapping.map(match.value->getResult(0), args[args.size() - 2]);
    for (Operation &inner : *op.getBody()) {
      bool checksIds = !match.row.varying.contains(&inner) && !isMemoryEffectFree(&inner);
      if (&inner != match.value && &inner != match.extract && !checksIds)
        b.clone(inner, mapping);
    }
  };
  auto rest = linalg::GenericOp::create(b, op.getLoc(), op.getResultTypes(), inputs, op.getDpsInits(), maps,
                                        parallelLoops(op.getNumLoops()), body);
  eraseDead(*rest.getBody());
  return rest;
}

EmittedLookup mlir::fptq::emitLookup(IRRewriter &rewriter, linalg::GenericOp op, const LookupMatch &match,
                                     StringRef layer) {
  rewriter.setInsertionPoint(op);
  Value ids = emitIndex(rewriter, op, match.row), rows, element = match.value->getResult(0);
  LookupOp lookup = lookUp(rewriter, op.getLoc(), ids, match.table, element.getType(), layer, rows);
  bool onlyRows = op.getBody()->getTerminator()->getOperand(0) == element && rows.getType() == op.getResultTypes()[0] &&
                  op.getMatchingIndexingMap(op.getDpsInitOperand(0)) == rowsMap(op, match);
  linalg::GenericOp rest = onlyRows ? linalg::GenericOp() : restOf(rewriter, op, match, rows);
  rewriter.replaceOp(op, rest ? rest.getResult(0) : rows);
  return {lookup, rest};
}

//===----------------------------------------------------------------------===//
// Gathers
//===----------------------------------------------------------------------===//

LookupOp mlir::fptq::emitLookup(IRRewriter &rewriter, tensor::GatherOp op, StringRef layer) {
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  Value ids = op.getIndices(), rows;
  auto type = cast<RankedTensorType>(ids.getType());
  // The last dimension of the indices is the one coordinate of a row.
  SmallVector<ReassociationIndices> groups;
  for (int64_t d = 0; d + 1 < type.getRank(); ++d)
    groups.push_back({d});
  if (!groups.empty())
    groups.back().push_back(type.getRank() - 1);
  ids = tensor::CollapseShapeOp::create(rewriter, loc, ids, groups);
  type = cast<RankedTensorType>(ids.getType());
  if (!type.getElementType().isIndex())
    ids = arith::IndexCastOp::create(rewriter, loc, type.clone(rewriter.getIndexType()), ids);
  auto wanted = cast<RankedTensorType>(op.getResult().getType());
  LookupOp lookup = lookUp(rewriter, loc, ids, op.getSource(), wanted.getElementType(), layer, rows);
  int64_t rank = cast<RankedTensorType>(rows.getType()).getRank();
  if (wanted.getRank() != rank) { // the gathered dimension kept, of size 1
    SmallVector<ReassociationIndices> kept;
    for (int64_t d = 0; d < rank; ++d)
      kept.push_back({d});
    kept.back().push_back(rank);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, loc, rows);
    sizes.insert(sizes.end() - 1, rewriter.getIndexAttr(1));
    rows = tensor::ExpandShapeOp::create(rewriter, loc, wanted, rows, kept, sizes);
  }
  rewriter.replaceOp(op, rows);
  return lookup;
}
