"""Mistral, Qwen2, Qwen3 and Llamas with biases: folders against plain numpy, in float and quantized, and back again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import write_tiny
from oracle import forward
from packed_writers import folder

from quant_fptq import FptqError, Session, load_checkpoint
from quant_fptq.importer import export, native
from quant_fptq.importer.checkpoint import LINEARS
from quant_fptq.model import Model
from quant_fptq.outliers import Outliers, inject
from quant_fptq.quantize import QuantizeOptions, calibrate, quantized_checkpoint

SIBLINGS = {
    "mistral": {"model_type": "mistral", "sliding_window": None},
    "qwen2": {"model_type": "qwen2", "use_sliding_window": False, "sliding_window": 4},
    "qwen3": {"model_type": "qwen3", "head_dim": 16},
    "qwen3-bias": {"model_type": "qwen3", "attention_bias": True},
    "llama-attention": {"attention_bias": True},
    "llama-mlp": {"mlp_bias": True},
}
BIASES = {"qwen2": LINEARS[:3], "qwen3-bias": LINEARS[:4], "llama-attention": LINEARS[:4], "llama-mlp": LINEARS[4:]}


@pytest.fixture(scope="module")
def session():
    with Session() as session:
        yield session


def logits(session, checkpoint, tokens, pipeline=None):
    module = session.import_checkpoint(checkpoint)
    if pipeline:
        module.run(pipeline)
    model = Model(module.compile(threads=1), checkpoint.config)
    return np.vstack([model.prefill(tokens[:-3]), [model.decode(token) for token in tokens[-3:]]])


@pytest.mark.parametrize("name", SIBLINGS)
def test_float_logits_follow_numpy(session, tmp_path, name):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **SIBLINGS[name]))
    assert checkpoint.config.biases == BIASES.get(name, ())
    tokens = np.random.default_rng(1).integers(0, 40, 11)
    expected = forward(checkpoint, tokens)
    np.testing.assert_allclose(logits(session, checkpoint, tokens), expected, atol=2e-5 * np.abs(expected).max())


#: Of head_dim's four pairs, Llama 3's rule keeps the first, mixes the second and slows the others.
SCALINGS = {
    "linear": {"rope_type": "linear", "factor": 3.0},
    "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 0.5, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 64},
}


@pytest.mark.parametrize("key", ["rope_scaling", "rope_parameters"])
@pytest.mark.parametrize("name", SCALINGS)
def test_scaled_rotary_embeddings_follow_numpy(session, tmp_path, name, key):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **{key: SCALINGS[name]}))
    tokens = np.random.default_rng(1).integers(0, 40, 20)
    expected = forward(checkpoint, tokens)
    np.testing.assert_allclose(logits(session, checkpoint, tokens), expected, atol=2e-5 * np.abs(expected).max())
    checkpoint.config = replace(checkpoint.config, rope_scaling=None)
    assert np.abs(forward(checkpoint, tokens) - expected).max() > 1e-2 * np.abs(expected).max()


@pytest.mark.parametrize("name", SIBLINGS)
def test_what_is_quantized_is_exported_and_read_again(session, tmp_path, name):
    """The codes of W4A8, with biases and norms beside them, as a folder and as one file of ours."""
    checkpoint = load_checkpoint(write_tiny(tmp_path / "m", **SIBLINGS[name]))
    options = QuantizeOptions(policy="per-token", group_size=16)
    result = quantized_checkpoint(session, checkpoint, options)
    export.compressed_tensors(result, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["model_type"] == name.partition("-")[0].replace(
        "mistral", "llama")  # which is the same function
    native.save(result, tmp_path / "one.safetensors")
    tokens = np.random.default_rng(1).integers(0, 40, 11)
    ours = logits(session, checkpoint, tokens, options.pipeline())
    for path in ("out", "one.safetensors"):
        again = load_checkpoint(tmp_path / path)
        assert again.config == checkpoint.config and again.is_stored
        wanted = forward(again, tokens, w4a8=True)
        np.testing.assert_allclose(ours, wanted, atol=3e-2 * np.abs(wanted).max())
        np.testing.assert_array_equal(again.float32("model.norm.weight"), checkpoint.float32("model.norm.weight"))


def test_codes_of_gptq_keep_their_biases(session, tmp_path):
    """GPTQ's writers add a bias of zeros to every linear; these are not zeros."""
    made = folder(tmp_path, "gptq", bits=4)
    made.settings["bits"], made.config["model_type"] = 4, "qwen2"
    rng = np.random.default_rng(2)
    for i in range(2):
        for linear, n in zip(LINEARS[:3], (64, 32, 32)):
            made.tensors[f"model.layers.{i}.{linear}.bias"] = rng.standard_normal(n).astype(np.float32)
    checkpoint = load_checkpoint(made.write(tmp_path / "m"))
    tokens = np.arange(9)
    expected = forward(checkpoint, tokens)
    np.testing.assert_allclose(logits(session, checkpoint, tokens), expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["qwen2", "llama-mlp"])
