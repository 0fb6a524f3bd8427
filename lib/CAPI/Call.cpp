//===- Call.cpp - tensors in, tensors out ---------------------------------===//
#include "Internal.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::capi;

static constexpr std::pair<const char *, unsigned> kDtypes[] = {
    {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I8", 1}, {"I16", 2}, {"I32", 4}, {"I64", 8}, {"BOOL", 1}};

const char *capi::nameOf(FptqDtype dtype) { return kDtypes[dtype].first; }

std::optional<FptqDtype> capi::dtypeOf(Type type) {
  if (auto shaped = dyn_cast<ShapedType>(type))
    type = shaped.getElementType();
  if (type.isF32())
    return FPTQ_F32;
  if (type.isF16())
    return FPTQ_F16;
  if (type.isBF16())
    return FPTQ_BF16;
  if (type.isF64())
    return FPTQ_F64;
  if (type.isIndex())
    return FPTQ_I64;
  if (!type.isInteger())
    return std::nullopt;
  switch (type.getIntOrFloatBitWidth()) {
  case 1:
    return FPTQ_BOOL;
  case 8:
    return FPTQ_I8;
  case 16:
    return FPTQ_I16;
  case 32:
    return FPTQ_I32;
  case 64:
    return FPTQ_I64;
  default:
    return std::nullopt;
  }
}

/// What is wrong with a tensor whatever it is passed to, or "".
static std::string faultOf(const FptqTensor &tensor) {
  auto text = [](const llvm::Twine &twine) { return twine.str(); };
  if (tensor.dtype < FPTQ_F32 || tensor.dtype > FPTQ_BOOL)
    return text("has element type " + llvm::Twine(static_cast<int>(tensor.dtype)) + ", expected 0 to " +
                llvm::Twine(static_cast<int>(FPTQ_BOOL)));
  if (tensor.rank < 0)
    return text("has rank " + llvm::Twine(tensor.rank));
  if (tensor.rank && !tensor.shape)
    return text("has rank " + llvm::Twine(tensor.rank) + " and no shape");
  int64_t bytes = kDtypes[tensor.dtype].second;
  for (int64_t d = 0; d < tensor.rank; ++d) {
    if (tensor.shape[d] < 0)
      return text("has size " + llvm::Twine(tensor.shape[d]) + " in dimension " + llvm::Twine(d));
    if (llvm::MulOverflow(bytes, tensor.shape[d], bytes))
      return "has more bytes than an address";
  }
  return bytes && !tensor.data ? "has no data" : "";
}

/// The same for the argument that `type` declares.
static std::string faultOf(const FptqTensor &tensor, Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  int64_t rank = shaped ? shaped.getRank() : 0;
  if (tensor.rank != rank) // before its shape is read, which may be no longer than the type's
    return ("has rank " + llvm::Twine(tensor.rank) + ", expected " + llvm::Twine(rank)).str();
  std::string fault = faultOf(tensor);
  if (fault.empty() && tensor.dtype != *dtypeOf(type))
    fault = (llvm::Twine("is ") + nameOf(tensor.dtype) + ", expected " + nameOf(*dtypeOf(type))).str();
  return fault;
}

FptqResults *fptqExecutableCall(FptqExecutable *executable, const char *name, const FptqTensor *arguments,
                                size_t count) {
  if (isNull(executable, __func__, "the executable") || isNull(name, __func__, "the entry") ||
      (count && isNull(arguments, __func__, "the arguments")))
    return nullptr;
  Call call(executable->owner);
  const EntryPoint *entry = executable->executable->find(name);
  if (!entry)
    return call.fail("no public function '" + llvm::Twine(name) + "'");
  if (count != entry->arguments.size())
    return call.fail("'" + entry->name + "' has " + llvm::Twine(entry->arguments.size()) + " arguments, got " +
                     llvm::Twine(count));
  std::vector<TensorRef> tensors;
  for (auto [i, type] : llvm::enumerate(entry->arguments)) {
    const FptqTensor &tensor = arguments[i];
    if (std::string fault = faultOf(tensor, type); !fault.empty())
      return call.fail("'" + entry->name + "': argument " + llvm::Twine(i) + " " + fault);
    tensors.push_back({tensor.data, SmallVector<int64_t>(tensor.shape, tensor.shape + tensor.rank)});
  }
  auto results = executable->executable->call(*entry, tensors);
  if (!results)
    return call.fail(results.takeError());
  auto *made = new FptqResults{executable->owner, std::move(*results), {}};
  for (Type type : entry->results)
    made->dtypes.push_back(*dtypeOf(type));
  return made;
}

size_t fptqResultsCount(FptqResults *results) {
  return isNull(results, __func__, "the results") ? 0 : results->results.size();
}

FptqTensor fptqResultsGet(FptqResults *results, size_t i) {
  if (isNull(results, __func__, "the results"))
    return {};
  Call call(results->owner);
  if (i >= results->results.size()) {
    call.fail("there are " + llvm::Twine(results->results.size()) + " results, no result " + llvm::Twine(i));
    return {};
  }
  const TensorRef &tensor = results->results[i].get();
  return {tensor.data, tensor.shape.data(), static_cast<int64_t>(tensor.shape.size()), results->dtypes[i]};
}

void fptqResultsDestroy(FptqResults *results) { delete results; }
