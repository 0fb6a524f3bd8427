"""A Llama, or one of its siblings, in plain numpy, float64 inside: slow, short, and what everything else is compared with."""

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


def _rotate(x, interleaved, theta, scaling):
    """x [T, heads, head_dim] at positions 0..T-1."""
    t, _, hd = x.shape
    kind, positions, frequencies = (scaling or {}).get("rope_type"), np.arange(t), theta ** (-np.arange(0, hd, 2) / hd)
    if kind == "linear":
        positions = positions / scaling["factor"]
    elif kind == "llama3":
        frequencies = np.array([_llama3(frequency, scaling) for frequency in frequencies])
    angles = np.outer(positions, frequencies)[:, None, :]
    if kind == "factors":
        angles = angles / np.array(scaling["factors"])
    c, s = np.cos(angles), np.sin(angles)
    a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else (x[..., : hd // 2], x[..., hd // 2 :])
    out = np.empty_like(x)
    if interleaved:
        out[..., 0::2], out[..., 1::2] = a * c - b * s, a * s + b * c
    else:
        out[..., : hd // 2], out[..., hd // 2 :] = a * c - b * s, a * s + b * c
    return out


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

    x = w(EMBEDDING)[np.asarray(tokens)]
    t = len(tokens)
    mask = np.triu(np.full((t, t), -np.inf), 1)
    for i in range(c.num_layers):
        p = f"model.layers.{i}."
        h = _norm(x, w(p + "input_layernorm.weight"), c.rms_norm_eps)
        q = linear(h, p + "self_attn.q_proj").reshape(t, c.num_heads, c.head_dim)
        k = linear(h, p + "self_attn.k_proj").reshape(t, c.num_kv_heads, c.head_dim)
        v = linear(h, p + "self_attn.v_proj").reshape(t, c.num_kv_heads, c.head_dim)
        if c.qk_norm:
            q, k = (_norm(y, w(f"{p}self_attn.{n}_norm.weight"), c.rms_norm_eps) for y, n in ((q, "q"), (k, "k")))
        q, k = (_rotate(y, c.interleaved, c.rope_theta, c.rope_scaling) for y in (q, k))
        k, v = (np.repeat(y, c.num_heads // c.num_kv_heads, axis=1) for y in (k, v))
        scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(c.head_dim) + mask
        e = np.exp(scores - scores.max(-1, keepdims=True))
        y = np.einsum("hqk,khd->qhd", e / e.sum(-1, keepdims=True), v).reshape(t, -1)
        x = x + linear(y, p + "self_attn.o_proj")
        h = _norm(x, w(p + "post_attention_layernorm.weight"), c.rms_norm_eps)
        gate = linear(h, p + "mlp.gate_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(h, p + "mlp.up_proj"), p + "mlp.down_proj")
    x = _norm(x, w(FINAL_NORM), c.rms_norm_eps)
    return x @ w(EMBEDDING if c.tied else HEAD).T
