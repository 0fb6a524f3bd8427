// RUN: not fptq-opt --fptq-verify-stage=stage=raised %s 2>&1 | FileCheck %s --check-prefix=RAISED
// RAISED: breaks the promise of stage 'raised' (layer 'a'): its weight is no constant
// RAISED: breaks the promise of stage 'raised' (layer 'c'): its table is no constant
// RUN: not fptq-opt --fptq-verify-stage=stage=profiled %s 2>&1 | FileCheck %s --check-prefix=PROFILED
// PROFILED: breaks the promise of stage 'profiled' (layer 'a'): it has no range
// RUN: not fptq-opt --fptq-verify-stage=stage=decided %s 2>&1 | FileCheck %s --check-prefix=DECIDED
// DECIDED: breaks the promise of stage 'decided' (layer 'a'): it has no policy
// DECIDED: breaks the promise of stage 'decided' (layer 'c'): it is not decided
// RUN: not fptq-opt --fptq-verify-stage=stage=quantized %s 2>&1 | FileCheck %s --check-prefix=QUANTIZED
// QUANTIZED-DAG: breaks the promise of stage 'quantized' (layer 'a'): it is still a linear
// QUANTIZED-DAG: breaks the promise of stage 'quantized' (layer 'b'): its activations come from no quantize step
// QUANTIZED-DAG: breaks the promise of stage 'quantized' (layer 'c'): it is still a lookup of floats
// RUN: not fptq-opt --fptq-verify-stage=stage=packed %s 2>&1 | FileCheck %s --check-prefix=PACKED
// PACKED: breaks the promise of stage 'packed' (layer 'b'): it is not packed
// PACKED: breaks the promise of stage 'packed' (layer 'd'): it is not packed
// RUN: not fptq-opt --fptq-verify-stage=stage=sometime %s 2>&1 | FileCheck %s --check-prefix=WORD
// WORD: option stage='sometime' is not one of
func.func @f(%x: tensor<3x4xf32>, %w: tensor<2x4xf32>, %q: tensor<3x4xi8>, %s: tensor<3xf32>, %t: tensor<3x1xi32>,
             %codes: tensor<2x2xi8>, %scales: tensor<2x1xf32>, %y: tensor<3x2xf32>, %ids: tensor<3xindex>) -> tensor<3x2xf32> {
  %0 = fptq.linear %x, %w layer("a") : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %1 = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("b")
    ins(%q, %s, %t : tensor<3x4xi8>, tensor<3xf32>, tensor<3x1xi32>)
    weights(%codes, %scales : tensor<2x2xi8>, tensor<2x1xf32>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  %2 = fptq.lookup %ids, %w layer("c") : (tensor<3xindex>, tensor<2x4xf32>) -> tensor<3x4xf32>
  %3 = fptq.quantized_lookup <group, group_size = 4, symmetric = true, method = rtn> layer("d") ins(%ids : tensor<3xindex>)
    weights(%codes, %scales : tensor<2x2xi8>, tensor<2x1xf32>) outs(%x : tensor<3x4xf32>) -> tensor<3x4xf32>
  return %1 : tensor<3x2xf32>
}
