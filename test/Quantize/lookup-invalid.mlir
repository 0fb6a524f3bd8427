// RUN: fptq-opt --fptq-quantize-weights --split-input-file --verify-diagnostics %s

func.func @not_constant(%ids: tensor<?xindex>, %w: tensor<2x4xf32>) -> tensor<?x4xf32> {
  // expected-error@+1 {{has a weight that is no constant (layer 'wte.lookup')}}
  %y = fptq.lookup %ids, %w layer("wte.lookup") {reason = "rule",
    scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<?xindex>, tensor<2x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @not_finite(%ids: tensor<?xindex>) -> tensor<?x2xf32> {
  // expected-error@+1 {{weight holds NaN at row 1, column 0 (layer 'wte.lookup')}}
  %w = arith.constant dense<[[0.5, -1.0], [0x7FC00000, 1.0]]> : tensor<2x2xf32>
  %y = fptq.lookup %ids, %w layer("wte.lookup") {reason = "rule",
    scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<?xindex>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @two_tables_of_one_name(%ids: tensor<?xindex>) -> (tensor<?x2xf32>, tensor<?x4xf32>) {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %v = arith.constant dense<1.0> : tensor<2x4xf32>
  // expected-note@+1 {{earlier call}}
  %x = fptq.lookup %ids, %w layer("wte.lookup") {reason = "rule",
    scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<?xindex>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // expected-error@+1 {{has another weight or scheme than an earlier call (layer 'wte.lookup')}}
  %y = fptq.lookup %ids, %v layer("wte.lookup") {reason = "rule",
    scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<?xindex>, tensor<2x4xf32>) -> tensor<?x4xf32>
  return %x, %y : tensor<?x2xf32>, tensor<?x4xf32>
}
