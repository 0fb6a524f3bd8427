"""Every family and feature beyond Llama's: folders and GGUF files against plain numpy, in float and through W4A8.

That numpy says what transformers does is test_with_torch.py's.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY, write_tiny
from oracle import forward, layer_angles
from packed_writers import folder

from quant_fptq import FptqError, Session, load_checkpoint
from quant_fptq.importer import Tensor, export, native, safetensors
from quant_fptq.importer.checkpoint import LINEARS
from quant_fptq.importer.families import FUSED
from quant_fptq.importer.huggingface_config import config_of, read_config
from quant_fptq.importer.rotary import rotary_tables
from quant_fptq.model import Model
from quant_fptq.outliers import Outliers, inject
from quant_fptq.quantize import QuantizeOptions, calibrate, quantized_checkpoint

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "beta_fast": 4, "beta_slow": 1}
LONGROPE = {"type": "longrope", "short_factor": [1.0, 1.5, 2.0], "long_factor": [2.0, 3.0, 4.0]}
GEMMA = {"hidden_act": None, "head_dim": 16}
GEMMA3 = {"model_type": "gemma3_text", **GEMMA, "query_pre_attn_scalar": 24, "sliding_window": 24,
          "rope_theta": 1e6, "sliding_window_pattern": 2}
FAMILIES = {
    "phi3": {"model_type": "phi3", "sliding_window": None},
    "phi3-partial": {"model_type": "phi3", "partial_rotary_factor": 0.75, "rope_scaling": LONGROPE,
                     "original_max_position_embeddings": 12},
    "gemma": {"model_type": "gemma", **GEMMA},
    "gemma2": {"model_type": "gemma2", **GEMMA, "query_pre_attn_scalar": 24, "attn_logit_softcapping": 1.0,
               "final_logit_softcapping": 2.0},
    "gemma3": {**GEMMA3, "rope_scaling": {"rope_type": "linear", "factor": 8.0}},
    "olmo2": {"model_type": "olmo2"},
    "granite": {"model_type": "granite", "embedding_multiplier": 12.0, "attention_multiplier": 0.5,
                "residual_multiplier": 0.25, "logits_scaling": 8.0},
    "smollm3": {"model_type": "smollm3", "no_rope_layer_interval": 2},
    "yarn": {"model_type": "qwen3", "head_dim": 8, "rope_scaling": YARN},
}
#: What each says, that the first Llama does not.
FEATURES = {
    "phi3": set(), "phi3-partial": {"rotary_dim"}, "gemma": {"activation", "embedding_scale"},
    "gemma2": {"norms", "activation", "embedding_scale", "attention_scale", "attention_softcap", "logits_softcap"},
    "gemma3": {"norms", "activation", "embedding_scale", "attention_scale", "local_layers"},
    "olmo2": {"norms", "qk_norm_whole"}, "smollm3": {"unrotated_layers"}, "yarn": set(),
    "granite": {"embedding_scale", "attention_scale", "residual_scale", "logits_divisor"},
}
TOKENS = np.random.default_rng(1).integers(0, 40, 20)


@pytest.fixture(scope="module")
def session():
    with Session() as session:
        yield session


def logits(session, checkpoint, pipeline=None):
    module = session.import_checkpoint(checkpoint)
    if pipeline:
        module.run(pipeline)
    model = Model(module.compile(threads=1), checkpoint.config)
    return np.vstack([model.prefill(TOKENS[:-3]), [model.decode(token) for token in TOKENS[-3:]]])


def close(got, expected, tolerance=2e-5):
    np.testing.assert_allclose(got, expected, atol=tolerance * np.abs(expected).max())


# Gemma has nothing that Gemma 2 has not, Phi-3s are compiled below, and YaRN is numbers in a table.
@pytest.mark.parametrize("name", ["gemma2", "gemma3", "granite", "olmo2", "smollm3"])
def test_float_logits_follow_numpy(session, tmp_path, name):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **FAMILIES[name]))
    close(logits(session, checkpoint), forward(checkpoint, TOKENS))


@pytest.mark.parametrize("name", FAMILIES)
def test_rotary_tables_follow_numpy(tmp_path, name):
    config = load_checkpoint(write_tiny(tmp_path, **FAMILIES[name])).config
    assert set(config.features()) == FEATURES[name]
    for i in range(config.num_layers):
        angles, factor = layer_angles(config, i, np.arange(config.context))
        got = rotary_tables(config, local=i in config.local_layers)
        np.testing.assert_allclose(got, [table(angles[:, 0]) * factor for table in (np.cos, np.sin)], atol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_feature_changes_the_function(tmp_path, name):
    """What the comparison with numpy cannot see is a feature that both forget."""
    checkpoint = load_checkpoint(write_tiny(tmp_path, **FAMILIES[name]))
    expected, plain = forward(checkpoint, TOKENS), {"rope_scaling": None, "rotary_dim": None, "norms": "before",
                                                    "qk_norm_whole": False}
    config = checkpoint.config
    for key in (*config.features(), *(["rope_scaling"] if config.rope_scaling else [])):
        if key in ("norms", "qk_norm_whole"):
            continue  # other weights
        default = plain.get(key, type(config).__dataclass_fields__[key].default)
        changes = {"rope_scaling": None} if key == "rotary_dim" else {}
        checkpoint.config = replace(config, **{**changes, key: default})
        assert np.abs(forward(checkpoint, TOKENS) - expected).max() > 1e-3 * np.abs(expected).max(), key


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_quantized_is_exported_and_read_again(session, tmp_path, name):
    checkpoint = load_checkpoint(write_tiny(tmp_path / "m", **FAMILIES[name]))
    options = QuantizeOptions(policy="per-token", group_size=16)
    result = quantized_checkpoint(session, checkpoint, options)
    native.save(result, tmp_path / "one.safetensors")
    export.compressed_tensors(result, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "config.json").read_text())["model_type"]
    assert written == {"phi3": "llama"}.get(name, FAMILIES[name]["model_type"])
    expected = forward(result, TOKENS, w4a8=True)
    if name in ("phi3-partial", "gemma2"):  # rows that are cut and gammas that are whole, compiled
        close(logits(session, checkpoint, options.pipeline()), expected, 3e-2)
    for path in ("one.safetensors", "out"):
        again = load_checkpoint(tmp_path / path)
        assert again.config == checkpoint.config and again.is_stored
        for norm in checkpoint.tensors:
            if norm.endswith("norm.weight"):  # Gemma's are written less 1
                np.testing.assert_allclose(again.float32(norm), checkpoint.float32(norm), rtol=1e-6)
        close(forward(again, TOKENS, w4a8=True), expected, 1e-3)


@pytest.mark.parametrize("name", ["phi3", "gemma2"])
def test_an_equalized_model_is_the_same_function(session, tmp_path, name):
    """Scales go into whole gammas, also where the file has them less 1, and into parts of what was one weight."""
    checkpoint = load_checkpoint(write_tiny(tmp_path / "m", **FAMILIES[name], num_hidden_layers=1))
    outliers = inject(checkpoint, Outliers(attn=30, ffn=30, down=30, channels=2, seed=1))
    module, profile = session.import_checkpoint(outliers), tmp_path / "profile.json"
    calibrate(session, module, outliers, [TOKENS], profile)
    stages = f"fptq-raise,fptq-attach-profile{{profile={profile}}},fptq-choose-policy{{policy=equalized}},fptq-equalize"
    module.run(f"builtin.module({stages})")
    assert {policy.kind for policy in module.policies()} == {"equalized", "float"}
    scaled = re.findall(r"fptq.scale_channels .* : (tensor<\?x\d+xf32>)", module.text())
    # Only what enters o_proj (heads wider than the model) is divided while running: it comes from the cache.
    assert name == "phi3" or set(scaled) == {"tensor<?x64xf32>"}
    model = Model(module.compile(threads=1), outliers.config)
    close(model.prefill(TOKENS), forward(checkpoint, TOKENS), 1e-4)


def test_gammas_are_whole_and_fused_weights_are_cut(tmp_path):
    gemma, phi = write_tiny(tmp_path / "g", **FAMILIES["gemma2"]), write_tiny(tmp_path / "p", **FAMILIES["phi3"])
    stored, checkpoint = safetensors.open_mapped(gemma / "model.safetensors"), load_checkpoint(gemma)
    for name in ("model.norm.weight", "model.layers.1.pre_feedforward_layernorm.weight"):
        np.testing.assert_array_equal(checkpoint[name], stored[name] + np.float32(1))
    stored, checkpoint = safetensors.open_mapped(phi / "model.safetensors"), load_checkpoint(phi)
    for owner, parts in FUSED.items():
        whole = np.vstack([checkpoint[f"model.layers.1.{part}.weight"] for part in parts])
        np.testing.assert_array_equal(whole, stored[f"model.layers.1.{owner}.weight"])


@pytest.mark.parametrize("method", ["compressed-tensors", "gptq", "awq"])
def test_codes_of_fused_weights_are_cut(session, tmp_path, method):
    """The rows of a quantized qkv_proj with their scales, zero points and order, and its static scale for each part."""
    order, scale = method != "awq", 0.03125 if method == "compressed-tensors" else None
    made = folder(tmp_path, method, symmetric=False, order=order, scale=scale, model_type="phi3")
    made.settings["bits"] = 4
    checkpoint = load_checkpoint(made.write(tmp_path / "m"))
    for owner, parts in FUSED.items():
        name = f"model.layers.1.{owner}.weight"
        whole = np.vstack([checkpoint.float32(f"model.layers.1.{part}.weight") for part in parts])
        np.testing.assert_array_equal(whole, made.expected[name])
        assert all(checkpoint.tensors[f"model.layers.1.{part}.weight"].stored for part in parts)
    assert len(checkpoint.input_scales) == (14 if scale else 0)
    if scale:  # with order and zero points; the others' parts are of the same kinds
        close(logits(session, checkpoint), forward(checkpoint, TOKENS, w4a8=True), 3e-2)


@pytest.mark.parametrize("context, factors", [(12, "short"), (24, "long")])
def test_longrope_has_one_set_of_factors_for_a_cache(tmp_path, context, factors):
    config = load_checkpoint(write_tiny(tmp_path, **FAMILIES["phi3-partial"]), context=context).config
    factor = np.sqrt(1 + np.log(2) / np.log(12))
    angles = np.outer(np.arange(context), 1e4 ** (-np.arange(3) / 3) / np.array(LONGROPE[f"{factors}_factor"]))
    np.testing.assert_allclose(rotary_tables(config), [np.cos(angles) * factor, np.sin(angles) * factor], atol=1e-6)


@pytest.mark.parametrize("changes", [
    {"sliding_window_pattern": None, "layer_types": ["sliding_attention", "full_attention"]},
    {"rope_theta": None, "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e6},
                                             "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}},
    {"rope_theta": None, "rope_local_base_freq": None},  # the config class's own
    {"tie_word_embeddings": None},
])
def test_gemma3_however_its_config_says_it(tmp_path, changes):
    plain = load_checkpoint(write_tiny(tmp_path / "a", **{**GEMMA3, "tie_word_embeddings": True})).config
    assert plain.local_layers == (0,) and (plain.local_rope_theta, plain.rope_theta) == (1e4, 1e6)
    changed = {**GEMMA3, "tie_word_embeddings": True, **changes}
    assert load_checkpoint(write_tiny(tmp_path / "b", **changed)).config == plain


@pytest.mark.parametrize("changes, caps, kv", [
    ({}, (50.0, 30.0), 2), ({"attn_logit_softcapping": None, "final_logit_softcapping": 1.5}, (None, 1.5), 2),
    ({"num_key_value_heads": None}, (50.0, 30.0), 4)])
def test_a_key_that_is_left_out_is_not_a_null(tmp_path, changes, caps, kv):
    (tmp_path / "config.json").write_text(json.dumps({**TINY, "model_type": "gemma2", **changes}))
    config = read_config(tmp_path / "config.json")
    assert (config.attention_softcap, config.logits_softcap) == caps and config.num_kv_heads == kv


@pytest.mark.parametrize("family, heads, kv", [
    ("llama", None, 4), ("mistral", None, 8), ("qwen2", None, 32), ("qwen3", 128, 32), ("phi3", None, 4),
    ("gemma", 256, 16), ("gemma2", 256, 4), ("gemma3_text", 256, 4), ("olmo2", None, 4), ("granite", None, 4),
    ("smollm3", None, 4)])
def test_sizes_that_are_left_out_are_those_of_the_config_class(family, heads, kv):
    """As AutoConfig of transformers 5.24 reads them."""
    said = ("intermediate_size", "num_hidden_layers", "vocab_size")
    raw = {key: TINY[key] for key in said}
    raw.update(model_type=family, num_attention_heads=max(4, kv), hidden_size=256)
    config = config_of(Path("config.json"), raw)
    assert (config.head_dim, config.num_kv_heads) == (heads or 256 // max(4, kv), kv)
    tokens = {"qwen2": (None, ()), "qwen3": (None, ()), "phi3": (1, (32000,)), "olmo2": (None, (50279,)),
              "smollm3": (128000, (128001,))}
    assert (config.bos, config.eos) == tokens.get(family, (2, (1,)) if family.startswith("gemma") else (1, (2,)))
    whole = config_of(Path("config.json"), {**raw, "head_dim": None, "num_key_value_heads": None})
    assert (whole.head_dim, whole.num_kv_heads) == (256 // max(4, kv), max(4, kv))


@pytest.mark.parametrize("family, attention, mlp", [
    ("llama", 4, 3), ("mistral", 0, 0), ("qwen2", 3, 0), ("qwen3", 4, 0), ("phi3", 0, 0), ("gemma", 4, 0),
    ("gemma2", 4, 0), ("gemma3_text", 4, 0), ("olmo2", 4, 0), ("granite", 4, 3), ("smollm3", 4, 3)])
def test_keys_of_biases_that_a_family_ignores(family, attention, mlp):
    """As the layers of transformers 5.24: a Qwen2's q, k and v have biases, whatever attention_bias says."""
    raw = {**TINY, "model_type": family, "attention_bias": True, "mlp_bias": True}
    del raw["hidden_act"]
    assert config_of(Path("config.json"), raw).biases == (*LINEARS[:attention], *LINEARS[4:4 + mlp])


