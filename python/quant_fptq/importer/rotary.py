"""Rotary embeddings: frequencies, their scalings, and tables (numpy, no IR)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from quant_fptq.errors import FptqError

if TYPE_CHECKING:
    from quant_fptq.importer.checkpoint import LlamaConfig

#: By `rope_type`, the keys that have to be positive numbers; then those that may be.
_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "linear": (("factor",), ()),
    "factors": ((), ()),
    "llama3": (("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"), ()),
    "yarn": (("factor", "original_max_position_embeddings"),
             ("attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim")),
    "longrope": (("original_max_position_embeddings", "attention_factor"), ()),
}
#: By `rope_type`, the keys that are a list of one number a pair.
_LISTS = {"factors": ("factors",), "longrope": ("short_factor", "long_factor")}


def is_number(value: object) -> bool:
    """A finite int or float, which float64 holds."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # JSON's integers may have any number of digits
        return False


def check_scaling(where: str, scaling: object, pairs: int) -> None:
    """Raises FptqError naming the key that is missing or has no usable value."""
    if scaling is None:
        return
    kind = scaling.get("rope_type") if isinstance(scaling, dict) else scaling
    if not isinstance(scaling, dict) or not isinstance(kind, str) or kind not in _KEYS:
        raise FptqError(f"{where}: rope_scaling type {kind!r}, expected {', '.join(_KEYS)}")
    needed, optional = _KEYS[kind]
    for key in (*needed, *(key for key in optional if scaling.get(key) is not None)):
        if not is_number(scaling.get(key)) or scaling[key] <= 0:
            raise FptqError(f"{where}: rope_scaling: key '{key}' is {scaling.get(key)!r}, expected a positive number")
    if kind == "llama3" and scaling["high_freq_factor"] <= scaling["low_freq_factor"]:
        raise FptqError(f"{where}: rope_scaling: key 'high_freq_factor' is not above 'low_freq_factor'")
    if scaling.get("truncate") not in (None, False, True):
        raise FptqError(f"{where}: rope_scaling: key 'truncate' is {scaling['truncate']!r}, expected true or false")
    for key in _LISTS.get(kind, ()):
        factors = scaling.get(key)
        if not isinstance(factors, list) or len(factors) != pairs:
            raise FptqError(f"{where}: rope_scaling: key '{key}' is no list of {pairs} numbers")
        if not all(is_number(factor) and factor > 0 for factor in factors):
            raise FptqError(f"{where}: rope_scaling: key '{key}' has a value that is no positive number")


def _llama3(frequencies: np.ndarray, scaling: dict) -> np.ndarray:
    low, high = float(scaling["low_freq_factor"]), float(scaling["high_freq_factor"])
    turns = float(scaling["original_max_position_embeddings"]) * frequencies / (2 * math.pi)
    smooth = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return frequencies * (smooth + (1 - smooth) / float(scaling["factor"]))


def _yarn(frequencies: np.ndarray, scaling: dict, theta: float) -> np.ndarray:
    """YaRN (arXiv 2309.00071), section 3.2, with the bounds rounded to whole pairs as everybody does."""
    pairs, original = len(frequencies), float(scaling["original_max_position_embeddings"])

    def pair_that_turns(times: float) -> float:
        return pairs * math.log(original / (times * 2 * math.pi)) / math.log(theta)

    low, high = (pair_that_turns(float(scaling.get(key) or default))
                 for key, default in (("beta_fast", 32), ("beta_slow", 1)))
    if scaling.get("truncate", True) is not False:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, 2 * pairs - 1)
    ramp = np.clip((np.arange(pairs) - low) / (high - low or 0.001), 0.0, 1.0)
    return frequencies * ((1 - ramp) + ramp / float(scaling["factor"]))


def rotary_frequencies(config: LlamaConfig, local: bool = False) -> np.ndarray:
    """Radians per position of each pair (float64): with `rope_scaling` applied, or those of the `local` layers."""
    theta, scaling = (config.local_rope_theta, None) if local else (config.rope_theta, config.rope_scaling)
    pairs = config.rotated // 2
    frequencies = theta ** (-np.arange(pairs, dtype=np.float64) / pairs)
    if not scaling:
        return frequencies
    if scaling["rope_type"] == "factors":  # one a pair, as GGUF stores them
        return frequencies / np.asarray(scaling["factors"], dtype=np.float64)
    if scaling["rope_type"] == "longrope":
        # One set for the whole cache, as in llama.cpp and vLLM; transformers changes in the middle of a sequence.
        length = "long" if config.context > scaling["original_max_position_embeddings"] else "short"
        return frequencies / np.asarray(scaling[f"{length}_factor"], dtype=np.float64)
    if scaling["rope_type"] == "linear":
        return frequencies / float(scaling["factor"])
    return _yarn(frequencies, scaling, theta) if scaling["rope_type"] == "yarn" else _llama3(frequencies, scaling)


def _yarn_temperature(scaling: dict) -> float:
    def temperature(scale: float) -> float:
        factor = float(scaling["factor"])
        return 0.1 * scale * math.log(factor) + 1 if factor > 1 else 1.0

    scale, of_all = scaling.get("mscale"), scaling.get("mscale_all_dim")
    return temperature(scale) / temperature(of_all) if scale and of_all else temperature(1.0)


def attention_factor(scaling: dict | None) -> float:
    """What sines and cosines are multiplied by."""
    kind = (scaling or {}).get("rope_type")
    if scaling is None or kind not in ("yarn", "longrope"):
        return 1.0
    return float(scaling.get("attention_factor") or _yarn_temperature(scaling))


def rotary_tables(config: LlamaConfig, local: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines [context, rotated / 2], float32."""
    angles = np.outer(np.arange(config.context, dtype=np.float64), rotary_frequencies(config, local))
    factor = 1.0 if local else attention_factor(config.rope_scaling)
    return (np.cos(angles) * factor).astype(np.float32), (np.sin(angles) * factor).astype(np.float32)
