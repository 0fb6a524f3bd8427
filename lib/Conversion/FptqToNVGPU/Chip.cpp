//===- Chip.cpp - NVIDIA chips this project generates code for ------------===//
#include "fptq/Conversion/FptqToNVGPU/Chip.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

namespace {
/// PTX 8.0 is the first that has all that the sm_80 kernels use with fixes, and CUDA 12.0's; newer chips ask for more.
/// wgmma with one unsigned and one signed operand needs 8.4. Shared memory: CUDA C++ guide, technical specifications.
/// Multiprocessors: A100, A40, Orin, L40S, H100 SXM, B200, RTX 5090, GB10.
struct Row {
  StringLiteral name, features;
  bool wgmma;
  int64_t sharedKiB, multiprocessors;
};
} // namespace
static constexpr Row kChips[] = {
    {"sm_80", "+ptx80", false, 163, 108},  {"sm_86", "+ptx80", false, 99, 84},
    {"sm_87", "+ptx80", false, 163, 16},   {"sm_89", "+ptx80", false, 99, 142},
    {"sm_90", "+ptx80", false, 227, 132},  {"sm_90a", "+ptx84", true, 227, 132},
    {"sm_100", "+ptx86", false, 227, 148}, {"sm_100a", "+ptx86", false, 227, 148},
    {"sm_103", "+ptx88", false, 227, 148}, {"sm_120", "+ptx87", false, 99, 170},
    {"sm_121", "+ptx88", false, 99, 48},
};

/// 80 of "sm_80" and "sm_80a".
static int numberOf(StringRef name) {
  int number = 0;
  return name.consume_front("sm_") && !name.consumeInteger(10, number) ? number : -1;
}

FailureOr<Chip> mlir::fptq::nvptx::parseChip(StringRef name, function_ref<InFlightDiagnostic()> emitError) {
  for (const Row &row : kChips)
    if (name == row.name)
      return Chip{row.name.str(),       row.features.str(),   row.wgmma,
                  row.sharedKiB * 1024, numberOf(name) >= 90, row.multiprocessors};
  if (int number = numberOf(name); number >= 0 && number < 80)
    return emitError() << "chip '" << name << "' is below sm_80, the first with integer tensor cores for these kernels "
                       << "(mma.sync.m16n8k32) and asynchronous copies";
  auto names = llvm::map_range(kChips, [](const Row &row) { return row.name.str(); });
  return emitError() << "unknown chip '" << name << "', expected one of " << llvm::join(names, ", ");
}
