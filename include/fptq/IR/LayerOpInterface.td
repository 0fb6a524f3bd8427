//===- LayerOpInterface.td - what all forms of a layer share --*- tablegen -*-===//
#ifndef FPTQ_LAYEROPINTERFACE_TD
#define FPTQ_LAYEROPINTERFACE_TD

include "mlir/IR/OpBase.td"

def Fptq_LayerOpInterface : OpInterface<"LayerOpInterface"> {
  let cppNamespace = "::mlir::fptq";
  let description = [{
    A layer of the model, in whatever form it has: `linear`, `quantized_matmul`, `packed_matmul`; or `lookup`,
    `quantized_lookup`, `packed_lookup`. For what asks of every layer alike (tables, checks, exports); what rewrites a
    form takes its op.

    The weight is N x K: N output channels of K input channels, or a table of N rows of K elements.
  }];
  let methods = [
    InterfaceMethod<"The name that recipes and profiles match on.", "::llvm::StringRef", "getLayer">,
    InterfaceMethod<"A product, or rows of a table.", "::mlir::fptq::LayerKind", "getLayerKind", (ins), "", [{
      return ::mlir::fptq::LayerKind::Linear;
    }]>,
    InterfaceMethod<"N of the weight, or dynamic.", "int64_t", "getWeightRows">,
    InterfaceMethod<"K of the weight without padding, or dynamic. With the padding of a ragged last group where a "
                    "quantized product's activations come from no quantize step.", "int64_t", "getWeightColumns">,
    InterfaceMethod<"How codes become weights; null where it is not decided, or the layer stays float.",
                    "::mlir::fptq::SchemeAttr", "getSchemeAttr">,
    InterfaceMethod<"Order of the packed bytes; null before the pack stage.", "::mlir::fptq::LayoutAttr",
                    "getLayoutAttr", (ins), "", "return {};">,
    InterfaceMethod<"The float weight, N x K; null from the quantize stage on.", "::mlir::Value", "getFloatWeight",
                    (ins), "", "return {};">,
    InterfaceMethod<"The packed bytes; null before the pack stage.", "::mlir::Value", "getPacked", (ins), "",
                    "return {};">,
    InterfaceMethod<"The profiled range of the input, of a quantized form before equalization; null without a profile, and "
                    "of a lookup.",
                    "::mlir::fptq::RangeAttr", "getRangeAttr", (ins), "", [{
      return $_op->template getAttrOfType<::mlir::fptq::RangeAttr>(::mlir::fptq::FptqDialect::kRangeAttr);
    }]>,
    InterfaceMethod<"The activation policy; null where it is not decided, and of a lookup.",
                    "::mlir::fptq::PolicyAttr", "getPolicyAttr", (ins), "", [{
      return $_op->template getAttrOfType<::mlir::fptq::PolicyAttr>(::mlir::fptq::FptqDialect::kPolicyAttr);
    }]>,
    InterfaceMethod<"What decided, in words: the policy's reason, or a lookup's own; null where nothing did.",
                    "::mlir::StringAttr", "getReasonAttr", (ins), "", [{
      if (auto policy = $_op.getPolicyAttr())
        return ::mlir::StringAttr::get($_op->getContext(), policy.getReason());
      return $_op->template getAttrOfType<::mlir::StringAttr>(::mlir::fptq::FptqDialect::kReasonAttr);
    }]>];
}

#endif // FPTQ_LAYEROPINTERFACE_TD
