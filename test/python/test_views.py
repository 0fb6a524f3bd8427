"""Float ops on parts of tensors, and on tensors read in other orders: the numbers of numpy, whatever becomes of them.

Each case once gave other numbers without a word, or did not compile.
"""

import numpy as np
import pytest

from quant_fptq import Session

RNG = np.random.default_rng(11)
X = RNG.standard_normal((4, 16)).astype(np.float32)
MAPS = "affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>"


def run(text, *arguments):
    with Session() as session:
        return np.array(session.parse_text(text).compile(threads=1).call("main", arguments)[0])


def gathered(offsets, sizes, strides):
    """Rows of a slice of a 4 x 16 tensor, backwards, element by element by their index."""
    rows, columns = sizes
    of = f"tensor<{rows}x{columns}xf32>"
    return f"""
func.func @main(%x: tensor<4x16xf32>) -> {of} {{
  %s = tensor.extract_slice %x{offsets} {sizes} {strides} : tensor<4x16xf32> to {of}
  %e = tensor.empty() : {of}
  %last = arith.constant {columns - 1} : index
  %r = linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}}
      outs(%e : {of}) {{
  ^bb0(%out: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = arith.subi %last, %j : index
    %v = tensor.extract %s[%i, %k] : {of}
    linalg.yield %v : f32
  }} -> {of}
  return %r : {of}
}}"""


@pytest.mark.parametrize("offsets, sizes, strides", [([1, 2], [2, 8], [1, 1]), ([1, 0], [2, 8], [1, 2])])
def test_elements_of_a_slice_by_their_index(offsets, sizes, strides):
    rows, columns = (slice(o, o + n * s, s) for o, n, s in zip(offsets, sizes, strides))
    np.testing.assert_array_equal(run(gathered(offsets, sizes, strides), X), X[rows, columns][:, ::-1])


