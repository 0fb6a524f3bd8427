//===- Layout.cpp - sizes of packed weights (docs/PackedLayout.md) --------===//
#include "fptq/Pack/Layout.h"
#include "fptq/Pack/NVPTXLayout.h"
#include "fptq/Pack/X86Layout.h"
#include "llvm/Support/ErrorHandling.h"

using namespace mlir::fptq;

static int64_t roundUp(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

std::string_view mlir::fptq::layoutName(Layout layout) {
  switch (layout) {
  case Layout::X86:
    return "x86";
  case Layout::NVPTX:
    return "nvptx";
  }
  llvm_unreachable("no layout");
}

std::optional<Layout> mlir::fptq::parseLayout(std::string_view name) {
  for (Layout layout : {Layout::X86, Layout::NVPTX})
    if (name == layoutName(layout))
      return layout;
  return std::nullopt;
}

std::string mlir::fptq::unknownLayout(std::string_view name) {
  return "unknown layout '" + std::string(name) + "', expected 'x86' or 'nvptx'";
}

int64_t mlir::fptq::paddedGroupSize(Layout layout, int64_t groupSize) {
  switch (layout) {
  case Layout::X86:
    return roundUp(groupSize, x86::kOctet);
  case Layout::NVPTX:
    return groupSize <= nvptx::kStep ? nvptx::kStep : roundUp(groupSize, nvptx::kChunk); // N2
  }
  llvm_unreachable("no layout");
}

int64_t mlir::fptq::packedBytes(Layout layout, const PackedShape &shape) {
  switch (layout) {
  case Layout::X86: {
    x86::PanelLayout l = x86::panelLayout(shape);
    return l.pairs * l.pairBytes;
  }
  case Layout::NVPTX: {
    nvptx::PanelLayout l = nvptx::panelLayout(shape);
    return l.panels * l.panelBytes;
  }
  }
  llvm_unreachable("no layout");
}
