// RUN: fptq-opt --fptq-quantize-weights --cse --split-input-file %s | FileCheck %s
// RUN: fptq-opt --fptq-quantize-weights --split-input-file %s --remarks-filter=Quantize --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// CHECK-LABEL: @by_rule
// CHECK-DAG: %[[CODES:.*]] = arith.constant dense_resource<wte.lookup.codes> : tensor<2x2xi8>
// CHECK-DAG: %[[SCALES:.*]] = arith.constant dense_resource<wte.lookup.scales> : tensor<2x1xf32>
// CHECK-NOT: tensor<2x4xf16>
// CHECK: %[[ROWS:.*]] = fptq.quantized_lookup <group, group_size = 0, symmetric = true, method = rtn> layer("wte.lookup") ins(%{{.*}} : tensor<?xindex>)
// CHECK-SAME: weights(%[[CODES]], %[[SCALES]] : tensor<2x2xi8>, tensor<2x1xf32>)
// CHECK-SAME: fptq.error_db
// CHECK-SAME: fptq.reason = "rules.yaml:3"
// CHECK: arith.truncf %[[ROWS]] : tensor<?x4xf32> to tensor<?x4xf16>
func.func @by_rule(%ids: tensor<?xindex>) -> tensor<?x4xf16> {
  %w = arith.constant dense<[[0.5, -1.0, 0.25, 0.0], [-8.0, 7.0, 1.0, -2.0]]> : tensor<2x4xf16>
  %y = fptq.lookup %ids, %w layer("wte.lookup") {reason = "rules.yaml:3",
    scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<?xindex>, tensor<2x4xf16>) -> tensor<?x4xf16>
  return %y : tensor<?x4xf16>
}

// -----

// What stays float is linalg again: no later stage has anything to do with it.
// CHECK-LABEL: @stays_float
// CHECK-NOT: fptq.lookup
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<?xindex>)
// CHECK: tensor.extract %{{.*}} : tensor<2x4xf16>
// CHECK: arith.extf
func.func @stays_float(%ids: tensor<?xindex>) -> tensor<?x4xf32> {
  %w = arith.constant dense<[[0.5, -1.0, 0.25, 0.0], [-8.0, 7.0, 1.0, -2.0]]> : tensor<2x4xf16>
  %y = fptq.lookup %ids, %w layer("wte.lookup") {reason = "no rule names it"} : (tensor<?xindex>, tensor<2x4xf16>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// A tied head's codes serve both, also where a front end wrote the table twice. (Blobs are told apart by their numbers.)
// CHECK-LABEL: @tied
// CHECK-NOT: wte.lookup.codes
// CHECK: fptq.quantized_lookup {{.*}} weights(%[[CODES:.*]], %[[SCALES:.*]] : tensor<2x2xi8>, tensor<2x1xf32>)
// CHECK: fptq.quantized_matmul {{.*}} weights(%[[CODES]], %[[SCALES]] :
// REMARK: layer 'wte.lookup' reads the codes of 'wte'
func.func @tied(%ids: tensor<?xindex>) -> tensor<?x2xf32> {
  %w = arith.constant dense_resource<table> : tensor<2x4xf32>
  %same = arith.constant dense_resource<table_1> : tensor<2x4xf32>
  %x = fptq.lookup %ids, %w layer("wte.lookup") {reason = "rule",
    scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<?xindex>, tensor<2x4xf32>) -> tensor<?x4xf32>
  %y = fptq.linear %x, %same layer("wte") {policy = #fptq.policy<per_token, "v">,
    scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      table: "0x040000000000803F000000C00000003F000000000000000000004040000080BF0000803F",
      table_1: "0x040000000000803F000000C00000003F000000000000000000004040000080BF0000803F"
    }
  }
#-}

// -----

// An equalized head's columns are scaled: it has other codes, and another scheme has too.
// CHECK-LABEL: @equalized
// CHECK-DAG: dense_resource<wte.lookup.codes{{.*}}>
// CHECK-DAG: dense_resource<wte.codes{{.*}}>
// REMARK: those of 'wte' are of an equalized weight
// REMARK-SAME: layer 'wte.lookup' has codes of its own
func.func @equalized(%ids: tensor<?xindex>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[0.5, -1.0, 0.25, 0.0], [-8.0, 7.0, 1.0, -2.0]]> : tensor<2x4xf32>
  %s = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %scaled = fptq.scale_channels %w, %s dim(1) : tensor<2x4xf32>, tensor<4xf32>
  %x = fptq.lookup %ids, %w layer("wte.lookup") {reason = "rule",
    scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<?xindex>, tensor<2x4xf32>) -> tensor<?x4xf32>
  %y = fptq.linear %x, %scaled layer("wte") {policy = #fptq.policy<per_token, "v">,
    scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: @other_scheme
// CHECK-DAG: dense_resource<wte.lookup.multipliers
// CHECK-DAG: dense_resource<wte.codes
// REMARK: those of 'wte' are of another scheme
func.func @other_scheme(%ids: tensor<?xindex>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[0.5, -1.0, 0.25, 0.0], [-8.0, 7.0, 1.0, -2.0]]> : tensor<2x4xf32>
  %x = fptq.lookup %ids, %w layer("wte.lookup") {reason = "rule",
    scheme = #fptq.scheme<two_level, group_size = 4, symmetric = false, method = rtn>
  } : (tensor<?xindex>, tensor<2x4xf32>) -> tensor<?x4xf32>
  %y = fptq.linear %x, %w layer("wte") {policy = #fptq.policy<per_token, "v">,
    scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>
  } : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
