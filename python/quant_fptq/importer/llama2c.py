"""llama2.c version-0 checkpoints: seven int32, then float32 arrays in a fixed order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer.checkpoint import EMBEDDING, FINAL_NORM, HEAD, Checkpoint, LlamaConfig, Tensor

_FIELDS = ("dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len")

#: More than any size of a model.
_MOST = 1 << 24


def _config(path: Path, header: np.ndarray, context: int | None) -> LlamaConfig:
    dim, hidden, layers, heads, kv_heads, vocab, seq_len = (int(x) for x in header)
    for key, value in zip(_FIELDS, (dim, hidden, layers, heads, kv_heads, abs(vocab), seq_len)):
        if not 0 < value < _MOST:
            raise FptqError(f"{path}: {key} is {value}; not a llama2.c version-0 checkpoint")
    if dim % heads:
        raise FptqError(f"{path}: dim {dim} is not a multiple of n_heads {heads}")
    config = LlamaConfig(dim, hidden, layers, heads, kv_heads, abs(vocab), min(seq_len, context or seq_len),
                         dim // heads, interleaved=True, tied=vocab > 0, bos=1, eos=(2,))
    config.check(str(path))
    return config


def is_header(start: bytes) -> bool:
    """Whether a file that starts so has sizes that a model can have."""
    return len(start) >= 28 and all(0 < abs(int(x)) < _MOST for x in np.frombuffer(start[:28], "<i4"))


def load(path: Path, context: int | None = None) -> Checkpoint:
    """Maps `path`. Raises FptqError for impossible sizes or a file that is cut short."""
    size = path.stat().st_size
    if size < 28:
        raise FptqError(f"{path}: {size} bytes are too few for a llama2.c header of 28")
    header = np.fromfile(path, "<i4", 7)
    config = _config(path, header, context)
    data = np.memmap(path, "<f4", "r", offset=28, shape=(size - 28) // 4)
    checkpoint = Checkpoint(path, config)
    at = 0

    def take(what: str, *shape: int) -> np.ndarray:
        nonlocal at
        count = int(np.prod(shape, dtype=np.int64))
        if at + count > data.size:
            raise FptqError(f"{path}: the file ends inside '{what}': {data.size * 4 + 28} bytes, "
                            f"expected at least {(at + count) * 4 + 28}")
        view = data[at : at + count].reshape(shape)
        at += count
        return view

    def stack(what: str, name: str, *shape: int) -> None:
        for i, layer in enumerate(take(what, config.num_layers, *shape)):
            checkpoint.tensors[f"model.layers.{i}.{name}.weight"] = Tensor(layer)

    d, f, q, kv = config.hidden_size, config.intermediate_size, config.q_size, config.kv_size
    checkpoint.tensors[EMBEDDING] = Tensor(take("token embedding", config.vocab_size, d))
    stack("rms_att", "input_layernorm", d)
    stack("wq", "self_attn.q_proj", q, d)
    stack("wk", "self_attn.k_proj", kv, d)
    stack("wv", "self_attn.v_proj", kv, d)
    stack("wo", "self_attn.o_proj", d, q)
    stack("rms_ffn", "post_attention_layernorm", d)
    stack("w1", "mlp.gate_proj", f, d)
    stack("w2", "mlp.down_proj", d, f)
    stack("w3", "mlp.up_proj", f, d)
    checkpoint.tensors[FINAL_NORM] = Tensor(take("rms_final", d))
    if not config.tied:
        take("rotary tables", 2, int(header[6]), config.head_dim // 2)
        checkpoint.tensors[HEAD] = Tensor(take("classifier", config.vocab_size, d))
    checkpoint.check()
    return checkpoint
