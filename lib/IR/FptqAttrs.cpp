//===- FptqAttrs.cpp - parse, print, verify attributes --------------------===//
#include "fptq/IR/Fptq.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mlir::fptq;

#include "fptq/IR/FptqEnums.cpp.inc"

/// Far above any weight's K; sums and products with it still fit 64 bits.
static constexpr int64_t kMaxGroupSize = int64_t(1) << 31;

/// `"x86"`, quoted: a name of docs/PackedLayout.md, which outlives the enumeration of this release.
static ParseResult parseLayoutName(AsmParser &parser, Layout &layout) {
  std::string name;
  SMLoc location = parser.getCurrentLocation();
  if (failed(parser.parseString(&name)))
    return failure();
  std::optional<Layout> known = parseLayout(name);
  if (!known)
    return parser.emitError(location) << unknownLayout(name);
  layout = *known;
  return success();
}

static void printLayoutName(AsmPrinter &printer, Layout layout) { printer << '"' << layoutName(layout) << '"'; }

#define GET_ATTRDEF_CLASSES
#include "fptq/IR/FptqAttrs.cpp.inc"

void FptqDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "fptq/IR/FptqAttrs.cpp.inc"
      >();
}

LogicalResult SchemeAttr::verify(function_ref<InFlightDiagnostic()> emitError, SchemeKind kind, int64_t groupSize,
                                 bool symmetric, WeightMethod method) {
  if (groupSize < 0)
    return emitError() << "group size " << groupSize << " is negative; 0 means one group per channel";
  if (groupSize > kMaxGroupSize)
    return emitError() << "group size " << groupSize << " is above " << kMaxGroupSize
                       << "; 0 means one group per channel";
  if (kind == SchemeKind::TwoLevel && symmetric)
    return emitError() << "the two-level scheme has offsets: symmetric must be false";
  return success();
}

LogicalResult RangeAttr::verify(function_ref<InFlightDiagnostic()> emitError, APFloat minValue, APFloat maxValue,
                                APFloat absmaxValue, int64_t tokens) {
  double min = minValue.convertToDouble(), max = maxValue.convertToDouble(), absmax = absmaxValue.convertToDouble();
  for (double value : {min, max, absmax})
    if (!std::isfinite(static_cast<float>(value))) // scales are floats
      return emitError() << "range [" << min << ", " << max << "], absmax " << absmax << " is "
                         << (std::isfinite(value) ? "more than a float holds" : "not finite");
  if (min > max)
    return emitError() << "range minimum " << min << " is above its maximum " << max;
  if (absmax < 0)
    return emitError() << "absmax " << absmax << " is negative";
  if (tokens < 0)
    return emitError() << "token count " << tokens << " is negative";
  return success();
}

// Written by hand because the generated parser of an APFloat does not know its semantics.
Attribute RangeAttr::parse(AsmParser &parser, Type) {
  double min = 0, max = 0, absmax = 0;
  int64_t tokens = 0;
  auto field = [&](StringRef key, double &value) {
    return failed(parser.parseKeyword(key)) || failed(parser.parseEqual()) || failed(parser.parseFloat(value)) ||
           failed(parser.parseComma());
  };
  if (failed(parser.parseLess()) || field("min", min) || field("max", max) || field("absmax", absmax) ||
      failed(parser.parseKeyword("tokens")) || failed(parser.parseEqual()) || failed(parser.parseInteger(tokens)) ||
      failed(parser.parseGreater()))
    return {};
  return parser.getChecked<RangeAttr>(parser.getContext(), APFloat(min), APFloat(max), APFloat(absmax), tokens);
}

void RangeAttr::print(AsmPrinter &printer) const {
  // printFloat gives the shortest text that reads back to the same double.
  auto field = [&](StringRef key, const APFloat &value) {
    printer << key << " = ";
    printer.printFloat(value);
    printer << ", ";
  };
  printer << "<";
  field("min", getMinValue());
  field("max", getMaxValue());
  field("absmax", getAbsmaxValue());
  printer << "tokens = " << getTokens() << ">";
}
