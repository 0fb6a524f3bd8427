"""What lowering StableHLO to linalg leaves, as jax's exports come: control flow, sorts and scatters against numpy, and a
Llama whose layers are one `lax.scan` against jax itself."""

import pathlib

import numpy as np
import pytest

from quant_fptq import Session

INPUTS = pathlib.Path(__file__).with_name("Inputs")
SCALAR = "affine_map<() -> ()>"


@pytest.fixture(scope="module")
def session():
    with Session() as session:
        yield session


def run(session, text, *arguments):
    return session.parse_text(text).compile(threads=1).call("main", arguments)


def function_of_scalars(operation, result="f32"):
    """A region of two numbers, as `--stablehlo-legalize-to-linalg` leaves it in a sort or a scatter."""
    return f"""({{
      ^bb0(%a: tensor<f32>, %b: tensor<f32>):
        %e = tensor.empty() : tensor<{result}>
        %r = linalg.generic {{indexing_maps = [{SCALAR}, {SCALAR}, {SCALAR}], iterator_types = []}}
          ins(%a, %b : tensor<f32>, tensor<f32>) outs(%e : tensor<{result}>) {{
        ^bb0(%l: f32, %g: f32, %o: {result}):
          %v = arith.{operation} %l, %g : f32
          linalg.yield %v : {result}
        }} -> tensor<{result}>
        stablehlo.return %r : tensor<{result}>
      }})"""


# -- sorts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [0, 1, -1])
@pytest.mark.parametrize("order", ["olt", "ogt"])
def test_sort(session, dimension, order):
    x = np.random.default_rng(1).integers(-4, 5, (5, 9)).astype(np.float32)
    text = f"""func.func @main(%x: tensor<5x9xf32>) -> tensor<5x9xf32> {{
      %0 = "stablehlo.sort"(%x) <{{dimension = {dimension} : i64, is_stable = true}}> {function_of_scalars("cmpf " + order + ",", "i1")}
        : (tensor<5x9xf32>) -> tensor<5x9xf32>
      return %0 : tensor<5x9xf32>
    }}"""
    expected = np.sort(x, dimension) if order == "olt" else -np.sort(-x, dimension)
    np.testing.assert_array_equal(run(session, text, x)[0], expected)


def test_top_k(session):
    """Of equal elements the first one first, NaN before all, as jax has it."""
    x = np.array([[1, 3, 3, -np.inf, 2], [np.nan, 5, np.nan, 7, np.inf], [0, 0, 0, 0, 0]], np.float32)
    text = """func.func @main(%x: tensor<3x5xf32>) -> (tensor<3x3xf32>, tensor<3x3xi32>) {
      %v, %i = chlo.top_k(%x, k = 3) : tensor<3x5xf32> -> (tensor<3x3xf32>, tensor<3x3xi32>)
      return %v, %i : tensor<3x3xf32>, tensor<3x3xi32>
    }"""
    values, indices = run(session, text, x)
    np.testing.assert_array_equal(indices, [[1, 2, 4], [0, 2, 4], [0, 1, 2]])
    np.testing.assert_array_equal(values, np.take_along_axis(x, indices, 1))


# -- scatters -------------------------------------------------------------------------------------


def scatter(numbers, x, indices, updates, operation):
    shape = lambda a: "x".join(map(str, a.shape)) + "x" + {"f": "f32", "i": "i32"}[a.dtype.kind]
    x, indices, updates = (f"tensor<{shape(a)}>" for a in (x, indices, updates))
    return f"""func.func @main(%x: {x}, %i: {indices}, %u: {updates}) -> {x} {{
      %0 = "stablehlo.scatter"(%x, %i, %u) <{{scatter_dimension_numbers = #stablehlo.scatter<{numbers}>}}>
        {function_of_scalars(operation)} : ({x}, {indices}, {updates}) -> {x}
      return %0 : {x}
    }}"""


