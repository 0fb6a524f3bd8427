"""PTX of kernels that compute rows and quantize them, interpreted, against docs/PackedLayout.md (R1 to R3, Q1, Q2)."""

import re
import subprocess

import numpy as np
import pytest
from conftest import ROOT
from packed_format import fma
from ptx_interpreter import Device, PtxError, parse

F32 = np.float32
SOURCE = """
func.func @rows(%x: memref<?x{k}xf32>, %w: memref<{of_w}xf32>, %scale: f32, %q: memref<?x{columns}xi8>, %scales: memref<?xf32>,
                %sums: memref<?x{groups}xi32>) {{
  fptq.quantize_rows channels({k}) group_size({group}) padded_group_size({padded})
    maps [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> ({along})>]
    ins(%x, %w : memref<?x{k}xf32>, memref<{of_w}xf32>) {static}
    outs(%q, %scales, %sums : memref<?x{columns}xi8>, memref<?xf32>, memref<?x{groups}xi32>) {{
  ^bb0(%a: f32, %b: f32):{body}
    fptq.yield %y : f32
  }}
  return
}}"""
NORM = """
    %sum = fptq.row_sum %a * %a : f32
    %count = arith.constant {k}.0 : f32
    %mean = arith.divf %sum, %count : f32
    %eps = arith.constant 1.0e-5 : f32
    %shifted = arith.addf %mean, %eps : f32
    %r = math.rsqrt %shifted : f32
    %n = arith.mulf %a, %r : f32
    %y = arith.mulf %b, %n : f32"""
#: Two sums of products of two channels' values: neither is staged, so nothing but their places keeps them apart.
TWO_SUMS = """
    %sum = fptq.row_sum %a * %b : f32
    %count = arith.constant {k}.0 : f32
    %mean = arith.divf %sum, %count : f32
    %c = arith.subf %a, %mean : f32
    %second = fptq.row_sum %c * %b : f32
    %mean2 = arith.divf %second, %count : f32
    %y = arith.addf %c, %mean2 : f32"""
GATED = """
    %one = arith.constant 1.0 : f32
    %n = arith.negf %a : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %one, %d : f32
    %t = arith.mulf %a, %s : f32
    %y = arith.mulf %t, %b : f32"""
BODIES = {"norm": NORM, "two_sums": TWO_SUMS, "gated": GATED}


