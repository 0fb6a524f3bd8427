//===- InputWindows.cpp - convolutions that are linear layers -------------===//
//
// A kernel of size 1 makes a linear of every pixel, with or without a stride; a kernel as large as its stride makes one
// of every patch (the stem of ViT and ConvNeXt). Both are views. Other windows have to be copied: CopiedWindows.cpp.
//
//===----------------------------------------------------------------------===//
#include "InputWindows.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::fptq;

namespace {
struct Term {
  unsigned loop;
  int64_t factor;
};
} // namespace

/// Sums of loops times constants only.
static bool readTerms(AffineExpr expr, SmallVectorImpl<Term> &terms) {
  if (auto loop = dyn_cast<AffineDimExpr>(expr))
    return terms.push_back({loop.getPosition(), 1}), true;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return readTerms(binary.getLHS(), terms) && readTerms(binary.getRHS(), terms);
  auto loop = dyn_cast<AffineDimExpr>(binary.getLHS());
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() != AffineExprKind::Mul || !loop || !factor || factor.getValue() < 1)
    return false;
  terms.push_back({loop.getPosition(), factor.getValue()});
  return true;
}

bool mlir::fptq::readsWindows(AffineMap inputMap) {
  SmallVector<Term> terms;
  return llvm::all_of(inputMap.getResults(), [&](AffineExpr expr) { return readTerms(expr, terms); });
}

static FailureOr<InputWindow> matchWindow(unsigned dim, AffineExpr expr, AffineMap resultMap,
                                          ArrayRef<int64_t> extents) {
  SmallVector<Term> terms;
  if (!readTerms(expr, terms))
    return failure();
  std::optional<Term> outer, inner;
  for (Term term : terms) {
    std::optional<Term> &kind = resultMap.isFunctionOfDim(term.loop) ? outer : inner;
    if (kind)
      return failure();
    kind = term;
  }
  if (!outer)
    return failure();
  if (!inner || extents[inner->loop] == 1)
    return InputWindow{dim, outer->loop, std::nullopt, outer->factor};
  bool sideBySide = inner->factor == 1 && outer->factor == extents[inner->loop];
  if (!sideBySide || ShapedType::isDynamic(extents[outer->loop]) || ShapedType::isDynamic(extents[inner->loop]))
    return failure();
  return InputWindow{dim, outer->loop, inner->loop, extents[inner->loop]};
}

FailureOr<AffineMap> mlir::fptq::matchWindows(AffineMap inputMap, AffineMap resultMap, ArrayRef<int64_t> extents,
                                              SmallVectorImpl<InputWindow> &windows) {
  SmallVector<AffineExpr> plain;
  for (auto [dim, expr] : llvm::enumerate(inputMap.getResults())) {
    if (isa<AffineDimExpr>(expr)) {
      plain.push_back(expr);
      continue;
    }
    FailureOr<InputWindow> window = matchWindow(dim, expr, resultMap, extents);
    if (failed(window))
      return failure();
    windows.push_back(*window);
    plain.push_back(getAffineDimExpr(window->outer, expr.getContext()));
    if (window->inner)
      plain.push_back(getAffineDimExpr(*window->inner, expr.getContext()));
  }
  auto map = AffineMap::get(inputMap.getNumDims(), 0, plain, inputMap.getContext());
  if (!map.isProjectedPermutation())
    return failure();
  return map;
}

/// A slice is the whole of `x` where the sizes say so; a convolution may leave elements at the end of a dimension
/// unread.
static Value dropUnread(OpBuilder &b, Location loc, Value x, ArrayRef<InputWindow> windows, ArrayRef<int64_t> extents,
                        Value result, AffineMap resultMap) {
  SmallVector<OpFoldResult> whole = tensor::getMixedSizes(b, loc, x), sizes = whole;
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)), strides(sizes.size(), b.getIndexAttr(1));
  bool strided = false;
  for (const InputWindow &window : windows) {
    unsigned at = *resultMap.getResultPosition(getAffineDimExpr(window.outer, b.getContext()));
    sizes[window.dim] = window.inner ? b.getIndexAttr(extents[window.outer] * extents[*window.inner])
                                     : tensor::getMixedSize(b, loc, result, at);
    if (window.inner)
      continue;
    strides[window.dim] = b.getIndexAttr(window.stride);
    strided |= window.stride != 1;
  }
  if (!strided && sizes == whole)
    return x;
  return tensor::ExtractSliceOp::create(b, loc, x, offsets, sizes, strides);
}

Value mlir::fptq::withoutWindows(OpBuilder &b, Location loc, Value x, ArrayRef<InputWindow> windows,
                                 ArrayRef<int64_t> extents, Value result, AffineMap resultMap) {
  if (windows.empty())
    return x;
  x = dropUnread(b, loc, x, windows, extents, result, resultMap);
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, x), expanded;
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    groups.push_back({(int64_t)shape.size()});
    auto window = llvm::find_if(windows, [&](const InputWindow &window) { return window.dim == dim && window.inner; });
    if (window == windows.end()) {
      shape.push_back(type.getDimSize(dim)), expanded.push_back(sizes[dim]);
      continue;
    }
    groups.back().push_back(shape.size() + 1);
    for (int64_t extent : {extents[window->outer], extents[*window->inner]})
      shape.push_back(extent), expanded.push_back(b.getIndexAttr(extent));
  }
  if ((int64_t)shape.size() == type.getRank())
    return x;
  return tensor::ExpandShapeOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), x, groups,
                                       expanded);
}