def test_scatter_windows(session):
    """`x.at[i, j].add` of 2 x 3 windows: one that reaches out of x is left out as a whole."""
    rng = np.random.default_rng(2)
    x, u = rng.standard_normal((5, 7), np.float32), rng.standard_normal((4, 2, 3), np.float32)
    i = np.array([[1, 1], [3, 4], [4, 0], [-1, 2]], np.int32)
    text = scatter("update_window_dims = [1, 2], scatter_dims_to_operand_dims = [0, 1], index_vector_dim = 1", x, i, u, "addf")
    expected = x.copy()
    for (row, column), update in zip(i[:2], u[:2]):
        expected[row:row + 2, column:column + 3] += update
    np.testing.assert_array_equal(run(session, text, x, i, u)[0], expected)


def test_scatter_columns(session):
    """Indices without a dimension of their own, inserted dimensions, an index that comes twice."""
    rng = np.random.default_rng(3)
    x, u, i = rng.standard_normal((5, 7), np.float32), rng.standard_normal((5, 4), np.float32), np.array([6, 2, 9, 2], np.int32)
    text = scatter("update_window_dims = [0], inserted_window_dims = [1], scatter_dims_to_operand_dims = [1], "
                   "index_vector_dim = 1", x, i, u, "addf")
    expected = x.copy()
    for column, update in zip(i, u.T):
        if column < 7:
            expected[:, column] += update
    np.testing.assert_array_equal(run(session, text, x, i, u)[0], expected)


def test_scatter_batch(session):
    """`jax.vmap(lambda row, k: row.at[k].set(v))`."""
    rng = np.random.default_rng(4)
    x, u, i = rng.standard_normal((5, 7), np.float32), rng.standard_normal(5, np.float32), np.array([[1], [6], [7], [0], [-1]], np.int32)
    text = scatter("inserted_window_dims = [1], input_batching_dims = [0], scatter_indices_batching_dims = [0], "
                   "scatter_dims_to_operand_dims = [1], index_vector_dim = 1", x, i, u, "maximumf")
    expected = x.copy()
    for row in (0, 1, 3):
        expected[row, i[row, 0]] = max(x[row, i[row, 0]], u[row])
    np.testing.assert_array_equal(run(session, text, x, i, u)[0], expected)


# -- control flow ---------------------------------------------------------------------------------


@pytest.mark.parametrize("index, factor", [(0, 1), (1, -1), (2, 3), (7, 3), (-1, 3)])
def test_case(session, index, factor):
    text = """func.func @main(%x: tensor<4xf32>, %i: tensor<i32>) -> tensor<4xf32> {
      %three = arith.constant dense<3.0> : tensor<4xf32>
      %0 = "stablehlo.case"(%i) ({
        stablehlo.return %x : tensor<4xf32>
      }, {
        %1 = arith.negf %x : tensor<4xf32>
        stablehlo.return %1 : tensor<4xf32>
      }, {
        %1 = arith.mulf %x, %three : tensor<4xf32>
        stablehlo.return %1 : tensor<4xf32>
      }) : (tensor<i32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    }"""
    x = np.arange(4, dtype=np.float32)
    np.testing.assert_array_equal(run(session, text, x, np.array(index, np.int32))[0], factor * x)


def test_unsigned_arguments(session):
    """jax's token ids may be uint32; between them and what was lowered stand casts of types."""
    text = """func.func @main(%u: tensor<4xui32>) -> tensor<4xui32> {
      %0 = builtin.unrealized_conversion_cast %u : tensor<4xui32> to tensor<4xi32>
      %1 = arith.addi %0, %0 : tensor<4xi32>
      %2 = builtin.unrealized_conversion_cast %1 : tensor<4xi32> to tensor<4xui32>
      return %2 : tensor<4xui32>
    }"""
    u = np.array([0, 1, 2**31, 2**32 - 1], np.uint32)
    np.testing.assert_array_equal(run(session, text, u)[0].view(np.uint32), u + u)