def padded(group):
    return 32 if group <= 32 else -(-group // 64) * 64


def compiled(kind, k, group, static, chip="sm_80"):
    """PTX of the one kernel, its name, threads and shared memory."""
    groups = -(-k // group)
    source = SOURCE.format(k=k, group=group, padded=padded(group), groups=groups, columns=groups * padded(group),
                           of_w=f"?x{k}" if kind == "gated" else k, along="m, k" if kind == "gated" else "k",
                           static="static_scale(%scale)" if static else "", body=BODIES[kind].format(k=k))
    passes = [f"--convert-fptq-to-nvgpu=chip={chip}", "--fptq-nvptx-device-pipeline", f"--fptq-emit-nvptx=chip={chip}"]
    done = subprocess.run([ROOT / "build" / "bin" / "fptq-opt", "-", *passes], input=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = re.search(r'assembly = "((?:[^"\\]|\\.)*)"', done.stdout)[1]
    text = re.sub(r"\\([0-9A-F]{2})|\\(.)", lambda m: chr(int(m[1], 16)) if m[1] else m[2], text).rstrip("\0")
    name = re.search(r"\.entry (\w+)", text)[1]
    threads, shared = (int(re.search(rf"\b{key} = (\d+)", done.stdout)[1]) for key in ("threads", "shared_bytes"))
    return text, name, threads, shared


def operands(kind, m, k):
    rng = np.random.default_rng([m, k])
    x = rng.normal(0, 3, (m, k)).astype(F32)
    x[m // 2] = 0
    if m > 2:
        x[0, k // 2], x[2, 0], x[2, k - 1] = np.nan, 200, -200
    return x, rng.uniform(0.5, 1.5, (m, k) if kind == "gated" else k).astype(F32)


def row_sum(x, factor):
    """(R1)"""
    x, factor = np.broadcast_arrays(x, factor)
    lanes = np.zeros((x.shape[0], 32), F32)
    for start in range(0, x.shape[1], 32):
        part = x[:, start:start + 32]
        lanes[:, :part.shape[1]] = fma(part, factor[:, start:start + 32], lanes[:, :part.shape[1]])
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    return lanes


def exponential(x):
    """(R3)"""
    x = np.where(x < F32(-87.8), F32(-87.8), np.where(x > F32(88.8), F32(88.8), x))
    n = np.floor(fma(x, F32(1.44269502), F32(0.5)))
    n = np.where(n < -127, F32(-127), np.where(n > 127, F32(127), n))
    r = fma(F32(2.12194442e-4), n, fma(F32(-0.693359375), n, x))
    p = np.full_like(x, F32(1.98756912e-4))
    for coefficient in (0.00139819994, 0.00833345205, 0.0416657962, 0.166666657, 0.5):
        p = fma(p, r, np.full_like(x, F32(coefficient)))
    power = ((np.nan_to_num(n).astype(np.int32) + 127) << 23).view(F32)
    return (fma(p, r * r, r) + F32(1)) * power


@np.errstate(all="ignore")
def expected(kind, x, w, group, scale):
    m, k = x.shape
    if kind == "norm":
        inverse = F32(1) / np.sqrt(row_sum(x, x) / F32(k) + F32(1e-5))
        y = w * (x * inverse)
    elif kind == "two_sums":
        c = x - row_sum(x, w) / F32(k)
        y = c + row_sum(c, w) / F32(k)
    else:
        y = x * (F32(1) / (exponential(-x) + F32(1))) * w
    largest = np.abs(y).max(axis=1)  # NaN where the row has one
    scales = np.where(largest == 0, F32(1), largest / F32(127)).astype(F32)
    if scale is not None:
        scales = np.where(np.isnan(largest), largest, F32(scale)).astype(F32)
    codes = np.nan_to_num(np.clip(np.rint(y * (F32(1) / scales)[:, None]), -127, 127), nan=0).astype(np.int8)
    groups = -(-k // group)
    q = np.zeros((m, groups, padded(group)), np.int8)
    for g in range(groups):
        part = codes[:, g * group:(g + 1) * group]
        q[:, g, :part.shape[1]] = part
    return q.reshape(m, -1), scales, q.sum(axis=2, dtype=np.int32)


def run(text, name, threads, shared, kind, x, w, group, scale):
    (m, k), groups = x.shape, -(-x.shape[1] // group)
    q = np.full((m, groups * padded(group)), 9, np.int8)
    scales, sums = np.zeros(m, F32), np.zeros((m, groups), np.int32)
    device = Device(parse(text))
    add = device.memory.add
    strides = [k, k] if kind == "gated" else [k]
    device.launch(name, (m, 1), threads, shared, [add(x, False), add(w, False), *strides, add(q, True), add(scales, True),
                                                  add(sums, True), scale or 0.0, q.shape[1], groups])
    return q, scales, sums


@pytest.mark.parametrize("kind, m, k, group, scale", [
    ("norm", 3, 100, 48, None), ("norm", 1, 1300, 128, 0.03), ("norm", 4, 31, 31, None), ("norm", 2, 256, 32, None), ("two_sums", 2, 300, 32, None),
    ("gated", 3, 100, 32, 0.05), ("gated", 2, 640, 64, None), ("gated", 3, 5, 5, None)])
def test_rows(kind, m, k, group, scale):
    x, w = operands(kind, m, k)
    got = run(*compiled(kind, k, group, scale is not None), kind, x, w, group, scale)
    for ours, theirs in zip(got, expected(kind, x, w, group, scale)):
        np.testing.assert_array_equal(ours, theirs)


def test_mutants_are_caught():
    """A barrier dropped, a step of the sum left out."""
    kernel = compiled("norm", 1300, 32, False)
    x, w = operands("norm", 1, 1300)
    x[0] = np.random.default_rng(1).normal(0, 1, 1300)
    right = expected("norm", x, w, 32, None)

    def survives(text):
        try:
            return all(np.array_equal(a, b) for a, b in zip(run(text, *kernel[1:], "norm", x, w, 32, None), right))
        except PtxError:
            return False

    text = kernel[0]
    assert survives(text)
    places = [*re.finditer(r"bar\.sync\s+0;", text)]
    assert len(places) == 4
    for barrier in places:
        assert not survives(text[:barrier.start()] + text[barrier.end():]), f"without {barrier}"
    for mask in (16, 8, 4, 2, 1):
        wrong = re.sub(rf"(shfl\.sync\.bfly\.b32\s+%r\d+, %r\d+), {mask}, 31", r"\1, 0, 31", text, count=1)
        assert wrong != text and not survives(wrong), f"without the step of {mask} lanes"
