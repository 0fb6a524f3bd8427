//===- Attributes.cpp - policies, schemes, ranges, layouts ----------------===//
#include "fptq-c/Attributes.h"
#include "Internal.h"
#include "fptq/IR/Fptq.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Support.h"

#include <cmath>

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::capi;

/// The context with our dialect in it, or null where the caller's is.
static MLIRContext *loaded(MlirContext handle, const char *function) {
  if (isNull(handle.ptr, function, "the context"))
    return nullptr;
  unwrap(handle)->getOrLoadDialect<FptqDialect>();
  return unwrap(handle);
}

/// `Attr` of parameters that any verifier would take.
template <typename Attr, typename... Parameters>
static MlirAttribute get(MlirContext handle, const char *function, Parameters... parameters) {
  MLIRContext *context = loaded(handle, function);
  return context ? wrap(Attribute(Attr::get(context, parameters...))) : MlirAttribute{nullptr};
}

/// `Attr` of these parameters, or null where its verifier objects, which threadError then says.
template <typename Attr, typename... Parameters>
static MlirAttribute getChecked(MlirContext handle, const char *function, Parameters... parameters) {
  MLIRContext *context = loaded(handle, function);
  if (!context)
    return {nullptr};
  ScopedDiagnosticHandler listener(context, [](Diagnostic &diagnostic) { threadError() = print(diagnostic); });
  auto emitError = [&] { return mlir::emitError(UnknownLoc::get(context)); };
  return wrap(Attribute(Attr::getChecked(emitError, context, parameters...)));
}

static MlirAttribute unknownValue(const char *function, const llvm::Twine &what) {
  threadError() = (llvm::Twine(function) + ": " + what).str();
  return {nullptr};
}

/// `attribute` as `Attr`, or null, which threadError then says.
template <typename Attr> static Attr as(MlirAttribute attribute, const char *function) {
  if (isNull(attribute.ptr, function, "the attribute"))
    return {};
  auto result = dyn_cast<Attr>(unwrap(attribute));
  if (!result)
    threadError() = (llvm::Twine(function) + ": the attribute is no #fptq." + Attr::getMnemonic()).str();
  return result;
}

template <typename Attr> static bool isA(MlirAttribute attribute) {
  return attribute.ptr && isa<Attr>(unwrap(attribute));
}

static MlirStringRef name(StringRef text) { return wrap(text); }

bool fptqAttributeIsAPolicy(MlirAttribute attribute) { return isA<PolicyAttr>(attribute); }
bool fptqAttributeIsAScheme(MlirAttribute attribute) { return isA<SchemeAttr>(attribute); }
bool fptqAttributeIsARange(MlirAttribute attribute) { return isA<RangeAttr>(attribute); }
bool fptqAttributeIsALayout(MlirAttribute attribute) { return isA<LayoutAttr>(attribute); }

MlirAttribute fptqPolicyAttrGet(MlirContext context, FptqPolicyKind kind, MlirStringRef reason) {
  auto policy = symbolizePolicyKind(static_cast<uint32_t>(kind));
  if (!policy)
    return unknownValue(__func__, "no policy " + llvm::Twine(static_cast<int>(kind)));
  return get<PolicyAttr>(context, __func__, *policy, unwrap(reason));
}

FptqPolicyKind fptqPolicyAttrGetKind(MlirAttribute policy) {
  auto attr = as<PolicyAttr>(policy, __func__);
  return attr ? static_cast<FptqPolicyKind>(attr.getKind()) : FPTQ_POLICY_INVALID;
}

MlirStringRef fptqPolicyAttrGetReason(MlirAttribute policy) {
  auto attr = as<PolicyAttr>(policy, __func__);
  return name(attr ? attr.getReason() : "");
}

MlirAttribute fptqSchemeAttrGet(MlirContext context, FptqSchemeKind kind, int64_t groupSize, bool symmetric,
                                MlirStringRef method) {
  auto scheme = symbolizeSchemeKind(static_cast<uint32_t>(kind));
  if (!scheme)
    return unknownValue(__func__, "no scheme " + llvm::Twine(static_cast<int>(kind)));
  auto found = symbolizeWeightMethod(unwrap(method));
  if (!found)
    return unknownValue(__func__, "no method '" + unwrap(method) + "'");
  return getChecked<SchemeAttr>(context, __func__, *scheme, groupSize, symmetric, *found);
}

FptqSchemeKind fptqSchemeAttrGetKind(MlirAttribute scheme) {
  auto attr = as<SchemeAttr>(scheme, __func__);
  return attr ? static_cast<FptqSchemeKind>(attr.getKind()) : FPTQ_SCHEME_INVALID;
}

int64_t fptqSchemeAttrGetGroupSize(MlirAttribute scheme) {
  auto attr = as<SchemeAttr>(scheme, __func__);
  return attr ? attr.getGroupSize() : -1;
}

bool fptqSchemeAttrGetSymmetric(MlirAttribute scheme) {
  auto attr = as<SchemeAttr>(scheme, __func__);
  return attr && attr.getSymmetric();
}

MlirStringRef fptqSchemeAttrGetMethod(MlirAttribute scheme) {
  auto attr = as<SchemeAttr>(scheme, __func__);
  return name(attr ? stringifyWeightMethod(attr.getMethod()) : "");
}

MlirAttribute fptqRangeAttrGet(MlirContext context, double min, double max, double absmax, int64_t tokens) {
  return getChecked<RangeAttr>(context, __func__, APFloat(min), APFloat(max), APFloat(absmax), tokens);
}

double fptqRangeAttrGetMin(MlirAttribute range) {
  auto attr = as<RangeAttr>(range, __func__);
  return attr ? attr.getMin() : NAN;
}

double fptqRangeAttrGetMax(MlirAttribute range) {
  auto attr = as<RangeAttr>(range, __func__);
  return attr ? attr.getMax() : NAN;
}

double fptqRangeAttrGetAbsmax(MlirAttribute range) {
  auto attr = as<RangeAttr>(range, __func__);
  return attr ? attr.getAbsmax() : NAN;
}

int64_t fptqRangeAttrGetTokens(MlirAttribute range) {
  auto attr = as<RangeAttr>(range, __func__);
  return attr ? attr.getTokens() : -1;
}

MlirAttribute fptqLayoutAttrGet(MlirContext context, MlirStringRef name) {
  std::optional<Layout> layout = parseLayout(unwrap(name));
  if (!layout)
    return unknownValue(__func__, unknownLayout(unwrap(name)));
  return get<LayoutAttr>(context, __func__, *layout);
}

MlirStringRef fptqLayoutAttrGetName(MlirAttribute layout) {
  auto attr = as<LayoutAttr>(layout, __func__);
  return name(attr ? attr.getName() : "");
}
