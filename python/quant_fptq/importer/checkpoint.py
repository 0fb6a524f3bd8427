"""What a checkpoint of a Llama or one of its siblings is to the rest of the package, whatever file it came in."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer.stored import Array, LazyArray, StoredWeight

#: The linear layers of one decoder layer, in the order in which they run.
LINEARS = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)

EMBEDDING = "model.embed_tokens.weight"
HEAD = "lm_head.weight"
FINAL_NORM = "model.norm.weight"


#: Positions of the KV cache where neither the user nor the model asks for fewer.
DEFAULT_CONTEXT = 2048

_ROPE_KEYS = {"linear": ("factor",), "factors": (), "llama3": ("factor", "low_freq_factor", "high_freq_factor",
                                                               "original_max_position_embeddings")}


def is_number(value: object) -> bool:
    """A finite int or float."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def positions_within(where: str, key: str, window: Any, positions: int, context: int | None) -> int:
    """Positions of the KV cache, `positions` or `context` at most. Attention is over all of them: a window (at `key`;
    None is no window) has to hold them. Raises FptqError where it does not."""
    if window is not None and (not isinstance(window, int) or isinstance(window, bool) or window <= 0):
        raise FptqError(f"{where}: key '{key}' is {window!r}, expected a positive number")
    if window is not None and context is not None and min(context, positions) > window:
        raise FptqError(f"{where}: key '{key}' is {window}, a context of {context} positions needs it to be no smaller")
    return min(positions, context or DEFAULT_CONTEXT, window or positions)


def _check_rope(where: str, scaling: object, head_dim: int) -> None:
    if scaling is None:
        return
    kind = scaling.get("rope_type") if isinstance(scaling, dict) else scaling
    if not isinstance(scaling, dict) or not isinstance(kind, str) or kind not in _ROPE_KEYS:
        raise FptqError(f"{where}: rope_scaling type {kind!r}, expected {', '.join(_ROPE_KEYS)}")
    for key in _ROPE_KEYS[kind]:
        if not is_number(scaling.get(key)) or scaling[key] <= 0:
            raise FptqError(f"{where}: rope_scaling: key '{key}' is {scaling.get(key)!r}, expected a positive number")
    if kind == "llama3" and scaling["high_freq_factor"] <= scaling["low_freq_factor"]:
        raise FptqError(f"{where}: rope_scaling: key 'high_freq_factor' is not above 'low_freq_factor'")
    factors = scaling.get("factors") if kind == "factors" else []
    if not isinstance(factors, list) or kind == "factors" and len(factors) != head_dim // 2:
        raise FptqError(f"{where}: rope_scaling: key 'factors' is no list of {head_dim // 2} numbers")
    if not all(is_number(factor) and factor > 0 for factor in factors):
        raise FptqError(f"{where}: rope_scaling: key 'factors' has a value that is no positive number")


def tokens_of(value: Any) -> tuple[Any, ...]:
    """A token, a list of them, or None, as a tuple without repetitions."""
    values = value if isinstance(value, (list, tuple)) else () if value is None else (value,)
    return tuple(token for i, token in enumerate(values) if token not in values[:i])


def layer_of(name: str) -> str:
    """The layer that a weight is of: what the names of its codes start with."""
    return name.removesuffix(".weight")


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes of a Llama, and where its siblings (Mistral, Qwen2, Qwen3) differ from it."""

    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    vocab_size: int
    context: int  #: positions of the KV cache
    head_dim: int
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    rope_scaling: dict | None = None
    interleaved: bool = False  #: pairs (2i, 2i+1) as in llama2.c, not (i, i + head_dim / 2)
    tied: bool = True  #: the head is the embedding
    biases: tuple[str, ...] = ()  #: which of LINEARS add one
    qk_norm: bool = False  #: heads of q and k pass an RMSNorm before they are rotated
    bos: int | None = 1
    eos: tuple[int, ...] = (2,)  #: any of them ends a text

    @property
    def family(self) -> str:
        """A `model_type` of Hugging Face that computes the same; a Mistral is a Llama."""
        return "qwen3" if self.qk_norm else "qwen2" if tuple(self.biases) == LINEARS[:3] else "llama"

    @property
    def q_size(self) -> int:
        return self.num_heads * self.head_dim

    @property
    def kv_size(self) -> int:
        return self.num_kv_heads * self.head_dim

    def shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Name and shape of every weight, in the order of use."""
        d, f, q, kv = self.hidden_size, self.intermediate_size, self.q_size, self.kv_size
        outputs, inputs = (q, kv, kv, d, f, f, d), (d, d, d, q, d, d, f)
        yield EMBEDDING, (self.vocab_size, d)
        for i in range(self.num_layers):
            p = f"model.layers.{i}."
            yield p + "input_layernorm.weight", (d,)
            for linear, n, k in zip(LINEARS, outputs, inputs):
                if linear == "mlp.gate_proj":
                    yield p + "post_attention_layernorm.weight", (d,)
                yield f"{p}{linear}.weight", (n, k)
                if linear in self.biases:
                    yield f"{p}{linear}.bias", (n,)
                if self.qk_norm and linear in ("self_attn.q_proj", "self_attn.k_proj"):
                    yield f"{p}{linear.removesuffix('proj')}norm.weight", (self.head_dim,)
        yield FINAL_NORM, (d,)
        if not self.tied:
            yield HEAD, (self.vocab_size, d)

    def check(self, where: str) -> None:
        """Raises FptqError naming the key for values of a wrong kind, and where the sizes do not fit each other."""
        for key in ("hidden_size", "intermediate_size", "num_layers", "num_heads", "num_kv_heads", "vocab_size",
                    "context", "head_dim"):
            value = getattr(self, key)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 31:
                raise FptqError(f"{where}: {key} is {value!r}, expected a positive number")
        for key in ("rms_norm_eps", "rope_theta"):
            if not is_number(getattr(self, key)) or getattr(self, key) < 0:
                raise FptqError(f"{where}: {key} is {getattr(self, key)!r}, expected a number >= 0")
        for key, token in (("bos", self.bos), *(("eos", token) for token in self.eos)):
            if token is not None and (not isinstance(token, int) or isinstance(token, bool)):
                raise FptqError(f"{where}: {key} is {token!r}, expected a token's number")
        if not isinstance(self.biases, (tuple, list)) or not set(self.biases) <= set(LINEARS):
            raise FptqError(f"{where}: biases is {self.biases!r}, expected some of {', '.join(LINEARS)}")
        _check_rope(where, self.rope_scaling, self.head_dim)
        if self.num_heads % self.num_kv_heads:
            raise FptqError(f"{where}: {self.num_heads} heads cannot share {self.num_kv_heads} key-value heads")
        if self.head_dim % 2:
            raise FptqError(f"{where}: head_dim {self.head_dim} is odd; rotary embeddings need pairs")


