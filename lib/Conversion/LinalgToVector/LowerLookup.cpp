//===- LowerLookup.cpp - rows of tables ------------------------------------===//
//
// A packed table has the layout of products, so that a tied head shares it. A row's codes then are 4 of each 64 bytes
// of its panel, read once and in order: eight bytes of memory a channel, where a float row has four. A token's row is
// some kilobytes beside the whole model that decode reads for it, so a layout of rows would buy nothing but a second
// copy.
//
//===----------------------------------------------------------------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/IR/PackedShape.h"
#include "fptq/Pack/PackedAddresses.h"
#include "fptq/Support/FloatLookup.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERFLOATLOOKUPPASS
#define GEN_PASS_DEF_FPTQLOWERPACKEDLOOKUPPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerFloatLookupPass : impl::FptqLowerFloatLookupPassBase<FptqLowerFloatLookupPass> {
  using Base::Base;
  void runOnOperation() override {
    SmallVector<LookupOp> ops;
    getOperation().walk([&](LookupOp op) { ops.push_back(op); });
    llvm::for_each(ops, lowerFloatLookup);
  }
};

struct FptqLowerPackedLookupPass : impl::FptqLowerPackedLookupPassBase<FptqLowerPackedLookupPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// Channels whose codes are unpacked at once.
constexpr int64_t kQuad = PackedAddresses::kQuad;

/// Writes the loops of one lookup.
class RowReader {
public:
  RowReader(PackedLookupOp op, ImplicitLocOpBuilder &b)
      : b(b), op(op), shape(packedShape(op.getScheme(), op.getLayout(), op.getRows(), op.getChannels(),
                                        cast<ShapedType>(op.getPacked().getType()).getDimSize(0))),
        at(packedAddresses(op.getContext(), op.getLayout().getLayout(), shape)) {}

  /// One row for each id.
  void emit();

private:
  /// The first `channels` channels of group `g` of table row `n`, to row `m` of the result.
  void emitGroup(Value m, Value n, Value g, int64_t channels);
  /// The channels `4 q ..` of the group, `count` of them.
  void emitQuad(Value m, Value n, Value g, Value q, int64_t count);

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value i32(int64_t value) { return arith::ConstantIntOp::create(b, value, 32); }
  Value address(AffineMap map, ValueRange operands) {
    return affine::makeComposedAffineApply(b, b.getLoc(), map, llvm::to_vector_of<OpFoldResult>(operands));
  }
  Value bytes(Value address, int64_t count) {
    return vector::LoadOp::create(b, VectorType::get(count, b.getI8Type()), op.getPacked(), address);
  }
  Value byteAt(AffineMap map, Value n, Value g) {
    Value byte = memref::LoadOp::create(b, op.getPacked(), address(map, {n, g}));
    return arith::ExtUIOp::create(b, b.getI32Type(), byte);
  }
  Value scaleAt(Value n, Value g);
  template <typename Fn> void loop(int64_t count, Fn body);

  ImplicitLocOpBuilder &b;
  PackedLookupOp op;
  PackedShape shape;
  PackedAddresses at;
  Value scale, zero, multiplier; ///< of the group at hand; the weight is scale * (code * multiplier - zero)
};
} // namespace

Value RowReader::scaleAt(Value n, Value g) {
  Type stored = shape.halfScales ? Type(b.getF16Type()) : Type(b.getF32Type());
  Value raw = bytes(address(at.scale, {n, g}), shape.halfScales ? 2 : 4);
  Value one = vector::BitCastOp::create(b, VectorType::get(1, stored), raw);
  Value value = vector::ExtractOp::create(b, one, int64_t(0));
  return shape.halfScales ? arith::ExtFOp::create(b, b.getF32Type(), value) : value;
}

template <typename Fn> void RowReader::loop(int64_t count, Fn body) {
  if (count <= 0)
    return;
  auto loop = scf::ForOp::create(b, index(0), index(count), index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void RowReader::emitQuad(Value m, Value n, Value g, Value q, int64_t count) {
  auto codes = VectorType::get(kQuad, b.getI8Type()), wide = VectorType::get(kQuad, b.getI32Type());
  auto floats = VectorType::get(kQuad, b.getF32Type());
  auto splat = [&](Type type, Value v) -> Value { return vector::BroadcastOp::create(b, type, v); };
  Value quad = bytes(address(at.codes, {n, g, q}), kQuad);
  Value shift = arith::IndexCastOp::create(b, b.getI8Type(), address(at.shift, {n, g, q}));
  Value code = arith::ShRUIOp::create(b, quad, splat(codes, shift));
  code = arith::AndIOp::create(b, code,
                               arith::ConstantOp::create(b, DenseElementsAttr::get(codes, b.getI8IntegerAttr(15))));
  code = arith::ExtUIOp::create(b, wide, code);
  if (multiplier)
    code = arith::MulIOp::create(b, code, splat(wide, multiplier));
  code = arith::SubIOp::create(b, code, splat(wide, zero));
  Value row = arith::MulFOp::create(b, arith::SIToFPOp::create(b, floats, code), splat(floats, scale));
  if (count < kQuad)
    row = vector::ExtractStridedSliceOp::create(b, row, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{count},
                                                ArrayRef<int64_t>{1});
  AffineExpr group, inGroup;
  bindDims(b.getContext(), group, inGroup);
  Value channel = address(AffineMap::get(2, 0, group * shape.groupSize + inGroup * kQuad), {g, q});
  vector::StoreOp::create(b, row, op.getInit(), ValueRange{m, channel});
}

void RowReader::emitGroup(Value m, Value n, Value g, int64_t channels) {
  scale = scaleAt(n, g);
  multiplier = shape.twoLevel ? byteAt(at.multiplier, n, g) : Value();
  if (shape.twoLevel)
    zero = arith::SubIOp::create(b, i32(128), byteAt(at.zero, n, g));
  else
    zero = shape.symmetric ? i32(8) : byteAt(at.zero, n, g);
  loop(channels / kQuad, [&](Value q) { emitQuad(m, n, g, q, kQuad); });
  if (channels % kQuad)
    emitQuad(m, n, g, index(channels / kQuad), channels % kQuad);
}

void RowReader::emit() {
  Value count = memref::DimOp::create(b, op.getIds(), 0);
  auto rows = scf::ForOp::create(b, index(0), count, index(1));
  b.setInsertionPointToStart(rows.getBody());
  Value m = rows.getInductionVar(), n = memref::LoadOp::create(b, op.getIds(), m);
  int64_t whole = shape.k / shape.groupSize;
  loop(whole, [&](Value g) { emitGroup(m, n, g, shape.groupSize); });
  if (int64_t ragged = shape.k % shape.groupSize)
    emitGroup(m, n, index(whole), ragged);
}

void FptqLowerPackedLookupPass::runOnOperation() {
  SmallVector<PackedLookupOp> ops;
  getOperation().walk([&](PackedLookupOp op) { ops.push_back(op); });
  for (PackedLookupOp op : ops) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    RowReader(op, b).emit();
    op.erase();
  }
}
} // namespace mlir::fptq