@pytest.mark.parametrize("changes, message", [
    ({"model_type": "gemma", "use_bidirectional_attention": True}, "key 'use_bidirectional_attention' is True"),
    ({"model_type": "gemma", "hidden_act": "relu"}, "hidden_act is 'relu', expected 'gelu_pytorch_tanh'"),
    ({"model_type": "gemma2", "hidden_activation": "gelu"}, "hidden_activation is 'gelu', expected"),
    ({"model_type": "gemma2", "query_pre_attn_scalar": 0}, "key 'query_pre_attn_scalar' is 0, expected a positive"),
    ({"model_type": "gemma2", "attn_logit_softcapping": "x"}, "key 'attn_logit_softcapping' is 'x', expected a number"),
    ({"model_type": "gemma2", "final_logit_softcapping": -1.0}, "logits_softcap is -1.0, expected a positive number"),
    ({**GEMMA3, "attn_logit_softcapping": 50.0}, "key 'attn_logit_softcapping' is 50.0, expected None"),
    ({**GEMMA3, "layer_types": ["sliding_attention", "chunked_attention"]}, "key 'layer_types' has 'chunked_attention'"),
    ({**GEMMA3, "layer_types": ["full_attention"]}, "key 'layer_types' is no list of 2 layers"),
    ({**GEMMA3, "sliding_window_pattern": 0}, "key 'sliding_window_pattern' is 0, expected a positive number"),
    ({**GEMMA3, "rope_parameters": {"full_attention": {}, "sliding_attention": {"rope_type": "linear"}}},
     "key 'rope_parameters' scales the 'sliding_attention' layers"),
    ({**GEMMA3, "sliding_window": 8, "context": 9}, "key 'sliding_window' is 8, a context of 9"),
    ({"model_type": "phi3", "partial_rotary_factor": 0.4}, "3 channels of a head are rotated, expected an even number"),
    ({"model_type": "phi3", "partial_rotary_factor": "x"}, "partial_rotary_factor is 'x', expected 1"),
    ({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}, "partial_rotary_factor is 0.5, expected"),
    ({"model_type": "phi3", "rope_scaling": LONGROPE}, "rope_scaling: key 'short_factor' is no list of 4 numbers"),
    ({"model_type": "granite", "logits_scaling": 0}, "logits_divisor is 0, expected a positive number"),
    ({"model_type": "smollm3", "no_rope_layers": [1]}, "key 'no_rope_layers' is no list of 2 layers"),
    ({**GEMMA3, "num_hidden_layers": 1 << 40}, "1099511627776 layers, expected at most 16384"),
    ({"rope_scaling": {**YARN, "beta_fast": -1}}, "rope_scaling: key 'beta_fast' is -1, expected a positive number"),
    ({"rope_scaling": {**YARN, "truncate": "x"}}, "rope_scaling: key 'truncate' is 'x', expected true or false"),
    ({"attention_bias": "false"}, "key 'attention_bias' is 'false', expected true or false"),
    ({"model_type": "qwen3", "use_sliding_window": 2}, "key 'use_sliding_window' is 2, expected true or false"),
    ({"rope_scaling": YARN, "rope_theta": 1}, "rope_theta is 1.0, expected a number above 1 for yarn"),
])
def test_what_is_not_computed_is_refused(tmp_path, changes, message):
    context = changes.get("context")
    (tmp_path / "config.json").write_text(json.dumps({**TINY, **GEMMA, "head_dim": 8, **changes}))
    safetensors.write(tmp_path / "model.safetensors", {"x": np.ones(1, np.float32)})
    with pytest.raises(FptqError, match=re.escape(message)) as error:
        load_checkpoint(tmp_path, context=context)
    assert str(tmp_path) in str(error.value)


