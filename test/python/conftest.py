"""Models small enough to check against plain numpy, and what the shared folder has."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from quant_fptq.importer import safetensors

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmark" / "nvptx"))  # its reference and its artifacts are tested here
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def kjv_folder() -> Path:
    """The shipped model."""
    return ROOT / "test" / "models" / "kjv"


@pytest.fixture(scope="session")
def stories() -> Path:
    """stories260K with its tokenizer; the test skips where it is absent."""
    path = SHARED / "stories260K" / "stories260K.bin"
    if not path.exists():
        pytest.skip(f"no {path.name} in ../shared/data")
    return path


@pytest.fixture(scope="session")
def stories_text() -> Path:
    path = SHARED / "text" / "tinystories_train_2MiB.txt"
    if not path.exists():
        pytest.skip(f"no {path.name} in ../shared/data")
    return path


@pytest.fixture(scope="session")
def opt_ranges() -> Path:
    path = SHARED / "opt_act_scales" / "opt-1.3b.safetensors"
    if not path.exists():
        pytest.skip(f"no {path.name} in ../shared/data")
    return path


TINY = {
    "model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 40, "max_position_embeddings": 24,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": False, "hidden_act": "silu",
    "bos_token_id": 1, "eos_token_id": 2,
}


def write_tiny(folder: Path, dtype=np.float32, shards: int = 1, seed: int = 5, **changes) -> Path:
    """A random Hugging Face Llama, or what `changes` to its config.json make of it, in `folder`, in one file or in
    `shards` with an index."""
    from quant_fptq.importer.families import FAMILIES
    from quant_fptq.importer.fused import as_in_file
    from quant_fptq.importer.huggingface_config import read_config

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**TINY, **changes}))
    rng = np.random.default_rng(seed)
    tensors = {}
    family = FAMILIES[changes.get("model_type", "llama")]
    for tensor in as_in_file(read_config(folder / "config.json"), family.fused):
        name, shape = tensor.name, tensor.shape
        scale, mean = (0.1, 0.0 if family.offset_norms else 1.0) if len(shape) == 1 else (shape[-1] ** -0.5, 0.0)
        tensors[name] = (rng.standard_normal(shape) * scale + mean).astype(dtype)
    if shards == 1:
        safetensors.write(folder / "model.safetensors", tensors)
        return folder
    index = {}
    for i in range(shards):
        part = dict(list(tensors.items())[i::shards])
        safetensors.write(folder / f"model-{i}.safetensors", part)
        index.update({name: f"model-{i}.safetensors" for name in part})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return folder


@pytest.fixture
def tiny(tmp_path) -> Path:
    return write_tiny(tmp_path / "tiny")
