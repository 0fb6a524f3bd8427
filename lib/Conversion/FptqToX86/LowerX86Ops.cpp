//===- LowerX86Ops.cpp - fptq_x86 to intrinsics or arith ------------------===//
#include "Emitter.h"
#include "fptq/Conversion/FptqToX86/Passes.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::x86;

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERX86OPSPASS
#include "fptq/Conversion/FptqToX86/Passes.h.inc"
} // namespace mlir::fptq

//===----------------------------------------------------------------------===//
// The instruction itself
//===----------------------------------------------------------------------===//

static Value intrinsic(Emitter &e, StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(e, result, e.getStringAttr(name), operands).getResult(0);
}

static Value toIntrinsic(Emitter &e, Dot4Op op) {
  bool wide = op.getType().getNumElements() == 16;
  return intrinsic(e, wide ? "llvm.x86.avx512.vpdpbusd.512" : "llvm.x86.avx512.vpdpbusd.256", op.getType(),
                   {op.getAcc(), op.getWeights(), op.getActivations()});
}

/// The fence is a pseudo instruction that vanishes after register allocation and keeps LLVM from regrouping
/// the additions; it takes floats only, hence the bitcasts.
static Value toIntrinsic(Emitter &e, Madd8Op op) {
  Value products = intrinsic(e, "llvm.x86.avx2.pmadd.ub.sw", op.getType(), {op.getWeights(), op.getActivations()});
  Value sum = arith::AddIOp::create(e, op.getAcc(), products);
  auto floats = VectorType::get(8, e.getF32Type());
  Value fenced = intrinsic(e, "llvm.arithmetic.fence", floats, {e.bitcast(floats, sum)});
  return e.bitcast(op.getType(), fenced);
}

static Value toIntrinsic(Emitter &e, Madd16Op op) {
  bool wide = op.getType().getNumElements() == 16;
  return intrinsic(e, wide ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd", op.getType(),
                   {op.getLhs(), op.getRhs()});
}

//===----------------------------------------------------------------------===//
// Plain arithmetic
//===----------------------------------------------------------------------===//

/// Field `index` of `width` bits of each lane, as a lane.
static Value field(Emitter &e, Value v, int64_t index, int64_t width, bool isSigned) {
  auto type = cast<VectorType>(v.getType());
  int64_t bits = type.getElementTypeBitWidth();
  Value up = arith::ShLIOp::create(e, v, e.splat(type, bits - width * (index + 1)));
  Value down = e.splat(type, bits - width);
  return isSigned ? arith::ShRSIOp::create(e, up, down).getResult() : arith::ShRUIOp::create(e, up, down).getResult();
}

/// `sum` + the products of the `width`-bit fields that share a lane of `sum`.
static Value sumOfProducts(Emitter &e, Value sum, Value lhs, Value rhs, int64_t width, bool lhsSigned) {
  auto type = cast<VectorType>(sum.getType());
  lhs = e.bitcast(type, lhs);
  rhs = e.bitcast(type, rhs);
  for (int64_t i = 0, n = type.getElementTypeBitWidth() / width; i < n; ++i)
    sum = e.add(sum, e.mul(field(e, lhs, i, width, lhsSigned), field(e, rhs, i, width, true)));
  return sum;
}

static Value toArith(Emitter &e, Dot4Op op) {
  return sumOfProducts(e, op.getAcc(), op.getWeights(), op.getActivations(), 8, /*lhsSigned=*/false);
}
static Value toArith(Emitter &e, Madd8Op op) {
  return sumOfProducts(e, op.getAcc(), op.getWeights(), op.getActivations(), 8, /*lhsSigned=*/false);
}
static Value toArith(Emitter &e, Madd16Op op) {
  return sumOfProducts(e, e.splat(op.getType(), 0), op.getLhs(), op.getRhs(), 16, /*lhsSigned=*/true);
}

namespace {
template <typename OpTy> struct LowerX86Op : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Emitter e(op.getLoc(), rewriter);
    auto function = op->template getParentOfType<LLVM::LLVMFuncOp>();
    bool emulated = function && function->hasAttr(kEmulatedAttr);
    rewriter.replaceOp(op, emulated ? toArith(e, op) : toIntrinsic(e, op));
    return success();
  }
};

struct FptqLowerX86OpsPass : mlir::fptq::impl::FptqLowerX86OpsPassBase<FptqLowerX86OpsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerX86Op<Dot4Op>, LowerX86Op<Madd8Op>, LowerX86Op<Madd16Op>>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
