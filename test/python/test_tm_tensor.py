"""torch-mlir's tm_tensor, run as it is exported: scan, sort, topk and scatter against numpy."""

import itertools
import os
import pathlib
import signal
import subprocess

import numpy as np
import pytest

from quant_fptq import Session

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = pathlib.Path(os.environ.get("FPTQ_BUILD", ROOT / "build")) / "bin" / "fptq-run"
TYPES = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64}
SHAPE = (3, 4, 5)


@pytest.fixture(scope="module")
def session():
    with Session() as session:
        yield session


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def tensor(shape, element):
    return f"tensor<{''.join(f'{d}x' for d in shape)}{element}>"


def run(session, text, *arguments):
    return session.parse_text(text).compile(threads=1).call("main", arguments)


def draw(rng, shape, element):
    """Few different values, so that many are equal."""
    return rng.integers(-4, 5, shape).astype(TYPES[element])


# -- scan -----------------------------------------------------------------------------------------


def scan(shape, element, dimension, inclusive, body):
    others = [d for i, d in enumerate(shape) if i != dimension]
    t, a = tensor(shape, element), tensor(others, element)
    return f"""func.func @main(%x: {t}, %out: {t}, %acc: {a}) -> ({t}, {a}) {{
      %r:2 = tm_tensor.scan dimension({dimension}) inclusive({str(inclusive).lower()}) ins(%x : {t}) outs(%out, %acc : {t}, {a}) {{
      ^bb0(%l: {element}, %v: {element}):
        %s = arith.{body} %l, %v : {element}
        tm_tensor.yield %s : {element}
      }} -> {t}, {a}
      return %r#0, %r#1 : {t}, {a}
    }}"""


@pytest.mark.parametrize("element, dimension", [("f32", 0), ("f32", 1), ("i64", 2), ("f64", 2), ("i32", 1)])
def test_inclusive_sums(session, rng, element, dimension):
    x = draw(rng, SHAPE, element)
    garbage = np.full_like(x, 99)
    body = "addf" if element[0] == "f" else "addi"
    out, last = run(session, scan(SHAPE, element, dimension, True, body), x, garbage, garbage.take(0, dimension))
    np.testing.assert_array_equal(out, x.cumsum(dimension))
    np.testing.assert_array_equal(last, x.sum(dimension))


def test_a_function_that_does_not_commute(session, rng):
    x = draw(rng, (6,), "i64")
    out, _ = run(session, scan((6,), "i64", 0, True, "subi"), x, x, np.zeros((), np.int64))
    np.testing.assert_array_equal(out, list(itertools.accumulate(x, lambda a, b: a - b)))


@pytest.mark.parametrize("dimension", [0, 1])
def test_exclusive_sums_begin_with_the_accumulator(session, rng, dimension):
    x = draw(rng, (4, 3), "i64")
    start = draw(rng, (3,) if dimension == 0 else (4,), "i64")
    out, last = run(session, scan((4, 3), "i64", dimension, False, "addi"), x, x * 0, start)
    expected = x.cumsum(dimension) - x + np.expand_dims(start, dimension)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(last, expected.take(-1, dimension))


@pytest.mark.parametrize("n", [0, 1, 7])
def test_sums_of_a_dynamic_size(session, n):
    text = scan(("?", "?"), "f32", 1, True, "addf")
    x = np.ones((2, n), np.float32)
    out, last = run(session, text, x, x * 0, np.full(2, 5, np.float32))
    np.testing.assert_array_equal(out, x.cumsum(1))
    np.testing.assert_array_equal(last, [n or 5] * 2)  # nothing scanned: as it was


# -- sort -----------------------------------------------------------------------------------------


def sort(shape, element, dimension, predicate, indices="i64"):
    t, i = tensor(shape, element), tensor(shape, indices)
    compare = "cmpf o" if element[0] == "f" else "cmpi s"
    return f"""func.func @main(%x: {t}, %i: {i}) -> ({t}, {i}) {{
      %r:2 = tm_tensor.sort dimension({dimension}) outs(%x, %i : {t}, {i}) {{
      ^bb0(%a: {element}, %b: {element}, %c: {indices}, %d: {indices}):
        %keeps = arith.{compare}{predicate}, %a, %b : {element}
        tm_tensor.yield %keeps : i1
      }} -> {t}, {i}
      return %r#0, %r#1 : {t}, {i}
    }}"""


@pytest.mark.parametrize("element, dimension, predicate", [("f32", 0, "le"), ("f32", 2, "ge"), ("i64", 1, "le"),
                                                           ("i32", 2, "ge"), ("f64", 1, "le")])
def test_sort_is_stable_along_any_dimension(session, rng, element, dimension, predicate):
    x = draw(rng, SHAPE, element)
    values, where = run(session, sort(SHAPE, element, dimension, predicate), x, np.indices(SHAPE)[dimension].copy())
    expected = np.argsort(x if predicate == "le" else -x, axis=dimension, kind="stable")
    np.testing.assert_array_equal(where, expected)
    np.testing.assert_array_equal(values, np.take_along_axis(x, expected, dimension))


