//===- ConstantIdentity.cpp - when two constant chains are one weight -----===//
//
// A chain of reshapes, transpositions, broadcasts and slices reads its root with a fixed stride along each of a few
// loops. Written in a normal form these loops tell the same weight spelled twice (behind a transposition in `prefill`,
// straight in `decode`) from two weights over one constant (a tied table that one layer uses transposed). Comparing
// the numbers would tell as much, and read every weight of the model.
//
//===----------------------------------------------------------------------===//
#include "ConstantChain.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::fptq;

namespace {
struct Loop {
  int64_t size, stride;
};
using Loops = SmallVector<Loop>;

/// Elements of `root`: each dimension is a nest of loops over it, the outermost first.
struct View {
  std::string root;
  int64_t base = 0;
  SmallVector<Loops> dims;
};
} // namespace

/// All elements of `root` in order, as a tensor of `shape`.
static View wholeOf(std::string root, ArrayRef<int64_t> shape) {
  View view{std::move(root), 0, SmallVector<Loops>(shape.size())};
  int64_t stride = 1;
  for (int64_t d = (int64_t)shape.size() - 1; d >= 0; stride *= shape[d--])
    view.dims[d].push_back({shape[d], stride});
  return view;
}

/// The same elements in the same order with the fewest loops.
static Loops merged(ArrayRef<Loops> dims) {
  Loops result;
  for (const Loops &dim : dims)
    for (Loop loop : dim) {
      if (loop.size == 1)
        continue;
      if (!result.empty() && result.back().stride == loop.size * loop.stride)
        result.back() = {result.back().size * loop.size, loop.stride};
      else
        result.push_back(loop);
    }
  return result;
}

/// `loops` cut into dimensions of `shape`; none where a dimension ends inside of a loop that it does not divide.
static std::optional<SmallVector<Loops>> reshaped(Loops loops, ArrayRef<int64_t> shape) {
  SmallVector<Loops> dims(shape.size());
  Loop *next = loops.begin();
  for (auto [dim, size] : llvm::zip_equal(dims, shape))
    for (int64_t left = size; left != 1;) {
      if (next == loops.end() || left == 0 || next->size == 0 || (left % next->size && next->size % left))
        return std::nullopt;
      if (left % next->size == 0) {
        dim.push_back(*next);
        left /= next++->size;
        continue;
      }
      next->size /= left; // the inner part is the next dimension's
      dim.push_back({left, next->size * next->stride});
      left = 1;
    }
  return dims;
}

static SmallVector<Loops> permuted(const View &view, AffineMap map, ArrayRef<int64_t> shape) {
  SmallVector<Loops> dims;
  for (int64_t size : shape)
    dims.push_back({{size, 0}}); // a broadcast, unless the map says otherwise
  for (auto [from, expr] : llvm::enumerate(map.getResults()))
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      dims[dim.getPosition()] = view.dims[from];
  return dims;
}

/// Cuts `view` in place; false where a dimension of several loops is cut.
static bool slice(View &view, tensor::ExtractSliceOp op) {
  SmallVector<Loops> dims;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (auto [d, dim] : llvm::enumerate(view.dims)) {
    int64_t offset = op.getStaticOffsets()[d], size = op.getStaticSizes()[d], stride = op.getStaticStrides()[d];
    if (size != op.getSourceType().getDimSize(d)) {
      Loops loops = merged(dim);
      if (loops.size() != 1)
        return false;
      view.base += offset * loops[0].stride;
      dim = {{size, stride * loops[0].stride}};
    }
    if (!dropped.test(d))
      dims.push_back(dim);
  }
  view.dims = std::move(dims);
  return true;
}

static std::string rootName(Operation *op) {
  if (auto load = dyn_cast<ml_program::GlobalLoadConstOp>(op))
    return "@" + load.getGlobal().getLeafReference().getValue().str();
  Attribute constant; // attributes are unique
  matchPattern(op, m_Constant(&constant));
  return llvm::utohexstr((uintptr_t)constant.getAsOpaquePointer());
}

/// An op that is no rearrangement: what it is, of what.
static std::string opaque(Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << op->getName() << op->getAttrDictionary() << op->getResult(0).getType() << "(";
  llvm::interleaveComma(op->getOperands(), os, [&](Value operand) {
    os << (isConstantChain(operand) ? constantIdentity(operand) : std::string("-")); // a destination's contents
  });
  os << ")";
  return text;
}

static View viewOf(Value value) {
  Operation *op = value.getDefiningOp();
  auto type = cast<RankedTensorType>(value.getType());
  ChainStep step = classifyChainStep(op);
  if (step == ChainStep::Root)
    return wholeOf(rootName(op), type.getShape());
  if (step == ChainStep::ScaleChannels || step == ChainStep::Dequantize)
    return wholeOf(opaque(op), type.getShape());
  View view = viewOf(chainOperand(op));
  std::optional<SmallVector<Loops>> dims;
  switch (step) {
  case ChainStep::Permute:
    view.dims = permuted(view, chainPermutation(op), type.getShape());
    return view;
  case ChainStep::Reshape:
    dims = reshaped(merged(view.dims), type.getShape());
    if (!dims)
      break;
    view.dims = std::move(*dims);
    return view;
  case ChainStep::Slice:
    if (slice(view, cast<tensor::ExtractSliceOp>(op)))
      return view;
    break;
  case ChainStep::Cast: {
    Type from = cast<RankedTensorType>(chainOperand(op).getType()).getElementType(), to = type.getElementType();
    if (to.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth())
      return view; // an extension changes no number
    llvm::raw_string_ostream(view.root) << " as " << to;
    return view;
  }
  default:
    break;
  }
  return wholeOf(opaque(op), type.getShape());
}

std::string mlir::fptq::constantIdentity(Value value) {
  View view = viewOf(value);
  std::string text;
  llvm::raw_string_ostream os(text);
  os << view.root << " at " << view.base;
  for (Loop loop : merged(view.dims))
    os << ", " << loop.size << " by " << loop.stride;
  os << ": ";
  llvm::interleave(cast<RankedTensorType>(value.getType()).getShape(), os, "x");
  return text;
}
