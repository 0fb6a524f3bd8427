//===- Safetensors.h - mapped reading, streamed writing ----------*- C++ -*-===//
//
// The safetensors container: 8 bytes little-endian header length, a JSON header, raw tensors.
// Reading maps the file and checks every offset before a byte is used; writing is one tensor at a
// time at offsets known beforehand, so that a checkpoint larger than memory passes through, and a
// killed run can go on where it stopped.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_SUPPORT_SAFETENSORS_H
#define FPTQ_SUPPORT_SAFETENSORS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm {
class MemoryBuffer;
}

namespace mlir::fptq {

/// One tensor of a file: `dtype` as the format spells it (F32, F16, BF16, I8, U8, I32, I64, BOOL, ...).
struct SafetensorsEntry {
  std::string dtype;
  llvm::SmallVector<int64_t> shape;
  llvm::ArrayRef<char> data; ///< points into the mapped file; no alignment beyond 1 may be assumed

  int64_t numElements() const;
};

/// Bytes of one element, 0 for an unknown spelling.
int64_t safetensorsElementBytes(llvm::StringRef dtype);

class SafetensorsFile {
public:
  /// Maps `path`. Errors name the file and the key: truncated file or header, header that is not
  /// JSON, unknown dtype, offsets outside the file or overlapping, sizes that contradict shapes.
  static llvm::Expected<std::shared_ptr<SafetensorsFile>> open(llvm::StringRef path);

  const SafetensorsEntry *find(llvm::StringRef key) const;
  /// All tensors, in the order of their bytes.
  llvm::ArrayRef<std::pair<std::string, SafetensorsEntry>> entries() const { return tensors; }
  const llvm::StringMap<std::string> &metadata() const { return meta; }
  llvm::StringRef path() const { return fileName; }

  ~SafetensorsFile();

private:
  SafetensorsFile() = default;
  std::string fileName;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::vector<std::pair<std::string, SafetensorsEntry>> tensors;
  llvm::StringMap<size_t> index;
  llvm::StringMap<std::string> meta;
};

/// Writes `path` through `path + ".partial"`, renamed by `finish`. With `resume`, tensors that an
/// earlier, killed run with the same plan and `origin` had finished are kept (`isDone`) if their bytes still have the
/// checksum that was noted then. `origin`, one line of text, stands for all that the data is made from.
class SafetensorsWriter {
public:
  struct Plan {
    std::string key, dtype;
    llvm::SmallVector<int64_t> shape;
  };
  static llvm::Expected<std::unique_ptr<SafetensorsWriter>> create(llvm::StringRef path, llvm::ArrayRef<Plan> plan,
                                                                   const llvm::StringMap<std::string> &metadata,
                                                                   bool resume, llvm::StringRef origin = {});

  bool isDone(llvm::StringRef key) const;
  /// Writes one planned tensor; `data` has exactly its bytes.
  llvm::Error write(llvm::StringRef key, llvm::ArrayRef<char> data);
  /// All tensors written: rename. Without it the destructor takes away what was written, or leaves it where a later run
  /// may resume.
  llvm::Error finish();
  ~SafetensorsWriter();

private:
  SafetensorsWriter();
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_SAFETENSORS_H
