//===- Activate.cpp - the activated half of an epilogue -------------------===//
#include "Epilogue.h"
#include "MatmulFields.h"
#include "fptq/Support/Activation.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::x86;

/// activate(matmul, values, first row, rows, first column, columns): (A4), the multiplicand and the residual, from the
/// block that `epilogue` left in `values` to the result. A function of its own: three polynomials inlined in the
/// epilogue of every format would be most of its code.
LLVM::LLVMFuncOp EpilogueKernels::activate() {
  auto body = [&](Emitter &e, ValueRange args) {
    const int64_t size = isa.vectorBytes(), lanes = isa.lanes;
    MatmulFields mm(e, args[0]);
    Value rows = args[3], columns = args[5], whole = e.mul(e.div(columns, e.num(lanes)), lanes);
    Value multiplicand = mm.multiplicand(), residual = mm.residual();
    Value times = e.notNull(multiplicand), plus = e.notNull(residual);
    // One vector, `offset` columns into the rows that `at` points to: values, y, multiplicand, residual.
    auto vector = [&](FptqActivation activation, ValueRange at, Value offset, Value mask) {
      auto load = [&](Value from) -> Value {
        if (mask)
          return LLVM::MaskedLoadOp::create(e, floats, from, mask, e.zeros(floats), 4);
        return e.load(floats, from, 4);
      };
      Value bytes = e.mul(offset, 4);
      auto ifGiven = [&](Value given, Value v, llvm::function_ref<Value()> with) {
        auto op = scf::IfOp::create(e, floats, given, /*withElseRegion=*/true);
        OpBuilder::InsertionGuard guard(e);
        e.setInsertionPointToStart(op.thenBlock());
        scf::YieldOp::create(e, with());
        e.setInsertionPointToStart(op.elseBlock());
        scf::YieldOp::create(e, v);
        return op.getResult(0);
      };
      Value v = emitActivation(e, activation, e.load(floats, e.at(at[0], bytes), size));
      v = ifGiven(times, v, [&] { return arith::MulFOp::create(e, v, load(e.at(at[2], bytes))); });
      v = ifGiven(plus, v, [&] { return arith::AddFOp::create(e, v, load(e.at(at[3], bytes))); });
      if (mask)
        LLVM::MaskedStoreOp::create(e, v, e.at(at[1], bytes), mask, 4);
      else
        e.store(v, e.at(at[1], bytes), 4);
    };
    auto rowOf = [&](Value base, Value stride) { return e.at(base, e.mul(e.add(e.mul(args[2], stride), args[4]), 4)); };
    Value yStride = mm.yStride(), timesStride = mm.multiplicandStride(), plusStride = mm.residualStride();
    SmallVector<Value> start{args[1], rowOf(mm.y(), yStride), rowOf(multiplicand, timesStride),
                             rowOf(residual, plusStride)};
    e.switchOn(mm.activation(), {FPTQ_NO_ACTIVATION, FPTQ_SILU, FPTQ_GELU, FPTQ_GELU_TANH}, [&](int64_t activation) {
      e.loop(e.num(0), rows, 1, start, [&](Value, ValueRange at) {
        auto kind = FptqActivation(activation);
        e.loop(e.num(0), whole, lanes, [&](Value offset) { vector(kind, at, offset, {}); });
        e.ifThen(e.less(whole, columns), [&] {
          auto iota = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
          Value lane = arith::ConstantOp::create(e, ints, DenseElementsAttr::get(ints, ArrayRef<int32_t>(iota)));
          Value rest = arith::TruncIOp::create(e, e.getI32Type(), e.sub(columns, whole));
          vector(kind, at, whole, arith::CmpIOp::create(e, arith::CmpIPredicate::slt, lane, e.broadcast(ints, rest)));
        });
        return SmallVector<Value>{e.at(at[0], isa.vectors() * size), e.at(at[1], e.mul(yStride, 4)),
                                  e.at(at[2], e.mul(timesStride, 4)), e.at(at[3], e.mul(plusStride, 4))};
      });
    });
  };
  return getOrCreateFunction(module, isa, emulated, "activate", {ptr, ptr, i64, i64, i64, i64}, body);
}
