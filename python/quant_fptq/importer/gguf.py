"""GGUF files of Llama and its siblings, mapped; quantized tensors keep their codes.

Format: github.com/ggml-org/ggml, docs/gguf.md. Q4_0, Q4_1 and Q4_K are 4-bit codes, Q8_0 and Q6_K 8-bit
codes, each with the file's own scales; F32, F16 and BF16 stay what they are. The rows of q and k of a llama
(and a Mistral, which is called so, too) are in llama.cpp's order, which is that of interleaved rotary pairs.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer import ggml
from quant_fptq.importer.checkpoint import (EMBEDDING, FINAL_NORM, HEAD, LINEARS, Checkpoint, LlamaConfig, Tensor,
                                            positions_within, tokens_of)
from quant_fptq.importer.stored import LazyArray

MAGIC = b"GGUF"
#: Types of metadata values: number to struct format; 8 is a string, 9 an array.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

#: llama.cpp's names of a layer's tensors, and Hugging Face's.
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
#: Values of `general.architecture`, which begin the names of a file's keys.
ARCHITECTURES = ("llama", "qwen2", "qwen3")
_GLOBAL = {"token_embd.weight": EMBEDDING, "output_norm.weight": FINAL_NORM, "output.weight": HEAD}


def is_gguf(path: Path) -> bool:
    """Whether `path` is a file that starts as one."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@dataclass(frozen=True)
class Entry:
    """One tensor: shape in numpy's order, type number, offset from the start of the data."""

    shape: tuple[int, ...]
    type: int
    offset: int


