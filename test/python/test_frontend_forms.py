"""Pieces of IR as frontends spell them (docs/Frontends.md), compiled as they are and run against numpy.

The vectorizer cannot take all of them (assertions in bodies, an argmax of two results, f64); what it
cannot take must still compile and be right.
"""

import math
import os
import pathlib
import subprocess

import ml_dtypes
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INPUTS = ROOT / "test" / "Integration" / "Inputs"
RUN = pathlib.Path(os.environ.get("FPTQ_BUILD", ROOT / "build")) / "bin" / "fptq-run"


def run(name: str, folder: pathlib.Path, *arguments: np.ndarray) -> np.ndarray:
    return run_all(name, folder, *arguments)[0]


def run_all(name: str, folder: pathlib.Path, *arguments: np.ndarray, results: int = 1) -> list[np.ndarray]:
    files = [folder / f"result{i}.npy" for i in range(results)]
    command = [os.fspath(RUN), os.fspath(INPUTS / name)]
    for file in files:
        command += ["--result", os.fspath(file)]
    for i, argument in enumerate(arguments):
        raw = argument.view("V2") if argument.dtype == ml_dtypes.bfloat16 else argument
        np.save(folder / f"{i}.npy", raw)
        command += ["--arg", os.fspath(folder / f"{i}.npy")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [np.load(file) for file in files]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("rows", [1, 7, 33])
def test_layernorm_with_its_variance_in_f64(tmp_path, rng, rows):
    x = rng.standard_normal((1, rows, 64)).astype(np.float32)
    expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * 1.5 + 0.25
    np.testing.assert_allclose(run("layernorm-f64-variance.mlir", tmp_path, x), expected, atol=2e-6)


def test_softmax_whose_maximum_has_an_argmax(tmp_path, rng):
    x = rng.standard_normal((2, 5, 9)).astype(np.float32)
    e = np.exp(x - x.max(-1, keepdims=True))
    np.testing.assert_allclose(run("softmax-argmax.mlir", tmp_path, x), e / e.sum(-1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("tokens", [1, 3])
def test_gather_with_an_assertion_then_a_dynamic_reshape(tmp_path, tokens):
    y = run("gather-assert-reshape.mlir", tmp_path, np.arange(tokens, dtype=np.int64)[None])
    assert y.shape == (1, tokens, 4, 8) and (y == 2).all()


def test_half_rotation_by_concat(tmp_path, rng):
    x = rng.standard_normal((1, 4, 5, 8)).astype(np.float32)
    expected = np.concatenate([-x[..., 4:], x[..., :4]], -1)
    np.testing.assert_array_equal(run("rotate-half-concat.mlir", tmp_path, x), expected)


@pytest.mark.parametrize("name, dtype, tolerance", [("linear-bf16.mlir", ml_dtypes.bfloat16, 2e-2),
                                                    ("linear-f16.mlir", np.float16, 2e-3)])
def test_half_linear_accumulates_in_f32(tmp_path, rng, name, dtype, tolerance):
    x = rng.standard_normal((5, 16)).astype(dtype)
    y = run(name, tmp_path, x).view(dtype).astype(np.float32)
    expected = np.broadcast_to(x.astype(np.float32).sum(-1, keepdims=True) * 0.5, y.shape)
    np.testing.assert_allclose(y, expected, atol=tolerance, rtol=tolerance)


def test_gelu_tanh_and_integer_powers(tmp_path, rng):
    x = rng.standard_normal((3, 50)).astype(np.float32)
    expected = x * (1 + np.vectorize(math.erf)(x / 2**0.5)) / 2 + np.tanh(x**3)
    np.testing.assert_allclose(run("gelu-fpowi-tanh.mlir", tmp_path, x), expected, atol=2e-6)


def test_boolean_masks_are_a_byte_an_element(tmp_path, rng):
    scores = rng.standard_normal((12, 12)).astype(np.float32)
    mask = np.array([[1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1]])
    seen = (mask != 0) & np.tri(12, dtype=bool)
    masked, count = run_all("boolean-mask.mlir", tmp_path, scores, mask, np.arange(12)[None], results=2)
    np.testing.assert_array_equal(masked, np.where(seen, scores, np.float32(-3e38)))
    np.testing.assert_array_equal(count, seen.sum(-1, keepdims=True))


def test_column_between_unit_dimensions(tmp_path):
    np.testing.assert_array_equal(run("filled-column.mlir", tmp_path), np.full((1, 12, 1), 0.5, np.float32))


def test_column_gathered_an_element_a_row(tmp_path, rng):
    starts, rows = rng.integers(0, 2, (1, 12)), rng.integers(-12, 12, (1, 1, 12, 1))
    y = run("packed-sequence-column.mlir", tmp_path, starts, np.zeros((1, 1, 1, 1), np.int64), rows)
    np.testing.assert_array_equal(y, starts.cumsum(1)[0][rows])


def test_pooling_leaves_out_what_no_window_covers(tmp_path, rng):
    x, y = (rng.standard_normal(shape, np.float32) for shape in ((2, 4, 3, 3), (2, 4, 4, 6)))
    largest, total = run_all("pool-left-over.mlir", tmp_path, x, y, results=2)
    np.testing.assert_array_equal(largest, x[:, :, :2, :2].max((2, 3), keepdims=True))
    expected = [y[:, :, :3, i:i + 3].sum((2, 3)) for i in (0, 2)]
    np.testing.assert_allclose(total[:, :, 0], np.stack(expected, -1), rtol=1e-5, atol=1e-5)