@pytest.mark.parametrize("shape, read, expected", [
    ((40, 100), "i, j mod 24", lambda x: np.tile(x[:, :24], 5)[:, :100]),
    ((40, 100), "i, j floordiv 3", lambda x: np.repeat(x, 3, axis=1)[:, :100]),
    ((40, 100), "i, j ceildiv 3", lambda x: x[:, -(-np.arange(100) // 3)]),
    ((40, 100), "i mod 7, j", lambda x: x[np.arange(40) % 7]),
    ((40, 100), "39 - i, j", lambda x: x[::-1]),
    ((40, 100), "i, 99 - j", lambda x: x[:, ::-1]),
])
def test_other_orders(shape, read, expected):
    x, of = RNG.standard_normal(shape).astype(np.float32), f"tensor<{shape[0]}x{shape[1]}xf32>"
    text = f"""
func.func @main(%x: {of}) -> {of} {{
  %e = tensor.empty() : {of}
  %r = linalg.generic {{indexing_maps = [affine_map<(i, j) -> ({read})>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}} ins(%x : {of}) outs(%e : {of}) {{
  ^bb0(%v: f32, %out: f32):
    %twice = arith.addf %v, %v : f32
    linalg.yield %twice : f32
  }} -> {of}
  return %r : {of}
}}"""
    np.testing.assert_array_equal(run(text, x), 2 * expected(x))


def attention(read):
    """softmax(flipped(tanh(x)) w') w', of 64 rows."""
    weight = (0.3 * RNG.standard_normal((12, 12))).astype(np.float32)
    of, constant = "tensor<64x12xf32>", f'dense<"0x{weight.tobytes().hex().upper()}"> : tensor<12x12xf32>'
    return weight, f"""
func.func @main(%x: {of}) -> {of} {{
  %w = arith.constant {constant}
  %t = math.tanh %x : {of}
  %e = tensor.empty() : {of}
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%e : {of}) -> {of}
  %r = linalg.generic {{indexing_maps = [affine_map<(i, j) -> ({read})>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}} ins(%t : {of}) outs(%e : {of}) {{
  ^bb0(%v: f32, %out: f32):
    %y = math.exp %v : f32
    linalg.yield %y : f32
  }} -> {of}
  %a = linalg.matmul indexing_maps = [{MAPS}] ins(%r, %w : {of}, tensor<12x12xf32>) outs(%z : {of}) -> {of}
  %p = linalg.softmax dimension(1) ins(%a : {of}) outs(%e : {of}) -> {of}
  %b = linalg.matmul indexing_maps = [{MAPS}] ins(%p, %w : {of}, tensor<12x12xf32>) outs(%z : {of}) -> {of}
  return %b : {of}
}}"""


@pytest.mark.parametrize("read, order", [("i, 11 - j", lambda x: x[:, ::-1]), ("63 - i, j", lambda x: x[::-1])])
@pytest.mark.parametrize("quantized", [False, True])
def test_rows_that_are_fused_from_another_order(read, order, quantized):
    (weight, text), x = attention(read), RNG.standard_normal((64, 12)).astype(np.float32)
    scores = np.exp(order(np.tanh(x))) @ weight.T
    shares = np.exp(scores - scores.max(1, keepdims=True))
    expected = shares / shares.sum(1, keepdims=True) @ weight.T
    with Session() as session:
        module = session.parse_text(text)
        if quantized:
            module.run("fptq-quantize-pipeline{policy=per-token group-size=0}")
        y = np.array(module.compile(threads=1).call("main", [x])[0])
    error = np.linalg.norm(y - expected) / np.linalg.norm(expected)
    assert error < (0.15 if quantized else 1e-5)


def test_one_column_of_a_tensor_beside_all_of_it():
    text = """
func.func @main(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %c = tensor.extract_slice %x[0, 7] [8, 1] [1, 1] : tensor<8x8xf32> to tensor<8x1xf32>
  %s = tensor.collapse_shape %c [[0, 1]] : tensor<8x1xf32> into tensor<8xf32>
  %e = tensor.empty() : tensor<8x8xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%s, %x : tensor<8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %v = arith.subf %a, %b : f32
    linalg.yield %v : f32
  } -> tensor<8x8xf32>
  return %r : tensor<8x8xf32>
}"""
    x = RNG.standard_normal((8, 8)).astype(np.float32)
    np.testing.assert_array_equal(run(text, x), x[:, 7:] - x)


def test_depthwise_convolution_of_one_column_with_a_bias():
    text = """
func.func @main(%x: tensor<1x8x18x1xf32>, %w: tensor<8x3x1xf32>, %b: tensor<8xf32>) -> tensor<1x8x16x1xf32> {
  %e = tensor.empty() : tensor<1x8x16x1xf32>
  %f = linalg.broadcast ins(%b : tensor<8xf32>) outs(%e : tensor<1x8x16x1xf32>) dimensions = [0, 2, 3]
  %r = linalg.depthwise_conv_2d_nchw_chw ins(%x, %w : tensor<1x8x18x1xf32>, tensor<8x3x1xf32>)
    outs(%f : tensor<1x8x16x1xf32>) -> tensor<1x8x16x1xf32>
  return %r : tensor<1x8x16x1xf32>
}"""
    x, w, b = (RNG.standard_normal(s).astype(np.float32) for s in ((1, 8, 18, 1), (8, 3, 1), (8,)))
    windows = np.stack([x[0, :, i : i + 16, 0] for i in range(3)], -1)
    expected = (windows * w[:, None, :, 0]).sum(-1) + b[:, None]
    np.testing.assert_allclose(run(text, x, w, b)[0, :, :, 0], expected, rtol=1e-5, atol=1e-5)


def test_a_padded_result_is_returned_whole():
    """Two columns of a buffer whose rows are wider: a type with dynamic sizes must not hide that."""
    text = """
func.func @main(%x: tensor<3x4xf32>) -> tensor<?x?xf32> {
  %w = arith.constant dense<[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]> : tensor<2x4xf32>
  %y = fptq.linear %x, %w layer("a") : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %c = tensor.cast %y : tensor<3x2xf32> to tensor<?x?xf32>
  return %c : tensor<?x?xf32>
}"""
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(run(text, x), x[:, :2])


def test_a_slice_with_a_dynamic_size_is_returned_whole():
    text = """
func.func @main(%x: tensor<2x4x8xf32>, %m: index) -> tensor<2x?x8xf32> {
  %t = math.absf %x : tensor<2x4x8xf32>
  %s = tensor.extract_slice %t[0, 0, 0] [2, %m, 8] [1, 1, 1] : tensor<2x4x8xf32> to tensor<2x?x8xf32>
  return %s : tensor<2x?x8xf32>
}"""
    x = RNG.standard_normal((2, 4, 8)).astype(np.float32)
    np.testing.assert_array_equal(run(text, x, 3), np.abs(x[:, :3]))
