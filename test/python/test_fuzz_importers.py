"""Cut and flipped files: an error that names the file, or a model; never anything else."""

import json
import random
import time

import numpy as np
import pytest
from packed_writers import folder
from test_gguf import Q, write_gguf

from quant_fptq import FptqError, load_checkpoint, save_checkpoint

SECONDS = 3  # for each format; every case is a file of its own


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Cut, or a few bytes changed; mostly in the first kilobytes, where the header is."""
    if rng.random() < 0.3:
        return data[: rng.randrange(len(data))]
    out = bytearray(data)
    end = len(out) if rng.random() < 0.2 else min(len(out), 3000)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(end)
        out[at] = rng.choice((0, 0xFF, out[at] ^ (1 << rng.randrange(8)), rng.randrange(256)))
    return bytes(out)


def survives(path) -> bool:
    """True where it still loads; whatever the file says, the error is the one for users, and names the file."""
    try:
        checkpoint = load_checkpoint(path)
    except FptqError as error:
        assert str(path) in str(error) or str(path.parent) in str(error)
        return False
    for name in list(checkpoint.tensors)[:12]:
        np.asarray(checkpoint[name])
    return True


def fuzz(files, load, seed):
    """Damages one of `files` at a time and loads; says how often that still went well."""
    rng, originals, results = random.Random(seed), {f: f.read_bytes() for f in files}, []
    start = time.monotonic()
    while time.monotonic() - start < SECONDS and len(results) < 3000:
        victim = rng.choice(files)
        victim.write_bytes(damaged(originals[victim], rng))
        results.append(survives(load))
        victim.write_bytes(originals[victim])
    assert survives(load)
    assert len(results) > 20 and not all(results)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NaN scales
class TestDamage:
    def test_gguf(self, tmp_path):
        path = write_gguf(tmp_path / "m.gguf", Q.Q4_0)
        fuzz([path], path, 1)

    @pytest.mark.parametrize("method", ["compressed-tensors", "gptq", "awq"])
    def test_folders(self, tmp_path, method):
        made = folder(tmp_path, method, symmetric=False)
        made.settings["bits"] = 4
        path = made.write(tmp_path / "m")
        fuzz([path / "config.json", path / "model.safetensors"], path, 2)

    def test_native(self, tmp_path):
        made = folder(tmp_path, "compressed-tensors", scale=0.5)
        path = tmp_path / "m.safetensors"
        save_checkpoint(load_checkpoint(made.write(tmp_path / "m")), path)
        fuzz([path], path, 3)

    def test_llama2c(self, stories, tmp_path):
        path = tmp_path / "m.bin"
        path.write_bytes(stories.read_bytes())
        fuzz([path], path, 4)

    def test_index(self, tmp_path):
        made = folder(tmp_path, "awq")
        made.settings["bits"] = 4
        path = made.write(tmp_path / "m")
        index = path / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": {"lm_head.weight": "model.safetensors"}}))
        fuzz([index], path, 5)
