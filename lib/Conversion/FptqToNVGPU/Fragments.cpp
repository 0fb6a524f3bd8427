//===- Fragments.cpp - packed words to MMA operands -----------------------===//
#include "KernelBuilder.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

Values mlir::fptq::nvptx::codesOfStep(Emitter &e, ValueRange words, int64_t step) {
  Values codes;
  for (Value word : words)
    codes.push_back(e.bitAnd(step ? e.shr(word, 4) : word, 0x0f0f0f0f));
  return codes;
}

Values mlir::fptq::nvptx::bytesOfStep(Emitter &e, ValueRange words, int64_t step, ValueRange a, ValueRange b) {
  Values bytes = codesOfStep(e, words, step);
  // One multiply-add for four weights: 15 a + b <= 255 (PK3), so that no byte carries into its neighbour.
  for (auto [i, word] : llvm::enumerate(bytes))
    word = e.add(e.mul(word, a[i % 2]), b[i % 2]);
  return bytes;
}

std::pair<Value, Value> mlir::fptq::nvptx::multiplierAndOffset(Emitter &e, Value pair) {
  pair = arith::ExtUIOp::create(e, e.i32(), pair);
  return {e.bitAnd(pair, 255), e.mul(e.shr(pair, 8), 0x01010101)};
}

Values mlir::fptq::nvptx::mma(Emitter &e, ValueRange a, ValueRange b, ValueRange acc) {
  auto type = LLVM::LLVMStructType::getLiteral(e.getContext(), SmallVector<Type>(4, e.i32()));
  Value d = NVVM::MmaOp::create(e, type, a, b, acc, ArrayRef<int64_t>{16, 8, 32}, /*b1Op=*/std::nullopt,
                                NVVM::MMAIntOverflow::wrapped, std::array{NVVM::MMATypes::u8, NVVM::MMATypes::s8},
                                std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  Values result;
  for (int64_t i = 0; i < 4; ++i)
    result.push_back(LLVM::ExtractValueOp::create(e, d, i));
  return result;
}
