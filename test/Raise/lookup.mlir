// RUN: fptq-opt --fptq-raise --split-input-file %s --remarks-filter=Raise --remark-format=yaml --remarks-output-file=%t.yaml | FileCheck %s
// RUN: FileCheck %s --check-prefix=REASON < %t.yaml

// Our own importers: ids are an input, a table of halves is widened where it is read.
// CHECK-LABEL: @ids_are_an_input
// CHECK: %[[TABLE:.*]] = ml_program.global_load_const @model.embed_tokens.weight
// CHECK: %[[IDS:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<?xi32>) outs(%{{.*}} : tensor<?xindex>)
// CHECK-NOT: tensor.extract
// CHECK: %[[ROWS:.*]] = fptq.lookup %[[IDS]], %[[TABLE]] layer("model.embed_tokens.lookup") : (tensor<?xindex>, tensor<40x8xf16>) -> tensor<?x8xf32>
// CHECK: return %[[ROWS]]
ml_program.global private @model.embed_tokens.weight(#ml_program.extern : tensor<40x8xf16>) : tensor<40x8xf16>
func.func @ids_are_an_input(%tokens: tensor<?xi32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %table = ml_program.global_load_const @model.embed_tokens.weight : tensor<40x8xf16>
  %x = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m)>, affine_map<(m, d) -> (m, d)>],
      iterator_types = ["parallel", "parallel"]} ins(%tokens : tensor<?xi32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%id: i32, %o: f32):
    %i = arith.index_cast %id : i32 to index
    %j = linalg.index 1 : index
    %v = tensor.extract %table[%i, %j] : tensor<40x8xf16>
    %r = arith.extf %v : f16 to f32
    linalg.yield %r : f32
  } -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----

// torch-mlir: a batch of ids, asserts in the body; they stay, once an id.
// CHECK-LABEL: @asserts
// CHECK: %[[IDS:.*]] = linalg.generic
// CHECK-COUNT-2: cf.assert
// CHECK: linalg.yield %{{.*}} : index
// CHECK: %[[FLAT:.*]] = tensor.collapse_shape %[[IDS]] {{\[\[}}0, 1]] : tensor<2x?xindex> into tensor<?xindex>
// CHECK: %[[ROWS:.*]] = fptq.lookup %[[FLAT]], %{{.*}} layer("wte.lookup")
// CHECK: tensor.expand_shape %[[ROWS]] {{\[\[}}0, 1], [2]] output_shape [2, %{{.*}}, 4] : tensor<?x4xf32> into tensor<2x?x4xf32>
// CHECK-NOT: cf.assert
func.func @asserts(%ids: tensor<2x?xi64>, %e: tensor<2x?x4xf32>) -> tensor<2x?x4xf32> {
  %table = arith.constant {fptq.name = "wte.weight"} dense<1.0> : tensor<16x4xf32>
  %c0 = arith.constant 0 : i64
  %c16 = arith.constant 16 : i64
  %x = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>],
      iterator_types = ["parallel", "parallel", "parallel"]} ins(%ids : tensor<2x?xi64>) outs(%e : tensor<2x?x4xf32>) {
  ^bb0(%id: i64, %o: f32):
    %below = arith.cmpi slt, %id, %c16 : i64
    cf.assert %below, "index must be smaller than dim size"
    %above = arith.cmpi sge, %id, %c0 : i64
    cf.assert %above, "index must be larger or equal to 0"
    %i = arith.index_cast %id : i64 to index
    %j = linalg.index 2 : index
    %v = tensor.extract %table[%i, %j] : tensor<16x4xf32>
    linalg.yield %v : f32
  } -> tensor<2x?x4xf32>
  return %x : tensor<2x?x4xf32>
}

// -----

// StableHLO: no inputs, ids extracted and clamped in the body.
// CHECK-LABEL: @clamps
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<3xindex>)
// CHECK: tensor.extract %arg0[%{{.*}}, %{{.*}}] : tensor<3x1xi32>
// CHECK: arith.maxsi
// CHECK: arith.minsi
// CHECK: fptq.lookup %{{.*}}, %{{.*}} layer("emb.lookup") : (tensor<3xindex>, tensor<16x4xf32>) -> tensor<3x4xf32>
func.func @clamps(%ids: tensor<3x1xi32>) -> tensor<3x4xf32> {
  %table = arith.constant dense<1.0> : tensor<16x4xf32> loc("emb")
  %c0 = arith.constant 0 : index
  %c15 = arith.constant 15 : index
  %e = tensor.empty() : tensor<3x4xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<3x4xf32>) {
  ^bb0(%o: f32):
    %m = linalg.index 0 : index
    %d = linalg.index 1 : index
    %id = tensor.extract %ids[%m, %c0] : tensor<3x1xi32>
    %i = arith.index_cast %id : i32 to index
    %low = arith.maxsi %i, %c0 : index
    %row = arith.minsi %low, %c15 : index
    %v = tensor.extract %table[%row, %d] : tensor<16x4xf32>
    linalg.yield %v : f32
  } -> tensor<3x4xf32>
  return %x : tensor<3x4xf32>
}

// -----

