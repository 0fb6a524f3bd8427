// What makes a fold illegal, by label. The division then stands before the layer, exactly; a remark says why.
// RUN: fptq-opt %s --split-input-file --fptq-equalize --remarks-filter=Equalize > %t 2> %t.remarks
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// A post-norm encoder: the normalized value is also the residual. q and k share one division.
// CHECK-LABEL: @E1_residual_reads_the_norm
// CHECK: %[[INVERSE:.*]] = arith.constant dense<[1.000000e+00, 5.000000e-01, 0.285714298, 1.000000e+00]> : tensor<4xf32>
// CHECK: %[[Y:.*]] = linalg.mul
// CHECK-NEXT: %[[X:.*]] = fptq.scale_channels %[[Y]], %[[INVERSE]] dim(1) : tensor<?x4xf32>
// CHECK: fptq.linear %[[X]], %{{.*}} layer("q") {channel_absmax = dense<[2.000000e+00, 3.000000e+00, 4.000000e+00, 0.000000e+00]>
// CHECK: fptq.linear %[[X]], %{{.*}} layer("k")
// CHECK: linalg.add ins(%[[Y]],
// REMARK: [Missed] Equalized{{.*}}Reason="(E1) 'linalg.add' reads the same input", Remark="layer 'q': 1/s stays before the layer"
func.func @E1_residual_reads_the_norm(%n: tensor<?x4xf32>, %e: tensor<?x4xf32>)
    -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %gamma = arith.constant dense<2.0> : tensor<4xf32>
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %b = linalg.broadcast ins(%gamma : tensor<4xf32>) outs(%e : tensor<?x4xf32>) dimensions = [0]
  %y = linalg.mul ins(%n, %b : tensor<?x4xf32>, tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  %q = fptq.linear %y, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %k = fptq.linear %y, %w layer("k") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %r = linalg.add ins(%y, %q : tensor<?x4xf32>, tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %r, %k : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// A layer with another policy would be equalized against its recipe.
// CHECK-LABEL: @E1_static_layer_reads_the_norm
// CHECK: %[[Y:.*]] = linalg.mul
// CHECK: fptq.linear %[[Y]], %{{.*}} layer("k")
// REMARK: Reason="(E1) layer 'k' reads the same input and its policy is static", Remark="layer 'q'
func.func @E1_static_layer_reads_the_norm(%n: tensor<2x4xf32>, %e: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %gamma = arith.constant dense<2.0> : tensor<2x4xf32>
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %y = linalg.mul ins(%n, %gamma : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %q = fptq.linear %y, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %k = fptq.linear %y, %w layer("k") {policy = #fptq.policy<static, "recipe">}
    : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %q, %k : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// A layer that stays float can take s into its weight, exactly; a tied one into its own chain, so that the
// embedding keeps the table as it was. tensor.dim, an unused linalg operand and dead code read no element.
// CHECK-LABEL: @kept_float_layer_takes_s_into_its_weight
// CHECK: %[[TABLE:.*]] = arith.constant {fptq.name = "embedding"}
// CHECK: tensor.extract %[[TABLE]]
// CHECK: %[[HEAD:.*]] = fptq.scale_channels %[[TABLE]], %{{.*}} dim(1) : tensor<3x4xf32>
// CHECK: fptq.linear %[[Y:.*]], %[[HEAD]] layer("head") {policy = #fptq.policy<float, "recipe">}
// CHECK: fptq.linear %[[Y]], %{{.*}} layer("q")
// REMARK: [Passed] Rescaled{{.*}}"layer 'head' stays float and takes s into its weight"
// REMARK: "layer 'q': 1/s is folded into a constant"
func.func @kept_float_layer_takes_s_into_its_weight(%n: tensor<2x4xf32>, %i: index) -> (tensor<2x3xf32>, tensor<2x4xf32>, f32, index, tensor<2x4xf32>) {
  %gamma = arith.constant dense<2.0> : tensor<2x4xf32>
  %table = arith.constant {fptq.name = "embedding"} dense<0.5> : tensor<3x4xf32>
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %embedded = tensor.extract %table[%i, %i] : tensor<3x4xf32>
  %e = tensor.empty() : tensor<2x4xf32>
  %y = linalg.mul ins(%n, %gamma : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %c0 = arith.constant 0 : index
  %dim = tensor.dim %y, %c0 : tensor<2x4xf32>
  %zero = arith.constant 0.0 : f32
  %dead = linalg.add ins(%y, %y : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%y : tensor<2x4xf32>) -> tensor<2x4xf32>
  %head = fptq.linear %y, %table layer("head") {policy = #fptq.policy<float, "recipe">}
    : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<2x3xf32>
  %q = fptq.linear %y, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %head, %q, %embedded, %dim, %zeros : tensor<2x3xf32>, tensor<2x4xf32>, f32, index, tensor<2x4xf32>
}

// -----

// REMARK: Reason="(E2) 'math.tanh' is not linear", Remark="layer 'q'
// REMARK: Reason="(E3) 'func.return' reads it too", Remark="layer 'o'
// REMARK: Reason="(E4) it comes from argument 0 of 'E2_to_E5'", Remark="layer 'arg'
// REMARK: Reason="(E5) a constant of the body is one number for all channels", Remark="layer 'constant'
// REMARK: Reason="(E5) the operand is one number for all channels", Remark="layer 'splat'
func.func @E2_to_E5(%y: tensor<2x4xf32>, %x: tensor<2x4xf32>, %e: tensor<2x4xf32>)
    -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %t = linalg.tanh ins(%x : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %q = fptq.linear %t, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %v = fptq.linear %x, %w layer("v") : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %n = linalg.negf ins(%v : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %o = fptq.linear %n, %w layer("o") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %a = fptq.linear %y, %w layer("arg") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %half = arith.constant 0.5 : f32
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      outs(%e : tensor<2x4xf32>) {
  ^bb0(%out: f32):
    linalg.yield %half : f32
  } -> tensor<2x4xf32>
  %sl = fptq.linear %s, %w layer("constant") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %row = arith.constant dense<[0.5, 1.5]> : tensor<2xf32>
  %b = linalg.broadcast ins(%row : tensor<2xf32>) outs(%e : tensor<2x4xf32>) dimensions = [1]
  %bl = fptq.linear %b, %w layer("splat") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %sum = linalg.add ins(%sl, %bl : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %q, %o, %a, %v, %sum : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Each of the three factors would take the scale.
// CHECK-LABEL: @E2_product_over_heads
// CHECK: fptq.linear %{{.*}}, %[[W:.*]] layer("v")
// CHECK: %[[P:.*]] = linalg.reduce { arith.mulf }
// CHECK: fptq.scale_channels %[[P]]
// REMARK: Reason="(E2) a reduction that is no sum", Remark="layer 'o'
func.func @E2_product_over_heads(%x: tensor<2x3x4xf32>) -> tensor<2x4xf32> {
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<2x4xf32>
  %ones = linalg.fill ins(%one : f32) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %y = fptq.linear %x, %w layer("v") {policy = #fptq.policy<float, "test">} : (tensor<2x3x4xf32>, tensor<4x4xf32>) -> tensor<2x3x4xf32>
  %p = linalg.reduce { arith.mulf } ins(%y : tensor<2x3x4xf32>) outs(%ones : tensor<2x4xf32>) dimensions = [1]
  %o = fptq.linear %p, %w layer("o") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %o : tensor<2x4xf32>
}

// -----

// gate and up in one projection: its other rows are no channels of this layer.
// REMARK: Reason="(E2) the channels are a slice of a wider tensor", Remark="layer 'down'
func.func @E2_slice_of_a_fused_projection(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %w = arith.constant dense<0.5> : tensor<8x4xf32>
  %wd = arith.constant dense<0.5> : tensor<4x4xf32>
  %gate_up = fptq.linear %x, %w layer("gate_up") : (tensor<2x4xf32>, tensor<8x4xf32>) -> tensor<2x8xf32>
  %up = tensor.extract_slice %gate_up[0, 4] [2, 4] [1, 1] : tensor<2x8xf32> to tensor<2x4xf32>
  %d = fptq.linear %up, %wd layer("down") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %d : tensor<2x4xf32>
}

// -----

// An almost dead channel has s = 1e-5, and 2e4 / 1e-5 is above 65504.
// REMARK: Reason="(E6) 'gamma' divided by s is not finite in its type", Remark="layer 'q'
func.func @E6_gamma_overflows_f16(%n: tensor<2x2xf16>, %e: tensor<2x2xf16>) -> tensor<2x2xf16> {
  %gamma = arith.constant {fptq.name = "gamma"} dense<2.0e4> : tensor<2x2xf16>
  %w = arith.constant dense<0.5> : tensor<2x2xf16>
  %y = linalg.mul ins(%n, %gamma : tensor<2x2xf16>, tensor<2x2xf16>) outs(%e : tensor<2x2xf16>) -> tensor<2x2xf16>
  %q = fptq.linear %y, %w layer("q") {
    channel_absmax = dense<[2.0, 1.0e-9]> : tensor<2xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x2xf16>, tensor<2x2xf16>) -> tensor<2x2xf16>
  return %q : tensor<2x2xf16>
}

// -----

// Two functions hold layer q, and its codes will exist once: what cannot be folded in one is folded in none.
// CHECK-LABEL: @prefill
// CHECK: fptq.scale_channels %{{.*}} dim(1) : tensor<?x4xf32>
// CHECK-LABEL: @decode
// CHECK: fptq.scale_channels %{{.*}} dim(1) : tensor<1x4xf32>
// REMARK: Reason="(E7) in 'decode': (E1) 'func.return' reads the same input", Remark="layer 'q'
// REMARK: Reason="(E1) 'func.return' reads the same input", Remark="layer 'q'
func.func @prefill(%n: tensor<?x4xf32>, %e: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %gamma = arith.constant dense<2.0> : tensor<4xf32>
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %b = linalg.broadcast ins(%gamma : tensor<4xf32>) outs(%e : tensor<?x4xf32>) dimensions = [0]
  %y = linalg.mul ins(%n, %b : tensor<?x4xf32>, tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  %q = fptq.linear %y, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %q : tensor<?x4xf32>
}
func.func @decode(%n: tensor<1x4xf32>, %e: tensor<1x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  %gamma = arith.constant dense<2.0> : tensor<1x4xf32>
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %y = linalg.mul ins(%n, %gamma : tensor<1x4xf32>, tensor<1x4xf32>) outs(%e : tensor<1x4xf32>) -> tensor<1x4xf32>
  %q = fptq.linear %y, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  return %q, %y : tensor<1x4xf32>, tensor<1x4xf32>
}

// -----

// A quantized layer whose weight serves twice, and whose result is divided once: its codes exist once.
// CHECK-LABEL: @E7_producer_is_used_twice
// CHECK: %[[U:.*]] = fptq.linear %{{.*}}, %[[W:.*]] layer("u")
// CHECK: fptq.scale_channels %[[U]], %{{.*}} dim(1) : tensor<2x4xf32>
// CHECK: fptq.linear %{{.*}}, %[[W]] layer("u")
// REMARK: Reason="(E7) layer 'u' is used elsewhere, too, where its rows keep their scale", Remark="layer 'down'
func.func @E7_producer_is_used_twice(%x: tensor<2x4xf32>, %z: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %u = fptq.linear %x, %w layer("u") {policy = #fptq.policy<per_token, "test">}
    : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %v = fptq.linear %z, %w layer("u") {policy = #fptq.policy<per_token, "test">}
    : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %d = fptq.linear %u, %w layer("down") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %d, %v : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// One that stays float has no codes.
// CHECK-LABEL: @float_producer_is_used_twice
// CHECK: %[[ROWS:.*]] = fptq.scale_channels %[[W:.*]], %{{.*}} dim(0) : tensor<4x4xf32>
// CHECK: fptq.linear %{{.*}}, %[[ROWS]] layer("u")
// CHECK: fptq.linear %{{.*}}, %[[W]] layer("u")
// REMARK: "layer 'down': 1/s is folded into the rows of 'u'"
func.func @float_producer_is_used_twice(%x: tensor<2x4xf32>, %z: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %u = fptq.linear %x, %w layer("u") {policy = #fptq.policy<float, "test">}
    : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %v = fptq.linear %z, %w layer("u") {policy = #fptq.policy<float, "test">}
    : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %d = fptq.linear %u, %w layer("down") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %d, %v : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// A sum over tokens, however it is spelled, takes the scale into what it adds.
// CHECK-LABEL: @sum_over_tokens
// CHECK: %[[ROWS:.*]] = fptq.scale_channels %{{.*}}, %{{.*}} dim(0) : tensor<4x4xf32>
// CHECK: fptq.linear %{{.*}}, %[[ROWS]] layer("v")
// REMARK: "layer 'o': 1/s is folded into the rows of 'v'"
func.func @sum_over_tokens(%x: tensor<2x3x4xf32>, %init: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%init : tensor<2x4xf32>) -> tensor<2x4xf32>
  %v = fptq.linear %x, %w layer("v") {policy = #fptq.policy<float, "test">}
    : (tensor<2x3x4xf32>, tensor<4x4xf32>) -> tensor<2x3x4xf32>
  %sum = linalg.generic {indexing_maps = [affine_map<(b, t, c) -> (b, t, c)>, affine_map<(b, t, c) -> (b, c)>],
      iterator_types = ["parallel", "reduction", "parallel"]} ins(%v : tensor<2x3x4xf32>) outs(%z : tensor<2x4xf32>) {
  ^bb0(%a: f32, %sum: f32):
    %s = arith.addf %a, %sum : f32
    linalg.yield %s : f32
  } -> tensor<2x4xf32>
  %o = fptq.linear %sum, %w layer("o") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %o : tensor<2x4xf32>
}

// -----

// The last token's, which is no sum of them.
// CHECK-LABEL: @E2_last_of_tokens
// CHECK: fptq.scale_channels %{{.*}}, %{{.*}} dim(1) : tensor<2x4xf32>
// REMARK: Reason="(E2) a reduction that is no sum", Remark="layer 'o'
func.func @E2_last_of_tokens(%x: tensor<2x3x4xf32>, %init: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %w = arith.constant dense<0.5> : tensor<4x4xf32>
  %v = fptq.linear %x, %w layer("v") {policy = #fptq.policy<float, "test">}
    : (tensor<2x3x4xf32>, tensor<4x4xf32>) -> tensor<2x3x4xf32>
  %last = linalg.generic {indexing_maps = [affine_map<(b, t, c) -> (b, t, c)>, affine_map<(b, t, c) -> (b, c)>],
      iterator_types = ["parallel", "reduction", "parallel"]} ins(%v : tensor<2x3x4xf32>) outs(%init : tensor<2x4xf32>) {
  ^bb0(%a: f32, %last: f32):
    linalg.yield %a : f32
  } -> tensor<2x4xf32>
  %o = fptq.linear %last, %w layer("o") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %o : tensor<2x4xf32>
}
