"""Operands of quantized layers that are slices with a stride along their last dimension (`x[..., 1]`, `x[:, ::2]`).

Kernels load rows as vectors; such an operand is copied first, and must give the bits that a whole tensor gives.
"""

import numpy as np
import pytest

from quant_fptq import Session

MAPS = """[affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]"""
#: The layer, between what it reads and what is done with it; `%x`, `%residual` and `%bias` are for a test to give.
LAYER = f"""
  %w = arith.constant dense_resource<"a.weight"> : tensor<24x32xf32>
  %e = tensor.empty() : tensor<5x24xf32>
  %b = linalg.broadcast ins(%bias : tensor<24xf32>) outs(%e : tensor<5x24xf32>) dimensions = [0]
  %p = linalg.matmul indexing_maps = {MAPS}
    ins(%x, %w : tensor<5x32xf32>, tensor<24x32xf32>) outs(%b : tensor<5x24xf32>) -> tensor<5x24xf32>
  %y = arith.addf %p, %residual : tensor<5x24xf32>
"""
PLAIN = f"""
func.func @f(%x: tensor<5x32xf32>, %residual: tensor<5x24xf32>, %bias: tensor<24xf32>) -> tensor<5x24xf32> {{
{LAYER}  return %y : tensor<5x24xf32>
}}"""
STRIDED = f"""
func.func @f(%xs: tensor<9x64xf32>, %rs: tensor<5x24x3xf32>, %bs: tensor<24x2xf32>,
             %out: tensor<5x24x2xf32> {{bufferization.writable = true}}) -> tensor<5x24x2xf32> {{
  %x = tensor.extract_slice %xs[0, 1] [5, 32] [2, 2] : tensor<9x64xf32> to tensor<5x32xf32>
  %residual = tensor.extract_slice %rs[0, 0, 1] [5, 24, 1] [1, 1, 1] : tensor<5x24x3xf32> to tensor<5x24xf32>
  %bias = tensor.extract_slice %bs[0, 1] [24, 1] [1, 1] : tensor<24x2xf32> to tensor<24xf32>
{LAYER}  %r = tensor.insert_slice %y into %out[0, 0, 1] [5, 24, 1] [1, 1, 1] : tensor<5x24xf32> into tensor<5x24x2xf32>
  return %r : tensor<5x24x2xf32>
}}"""


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def run(text, weight, arguments):
    blob = f'{{-#\n dialect_resources: {{ builtin: {{ a.weight: "0x04000000{weight.tobytes().hex()}" }} }}\n#-}}'
    with Session() as session:
        module = session.parse_text(text + blob)
        module.run("fptq-quantize-pipeline{policy=per-token group-size=16}")
        assert module.text().count("= fptq.quantized_matmul") == 1
        return np.array(module.compile(threads=1).call("f", arguments)[0])


def test_the_bits_are_those_of_whole_tensors(rng):
    weight, xs, rs, bs, out = (rng.standard_normal(s, np.float32)
                               for s in ((24, 32), (9, 64), (5, 24, 3), (24, 2), (5, 24, 2)))
    plain = run(PLAIN, weight, [np.ascontiguousarray(a) for a in (xs[::2, 1::2], rs[:, :, 1], bs[:, 1])])
    strided = run(STRIDED, weight, [xs, rs, bs, out.copy()])
    np.testing.assert_array_equal(strided[:, :, 1], plain)
    np.testing.assert_array_equal(strided[:, :, 0], out[:, :, 0])
