"""A whole export through raise, calibration, quantization and fptq-run, static and dynamic, f32, f16, bf16."""

import os
import pathlib
import subprocess

import numpy as np
import pytest
from safetensors.numpy import save_file

import frontend_encoder as encoder

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("FPTQ_BUILD", ROOT / "build")) / "bin"
TOKENS = 12


def tool(*command) -> None:
    done = subprocess.run([os.fspath(BIN / command[0]), *map(os.fspath, command[1:])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def run(module: pathlib.Path, ids: np.ndarray, dtype: str) -> np.ndarray:
    np.save(module.with_suffix(".ids.npy"), ids)
    result = module.with_suffix(".result.npy")
    tool("fptq-run", module, "--arg", module.with_suffix(".ids.npy"), "--result", result, "--threads", "1")
    return np.load(result).view(encoder.NUMPY[dtype]).astype(np.float64)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


@pytest.mark.parametrize("dtype, close", [("f32", 1e-4), ("f16", 3e-2), ("bf16", 2e-1)])
@pytest.mark.parametrize("tokens", [None, TOKENS], ids=["dynamic", "static"])
def test_encoder(tmp_path, dtype, close, tokens):
    values = encoder.weights(3, dtype)
    ids = np.random.default_rng(4).integers(0, encoder.VOCABULARY, (1, TOKENS))
    model = tmp_path / "model.mlir"
    model.write_text(encoder.Emitter(dtype, tokens).module(values))
    expected = encoder.forward(values, ids)
    np.testing.assert_allclose(run(model, ids, dtype), expected, atol=close)

    observed, profile, quantized = tmp_path / "observed.mlir", tmp_path / "profile.json", tmp_path / "quantized.mlir"
    tool("fptq-opt", "--fptq-raise", "--fptq-insert-observers", model, "-o", observed)
    save_file({"arg0": ids[None]}, tmp_path / "ids.safetensors")
    tool("fptq-run", observed, "--inputs", tmp_path / "ids.safetensors", "--calibrate", profile)
    tool("fptq-opt", f"--fptq-quantize-pipeline=profile={profile} group-size=32", model, "-o", quantized)
    text = quantized.read_text()
    assert text.count("fptq.quantized_matmul") == 6 * encoder.LAYERS
    assert "fptq.linear" not in text
    # Random Gaussian weights are the worst case for 4 bits (22 dB a layer); a broken layer gives less than 0.9.
    assert cosine(run(quantized, ids, dtype), expected) > 0.96