class File:
    """The header of a GGUF file: `metadata` and `tensors`. Raises FptqError naming file and key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open(path, "rb") as file:
            size = path.stat().st_size
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        self._at, self._where = 0, "the header"
        if self._take(4) != MAGIC:
            raise self._error("does not start with GGUF")
        version = self._scalar("I")
        if version not in (2, 3):
            raise self._error(f"GGUF version {version}, expected 2 or 3" +
                              (" (a big-endian file)" if version > 0xFFFF else ""))
        tensors, keys = self._scalar("Q"), self._scalar("Q")
        self.metadata: dict[str, object] = {}
        for _ in range(self._bounded(keys, 13)):
            key = self._string()
            self._where = f"key '{key}'"
            self.metadata[key] = self._value(self._scalar("I"))
        self.tensors = dict(self._entry() for _ in range(self._bounded(tensors, 24)))
        alignment = self.metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
            raise self._error(f"key 'general.alignment' is {alignment!r}, expected a power of two")
        self._base = -(-self._at // alignment) * alignment

    def _error(self, text: str) -> FptqError:
        return FptqError(f"{self.path}: {text}")

    def _take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise self._error(f"the file ends inside {self._where} (byte {len(self._data)})")
        self._at += size
        return self._data[self._at - size : self._at]

    def _bounded(self, count: int, size: int) -> int:
        """`count` things of at least `size` bytes, which have to be there."""
        if count * size > len(self._data) - self._at:
            raise self._error(f"{self._where} claims {count} entries, more than the file has bytes for")
        return count

    def _scalar(self, kind: str) -> Any:
        return struct.unpack("<" + kind, self._take(struct.calcsize("<" + kind)))[0]

    def _string(self) -> str:
        return self._take(self._scalar("Q")).decode("utf-8", "replace")

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            kind, count = self._scalar("I"), self._scalar("Q")
            if kind == _STRING:
                return [self._string() for _ in range(self._bounded(count, 8))]
            if kind in _SCALARS:
                size = struct.calcsize("<" + _SCALARS[kind])
                raw = self._take(self._bounded(count, size) * size)
                return np.frombuffer(raw, np.dtype(_SCALARS[kind]).newbyteorder("<")).tolist()
        elif kind in _SCALARS:
            return self._scalar(_SCALARS[kind])
        raise self._error(f"{self._where} has the unknown value type {kind}")

    def _entry(self) -> tuple[str, Entry]:
        self._where = "the list of tensors"
        name = self._string()
        self._where = f"tensor '{name}'"
        rank = self._scalar("I")
        if not 1 <= rank <= 4:
            raise self._error(f"tensor '{name}' has rank {rank}")
        shape = tuple(self._scalar("Q") for _ in range(rank))[::-1]
        return name, Entry(shape, self._scalar("I"), self._scalar("Q"))

    def bytes(self, name: str) -> np.ndarray:
        """The bytes of a tensor, not copied: [rows, bytes a row]."""
        entry = self.tensors[name]
        kind = ggml.TYPES.get(entry.type)
        if kind is None:
            raise self._error(f"tensor '{name}' has type {ggml.NAMES.get(entry.type, entry.type)}, expected one of "
                              f"{', '.join(k.name for k in ggml.TYPES.values())}")
        columns, rows = entry.shape[-1], int(np.prod(entry.shape[:-1], dtype=object))
        if columns % kind.block:
            raise self._error(f"tensor '{name}' has {columns} columns, no multiple of {kind.name}'s block of {kind.block}")
        size = columns // kind.block * kind.bytes
        start = self._base + entry.offset
        if rows * size > len(self._data) - start:
            raise self._error(f"tensor '{name}' {kind.name} {list(entry.shape)} needs {rows * size} bytes at {start} of "
                              f"a file of {len(self._data)}")
        return np.frombuffer(self._data, np.uint8, rows * size, start).reshape(rows, size)

    def number(self, key: str, default: float | None = None, kind: type = int) -> Any:
        """A metadata value that has to be a number. Raises FptqError naming the key."""
        value = self.metadata.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else int):
            raise self._error(f"key '{key}' is {value!r}, expected a number")
        return kind(value)


def _rope(file: File, architecture: str) -> dict | None:
    """As llama.cpp reads it: linear where no type is named, a factor of 0 is none, and a table's own factors are
    multiplied by it."""
    key = f"{architecture}.rope.scaling."
    kind = file.metadata.get(key + "type", "linear")
    if kind not in ("none", "linear"):
        raise FptqError(f"{file.path}: key '{key}type' is {kind!r}, expected none or linear")
    older = file.number(f"{architecture}.rope.scale_linear", 1.0, float)
    factor = (file.number(key + "factor", older, float) if kind == "linear" else 1.0) or 1.0
    if "rope_freqs.weight" in file.tensors:
        if file.tensors["rope_freqs.weight"].type != 0:
            raise FptqError(f"{file.path}: tensor 'rope_freqs.weight' is no F32")
        factors = file.bytes("rope_freqs.weight").reshape(-1).view("<f4")
        return {"rope_type": "factors", "factors": [float(x) * factor for x in factors]}
    return {"rope_type": "linear", "factor": factor} if factor != 1 else None


def _refuse_other_attention(file: File, key: str, head_dim: int) -> None:
    """Keys that make attention another function, unless they have the value that changes nothing."""
    if not file.metadata.get(key + "attention.causal", True):
        raise FptqError(f"{file.path}: key '{key}attention.causal' is false: attention to later tokens is not read")
    for name, neutral in (("attention.scale", head_dim ** -0.5), ("rope.scaling.attn_factor", 1.0)):
        value = file.number(key + name, neutral, float)
        if value and abs(value - neutral) > 1e-6 * neutral:  # 0 is llama.cpp's own default
            raise FptqError(f"{file.path}: key '{key}{name}' is {value:g}, expected {neutral:g}")


def _theta(file: File, architecture: str) -> float:
    key = f"{architecture}.rope.freq_base"
    theta = file.number(key, 10000.0, float)
    if not theta > 0:
        raise FptqError(f"{file.path}: key '{key}' is {theta!r}, expected a positive number")
    return theta


def _token(file: File, name: str, default: int | None) -> int | None:
    key = f"tokenizer.ggml.{name}_token_id"
    return file.number(key) if key in file.metadata else default


def _bias_of(linear: str) -> str:
    """The first layer's bias of one of LINEARS."""
    return next(f"blk.0.{name}.bias" for name, ours in _LAYER.items() if ours == linear)


