"""A decoder in plain numpy, float64 inside: slow, short, and what everything else is compared with."""

import numpy as np

from quant_fptq.importer.checkpoint import EMBEDDING, FINAL_NORM, HEAD, Checkpoint


def _norm(x, gamma, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * gamma


def _llama3(frequency, scaling):
    """One pair's frequency, by the wavelengths of Meta's own code (llama3, apply_scaling)."""
    wavelength, context = 2 * np.pi / frequency, scaling["original_max_position_embeddings"]
    if wavelength < context / scaling["high_freq_factor"]:
        return frequency
    if wavelength > context / scaling["low_freq_factor"]:
        return frequency / scaling["factor"]
    share = context / wavelength - scaling["low_freq_factor"]
    share /= scaling["high_freq_factor"] - scaling["low_freq_factor"]
    return (1 - share) * frequency / scaling["factor"] + share * frequency


def _yarn(pair, pairs, theta, s):
    """One pair's frequency, as section 3.2 of YaRN (arXiv 2309.00071) has it, with bounds of whole pairs."""
    frequency, context = theta ** (-pair / pairs), s["original_max_position_embeddings"]
    fast, slow = ([i for i in np.arange(-2 * pairs, 4 * pairs, 1e-3 if s.get("truncate") is False else 1)
                   if context * theta ** (-i / pairs) / (2 * np.pi) >= turns]
                  for turns in (s.get("beta_fast", 32), s.get("beta_slow", 1)))
    low, high = max(fast[-1], 0), min(slow[-1] + (s.get("truncate") is not False), 2 * pairs - 1)
    share = min(max((pair - low) / (high - low), 0), 1)
    return frequency * (1 - share) + frequency / s["factor"] * share


def layer_angles(c, i, positions):
    """Angles of layer i, and what sines and cosines are multiplied by."""
    pairs, local = c.rotated // 2, i in c.local_layers
    theta, scaling = (c.local_rope_theta, {}) if local else (c.rope_theta, c.rope_scaling or {})
    kind, frequencies = scaling.get("rope_type"), theta ** (-np.arange(pairs) / pairs)
    if kind == "linear":
        positions = positions / scaling["factor"]
    elif kind == "llama3":
        frequencies = np.array([_llama3(frequency, scaling) for frequency in frequencies])
    elif kind == "yarn":
        frequencies = np.array([_yarn(pair, pairs, theta, scaling) for pair in range(pairs)])
    elif kind == "factors":
        frequencies = frequencies / np.array(scaling["factors"])
    elif kind == "longrope":
        long = c.context > scaling["original_max_position_embeddings"]
        frequencies = frequencies / np.array(scaling["long_factor" if long else "short_factor"])
    factor = scaling.get("attention_factor") or 1
    if kind == "yarn" and "attention_factor" not in scaling:
        factor = 0.1 * scaling.get("mscale", 1) * np.log(scaling["factor"]) + 1
        if "mscale" in scaling:
            factor /= 0.1 * scaling["mscale_all_dim"] * np.log(scaling["factor"]) + 1
    return np.outer(positions, frequencies)[:, None, :], factor


def _rotate(x, c, i):
    """x [T, heads, head_dim] at positions 0..T-1 of layer i."""
    if i in c.unrotated_layers:
        return x
    angles, factor = layer_angles(c, i, np.arange(len(x)))
    cos, sin, n = np.cos(angles) * factor, np.sin(angles) * factor, c.rotated
    first, second = (slice(0, n, 2), slice(1, n, 2)) if c.interleaved else (slice(0, n // 2), slice(n // 2, n))
    out = np.array(x)
    out[..., first] = x[..., first] * cos - x[..., second] * sin
    out[..., second] = x[..., first] * sin + x[..., second] * cos
    return out


def _cap(x, cap):
    return x if cap is None else cap * np.tanh(x / cap)


def _activated(x, name):
    if name == "silu":
        return x / (1 + np.exp(-x))
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))


def int8_per_token(x):
    """x rounded to 255 steps a row, as A8 sees it."""
    scale = np.abs(x).max(-1, keepdims=True).astype(np.float32) / np.float32(127)
    return np.clip(np.rint(x / np.where(scale == 0, 1, scale)), -127, 127) * scale


def int8_static(x, scale):
    """x rounded to a scale that the model brought."""
    return np.clip(np.rint(x / scale), -127, 127) * scale


def forward(checkpoint: Checkpoint, tokens, inputs: dict | None = None, w4a8: bool = False) -> np.ndarray:
    """Logits [T, V] of a sequence; `inputs` collects the largest |x| at each linear's input.

    With `w4a8`, what enters a linear whose weight came as codes is rounded to int8 first.
    """
    c = checkpoint.config

    def w(name):
        return np.asarray(checkpoint[name], dtype=np.float64)

    def linear(x, name):
        if inputs is not None:
            inputs[name] = max(inputs.get(name, 0.0), float(np.abs(x).max()))
        if w4a8 and name in checkpoint.input_scales:
            x = int8_static(x, checkpoint.input_scales[name])
        elif w4a8 and checkpoint.tensors[name + ".weight"].stored:
            x = int8_per_token(x)
        y = x @ w(name + ".weight").T
        return y + w(name + ".bias") if name.partition(".layers.")[2].partition(".")[2] in c.biases else y

    def norm(x, name):
        return x if name is None else _norm(x, w(name), c.rms_norm_eps)

    x = w(EMBEDDING)[np.asarray(tokens)] * c.embedding_scale
    t = len(tokens)
    mask = np.triu(np.full((t, t), -np.inf), 1)
    for i in range(c.num_layers):
        p, norms = f"model.layers.{i}.", c.layer_norms(i)
        h = norm(x, norms[0])
        q, k, v = (linear(h, f"{p}self_attn.{n}_proj") for n in "qkv")
        if c.qk_norm and c.qk_norm_whole:
            q, k = (norm(y, f"{p}self_attn.{n}_norm.weight") for y, n in ((q, "q"), (k, "k")))
        q, k, v = (y.reshape(t, -1, c.head_dim) for y in (q, k, v))
        if c.qk_norm and not c.qk_norm_whole:
            q, k = (norm(y, f"{p}self_attn.{n}_norm.weight") for y, n in ((q, "q"), (k, "k")))
        q, k = (_rotate(y, c, i) for y in (q, k))
        k, v = (np.repeat(y, c.num_heads // c.num_kv_heads, axis=1) for y in (k, v))
        scores = np.einsum("qhd,khd->hqk", q, k) * (c.attention_scale or c.head_dim ** -0.5)
        scores = _cap(scores, c.attention_softcap) + mask
        e = np.exp(scores - scores.max(-1, keepdims=True))
        y = np.einsum("hqk,khd->qhd", e / e.sum(-1, keepdims=True), v).reshape(t, -1)
        x = x + norm(linear(y, p + "self_attn.o_proj"), norms[1]) * c.residual_scale
        h = norm(x, norms[2])
        gated = _activated(linear(h, p + "mlp.gate_proj"), c.activation) * linear(h, p + "mlp.up_proj")
        x = x + norm(linear(gated, p + "mlp.down_proj"), norms[3]) * c.residual_scale
    x = norm(x, FINAL_NORM)
    return _cap(x @ w(EMBEDDING if c.tied else HEAD).T / c.logits_divisor, c.logits_softcap)
