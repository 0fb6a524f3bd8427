"""bfloat16 in elementwise code: every value, lengths that are no whole vectors, and a library that needs no helper
of the compiler's, which not every libgcc has."""

import ctypes
import os
import pathlib
import subprocess

import ml_dtypes
import numpy as np
import pytest

BIN = pathlib.Path(os.environ.get("FPTQ_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build")) / "bin"
ALL = np.arange(1 << 16, dtype=np.uint16).view(ml_dtypes.bfloat16)


def model(body: str, length: str) -> str:
    """%r of %a, element by element. An open length is a loop of whole vectors and a masked one."""
    size = "%n" if length == "?" else ""
    kind = f"tensor<{length}xbf16>"
    return f"""
      #id = affine_map<(i) -> (i)>
      func.func @main(%x: {kind}) -> {kind} {{
        %c0 = arith.constant 0 : index
        %n = tensor.dim %x, %c0 : {kind}
        %e = tensor.empty({size}) : {kind}
        %y = linalg.generic {{indexing_maps = [#id, #id], iterator_types = ["parallel"]}} ins(%x : {kind}) outs(%e : {kind}) {{
        ^bb0(%a: bf16, %o: bf16):
          {body}
          linalg.yield %r : bf16
        }} -> {kind}
        return %y : {kind}
      }}"""


def run(folder: pathlib.Path, body: str, length: str, x: np.ndarray) -> np.ndarray:
    (folder / "model.mlir").write_text(model(body, length))
    np.save(folder / "x.npy", x)  # as '<V2', which is ml_dtypes' name for it
    done = subprocess.run([BIN / "fptq-run", "model.mlir", "--arg", "x.npy", "--result", "y.npy"], cwd=folder,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.load(folder / "y.npy").view(ml_dtypes.bfloat16)


def same(got: np.ndarray, expected: np.ndarray) -> None:
    """Bit by bit; of NaN there are many."""
    isnan = np.isnan(expected.astype(np.float32))
    np.testing.assert_array_equal(np.isnan(got.astype(np.float32)), isnan)
    np.testing.assert_array_equal(got.view(np.uint16)[~isnan], expected.view(np.uint16)[~isnan])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("body, numpy", [
    ("%r = arith.addf %a, %a : bf16", lambda a: a + a),
    ("%w = arith.constant 1.0078125 : bf16\n%r = arith.mulf %a, %w : bf16",
     lambda a: a * ml_dtypes.bfloat16(1.0078125)),  # half of the products lie between two values
    ("%w = arith.extf %a : bf16 to f32\n%r = arith.truncf %w : f32 to bf16", lambda a: a),
    ("%r = arith.negf %a : bf16", lambda a: -a),
    ("%p = arith.cmpf ogt, %a, %o : bf16\n%s = arith.negf %a : bf16\n%r = arith.select %p, %a, %a : bf16", lambda a: a),
    ("%r = math.sqrt %a : bf16", lambda a: np.sqrt(a.astype(np.float32)).astype(ml_dtypes.bfloat16)),
])
def test_every_value(tmp_path, body, numpy):
    same(run(tmp_path, body, "?", ALL), numpy(ALL))


@pytest.mark.parametrize("length", [1, 3, 8, 9, 17, 31, 33])
def test_lengths_that_are_no_whole_vectors(tmp_path, length):
    x = np.linspace(-3, 3, length).astype(ml_dtypes.bfloat16)
    same(run(tmp_path, "%r = arith.addf %a, %a : bf16", str(length), x), x + x)
    same(run(tmp_path, "%r = math.fma %a, %a, %a : bf16", str(length), x),
         (x.astype(np.float64) ** 2 + x.astype(np.float64)).astype(np.float32).astype(ml_dtypes.bfloat16))
    y = run(tmp_path, "%r = math.exp %a : bf16", str(length), x).astype(np.float32)
    np.testing.assert_allclose(y, np.exp(x.astype(np.float32)), rtol=2.0**-8)


@pytest.mark.parametrize("length", ["?", "9", "16"])
@pytest.mark.parametrize("cpu", ["x86-64-v3", "x86-64-v4"])
def test_libraries_need_no_helper_of_the_compiler(tmp_path, length, cpu):
    (tmp_path / "model.mlir").write_text(model("%b = math.rsqrt %a : bf16\n%r = arith.addf %a, %b : bf16", length))
    subprocess.run([BIN / "fptq-compile", "model.mlir", "-o", "model.so", "--no-threads", f"--target-cpu={cpu}"],
                   cwd=tmp_path, check=True)
    assert b"__truncsfbf2" not in (tmp_path / "model.so").read_bytes()
    ctypes.CDLL(os.fspath(tmp_path / "model.so"), mode=os.RTLD_NOW)