def _config(file: File, context: int | None) -> LlamaConfig:
    architecture = file.metadata.get("general.architecture")
    if architecture not in ARCHITECTURES:
        raise FptqError(f"{file.path}: key 'general.architecture' is {architecture!r}, expected "
                        f"{', '.join(ARCHITECTURES)}")
    if file.metadata.get("split.count", 1) not in (0, 1):
        raise FptqError(f"{file.path}: key 'split.count' is {file.metadata['split.count']}: merge the parts first "
                        "(llama-gguf-split --merge)")
    key = f"{architecture}."
    if file.metadata.get(key + "expert_count", 0):
        raise FptqError(f"{file.path}: key '{key}expert_count' is set; mixtures of experts are not supported")
    if "token_embd.weight" not in file.tensors:
        raise FptqError(f"{file.path}: no tensor 'token_embd.weight'")
    window = key + "attention.sliding_window"
    hidden, heads = file.number(key + "embedding_length"), file.number(key + "attention.head_count")
    config = LlamaConfig(
        hidden_size=hidden,
        intermediate_size=file.number(key + "feed_forward_length"),
        num_layers=file.number(key + "block_count"),
        num_heads=heads,
        num_kv_heads=file.number(key + "attention.head_count_kv", heads),
        vocab_size=file.tensors["token_embd.weight"].shape[0],
        context=positions_within(str(file.path), window, file.metadata.get(window) or None,
                                 file.number(key + "context_length"), context),
        head_dim=file.number(key + "attention.key_length", file.number(key + "rope.dimension_count",
                                                                       hidden // max(heads, 1))),
        rms_norm_eps=file.number(key + "attention.layer_norm_rms_epsilon", kind=float),
        rope_theta=_theta(file, architecture),
        rope_scaling=_rope(file, architecture),
        interleaved=architecture == "llama",
        tied="output.weight" not in file.tensors,
        biases=tuple(linear for linear in LINEARS if _bias_of(linear) in file.tensors),
        qk_norm="blk.0.attn_q_norm.weight" in file.tensors,
        bos=_token(file, "bos", 1 if architecture == "llama" else None),
        eos=tokens_of([token for token in (_token(file, "eos", 2 if architecture == "llama" else None),
                                           _token(file, "eot", None)) if token is not None]),
    )
    config.check(str(file.path))
    for name in (key + "rope.dimension_count", key + "attention.value_length"):
        if file.number(name, config.head_dim) != config.head_dim:
            raise FptqError(f"{file.path}: key '{name}' is {file.metadata[name]}, expected the head size "
                            f"{config.head_dim}: other sizes are not supported")
    _refuse_other_attention(file, key, config.head_dim)
    factors = (config.rope_scaling or {}).get("factors")
    if factors is not None and len(factors) != config.head_dim // 2:
        raise FptqError(f"{file.path}: tensor 'rope_freqs.weight' has {len(factors)} elements, expected "
                        f"{config.head_dim // 2}")
    return config


def _name(name: str) -> str | None:
    """Hugging Face's name of a tensor, or None for one that none of these models has."""
    if name in _GLOBAL:
        return _GLOBAL[name]
    parts = name.split(".")
    if len(parts) == 4 and parts[0] == "blk" and parts[2] in _LAYER and parts[3] in ("weight", "bias"):
        return f"model.layers.{parts[1]}.{_LAYER[parts[2]]}.{parts[3]}"
    return None


def _tensor(file: File, name: str, linear: bool) -> Tensor:
    entry, data = file.tensors[name], file.bytes(name)
    kind = ggml.TYPES[entry.type]
    if kind.dtype is not None:
        return Tensor(data.reshape(-1).view(kind.dtype).reshape(entry.shape))
    stored = ggml.stored(kind, data)
    # Only linears keep codes: the embedding is read a row at a time.
    return Tensor(stored if linear else LazyArray(stored.shape, np.float32, stored.dequantize))


def load(path: Path, context: int | None = None) -> Checkpoint:
    """Maps `path`. Raises FptqError naming the file and the key or tensor that cannot be used."""
    file = File(path)
    checkpoint = Checkpoint(path, _config(file, context))
    wanted = dict(checkpoint.config.shapes())
    for name in file.tensors:
        known = _name(name)
        if known in wanted:
            checkpoint.tensors[known] = _tensor(file, name, len(wanted[known]) == 2 and known != EMBEDDING)
        elif name.startswith("blk.") and not name.endswith("attn_rot_embd.weight"):  # a table of older writers
            raise FptqError(f"{path}: tensor '{name}': a {file.metadata['general.architecture']} of "
                            f"{checkpoint.config.num_layers} layers has none")
        elif name.endswith(".bias"):
            raise FptqError(f"{path}: tensor '{name}': only layers of a decoder have a bias")
    checkpoint.check()
    return checkpoint