// Tokens and positions in one body, channels first: two lookups, and what is done with them.
// CHECK-LABEL: @two_tables
// CHECK: %[[A:.*]] = fptq.lookup %{{.*}}, %{{.*}} layer("wte.lookup")
// CHECK: %[[B:.*]] = fptq.lookup %{{.*}}, %{{.*}} layer("wpe.lookup")
// CHECK: linalg.generic {{.*}} ins({{.*}}%[[A]], %[[B]] : {{.*}}) outs(%{{.*}} : tensor<4x3xf32>)
// CHECK-NOT: tensor.extract
// CHECK: arith.addf
func.func @two_tables(%ids: tensor<3xi32>, %offset: index) -> tensor<4x3xf32> {
  %wte = arith.constant {fptq.name = "wte.weight"} dense<1.0> : tensor<16x4xf32>
  %wpe = arith.constant {fptq.name = "wpe.weight"} dense<2.0> : tensor<9x4xf32>
  %e = tensor.empty() : tensor<4x3xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(d, m) -> (m)>, affine_map<(d, m) -> (d, m)>],
      iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<3xi32>) outs(%e : tensor<4x3xf32>) {
  ^bb0(%id: i32, %o: f32):
    %i = arith.index_cast %id : i32 to index
    %d = linalg.index 0 : index
    %m = linalg.index 1 : index
    %p = arith.addi %m, %offset : index
    %a = tensor.extract %wte[%i, %d] : tensor<16x4xf32>
    %b = tensor.extract %wpe[%p, %d] : tensor<9x4xf32>
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<4x3xf32>
  return %x : tensor<4x3xf32>
}

// -----

// CHECK-LABEL: @gathers
// CHECK: %[[IDS:.*]] = tensor.collapse_shape %arg0 {{\[\[}}0], [1, 2]] : tensor<2x3x1xi32> into tensor<2x3xi32>
// CHECK: arith.index_cast %[[IDS]] : tensor<2x3xi32> to tensor<2x3xindex>
// CHECK: fptq.lookup %{{.*}} layer("wte.lookup") : (tensor<6xindex>, tensor<16x4xf32>) -> tensor<6x4xf32>
// CHECK: fptq.lookup %{{.*}} layer("wte.lookup") : (tensor<2xindex>, tensor<16x4xf32>) -> tensor<2x4xf32>
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] output_shape [2, 1, 4] : tensor<2x4xf32> into tensor<2x1x4xf32>
func.func @gathers(%ids: tensor<2x3x1xi32>, %few: tensor<2x1xindex>) -> (tensor<2x3x4xf32>, tensor<2x1x4xf32>) {
  %table = arith.constant {fptq.name = "wte.weight"} dense<1.0> : tensor<16x4xf32>
  %x = tensor.gather %table[%ids] gather_dims([0]) : (tensor<16x4xf32>, tensor<2x3x1xi32>) -> tensor<2x3x4xf32>
  %y = tensor.gather %table[%few] gather_dims([0]) : (tensor<16x4xf32>, tensor<2x1xindex>) -> tensor<2x1x4xf32>
  return %x, %y : tensor<2x3x4xf32>, tensor<2x1x4xf32>
}

// -----

// A diagonal is no row.
// CHECK-LABEL: @diagonal
// CHECK-NOT: fptq.lookup
// CHECK: return
func.func @diagonal(%ids: tensor<3xindex>) -> tensor<3x4xf32> {
  %e = tensor.empty() : tensor<3x4xf32>
  %c = arith.constant dense<1.0> : tensor<16x4xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m)>, affine_map<(m, d) -> (m, d)>],
      iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<3xindex>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%i: index, %o: f32):
    %d = linalg.index 1 : index
    %row = arith.addi %i, %d : index
    %v = tensor.extract %c[%row, %d] : tensor<16x4xf32>
    linalg.yield %v : f32
  } -> tensor<3x4xf32>
  return %x : tensor<3x4xf32>
}

// -----

// CHECK-LABEL: @left_alone
// CHECK-NOT: fptq.lookup
// REASON: lookup left alone
// REASON: its table is no constant (a function''s argument counts as an activation)
// REASON: lookup left alone
// REASON: what it reads of a row is not known to be all of it
func.func @left_alone(%table: tensor<16x4xf32>, %ids: tensor<3xindex>) -> (tensor<3x4xf32>, tensor<3x2xf32>) {
  %e = tensor.empty() : tensor<3x4xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m)>, affine_map<(m, d) -> (m, d)>],
      iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<3xindex>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%i: index, %o: f32):
    %d = linalg.index 1 : index
    %v = tensor.extract %table[%i, %d] : tensor<16x4xf32>
    linalg.yield %v : f32
  } -> tensor<3x4xf32>
  %c = arith.constant dense<1.0> : tensor<16x4xf32>
  %half = tensor.empty() : tensor<3x2xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m)>, affine_map<(m, d) -> (m, d)>],
      iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<3xindex>) outs(%half : tensor<3x2xf32>) {
  ^bb0(%i: index, %o: f32):
    %d = linalg.index 1 : index
    %v = tensor.extract %c[%i, %d] : tensor<16x4xf32>
    linalg.yield %v : f32
  } -> tensor<3x2xf32>
  return %x, %y : tensor<3x4xf32>, tensor<3x2xf32>
}

// CHECK-LABEL: @table_in_the_body
// CHECK-NOT: fptq.lookup
// REASON: lookup left alone
// REASON: its table is a constant inside of the body
func.func @table_in_the_body(%ids: tensor<3xindex>) -> tensor<3x4xf32> {
  %e = tensor.empty() : tensor<3x4xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m)>, affine_map<(m, d) -> (m, d)>],
      iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<3xindex>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%i: index, %o: f32):
    %c = arith.constant dense<1.0> : tensor<16x4xf32>
    %d = linalg.index 1 : index
    %v = tensor.extract %c[%i, %d] : tensor<16x4xf32>
    linalg.yield %v : f32
  } -> tensor<3x4xf32>
  return %x : tensor<3x4xf32>
}
