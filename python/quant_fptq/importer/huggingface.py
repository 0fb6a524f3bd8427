"""Hugging Face folders of Llama and its siblings: config.json and one or many safetensors."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer import packed, safetensors
from quant_fptq.importer.checkpoint import (DEFAULT_CONTEXT, EMBEDDING, HEAD, LINEARS, Checkpoint, LlamaConfig,
                                            Tensor, is_number, layer_of, positions_within, tokens_of)

_FLOATS = {safetensors.DTYPES[name] for name in ("F32", "F16", "BF16")}


def read_json(path: Path) -> dict:
    """A file that is one JSON object. Raises FptqError naming it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FptqError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise FptqError(f"{path}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise FptqError(f"{path}: expected a JSON object")
    return value


#: By `model_type`, what config.json does not say: the linears that always have a bias.
_BIASES: dict[str, tuple[str, ...]] = {"llama": (), "mistral": (), "qwen2": LINEARS[:3], "qwen3": ()}


def _refuse_other_architectures(path: Path, raw: dict) -> None:
    kind, activation = raw.get("model_type"), raw.get("hidden_act")
    if not isinstance(kind, str) or kind not in _BIASES:
        raise FptqError(f"{path}: model_type is '{kind}', expected {', '.join(_BIASES)}")
    if activation not in (None, "silu", "swish"):
        raise FptqError(f"{path}: hidden_act is '{activation}', expected 'silu'")
    if raw.get("partial_rotary_factor") not in (None, 1):
        raise FptqError(f"{path}: partial_rotary_factor is {raw['partial_rotary_factor']!r}, expected 1: heads are "
                        "rotated whole")


def biases_of(raw: dict) -> tuple[str, ...]:
    """Which of LINEARS add a bias, by config.json."""
    named = {"attention_bias": LINEARS[:4], "mlp_bias": LINEARS[4:]}
    asked = {linear for key, linears in named.items() if raw.get(key) for linear in linears}
    return tuple(linear for linear in LINEARS if linear in asked or linear in _BIASES[raw["model_type"]])


def _window(raw: dict) -> Any:
    """`sliding_window` as transformers' config classes read it: each has its own default, and only Qwen's can turn it
    off. None: attention is over everything."""
    if raw["model_type"] == "mistral" or raw["model_type"] != "llama" and raw.get("use_sliding_window"):
        return raw.get("sliding_window", 4096)
    return None


def _rope(path: Path, raw: dict) -> tuple[float, dict | None]:
    key = "rope_scaling" if raw.get("rope_scaling") else "rope_parameters"  # the second since transformers 5
    scaling = raw.get(key) or {}
    if not isinstance(scaling, dict):
        raise FptqError(f"{path}: key '{key}' is {scaling!r}, expected an object")
    for layers, value in scaling.items():
        if isinstance(value, dict):
            raise FptqError(f"{path}: key '{key}' has parameters of their own for '{layers}', expected the same "
                            "for all layers")
    theta = next((where["rope_theta"] for where in (raw, scaling) if where.get("rope_theta") is not None), 10000.0)
    if not is_number(theta) or theta <= 0:
        raise FptqError(f"{path}: key 'rope_theta' is {theta!r}, expected a positive number")
    if scaling:
        kind = scaling.get("rope_type") or scaling.get("type") or "default"
        if kind not in ("default", "linear", "llama3"):
            raise FptqError(f"{path}: key '{key}' has the rope_type {kind!r}, expected default, linear or llama3")
        scaling = None if kind == "default" else {**scaling, "rope_type": kind}
    return float(theta), scaling or None


def _eos(path: Path, raw: dict) -> tuple[int, ...]:
    """Of config.json, and of generation_config.json beside it: chat models name the end of a turn only there."""
    beside = path.with_name("generation_config.json")
    more = read_json(beside).get("eos_token_id") if beside.exists() else None
    return tokens_of([*tokens_of(raw.get("eos_token_id")), *tokens_of(more)])


def read_config(path: Path, context: int | None = None) -> LlamaConfig:
    """config.json as sizes. Raises FptqError naming the key."""
    raw = read_json(path)
    _refuse_other_architectures(path, raw)

    def size(key: str, default: int | None = None) -> int:
        value = raw.get(key)
        if value is None:
            value = default
        if not isinstance(value, int) or isinstance(value, bool):
            raise FptqError(f"{path}: key '{key}' is {value!r}, expected a number")
        return value

    heads, hidden = size("num_attention_heads"), size("hidden_size")
    positions = size("max_position_embeddings", DEFAULT_CONTEXT)
    theta, scaling = _rope(path, raw)
    tied = raw.get("tie_word_embeddings")
    if tied not in (None, False, True):
        raise FptqError(f"{path}: key 'tie_word_embeddings' is {tied!r}, expected true or false")
    config = LlamaConfig(
        hidden_size=hidden,
        intermediate_size=size("intermediate_size"),
        num_layers=size("num_hidden_layers"),
        num_heads=heads,
        num_kv_heads=size("num_key_value_heads", heads),
        vocab_size=size("vocab_size"),
        context=positions_within(str(path), "sliding_window", _window(raw), positions, context),
        head_dim=size("head_dim", hidden // max(heads, 1)),
        rms_norm_eps=raw.get("rms_norm_eps", 1e-6),
        rope_theta=theta,
        rope_scaling=scaling,
        tied=bool(tied),
        biases=biases_of(raw),
        qk_norm=raw["model_type"] == "qwen3",
        bos=next(iter(tokens_of(raw.get("bos_token_id"))), None),
        eos=_eos(path, raw),
    )
    config.check(str(path))
    return config


def _files(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return [folder / "model.safetensors"]
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise FptqError(f"{index}: key 'weight_map' is no object of file names")
    for tensor, name in names.items():
        # A file anywhere else is not this model's, whatever the index says.
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise FptqError(f"{index}: key 'weight_map': '{tensor}' lies in {name!r}, expected the name of a "
                            ".safetensors file beside the index")
    return [folder / name for name in sorted(set(names.values()))]


def _open(folder: Path) -> packed.Source:
    """Every tensor of every shard."""
    tensors, files = {}, {}
    for path in _files(folder):
        if not path.exists():
            _refuse_pickle(folder)
        for name, array in safetensors.open_mapped(path).items():
            tensors[name], files[name] = array, path
    return packed.Source(tensors, files, folder / "config.json")


def _refuse_pickle(folder: Path) -> None:
    for path in sorted(folder.glob("*.bin")) + sorted(folder.glob("*.pt")):
        raise FptqError(f"{path}: a pickled PyTorch file, which can run code when it is read; save the model as "
                        "safetensors and import that")


def _settings(folder: Path, method: str | None) -> dict | None:
    """How the folder says it was quantized; `method` overrules its `quant_method`."""
    settings = read_json(folder / "config.json").get("quantization_config")
    beside = folder / "quantize_config.json"  # AutoGPTQ's own
    if settings is None and beside.exists():
        settings = {"quant_method": "gptq", **read_json(beside)}
    if settings is not None and not isinstance(settings, dict):
        raise FptqError(f"{folder / 'config.json'}: key 'quantization_config' is no JSON object")
    if method is None:
        return settings
    return {**(settings or {}), "quant_method": method}


def _read_activations(checkpoint: Checkpoint, source: packed.Source, settings: dict) -> None:
    """Static scales become the checkpoint's; says where it asks for activations that the compiler cannot give it."""
    for name in checkpoint.linears():
        scale = packed.input_scale(source, layer_of(name))
        if scale is not None and checkpoint.tensors[name].stored:
            checkpoint.input_scales[layer_of(name)] = scale
    groups = settings.get("config_groups") or {}
    if not isinstance(groups, dict):
        raise source.error("quantization_config: key 'config_groups' is no JSON object")
    for name, group in groups.items():
        wanted = group.get("input_activations") if isinstance(group, dict) else None
        if wanted is None:
            continue
        known = isinstance(wanted, dict) and wanted.get("num_bits") == 8 and wanted.get("type", "int") == "int" and (
            wanted.get("strategy") == ("token" if wanted.get("dynamic") else "tensor"))
        if not known or not wanted.get("symmetric", True):
            checkpoint.notes.append(f"{checkpoint.source}: config group '{name}' has the activations {wanted}; they "
                                    "are quantized to 8 bits, symmetrically, per token or with the file's static scale")


def _refuse_unknown(source: packed.Source, config: LlamaConfig) -> None:
    """Weights beside those that config.json asks for mean another function: biases, norms of q and k, positions,
    adapters. Names that begin otherwise are of other heads, and some writers save a tied head, too."""
    names = {name for name, _ in config.shapes()}
    known = {layer_of(name) for name in (HEAD, *names)}
    for name, array in source.tensors.items():
        owner, _, part = name.rpartition(".")
        if not name.startswith(("model.", "lm_head.")) or part == "inv_freq" or owner in known and part != "bias":
            continue  # tables of older writers; codes, scales and the rest of a quantized layer
        if name in names:
            continue
        if part == "bias" and owner in known and not np.any(array):
            continue  # GPTQ's writers add zeros
        raise FptqError(f"{source.files[name]}: tensor '{name}': this is another architecture than config.json says")


def _own_head(source: packed.Source, config: LlamaConfig, stored: packed.Reader) -> bool:
    """Whether a model that says its head is the embedding comes with another one; transformers uses that, too."""
    if not config.tied:
        return False
    quantized = stored(HEAD, (config.vocab_size, config.hidden_size)) is not None
    parts = [name for name in source.tensors if layer_of(HEAD) == name.rpartition(".")[0]]
    for name in [] if quantized else parts:
        if name not in (HEAD, f"{layer_of(HEAD)}.bias"):
            raise FptqError(f"{source.files[name]}: tensor '{name}': a head in codes, where key 'tie_word_embeddings' "
                            "of config.json says that the head is the embedding")
    head, embedding = source.tensors.get(HEAD), source.tensors.get(EMBEDDING)
    if head is None or embedding is None:
        return quantized
    rows = range(0, max(len(head), 1), 4096)  # a part at a time: these may be gigabytes
    return quantized or head.shape != embedding.shape or not all(
        np.array_equal(head[i : i + 4096], embedding[i : i + 4096]) for i in rows)


def load(folder: Path, context: int | None = None, method: str | None = None) -> Checkpoint:
    """Maps every shard of `folder`; weights the architecture does not know are left out.

    Linears that `quantization_config` (or `method`) says are quantized keep their codes.
    """
    config = read_config(folder / "config.json", context)
    source, settings = _open(folder), _settings(folder, method)
    _refuse_unknown(source, config)
    stored: packed.Reader = packed.reader(source, settings) if settings else lambda name, shape: None
    checkpoint = Checkpoint(folder, config, files=sorted(set(source.files.values())))
    if _own_head(source, config, stored):
        config = checkpoint.config = replace(config, tied=False)
        checkpoint.notes.append(f"{folder / 'config.json'}: key 'tie_word_embeddings' is true, but the file has a "
                                f"'{layer_of(HEAD)}' that is not the embedding; it is used")
    for name, shape in config.shapes():
        weight = stored(name, shape) if len(shape) == 2 and name != EMBEDDING else None
        if weight is not None:
            checkpoint.tensors[name] = Tensor(weight)
        elif name in source.tensors:
            array, path = source.tensors[name], source.files[name]
            if array.dtype not in _FLOATS:
                raise FptqError(f"{path}: tensor '{name}' is {array.dtype}, expected f32, f16 or bf16")
            checkpoint.tensors[name] = Tensor(np.asarray(array), path.resolve())
    checkpoint.check()
    if settings:
        _read_activations(checkpoint, source, settings)
    return checkpoint
