//===- GpuTier.cpp - tiers that run linears on a GPU or its model ---------===//
#include "fptq/Target/GpuTier.h"

using namespace mlir::fptq;

std::optional<GpuTier> mlir::fptq::parseGpuTier(llvm::StringRef tier) {
  auto [name, chip] = tier.split(':');
  if (name != "nvptx" && name != "nvptx-sim")
    return std::nullopt;
  return GpuTier{name == "nvptx-sim", chip.str()};
}
