//===- Attributes.h - policies, schemes, ranges, layouts ----------*- C -*-===//
//
// fptq...AttrGet returns a null attribute where the values break a rule of the attribute (docs of the dialect),
// and fptqLastError(NULL) says which. A getter asked about another attribute, or a null one, says so in the
// same place and returns -1, NaN, false or an empty string.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_C_ATTRIBUTES_H
#define FPTQ_C_ATTRIBUTES_H

#include "fptq-c/Support.h"
#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Activation policy of a layer.
typedef enum {
  FPTQ_POLICY_INVALID = -1,
  FPTQ_POLICY_STATIC,
  FPTQ_POLICY_EQUALIZED,
  FPTQ_POLICY_PER_TOKEN,
  FPTQ_POLICY_FLOAT,
  FPTQ_POLICY_ANY_INT = 0x7fffffff
} FptqPolicyKind;

/// How codes become weights.
typedef enum {
  FPTQ_SCHEME_INVALID = -1,
  FPTQ_SCHEME_GROUP,
  FPTQ_SCHEME_TWO_LEVEL,
  FPTQ_SCHEME_ANY_INT = 0x7fffffff
} FptqSchemeKind;

/// #fptq.policy<kind, "reason">.
FPTQ_EXPORT bool fptqAttributeIsAPolicy(MlirAttribute attribute);
FPTQ_EXPORT MlirAttribute fptqPolicyAttrGet(MlirContext context, FptqPolicyKind kind, MlirStringRef reason);
FPTQ_EXPORT FptqPolicyKind fptqPolicyAttrGetKind(MlirAttribute policy);
/// Lives as long as the context.
FPTQ_EXPORT MlirStringRef fptqPolicyAttrGetReason(MlirAttribute policy);

/// #fptq.scheme<kind, group_size, symmetric, method>; `method` as in the text: "rtn", "mse", ...
FPTQ_EXPORT bool fptqAttributeIsAScheme(MlirAttribute attribute);
FPTQ_EXPORT MlirAttribute fptqSchemeAttrGet(MlirContext context, FptqSchemeKind kind, int64_t groupSize, bool symmetric,
                                            MlirStringRef method);
FPTQ_EXPORT FptqSchemeKind fptqSchemeAttrGetKind(MlirAttribute scheme);
/// Input channels of a group; 0: per channel.
FPTQ_EXPORT int64_t fptqSchemeAttrGetGroupSize(MlirAttribute scheme);
FPTQ_EXPORT bool fptqSchemeAttrGetSymmetric(MlirAttribute scheme);
FPTQ_EXPORT MlirStringRef fptqSchemeAttrGetMethod(MlirAttribute scheme);

/// #fptq.range<min, max, absmax, tokens>, in the units of the activations.
FPTQ_EXPORT bool fptqAttributeIsARange(MlirAttribute attribute);
FPTQ_EXPORT MlirAttribute fptqRangeAttrGet(MlirContext context, double min, double max, double absmax, int64_t tokens);
FPTQ_EXPORT double fptqRangeAttrGetMin(MlirAttribute range);
FPTQ_EXPORT double fptqRangeAttrGetMax(MlirAttribute range);
FPTQ_EXPORT double fptqRangeAttrGetAbsmax(MlirAttribute range);
FPTQ_EXPORT int64_t fptqRangeAttrGetTokens(MlirAttribute range);

/// #fptq.layout<"name">, a layout of docs/PackedLayout.md.
FPTQ_EXPORT bool fptqAttributeIsALayout(MlirAttribute attribute);
FPTQ_EXPORT MlirAttribute fptqLayoutAttrGet(MlirContext context, MlirStringRef name);
FPTQ_EXPORT MlirStringRef fptqLayoutAttrGetName(MlirAttribute layout);

#ifdef __cplusplus
}
#endif

#endif // FPTQ_C_ATTRIBUTES_H
