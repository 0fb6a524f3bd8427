//===- Npy.cpp - NumPy's array files --------------------------------------===//
#include "Npy.h"
#include "fptq/Support/InputFile.h"
#include "fptq/Support/OutputFile.h"
#include "fptq/Support/Safetensors.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mlir::fptq;

static Error fail(StringRef path, const Twine &text) { return createStringError(path + ": " + text); }

/// NumPy's type codes and ours. bfloat16 is no NumPy type: it travels as raw 2-byte void, '|V2', which ml_dtypes calls
/// '<V2'.
static constexpr std::pair<StringLiteral, StringLiteral> kTypes[] = {
    {"<f4", "F32"}, {"<f2", "F16"}, {"<f8", "F64"}, {"|V2", "BF16"}, {"<V2", "BF16"}, {"|i1", "I8"}, {"|u1", "U8"},
    {"<i2", "I16"}, {"<i4", "I32"}, {"<i8", "I64"}, {"|b1", "BOOL"}, {"<u4", "U32"},  {"<u8", "U64"}};

Expected<Array> mlir::fptq::readNpy(StringRef path) {
  auto buffer = readInputFile(path, /*mapped=*/true);
  if (!buffer)
    return fail(path, toString(buffer.takeError()));
  StringRef all = (*buffer)->getBuffer();
  if (all.size() < 12 || !all.starts_with("\x93NUMPY"))
    return fail(path, "is no .npy file");
  bool wide = all[6] > 1;
  size_t length = wide ? support::endian::read32le(all.data() + 8) : support::endian::read16le(all.data() + 8);
  size_t start = wide ? 12 : 10;
  if (start + length > all.size())
    return fail(path, "header of " + Twine(length) + " bytes is cut off");
  StringRef header = all.substr(start, length);
  SmallVector<StringRef> descr, order, shape;
  if (!Regex("'descr': *'([^']*)'").match(header, &descr) ||
      !Regex("'fortran_order': *(True|False)").match(header, &order) ||
      !Regex("'shape': *\\(([0-9, ]*)\\)").match(header, &shape))
    return fail(path, "header has no descr, fortran_order and shape");
  if (order[1] == "True")
    return fail(path, "is in Fortran order; save it with order='C'");
  Array array;
  for (auto [numpy, ours] : kTypes)
    if (descr[1] == numpy)
      array.dtype = ours.str();
  if (array.dtype.empty())
    return fail(path, "unsupported element type '" + descr[1] + "'");
  int64_t bytes = safetensorsElementBytes(array.dtype);
  SmallVector<StringRef> sizes;
  shape[1].split(sizes, ',', -1, /*KeepEmpty=*/false);
  for (StringRef text : sizes) {
    int64_t size;
    if (text.trim().empty())
      continue;
    if (text.trim().getAsInteger(10, size))
      return fail(path, "shape '(" + shape[1] + ")' is not a tuple of sizes");
    array.shape.push_back(size);
    if (MulOverflow(bytes, size, bytes))
      return fail(path, "shape '(" + shape[1] + ")' has more bytes than an address");
  }
  StringRef data = all.substr(start + length);
  if ((int64_t)data.size() != bytes)
    return fail(path, "has " + Twine(data.size()) + " bytes of data, its shape needs " + Twine(bytes));
  array.data.assign(data.begin(), data.end());
  return array;
}

Error mlir::fptq::writeNpy(StringRef path, const Array &array) {
  StringRef descr;
  for (auto [numpy, ours] : llvm::reverse(kTypes)) // of two names the first
    if (array.dtype == ours)
      descr = numpy;
  std::string shape;
  for (int64_t size : array.shape)
    shape += std::to_string(size) + ",";
  std::string header = ("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }").str();
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  return writeOutputFile(path, [&](raw_ostream &os) {
    os << "\x93NUMPY" << '\1' << '\0' << char(header.size() & 255) << char(header.size() >> 8) << header;
    os.write(array.data.data(), array.data.size());
    return Error::success();
  });
}