def test_outliers_leave_the_function_as_it_is(tmp_path, name):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **SIBLINGS[name]))
    outliers = inject(checkpoint, Outliers(attn=20, ffn=20, down=200, channels=2, seed=1))
    tokens = np.arange(9)
    np.testing.assert_allclose(forward(outliers, tokens), forward(checkpoint, tokens), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["qwen2", "llama-mlp"])
def test_an_equalized_sibling_is_the_same_function(session, tmp_path, name):
    """Scales of the attention's norm and of `up` go through q, k, v and down; biases are behind them."""
    checkpoint = load_checkpoint(write_tiny(tmp_path / "m", **SIBLINGS[name]))
    outliers = inject(checkpoint, Outliers(attn=30, ffn=30, down=30, channels=2, seed=1))
    tokens = np.random.default_rng(1).integers(0, 40, 12)
    module, profile = session.import_checkpoint(outliers), tmp_path / "profile.json"
    calibrate(session, module, outliers, [tokens], profile)
    stages = f"fptq-raise,fptq-attach-profile{{profile={profile}}},fptq-choose-policy{{policy=equalized}},fptq-equalize"
    module.run(f"builtin.module({stages})")
    assert {policy.kind for policy in module.policies()} == {"equalized", "float"}
    model, expected = Model(module.compile(threads=1), outliers.config), forward(checkpoint, tokens)
    np.testing.assert_allclose(model.prefill(tokens), expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("changes, window", [
    ({"model_type": "mistral", "sliding_window": 8}, 8),
    ({"model_type": "mistral", "sliding_window": 8, "use_sliding_window": False}, 8),  # only Qwen's have this key
    ({"model_type": "mistral", "sliding_window": None}, None),
    ({"model_type": "mistral", "max_position_embeddings": 9000}, 4096),  # MistralConfig's own
    ({"model_type": "qwen2", "sliding_window": 8}, None),
    ({"model_type": "qwen3", "sliding_window": 8, "use_sliding_window": True}, 8),
    ({"sliding_window": 8}, None),
])
def test_attention_within_a_window_only(tmp_path, changes, window):
    """Every position sees all before it, so the cache is no longer than what transformers' config classes say."""
    folder = write_tiny(tmp_path, **changes)
    positions = changes.get("max_position_embeddings", 24)
    assert load_checkpoint(folder).config.context == min(window or positions, positions, 2048)
    assert load_checkpoint(folder, context=6).config.context == 6
    if window is None:
        assert load_checkpoint(folder, context=positions).config.context == positions
        return
    with pytest.raises(FptqError, match=f"key 'sliding_window' is {window}, a context of {window + 1} positions"):
        load_checkpoint(folder, context=window + 1)


def test_biases_that_no_architecture_has_are_not_exported(session, tmp_path):
    checkpoint = load_checkpoint(write_tiny(tmp_path / "m", mlp_bias=True))
    checkpoint.config = replace(checkpoint.config, biases=("mlp.down_proj",))
    with pytest.raises(FptqError, match="biases of mlp.down_proj: no architecture"):
        export.compressed_tensors(checkpoint, tmp_path / "out")
