"""compressed-tensors, GPTQ and AWQ: codes and numbers exactly as stored, activations as the file says, every bad file."""

import json
import re

import ml_dtypes
import numpy as np
import pytest
from conftest import write_tiny
from oracle import forward
from packed_writers import SIZES, folder

from quant_fptq import FptqError, QuantizeOptions, Session, load_checkpoint, save_checkpoint
from quant_fptq.cli import commands, main
from quant_fptq.importer import export, safetensors
from quant_fptq.model import Model
from quant_fptq.quantize import plan_for, quantized_checkpoint

DYNAMIC = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "token", "dynamic": True}
STATIC = {**DYNAMIC, "strategy": "tensor", "dynamic": False}


def groups(symmetric=True, activations=DYNAMIC):
    weights = {"num_bits": 4, "type": "int", "symmetric": symmetric, "strategy": "group", "group_size": 32}
    return {"format": "pack-quantized", "ignore": ["lm_head"],
            "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights, "input_activations": activations}}}


FORMS = {
    "ct": dict(method="compressed-tensors", **groups()),
    "ct-asymmetric": dict(method="compressed-tensors", symmetric=False, **groups(False)),
    "ct-channel": dict(method="compressed-tensors", group=None),
    "ct-bytes": dict(method="compressed-tensors", bits=8),
    "ct-order": dict(method="compressed-tensors", order=True),
    "ct-bytes-order": dict(method="compressed-tensors", bits=8, order=True),
    "ct-bf16": dict(method="compressed-tensors", dtype=ml_dtypes.bfloat16),
    "gptq": dict(method="gptq", symmetric=False, desc_act=False),
    "gptq-sym-f16": dict(method="gptq", dtype=np.float16),
    "gptq-order": dict(method="gptq", order=True),
    "gptq-v2": dict(method="gptq", symmetric=False, checkpoint_format="gptq_v2"),
    "awq": dict(method="awq", symmetric=False, version="gemm"),
}


def make(tmp_path, form, **changes):
    settings = {**FORMS[form], **changes}
    if settings["method"] in ("gptq", "awq"):
        settings["settings_bits"] = None
    settings.pop("settings_bits", None)
    made = folder(tmp_path, **settings)
    if settings["method"] in ("gptq", "awq"):
        made.settings["bits"] = 4
    return made


@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_the_files(tmp_path, form):
    made = make(tmp_path, form)
    checkpoint = load_checkpoint(made.write(tmp_path / "m"))
    assert set(made.expected) == {name for name in checkpoint.tensors if checkpoint.tensors[name].stored}
    for name, expected in made.expected.items():
        np.testing.assert_array_equal(checkpoint.float32(name).view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("form", FORMS)
def test_one_file_of_ours_and_an_exported_folder_hold_the_same(tmp_path, form):
    checkpoint = load_checkpoint(make(tmp_path, form).write(tmp_path / "m"))
    save_checkpoint(checkpoint, tmp_path / "m.safetensors")
    export.compressed_tensors(checkpoint, tmp_path / "exported")
    for again in (load_checkpoint(tmp_path / "m.safetensors"), load_checkpoint(tmp_path / "exported")):
        assert again.config == checkpoint.config
        for name in checkpoint.tensors:
            np.testing.assert_array_equal(again.float32(name), checkpoint.float32(name))
            assert bool(again.tensors[name].stored) == bool(checkpoint.tensors[name].stored)


@pytest.fixture(scope="module")
def session():
    with Session() as session:
        yield session


@pytest.mark.parametrize("form", ["ct", "gptq-order"])
def test_w4a8_logits_follow_numpy(session, tmp_path, form):
    checkpoint = load_checkpoint(make(tmp_path, form).write(tmp_path / "m"))
    module = session.import_checkpoint(checkpoint)
    module.run(plan_for(QuantizeOptions(), checkpoint, session.folder).pipeline())
    assert {policy.kind for policy in module.policies()} == {"per-token", "float"}
    tokens = np.random.default_rng(1).integers(0, 40, 9)
    expected = forward(checkpoint, tokens, w4a8=True)
    got = Model(module.compile(threads=1), checkpoint.config).prefill(tokens)
    np.testing.assert_allclose(got, expected, atol=2e-2 * np.abs(expected).max())


def test_static_scales_are_the_policies(session, tmp_path):
    made = make(tmp_path, "ct", scale=0.03125, **groups(activations=STATIC))
    # One layer is float in the file, and one dynamic.
    down, up = "model.layers.1.mlp.down_proj", "model.layers.0.mlp.up_proj"
    for suffix in ("weight_packed", "weight_scale", "weight_shape", "input_scale"):
        del made.tensors[f"{down}.{suffix}"]
    made.tensors[f"{down}.weight"] = made.expected.pop(f"{down}.weight")
    del made.tensors[f"{up}.input_scale"]
    checkpoint = load_checkpoint(made.write(tmp_path / "m"))
    assert len(checkpoint.input_scales) == 12 and set(checkpoint.input_scales.values()) == {0.03125}
    module = session.import_checkpoint(checkpoint)
    float_logits = Model(module.clone().run("fptq-raise").compile(threads=1), checkpoint.config)
    module.run(plan_for(QuantizeOptions(), checkpoint, session.folder).pipeline())
    kinds = {policy.layer: policy.kind for policy in module.policies()}
    assert kinds.pop(down) == "float" and kinds.pop(up) == "per-token" and kinds.pop("lm_head") == "float"
    assert set(kinds.values()) == {"static"}
    assert {policy.range for policy in module.policies() if policy.kind == "static"} == {127 * 0.03125}
    tokens = np.random.default_rng(1).integers(0, 40, 9)
    expected = forward(checkpoint, tokens, w4a8=True)
    got = Model(module.compile(threads=1), checkpoint.config).prefill(tokens)
    np.testing.assert_allclose(got, expected, atol=2e-2 * np.abs(expected).max())
    plain = forward(checkpoint, tokens)
    np.testing.assert_allclose(float_logits.prefill(tokens), plain, atol=2e-5 * np.abs(plain).max())
    save_checkpoint(checkpoint, tmp_path / "m.safetensors")
    assert load_checkpoint(tmp_path / "m.safetensors").input_scales == checkpoint.input_scales


def test_export_of_our_own_result(session, tmp_path):
    """Floats in, our quantizer's codes out; read back, they are what the compiler ran."""
    made = make(tmp_path, "ct")
    made.settings = {}
    for name in list(made.tensors):
        if name.rpartition(".")[2].startswith("weight_"):
            del made.tensors[name]
    made.tensors.update(made.expected)
    checkpoint = load_checkpoint(made.write(tmp_path / "m"))
    result = quantized_checkpoint(session, checkpoint, QuantizeOptions(group_size=32))
    export.compressed_tensors(result, tmp_path / "out")
    again = load_checkpoint(tmp_path / "out")
    assert not again.notes and again.is_stored
    config = json.loads((tmp_path / "out" / "config.json").read_text())["quantization_config"]
    (group,) = config["config_groups"].values()
    assert group["input_activations"] == DYNAMIC and group["weights"]["group_size"] == 32
    for name in checkpoint.tensors:
        np.testing.assert_array_equal(again.float32(name), result.float32(name))


def test_a_tied_head_that_is_quantized_is_exported_beside_its_table(session, tmp_path):
    """The table stays what lookups read; the head is a layer of its own, in a folder and in a file of ours."""
    checkpoint = load_checkpoint(write_tiny(tmp_path / "m", tie_word_embeddings=True))
    result = quantized_checkpoint(session, checkpoint, QuantizeOptions(group_size=16, keep_float=""))
    assert result.tensors["lm_head.weight"].stored and not result.tensors["model.embed_tokens.weight"].stored
    export.compressed_tensors(result, tmp_path / "out")
    save_checkpoint(result, tmp_path / "out.safetensors")
    for again in (load_checkpoint(tmp_path / "out"), load_checkpoint(tmp_path / "out.safetensors")):
        assert not again.config.tied
        for name in result.tensors:
            np.testing.assert_array_equal(again.float32(name), result.float32(name))


def test_static_scales_that_a_policy_overrules_are_not_exported(session, tmp_path):
    checkpoint = load_checkpoint(make(tmp_path, "ct", scale=0.03125, **groups(activations=STATIC)).write(tmp_path / "m"))
    assert checkpoint.input_scales
    assert not quantized_checkpoint(session, checkpoint, QuantizeOptions(policy="per-token")).input_scales


def test_kernels_are_compiled_for_what_a_quantized_model_decided(tmp_path, monkeypatch):
    """Static layers stay static, as in `quantize`, though nothing is there to calibrate on."""
    make(tmp_path, "ct", scale=0.03125, **groups(activations=STATIC)).write(tmp_path / "m")
    plans = []
    quantized = commands._quantized
    monkeypatch.setattr(commands, "_quantized", lambda *rest: plans.append(rest[-1]) or quantized(*rest))
    main(["compile", str(tmp_path / "m"), "--chip", "sm_80", "--emit", "ptx", "-o", str(tmp_path / "k.ptx")])
    assert plans[0].decided and plans[0].policy is None


@pytest.mark.parametrize("what", ["equalized", "fptq"])
def test_what_no_other_tool_can_hold_is_not_exported(session, tmp_path, what):
    checkpoint = load_checkpoint(make(tmp_path, "ct").write(tmp_path / "m"))
    with pytest.raises(FptqError, match="only --policy per-token and static can be exported"):
        quantized_checkpoint(session, checkpoint, QuantizeOptions(policy=what))


def drop(suffix):
    def edit(made):
        del made.tensors[f"model.layers.1.self_attn.q_proj.{suffix}"]
    return edit


def put(suffix, change):
    def edit(made):
        name = f"model.layers.1.self_attn.q_proj.{suffix}"
        made.tensors[name] = np.ascontiguousarray(change(made.tensors[name]))
    return edit


def settings(**changes):
    return lambda made: made.settings.update(changes)


BAD = [
    ("ct", drop("weight_scale"), "no tensor 'model.layers.1.self_attn.q_proj.weight_scale'"),
    ("ct", drop("weight_packed"), "no tensor 'model.layers.1.self_attn.q_proj.weight'"),
    ("ct", put("weight_packed", lambda a: a[:, 1:]), "neither 4 nor 8 bits of [64, 64]"),
    ("ct", put("weight_packed", lambda a: a.astype(np.int64)), "is int64 [64, 8], expected int32"),
    ("ct", put("weight_scale", lambda a: a.T), "expected float32 or float16 or bfloat16 [64, 1]"),
    ("ct", put("weight_scale", lambda a: np.repeat(a, 3, 1)[:, :5]), "has 5 groups for 64 input channels"),
    ("ct", put("weight_shape", lambda a: a[::-1] + 1), "says [65, 65], expected [64, 64]"),
    ("ct-asymmetric", drop("weight_zero_point"), "no tensor 'model.layers.1.self_attn.q_proj.weight_zero_point'"),
    ("ct-asymmetric", put("weight_zero_point", lambda a: a[1:]), "expected int32 [8, 2]"),
    ("ct-asymmetric", put("weight_zero_point", lambda a: np.full((64, 2), 9, np.int8)), "values outside of -8..7"),
    ("ct-order", put("weight_g_idx", lambda a: a * 0), "does not give each of 2 groups 32 channels"),
    ("ct", settings(format="nvfp4-pack-quantized"), "key 'format' is 'nvfp4-pack-quantized'"),
    ("ct", settings(config_groups=7), "key 'config_groups' is no JSON object"),
    ("gptq", settings(bits=3), "key 'bits' is 3, expected 4"),
    ("gptq", settings(checkpoint_format="marlin"), "key 'checkpoint_format' is 'marlin'"),
    ("gptq", drop("qzeros"), "no tensor 'model.layers.1.self_attn.q_proj.qzeros'"),
    ("gptq", put("qweight", lambda a: a[1:]), "expected int32 [8, 64]"),
    ("gptq", put("scales", lambda a: a[:, 1:]), "expected groups x 64"),
    ("gptq", put("g_idx", lambda a: np.minimum(a, 0)), "does not give each of 2 groups 32 channels"),
    ("gptq", put("bias", lambda a: a + 1), "tensor 'model.layers.1.self_attn.q_proj.bias': this is another architecture"),
    ("awq", settings(bits=8), "key 'bits' is 8, expected 4"),
    ("awq", settings(version="gemv"), "key 'version' is 'gemv', expected 'gemm'"),
    ("awq", put("qzeros", lambda a: a.astype(np.float32)), "is float32 [2, 8], expected int32"),
    ("awq", settings(quant_method="exl2"), "key 'quant_method' is 'exl2'"),
]


@pytest.mark.parametrize("form, edit, message", BAD)
def test_bad_files_name_file_and_tensor(tmp_path, form, edit, message):
    made = make(tmp_path, form)
    edit(made)
    path = made.write(tmp_path / "m")
    with pytest.raises(FptqError, match=re.escape(message)) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("scale, zero, message", [
    (float("nan"), None, "input_scale' is no positive number"),
    (0.0, None, "input_scale' is no positive number"),
    (0.5, np.array([3], np.int8), "input_zero_point' is not 0"),
])
def test_bad_static_scales(tmp_path, scale, zero, message):
    made = make(tmp_path, "ct", scale=scale)
    if zero is not None:
        made.tensors["model.layers.0.self_attn.q_proj.input_zero_point"] = zero
    with pytest.raises(FptqError, match=re.escape(message)):
        load_checkpoint(made.write(tmp_path / "m"))


def test_activations_that_cannot_be_had_are_said(tmp_path):
    checkpoint = load_checkpoint(make(tmp_path, "ct", **groups(activations={**DYNAMIC, "num_bits": 4}))
                                 .write(tmp_path / "m"))
    assert "config group 'group_0' has the activations" in checkpoint.notes[0]


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "a/b.safetensors", 7, ["x"], "weights.bin"])
def test_an_index_cannot_lead_elsewhere(tmp_path, name):
    path = make(tmp_path, "ct").write(tmp_path / "m")
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"lm_head.weight": name}}))
    with pytest.raises(FptqError, match="'lm_head.weight' lies in .*expected the name of a .safetensors file"):
        load_checkpoint(path)


