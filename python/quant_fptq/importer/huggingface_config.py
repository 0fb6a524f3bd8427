"""config.json as sizes and features, and back, by the table of families."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator

from quant_fptq.errors import FptqError
from quant_fptq.importer.checkpoint import DEFAULT_CONTEXT, LINEARS, LlamaConfig, check_layers, positions_within, tokens_of
from quant_fptq.importer.families import FAMILIES, NULLABLE, Family
from quant_fptq.importer.rotary import is_number
from quant_fptq.json_input import read_object

_SCALINGS = ("default", "linear", "llama3", "yarn", "longrope")
_LOCAL, _GLOBAL = "sliding_attention", "full_attention"
#: Keys that name linears which add a bias.
_BIASES = {"attention_bias": LINEARS[:4], "mlp_bias": LINEARS[4:]}


def family_of(path: Path, raw: dict) -> Family:
    """The row of FAMILIES. Raises FptqError for a model_type that is in none."""
    kind = raw.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise FptqError(f"{path}: model_type is '{kind}', expected {', '.join(FAMILIES)}")
    return FAMILIES[kind]


def _activation(path: Path, raw: dict, family: Family) -> str:
    key, known = family.activation
    value = raw.get(key)
    if value is None:
        return next(iter(known.values()))
    if not isinstance(value, str) or value not in known:
        raise FptqError(f"{path}: {key} is '{value}', expected '{next(iter(known))}'")
    return known[value]


def _refuse_other_functions(path: Path, raw: dict, family: Family) -> None:
    for key, values in family.neutral.items():
        if raw.get(key) not in values:
            raise FptqError(f"{path}: key '{key}' is {raw[key]!r}, expected {values[0]!r}: it would be another function")


def _flag(path: Path, raw: dict, key: str) -> bool:
    if raw.get(key) not in (None, False, True):
        raise FptqError(f"{path}: key '{key}' is {raw[key]!r}, expected true or false")
    return bool(raw.get(key))


def _biases(path: Path, raw: dict, family: Family) -> tuple[str, ...]:
    asked = {linear for key in family.bias_keys if _flag(path, raw, key) for linear in _BIASES[key]}
    return tuple(linear for linear in LINEARS if linear in asked or linear in family.features.get("biases", ()))


def _window(path: Path, raw: dict, family: Family) -> Any:
    """`sliding_window` as transformers' config classes read it: each has its own default, and only some can turn it
    off. None: attention is over everything."""
    types = raw.get("layer_types")
    if isinstance(types, list) and types and _LOCAL not in types and family.local_rotary:
        return None
    on = family.window == "always" or family.window == "asked" and _flag(path, raw, "use_sliding_window")
    return raw.get("sliding_window") if on else None


def _layers(path: Path, raw: dict, key: str, layers: int) -> list:
    """A list with an entry a layer."""
    value = raw[key]
    if not isinstance(value, list) or len(value) < layers:
        raise FptqError(f"{path}: key '{key}' is no list of {layers} layers")
    return value[:layers]


def _every(path: Path, raw: dict, key: str) -> int:
    value = raw[key]
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise FptqError(f"{path}: key '{key}' is {value!r}, expected a positive number")
    return value


def _unrotated_layers(path: Path, raw: dict, layers: int) -> tuple[int, ...]:
    if raw.get("no_rope_layers") is not None:  # 1: rotated
        return tuple(i for i, rotated in enumerate(_layers(path, raw, "no_rope_layers", layers)) if not rotated)
    every = _every(path, raw, "no_rope_layer_interval")
    return tuple(i for i in range(layers) if (i + 1) % every == 0)


def _local_layers(path: Path, raw: dict, layers: int) -> tuple[int, ...]:
    if raw.get("layer_types") is not None:
        types = _layers(path, raw, "layer_types", layers)
        for kind in types:
            if kind not in (_LOCAL, _GLOBAL):
                raise FptqError(f"{path}: key 'layer_types' has {kind!r}, expected {_LOCAL} or {_GLOBAL}")
        return tuple(i for i, kind in enumerate(types) if kind == _LOCAL)
    every = _every(path, raw, "sliding_window_pattern")
    return tuple(i for i in range(layers) if (i + 1) % every)


class _Rotary:
    """The keys of rotary embeddings, wherever this version of the format has them."""

    def __init__(self, path: Path, raw: dict, family: Family) -> None:
        self.path, self.raw, self.family = path, raw, family
        self.key = "rope_scaling" if raw.get("rope_scaling") else "rope_parameters"  # the second since transformers 5
        given = raw.get(self.key) or {}
        if not isinstance(given, dict):
            raise FptqError(f"{path}: key '{self.key}' is {given!r}, expected an object")
        nested = [layers for layers, value in given.items() if isinstance(value, dict)]
        if nested and not family.local_rotary:
            raise FptqError(f"{path}: key '{self.key}' has parameters of their own for '{nested[0]}', expected the same "
                            "for all layers")
        local = given.get(_LOCAL) if nested else None
        self.local = local if isinstance(local, dict) else {}
        of_global = given.get(_GLOBAL) if nested else given
        self.given = of_global if isinstance(of_global, dict) else {}

    def theta(self, given: dict, key: str) -> float:
        theta = given.get("rope_theta")
        if theta is None:
            theta = 10000.0 if self.raw.get(key) is None else self.raw[key]
        if not is_number(theta) or theta <= 0:
            raise FptqError(f"{self.path}: key '{key}' is {theta!r}, expected a positive number")
        return float(theta)

    def kind(self, given: dict) -> str:
        kind = given.get("rope_type") or given.get("type") or "default"
        # Phi-3's first releases had other names of it.
        kind = "longrope" if kind == "su" or kind == "yarn" and self.family.fused else kind
        if kind not in _SCALINGS:
            raise FptqError(f"{self.path}: key '{self.key}' has the rope_type {kind!r}, expected {', '.join(_SCALINGS)}")
        return kind

    def scaling(self, positions: int) -> dict | None:
        if self.local and self.kind(self.local) != "default":
            raise FptqError(f"{self.path}: key '{self.key}' scales the '{_LOCAL}' layers, expected default")
        kind = self.kind(self.given)
        if kind == "default":
            return None
        scaling = {key: value for key, value in self.given.items()
                   if key not in ("type", "rope_theta", "partial_rotary_factor")}
        scaling["rope_type"] = kind
        if kind in ("llama3", "yarn", "longrope"):
            trained = self.raw.get("original_max_position_embeddings") or scaling.get("original_max_position_embeddings")
            scaling["original_max_position_embeddings"] = trained or positions
        if kind == "longrope" and scaling.get("attention_factor") is None:
            scaling["attention_factor"] = self.longrope_factor(scaling, positions)
        return scaling

    def longrope_factor(self, scaling: dict, positions: int) -> float:
        """LongRoPE (arXiv 2402.13753): the entropy that more positions add to attention."""
        trained = scaling["original_max_position_embeddings"]
        if not is_number(trained) or trained <= 1:
            raise FptqError(f"{self.path}: key 'original_max_position_embeddings' is {trained!r}, expected a number "
                            "above 1")
        factor = scaling.pop("factor", None) or positions / trained
        if not is_number(factor):
            raise FptqError(f"{self.path}: key '{self.key}': factor is {factor!r}, expected a number")
        return math.sqrt(1 + math.log(factor) / math.log(trained)) if factor > 1 else 1.0

    def dimensions(self, head_dim: int) -> int | None:
        """Rotated channels of a head; None: all."""
        share = self.given.get("partial_rotary_factor", self.raw.get("partial_rotary_factor"))
        if share in (None, 1):
            return None
        if not self.family.partial or not is_number(share) or not 0 < share < 1:
            raise FptqError(f"{self.path}: partial_rotary_factor is {share!r}, expected 1: heads are rotated whole")
        return int(head_dim * share)


def _features(path: Path, raw: dict, family: Family, layers: int) -> dict[str, Any]:
    """The fields that only some families have."""
    for key in family.keys:
        if raw.get(key) is not None and not is_number(raw[key]):
            raise FptqError(f"{path}: key '{key}' is {raw[key]!r}, expected a number")
    if "query_pre_attn_scalar" in family.defaults and (
            not is_number(raw["query_pre_attn_scalar"]) or raw["query_pre_attn_scalar"] <= 0):
        raise FptqError(f"{path}: key 'query_pre_attn_scalar' is {raw['query_pre_attn_scalar']!r}, expected a positive "
                        "number")
    features = {**family.features, "activation": _activation(path, raw, family), "biases": _biases(path, raw, family)}
    features.update({ours: raw.get(key) for key, ours in family.keys.items()})
    features.update({ours: value(raw) for ours, value in family.derived.items()})
    if family.unrotated:
        features["unrotated_layers"] = _unrotated_layers(path, raw, layers)
    if family.local_rotary:
        features["local_layers"] = _local_layers(path, raw, layers)
    return features


def config_of(path: Path, raw: dict, context: int | None = None) -> LlamaConfig:
    """The content of config.json as sizes and features. Raises FptqError naming `path` and the key."""
    family = family_of(path, raw)
    raw = {**raw, **{key: value for key, value in family.defaults.items()
                     if key not in raw or raw[key] is None and key not in NULLABLE}}
    _refuse_other_functions(path, raw, family)

    def size(key: str, default: int | None = None) -> int:
        value = raw.get(key)
        if value is None:
            value = default
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 63:
            raise FptqError(f"{path}: key '{key}' is {value!r}, expected a positive number")
        return value

    heads, hidden, layers = size("num_attention_heads"), size("hidden_size"), size("num_hidden_layers")
    check_layers(str(path), layers)
    head_dim = size("head_dim", hidden // max(heads, 1))
    positions = size("max_position_embeddings", DEFAULT_CONTEXT)
    rotary = _Rotary(path, raw, family)
    theta, scaling = rotary.theta(rotary.given, "rope_theta"), rotary.scaling(positions)
    features = _features(path, raw, family, layers)
    if family.local_rotary:
        features["local_rope_theta"] = rotary.theta(rotary.local, "rope_local_base_freq")
    config = LlamaConfig(
        hidden_size=hidden,
        intermediate_size=size("intermediate_size"),
        num_layers=layers,
        num_heads=heads,
        num_kv_heads=size("num_key_value_heads", heads),
        vocab_size=size("vocab_size"),
        context=positions_within(str(path), "sliding_window", _window(path, raw, family), positions, context),
        head_dim=head_dim,
        rms_norm_eps=raw.get("rms_norm_eps", 1e-6),
        rope_theta=theta,
        rope_scaling=scaling,
        rotary_dim=rotary.dimensions(head_dim),
        tied=_flag(path, raw, "tie_word_embeddings"),
        bos=next(iter(tokens_of(raw.get("bos_token_id"))), None),
        eos=tokens_of(raw.get("eos_token_id")),
        **features,
    )
    config.check(str(path))
    return config


def read_raw(path: Path) -> dict:
    """config.json, with all tokens that end a text: chat models name the end of a turn only in generation_config.json."""
    raw, beside = read_object(path), path.with_name("generation_config.json")
    own = raw.get("eos_token_id", family_of(path, raw).defaults.get("eos_token_id"))
    more = read_object(beside).get("eos_token_id") if beside.exists() else None
    return {**raw, "eos_token_id": list(tokens_of([*tokens_of(own), *tokens_of(more)]))}


def read_config(path: Path, context: int | None = None) -> LlamaConfig:
    """config.json as sizes and features. Raises FptqError naming the key."""
    return config_of(path, read_raw(path), context)


def _written(config: LlamaConfig, kind: str, family: Family) -> dict:
    """config.json as `family` would say it, if it can."""
    c = config
    keys: dict[str, Any] = {
        "architectures": [f"{family.name}ForCausalLM"], "model_type": kind, family.activation[0]: next(
            name for name, ours in family.activation[1].items() if ours == c.activation),
        "hidden_size": c.hidden_size, "intermediate_size": c.intermediate_size, "num_hidden_layers": c.num_layers,
        "num_attention_heads": c.num_heads, "num_key_value_heads": c.num_kv_heads, "head_dim": c.head_dim,
        "vocab_size": c.vocab_size, "max_position_embeddings": c.context, "rms_norm_eps": c.rms_norm_eps,
        "rope_theta": c.rope_theta, "rope_scaling": c.rope_scaling, "tie_word_embeddings": c.tied,
        "pad_token_id": None,  # some families have one of their own, which a small vocabulary lacks
        "bos_token_id": c.bos, "eos_token_id": list(c.eos) if len(c.eos) > 1 else next(iter(c.eos), None)}
    keys.update({key: set(_BIASES[key]) <= set(c.biases) for key in family.bias_keys})
    keys.update({key: getattr(c, ours) for key, ours in family.keys.items()})
    if "query_pre_attn_scalar" in family.defaults:
        keys["query_pre_attn_scalar"] = round(c.score_scale ** -2)
    if family.window:
        keys["sliding_window"] = c.context
    if family.unrotated:
        keys["no_rope_layers"] = [int(i not in c.unrotated_layers) for i in range(c.num_layers)]
    if family.partial:
        keys["partial_rotary_factor"] = c.rotated / c.head_dim
        trained = (c.rope_scaling or {}).get("original_max_position_embeddings")
        keys.update({"original_max_position_embeddings": trained} if trained else {})
    if family.local_rotary:
        keys["layer_types"] = [_LOCAL if i in c.local_layers else _GLOBAL for i in range(c.num_layers)]
        keys["rope_local_base_freq"] = c.local_rope_theta
    return keys


def _with_scale(config: LlamaConfig) -> LlamaConfig:
    """The same function, with its scale of the scores said: some families' files always do, others never."""
    return replace(config, attention_scale=config.score_scale)


def _candidates(config: LlamaConfig) -> Iterator[dict]:
    """config.json of every family that computes the same: what is written is read again, and has to be `config`."""
    config = _with_scale(config)
    for kind, family in FAMILIES.items():
        if config.activation not in family.activation[1].values() or (
                family.divided and config.hidden_size % config.num_heads):
            continue
        keys = _written(config, kind, family)
        try:
            again = config_of(Path(kind), keys, config.context)
        except FptqError:
            continue
        if _with_scale(again) == config:
            yield keys


def written_config(config: LlamaConfig) -> dict:
    """config.json of the first family that computes what `config` says. Raises FptqError where none does."""
    if config.rope_scaling and config.rope_scaling["rope_type"] == "factors":
        raise FptqError("rotary factors have no form in config.json")
    keys = next(_candidates(config), None)
    if keys is None:
        features = [f"biases of {', '.join(config.biases)}"] if config.biases else []
        features += [f"{key} {value}" for key, value in config.features().items()]
        raise FptqError(f"{', '.join(features)}: no architecture of transformers has these")
    return keys
