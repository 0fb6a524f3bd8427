// RUN: fptq-opt %s --fptq-import-frontend --verify-diagnostics

func.func @tiles_of_any_size(%x: tensor<8x8xf32>, %e: tensor<?x?x?x?xf32>, %t: index) -> tensor<?x?x?x?xf32> {
  %z = arith.constant 0.0 : f32
  // expected-error @below {{'linalg.pack' op cannot be decomposed into other ops of linalg, of type 'tensor<?x?x?x?xf32>': give it static tiles and sizes}}
  %p = linalg.pack %x padding_value(%z : f32) inner_dims_pos = [0, 1] inner_tiles = [%t, %t] into %e : tensor<8x8xf32> -> tensor<?x?x?x?xf32>
  return %p : tensor<?x?x?x?xf32>
}
