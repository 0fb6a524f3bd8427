//===- Epilogue.cpp - sums to results -------------------------------------===//
#include "Epilogue.h"
#include "MatmulFields.h"

using namespace mlir;
using namespace mlir::fptq::x86;

/// The rows and columns of one call.
struct EpilogueKernels::Block {
  EpilogueKernels &kernels;
  Emitter &e;
  MatmulFields mm;
  Value results, row0, rows, panel0, columnBytes;
  Value bias, residual, hasBias, hasResidual;
  Value activated; ///< results stay where they are, for `activate`

  const Isa &isa = kernels.isa;
  const WeightFormat &w = kernels.w;
  const int64_t size = isa.vectorBytes();

  /// Vectors [first, first + scale.size()) of the block, and what their rows share.
  struct Columns {
    int64_t first;
    SmallVector<Value> scale, bias, mask; ///< a vector's; no masks where all columns exist
  };

  Value channelScale(int64_t j);
  Value load(Value from, Value mask);
  Columns columns(int64_t first, int64_t count, Value valid);
  Value finished(Value sum, Value xScale, const Columns &c, int64_t j);
  void writeRow(ArrayRef<Value> y, const Columns &c, Value to, Value residual);
  void writeRows(const Columns &c);
};

/// (P6)
Value EpilogueKernels::Block::channelScale(int64_t j) {
  const int64_t perPanel = isa.vectorsPerPanel();
  Value panel = e.add(panel0, j / perPanel), second = arith::AndIOp::create(e, panel, e.num(1));
  Value pair = e.at(mm.packed(), e.mul(e.div(panel, e.num(2)), kernels.pairBytes(e, mm.groups())));
  Value scales = e.at(pair, e.add(e.mul(mm.groups(), w.groupBytes), e.mul(second, w.halfScales ? 32 : 64)));
  return kernels.loadTail(e, Tail::Scale, scales, j % perPanel);
}

Value EpilogueKernels::Block::load(Value from, Value mask) {
  if (mask)
    return LLVM::MaskedLoadOp::create(e, kernels.floats, from, mask, e.zeros(kernels.floats), 4);
  return e.load(kernels.floats, from, 4);
}

/// `valid`: columns that exist, where that may be fewer.
EpilogueKernels::Block::Columns EpilogueKernels::Block::columns(int64_t first, int64_t count, Value valid) {
  const int64_t lanes = isa.lanes;
  Columns c;
  c.first = first;
  c.mask.resize(count);
  for (int64_t j = first; j < first + count; ++j) {
    if (valid) {
      auto iota = llvm::to_vector(llvm::seq<int32_t>(j * lanes, (j + 1) * lanes));
      auto type = kernels.ints;
      Value lane = arith::ConstantOp::create(e, type, DenseElementsAttr::get(type, ArrayRef<int32_t>(iota)));
      Value limit = e.broadcast(type, arith::TruncIOp::create(e, e.getI32Type(), valid));
      c.mask[j - first] = arith::CmpIOp::create(e, arith::CmpIPredicate::slt, lane, limit);
    }
    if (w.twoLevel)
      c.scale.push_back(channelScale(j));
    auto optional = scf::IfOp::create(e, kernels.floats, hasBias, true);
    OpBuilder::InsertionGuard guard(e);
    e.setInsertionPointToStart(optional.thenBlock());
    scf::YieldOp::create(e, load(e.at(e.at(bias, columnBytes), j * size), c.mask[j - first]));
    e.setInsertionPointToStart(optional.elseBlock());
    scf::YieldOp::create(e, e.zeros(kernels.floats));
    c.bias.push_back(optional.getResult(0));
  }
  return c;
}

/// (A2)'s scale, and (A3) up to the bias.
Value EpilogueKernels::Block::finished(Value sum, Value xScale, const Columns &c, int64_t j) {
  if (w.twoLevel)
    sum = e.fma(e.toFloat(kernels.floats, sum), c.scale[j], e.zeros(kernels.floats));
  Value y = arith::MulFOp::create(e, sum, xScale);
  // y + 0 would turn -0 into 0: select instead.
  return e.select(hasBias, arith::AddFOp::create(e, y, c.bias[j]), y);
}

