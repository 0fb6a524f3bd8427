// RUN: fptq-opt --fptq-quantize-weights --split-input-file --verify-diagnostics %s

func.func @no_policy(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  // expected-error@+1 {{has no policy (layer 'a')}}
  %y = fptq.linear %x, %w layer("a") : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

func.func @static_without_range(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  // expected-error@+1 {{has no profiled range for its static policy (layer 'a')}}
  %y = fptq.linear %x, %w layer("a") {
    policy = #fptq.policy<static, "v = 1">, scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

func.func @nan_in_weight(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  // expected-error@+1 {{weight holds NaN at row 1, column 0 (layer 'bad')}}
  %w = arith.constant dense<[[1.0, 2.0], [0x7FC00000, 3.0]]> : tensor<2x2xf32>
  %y = fptq.linear %x, %w layer("bad") {
    policy = #fptq.policy<per_token, "v = 1">, scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

// 2^66 bytes: the product of the sizes is 0.
func.func @wraps_to_nothing(%x: tensor<3x8xf32>) -> tensor<3x2xf32> {
  // expected-error@+1 {{constant of type 'tensor<4611686018427387904x16xf32>' is larger than any memory (layer 'a')}}
  %c = arith.constant dense<1.0> : tensor<4611686018427387904x16xf32>
  %w = tensor.extract_slice %c[0, 0] [2, 8] [1, 1] : tensor<4611686018427387904x16xf32> to tensor<2x8xf32>
  %y = fptq.linear %x, %w layer("a") {
    policy = #fptq.policy<per_token, "v = 1">, scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<3x8xf32>, tensor<2x8xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

// One number for all elements is no tensor that a chain could end at.
func.func @filled_by_a_generic(%x: tensor<3x8xf32>) -> tensor<3x2xf32> {
  %c = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<2x8xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(i, j) -> ()>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]} ins(%c : f32) outs(%e : tensor<2x8xf32>) {
  ^bb0(%one: f32, %unused: f32):
    linalg.yield %one : f32
  } -> tensor<2x8xf32>
  // expected-error@+1 {{has a weight that is no constant (layer 'a')}}
  %y = fptq.linear %x, %w layer("a") {
    policy = #fptq.policy<per_token, "v = 1">, scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<3x8xf32>, tensor<2x8xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

func.func @two_weights_of_one_name(%x: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = arith.constant {fptq.name = "one"} dense<1.0> : tensor<2x2xf32>
  %v = arith.constant {fptq.name = "two"} dense<2.0> : tensor<2x2xf32>
  // expected-note@+1 {{earlier call}}
  %y = fptq.linear %x, %w layer("a") {
    policy = #fptq.policy<per_token, "v = 1">, scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  // expected-error@+1 {{has another weight or scheme than an earlier call (layer 'a')}}
  %z = fptq.linear %x, %v layer("a") {
    policy = #fptq.policy<per_token, "v = 1">, scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %y, %z : tensor<3x2xf32>, tensor<3x2xf32>
}

// -----

// One constant, but one of the layers reads it transposed.
func.func @transposed_weight_of_one_name(%x: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = arith.constant {fptq.name = "one"} dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %t = linalg.transpose ins(%w : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) permutation = [1, 0]
  // expected-note@+1 {{earlier call}}
  %y = fptq.linear %x, %w layer("a") {
    policy = #fptq.policy<per_token, "v = 1">, scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  // expected-error@+1 {{has another weight or scheme than an earlier call (layer 'a')}}
  %z = fptq.linear %x, %t layer("a") {
    policy = #fptq.policy<per_token, "v = 1">, scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %y, %z : tensor<3x2xf32>, tensor<3x2xf32>
}

// -----

func.func @stored_without_codes(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  // expected-error@+1 {{is to keep its codes, but its weight came with none (layer 'a')}}
  %y = fptq.linear %x, %w layer("a") {
    policy = #fptq.policy<per_token, "v = 1">, scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = stored>
  } : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

func.func @nan_in_stored_scales(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %codes = arith.constant dense<1> : tensor<2x1xi8>
  // expected-error@+1 {{weight holds NaN at row 1, column 0 (layer 'bad')}}
  %scales = arith.constant dense<[[1.0], [0x7FC00000]]> : tensor<2x1xf32>
  %w = fptq.dequantize %codes, %scales bits(4) group_size(2) : (tensor<2x1xi8>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %y = fptq.linear %x, %w layer("bad") {
    policy = #fptq.policy<per_token, "v = 1">, scheme = #fptq.scheme<group, group_size = 2, symmetric = true, method = stored>
  } : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

// A weight of four terabytes, refused before it is evaluated.
func.func @too_many_channels(%x: tensor<3x1048576xf32>) -> tensor<3x1048576xf32> {
  %w = arith.constant dense<1.0> : tensor<1048576x1048576xf32>
  // expected-error@+1 {{(QM5) has 1048576 input channels, which could overflow int32, at most 65536 (layer 'a')}}
  %y = fptq.linear %x, %w layer("a") {
    policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 128, symmetric = true, method = rtn>
  } : (tensor<3x1048576xf32>, tensor<1048576x1048576xf32>) -> tensor<3x1048576xf32>
  return %y : tensor<3x1048576xf32>
}

// -----

func.func @too_much_padding(%x: tensor<3x65530xf32>) -> tensor<3x4xf32> {
  %w = arith.constant dense<1.0> : tensor<4x65530xf32>
  // expected-error@+1 {{(QM5) has 65530 input channels (80000 with the last group's padding), which could overflow int32, at most 65536 (layer 'a')}}
  %y = fptq.linear %x, %w layer("a") {
    policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 40000, symmetric = true, method = rtn>
  } : (tensor<3x65530xf32>, tensor<4x65530xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}
