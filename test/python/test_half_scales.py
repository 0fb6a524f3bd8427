"""Scales of f16 give what the same numbers in f32 give, to the bit: products and lookups, each scheme, each layout."""

import numpy as np
import pytest

from quant_fptq import Session

N, K, GROUP, ROWS = 20, 72, 32, 3  # a ragged last group, a ragged last panel
GROUPS = -(-K // GROUP)
SCHEMES = ["<group, group_size = 32, symmetric = true, method = rtn>",
           "<group, group_size = 32, symmetric = false, method = rtn>",
           "<two_level, group_size = 32, symmetric = false, method = rtn>"]


def dense(array: np.ndarray, element: str) -> str:
    shape = "x".join(map(str, array.shape))
    return f'arith.constant dense<"0x{array.tobytes().hex().upper()}"> : tensor<{shape}x{element}>'


def function(number: int, half: bool) -> str:
    """A table of which rows are looked up, and which these are multiplied with; the scales are exact in f16."""
    rng = np.random.default_rng(number)
    scheme, symmetric, two_level = SCHEMES[number], number == 0, number == 2
    codes = rng.integers(0, 16, (N, GROUPS * GROUP)).astype(np.uint8)
    codes[:, K:] = 8 if symmetric else 0
    scales = (rng.integers(1, 1000, N if two_level else (N, GROUPS)) / 4096).astype(np.float16 if half else np.float32)
    element = "f16" if half else "f32"
    zeros = rng.integers(0, 120 if two_level else 16, (N, GROUPS)).astype(np.uint8)
    multipliers = rng.integers(1, 9, (N, GROUPS)).astype(np.uint8)
    per_group = f"tensor<{N}x{GROUPS}xi8>"
    weights = f"weights(%codes, %scales : tensor<{N}x{GROUPS * GROUP // 2}xi8>, tensor<{'x'.join(map(str, scales.shape))}x{element}>)"
    if not symmetric:
        weights += f" zeros(%zeros : {per_group})"
    if two_level:
        weights += f" multipliers(%multipliers : {per_group})"
    quantized = f"tensor<{ROWS}x{GROUPS * GROUP}xi8>, tensor<{ROWS}xf32>, tensor<{ROWS}x{GROUPS}xi32>"
    rows, products = f"tensor<{ROWS}x{K}xf32>", f"tensor<{ROWS}x{N}xf32>"
    return f"""func.func @f{number}() -> ({rows}, {products}) {{
  %codes = {dense(codes[:, 0::2] | codes[:, 1::2] << 4, 'i8')}
  %scales = {dense(scales, element)}
  %zeros = {dense(zeros, 'i8')}
  %multipliers = {dense(multipliers, 'i8')}
  %ids = arith.constant dense<[17, 0, 19]> : tensor<{ROWS}xindex>
  %e = tensor.empty() : {rows}
  %x = fptq.quantized_lookup {scheme} layer("embed.lookup") ins(%ids : tensor<{ROWS}xindex>) {weights}
    outs(%e : {rows}) -> {rows}
  %q0 = tensor.empty() : tensor<{ROWS}x{GROUPS * GROUP}xi8>
  %s0 = tensor.empty() : tensor<{ROWS}xf32>
  %t0 = tensor.empty() : tensor<{ROWS}x{GROUPS}xi32>
  %q:3 = fptq.quantize_activations group_size({GROUP}) padded_group_size({GROUP}) ins(%x : {rows})
    outs(%q0, %s0, %t0 : {quantized}) -> {quantized}
  %y0 = tensor.empty() : {products}
  %y = fptq.quantized_matmul {scheme} layer("embed") ins(%q#0, %q#1, %q#2 : {quantized})
    {weights} outs(%y0 : {products}) -> {products}
  return %x, %y : {rows}, {products}
}}
"""


# Products of the other tiers fptq-kernel-test runs with both types.
@pytest.mark.parametrize("tier", ["reference", "avx2-emulated", "nvptx-sim:sm_80"])
def test_half_scales(tier):
    results = []
    for half in (False, True):
        with Session() as session:
            module = session.parse_text("".join(function(number, half) for number in range(len(SCHEMES))))
            executable = module.compile(tier=tier, threads=1)
            results.append([executable.call(f"f{number}", []) for number in range(len(SCHEMES))])
    for number, (single, half) in enumerate(zip(*results)):
        assert all(np.isfinite(result).all() and np.ptp(result) > 0 for result in single)
        for name, a, b in zip(("lookup", "product"), single, half):
            np.testing.assert_array_equal(a, b, f"{name} of {SCHEMES[number]}")
