//===- Rows.cpp - rows computed and quantized, one block a row ------------===//
//
// A row goes through shared memory. Before a sum all threads compute what is added up, channel by channel, and one warp
// adds it in the order of (R1): a chain of channels / 32 fma's, but its loads come from shared memory and nobody else's
// result waits for more of them than that. The activations themselves are computed once, while the largest is looked
// for, and read back for their codes. A row too long for shared memory is computed twice.
//
//===----------------------------------------------------------------------===//
#include "RowQuantizer.h"
#include "fptq/Pack/Layout.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::nvptx;

namespace {
/// One kernel's shared memory: a maximum a warp, the sums of the row (a word each: with one for all, a warp could read
/// it after the first warp wrote the next sum there), the sums of groups, the row.
struct RowsShape {
  int64_t threads, sumAt, groupSumsAt, rowAt, bytes;
  bool buffered;

  RowsShape(QuantizeRowsOp op, const Chip &chip) {
    int64_t channels = op.getChannels(), groups = llvm::divideCeil(channels, op.getGroupChannels());
    // About eight channels a thread: two rounds of loads, and a decoder's one row is not left to few warps.
    threads = std::clamp<int64_t>(llvm::alignTo(llvm::divideCeil(channels, 8), 32), 64, 1024);
    sumAt = 4 * (threads / 32);
    // From 16 bytes on: LLVM reads three maxima as a vector of four, and what it reads too much nobody may change.
    groupSumsAt = llvm::alignTo(sumAt + 4 * llvm::count_if(op.getBody().front(), llvm::IsaPred<RowSumOp>), 16);
    rowAt = llvm::alignTo(groupSumsAt + 4 * groups, 16);
    buffered = rowAt + 4 * channels <= chip.sharedBytes;
    bytes = buffered ? rowAt + 4 * channels : rowAt;
  }
};

class RowsKernel {
public:
  RowsKernel(Emitter &e, QuantizeRowsOp op, const RowsShape &shape, int64_t paddedGroup, ValueRange arguments);
  void build();

private:
  Value load(int64_t input, Value channel);
  bool isPerChannel(Value v) const { return perChannel.contains(v); }
  Value evaluate(Value v, Value channel, IRMapping &known);
  void keep(Value v, Value channel) { e.store(v, e.at(e.at(quantizer.shared, shape.rowAt), e.mul(channel, 4)), 4); }
  Value kept(Type type, Value channel, int64_t alignment) {
    return e.load(type, e.at(e.at(quantizer.shared, shape.rowAt), e.mul(channel, 4)), alignment);
  }
  Value chain(RowSumOp op, Value staged);
  Value sum(RowSumOp op);

  Emitter &e;
  QuantizeRowsOp op;
  const RowsShape &shape;
  RowQuantizer quantizer;
  RowOutputs out;
  int64_t sumAt; ///< the next sum's place
  SmallVector<Value> inputs;
  DenseMap<std::pair<Value, int64_t>, Value> strides; ///< of an input's dimension
  DenseSet<Value> perChannel;                         ///< of the op's body
  IRMapping ofRow;                                    ///< values of the body that are the same for the whole row
};
} // namespace

SmallVector<int64_t> mlir::fptq::nvptx::stridedDims(Value input) {
  SmallVector<int64_t> dims;
  auto shaped = dyn_cast<ShapedType>(input.getType());
  int64_t rank = shaped ? shaped.getRank() : 0;
  for (int64_t i = 0; i + 1 < rank; ++i)
    dims.push_back(i);
  SmallVector<int64_t> strides;
  int64_t offset;
  auto memref = dyn_cast<MemRefType>(input.getType());
  if (rank && memref && succeeded(memref.getStridesAndOffset(strides, offset)) && strides.back() != 1)
    dims.push_back(rank - 1);
  return dims;
}

