"""Rows that are quantized where they are computed have the codes, scales and sums of rows that are written first.

A row that is also returned cannot be fused (fuse-rows.mlir), which gives both forms from one text.
"""

import os
import pathlib
import subprocess

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("FPTQ_BUILD", ROOT / "build")) / "bin"

NORM = """
  %f = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %sum = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : !rows) outs(%f : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %p = arith.mulf %a, %a : f32
    %r = arith.addf %p, %o : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %sum : !rows, tensor<?xf32>) outs(%e : !rows) {
  ^bb0(%a: f32, %s: f32, %o: f32):
    %eps = arith.constant 1.0e-5 : f32
    %t = arith.addf %s, %eps : f32
    %n = math.rsqrt %t : f32
    %r = arith.mulf %a, %n : f32
    linalg.yield %r : f32
  } -> !rows"""

GATED = """
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %b : !rows, !rows) outs(%e : !rows) {
  ^bb0(%a: f32, %v: f32, %o: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %a : f32
    %x0 = math.exp %n : f32
    %d = arith.addf %x0, %one : f32
    %s = arith.divf %a, %d : f32
    %r = arith.mulf %s, %v : f32
    linalg.yield %r : f32
  } -> !rows"""

RESIDUAL = """
  %h = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %b : !rows, !rows) outs(%e : !rows) {
  ^bb0(%a: f32, %v: f32, %o: f32):
    %r = arith.addf %a, %v : f32
    linalg.yield %r : f32
  } -> !rows""" + NORM.replace("%x", "%h")


def function(name: str, body: str, written: bool) -> str:
    results = "!codes, tensor<?xf32>, !sums" + (", !rows" if written else "")
    return f"""
func.func @{name}(%x: !rows, %b: !rows) -> ({results}) {{
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : !rows
  %e = tensor.empty(%m) : !rows
  %e1 = tensor.empty(%m) : tensor<?xf32>
  %q = tensor.empty(%m) : !codes
  %u = tensor.empty(%m) : !sums{body}
  %c:3 = fptq.quantize_activations group_size(32) padded_group_size(32) ins(%y : !rows) outs(%q, %e1, %u : !codes, tensor<?xf32>, !sums)
      -> !codes, tensor<?xf32>, !sums
  return %c#0, %c#1, %c#2{", %y" if written else ""} : {results}
}}"""


def module(body: str, channels: int) -> str:
    return f"""#id = affine_map<(m, k) -> (m, k)>
#row = affine_map<(m, k) -> (m)>
!rows = tensor<?x{channels}xf32>
!codes = tensor<?x{channels}xi8>
!sums = tensor<?x{channels // 32}xi32>
{function("fused", body, written=False)}
{function("written", body, written=True)}
"""


def run(path: pathlib.Path, entry: str, results: int) -> list[np.ndarray]:
    files = [path.parent / f"{entry}{i}.npy" for i in range(results)]
    command = [BIN / "fptq-run", path, "--entry", entry, "--arg", path.parent / "x.npy", "--arg", path.parent / "b.npy"]
    for file in files:
        command += ["--result", file]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [np.load(file) for file in files]


@pytest.mark.parametrize("body", [NORM, GATED, RESIDUAL], ids=["norm", "gated", "residual-norm"])
@pytest.mark.parametrize("channels", [96, 1056])
def test_codes_do_not_depend_on_fusion(tmp_path, body, channels):
    path = tmp_path / "rows.mlir"
    path.write_text(module(body, channels))
    fuse = [BIN / "fptq-opt", "--fptq-fuse-rows", "--remarks-filter=LinalgToVector", path]
    remarks = subprocess.run(fuse, capture_output=True, text=True, check=True).stderr
    assert remarks.count("QuantizeStepFused") == 1  # of @fused, not of @written
    rng = np.random.default_rng(3)
    for rows in (1, 7, 8, 9, 17):
        for name in "xb":
            np.save(tmp_path / f"{name}.npy", (rng.standard_normal((rows, channels)) * 4).astype(np.float32))
        fused, (*written, y) = run(path, "fused", 3), run(path, "written", 4)
        for a, b in zip(fused, written, strict=True):
            np.testing.assert_array_equal(a, b)
        # A row's largest magnitude is code 127 or -127: both forms quantized y, not rubbish.
        assert (np.abs(fused[0].astype(int)).max(1) == 127).all()
        np.testing.assert_allclose(fused[1], np.abs(y).max(1) / np.float32(127), rtol=2e-7)