def test_sort_of_every_length(session, rng):
    executable = session.parse_text(sort(("?", "?"), "f32", 1, "le")).compile(threads=1)
    for n in [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 1000]:
        x = rng.integers(0, 1 + n // 2, (2, n)).astype(np.float32)
        values, where = executable.call("main", [x, np.broadcast_to(np.arange(n), (2, n)).copy()])
        expected = np.argsort(x, axis=1, kind="stable")
        np.testing.assert_array_equal(where, expected, err_msg=str(n))
        np.testing.assert_array_equal(values, np.take_along_axis(x, expected, 1), err_msg=str(n))


def test_sort_with_nan_keeps_every_element(session, rng):
    x = rng.standard_normal((1, 50)).astype(np.float32)
    x[0, ::7] = np.nan
    _, where = run(session, sort((1, 50), "f32", 1, "le"), x, np.arange(50)[None])
    np.testing.assert_array_equal(np.sort(where[0]), np.arange(50))


def test_arguments_stay_as_they_were(session, rng):
    x, i = draw(rng, (2, 6), "f32"), np.zeros((2, 6), np.int64)
    before = x.copy()
    run(session, sort((2, 6), "f32", 1, "le"), x, i)
    np.testing.assert_array_equal(x, before)


# -- topk -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension, given", [(0, False), (1, False), (1, True)])
def test_topk_prefers_the_first_of_equals(session, rng, dimension, given):
    k, shape = 3, (6, 7)
    kept = tuple(k if d == dimension else n for d, n in enumerate(shape))
    x, v, i, w = (tensor(s, e) for s, e in [(shape, "f32"), (kept, "f32"), (kept, "i32"), (shape, "i32")])
    text = f"""func.func @main(%x: {x}, %w: {w}, %v: {v}, %i: {i}) -> ({v}, {i}) {{
      %r:2 = tm_tensor.topk dimension({dimension}) ins(%x{', %w' * given} : {x}{f', {w}' * given}) outs(%v, %i : {v}, {i}) {{
      ^bb0(%a: f32, %b: f32):
        %before = arith.cmpf ogt, %a, %b : f32
        tm_tensor.yield %before : i1
      }} -> {v}, {i}
      return %r#0, %r#1 : {v}, {i}
    }}"""
    values, scale = draw(rng, shape, "f32"), 10 if given else 1
    indices = np.indices(shape, np.int32)[dimension] * scale
    best, where = run(session, text, values, indices, np.full(kept, -np.inf, np.float32), np.zeros(kept, np.int32))
    order = np.argsort(-values, axis=dimension, kind="stable").take(range(k), dimension)
    np.testing.assert_array_equal(where, order * scale)
    np.testing.assert_array_equal(best, np.take_along_axis(values, order, dimension))


# -- scatter --------------------------------------------------------------------------------------


def scatter(out, updates, indices, dimensions, body="", yields="%new"):
    o, u, i = tensor(out, "f32"), tensor(updates, "f32"), tensor(indices, "i64")
    return f"""func.func @main(%x: {o}, %u: {u}, %i: {i}) -> {o} {{
      %r = tm_tensor.scatter {{dimension_map = array<i64: {dimensions}>}} unique_indices(false) ins(%u, %i : {u}, {i}) outs(%x : {o}) {{
      ^bb0(%new: f32, %old: f32):
        {body}
        tm_tensor.yield {yields} : f32
      }} -> {o}
      return %r : {o}
    }}"""


def test_scatter_rows_into_a_cache(session, rng):
    x, rows = (rng.standard_normal(s).astype(np.float32) for s in [(8, 4, 5), (3, 1, 4, 5)])
    at = np.array([[6], [0], [3]])
    out, = run(session, scatter(x.shape, rows.shape, at.shape, "0"), x, rows, at)
    expected = x.copy()
    expected[at[:, 0]] = rows[:, 0]
    np.testing.assert_array_equal(out, expected)


def test_scatter_adds_elements_where_indices_repeat(session, rng):
    x, u = rng.standard_normal((4, 5)).astype(np.float32), rng.standard_normal(30).astype(np.float32)
    at = np.stack([rng.integers(0, 5, 30), rng.integers(0, 4, 30)], 1)  # columns of indices in the map's order
    add = "%s = arith.addf %old, %new : f32"
    out, = run(session, scatter(x.shape, u.shape, at.shape, "1, 0", add, "%s"), x, u, at)
    expected = x.copy()
    np.add.at(expected, (at[:, 1], at[:, 0]), u)
    np.testing.assert_array_equal(out, expected)


def test_scatter_windows_begin_at_their_index(session, rng):
    x, u = rng.standard_normal((6, 5)).astype(np.float32), rng.standard_normal((2, 2, 5)).astype(np.float32)
    at = np.array([[3], [0]])
    out, = run(session, scatter(x.shape, u.shape, at.shape, "0"), x, u, at)
    expected = x.copy()
    expected[3:5], expected[0:2] = u
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("index", [-1, 8, 7])
def test_scatter_outside_the_tensor_stops(tmp_path, index):
    """7: the window of two rows begins inside and ends outside. The process aborts, as in torch-mlir's own gathers."""
    (tmp_path / "m.mlir").write_text(scatter((8, 4), (1, 2, 4), (1, 1), "0"))
    command = [RUN, tmp_path / "m.mlir"]
    arguments = [np.zeros((8, 4), np.float32), np.zeros((1, 2, 4), np.float32), np.array([[index]])]
    for i, argument in enumerate(arguments):
        np.save(tmp_path / f"{i}.npy", argument)
        command += ["--arg", tmp_path / f"{i}.npy"]
    done = subprocess.run([os.fspath(c) for c in command], capture_output=True, text=True)
    assert done.returncode == -signal.SIGABRT
    assert "m.mlir:2: main: Assertion `scatter index is outside the tensor' failed" in done.stderr
    assert "bug report" not in done.stderr, done.stderr  # the model's fault, not the compiler's
