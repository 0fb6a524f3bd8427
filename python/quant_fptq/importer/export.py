"""Checkpoints as compressed-tensors folders: what vLLM and transformers load as W4A8 or W4A16.

`weight_packed` holds eight codes an int32 word along K, `weight_scale` one scale a group; asymmetric layers have
`weight_zero_point`, packed along N. Codes and scales are written as they are.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Iterator

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer import safetensors
from quant_fptq.importer.checkpoint import EMBEDDING, HEAD, Checkpoint, LlamaConfig, layer_of
from quant_fptq.importer.families import FAMILIES
from quant_fptq.importer.huggingface_config import written_config
from quant_fptq.importer.stored import Array, LazyArray, StoredWeight, unpack_nibbles


def _words(codes: np.ndarray, axis: int) -> np.ndarray:
    """Codes 0..15 as int32, eight a word along `axis`, filled up with zeros."""
    codes = np.moveaxis(codes.astype(np.uint32), axis, -1)
    pad = -codes.shape[-1] % 8
    codes = np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, pad)]).reshape(*codes.shape[:-1], -1, 8)
    words = (codes << (np.arange(8, dtype=np.uint32) * 4)).sum(-1, dtype=np.uint32).view(np.int32)
    return np.ascontiguousarray(np.moveaxis(words, -1, axis))


def _half_rotation(config: LlamaConfig, name: str) -> np.ndarray | None:
    """Rows of q and k from interleaved rotary pairs to Hugging Face's halves; None where nothing moves."""
    if not config.interleaved or not layer_of(name).removesuffix(".bias").endswith(("q_proj", "k_proj")):
        return None
    heads = config.num_heads if "q_proj" in name else config.num_kv_heads
    rows = np.arange(heads * config.head_dim).reshape(heads, config.head_dim // 2, 2)
    return rows.transpose(0, 2, 1).reshape(-1)


def _quantized(name: str, weight: StoredWeight, rows: np.ndarray | None) -> Iterator[tuple[str, Array]]:
    """The tensors of one quantized linear."""
    layer, (n, k) = layer_of(name), weight.shape
    order = slice(None) if rows is None else rows
    if weight.offsets is not None:
        raise FptqError(f"layer '{layer}': its codes have float offsets (as GGUF's Q4_1 and Q4_K), for which "
                        "compressed-tensors has no place")
    # Back to the channels' own order: act-order is told by weight_g_idx alone.
    columns = slice(None) if weight.order is None else np.argsort(weight.order)
    if weight.bits == 4:
        yield f"{layer}.weight_packed", LazyArray(
            (n, -(-k // 8)), np.int32,
            lambda: _words(unpack_nibbles(np.asarray(weight.codes), k)[order][:, columns], 1))
    else:
        yield f"{layer}.weight_packed", LazyArray(
            (n, -(-k // 4)), np.int32,
            lambda: np.pad(np.asarray(weight.codes).view(np.uint8)[order][:, columns] ^ 128,
                           ((0, 0), (0, -k % 4))).view(np.int32))
    yield f"{layer}.weight_scale", np.asarray(weight.scales)[order]
    yield f"{layer}.weight_shape", np.array([n, k], np.int64)
    if weight.zeros is not None:
        yield f"{layer}.weight_zero_point", _words(np.asarray(weight.zeros)[order], 0)
    if weight.order is not None:
        groups = np.empty(k, np.int32)
        groups[weight.order] = np.arange(k, dtype=np.int32) // weight.group_size
        yield f"{layer}.weight_g_idx", groups


def _scheme(weight: StoredWeight) -> dict:
    """compressed-tensors' QuantizationArgs of a weight."""
    channel = weight.group_size == weight.shape[1]
    return {"num_bits": weight.bits, "type": "int", "symmetric": weight.zeros is None,
            "strategy": "channel" if channel else "group", "group_size": None if channel else weight.group_size,
            "dynamic": False, "actorder": "group" if weight.order is not None else None}


def _activations(checkpoint: Checkpoint, layer: str) -> dict:
    """Its QuantizationArgs of a layer's input."""
    static = layer in checkpoint.input_scales
    return {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "tensor" if static else "token",
            "dynamic": not static}


def _settings(checkpoint: Checkpoint) -> dict:
    """`quantization_config`: one group for each way in which layers are quantized."""
    groups: dict[str, dict] = {}
    ignored = []
    for name, shape in checkpoint.config.shapes():
        weight = checkpoint.tensors[name].stored
        if weight is None:
            ignored += [layer_of(name)] if len(shape) == 2 and name != EMBEDDING else []
            continue
        scheme, activations = _scheme(weight), _activations(checkpoint, layer_of(name))
        group = groups.setdefault(json.dumps([scheme, activations]),
                                  {"targets": [], "weights": scheme, "input_activations": activations,
                                   "output_activations": None, "format": "pack-quantized"})
        group["targets"].append(layer_of(name))
    return {"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed",
            "config_groups": {f"group_{i}": group for i, group in enumerate(groups.values())},
            "ignore": ignored + ([layer_of(HEAD)] if checkpoint.config.tied else [])}


def huggingface_config(checkpoint: Checkpoint) -> dict:
    """config.json of the checkpoint's architecture, rotary pairs as halves."""
    try:
        return written_config(replace(checkpoint.config, interleaved=False))
    except FptqError as error:
        raise FptqError(f"{checkpoint.source}: {error}") from None


def _tensors(checkpoint: Checkpoint, offset_norms: bool) -> Iterator[tuple[str, Array]]:
    for name, _ in checkpoint.config.shapes():
        tensor, rows = checkpoint.tensors[name], _half_rotation(checkpoint.config, name)
        if isinstance(tensor.array, StoredWeight):
            yield from _quantized(name, tensor.array, rows)
            if layer_of(name) in checkpoint.input_scales:
                yield f"{layer_of(name)}.input_scale", np.array([checkpoint.input_scales[layer_of(name)]], np.float32)
        elif offset_norms and name.endswith("norm.weight"):
            yield name, checkpoint.float32(name) - np.float32(1)
        elif rows is not None:
            yield name, np.asarray(tensor.array)[rows]
        else:
            yield name, tensor.array


def compressed_tensors(checkpoint: Checkpoint, folder: str | Path) -> None:
    """Writes config.json and model.safetensors, in a folder beside `folder` that is renamed when it is whole.

    Weights that came as codes keep them; others are written as floats and listed under `ignore`. Raises FptqError
    naming the layer that the format cannot hold, or the folder if it exists and is not empty.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FptqError(f"{folder}: exists already; name a new folder")
    config = {**huggingface_config(checkpoint), "quantization_config": _settings(checkpoint)}
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.partial-", dir=folder.parent))
    try:
        offset_norms = FAMILIES[config["model_type"]].offset_norms
        safetensors.write(partial / "model.safetensors", _tensors(checkpoint, offset_norms), {"format": "pt"})
        (partial / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        beside = checkpoint.source if checkpoint.source.is_dir() else checkpoint.source.parent
        for name in ("tokenizer.json", "tokenizer_config.json"):
            if (beside / name).exists():
                shutil.copy(beside / name, partial / name)
        partial.chmod(0o755)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
