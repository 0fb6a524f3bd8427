"""OUT.safetensors of `quant-fptq import`: any checkpoint in one file that this package reads back as it was.

Tensors under Hugging Face's names; a weight that came as codes is `<layer>.codes`, `.scales`, `.zeros` and
`.offsets`, as `fptq.dequantize` wants them, so that the compiler maps this very file. The rest is JSON in the
file's own metadata: `format` "quant-fptq", `version` "1", `config`, `weights`: {name: {bits, group_size}}, and
`input_scales`: {layer: static activation scale} where there are any.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer import safetensors
from quant_fptq.importer.checkpoint import Checkpoint, LlamaConfig, Tensor, layer_of, tokens_of
from quant_fptq.importer.rotary import is_number
from quant_fptq.importer.stored import StoredWeight
from quant_fptq.json_input import parse_object

FORMAT, VERSION = "quant-fptq", "1"
_DTYPES = {"codes": ("uint8", "int8"), "scales": ("float32", "float16"), "zeros": ("uint8",),
           "offsets": ("float32", "float16"), "order": ("int32",)}


def is_native(path: Path) -> bool:
    """True for a safetensors file that `save` wrote."""
    return safetensors.metadata(path).get("format") == FORMAT


def save(checkpoint: Checkpoint, path: str | Path) -> None:
    """Writes beside `path`, then renames; one tensor at a time is in memory. Raises FptqError where it would replace a
    profile's vectors."""
    safetensors.refuse_profile(path)
    stored = {name: checkpoint.tensors[name].stored for name, _ in checkpoint.config.shapes()}
    weights = {name: {"bits": w.bits, "group_size": w.group_size} for name, w in stored.items() if w}
    metadata = {"format": FORMAT, "version": VERSION, "config": json.dumps(asdict(checkpoint.config)),
                "weights": json.dumps(weights)}
    if checkpoint.input_scales:
        metadata["input_scales"] = json.dumps(checkpoint.input_scales)
    safetensors.write(path, checkpoint.parameters(), metadata)


def _json(path: Path, metadata: dict, key: str) -> dict:
    if key not in metadata:
        raise FptqError(f"{path}: metadata key '{key}' is missing")
    return parse_object(metadata[key], f"{path}: metadata key '{key}'")


def _config(path: Path, metadata: dict, context: int | None) -> LlamaConfig:
    raw = _json(path, metadata, "config")
    known = {field.name for field in fields(LlamaConfig)}
    for key in raw:
        if key not in known:
            raise FptqError(f"{path}: metadata key 'config' has the unknown key '{key}'")
    try:
        config = LlamaConfig(**{**raw, "context": min(raw["context"], context or raw["context"]),
                                **{key: tuple(value) for key, value in raw.items() if isinstance(value, list)},
                                "eos": tokens_of(raw.get("eos"))})  # older files have one, or null
        config.check(str(path))
    except (TypeError, KeyError) as error:
        raise FptqError(f"{path}: metadata key 'config': {error}") from None
    return config


def _part(path: Path, tensors: dict, name: str, suffix: str, shape: tuple[int, ...] | None = None
          ) -> np.ndarray | None:
    array = tensors.get(f"{layer_of(name)}.{suffix}")
    if array is None:
        return None
    if array.dtype.name not in _DTYPES[suffix] or (shape is not None and array.shape != shape):
        raise FptqError(f"{path}: tensor '{layer_of(name)}.{suffix}' is {array.dtype} {list(array.shape)}, expected "
                        f"{' or '.join(_DTYPES[suffix])}{'' if shape is None else f' {list(shape)}'}")
    return array


def _stored(path: Path, tensors: dict, name: str, shape: tuple[int, int], entry: object) -> StoredWeight:
    n, k = shape
    bits, group = (entry.get("bits"), entry.get("group_size")) if isinstance(entry, dict) else (None, None)
    if bits not in (4, 8) or not isinstance(group, int) or group <= 0 or k % group:
        raise FptqError(f"{path}: metadata key 'weights' gives '{name}' {bits} bits in groups of {group}, expected 4 "
                        f"or 8 bits and a divisor of {k}")
    groups = (n, k // group)
    shapes = {"codes": (n, (k + 1) // 2 if bits == 4 else k), "scales": groups, "zeros": groups, "offsets": groups,
              "order": (k,)}
    parts: dict[str, Any] = {suffix: _part(path, tensors, name, suffix, wanted) for suffix, wanted in shapes.items()}
    for suffix in ("codes", "scales"):
        if parts[suffix] is None:
            raise FptqError(f"{path}: no tensor '{layer_of(name)}.{suffix}'")
    order = parts["order"]
    if order is not None and not np.array_equal(np.sort(order), np.arange(k)):
        raise FptqError(f"{path}: tensor '{layer_of(name)}.order' is no permutation of {k} channels")
    return StoredWeight(shape, bits, group, **parts)


def load(path: Path, context: int | None = None) -> Checkpoint:
    """Maps `path`. Raises FptqError naming the file, and the key or tensor that is wrong."""
    metadata, tensors = safetensors.metadata(path), safetensors.open_mapped(path)
    if metadata.get("format") != FORMAT:
        raise FptqError(f"{path}: not written by quant-fptq (metadata key 'format' is {metadata.get('format')!r})")
    if metadata.get("version") != VERSION:
        raise FptqError(f"{path}: version {metadata.get('version')!r} of this format, this package reads {VERSION}")
    checkpoint = Checkpoint(path, _config(path, metadata, context))
    weights = _json(path, metadata, "weights")
    here = path.resolve()
    for name, shape in checkpoint.config.shapes():
        if name in weights:
            if len(shape) != 2:
                raise FptqError(f"{path}: metadata key 'weights' names '{name}', which is no matrix")
            n, k = shape
            checkpoint.tensors[name] = Tensor(_stored(path, tensors, name, (n, k), weights[name]), here)
        elif name in tensors:
            if tensors[name].dtype.name not in ("float32", "float16", "bfloat16"):
                raise FptqError(f"{path}: tensor '{name}' is {tensors[name].dtype}, expected f32, f16 or bf16")
            checkpoint.tensors[name] = Tensor(tensors[name], here)
    checkpoint.check()
    if "input_scales" in metadata:
        for layer, scale in _json(path, metadata, "input_scales").items():
            if f"{layer}.weight" not in checkpoint.tensors or not is_number(scale) or scale <= 0:
                raise FptqError(f"{path}: metadata key 'input_scales': '{layer}' is {scale!r}, expected a layer and a "
                                "positive number")
            checkpoint.input_scales[layer] = float(scale)
    return checkpoint
