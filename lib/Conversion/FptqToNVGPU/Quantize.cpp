//===- Quantize.cpp - activations to int8, one block a row ----------------===//
//
// The row is read twice, the second time from L1.
//
//===----------------------------------------------------------------------===//
#include "RowQuantizer.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

static constexpr int64_t kThreads = 256;
static constexpr int64_t kSumsAt = 4 * kThreads / 32;

static void build(Emitter &e, const QuantizeFormat &format, ValueRange a) {
  Value x = a[0], multiplier = a[1], xStride = a[6];
  RowQuantizer quantizer(e, kThreads, format.paddedGroup, kSumsAt);
  quantizer.k = a[9];
  quantizer.group = a[10];
  RowOutputs out{a[2], a[3], a[4], a[7], a[8], format.staticScale ? a[5] : Value()};
  int64_t bytes = format.element.getIntOrFloatBitWidth() / 8;
  Value base = e.atRow(x, quantizer.row, xStride, bytes);
  auto element = [&](Value channel) {
    Value v = e.loadConstant(format.element, e.at(base, e.mul(channel, bytes)), bytes);
    if (!format.element.isF32())
      v = arith::ExtFOp::create(e, e.f32(), v);
    if (format.multiplier)
      v = e.mulF(v, e.loadConstant(e.f32(), e.at(multiplier, e.mul(channel, 4)), 4));
    return v;
  };
  quantizer.quantize(out, element, element);
}

Kernel mlir::fptq::nvptx::getOrCreateQuantize(gpu::GPUModuleOp module, const QuantizeFormat &format) {
  std::string name = "quantize_";
  llvm::raw_string_ostream(name) << format.element << (format.multiplier ? "_multiplier" : "")
                                 << (format.staticScale ? "_static" : "") << "_g" << format.paddedGroup;
  Emitter types(module.getLoc(), module.getContext());
  SmallVector<Type> parameters(5, types.ptr(kGlobal));
  parameters.push_back(types.f32());
  parameters.append(5, types.i32());
  return getOrCreateKernel(module, name, parameters, {{}, kThreads, kSumsAt}, "1 row",
                           [&](Emitter &e, ValueRange arguments) { build(e, format, arguments); });
}
