// One arithmetic on scalars and vectors: what may be an fma is one, and nothing is left to LLVM's choice.
// RUN: fptq-opt --fptq-lower-math --split-input-file %s | FileCheck %s

// CHECK-LABEL: @fused
// CHECK-SAME: %[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32, %[[V:.*]]: vector<4xf32>)
func.func @fused(%a: f32, %b: f32, %c: f32, %v: vector<4xf32>) -> (f32, f32, f32, vector<4xf32>) {
  // CHECK-DAG: %[[MC:.*]] = arith.negf %[[C]] : f32
  // CHECK-DAG: %[[MA:.*]] = arith.negf %[[A]] : f32
  // CHECK-DAG: %[[ADD:.*]] = math.fma %[[A]], %[[B]], %[[C]]
  // CHECK-DAG: %[[SUB:.*]] = math.fma %[[A]], %[[B]], %[[MC]]
  // CHECK-DAG: %[[REV:.*]] = math.fma %[[MA]], %[[B]], %[[C]]
  %p = arith.mulf %a, %b fastmath<contract> : f32
  %add = arith.addf %p, %c fastmath<contract> : f32
  %sub = arith.subf %p, %c fastmath<contract> : f32
  %rev = arith.subf %c, %p fastmath<contract> : f32
  // A square that is added up.
  // CHECK: %[[SQUARE:.*]] = math.fma %[[V]], %[[V]], %[[V]]
  %two = arith.constant dense<2.0> : vector<4xf32>
  %square = math.powf %v, %two fastmath<contract> : vector<4xf32>
  %w = arith.addf %square, %v fastmath<contract> : vector<4xf32>
  // CHECK: return %[[ADD]], %[[SUB]], %[[REV]], %[[SQUARE]]
  return %add, %sub, %rev, %w : f32, f32, f32, vector<4xf32>
}

// -----

// CHECK-LABEL: @two_roundings
func.func @two_roundings(%a: f32, %b: f32) -> (f32, f32) {
  // CHECK: %[[P:.*]] = arith.mulf %{{.*}}, %{{.*}} : f32
  // CHECK: arith.subf %[[P]], %{{.*}} : f32
  // CHECK: arith.divf %{{.*}}, %{{.*}} : f32
  // CHECK-NOT: contract
  %p = arith.mulf %a, %b : f32
  %s = arith.subf %p, %a fastmath<contract> : f32
  %d = arith.divf %a, %b fastmath<contract> : f32
  return %s, %d : f32, f32
}

// -----

// CHECK-LABEL: @polynomials
// CHECK-NOT: math.{{exp|tanh|erf|log}}
// CHECK: math.sin
func.func @polynomials(%a: f32) -> f32 {
  %0 = math.exp %a : f32
  %1 = math.tanh %0 : f32
  %2 = math.erf %1 : f32
  %3 = math.log %2 : f32
  %4 = math.sin %3 : f32
  return %4 : f32
}

// -----

// Powers that are no small products: by squaring, of vectors too.
// CHECK-LABEL: @powers
func.func @powers(%x: vector<4xf32>, %n: vector<4xi16>, %i: i32) -> (vector<4xf32>, vector<4xf32>, i32) {
  // CHECK-DAG: %[[X2:.*]] = arith.mulf %arg0, %arg0
  // CHECK-DAG: %[[X4:.*]] = arith.mulf %[[X2]], %[[X2]]
  // CHECK-DAG: %[[X8:.*]] = arith.mulf %[[X4]], %[[X4]]
  // CHECK-DAG: %[[X10:.*]] = arith.mulf %[[X2]], %[[X8]]
  // CHECK-DAG: arith.divf %{{.*}} : vector<4xf32>
  // CHECK-NOT: math.
  // CHECK: return %[[X10]],
  %ten = arith.constant dense<10> : vector<4xi64>
  %a = math.fpowi %x, %ten : vector<4xf32>, vector<4xi64>
  %b = math.fpowi %x, %n : vector<4xf32>, vector<4xi16>
  %nine = arith.constant 9 : i32
  %c = math.ipowi %i, %nine : i32
  return %a, %b, %c : vector<4xf32>, vector<4xf32>, i32
}