RowsKernel::RowsKernel(Emitter &e, QuantizeRowsOp op, const RowsShape &shape, int64_t paddedGroup, ValueRange arguments)
    : e(e), op(op), shape(shape), quantizer(e, shape.threads, paddedGroup, shape.groupSumsAt), sumAt(shape.sumAt) {
  auto next = [&] {
    Value argument = arguments.front();
    arguments = arguments.drop_front();
    return argument;
  };
  for (size_t i = 0; i < op.getInputs().size(); ++i)
    inputs.push_back(next());
  for (Value input : op.getInputs())
    for (int64_t dim : stridedDims(input))
      strides[{input, dim}] = next();
  out.q = next();
  out.scales = next();
  out.sums = next();
  out.staticScale = next();
  out.qStride = next();
  out.sumsStride = next();
  if (!op.getStaticScale())
    out.staticScale = Value();
  quantizer.channels = op.getChannels();
  quantizer.k = e.num(op.getChannels());
  quantizer.group = e.num(op.getGroupChannels());
  for (auto [i, argument] : llvm::enumerate(op.getBody().getArguments()))
    if (op.getMap(i).isFunctionOfDim(1))
      perChannel.insert(argument);
  for (Operation &inside : op.getBody().front())
    if (!isa<RowSumOp>(inside) && llvm::any_of(inside.getOperands(), [&](Value v) { return isPerChannel(v); }))
      perChannel.insert_range(inside.getResults());
}

/// An element of the input, at this row and channel as its map says.
Value RowsKernel::load(int64_t input, Value channel) {
  auto shaped = dyn_cast<ShapedType>(op.getInputs()[input].getType());
  if (!shaped)
    return inputs[input];
  AffineMap map = op.getMap(input);
  auto along = [&](AffineExpr expr) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    return !dim ? e.num(0) : dim.getPosition() ? channel : quantizer.row;
  };
  int64_t bytes = shaped.getElementTypeBitWidth() / 8;
  Value at = inputs[input];
  for (auto [dim, result] : llvm::enumerate(map.getResults())) {
    Value stride = strides.lookup({op.getInputs()[input], int64_t(dim)});
    at = stride ? e.atRow(at, along(result), stride, bytes) : e.at(at, e.mul(along(result), bytes));
  }
  return e.loadConstant(shaped.getElementType(), at, bytes);
}

/// A value of the body for one channel; what it needs is computed where the emitter stands.
Value RowsKernel::evaluate(Value v, Value channel, IRMapping &known) {
  if (Value found = known.lookupOrNull(v))
    return found;
  if (auto argument = dyn_cast<BlockArgument>(v)) {
    known.map(v, load(argument.getArgNumber(), channel));
    return known.lookup(v);
  }
  for (Value operand : v.getDefiningOp()->getOperands())
    evaluate(operand, channel, known);
  e.clone(*v.getDefiningOp(), known);
  return known.lookup(v);
}

/// (R1) the first warp's accumulators, added up; `staged` (may be null) lies in shared memory.
Value RowsKernel::chain(RowSumOp op, Value staged) {
  Value total = quantizer.forChannels(quantizer.thread, 32, /*unroll=*/16, ValueRange{e.real(0)},
                                      [&](Value channel, ValueRange now) -> Values {
                                        IRMapping known(ofRow);
                                        if (staged)
                                          known.map(staged, kept(e.f32(), channel, 4));
                                        Value value = evaluate(op.getValue(), channel, known);
                                        if (!op.getFactor())
                                          return {e.addF(now[0], value)};
                                        return {e.fma(value, evaluate(op.getFactor(), channel, known), now[0])};
                                      })[0];
  for (int64_t mask = 16; mask; mask /= 2)
    total = e.addF(total, e.shuffleXor(total, mask));
  return total;
}

Value RowsKernel::sum(RowSumOp op) {
  llvm::SmallSetVector<Value, 2> moving;
  for (Value operand : op->getOperands())
    if (isPerChannel(operand))
      moving.insert(operand);
  Value staged = moving.size() == 1 && shape.buffered ? moving.front() : Value();
  if (staged) {
    quantizer.forChannels({}, [&](Value channel, ValueRange) -> Values {
      IRMapping known(ofRow);
      keep(evaluate(staged, channel, known), channel);
      return {};
    });
    e.barrier();
  }
  Value at = e.at(quantizer.shared, std::exchange(sumAt, sumAt + 4));
  e.ifThen(e.less(quantizer.thread, e.num(32)), [&] {
    Value total = chain(op, staged);
    e.ifThen(e.equal(quantizer.thread, 0), [&] { e.store(total, at, 4); });
  });
  e.barrier();
  return e.load(e.f32(), at, 4);
}