@pytest.mark.parametrize("name, start", [
    ("m.pt", b"PK\x03\x04"), ("m.pth", b"\x80\x02ctorch"), ("pytorch_model.bin", b"PK\x03\x04"), ("m.bin", b"\x80\x04"),
])
def test_pickles_are_refused_by_name(tmp_path, name, start):
    (tmp_path / name).write_bytes(start + bytes(100))
    with pytest.raises(FptqError, match=f"{name}: a pickled PyTorch file, which can run code"):
        load_checkpoint(tmp_path / name)


def test_a_folder_of_pickles_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(SIZES))
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK\x03\x04")
    with pytest.raises(FptqError, match="pytorch_model.bin: a pickled PyTorch file"):
        load_checkpoint(tmp_path)


def test_deeply_nested_headers(tmp_path):
    path = make(tmp_path, "ct").write(tmp_path / "m")
    (path / "config.json").write_text("[" * 200_000)
    with pytest.raises(FptqError, match="config.json: is not JSON"):
        load_checkpoint(path)
    header = b'{"a":' + b"[" * 200_000
    (tmp_path / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(FptqError, match="the header is not JSON"):
        safetensors.open_mapped(tmp_path / "x.safetensors")


@pytest.mark.parametrize("entry", [
    {"dtype": "F32", "shape": [-1, -4], "data_offsets": [0, 16]}, {"dtype": "F32", "shape": ["4"], "data_offsets": [0, 16]},
    {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 16]}, {"dtype": ["F32"], "shape": [4], "data_offsets": [0, 16]},
    {"dtype": "F32", "shape": [4], "data_offsets": [0, 16, 32]}, {"dtype": "F32", "shape": 4, "data_offsets": [0, 16]},
    {"dtype": "F32", "shape": [4.0], "data_offsets": [0, 16]}, {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]},
    {"dtype": "F32", "shape": [1] * 70, "data_offsets": [0, 4]}, [1, 2], None,
])
def test_absurd_entries(tmp_path, entry):
    header = json.dumps({"a": entry}).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    with pytest.raises(FptqError, match="tensor 'a'") as error:
        safetensors.open_mapped(path)
    assert str(path) in str(error.value)
