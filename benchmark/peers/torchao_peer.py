"""PyTorch with torchao: int8 activations quantized dynamically, int4 weights in groups.

On x86 torchao 0.18 has no kernel for that: its layers dequantize weights and multiply floats."""

import functools
import os

import torch
import torchao
from torchao.quantization import Int8DynamicActivationIntxWeightConfig, PerGroup, quantize_


@functools.lru_cache(1)
def layer(n, k, group):
    model = torch.nn.Sequential(torch.nn.Linear(k, n, bias=False))
    quantize_(
        model,
        Int8DynamicActivationIntxWeightConfig(weight_dtype=torch.int4, weight_granularity=PerGroup(group)),
    )
    return model


def prepare(m, n, k, group, threads, copies):
    if copies > 1:
        raise ValueError("a gigabyte of weights would take minutes a pass")
    held, runs = os.environ.get("ATEN_CPU_CAPABILITY"), torch.backends.cpu.get_cpu_capability()
    if held and runs.lower() != held:
        raise ValueError(f"ATEN_CPU_CAPABILITY={held} does not act: PyTorch runs {runs}")
    torch.set_num_threads(threads)
    module, x = layer(n, k, group), torch.randn(m, k)
    return f"torchao {torchao.__version__} g{group}", torch.inference_mode()(lambda: module(x))
