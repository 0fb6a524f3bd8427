// Hugging Face's check for packed sequences: sequence numbers by a cumulative sum, gathered as a column, an element a row.
#sel = affine_map<(d0, d1, d2, d3) -> (0, 0, 0, 0)>
#col = affine_map<(d0, d1, d2, d3) -> (0, 0, d2, 0)>
#id = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
func.func @main(%x: tensor<1x12xi64>, %batch: tensor<1x1x1x1xi64>, %rows: tensor<1x1x12x1xi64>) -> tensor<1x1x12x1xi64> {
  %c0 = arith.constant 0 : i64
  %c12 = arith.constant 12 : i64
  %e = tensor.empty() : tensor<1x12xi64>
  %sums = linalg.fill ins(%c0 : i64) outs(%e : tensor<1x12xi64>) -> tensor<1x12xi64>
  %e1 = tensor.empty() : tensor<1xi64>
  %last = linalg.fill ins(%c0 : i64) outs(%e1 : tensor<1xi64>) -> tensor<1xi64>
  %n:2 = tm_tensor.scan dimension(1) inclusive(true) ins(%x : tensor<1x12xi64>) outs(%sums, %last : tensor<1x12xi64>, tensor<1xi64>) {
  ^bb0(%a: i64, %b: i64):
    %s = arith.addi %a, %b : i64
    tm_tensor.yield %s : i64
  } -> tensor<1x12xi64>, tensor<1xi64>
  %e2 = tensor.empty() : tensor<1x1x12x1xi64>
  %y = linalg.generic {indexing_maps = [#sel, #col, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%batch, %rows : tensor<1x1x1x1xi64>, tensor<1x1x12x1xi64>) outs(%e2 : tensor<1x1x12x1xi64>) {
  ^bb0(%b: i64, %r: i64, %o: i64):
    %i = arith.index_cast %b : i64 to index
    %negative = arith.cmpi slt, %r, %c0 : i64
    %wrapped = arith.addi %r, %c12 : i64
    %row = arith.select %negative, %wrapped, %r : i64
    %j = arith.index_cast %row : i64 to index
    %v = tensor.extract %n#0[%i, %j] : tensor<1x12xi64>
    linalg.yield %v : i64
  } -> tensor<1x1x12x1xi64>
  return %y : tensor<1x1x12x1xi64>
}
