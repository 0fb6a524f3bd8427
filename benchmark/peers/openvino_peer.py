"""OpenVINO: u4 weights with f16 scales, decompressed by the CPU plugin, activations quantized dynamically to int8.

The plugin falls back to floats without a word where a processor lacks VNNI; it reports the same primitive anyway. Held
to AVX2 by its oneDNN's variable it does not: it still believes what CPUID says of VNNI, finds no primitive and returns
no rows. So it is then asked for floats, which is what it runs on a processor that has no more than AVX2."""

import functools
import os

import numpy as np
import openvino as ov
from openvino import opset13 as op

HELD = os.environ.get("ONEDNN_MAX_CPU_ISA", "")


@functools.lru_cache(1)
def compiled(n, k, group, threads, copies):
    random = np.random.default_rng(1)
    x = op.parameter([-1, k], np.float32)
    results, shared = [], [np.full(1, 0x8, np.uint8)]  # tensors of 4 bits share their memory with arrays
    eight = ov.Tensor(shared[0], [1], ov.Type.u4)
    for _ in range(copies):
        shared.append(random.integers(0, 256, n * k // 2, dtype=np.uint8))
        codes = ov.Tensor(shared[-1], [n, k // group, group], ov.Type.u4)
        weight = op.convert(op.constant(codes), np.float16)
        weight = op.subtract(weight, op.convert(op.constant(eight), np.float16))
        weight = op.multiply(weight, op.constant(np.full((n, k // group, 1), 0.01, np.float16)))
        weight = op.convert(op.reshape(weight, op.constant([n, k]), False), np.float32)
        results.append(op.matmul(x, weight, False, True))
    config = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0 if HELD == "AVX2" else group,
    }
    model = ov.Core().compile_model(ov.Model(results, [x]), "CPU", config)
    return model.create_infer_request(), shared


def primitives(request):
    """What runs, as in brgemm_avx2_f32."""
    nodes = request.get_compiled_model().get_runtime_model().get_ops()
    return {str(node.get_rt_info()["primitiveType"].value) for node in nodes}


def prepare(m, n, k, group, threads, copies):
    request, _ = compiled(n, k, group, threads, copies)
    request.set_input_tensor(ov.Tensor(np.random.default_rng(2).standard_normal((m, k), dtype=np.float32)))
    request.infer(share_outputs=True)
    if list(request.get_output_tensor(0).shape) != [m, n]:
        raise RuntimeError(f"OpenVINO returns no rows with ONEDNN_MAX_CPU_ISA={HELD}")
    if HELD.startswith("AVX2") and any("avx512" in name for name in primitives(request)):
        raise RuntimeError(f"OpenVINO is not held by ONEDNN_MAX_CPU_ISA={HELD}")
    kind = "f32 " if HELD == "AVX2" else ""
    label = f"openvino {ov.__version__.split('-')[0]} {kind}g{group}"
    return label, functools.partial(request.infer, share_outputs=True)
