"""Keys and names of GGUF files, as llama.cpp reads them: sizes, features, and which tensor is which weight.

The rows of q and k of some architectures are in llama.cpp's order, which is that of interleaved rotary pairs. Gammas
are whole, whatever the model's own files have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

from quant_fptq.errors import FptqError
from quant_fptq.importer.checkpoint import (EMBEDDING, FINAL_NORM, HEAD, LINEARS, NORMS, LlamaConfig, check_layers,
                                            positions_within, tokens_of)
from quant_fptq.importer.families import FAMILIES
from quant_fptq.importer.gguf import File

#: llama.cpp's names of a layer's tensors, and Hugging Face's.
_LAYER = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_FUSED = {"attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"}
#: Its names of the norms, in the order of NORMS.
_NORMS = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
_GLOBAL = {"token_embd.weight": EMBEDDING, "output_norm.weight": FINAL_NORM, "output.weight": HEAD}


@dataclass(frozen=True)
class Architecture:
    """What a value of `general.architecture` says."""

    family: str  #: whose features it has
    interleaved: bool = False  #: rows of q and k are
    numbers: dict[str, tuple[str, float | None]] = field(default_factory=dict)  #: keys: fields, and where they are absent
    #: Of the models with this many layers scores are scaled by the root of hidden / heads, as llama.cpp knows by heart.
    wide_layers: int | None = None


#: Values of `general.architecture`, which begin the names of a file's keys.
ARCHITECTURES = {
    "llama": Architecture("llama", interleaved=True),
    "qwen2": Architecture("qwen2"),
    "qwen3": Architecture("qwen3"),
    "phi3": Architecture("phi3"),
    "gemma": Architecture("gemma"),
    "gemma2": Architecture("gemma2", False, {"attn_logit_softcapping": ("attention_softcap", 50.0),
                                             "final_logit_softcapping": ("logits_softcap", 30.0)}, 46),
    "gemma3": Architecture("gemma3_text", False, {"final_logit_softcapping": ("logits_softcap", None)}, 62),
    "olmo2": Architecture("olmo2"),
    "granite": Architecture("granite", True, {"embedding_scale": ("embedding_scale", 1.0),
                                              "attention.scale": ("attention_scale", None),
                                              "residual_scale": ("residual_scale", 1.0),
                                              "logit_scale": ("logits_divisor", 1.0)}),
    "smollm3": Architecture("smollm3", interleaved=True),
}


class _Reader:
    """The keys of one file."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.name = file.metadata.get("general.architecture")
        if not isinstance(self.name, str) or self.name not in ARCHITECTURES:
            raise self.error(f"key 'general.architecture' is {self.name!r}, expected {', '.join(ARCHITECTURES)}")
        self.architecture = ARCHITECTURES[self.name]
        self.family = FAMILIES[self.architecture.family]

    def error(self, text: str) -> FptqError:
        return FptqError(f"{self.file.path}: {text}")

    def key(self, name: str) -> str:
        return f"{self.name}.{name}"

    def get(self, name: str, default: Any = None) -> Any:
        return self.file.metadata.get(self.key(name), default)

    def number(self, name: str, default: float | None = None, kind: type = int) -> Any:
        return self.file.number(self.key(name), default, kind)

    def token(self, name: str, default: int | None) -> int | None:
        key = f"tokenizer.ggml.{name}_token_id"
        return self.file.number(key) if key in self.file.metadata else default

    def theta(self, name: str) -> float:
        theta = self.number(name, 10000.0, float)
        if not theta > 0:
            raise self.error(f"key '{self.key(name)}' is {theta!r}, expected a positive number")
        return theta

    def factors(self, name: str, factor: float = 1.0) -> list[float]:
        if self.file.tensors[name].type != 0:
            raise self.error(f"tensor '{name}' is no F32")
        return [float(x) * factor for x in self.file.bytes(name).reshape(-1).view("<f4")]

    def linear_factor(self) -> float:
        """A factor of 0 is none."""
        return self.number("rope.scaling.factor", self.number("rope.scale_linear", 1.0, float), float) or 1.0

    def scaling(self, positions: int) -> dict | None:
        """Linear where no type is named; a table's own factors are multiplied by it."""
        kind = self.get("rope.scaling.type", "longrope" if "rope_factors_long.weight" in self.file.tensors else "linear")
        if kind not in ("none", "linear", "yarn", "longrope"):
            raise self.error(f"key '{self.key('rope.scaling.type')}' is {kind!r}, expected none, linear, yarn or "
                             "longrope")
        trained = self.number("rope.scaling.original_context_length", positions)
        if kind == "yarn":
            return self.yarn(trained)
        if kind == "longrope":
            short, long = (f"rope_factors_{length}.weight" for length in ("short", "long"))
            for name in (short, long):
                if name not in self.file.tensors:
                    raise self.error(f"no tensor '{name}', which rotary scaling needs")
            return {"rope_type": "longrope", "short_factor": self.factors(short), "long_factor": self.factors(long),
                    "original_max_position_embeddings": trained,
                    "attention_factor": self.number("rope.scaling.attn_factor", 1.0, float) or 1.0}
        factor = self.linear_factor() if kind == "linear" else 1.0
        if "rope_freqs.weight" in self.file.tensors:
            return {"rope_type": "factors", "factors": self.factors("rope_freqs.weight", factor)}
        return {"rope_type": "linear", "factor": factor} if factor != 1 else None

    def yarn(self, trained: int) -> dict:
        for name in ("yarn_log_multiplier", "yarn_ext_factor", "yarn_attn_factor"):
            if self.get(f"rope.scaling.{name}") is not None:
                raise self.error(f"key '{self.key(f'rope.scaling.{name}')}' is not read")
        betas = {key: self.number(f"rope.scaling.yarn_{key}", default, float)
                 for key, default in (("beta_fast", 32.0), ("beta_slow", 1.0))}
        return {"rope_type": "yarn", "factor": self.linear_factor(), "original_max_position_embeddings": trained, **betas}

    def local_layers(self, layers: int) -> tuple[int, ...]:
        """Every layer but each sixth, where the file does not say; none where there is no window."""
        if not self.get("attention.sliding_window"):
            return ()
        pattern = self.get("attention.sliding_window_pattern", 6)
        if isinstance(pattern, list) and len(pattern) >= layers:
            return tuple(i for i in range(layers) if pattern[i])
        if not isinstance(pattern, int) or isinstance(pattern, bool) or pattern <= 0:
            raise self.error(f"key '{self.key('attention.sliding_window_pattern')}' is {pattern!r}, expected a positive "
                             f"number or a list of {layers} layers")
        return tuple(i for i in range(layers) if (i + 1) % pattern)

    def features(self, hidden: int, heads: int, layers: int, head_dim: int) -> dict[str, Any]:
        """The fields that only some architectures have."""
        found = dict(self.family.features)
        if not self.family.fused:
            found["biases"] = tuple(linear for linear in LINEARS if _bias_of(linear) in self.file.tensors)
        found.setdefault("qk_norm", "blk.0.attn_q_norm.weight" in self.file.tensors)
        for key, (ours, default) in self.architecture.numbers.items():
            value = default if self.get(key) is None else self.number(key, kind=float)
            found[ours] = value or default  # 0 is llama.cpp's own for none
        if "embedding_scale" in self.family.derived:
            found["embedding_scale"] = self.family.derived["embedding_scale"]({"hidden_size": hidden})
        if layers == self.architecture.wide_layers:
            found["attention_scale"] = (hidden // heads) ** -0.5
        if self.family.local_rotary:
            found["local_layers"] = self.local_layers(layers)
            found["local_rope_theta"] = self.theta("rope.freq_base_swa")
        if self.family.unrotated:
            every = self.family.defaults["no_rope_layer_interval"]
            found["unrotated_layers"] = tuple(i for i in range(layers) if (i + 1) % every == 0)
        if self.family.partial and self.number("rope.dimension_count", head_dim) != head_dim:
            found["rotary_dim"] = self.number("rope.dimension_count")
        return found

    def refuse_other_models(self) -> None:
        file = self.file
        if file.metadata.get("split.count", 1) not in (0, 1):
            raise self.error(f"key 'split.count' is {file.metadata['split.count']}: merge the parts first "
                             "(llama-gguf-split --merge)")
        if self.get("expert_count", 0):
            raise self.error(f"key '{self.key('expert_count')}' is set; mixtures of experts are not supported")
        if "token_embd.weight" not in file.tensors:
            raise self.error("no tensor 'token_embd.weight'")

    def refuse_other_attention(self, config: LlamaConfig) -> None:
        """Keys that make attention another function, unless they have the value that changes nothing."""
        for name in ("rope.dimension_count", "attention.value_length"):
            size = config.rotated if name == "rope.dimension_count" else config.head_dim
            if self.number(name, size) != size:
                raise self.error(f"key '{self.key(name)}' is {self.get(name)}, expected the head size {config.head_dim}: "
                                 "other sizes are not supported")
        if not self.get("attention.causal", True):
            raise self.error(f"key '{self.key('attention.causal')}' is false: attention to later tokens is not read")
        neutral = {}
        if "attention.scale" not in self.architecture.numbers:
            neutral["attention.scale"] = config.score_scale
        if (config.rope_scaling or {}).get("rope_type") != "longrope":
            neutral["rope.scaling.attn_factor"] = 1.0
        for name, expected in neutral.items():
            value = self.number(name, expected, float)
            if value and abs(value - expected) > 1e-6 * expected:  # 0 is llama.cpp's own default
                raise self.error(f"key '{self.key(name)}' is {value:g}, expected {expected:g}")
        factors = (config.rope_scaling or {}).get("factors")
        if factors is not None and len(factors) != config.rotated // 2:
            raise self.error(f"tensor 'rope_freqs.weight' has {len(factors)} elements, expected {config.rotated // 2}")


def _bias_of(linear: str) -> str:
    """The first layer's bias of one of LINEARS."""
    return next(f"blk.0.{name}.bias" for name, ours in _LAYER.items() if ours == linear)


def read(file: File, context: int | None) -> tuple[LlamaConfig, Architecture]:
    """Sizes and features. Raises FptqError naming the file and the key."""
    r = _Reader(file)
    r.refuse_other_models()
    hidden, heads, layers = (r.number(name) for name in ("embedding_length", "attention.head_count", "block_count"))
    check_layers(str(file.path), layers)
    head_dim = r.number("attention.key_length", hidden // max(heads, 1) if r.family.partial else
                        r.number("rope.dimension_count", hidden // max(heads, 1)))
    positions, window = r.number("context_length"), r.key("attention.sliding_window")
    llama = r.name == "llama"
    config = LlamaConfig(
        hidden_size=hidden,
        intermediate_size=r.number("feed_forward_length"),
        num_layers=layers,
        num_heads=heads,
        num_kv_heads=r.number("attention.head_count_kv", heads),
        vocab_size=file.tensors["token_embd.weight"].shape[0],
        context=positions_within(str(file.path), window, file.metadata.get(window) or None, positions, context),
        head_dim=head_dim,
        rms_norm_eps=r.number("attention.layer_norm_rms_epsilon", kind=float),
        rope_theta=r.theta("rope.freq_base"),
        rope_scaling=r.scaling(positions),
        interleaved=r.architecture.interleaved,
        tied="output.weight" not in file.tensors,
        bos=r.token("bos", 1 if llama else None),
        eos=tokens_of([token for token in (r.token("eos", 2 if llama else None), r.token("eot", None))
                       if token is not None]),
        **r.features(hidden, max(heads, 1), layers, head_dim),
    )
    config.check(str(file.path))
    r.refuse_other_attention(config)
    return config, r.architecture


def names(config: LlamaConfig, fused: bool) -> Callable[[str], str | None]:
    """Hugging Face's name of a tensor, or None for one that no such model has."""
    norms = {theirs: ours for theirs, ours in zip(_NORMS, NORMS[config.norms]) if ours}
    layer = {**_LAYER, **norms, **(_FUSED if fused else {})}

    def name(tensor: str) -> str | None:
        parts = tensor.split(".")
        if len(parts) == 4 and parts[0] == "blk" and parts[2] in layer and parts[3] in ("weight", "bias"):
            return f"model.layers.{parts[1]}.{layer[parts[2]]}.{parts[3]}"
        return _GLOBAL.get(tensor)

    return name
