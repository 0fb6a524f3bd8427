"""What a checkpoint of a decoder is to the rest of the package, whatever file it came in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Iterable, Iterator

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer.rotary import check_scaling, is_number
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

#: Where a layer's norms are: their names before and after attention, before and after the MLP.
NORMS: dict[str, tuple[str | None, str | None, str | None, str | None]] = {
    "before": ("input_layernorm", None, "post_attention_layernorm", None),
    "around": ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
               "post_feedforward_layernorm"),
    "after": (None, "post_attention_layernorm", None, "post_feedforward_layernorm"),
}
ACTIVATIONS = ("silu", "gelu_tanh")

#: More layers than any model has: a damaged file cannot make us list a billion names.
MOST_LAYERS = 1 << 14

#: Positions of the KV cache where neither the user nor the model asks for fewer.
DEFAULT_CONTEXT = 2048

def positions_within(where: str, key: str, window: Any, positions: int, context: int | None) -> int:
    """Positions of the KV cache, `positions` or `context` at most. Attention is over all of them: a window (at `key`;
    None is no window) has to hold them. Raises FptqError where it does not."""
    if window is not None and (not isinstance(window, int) or isinstance(window, bool) or window <= 0):
        raise FptqError(f"{where}: key '{key}' is {window!r}, expected a positive number")
    if window is not None and context is not None and min(context, positions) > window:
        raise FptqError(f"{where}: key '{key}' is {window}, a context of {context} positions needs it to be no smaller")
    return min(positions, context or DEFAULT_CONTEXT, window or positions)


def check_layers(where: str, layers: int) -> None:
    """Raises FptqError for more than MOST_LAYERS."""
    if layers > MOST_LAYERS:
        raise FptqError(f"{where}: {layers} layers, expected at most {MOST_LAYERS}")


def tokens_of(value: Any) -> tuple[Any, ...]:
    """A token, a list of them, or None, as a tuple without repetitions."""
    values = value if isinstance(value, (list, tuple)) else () if value is None else (value,)
    return tuple(token for i, token in enumerate(values) if token not in values[:i])


def layer_of(name: str) -> str:
    """The layer that a weight is of: what the names of its codes start with."""
    return name.removesuffix(".weight")


def _feature(default: Any) -> Any:
    """A field of LlamaConfig that came later: the hash of models without it is what it was."""
    return field(default=default, repr=False)


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes of a decoder, and its features: where it differs from the first Llama. families.py says who has which."""

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
    interleaved: bool = False  #: pairs (2i, 2i+1) as in llama2.c, not (i, i + rotated / 2)
    tied: bool = True  #: the head is the embedding
    biases: tuple[str, ...] = ()  #: which of LINEARS add one
    qk_norm: bool = False  #: heads of q and k pass an RMSNorm before they are rotated
    bos: int | None = 1
    eos: tuple[int, ...] = (2,)  #: any of them ends a text
    qk_norm_whole: bool = _feature(False)  #: that norm is over all heads together
    norms: str = _feature("before")  #: one of NORMS
    activation: str = _feature("silu")  #: of the gate, one of ACTIVATIONS
    rotary_dim: int | None = _feature(None)  #: the first channels of a head, which are rotated; None: all
    unrotated_layers: tuple[int, ...] = _feature(())  #: whose queries and keys are not rotated
    local_layers: tuple[int, ...] = _feature(())  #: which rotate by `local_rope_theta`, without `rope_scaling`
    local_rope_theta: float = _feature(10000.0)
    embedding_scale: float = _feature(1.0)
    attention_scale: float | None = _feature(None)  #: of the scores; None: head_dim ** -0.5
    attention_softcap: float | None = _feature(None)  #: c: scores are c tanh(score / c)
    residual_scale: float = _feature(1.0)  #: of what attention and MLP add
    logits_divisor: float = _feature(1.0)
    logits_softcap: float | None = _feature(None)

    @property
    def begins_with_bos(self) -> bool:
        """Whether a text does where no tokenizer says anything: Llama's, Phi's and Gemma's do, Qwen's do not."""
        return self.norms == "around" or not self.qk_norm and tuple(self.biases) != LINEARS[:3]

    @property
    def q_size(self) -> int:
        return self.num_heads * self.head_dim

    @property
    def kv_size(self) -> int:
        return self.num_kv_heads * self.head_dim

    @property
    def score_scale(self) -> float:
        """What scores are multiplied by."""
        return self.head_dim ** -0.5 if self.attention_scale is None else self.attention_scale

    @property
    def rotated(self) -> int:
        """Channels of a head that are rotated."""
        return self.head_dim if self.rotary_dim is None else self.rotary_dim

    def features(self) -> dict[str, Any]:
        """Those that this model has, and the first Llama has not."""
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.repr and getattr(self, f.name) != f.default}

    def layer_norms(self, i: int) -> tuple[str | None, ...]:
        """Names of layer `i`'s weights, as in NORMS."""
        return tuple(name and f"model.layers.{i}.{name}.weight" for name in NORMS[self.norms])

    def _attention_shapes(self, prefix: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        d, q, kv = self.hidden_size, self.q_size, self.kv_size
        for linear, n, k in zip(LINEARS[:4], (q, kv, kv, d), (d, d, d, q)):
            yield from self._linear_shapes(prefix, linear, n, k)
            if self.qk_norm and linear in LINEARS[:2]:
                yield f"{prefix}{linear.removesuffix('proj')}norm.weight", (n if self.qk_norm_whole else self.head_dim,)

    def _linear_shapes(self, prefix: str, linear: str, n: int, k: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{prefix}{linear}.weight", (n, k)
        if linear in self.biases:
            yield f"{prefix}{linear}.bias", (n,)

    def shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Name and shape of every weight, in the order of use."""
        d, f = self.hidden_size, self.intermediate_size
        yield EMBEDDING, (self.vocab_size, d)
        for i in range(self.num_layers):
            p, norms = f"model.layers.{i}.", [((name, (d,)),) if name else () for name in self.layer_norms(i)]
            yield from norms[0]
            yield from self._attention_shapes(p)
            yield from norms[1]
            yield from norms[2]
            for linear, n, k in zip(LINEARS[4:], (f, f, d), (d, d, f)):
                yield from self._linear_shapes(p, linear, n, k)
            yield from norms[3]
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
        check_layers(where, self.num_layers)
        for key in ("rms_norm_eps", "rope_theta"):
            if not is_number(getattr(self, key)) or getattr(self, key) < 0:
                raise FptqError(f"{where}: {key} is {getattr(self, key)!r}, expected a number >= 0")
        for key, token in (("bos", self.bos), *(("eos", token) for token in self.eos)):
            if token is not None and (not isinstance(token, int) or isinstance(token, bool)):
                raise FptqError(f"{where}: {key} is {token!r}, expected a token's number")
        if not isinstance(self.biases, (tuple, list)) or not set(self.biases) <= set(LINEARS):
            raise FptqError(f"{where}: biases is {self.biases!r}, expected some of {', '.join(LINEARS)}")
        self._check_features(where)
        check_scaling(where, self.rope_scaling, self.rotated // 2)
        if (self.rope_scaling or {}).get("rope_type") == "yarn" and self.rope_theta <= 1:
            raise FptqError(f"{where}: rope_theta is {self.rope_theta!r}, expected a number above 1 for yarn")
        if self.num_heads % self.num_kv_heads:
            raise FptqError(f"{where}: {self.num_heads} heads cannot share {self.num_kv_heads} key-value heads")
        if self.head_dim % 2:
            raise FptqError(f"{where}: head_dim {self.head_dim} is odd; rotary embeddings need pairs")

    def _check_features(self, where: str) -> None:
        for key, known in (("norms", tuple(NORMS)), ("activation", ACTIVATIONS)):
            if getattr(self, key) not in known:
                raise FptqError(f"{where}: {key} is {getattr(self, key)!r}, expected {', '.join(known)}")
        for key in ("local_rope_theta", "embedding_scale", "attention_scale", "attention_softcap", "residual_scale",
                    "logits_divisor", "logits_softcap"):
            value = getattr(self, key)
            if not (value is None and key in ("attention_scale", "attention_softcap", "logits_softcap")) and (
                    not is_number(value) or value <= 0):
                raise FptqError(f"{where}: {key} is {value!r}, expected a positive number")
        for key in ("unrotated_layers", "local_layers"):
            for i in getattr(self, key):
                if not isinstance(i, int) or isinstance(i, bool) or not 0 <= i < self.num_layers:
                    raise FptqError(f"{where}: {key} has {i!r}, expected numbers of the {self.num_layers} layers")
        dim = self.rotary_dim
        if dim is not None and (not isinstance(dim, int) or isinstance(dim, bool) or not 0 < dim <= self.head_dim
                                or dim % 2):
            raise FptqError(f"{where}: {dim!r} channels of a head are rotated, expected an even number of "
                            f"{self.head_dim}")


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
                raise FptqError(f"{path}: the model is read from it; name another output")

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

    def parameters(self, weights: Iterable[str] | None = None) -> Iterator[tuple[str, Array]]:
        """Every array of the model (or of `weights`) under the name that its MLIR gives it, in the order of use."""
        for name in weights if weights is not None else (name for name, _ in self.config.shapes()):
            array = self.tensors[name].array
            if not isinstance(array, StoredWeight):
                yield name, array
                continue
            for suffix, part in array.parts():
                yield f"{layer_of(name)}.{suffix}", part
            if array.order is not None:
                yield f"{layer_of(name)}.order", array.order

    def check(self) -> None:
        """Raises FptqError for a weight that is missing or has the wrong shape, and where texts begin with what is no
        token. One that only ends them may lie beyond the vocabulary."""
        bos, tokens = self.config.bos, self.config.vocab_size
        if bos is not None and not 0 <= bos < tokens:
            raise FptqError(f"{self.source}: bos is {bos}, expected one of the {tokens} tokens")
        for name, shape in self.config.shapes():
            if name not in self.tensors:
                raise FptqError(f"{self.source}: no tensor '{name}'")
            got = self.tensors[name].array.shape
            if got != shape:
                raise FptqError(f"{self.source}: tensor '{name}' has shape {list(got)}, expected {list(shape)}")

    def hash(self) -> str:
        """Tells models apart: sizes, names, and a sample of every weight (not every byte of 100 GB)."""
        digest = hashlib.sha256(repr(self.config).encode())
        digest.update(repr(self.config.features()).encode() if self.config.features() else b"")
        digest.update(repr(sorted(self.input_scales.items())).encode() if self.input_scales else b"")
        for name, tensor in sorted(self.tensors.items()):
            digest.update(f"{name}{tensor.array.dtype}{tensor.array.shape}".encode())
            for array in [part for _, part in tensor.stored.parts()] if tensor.stored else [tensor.array]:
                flat = np.asarray(array).reshape(-1)
                digest.update(flat[:: max(1, flat.size // 256)].tobytes())
        return digest.hexdigest()[:32]
