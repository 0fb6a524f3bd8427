//===- TileUnit.cpp - AMX tiles, or memory that acts like them ------------===//
#include "TileUnit.h"
#include "fptq/Conversion/FptqToX86/FptqX86.h"

using namespace mlir;
using namespace mlir::fptq::x86;

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

static Value i16(Emitter &e, int64_t v) { return arith::ConstantOp::create(e, e.getI16IntegerAttr(v)); }

Type HardwareTiles::type(Emitter &e) { return LLVM::LLVMX86AMXType::get(e.getContext()); }

Value HardwareTiles::zero(Emitter &e, int64_t) {
  return LLVM::CallIntrinsicOp::create(e, type(e), e.getStringAttr("llvm.x86.tilezero.internal"),
                                       ValueRange{i16(e, kTileRows), i16(e, 64)})
      .getResult(0);
}

Value HardwareTiles::load(Emitter &e, int64_t, Value from, int64_t stride, int64_t rows, int64_t bytes) {
  return LLVM::CallIntrinsicOp::create(e, type(e), e.getStringAttr("llvm.x86.tileloadd64.internal"),
                                       ValueRange{i16(e, rows), i16(e, bytes), from, e.num(stride)})
      .getResult(0);
}

void HardwareTiles::store(Emitter &e, Value tile, Value to, int64_t stride) {
  LLVM::CallIntrinsicOp::create(e, e.getStringAttr("llvm.x86.tilestored64.internal"),
                                ValueRange{i16(e, kTileRows), i16(e, 64), to, e.num(stride), tile});
}

Value HardwareTiles::multiply(Emitter &e, Value acc, Value activations, Value weights, int64_t depth) {
  return LLVM::CallIntrinsicOp::create(
             e, type(e), e.getStringAttr("llvm.x86.tdpbssd.internal"),
             ValueRange{i16(e, kTileRows), i16(e, 64), i16(e, depth), acc, activations, weights})
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Emulation
//===----------------------------------------------------------------------===//

EmulatedTiles::EmulatedTiles(Emitter &e, LLVM::LLVMFuncOp multiply)
    : slots(e.stack(8 * kTileBytes)), multiplyFunction(multiply) {}

static VectorType rowType(Emitter &e) { return e.vec(16, e.getI32Type()); }

Value EmulatedTiles::zero(Emitter &e, int64_t slot) {
  Value tile = e.at(slots, slot * kTileBytes);
  e.loop(e.num(0), e.num(kTileRows), 1, [&](Value r) { e.store(e.zeros(rowType(e)), e.at(tile, e.mul(r, 64)), 64); });
  return tile;
}

static void copyRows(Emitter &e, Value from, int64_t fromStride, Value to, int64_t toStride, int64_t rows,
                     int64_t bytes) {
  VectorType row = e.vec(bytes / 4, e.getI32Type());
  e.loop(e.num(0), e.num(rows), 1,
         [&](Value r) { e.store(e.load(row, e.at(from, e.mul(r, fromStride))), e.at(to, e.mul(r, toStride))); });
}

Value EmulatedTiles::load(Emitter &e, int64_t slot, Value from, int64_t stride, int64_t rows, int64_t bytes) {
  Value tile = e.at(slots, slot * kTileBytes);
  copyRows(e, from, stride, tile, 64, rows, bytes);
  return tile;
}

void EmulatedTiles::store(Emitter &e, Value tile, Value to, int64_t stride) {
  copyRows(e, tile, 64, to, stride, kTileRows, 64);
}

Value EmulatedTiles::multiply(Emitter &e, Value acc, Value activations, Value weights, int64_t depth) {
  LLVM::CallOp::create(e, multiplyFunction, ValueRange{acc, activations, weights, e.num(depth / 4)});
  return acc;
}

void EmulatedTiles::multiplyBody(Emitter &e, ValueRange args) {
  VectorType row = rowType(e), bytes = e.vec(64, e.getI8Type());
  e.loop(e.num(0), e.num(kTileRows), 1, [&](Value m) {
    Value sums = e.at(args[0], e.mul(m, 64)), x = e.at(args[1], e.mul(m, 64));
    auto product = [&](Value quad, ValueRange now) {
      Value w = e.load(bytes, e.at(args[2], e.mul(quad, 64)), 64);
      Value activations = e.broadcastDword(bytes, e.at(x, e.mul(quad, 4)));
      // s8 = (s8 ^ 0x80 as u8) - 128
      Value shifted = arith::XOrIOp::create(e, w, e.splat(bytes, -128));
      Value count = Dot4Op::create(e, row, e.zeros(row), e.splat(bytes, 1), activations);
      Value sum = Dot4Op::create(e, row, now[0], shifted, activations);
      return SmallVector<Value>{e.sub(sum, e.mul(count, e.splat(row, 128)))};
    };
    e.store(e.loop(e.num(0), args[3], 1, ValueRange{e.load(row, sums, 64)}, product)[0], sums, 64);
  });
}
