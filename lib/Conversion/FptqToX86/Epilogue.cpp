//===- Epilogue.cpp - sums to results -------------------------------------===//
#include "KernelBuilder.h"
#include "MatmulFields.h"

using namespace mlir;
using namespace mlir::fptq::x86;

/// epilogue(matmul, results, first row, rows, first panel, panels): (A3), and (A2)'s scale.
LLVM::LLVMFuncOp KernelBuilder::epilogue() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("epilogue", {p, p, i64, i64, i64, i64}, [&](Emitter &e, ValueRange args) {
    const int64_t size = isa.vectorBytes(), lanes = isa.lanes;
    MatmulFields mm(e, args[0]);
    Value row0 = args[2], rows = args[3], n = mm.n(), bias = mm.bias(), residual = mm.residual();
    Value hasBias = e.notNull(bias), hasResidual = e.notNull(residual);
    Value scales = e.at(e.at(mm.packed(), e.mul(args[4], panelBytes(e, mm.groups()))), e.mul(mm.groups(), w.groupBytes));
    auto maskType = VectorType::get(lanes, e.getI1Type());

    // The rows of one vector of columns; without masks where the vector is full.
    auto column = [&](Value panel, int64_t part, Value valid, bool masked) {
      Value mask;
      if (masked) {
        auto iota = llvm::to_vector(llvm::seq<int32_t>(part * lanes, (part + 1) * lanes));
        Value lane = arith::ConstantOp::create(e, ints, DenseElementsAttr::get(ints, ArrayRef<int32_t>(iota)));
        Value limit = e.broadcast(ints, arith::TruncIOp::create(e, e.getI32Type(), valid));
        mask = arith::CmpIOp::create(e, maskType, arith::CmpIPredicate::slt, lane, limit);
      }
      auto load = [&](Value from) -> Value {
        if (!masked)
          return e.load(floats, from, 4);
        return LLVM::MaskedLoadOp::create(e, floats, from, mask, e.zeros(floats), 4);
      };
      Value first = e.add(e.mul(e.add(args[4], panel), 16), part * lanes), firstByte = e.mul(first, 4);
      Value scale;
      if (w.twoLevel) {
        Value at = e.at(scales, e.mul(panel, panelBytes(e, mm.groups())));
        scale = loadTail(e, Tail::Scale, at, part);
      }
      auto biasIf = scf::IfOp::create(e, floats, hasBias, true);
      {
        OpBuilder::InsertionGuard guard(e);
        e.setInsertionPointToStart(biasIf.thenBlock());
        scf::YieldOp::create(e, load(e.at(bias, firstByte)));
        e.setInsertionPointToStart(biasIf.elseBlock());
        scf::YieldOp::create(e, e.zeros(floats));
      }
      Value results = e.at(e.at(args[1], e.mul(panel, isa.vectorsPerPanel() * size)), part * size);
      e.loop(e.num(0), rows, 1, [&](Value r) {
        Value m = e.add(row0, r), from = e.at(results, e.mul(r, isa.vectors() * size));
        Value xScale = e.broadcast(floats, e.load(e.getF32Type(), e.at(mm.xScales(), e.mul(m, 4)), 4));
        Value v = e.load(integerResult() ? ints : floats, from, size);
        if (w.twoLevel)
          v = e.fma(e.toFloat(floats, v), scale, e.zeros(floats));
        v = arith::MulFOp::create(e, v, xScale);
        // y + 0 would turn -0 into 0: select instead.
        v = e.select(hasBias, arith::AddFOp::create(e, v, biasIf.getResult(0)), v);
        auto withResidual = scf::IfOp::create(e, floats, hasResidual, true);
        {
          OpBuilder::InsertionGuard guard(e);
          e.setInsertionPointToStart(withResidual.thenBlock());
          Value at = e.at(e.at(residual, e.mul(e.mul(m, mm.residualStride()), 4)), firstByte);
          scf::YieldOp::create(e, ValueRange{arith::AddFOp::create(e, v, load(at))});
          e.setInsertionPointToStart(withResidual.elseBlock());
          scf::YieldOp::create(e, v);
        }
        Value to = e.at(e.at(mm.y(), e.mul(e.mul(m, mm.yStride()), 4)), firstByte);
        if (masked)
          LLVM::MaskedStoreOp::create(e, withResidual.getResult(0), to, mask, 4);
        else
          e.store(withResidual.getResult(0), to, 4);
      });
    };
    e.loop(e.num(0), args[5], 1, [&](Value panel) {
      Value valid = e.sub(n, e.mul(e.add(args[4], panel), 16));
      e.ifElse(
          e.less(valid, e.num(16)),
          [&] {
            for (int64_t part = 0; part < isa.vectorsPerPanel(); ++part)
              column(panel, part, valid, true);
          },
          [&] {
            for (int64_t part = 0; part < isa.vectorsPerPanel(); ++part)
              column(panel, part, valid, false);
          });
    });
  });
}
