"""Quantized Hugging Face folders, written by loops that follow each format's description word for word.

compressed-tensors (pack-quantized), AutoGPTQ and AutoAWQ; what the packages themselves write is test_with_torch.py's.
"""

import json
from dataclasses import dataclass, field

import numpy as np
from conftest import TINY

from quant_fptq.importer import safetensors
from quant_fptq.importer.families import FAMILIES
from quant_fptq.importer.fused import as_in_file
from quant_fptq.importer.huggingface_config import read_config

SIZES = {**TINY, "hidden_size": 64, "intermediate_size": 96}
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)  # which column nibble i of a word has


def words(values: np.ndarray, bits: int = 4, order=None) -> np.ndarray:
    """Rows of unsigned values as int32 words, the first in the lowest bits; `order`: which value nibble i has."""
    count = 32 // bits
    rows, columns = values.shape
    out = np.zeros((rows, -(-columns // count)), np.uint32)
    for row in range(rows):
        for word in range(out.shape[1]):
            for i in range(count):
                at = word * count + (order[i] if order else i)
                if at < columns:
                    out[row, word] |= np.uint32(int(values[row, at]) << (bits * i))
    return out.view(np.int32)


@dataclass
class Folder:
    """What was written: settings, tensors, and the floats that each weight stands for."""

    settings: dict
    tensors: dict = field(default_factory=dict)
    expected: dict = field(default_factory=dict)
    config: dict = field(default_factory=lambda: dict(SIZES))

    def write(self, path):
        path.mkdir(parents=True, exist_ok=True)
        settings = {"quantization_config": self.settings} if self.settings else {}
        (path / "config.json").write_text(json.dumps({**self.config, **settings}))
        safetensors.write(path / "model.safetensors", self.tensors)
        return path


def quantized(rng, n, k, group, bits=4):
    """Random codes (unsigned), scales (float32) and zero points of one weight."""
    groups = k // group
    codes = rng.integers(0, 1 << bits, (n, k))
    scales = (rng.uniform(0.5, 1.5, (n, groups)) * k ** -0.5 / (1 << (bits - 1))).astype(np.float32)
    zeros = rng.integers(1, 16, (n, groups))
    return codes, scales, zeros


def dequantized(codes, scales, zeros, group):
    """scale * (code - zero), one element after the other."""
    out = np.empty(codes.shape, np.float32)
    for n in range(codes.shape[0]):
        for k in range(codes.shape[1]):
            g = group[k]
            out[n, k] = np.float32(scales[n, g]) * np.float32(int(codes[n, k]) - int(zeros[n, g]))
    return out


def folder(tmp_path, method, group=32, symmetric=True, bits=4, dtype=np.float32, order=False, scale=None,
           model_type="llama", **settings):
    """A random two-layer model in `method`'s layout: all linears quantized but the head."""
    made = Folder({"quant_method": method, **settings}, config={**SIZES, "model_type": model_type})
    rng = np.random.default_rng(11)
    (tmp_path / "config.json").write_text(json.dumps(made.config))
    for tensor in as_in_file(read_config(tmp_path / "config.json"), FAMILIES[model_type].fused):
        name, shape = tensor.name, tensor.shape
        layer = name.removesuffix(".weight")
        if not name.endswith("_proj.weight"):
            mean, spread = (1, 0.1) if len(shape) == 1 else (0, shape[-1] ** -0.5)
            made.tensors[name] = (rng.standard_normal(shape) * spread + mean).astype(np.float32)
            continue
        n, k = shape
        size = group or k
        codes, scales, zeros = quantized(rng, n, k, size, bits)
        scales = scales.astype(dtype)
        if symmetric:
            zeros[:] = 1 << (bits - 1)
        index = np.arange(k) // size
        if order:  # act-order: groups of channels that lie anywhere
            index = rng.permutation(index)
        made.expected[name] = dequantized(codes, scales.astype(np.float32), zeros, index)
        put = {"compressed-tensors": compressed_tensors, "gptq": gptq, "awq": awq}[method]
        for suffix, array in put(codes, scales, zeros, index if order else None, symmetric, bits, made.settings):
            made.tensors[f"{layer}.{suffix}"] = array
        if scale is not None:
            made.tensors[f"{layer}.input_scale"] = np.array([scale], np.float32)
    return made


def compressed_tensors(codes, scales, zeros, index, symmetric, bits, settings):
    yield "weight_packed", words(codes, bits)
    yield "weight_scale", scales
    yield "weight_shape", np.array(codes.shape, np.int64)
    if not symmetric:
        yield "weight_zero_point", words(zeros.T).T.copy()  # packed along N
    if index is not None:
        yield "weight_g_idx", index.astype(np.int32)


def gptq(codes, scales, zeros, index, symmetric, bits, settings):
    """qweight along K, qzeros along N; the first version stores zero points less one."""
    off = 0 if settings.get("checkpoint_format") == "gptq_v2" else 1
    yield "qweight", words(codes).T.copy()
    yield "qzeros", words(((zeros - off) & 15).T)
    yield "scales", scales.T.copy()
    k = codes.shape[1]
    yield "g_idx", (np.arange(k) // (k // zeros.shape[1]) if index is None else index).astype(np.int32)
    yield "bias", np.zeros(codes.shape[0], scales.dtype)


def awq(codes, scales, zeros, index, symmetric, bits, settings):
    yield "qweight", words(codes.T, order=AWQ_ORDER)
    yield "qzeros", words(zeros.T, order=AWQ_ORDER)
    yield "scales", scales.T.copy()
