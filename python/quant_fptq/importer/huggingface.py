"""Hugging Face folders: one or many safetensors beside a config.json."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer import packed, safetensors
from quant_fptq.importer.checkpoint import EMBEDDING, HEAD, Checkpoint, LlamaConfig, Tensor, layer_of
from quant_fptq.importer.families import Family
from quant_fptq.importer.fused import FileTensor, as_in_file, rows_of
from quant_fptq.importer.huggingface_config import config_of, family_of, read_config, read_raw
from quant_fptq.importer.stored import LazyArray, StoredWeight
from quant_fptq.json_input import read_object

_INDEX = "model.safetensors.index.json"
_FLOATS = {safetensors.DTYPES[name] for name in ("F32", "F16", "BF16")}


def _shards(folder: Path) -> list[Path]:
    index = folder / _INDEX
    if not index.exists():
        return [folder / "model.safetensors"]
    names = read_object(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise FptqError(f"{index}: key 'weight_map' is no object of file names")
    for tensor, name in names.items():
        # A file anywhere else is not this model's, whatever the index says.
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise FptqError(f"{index}: key 'weight_map': '{tensor}' lies in {name!r}, expected the name of a "
                            ".safetensors file beside the index")
    return [folder / name for name in sorted(set(names.values()))]


def _files(path: Path) -> list[Path]:
    """The shards of a folder; of a file, that one, beside which there may be others of other models. Raises FptqError
    for one of several shards."""
    if path.is_dir():
        return _shards(path)
    index = path.with_name(_INDEX)
    shards = _shards(path.parent) if index.exists() else []
    if path in shards and len(shards) > 1:
        raise FptqError(f"{path}: one of the {len(shards)} files of a model, says {index}; name the folder")
    return [path]


def _open(folder: Path, paths: list[Path]) -> packed.Source:
    """Every tensor of every shard."""
    tensors: dict[str, np.ndarray] = {}
    files: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            _refuse_pickle(folder)
        for name, array in safetensors.open_mapped(path).items():
            if name in files:
                raise FptqError(f"{path}: tensor '{name}' lies in {files[name]}, too")
            tensors[name], files[name] = array, path
    return packed.Source(tensors, files, folder / "config.json")


def _refuse_pickle(folder: Path) -> None:
    for path in sorted(folder.glob("*.bin")) + sorted(folder.glob("*.pt")):
        raise FptqError(f"{path}: a pickled PyTorch file, which can run code when it is read; save the model as "
                        "safetensors and import that")


def _settings(folder: Path, method: str | None) -> dict | None:
    """How the folder says it was quantized; `method` overrules its `quant_method`."""
    settings = read_object(folder / "config.json").get("quantization_config")
    beside = folder / "quantize_config.json"  # AutoGPTQ's own
    if settings is None and beside.exists():
        settings = {"quant_method": "gptq", **read_object(beside)}
    if settings is not None and not isinstance(settings, dict):
        raise FptqError(f"{folder / 'config.json'}: key 'quantization_config' is no JSON object")
    if method is None:
        return settings
    return {**(settings or {}), "quant_method": method}


def _read_activations(checkpoint: Checkpoint, source: packed.Source, settings: dict, fused: bool) -> None:
    """Static scales become the checkpoint's; says where it asks for activations that the compiler cannot give it."""
    for tensor in as_in_file(checkpoint.config, fused):
        scale = packed.input_scale(source, layer_of(tensor.name))
        if scale is not None:
            checkpoint.input_scales.update({layer_of(name): scale for name, _ in tensor.parts
                                            if checkpoint.tensors[name].stored})
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


def _refuse_unknown(source: packed.Source, config: LlamaConfig, fused: bool) -> None:
    """Weights beside those that config.json asks for mean another function: biases, norms of q and k, positions,
    adapters. Names that begin otherwise are of other heads, and some writers save a tied head, too."""
    names = {tensor.name for tensor in as_in_file(config, fused)}
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


def _take(checkpoint: Checkpoint, tensor: FileTensor, array: np.ndarray | StoredWeight, path: Path | None,
          family: Family) -> None:
    """A tensor of the folder as the weights that it is: fused ones are cut, and gammas stored less 1 get it back."""
    if family.offset_norms and len(tensor.shape) == 1 and tensor.name.endswith("norm.weight"):
        offset = array
        checkpoint.tensors[tensor.name] = Tensor(LazyArray(array.shape, np.float32,
                                                           lambda: np.asarray(offset, np.float32) + np.float32(1)))
        return
    for name, rows in tensor.parts:
        whole = len(tensor.parts) == 1
        checkpoint.tensors[name] = Tensor(array if whole else rows_of(array, rows), path if whole else None)


def _jsons(folder: Path) -> list[Path]:
    """What says what the tensors are."""
    names = ("config.json", "generation_config.json", "quantize_config.json", _INDEX)
    return [folder / name for name in names if (folder / name).exists()]


def load(model: Path, context: int | None = None, method: str | None = None) -> Checkpoint:
    """Maps every shard of a folder, or one file beside its config.json; weights the architecture does not know are
    left out.

    Linears that `quantization_config` (or `method`) says are quantized keep their codes.
    """
    folder = model if model.is_dir() else model.parent
    path = folder / "config.json"
    raw = read_raw(path)
    config, family = config_of(path, raw, context), family_of(path, raw)
    source, settings = _open(folder, _files(model)), _settings(folder, method)
    _refuse_unknown(source, config, family.fused)
    stored: packed.Reader = packed.reader(source, settings) if settings else lambda name, shape: None
    checkpoint = Checkpoint(model, config, files=[*sorted(set(source.files.values())), *_jsons(folder)])
    if _own_head(source, config, stored):
        config = checkpoint.config = replace(config, tied=False)
        checkpoint.notes.append(f"{path}: key 'tie_word_embeddings' is true, but the file has a '{layer_of(HEAD)}' that "
                                "is not the embedding; it is used")
    for tensor in as_in_file(config, family.fused):
        name, shape = tensor.name, tensor.shape
        weight = stored(name, shape) if len(shape) == 2 and name != EMBEDDING else None
        if weight is not None:
            _take(checkpoint, tensor, weight, None, family)
        elif name in source.tensors:
            array, file = source.tensors[name], source.files[name]
            if array.dtype not in _FLOATS:
                raise FptqError(f"{file}: tensor '{name}' is {array.dtype}, expected f32, f16 or bf16")
            if array.shape != shape:
                raise FptqError(f"{model}: tensor '{name}' has shape {list(array.shape)}, expected {list(shape)}")
            _take(checkpoint, tensor, np.asarray(array), file.resolve(), family)
        elif len(tensor.parts) > 1:
            raise FptqError(f"{model}: no tensor '{name}'")
    checkpoint.check()
    if settings:
        _read_activations(checkpoint, source, settings, family.fused)
    return checkpoint