void RowsKernel::build() {
  Block &body = op.getBody().front();
  for (Operation &inside : body.without_terminator()) {
    if (auto rowSum = dyn_cast<RowSumOp>(inside))
      ofRow.map(rowSum.getResult(), sum(rowSum));
    else if (llvm::none_of(inside.getResults(), [&](Value v) { return isPerChannel(v); }))
      for (Value result : inside.getResults())
        evaluate(result, {}, ofRow);
  }
  Value activation = cast<YieldOp>(body.getTerminator()).getValue();
  auto compute = [&](Value channel) {
    IRMapping known(ofRow);
    return evaluate(activation, channel, known);
  };
  if (!shape.buffered)
    return quantizer.quantize(out, compute, compute);
  auto computeAndKeep = [&](Value channel) {
    Value v = compute(channel);
    keep(v, channel);
    return v;
  };
  auto one = [&](Value channel) { return kept(e.f32(), channel, 4); };
  auto four = [&](Value channel) { return e.words(kept(e.vec(4, e.f32()), channel, 16)); };
  bool together = op.getChannels() % 4 == 0 && op.getGroupChannels() % 4 == 0;
  quantizer.quantize(out, computeAndKeep, one, together ? llvm::function_ref<Values(Value)>(four) : nullptr);
}

/// A number that says what the body computes: the same operations on the same inputs, wherever the op stands.
static uint64_t fingerprint(QuantizeRowsOp op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  DenseMap<Value, int64_t> numbers;
  auto number = [&](ValueRange values) {
    for (Value v : values)
      numbers.try_emplace(v, numbers.size());
  };
  for (auto [input, map] : llvm::zip(op.getInputs(), op.getIndexingMaps())) {
    auto shaped = dyn_cast<ShapedType>(input.getType());
    os << getElementTypeOrSelf(input.getType()) << (shaped ? shaped.getRank() : 0) << map << stridedDims(input).size();
  }
  number(op.getBody().getArguments());
  for (Operation &inside : op.getBody().front()) {
    os << inside.getName() << inside.getAttrDictionary() << inside.getPropertiesAsAttribute();
    for (Value operand : inside.getOperands())
      os << ' ' << numbers.lookup(operand);
    os << inside.getResultTypes() << '\n';
    number(inside.getResults());
  }
  return llvm::xxh3_64bits(text);
}

static SmallVector<Type> parameterTypes(Emitter &e, QuantizeRowsOp op) {
  SmallVector<Type> types, strides;
  for (Value input : op.getInputs()) {
    types.push_back(isa<ShapedType>(input.getType()) ? e.ptr(kGlobal) : input.getType());
    strides.append(stridedDims(input).size(), e.i32());
  }
  llvm::append_range(types, strides);
  types.append(3, e.ptr(kGlobal));
  types.append({e.f32(), e.i32(), e.i32()});
  return types;
}

Kernel mlir::fptq::nvptx::getOrCreateRows(gpu::GPUModuleOp module, const Chip &chip, QuantizeRowsOp op) {
  RowsShape shape(op, chip);
  int64_t padded = paddedGroupSize(Layout::NVPTX, op.getGroupChannels());
  bool sums = !op.getBody().front().getOps<RowSumOp>().empty();
  std::string name = llvm::formatv("{0}_rows_k{1}_g{2}{3}_{4:x-16}", sums ? "norm" : "map", op.getChannels(),
                                   op.getGroupChannels(), op.getStaticScale() ? "_static" : "", fingerprint(op));
  Emitter types(module.getLoc(), module.getContext());
  return getOrCreateKernel(
      module, name, parameterTypes(types, op), {{}, shape.threads, shape.bytes}, "1 row",
      [&](Emitter &e, ValueRange arguments) { RowsKernel(e, op, shape, padded, arguments).build(); });
}
