"""The families of decoders that are read, as data: what each says of the one architecture of `LlamaConfig`.

A family has nothing of its own: every row is features that any other could have. `huggingface_config.py` reads and writes
config.json by this table, `gguf_config.py` reads a GGUF file's keys by it. Values are those of transformers' config
classes (5.24) and of llama.cpp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Callable

from quant_fptq.importer.checkpoint import LINEARS

#: Keys where null says something: no window, no cap, as many heads as queries have, heads that divide the model.
NULLABLE = ("sliding_window", "attn_logit_softcapping", "final_logit_softcapping", "num_key_value_heads",
            "head_dim", "bos_token_id", "eos_token_id")

#: Linears that a family's files keep as one, rows after rows.
FUSED = {"self_attn.qkv_proj": LINEARS[:3], "mlp.gate_up_proj": LINEARS[4:6]}

_SILU = {"silu": "silu", "swish": "silu"}
_GELU_TANH = {"gelu_pytorch_tanh": "gelu_tanh"}


@dataclass(frozen=True)
class Family:
    """What config.json of one `model_type` leaves unsaid, and what its keys mean."""

    name: str  #: of its classes in transformers
    features: dict[str, Any] = field(default_factory=dict)  #: fields of LlamaConfig that all its models have
    keys: dict[str, str] = field(default_factory=dict)  #: its own keys of config.json, and the fields that they are
    derived: dict[str, Callable[[dict], Any]] = field(default_factory=dict)  #: fields, from all of config.json
    defaults: dict[str, Any] = field(default_factory=dict)  #: keys that may be left out, or null if not in NULLABLE
    neutral: dict[str, tuple] = field(default_factory=dict)  #: keys that are not read, and values that change nothing
    activation: tuple[str, dict[str, str]] = ("hidden_act", _SILU)  #: its key, and the values' names here
    window: str = ""  #: `sliding_window` is "always" one, only where use_sliding_window is true ("asked"), or ignored
    bias_keys: tuple[str, ...] = ("attention_bias",)  #: keys that give linears a bias; other families ignore them
    partial: bool = False  #: a partial_rotary_factor is read
    local_rotary: bool = False  #: sliding layers rotate by frequencies of their own
    unrotated: bool = False  #: no_rope_layers are read
    offset_norms: bool = False  #: a norm multiplies by 1 + its weight
    fused: bool = False  #: q, k and v are one weight, and gate and up
    divided: bool = False  #: transformers refuses a width that is no multiple of the heads, also where head_dim is said


def _root_of_hidden(raw: dict) -> float:
    return math.sqrt(raw["hidden_size"])


def _query_scale(raw: dict) -> float:
    return float(raw["query_pre_attn_scalar"]) ** -0.5


_ALL_BIASES = ("attention_bias", "mlp_bias")
_LLAMA_TOKENS = {"bos_token_id": 1, "eos_token_id": 2}
_GEMMA: dict[str, Any] = {"head_dim": 256, "tie_word_embeddings": True, "rms_norm_eps": 1e-6, "bos_token_id": 2,
                          "eos_token_id": 1}
_NOT_CAUSAL = {"use_bidirectional_attention": (None, False)}

#: By `model_type`. Of families that compute the same, the first is what is exported.
FAMILIES: dict[str, Family] = {
    "llama": Family("Llama", defaults=_LLAMA_TOKENS, bias_keys=_ALL_BIASES, divided=True),
    "mistral": Family("Mistral", window="always", bias_keys=(),
                      defaults={**_LLAMA_TOKENS, "sliding_window": 4096, "num_key_value_heads": 8}),
    "qwen2": Family("Qwen2", {"biases": LINEARS[:3]}, window="asked", bias_keys=(),
                    defaults={"sliding_window": 4096, "num_key_value_heads": 32}),
    "qwen3": Family("Qwen3", {"qk_norm": True}, window="asked",
                    defaults={"sliding_window": 4096, "num_key_value_heads": 32, "head_dim": 128}),
    "phi3": Family("Phi3", window="always", bias_keys=(), partial=True, fused=True,
                   defaults={"rms_norm_eps": 1e-5, "original_max_position_embeddings": 4096, "bos_token_id": 1,
                             "eos_token_id": 32000}),
    "gemma": Family("Gemma", {"activation": "gelu_tanh"}, derived={"embedding_scale": _root_of_hidden},
                    defaults={**_GEMMA, "max_position_embeddings": 8192, "num_key_value_heads": 16},
                    neutral=_NOT_CAUSAL, offset_norms=True,
                    # The first releases say gelu and mean this.
                    activation=("hidden_act", {**_GELU_TANH, "gelu": "gelu_tanh"})),
    "gemma2": Family("Gemma2", {"activation": "gelu_tanh", "norms": "around"},
                     {"attn_logit_softcapping": "attention_softcap", "final_logit_softcapping": "logits_softcap"},
                     {"embedding_scale": _root_of_hidden, "attention_scale": _query_scale},
                     {**_GEMMA, "max_position_embeddings": 8192, "query_pre_attn_scalar": 256, "sliding_window": 4096,
                      "num_attention_heads": 8, "num_key_value_heads": 4, "attn_logit_softcapping": 50.0,
                      "final_logit_softcapping": 30.0},
                     _NOT_CAUSAL, ("hidden_activation", _GELU_TANH), window="always", offset_norms=True, divided=True),
    "gemma3_text": Family("Gemma3", {"activation": "gelu_tanh", "norms": "around", "qk_norm": True},
                          {"final_logit_softcapping": "logits_softcap"},
                          {"embedding_scale": _root_of_hidden, "attention_scale": _query_scale},
                          {**_GEMMA, "max_position_embeddings": 131072, "query_pre_attn_scalar": 256,
                           "sliding_window": 4096, "num_attention_heads": 8, "num_key_value_heads": 4,
                           "vocab_size": 262208, "rope_theta": 1e6, "rope_local_base_freq": 1e4,
                           "sliding_window_pattern": 6},
                          {**_NOT_CAUSAL, "attn_logit_softcapping": (None,)}, ("hidden_activation", _GELU_TANH),
                          window="always", local_rotary=True, offset_norms=True, divided=True),
    "olmo2": Family("Olmo2", {"norms": "after", "qk_norm": True, "qk_norm_whole": True},
                    defaults={"rms_norm_eps": 1e-5, "eos_token_id": 50279}),
    "granite": Family("Granite", keys={"embedding_multiplier": "embedding_scale",
                                       "attention_multiplier": "attention_scale",
                                       "residual_multiplier": "residual_scale", "logits_scaling": "logits_divisor"},
                      defaults={**_LLAMA_TOKENS, "embedding_multiplier": 1.0, "attention_multiplier": 1.0,
                                "residual_multiplier": 1.0, "logits_scaling": 1.0}, bias_keys=_ALL_BIASES),
    "smollm3": Family("SmolLM3", window="asked", bias_keys=_ALL_BIASES, unrotated=True,
                      defaults={"rope_theta": 2e6, "tie_word_embeddings": True, "no_rope_layer_interval": 4,
                                "num_key_value_heads": 4, "bos_token_id": 128000, "eos_token_id": 128001}),
}
