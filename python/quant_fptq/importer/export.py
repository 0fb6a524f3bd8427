"""Checkpoints as compressed-tensors folders: what vLLM and transformers load as W4A8 or W4A16.

`weight_packed` holds eight codes an int32 word along K, `weight_scale` one scale a group; asymmetric layers have
`weight_zero_point`, packed along N. Codes and scales are written as they are.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterable, Iterator

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer import safetensors
from quant_fptq.importer.checkpoint import EMBEDDING, HEAD, Checkpoint, LlamaConfig, layer_of
from quant_fptq.importer.families import FAMILIES, Family
from quant_fptq.importer.fused import as_in_file, joined
from quant_fptq.importer.huggingface_config import written_config
from quant_fptq.importer.stored import Array, LazyArray, StoredWeight, unpack_nibbles
from quant_fptq.output import unfinished


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
            lambda: np.ascontiguousarray(np.pad(np.asarray(weight.codes).view(np.uint8)[order][:, columns] ^ 128,
                                                ((0, 0), (0, -k % 4)))).view(np.int32))
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


@dataclass(frozen=True)
class _Written:
    """A tensor as the folder has it."""

    name: str
    array: Array | StoredWeight
    input_scale: float | None


def _array(checkpoint: Checkpoint, name: str, offset_norms: bool) -> Array | StoredWeight:
    array, rows = checkpoint.tensors[name].array, _half_rotation(checkpoint.config, name)
    if offset_norms and name.endswith("norm.weight"):
        return checkpoint.float32(name) - np.float32(1)
    return array if rows is None or isinstance(array, StoredWeight) else np.asarray(array)[rows]


def _written(checkpoint: Checkpoint, family: Family) -> Iterator[_Written]:
    """What `family` has: weights that it keeps as one are put together, gammas less 1 where it has them so."""
    for tensor in as_in_file(checkpoint.config, family.fused):
        arrays = [_array(checkpoint, name, family.offset_norms) for name, _ in tensor.parts]
        scales = {checkpoint.input_scales.get(layer_of(name)) for name, _ in tensor.parts}
        if len(scales) > 1:
            raise FptqError(f"tensor '{tensor.name}' is one in the file, but its parts have the static scales "
                            f"{', '.join(map(str, scales))}")
        yield _Written(tensor.name, arrays[0] if len(arrays) == 1 else joined(tensor.name, arrays), scales.pop())


def _activations(scale: float | None) -> dict:
    """Its QuantizationArgs of a layer's input."""
    return {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "token" if scale is None else "tensor",
            "dynamic": scale is None}


def _settings(written: Iterable[_Written], tied: bool) -> dict:
    """`quantization_config`: one group for each way in which layers are quantized."""
    groups: dict[str, dict] = {}
    ignored = []
    for tensor in written:
        if not isinstance(tensor.array, StoredWeight):
            ignored += [layer_of(tensor.name)] if len(tensor.array.shape) == 2 and tensor.name != EMBEDDING else []
            continue
        scheme, activations = _scheme(tensor.array), _activations(tensor.input_scale)
        group = groups.setdefault(json.dumps([scheme, activations]),
                                  {"targets": [], "weights": scheme, "input_activations": activations,
                                   "output_activations": None, "format": "pack-quantized"})
        group["targets"].append(layer_of(tensor.name))
    return {"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed",
            "config_groups": {f"group_{i}": group for i, group in enumerate(groups.values())},
            "ignore": ignored + ([layer_of(HEAD)] if tied else [])}


def huggingface_config(checkpoint: Checkpoint) -> dict:
    """config.json of the checkpoint's architecture, rotary pairs as halves."""
    if checkpoint.config.interleaved and checkpoint.config.rotary_dim is not None:
        raise FptqError(f"{checkpoint.source}: interleaved pairs of a part of each head are not exported")
    try:
        return written_config(replace(checkpoint.config, interleaved=False))
    except FptqError as error:
        raise FptqError(f"{checkpoint.source}: {error}") from None


def _tensors(checkpoint: Checkpoint, written: Iterable[_Written]) -> Iterator[tuple[str, Array]]:
    for tensor in written:
        if not isinstance(tensor.array, StoredWeight):
            yield tensor.name, tensor.array
            continue
        yield from _quantized(tensor.name, tensor.array, _half_rotation(checkpoint.config, tensor.name))
        if tensor.input_scale is not None:
            yield f"{layer_of(tensor.name)}.input_scale", np.array([tensor.input_scale], np.float32)


def compressed_tensors(checkpoint: Checkpoint, folder: str | Path) -> None:
    """Writes config.json and model.safetensors, in a folder beside `folder` that is renamed when it is whole.

    Weights that came as codes keep them; others are written as floats and listed under `ignore`. Raises FptqError
    naming the layer that the format cannot hold, or the folder if it exists and is not empty.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FptqError(f"{folder}: exists already; name a new folder")
    config = huggingface_config(checkpoint)
    written = list(_written(checkpoint, FAMILIES[config["model_type"]]))
    config["quantization_config"] = _settings(written, checkpoint.config.tied)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.partial-", dir=folder.parent))
    with unfinished(partial):
        try:
            safetensors.write(partial / "model.safetensors", _tensors(checkpoint, written), {"format": "pt"})
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
