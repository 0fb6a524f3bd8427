//===- Epilogue.cpp - sums to results -------------------------------------===//
#include "KernelBuilder.h"
#include "MatmulFields.h"

using namespace mlir;
using namespace mlir::fptq::x86;

namespace {
/// What the rows of a block share.
struct Columns {
  SmallVector<Value> scale, bias, mask; ///< one for each vector; no masks where all columns exist
};
} // namespace

/// epilogue(matmul, results, first row, rows, first panel, panels): (A3), and (A2)'s scale. Where the result is to be
/// activated or multiplied, it stays in `results` for `activate`, which ends the epilogue.
LLVM::LLVMFuncOp KernelBuilder::epilogue() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("epilogue", {p, p, i64, i64, i64, i64}, [&](Emitter &e, ValueRange args) {
    const int64_t size = isa.vectorBytes(), lanes = isa.lanes, perPanel = isa.vectorsPerPanel();
    MatmulFields mm(e, args[0]);
    Value row0 = args[2], rows = args[3], column0 = e.mul(args[4], 16), columnBytes = e.mul(column0, 4);
    Value bias = mm.bias(), residual = mm.residual(), hasBias = e.notNull(bias);
    Value activated = arith::OrIOp::create(e, e.less(e.num(0), mm.activation()), e.notNull(mm.multiplicand()));
    Value hasResidual = e.select(activated, arith::ConstantOp::create(e, e.getBoolAttr(false)), e.notNull(residual));
    auto channelScale = [&](int64_t j) { // (P6)
      Value panel = e.add(args[4], j / perPanel), second = arith::AndIOp::create(e, panel, e.num(1));
      Value pair = e.at(mm.packed(), e.mul(e.div(panel, e.num(2)), pairBytes(e, mm.groups())));
      Value scales = e.at(pair, e.add(e.mul(mm.groups(), w.groupBytes), e.mul(second, w.halfScales ? 32 : 64)));
      return loadTail(e, Tail::Scale, scales, j % perPanel);
    };
    auto load = [&](Value from, Value mask) -> Value {
      if (mask)
        return LLVM::MaskedLoadOp::create(e, floats, from, mask, e.zeros(floats), 4);
      return e.load(floats, from, 4);
    };

    // `first`, `count`: vectors of the block, so that a row of it is written at once.
    auto columns = [&](int64_t first, int64_t count, Value valid) {
      Columns c;
      c.mask.resize(count);
      for (int64_t j = first; j < first + count; ++j) {
        if (valid) {
          auto iota = llvm::to_vector(llvm::seq<int32_t>(j * lanes, (j + 1) * lanes));
          Value lane = arith::ConstantOp::create(e, ints, DenseElementsAttr::get(ints, ArrayRef<int32_t>(iota)));
          Value limit = e.broadcast(ints, arith::TruncIOp::create(e, e.getI32Type(), valid));
          c.mask[j - first] = arith::CmpIOp::create(e, arith::CmpIPredicate::slt, lane, limit);
        }
        if (w.twoLevel)
          c.scale.push_back(channelScale(j));
        auto optional = scf::IfOp::create(e, floats, hasBias, true);
        OpBuilder::InsertionGuard guard(e);
        e.setInsertionPointToStart(optional.thenBlock());
        scf::YieldOp::create(e, load(e.at(e.at(bias, columnBytes), j * size), c.mask[j - first]));
        e.setInsertionPointToStart(optional.elseBlock());
        scf::YieldOp::create(e, e.zeros(floats));
        c.bias.push_back(optional.getResult(0));
      }
      return c;
    };
    auto writeRows = [&](int64_t first, const Columns &c) {
      Value from = e.at(args[1], first * size), offset = e.add(columnBytes, first * size);
      Value to = e.at(mm.y(), e.add(e.mul(e.mul(row0, mm.yStride()), 4), offset));
      to = e.select(activated, from, to);
      Value toStep = e.select(activated, e.num(isa.vectors() * size), e.mul(mm.yStride(), 4));
      Value add = e.at(residual, e.add(e.mul(e.mul(row0, mm.residualStride()), 4), offset));
      Value addStep = e.mul(mm.residualStride(), 4), xScales = e.at(mm.xScales(), e.mul(row0, 4));
      e.loop(e.num(0), rows, 1, ValueRange{from, xScales, to, add}, [&](Value, ValueRange now) {
        Value xScale = e.broadcast(floats, e.load(e.getF32Type(), now[1], 4));
        SmallVector<Value> y;
        for (auto [j, bias] : llvm::enumerate(c.bias)) {
          Value v = e.load(integerResult() ? ints : floats, e.at(now[0], j * size), size);
          if (w.twoLevel)
            v = e.fma(e.toFloat(floats, v), c.scale[j], e.zeros(floats));
          v = arith::MulFOp::create(e, v, xScale);
          // y + 0 would turn -0 into 0: select instead.
          y.push_back(e.select(hasBias, arith::AddFOp::create(e, v, bias), v));
        }
        auto write = [&](bool withResidual) {
          for (size_t j = 0; j < y.size(); ++j) {
            Value v = y[j];
            if (withResidual)
              v = arith::AddFOp::create(e, v, load(e.at(now[3], j * size), c.mask[j]));
            if (c.mask[j])
              LLVM::MaskedStoreOp::create(e, v, e.at(now[2], j * size), c.mask[j], 4);
            else
              e.store(v, e.at(now[2], j * size), 4);
          }
        };
        e.ifElse(hasResidual, [&] { write(true); }, [&] { write(false); });
        return SmallVector<Value>{e.at(now[0], isa.vectors() * size), e.at(now[1], 4), e.at(now[2], toStep),
                                  e.at(now[3], addStep)};
      });
    };
    Value valid = e.min(e.mul(args[5], 16), e.sub(mm.n(), column0));
    e.ifElse(
        e.less(valid, e.num(isa.panels * 16)),
        [&] {
          for (int64_t j = 0; j < isa.vectors(); ++j) // a ragged block, vector by vector
            e.ifThen(e.less(e.num(j * lanes), valid), [&] { writeRows(j, columns(j, 1, valid)); });
        },
        [&] { writeRows(0, columns(0, isa.vectors(), {})); });
    e.ifThen(activated, [&] { call(e, activate(), {args[0], args[1], row0, rows, column0, valid}); });
  });
}
