"""GGUF files of every family, converted from folders as llama.cpp's own script does: the same model, read either way."""

import re

import numpy as np
import pytest
from conftest import write_tiny
from oracle import forward
from test_families import FAMILIES, TOKENS

from quant_fptq import FptqError, Session, load_checkpoint
from quant_fptq.importer import export
from quant_fptq.importer.gguf_config import ARCHITECTURES
from quant_fptq.model import Model

gguf = pytest.importorskip("gguf", reason="the gguf package is not installed")
quants = pytest.importorskip("gguf.quants")
Q = gguf.GGMLQuantizationType

#: By family: llama.cpp's keys, beside the sizes.
KEYS = {
    "phi3": {"rope.dimension_count": 8},
    "phi3-partial": {"rope.dimension_count": 6, "rope.scaling.original_context_length": 12,
                     "rope.scaling.attn_factor": float(np.sqrt(1 + np.log(2) / np.log(12)))},
    "gemma": {"attention.key_length": 16, "attention.value_length": 16},
    "gemma2": {"attention.key_length": 16, "attn_logit_softcapping": 1.0, "final_logit_softcapping": 2.0},
    "gemma3": {"attention.key_length": 16, "attention.sliding_window": 24, "attention.sliding_window_pattern": 2,
               "rope.freq_base": 1e6, "rope.scaling.type": "linear", "rope.scaling.factor": 8.0},
    "olmo2": {},
    "granite": {"embedding_scale": 12.0, "attention.scale": 0.5, "residual_scale": 0.25, "logit_scale": 8.0},
    "smollm3": {"rope.freq_base": 10000.0},
    "yarn": {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 64,
             "rope.scaling.yarn_beta_fast": 4.0},
}
#: Where llama.cpp knows by heart what a folder says: heads of 16 channels, and each fourth layer of a SmolLM3.
FOLDERS = {**FAMILIES, "gemma2": {**FAMILIES["gemma2"], "query_pre_attn_scalar": 16},
           "gemma3": {**FAMILIES["gemma3"], "query_pre_attn_scalar": 16},
           "smollm3": {"model_type": "smollm3", "num_hidden_layers": 4}}
NAMES = {"embed_tokens": "token_embd", "lm_head": "output", "model.norm": "output_norm", "q_proj": "attn_q",
         "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output", "q_norm": "attn_q_norm",
         "k_norm": "attn_k_norm", "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
         "input_layernorm": "attn_norm", "pre_feedforward_layernorm": "ffn_norm",
         "post_feedforward_layernorm": "post_ffw_norm"}


def interleaved(weight, heads):
    """Rows of each head from halves to pairs, as the script permutes them."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def tensors_of(checkpoint, architecture):
    """Tensors under llama.cpp's names; fused where its architecture is."""
    c, out = checkpoint.config, {}
    for name, _ in c.shapes():
        array, parts = checkpoint.float32(name), name.split(".")
        if ARCHITECTURES[architecture].interleaved and parts[-2] in ("q_proj", "k_proj"):
            array = interleaved(array, c.num_heads if parts[-2] == "q_proj" else c.num_kv_heads)
        post = "post_attention_norm" if c.norms != "before" else "ffn_norm"
        theirs = {**NAMES, "post_attention_layernorm": post}.get(parts[-2]) or NAMES[".".join(parts[:2])]
        out[f"blk.{parts[2]}.{theirs}.{parts[-1]}" if parts[1] == "layers" else f"{theirs}.weight"] = array
    if architecture == "phi3":
        for i in range(c.num_layers):
            whole = {"attn_qkv": ("attn_q", "attn_k", "attn_v"), "ffn_up": ("ffn_gate", "ffn_up")}
            for owner, parts in whole.items():
                out[f"blk.{i}.{owner}.weight"] = np.vstack([out.pop(f"blk.{i}.{part}.weight") for part in parts])
    return out


def write(path, checkpoint, name, kind=Q.F32, tensors=None, **more):
    c, family = checkpoint.config, FOLDERS[name]["model_type"]
    architecture = {"gemma3_text": "gemma3"}.get(family, family)
    writer = gguf.GGUFWriter(path, architecture)
    keys = {"context_length": 24, "embedding_length": c.hidden_size, "feed_forward_length": c.intermediate_size,
            "block_count": c.num_layers, "attention.head_count": c.num_heads, "attention.head_count_kv": c.num_kv_heads,
            "attention.layer_norm_rms_epsilon": c.rms_norm_eps, **KEYS[name], **more}
    for key, value in keys.items():
        add = {bool: writer.add_bool, float: writer.add_float32, str: writer.add_string, list: writer.add_array}
        if value is not None:
            add.get(type(value), writer.add_uint32)(f"{architecture}.{key}", value)
    for tensor, array in {**tensors_of(checkpoint, architecture), **(tensors or {})}.items():
        if kind != Q.F32 and array.ndim == 2 and tensor.startswith("blk."):
            writer.add_tensor(tensor, quants.quantize(array, kind), raw_dtype=kind)
        else:
            writer.add_tensor(tensor, np.ascontiguousarray(array))
    if name == "phi3-partial":
        for length, factors in (("short", [1.0, 1.5, 2.0]), ("long", [2.0, 3.0, 4.0])):
            writer.add_tensor(f"rope_factors_{length}.weight", np.array(factors, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def session():
    with Session() as session:
        yield session


@pytest.mark.parametrize("name", FOLDERS)
def test_the_same_model_as_its_folder(tmp_path, name):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **FOLDERS[name]))
    again = load_checkpoint(write(tmp_path / "m.gguf", checkpoint, name))
    assert set(again.config.features()) == set(checkpoint.config.features()) - (
        {"attention_scale"} if name.startswith("gemma") else set())  # which is the default of its heads
    assert again.config.interleaved == (name in ("granite", "smollm3"))
    for tensor in checkpoint.tensors if not again.config.interleaved else ():
        np.testing.assert_array_equal(again.float32(tensor), checkpoint.float32(tensor))
    expected = forward(checkpoint, TOKENS)
    np.testing.assert_allclose(forward(again, TOKENS), expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["phi3-partial", "granite"])
