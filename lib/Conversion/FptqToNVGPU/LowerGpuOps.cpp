//===- LowerGpuOps.cpp - fptq_gpu to inline assembly ----------------------===//
#include "Emitter.h"
#include "fptq/Conversion/FptqToNVGPU/FptqGpu.h"
#include "fptq/Conversion/FptqToNVGPU/Passes.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::nvptx;

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERGPUOPSPASS
#include "fptq/Conversion/FptqToNVGPU/Passes.h.inc"
} // namespace mlir::fptq

/// "{$first, ..., $last}"
static std::string registers(int64_t first, int64_t count) {
  std::string text = "{";
  for (int64_t i = first; i < first + count; ++i)
    text += (i > first ? ", $" : "$") + std::to_string(i);
  return text + "}";
}

/// PTX ISA, "Matrix Descriptor Format": address / 16 in bits 0-13, atoms of 8 rows 1024 bytes apart (bits 32-45, / 16),
/// the leading offset unused (1), 128-byte swizzle (bits 62-63).
Value mlir::fptq::nvptx::matrixDescriptor(OpBuilder &b, Location loc, Value address) {
  auto number = [&](int64_t v) -> Value { return LLVM::ConstantOp::create(b, loc, b.getI64IntegerAttr(v)); };
  address = LLVM::AndOp::create(b, loc, address, number(0x3ffff));
  address = LLVM::LShrOp::create(b, loc, address, number(4));
  return LLVM::OrOp::create(b, loc, address, number(int64_t(1) << 62 | int64_t(1024 >> 4) << 32 | 1 << 16));
}

/// Assembly whose results are `acc`, changed in place, and that reads `others` ("r" or "l") as well.
static SmallVector<Value> assembleInPlace(OpBuilder &b, Location loc, const std::string &text, ValueRange acc,
                                          ArrayRef<std::pair<Value, StringRef>> others) {
  SmallVector<std::string> constraints(acc.size(), "=r");
  SmallVector<Value> operands, results;
  for (auto [value, constraint] : others) {
    operands.push_back(value);
    constraints.push_back(constraint.str());
  }
  llvm::append_range(operands, acc);
  for (size_t i = 0; i < acc.size(); ++i)
    constraints.push_back(std::to_string(i));
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(acc.size(), b.getI32Type()));
  auto assembly = LLVM::InlineAsmOp::create(
      b, loc, type, operands, text, llvm::join(constraints, ","), /*has_side_effects=*/true, /*is_align_stack=*/false,
      LLVM::TailCallKind::None, LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr());
  for (size_t i = 0; i < acc.size(); ++i)
    results.push_back(LLVM::ExtractValueOp::create(b, loc, assembly.getResult(0), i));
  return results;
}

namespace {
/// From fence to commit in one block: nothing gets between the steps of a product.
struct LowerWgmma : OpRewritePattern<WgmmaOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(WgmmaOp op, PatternRewriter &b) const override {
    Location loc = op.getLoc();
    int64_t accs = op.getAcc().size(), steps = op.getSteps();
    std::string text = "wgmma.fence.sync.aligned;";
    for (int64_t s = 0; s < steps; ++s)
      text += "\nwgmma.mma_async.sync.aligned.m64n" + std::to_string(op.getTokens()) + "k32.s32.u8.s8 " +
              registers(0, accs) + ", " + registers(accs + 4 * s, 4) + ", $" + std::to_string(accs + 4 * steps + s) +
              ", 1;";
    text += "\nwgmma.commit_group.sync.aligned;";
    SmallVector<std::pair<Value, StringRef>> operands;
    for (Value word : op.getA())
      operands.emplace_back(word, "r");
    Value first = matrixDescriptor(b, loc, LLVM::PtrToIntOp::create(b, loc, b.getI64Type(), op.getB()));
    for (int64_t s = 0; s < steps; ++s) { // 32 bytes further
      Value more = LLVM::ConstantOp::create(b, loc, b.getI64IntegerAttr(2 * s));
      operands.emplace_back(s ? LLVM::AddOp::create(b, loc, first, more).getResult() : first, "l");
    }
    b.replaceOp(op, assembleInPlace(b, loc, text, op.getAcc(), operands));
    return success();
  }
};

/// The accumulators pass through, so that LLVM moves no use of them before the wait.
struct LowerWgmmaWait : OpRewritePattern<WgmmaWaitOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(WgmmaWaitOp op, PatternRewriter &b) const override {
    std::string text = "wgmma.wait_group.sync.aligned " + std::to_string(op.getPending()) + ";";
    b.replaceOp(op, assembleInPlace(b, op.getLoc(), text, op.getAcc(), {}));
    return success();
  }
};

struct FptqLowerGpuOpsPass : mlir::fptq::impl::FptqLowerGpuOpsPassBase<FptqLowerGpuOpsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerWgmma, LowerWgmmaWait>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
