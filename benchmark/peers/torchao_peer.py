"""PyTorch with torchao: int8 activations quantized dynamically, int4 weights in groups (its kernels for CPUs)."""

import functools

import torch
import torchao
from torchao.quantization import Int8DynamicActivationInt4WeightConfig, quantize_


@functools.lru_cache(1)
def layers(n, k, group, copies):
    try:  # the layout with kernels of its own, where this version still has it
        from torchao.dtypes import Int8DynamicActInt4WeightCPULayout

        config = Int8DynamicActivationInt4WeightConfig(group_size=group, layout=Int8DynamicActInt4WeightCPULayout())
    except ImportError:
        config = Int8DynamicActivationInt4WeightConfig(group_size=group)
    model = torch.nn.Sequential(*(torch.nn.Linear(k, n, bias=False) for _ in range(copies)))
    quantize_(model, config)
    return list(model)


@torch.inference_mode()
def prepare(m, n, k, group, threads, copies):
    torch.set_num_threads(threads)
    modules, x = layers(n, k, group, copies), torch.randn(m, k)

    @torch.inference_mode()
    def call():
        for module in modules:
            module(x)

    return f"torchao {torchao.__version__} g{group}", call