def test_codes_through_w4a8(session, tmp_path, name):
    """Codes of fused rows, partial rotation; rows in llama.cpp's order."""
    checkpoint = load_checkpoint(write_tiny(tmp_path, **{**FOLDERS[name], "intermediate_size": 64}))
    again = load_checkpoint(write(tmp_path / "m.gguf", checkpoint, name, Q.Q4_0))
    assert sum(tensor.stored is not None for tensor in again.tensors.values()) == 7 * again.config.num_layers
    module = session.import_checkpoint(again)
    model = Model(module.clone().compile(threads=1), again.config)
    expected = forward(again, TOKENS)
    got = np.vstack([model.prefill(TOKENS[:-3]), [model.decode(token) for token in TOKENS[-3:]]])
    np.testing.assert_allclose(got, expected, atol=2e-5 * np.abs(expected).max())
    module.run("fptq-quantize-pipeline{policy=per-token}")
    expected = forward(again, TOKENS, w4a8=True)
    got = Model(module.compile(threads=1), again.config).prefill(TOKENS)
    np.testing.assert_allclose(got, expected, atol=3e-2 * np.abs(expected).max())


@pytest.mark.parametrize("layers, scale", [(46, (32 // 4) ** -0.5), (2, 16 ** -0.5)])
def test_the_largest_gemma_2_scales_by_its_width(tmp_path, layers, scale):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **{**FOLDERS["gemma2"], "num_hidden_layers": layers}))
    config = load_checkpoint(write(tmp_path / "m.gguf", checkpoint, "gemma2")).config
    assert (config.attention_scale or config.head_dim ** -0.5) == scale


@pytest.mark.parametrize("pattern, local", [([True, False], (0,)), ([False, True], (1,)), (None, (0, 1))])
def test_patterns_of_gemma_3(tmp_path, pattern, local):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **FOLDERS["gemma3"]))
    path = write(tmp_path / "m.gguf", checkpoint, "gemma3", **{"attention.sliding_window_pattern": pattern})
    assert load_checkpoint(path).config.local_layers == local


@pytest.mark.parametrize("name, changes, message", [
    ("gemma3", {"attention.sliding_window_pattern": [True]}, "sliding_window_pattern' is [True], expected a positive"),
    ("gemma3", {"rope.freq_base_swa": 0.0}, "key 'gemma3.rope.freq_base_swa' is 0.0, expected a positive number"),
    ("gemma2", {"attention.scale": 0.5}, "key 'gemma2.attention.scale' is 0.5, expected 0.25"),
    ("gemma2", {"attn_logit_softcapping": "x"}, "key 'gemma2.attn_logit_softcapping' is 'x', expected a number"),
    ("gemma2", {"rope.dimension_count": 8}, "key 'gemma2.rope.dimension_count' is 8, expected the head size 16"),
    ("granite", {"residual_scale": -1.0}, "residual_scale is -1.0, expected a positive number"),
    ("phi3", {"rope.scaling.attn_factor": 1.5}, "key 'phi3.rope.scaling.attn_factor' is 1.5, expected 1"),
    ("phi3-partial", {"rope.dimension_count": 8}, "rope_scaling: key 'short_factor' is no list of 4 numbers"),
    ("yarn", {"rope.scaling.factor": -2.0}, "rope_scaling: key 'factor' is -2.0, expected a positive number"),
])
def test_wrong_keys_are_named(tmp_path, name, changes, message):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **FOLDERS[name]))
    path = write(tmp_path / "m.gguf", checkpoint, name, **changes)
    with pytest.raises(FptqError, match=re.escape(message)) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name, changes", [(name, {}) for name in FOLDERS] + [("granite", {"attention.scale": None})])
def test_what_is_read_is_exported(tmp_path, name, changes):
    """Also where the scale of the scores is the heads' own, which a GGUF file leaves out and a folder says."""
    checkpoint = load_checkpoint(write_tiny(tmp_path / "m", **{**FOLDERS[name], "intermediate_size": 64}))
    read = load_checkpoint(write(tmp_path / "m.gguf", checkpoint, name, Q.Q4_0, **changes))
    export.compressed_tensors(read, tmp_path / "out")
    again = load_checkpoint(tmp_path / "out")
    assert again.is_stored and again.config.score_scale == read.config.score_scale
    expected = forward(read, TOKENS)
    np.testing.assert_allclose(forward(again, TOKENS), expected, atol=1e-6 * np.abs(expected).max())


def test_a_gemma_3_without_a_window_has_no_local_layers(tmp_path):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **FOLDERS["gemma3"]))
    path = write(tmp_path / "m.gguf", checkpoint, "gemma3", **{"attention.sliding_window": None})
    assert load_checkpoint(path).config.local_layers == ()


@pytest.mark.parametrize("tensor", ["attn_q", "attn_qkv", "ffn_up"])
def test_a_bias_of_fused_linears_is_refused(tmp_path, tensor):
    checkpoint = load_checkpoint(write_tiny(tmp_path, **FOLDERS["phi3"]))
    path = write(tmp_path / "m.gguf", checkpoint, "phi3", tensors={f"blk.0.{tensor}.bias": np.zeros(32, np.float32)})
    with pytest.raises(FptqError, match=f"tensor 'blk.0.{tensor}.bias': a phi3 of 2 layers has none"):
        load_checkpoint(path)