def test_parts_that_cannot_be_one_weight_are_not_exported(tmp_path):
    made = folder(tmp_path, "compressed-tensors", scale=0.5, model_type="phi3")
    made.config["partial_rotary_factor"] = 0.5
    checkpoint = load_checkpoint(made.write(tmp_path / "m"))
    export.compressed_tensors(checkpoint, tmp_path / "out")
    again = load_checkpoint(tmp_path / "out")
    assert again.input_scales == checkpoint.input_scales
    for name in checkpoint.tensors:
        np.testing.assert_array_equal(again.float32(name), checkpoint.float32(name))
    checkpoint.input_scales["model.layers.0.self_attn.k_proj"] = 0.25
    with pytest.raises(FptqError, match="'model.layers.0.self_attn.qkv_proj.weight' is one .* static scales"):
        export.compressed_tensors(checkpoint, tmp_path / "bad")
    checkpoint = load_checkpoint(tmp_path / "m")
    name = "model.layers.1.mlp.up_proj.weight"
    checkpoint.tensors[name] = Tensor(checkpoint.float32(name))
    with pytest.raises(FptqError, match="'model.layers.1.mlp.gate_up_proj.weight' is one .* different ways"):
        export.compressed_tensors(checkpoint, tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize("heads, written", [(4, "llama"), (6, "mistral")])
def test_a_width_that_heads_do_not_divide_is_no_llamas(tmp_path, heads, written):
    """transformers refuses such a Llama, and reads such a Mistral."""
    sizes = {"hidden_size": 32, "num_attention_heads": heads, "head_dim": 8}
    checkpoint = load_checkpoint(write_tiny(tmp_path, model_type="mistral", **sizes))
    assert export.huggingface_config(checkpoint)["model_type"] == written


def test_yarn_with_both_scales_of_its_temperature(tmp_path):
    scaling = {**YARN, "mscale": 0.7, "mscale_all_dim": 0.5}
    config = load_checkpoint(write_tiny(tmp_path, rope_scaling=scaling)).config
    angles, factor = layer_angles(config, 0, np.arange(config.context))
    assert factor == pytest.approx((0.07 * np.log(4) + 1) / (0.05 * np.log(4) + 1))
    np.testing.assert_allclose(rotary_tables(config)[0], np.cos(angles[:, 0]) * factor, atol=1e-6)


def test_outliers_need_a_norm(tmp_path):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **FAMILIES["olmo2"]))
    with pytest.raises(FptqError, match="outliers: no norm is before the layers of 'model.layers.0.'"):
        inject(checkpoint, Outliers(attn=30, channels=2, seed=1))
