// What starts from constant integers and fits no form: an error that names the weight, or a remark.
// RUN: fptq-opt %s --fptq-import-quant -split-input-file -verify-diagnostics
// RUN: fptq-opt %s --fptq-import-quant=strict=false -split-input-file 2>&1 | FileCheck %s
// CHECK-COUNT-7: linalg.matmul

#ab = affine_map<(a, b) -> (a, b)>
func.func @not_affine(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %c = arith.constant {fptq.name = "layer.w"} dense<[[1], [2], [3], [4]]> : tensor<4x1xi8>
  %i = tensor.empty() : tensor<4x1xf32>
  // expected-error @below {{quantized weight 'layer.w' cannot be taken over: its arithmetic is no scale * (codes - zero point)}}
  %f = linalg.generic {indexing_maps = [#ab, #ab], iterator_types = ["parallel", "parallel"]}
      ins(%c : tensor<4x1xi8>) outs(%i : tensor<4x1xf32>) {
  ^bb0(%a: i8, %o: f32):
    %0 = arith.sitofp %a : i8 to f32
    %1 = math.exp2 %0 : f32
    linalg.yield %1 : f32
  } -> tensor<4x1xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}

// -----

func.func @nine_bits(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %c = arith.constant {fptq.name = "layer.w"} dense<[[1], [200], [3], [4]]> : tensor<4x1xi16>
  %q = quant.scast %c : tensor<4x1xi16> to tensor<4x1x!quant.uniform<i16:f32, 0.5>>
  // expected-error @below {{quantized weight 'layer.w' cannot be taken over: its codes less their zero points need more than 8 bits, or more than they are subtracted in}}
  %f = quant.dcast %q : tensor<4x1x!quant.uniform<i16:f32, 0.5>> to tensor<4x1xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}

// -----

// 100 - (-100) in 8 bits is -56.
#ab = affine_map<(a, b) -> (a, b)>
func.func @wraps(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %c = arith.constant {fptq.name = "layer.w"} dense<[[100], [2], [3], [4]]> : tensor<4x1xi8>
  %i = tensor.empty() : tensor<4x1xf32>
  // expected-error @below {{quantized weight 'layer.w' cannot be taken over: its codes less their zero points need more than 8 bits, or more than they are subtracted in}}
  %f = linalg.generic {indexing_maps = [#ab, #ab], iterator_types = ["parallel", "parallel"]}
      ins(%c : tensor<4x1xi8>) outs(%i : tensor<4x1xf32>) {
  ^bb0(%a: i8, %o: f32):
    %z = arith.constant -100 : i8
    %s = arith.constant 0.5 : f32
    %0 = arith.subi %a, %z : i8
    %1 = arith.sitofp %0 : i8 to f32
    %2 = arith.mulf %1, %s : f32
    linalg.yield %2 : f32
  } -> tensor<4x1xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}

// -----

func.func @in_doubles(%x: tensor<3x4xf64>, %y: tensor<3x1xf64>) -> tensor<3x1xf64> {
  %c = arith.constant {fptq.name = "layer.w"} dense<[[1], [2], [3], [4]]> : tensor<4x1xi8>
  %q = quant.scast %c : tensor<4x1xi8> to tensor<4x1x!quant.uniform<i8:f64, 0.5>>
  // expected-error @below {{quantized weight 'layer.w' cannot be taken over: it is computed in f64}}
  %f = quant.dcast %q : tensor<4x1x!quant.uniform<i8:f64, 0.5>> to tensor<4x1xf64>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf64>, tensor<4x1xf64>) outs(%y : tensor<3x1xf64>) -> tensor<3x1xf64>
  return %r : tensor<3x1xf64>
}

// -----

// -1 of 4 bits is 255 of 8, not 15.
func.func @unsigned_after_sign_extension(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %c = arith.constant {fptq.name = "layer.w"} dense<-1> : tensor<4x1xi4>
  %s = arith.constant dense<0.5> : tensor<4x1xf32>
  %e = arith.extsi %c : tensor<4x1xi4> to tensor<4x1xi8>
  %u = arith.uitofp %e : tensor<4x1xi8> to tensor<4x1xf32>
  // expected-error @below {{quantized weight 'layer.w' cannot be taken over: its arithmetic is no scale * (codes - zero point)}}
  %f = arith.mulf %u, %s : tensor<4x1xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}

// -----

func.func @no_rows(%x: tensor<3x4xf32>, %y: tensor<3x0xf32>) -> tensor<3x0xf32> {
  %c = arith.constant {fptq.name = "layer.w"} dense<1> : tensor<4x0xi8>
  %q = quant.scast %c : tensor<4x0xi8> to tensor<4x0x!quant.uniform<i8:f32, 0.5>>
  // expected-error @below {{quantized weight 'layer.w' cannot be taken over: it has no elements}}
  %f = quant.dcast %q : tensor<4x0x!quant.uniform<i8:f32, 0.5>> to tensor<4x0xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x0xf32>) outs(%y : tensor<3x0xf32>) -> tensor<3x0xf32>
  return %r : tensor<3x0xf32>
}

// -----

func.func @no_columns(%x: tensor<3x0xf32>, %y: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %c = arith.constant {fptq.name = "layer.w"} dense<1> : tensor<0x4xi8>
  %q = quant.scast %c : tensor<0x4xi8> to tensor<0x4x!quant.uniform<i8:f32, 0.5>>
  // expected-error @below {{quantized weight 'layer.w' cannot be taken over: it has no elements}}
  %f = quant.dcast %q : tensor<0x4x!quant.uniform<i8:f32, 0.5>> to tensor<0x4xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x0xf32>, tensor<0x4xf32>) outs(%y : tensor<3x4xf32>) -> tensor<3x4xf32>
  return %r : tensor<3x4xf32>
}