def test_wide_booleans(session):
    """The MLIR of torch-mlir writes a byte for each element of a boolean constant of more than 100, ours reads bits: jax's
    causal masks."""
    mask = np.tri(13, 17, dtype=bool)
    text = f"""func.func @main(%x: tensor<13x17xf32>) -> tensor<13x17xf32> {{
      %m = arith.constant dense<"0x{mask.tobytes().hex().upper()}"> : tensor<13x17xi1>
      %z = arith.constant dense<0.0> : tensor<13x17xf32>
      %0 = arith.select %m, %x, %z : tensor<13x17xi1>, tensor<13x17xf32>
      return %0 : tensor<13x17xf32>
    }}"""
    x = np.random.default_rng(5).standard_normal((13, 17), np.float32)
    np.testing.assert_array_equal(run(session, text, x)[0], np.where(mask, x, 0))


def test_product_with_gathered_weights(session):
    """`jnp.einsum('tkf,tkfd->tkd', h, w[i])` in float: the gather is fused into the product, whose reduction is tiled."""
    rng = np.random.default_rng(6)
    h, w, i = rng.standard_normal((3, 2, 64), np.float32), rng.standard_normal((4, 64, 8), np.float32), rng.integers(0, 4, (3, 2))
    text = """func.func @main(%h: tensor<3x2x64xf32>, %w: tensor<4x64x8xf32>, %i: tensor<3x2xindex>) -> tensor<3x2x8xf32> {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<3x2x64x8xf32>
      %picked = linalg.generic {indexing_maps = [affine_map<(t, k, f, d) -> (t, k)>, affine_map<(t, k, f, d) -> (t, k, f, d)>],
          iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%i : tensor<3x2xindex>) outs(%e : tensor<3x2x64x8xf32>) {
      ^bb0(%in: index, %out: f32):
        %f = linalg.index 2 : index
        %d = linalg.index 3 : index
        %v = tensor.extract %w[%in, %f, %d] : tensor<4x64x8xf32>
        linalg.yield %v : f32
      } -> tensor<3x2x64x8xf32>
      %y = tensor.empty() : tensor<3x2x8xf32>
      %z = linalg.fill ins(%zero : f32) outs(%y : tensor<3x2x8xf32>) -> tensor<3x2x8xf32>
      %r = linalg.generic {indexing_maps = [affine_map<(t, k, d, f) -> (t, k, f)>, affine_map<(t, k, d, f) -> (t, k, f, d)>,
          affine_map<(t, k, d, f) -> (t, k, d)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
          ins(%h, %picked : tensor<3x2x64xf32>, tensor<3x2x64x8xf32>) outs(%z : tensor<3x2x8xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %p = arith.mulf %a, %b : f32
        %s = arith.addf %o, %p : f32
        linalg.yield %s : f32
      } -> tensor<3x2x8xf32>
      return %r : tensor<3x2x8xf32>
    }"""
    expected = np.einsum("tkf,tkfd->tkd", h, w[i])
    assert snr(expected, run(session, text, h, w, i)[0]) > 110


# -- a model --------------------------------------------------------------------------------------


def snr(expected, got):
    return 10 * np.log10(np.sum(expected**2) / np.sum((expected - got) ** 2))


def test_scan_over_layers(session, tmp_path):
    """Inputs/jax_scan.mlir: three layers of a Llama (8 channels, 2 heads) stacked for `jax.lax.scan`, random weights,
    lowered by torch-mlir-opt; Inputs/jax_scan_logits.npy: what jax 0.10.2 computes for the ids below."""
    model, expected = INPUTS / "jax_scan.mlir", np.load(INPUTS / "jax_scan_logits.npy")
    ids = np.array([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 11, 0]], np.int32)
    assert snr(expected, session.parse(model).compile(threads=1).call("main", [ids])[0]) > 110

    observed = session.parse(model).run("fptq-observe-pipeline").compile(threads=1)
    session.start_calibration()
    observed.call("main", [ids])
    session.finish_calibration(tmp_path / "profile.json")
    quantized = session.parse(model).run(f"fptq-quantize-pipeline{{profile={tmp_path / 'profile.json'} group-size=8}}")
    assert len(quantized.layers()) == 3 * 7 + 1  # q, k, v, o, gate, up, down of each layer, and the head
    assert snr(expected, quantized.compile(threads=1).call("main", [ids])[0]) > 10
