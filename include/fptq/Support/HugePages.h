//===- HugePages.h - memory that is read from end to end ---------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_HUGEPAGES_H
#define FPTQ_SUPPORT_HUGEPAGES_H

#include <cstddef>
#include <memory>

namespace mlir::fptq {

/// Zeroed memory in pages of 2 MiB, where the system grants them, else in its usual ones. A product of one row reads
/// its weights once, faster than a core translates addresses of pages of 4 KiB. Pieces lie one behind the other in the
/// order they were asked for, so that a program that asks in the order of its products reads one stream.
class HugePages {
public:
  /// `bytes`, aligned to 64. A block of pages lives as long as a pointer to one of its pieces.
  std::shared_ptr<char> allocate(size_t bytes);

private:
  std::shared_ptr<char> block; ///< what is left of the last block
  size_t left = 0;
};

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_HUGEPAGES_H