@dataclass(frozen=True)
class Tensor:
    """A weight as it lies in its (mapped) file; `array` is read-only and not copied."""

    array: np.ndarray | LazyArray | StoredWeight
    path: Path | None = None  #: safetensors file that has it under its own name, or None

    @property
    def stored(self) -> StoredWeight | None:
        """The codes, for a weight that came as codes."""
        return self.array if isinstance(self.array, StoredWeight) else None


@dataclass
class Checkpoint:
    """A model: sizes, and weights under Hugging Face's names."""

    source: Path
    config: LlamaConfig
    tensors: dict[str, Tensor] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  #: what the user should know of this import
    #: Static activation scales that the model came with, by layer: x is round(x / scale) in -127..127.
    input_scales: dict[str, float] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)  #: what it is mapped from, beside `source`

    def refuse_as_output(self, path: Path) -> None:
        """Raises FptqError where `path` is a file that this model is read from."""
        for file in (self.source, *self.files):
            if path.exists() and file.exists() and path.samefile(file):
                raise FptqError(f"{path}: the model's own weights are in it; name another output")

    def __getitem__(self, name: str) -> np.ndarray:
        """The weight's numbers; codes are dequantized."""
        return np.asarray(self.tensors[name].array)

    @property
    def is_stored(self) -> bool:
        """Some weight came as codes."""
        return any(tensor.stored for tensor in self.tensors.values())

    def linears(self) -> Iterator[str]:
        """Names of the weights of linear layers; a tied head is none."""
        for name, shape in self.config.shapes():
            if len(shape) == 2 and name != EMBEDDING:
                yield name

    def float32(self, name: str) -> np.ndarray:
        """The weight as float32, copied unless it is that already."""
        return np.asarray(self[name], dtype=np.float32)

    def parameters(self) -> Iterator[tuple[str, Array]]:
        """Every array of the model under the name that its MLIR gives it, in the order of use."""
        for name, _ in self.config.shapes():
            array = self.tensors[name].array
            if not isinstance(array, StoredWeight):
                yield name, array
                continue
            for suffix, part in array.parts():
                yield f"{layer_of(name)}.{suffix}", part
            if array.order is not None:
                yield f"{layer_of(name)}.order", array.order

    def check(self) -> None:
        """Raises FptqError for a weight that is missing or has the wrong shape."""
        for name, shape in self.config.shapes():
            if name not in self.tensors:
                raise FptqError(f"{self.source}: no tensor '{name}'")
            got = self.tensors[name].array.shape
            if got != shape:
                raise FptqError(f"{self.source}: tensor '{name}' has shape {list(got)}, expected {list(shape)}")

    def hash(self) -> str:
        """Tells models apart: sizes, names, and a sample of every weight (not every byte of 100 GB)."""
        digest = hashlib.sha256(repr(self.config).encode())
        digest.update(repr(sorted(self.input_scales.items())).encode() if self.input_scales else b"")
        for name, tensor in sorted(self.tensors.items()):
            digest.update(f"{name}{tensor.array.dtype}{tensor.array.shape}".encode())
            for array in [part for _, part in tensor.stored.parts()] if tensor.stored else [tensor.array]:
                flat = np.asarray(array).reshape(-1)
                digest.update(flat[:: max(1, flat.size // 256)].tobytes())
        return digest.hexdigest()[:32]
