//===- HostLaunch.cpp - host code that launches a kernel ------------------===//
#include "HostLaunch.h"
#include "fptq/Support/GlobalString.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include <cstddef>

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::nvptx;

static Type pointerType(OpBuilder &b) { return LLVM::LLVMPointerType::get(b.getContext()); }

Value HostLaunch::num(int64_t value) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(value)); }

static Value toI64(ImplicitLocOpBuilder &b, Value index) {
  return arith::IndexCastOp::create(b, b.getI64Type(), index);
}

Value HostLaunch::dim(Value memref, int64_t i) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(i))
    return num(type.getDimSize(i));
  return toI64(b, memref::DimOp::create(b, memref, i));
}

Value HostLaunch::ceilDiv(Value a, int64_t divisor) {
  return arith::DivUIOp::create(b, arith::AddIOp::create(b, a, num(divisor - 1)), num(divisor));
}

FailureOr<HostBuffer> HostLaunch::buffer(Value memref, bool anyStrides) {
  if (!memref)
    return HostBuffer{LLVM::ZeroOp::create(b, pointerType(b)), num(0), num(0), {}};
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<int64_t> known;
  int64_t offset, width = type.getElementTypeBitWidth() / 8;
  if (failed(type.getStridesAndOffset(known, offset)) || (!anyStrides && known.back() != 1))
    return op->emitOpError() << "has an operand of type " << type << " whose last dimension is not contiguous";
  Value offsetValue;
  SmallVector<Value, 2> strides;
  if (ShapedType::isDynamic(offset) || llvm::any_of(known, ShapedType::isDynamic)) {
    auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
    offsetValue = toI64(b, metadata.getOffset());
    for (Value stride : metadata.getStrides())
      strides.push_back(toI64(b, stride));
  } else {
    offsetValue = num(offset);
    for (int64_t stride : known)
      strides.push_back(num(stride));
  }
  Value base = toI64(b, memref::ExtractAlignedPointerAsIndexOp::create(b, memref));
  base = arith::AddIOp::create(b, base, arith::MulIOp::create(b, offsetValue, num(width)));
  // One behind the last element, none where a dimension is empty.
  Value elements = num(1), none = arith::ConstantOp::create(b, b.getBoolAttr(false));
  for (auto [i, stride] : llvm::enumerate(strides)) {
    Value before = arith::SubIOp::create(b, dim(memref, i), num(1));
    elements = arith::AddIOp::create(b, elements, arith::MulIOp::create(b, before, stride));
    Value empty = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, before, num(0));
    none = arith::OrIOp::create(b, none, empty);
  }
  elements = arith::SelectOp::create(b, none, num(0), elements);
  return HostBuffer{LLVM::IntToPtrOp::create(b, pointerType(b), base), strides.front(),
                    arith::MulIOp::create(b, elements, num(width)), strides};
}

void HostLaunch::addBuffer(FptqGpuArgumentKind kind, const HostBuffer &buffer) {
  arguments.push_back({kind, num(0), buffer.pointer, buffer.bytes});
}

void HostLaunch::addF32(Value f32) {
  Value bits = arith::BitcastOp::create(b, b.getI32Type(), f32);
  arguments.push_back({FPTQ_GPU_F32, arith::ExtUIOp::create(b, b.getI64Type(), bits), {}, {}});
}

void HostLaunch::addWorkspace(const Kernel &kernel, Value gridX, Value gridY, int64_t slices, Value groups) {
  auto times = [this](Value x, Value y) -> Value { return arith::MulIOp::create(b, x, y); };
  Value null = LLVM::ZeroOp::create(b, pointerType(b)), tiles = times(gridX, gridY);
  Value partials = kernel.partialsPerGroup ? times(groups, num(kernel.partialsPerGroup)) : num(slices);
  Value bytes = times(times(tiles, partials), num(4 * kernel.rows * kernel.tokens));
  arguments.push_back({FPTQ_GPU_WORKSPACE, num(0), null, bytes});
  arguments.push_back({FPTQ_GPU_COUNTERS, num(0), null, times(tiles, num(4))});
}

/// At the start of the function, so that a loop does not grow the stack.
Value HostLaunch::stack(int64_t bytes) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&op->getParentOfType<FunctionOpInterface>().getFunctionBody().front());
  return LLVM::AllocaOp::create(b, pointerType(b), b.getI8Type(), num(bytes), /*alignment=*/16);
}

void HostLaunch::store(Value v, Value base, int64_t offset) {
  Value at = LLVM::GEPOp::create(b, pointerType(b), b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{int32_t(offset)});
  LLVM::StoreOp::create(b, v, at, 8);
}

void HostLaunch::launch(ModuleOp module, const Kernel &kernel, Value gridX, Value gridY, Value extraShared,
                        Value gridZ) {
  Value launch = stack(sizeof(FptqGpuLaunch)), list = stack(arguments.size() * sizeof(FptqGpuArgument));
  Value null = LLVM::ZeroOp::create(b, pointerType(b));
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    int64_t at = i * sizeof(FptqGpuArgument);
    store(num(argument.kind), list, at + offsetof(FptqGpuArgument, kind));
    store(argument.value, list, at + offsetof(FptqGpuArgument, value));
    store(argument.host ? argument.host : null, list, at + offsetof(FptqGpuArgument, host));
    store(argument.bytes ? argument.bytes : num(0), list, at + offsetof(FptqGpuArgument, bytes));
  }
  LLVM::LLVMFuncOp function = kernel.function;
  store(globalString(b, b.getLoc(), module, function.getSymName()), launch, offsetof(FptqGpuLaunch, kernel));
  Value one = num(1);
  Value grid[] = {gridX, gridY, gridZ ? gridZ : one}, block[] = {num(kernel.threads), one, one};
  for (int64_t i = 0; i < 3; ++i) {
    store(grid[i], launch, offsetof(FptqGpuLaunch, grid) + 8 * i);
    store(block[i], launch, offsetof(FptqGpuLaunch, block) + 8 * i);
  }
  Value shared = arith::AddIOp::create(b, num(kernel.sharedBytes), extraShared);
  store(shared, launch, offsetof(FptqGpuLaunch, shared_bytes));
  store(num(arguments.size()), launch, offsetof(FptqGpuLaunch, argument_count));
  store(list, launch, offsetof(FptqGpuLaunch, arguments));

  auto callee = module.lookupSymbol<LLVM::LLVMFuncOp>("fptq_gpu_launch");
  if (!callee) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointerType(b)});
    callee = LLVM::LLVMFuncOp::create(b, "fptq_gpu_launch", type);
  }
  LLVM::CallOp::create(b, callee, ValueRange{launch});
}
