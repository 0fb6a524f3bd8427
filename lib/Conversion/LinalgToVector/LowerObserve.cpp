//===- LowerObserve.cpp - fptq.observe to a runtime call ------------------===//
#include "BufferCopy.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/GlobalString.h"
#include "mlir/Dialect/Func/Utils/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWEROBSERVEPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerObservePass : impl::FptqLowerObservePassBase<FptqLowerObservePass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

static constexpr StringLiteral kRuntimeFunction = "fptq_observe";

/// Code of the element type in the runtime's interface: 0 f32, 1 f16, 2 bf16.
static int32_t elementCode(Type type) { return type.isF32() ? 0 : type.isF16() ? 1 : 2; }

/// The declaration of the runtime's function; failure where the module has another one of its name.
static FailureOr<func::FuncOp> declareRuntime(OpBuilder &b, ModuleOp module) {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  FunctionType type =
      b.getFunctionType({pointer, pointer, b.getI64Type(), b.getI64Type(), b.getI32Type()}, TypeRange());
  FailureOr<func::FuncOp> known = func::lookupFnDecl(module, kRuntimeFunction, type);
  if (failed(known) || *known)
    return known;
  return func::createFnDecl(b, module, kRuntimeFunction, type, /*setPrivate=*/true);
}

/// What `op` watches as the runtime reads it, row behind row.
static Value contiguousRows(ObserveOp op) {
  auto type = cast<MemRefType>(op.getX().getType());
  if (type.getLayout().isIdentity())
    return op.getX();
  return copyOf(op.getX(), MemRefType::get(type.getShape(), type.getElementType()), op);
}

static void lower(OpBuilder &b, ObserveOp op, func::FuncOp runtime) {
  b.setInsertionPoint(op);
  Location loc = op.getLoc();
  Value x = contiguousRows(op);
  auto type = cast<MemRefType>(x.getType());
  Value rows = arith::ConstantIndexOp::create(b, loc, 1);
  for (int64_t d = 0; d + 1 < type.getRank(); ++d)
    rows = arith::MulIOp::create(b, loc, rows, memref::DimOp::create(b, loc, x, d));
  Value channels = memref::DimOp::create(b, loc, x, type.getRank() - 1);
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, loc, x);
  auto toI64 = [&](Value v) { return arith::IndexCastOp::create(b, loc, b.getI64Type(), v).getResult(); };
  Value data = LLVM::IntToPtrOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), toI64(address));
  Value code = arith::ConstantIntOp::create(b, loc, elementCode(type.getElementType()), 32);
  Value layer = globalString(b, loc, runtime->getParentOfType<ModuleOp>(), op.getLayer());
  func::CallOp::create(b, loc, runtime, ValueRange{layer, data, toI64(rows), toI64(channels), code});
  op.erase();
}

/// The runtime takes a C string and writes JSON: names that differ after a NUL would share one range.
static LogicalResult checkObserve(ObserveOp op) {
  if (!isa<MemRefType>(op.getX().getType()))
    return op.emitOpError("is not bufferized");
  StringRef layer = op.getLayer();
  if (llvm::json::isUTF8(layer) && !layer.contains('\0'))
    return success();
  std::string escaped;
  llvm::raw_string_ostream os(escaped);
  llvm::printEscapedString(layer, os);
  return op.emitOpError() << "has a name that no profile can hold, expected UTF-8 without NUL (layer '" << escaped
                          << "')";
}

void FptqLowerObservePass::runOnOperation() {
  SmallVector<ObserveOp> ops;
  getOperation().walk([&](ObserveOp op) { ops.push_back(op); });
  if (ops.empty())
    return;
  for (ObserveOp op : ops)
    if (failed(checkObserve(op)))
      return signalPassFailure();
  OpBuilder b(&getContext());
  FailureOr<func::FuncOp> runtime = declareRuntime(b, getOperation());
  if (failed(runtime))
    return signalPassFailure();
  for (ObserveOp op : ops)
    lower(b, op, *runtime);
}
} // namespace mlir::fptq
