//===- HugePages.cpp - memory that is read from end to end ----------------===//
#include "fptq/Support/HugePages.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <sys/mman.h>

using namespace mlir::fptq;

static constexpr size_t kPage = 2 << 20;
/// Address space, not memory: pages exist once they are written to.
static constexpr size_t kBlock = 64 << 20;

/// A block that starts at a page of its own. llvm::sys::Memory has a hint for large pages, which Linux ignores.
static std::shared_ptr<char> mapBlock(size_t bytes) {
  const size_t mapped = bytes + kPage;
  void *base = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    llvm::report_bad_alloc_error("no address space for weights");
  char *aligned = reinterpret_cast<char *>(llvm::alignTo(reinterpret_cast<uintptr_t>(base), kPage));
#ifdef MADV_HUGEPAGE
  (void)madvise(aligned, bytes, MADV_HUGEPAGE); // advice: refused, the pages are small ones
#endif
  return {aligned, [=](char *) { munmap(base, mapped); }};
}

std::shared_ptr<char> HugePages::allocate(size_t bytes) {
  bytes = llvm::alignTo(std::max<size_t>(bytes, 1), 64);
  if (bytes > left) {
    left = llvm::alignTo(std::max(bytes, kBlock), kPage);
    block = mapBlock(left);
  }
  std::shared_ptr<char> piece = block;
  block = {block, block.get() + bytes};
  left -= bytes;
  return piece;
}
