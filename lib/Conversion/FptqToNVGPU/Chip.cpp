//===- Chip.cpp - NVIDIA chips this project generates code for ------------===//
#include "fptq/Conversion/FptqToNVGPU/Chip.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

namespace {
/// PTX 8.0 is the first that has all that the sm_80 kernels use with fixes, and CUDA 12.0's; newer chips ask for more.
/// wgmma with one unsigned and one signed operand needs 8.4. Shared memory: CUDA C++ guide, technical specifications.
struct Row {
  StringLiteral name, features;
  bool wgmma;
  int64_t sharedKiB;
};
} // namespace
static constexpr Row kChips[] = {
    {"sm_80", "+ptx80", false, 163},  {"sm_86", "+ptx80", false, 99},    {"sm_87", "+ptx80", false, 163},
    {"sm_89", "+ptx80", false, 99},   {"sm_90", "+ptx80", false, 227},   {"sm_90a", "+ptx84", true, 227},
    {"sm_100", "+ptx86", false, 227}, {"sm_100a", "+ptx86", false, 227}, {"sm_103", "+ptx88", false, 227},
    {"sm_120", "+ptx87", false, 99},  {"sm_121", "+ptx88", false, 99},
};

FailureOr<Chip> mlir::fptq::nvptx::parseChip(StringRef name, function_ref<InFlightDiagnostic()> emitError) {
  for (const Row &row : kChips)
    if (name == row.name)
      return Chip{row.name.str(), row.features.str(), row.wgmma, row.sharedKiB * 1024};
  unsigned number;
  StringRef digits = name;
  if (digits.consume_front("sm_") && !digits.consumeInteger(10, number) && number < 80)
    return emitError() << "chip '" << name << "' is below sm_80, the first with integer tensor cores for these kernels "
                       << "(mma.sync.m16n8k32) and asynchronous copies";
  auto names = llvm::map_range(kChips, [](const Row &row) { return row.name.str(); });
  return emitError() << "unknown chip '" << name << "', expected one of " << llvm::join(names, ", ");
}