/// `residual`: null where there is none.
void EpilogueKernels::Block::writeRow(ArrayRef<Value> y, const Columns &c, Value to, Value residual) {
  for (auto [j, v] : llvm::enumerate(y)) {
    Value result = v, mask = c.mask[j];
    if (residual)
      result = arith::AddFOp::create(e, result, load(e.at(residual, j * size), mask));
    if (mask)
      LLVM::MaskedStoreOp::create(e, result, e.at(to, j * size), mask, 4);
    else
      e.store(result, e.at(to, j * size), 4);
  }
}

void EpilogueKernels::Block::writeRows(const Columns &c) {
  Value from = e.at(results, c.first * size), offset = e.add(columnBytes, c.first * size);
  Value to = e.at(mm.y(), e.add(e.mul(e.mul(row0, mm.yStride()), 4), offset));
  to = e.select(activated, from, to);
  Value toStep = e.select(activated, e.num(isa.vectors() * size), e.mul(mm.yStride(), 4));
  Value add = e.at(residual, e.add(e.mul(e.mul(row0, mm.residualStride()), 4), offset));
  Value addStep = e.mul(mm.residualStride(), 4), xScales = e.at(mm.xScales(), e.mul(row0, 4));
  e.loop(e.num(0), rows, 1, ValueRange{from, xScales, to, add}, [&](Value, ValueRange now) {
    Value xScale = e.broadcast(kernels.floats, e.load(e.getF32Type(), now[1], 4));
    SmallVector<Value> y;
    for (size_t j = 0; j < c.bias.size(); ++j) {
      Value sum = e.load(kernels.integerResult() ? kernels.ints : kernels.floats, e.at(now[0], j * size), size);
      y.push_back(finished(sum, xScale, c, j));
    }
    e.ifElse(hasResidual, [&] { writeRow(y, c, now[2], now[3]); }, [&] { writeRow(y, c, now[2], {}); });
    return SmallVector<Value>{e.at(now[0], isa.vectors() * size), e.at(now[1], 4), e.at(now[2], toStep),
                              e.at(now[3], addStep)};
  });
}

/// epilogue(matmul, results, first row, rows, first panel, panels): (A3), and (A2)'s scale. Where the result is to be
/// activated or multiplied, it stays in `results` for `activate`, which ends the epilogue.
LLVM::LLVMFuncOp EpilogueKernels::epilogue() {
  return function("epilogue", {ptr, ptr, i64, i64, i64, i64}, [&](Emitter &e, ValueRange args) {
    MatmulFields mm(e, args[0]);
    Value row0 = args[2], rows = args[3], column0 = e.mul(args[4], 16), columnBytes = e.mul(column0, 4);
    Value bias = mm.bias(), residual = mm.residual(), hasBias = e.notNull(bias);
    Value activated = arith::OrIOp::create(e, e.less(e.num(0), mm.activation()), e.notNull(mm.multiplicand()));
    Value hasResidual = e.select(activated, arith::ConstantOp::create(e, e.getBoolAttr(false)), e.notNull(residual));
    Block block{*this,       e,    mm,       args[1], row0,        rows,     args[4],
                columnBytes, bias, residual, hasBias, hasResidual, activated};
    Value valid = e.min(e.mul(args[5], 16), e.sub(mm.n(), column0));
    e.ifElse(
        e.less(valid, e.num(isa.panels * 16)),
        [&] {
          for (int64_t j = 0; j < isa.vectors(); ++j) // a ragged block, vector by vector
            e.ifThen(e.less(e.num(j * isa.lanes), valid), [&] { block.writeRows(block.columns(j, 1, valid)); });
        },
        [&] { block.writeRows(block.columns(0, isa.vectors(), {})); });
    e.ifThen(activated, [&] { call(e, activate(), {args[0], args[1], row0, rows, column0, valid}); });
  });
}
