//===- Activate.cpp - the activated half of an epilogue -------------------===//
#include "Epilogue.h"
#include "MatmulFields.h"
#include "fptq/Support/Activation.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::x86;

/// The rows of a block, as the operands of one: values, y, multiplicand, residual.
struct EpilogueKernels::ActivatedRows {
  EpilogueKernels &kernels;
  Emitter &e;
  MatmulFields mm;
  Value multiplicand = mm.multiplicand(), residual = mm.residual();
  Value times = e.notNull(multiplicand), plus = e.notNull(residual);
  Value yStep = e.mul(mm.yStride(), 4), timesStep = e.mul(mm.multiplicandStride(), 4),
        plusStep = e.mul(mm.residualStride(), 4);

  SmallVector<Value> first(Value values, Value row, Value column) {
    auto at = [&](Value base, Value step) { return e.at(base, e.add(e.mul(row, step), e.mul(column, 4))); };
    return {values, at(mm.y(), yStep), at(multiplicand, timesStep), at(residual, plusStep)};
  }
  SmallVector<Value> next(ValueRange row) {
    return {e.at(row[0], kernels.isa.vectors() * kernels.isa.vectorBytes()), e.at(row[1], yStep),
            e.at(row[2], timesStep), e.at(row[3], plusStep)};
  }

  /// A vector of a row from column `offset`; `mask`: the columns that exist, null where all do.
  void vector(FptqActivation activation, ValueRange row, Value offset, Value mask);
  /// Columns [0, columns) of a row.
  void columns(FptqActivation activation, ValueRange row, Value columns);
};

void EpilogueKernels::ActivatedRows::vector(FptqActivation activation, ValueRange row, Value offset, Value mask) {
  VectorType floats = kernels.floats;
  Value bytes = e.mul(offset, 4);
  auto operand = [&](int64_t i) -> Value {
    Value from = e.at(row[i], bytes);
    return mask ? LLVM::MaskedLoadOp::create(e, floats, from, mask, e.zeros(floats), 4) : e.load(floats, from, 4);
  };
  auto ifGiven = [&](Value given, Value v, llvm::function_ref<Value()> with) {
    return e.ifElse(
        given, floats, [&] { return SmallVector<Value>{with()}; }, [&] { return SmallVector<Value>{v}; })[0];
  };
  Value v = emitActivation(e, activation, e.load(floats, e.at(row[0], bytes), kernels.isa.vectorBytes()));
  v = ifGiven(times, v, [&] { return arith::MulFOp::create(e, v, operand(2)); });
  v = ifGiven(plus, v, [&] { return arith::AddFOp::create(e, v, operand(3)); });
  if (mask)
    LLVM::MaskedStoreOp::create(e, v, e.at(row[1], bytes), mask, 4);
  else
    e.store(v, e.at(row[1], bytes), 4);
}

void EpilogueKernels::ActivatedRows::columns(FptqActivation activation, ValueRange row, Value columns) {
  const int64_t lanes = kernels.isa.lanes;
  VectorType ints = kernels.ints;
  Value whole = e.mul(e.div(columns, e.num(lanes)), lanes);
  e.loop(e.num(0), whole, lanes, [&](Value offset) { vector(activation, row, offset, {}); });
  e.ifThen(e.less(whole, columns), [&] {
    auto iota = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
    Value lane = arith::ConstantOp::create(e, ints, DenseElementsAttr::get(ints, ArrayRef<int32_t>(iota)));
    Value rest = e.broadcast(ints, arith::TruncIOp::create(e, e.getI32Type(), e.sub(columns, whole)));
    vector(activation, row, whole, arith::CmpIOp::create(e, arith::CmpIPredicate::slt, lane, rest));
  });
}

/// activate(matmul, values, first row, rows, first column, columns): (A4), the multiplicand and the residual, from the
/// block that `epilogue` left in `values` to the result. A function of its own: three polynomials inlined in the
/// epilogue of every format would be most of its code.
LLVM::LLVMFuncOp EpilogueKernels::activate() {
  auto body = [&](Emitter &e, ValueRange args) {
    ActivatedRows rows{*this, e, MatmulFields(e, args[0])};
    SmallVector<Value> first = rows.first(args[1], args[2], args[4]);
    e.switchOn(rows.mm.activation(), {FPTQ_NO_ACTIVATION, FPTQ_SILU, FPTQ_GELU, FPTQ_GELU_TANH}, [&](int64_t kind) {
      e.loop(e.num(0), args[3], 1, first, [&](Value, ValueRange row) {
        rows.columns(FptqActivation(kind), row, args[5]);
        return rows.next(row);
      });
    });
  };
  return getOrCreateFunction(module, isa, emulated, "activate", {ptr, ptr, i64, i64, i64, i64}, body);
}
