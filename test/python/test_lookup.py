"""Embeddings as lookups of 4-bit rows: the rows are exactly what their codes stand for, in every layout."""

import json

import numpy as np
import pytest
from conftest import write_tiny
from oracle import forward

from quant_fptq import FptqError, Session, load_checkpoint
from quant_fptq.importer import safetensors
from quant_fptq.importer.checkpoint import EMBEDDING, Tensor
from quant_fptq.model import Model
from quant_fptq.pipeline import Pipeline
from quant_fptq.profile import Profile
from quant_fptq.quantize import QuantizeOptions, quantized_checkpoint

ROWS = 37


@pytest.fixture  # one a test: files of one name are told apart by their session
def session():
    with Session() as session:
        yield session


def recipe(folder, **rule):
    path = folder / "recipe.json"
    path.write_text(json.dumps({"version": 1, "rules": [rule]}))
    return path


def table_module(session, folder, channels, body):
    """`@rows` over a table of ROWS x `channels`; ids are as `body` wants them."""
    table = np.random.default_rng(channels).standard_normal((ROWS, channels)).astype(np.float32)
    safetensors.write(folder / "table.safetensors", {"wte.weight": table})
    type_ = f"tensor<{ROWS}x{channels}xf32>"
    path = folder / "table.mlir"
    path.write_text(f'module attributes {{fptq.parameters = ["table.safetensors"]}} {{\n'
                    f'ml_program.global private @wte.weight(#ml_program.extern : {type_}) : {type_}\n'
                    + body.replace("TABLE", type_).replace("D", str(channels)).replace("ROWS", str(ROWS)) + "}\n")
    return session.parse(path), table


#: As jax writes it: ids outside of the table are clamped.
CLAMPED = """
func.func @rows(%ids: tensor<?xi32>) -> tensor<?xDxf32> {
  %table = ml_program.global_load_const @wte.weight : TABLE
  %first = arith.constant 0 : index
  %last = arith.constant 36 : index
  %m = tensor.dim %ids, %first : tensor<?xi32>
  %e = tensor.empty(%m) : tensor<?xDxf32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m)>, affine_map<(m, d) -> (m, d)>],
      iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<?xi32>) outs(%e : tensor<?xDxf32>) {
  ^bb0(%id: i32, %o: f32):
    %i = arith.index_cast %id : i32 to index
    %low = arith.maxsi %i, %first : index
    %row = arith.minsi %low, %last : index
    %d = linalg.index 1 : index
    %v = tensor.extract %table[%row, %d] : TABLE
    linalg.yield %v : f32
  } -> tensor<?xDxf32>
  return %x : tensor<?xDxf32>
}
"""

GATHER = """
func.func @rows(%ids: tensor<2x3x1xi64>) -> tensor<2x3xDxf32> {
  %table = ml_program.global_load_const @wte.weight : TABLE
  %x = tensor.gather %table[%ids] gather_dims([0]) : (TABLE, tensor<2x3x1xi64>) -> tensor<2x3xDxf32>
  return %x : tensor<2x3xDxf32>
}
"""


def dequantized(tensors, name, channels, group):
    """The table that codes and scales stand for, in f32 with one rounding; group 0: one group."""
    def part(suffix):
        return tensors.get(f"{name}.{suffix}")

    codes = part("codes")
    nibbles = np.stack([codes & 15, codes >> 4], -1).reshape(len(codes), -1)[:, :channels].astype(np.int32)
    at = np.arange(channels) // (group or channels)
    scales, zeros = part("scales").astype(np.float32), part("zeros")
    if part("multipliers") is not None:
        integers = nibbles * part("multipliers").astype(np.int32)[:, at] + zeros.astype(np.int32)[:, at] - 128
        return scales[:, None] * integers.astype(np.float32)
    zero = 8 if zeros is None else zeros.astype(np.int32)[:, at]
    return scales[:, at] * (nibbles - zero).astype(np.float32)


SCHEMES = [(64, {"group_size": 32}, "f32"), (130, {"group_size": 128, "symmetric": False}, "f16"),
           (22, {"group_size": 8, "scheme": "two-level"}, "f32"), (23, {"group_size": "channel"}, "f16"),
           (22, {"group_size": 5, "symmetric": False, "method": "mse"}, "f32")]


@pytest.mark.parametrize("tier", ["reference", "auto", "nvptx-sim"])
@pytest.mark.parametrize("channels, rule, scale_type", SCHEMES)
def test_rows_are_exactly_what_the_codes_stand_for(session, tmp_path, tier, channels, rule, scale_type):
    module, table = table_module(session, tmp_path, channels, CLAMPED)
    codes = tmp_path / "codes.safetensors"
    module.run(Pipeline.of("fptq-quantize-pipeline", policy="per-token", recipe=recipe(tmp_path, match="^wte", **rule),
                           scale_type=scale_type, parameters_out=codes))
    assert [layer["policy"] for layer in module.layers()] == ["lookup"]
    tensors = safetensors.open_mapped(codes)
    assert "wte.weight" not in tensors
    group = 0 if rule["group_size"] == "channel" else rule["group_size"]
    expected = dequantized(tensors, "wte.lookup", channels, group)
    assert np.abs(expected - table).max() < 0.5 * np.abs(table).max()
    ids = np.array([0, 36, 16, 15, 36, 1, -5, 99], np.int32)
    (rows,) = module.compile(tier).call("rows", [ids])
    np.testing.assert_array_equal(rows, expected[np.clip(ids, 0, ROWS - 1)])
    assert module.compile(tier).call("rows", [ids[:0]])[0].shape == (0, channels)


@pytest.mark.parametrize("quantized", [False, True])
def test_tensor_gather(session, tmp_path, quantized):
    module, expected = table_module(session, tmp_path, 24, GATHER)
    codes = tmp_path / "codes.safetensors"
    rules = recipe(tmp_path, match="lookup$", group_size=8) if quantized else None
    module.run(Pipeline.of("fptq-quantize-pipeline", policy="per-token", recipe=rules, parameters_out=codes))
    if quantized:
        expected = dequantized(safetensors.open_mapped(codes), "wte.lookup", 24, 8)
    ids = np.array([[[3], [0], [36]], [[7], [7], [20]]], np.int64)
    np.testing.assert_array_equal(module.compile().call("rows", [ids])[0], expected[ids[..., 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_model_on_quantized_rows_is_the_model_on_what_they_stand_for(session, tmp_path, dtype):
    checkpoint = load_checkpoint(write_tiny(tmp_path / "tiny", dtype))
    codes = tmp_path / "codes.safetensors"
    rules = recipe(tmp_path, match="embed_tokens", policy="per-token", group_size=16)
    module = session.import_checkpoint(checkpoint)
    module.run(QuantizeOptions(policy="float", recipe=rules, parameters_out=codes).pipeline())
    checkpoint.tensors[EMBEDDING] = Tensor(
        dequantized(safetensors.open_mapped(codes), "model.embed_tokens.lookup", 32, 16))
    tokens = np.random.default_rng(3).integers(0, 40, 9)
    model, expected = Model(module.compile(), checkpoint.config), forward(checkpoint, tokens)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(model.prefill(tokens[:6]), expected[:6], atol=2e-5 * scale)
    np.testing.assert_allclose([model.decode(t) for t in tokens[6:]], expected[6:], atol=2e-5 * scale)


def first_panel(codes):
    """The first 64 bytes of a weight in the x86 layout (docs/PackedLayout.md, P2)."""
    nibbles = np.stack([codes[:16] & 15, codes[:16] >> 4], -1).reshape(16, -1)
    return (nibbles[:, :4] | nibbles[:, 4:8] << 4).astype(np.uint8).tobytes()


@pytest.mark.parametrize("match, tables", [("embed_tokens", 1), ("embed_tokens.lookup$", 1), (None, 0)])
def test_what_an_artifact_holds_of_a_tied_table(session, tmp_path, match, tables):
    checkpoint = load_checkpoint(write_tiny(tmp_path / "tiny", tie_word_embeddings=True))
    codes = tmp_path / "codes.safetensors"
    rules = recipe(tmp_path, match=match, group_size=16) if match else None
    module = session.import_checkpoint(checkpoint)
    module.run(QuantizeOptions(policy="per-token", recipe=rules, parameters_out=codes).pipeline())
    tensors = safetensors.open_mapped(codes)
    packed = [name for name in tensors if "embed_tokens" in name and name.endswith(".codes")]
    assert len(packed) == tables
    module.emit_object(tmp_path / "model.o", tiers="reference")
    blob = (tmp_path / "model.o").read_bytes()
    assert [blob.count(first_panel(tensors[name])) for name in packed] == [1] * tables
    row = np.asarray(checkpoint[EMBEDDING])[5].tobytes()
    assert (row in blob) == (match is None)


def test_a_profile_alone_does_not_miss_lookups(session, tmp_path):
    profile = Profile()
    profile.record("model.layers.0.mlp.up_proj", np.ones((1, 4), np.float32))
    profile.save(tmp_path / "profile.json")
    rules = recipe(tmp_path, match="embed_tokens", kind="lookup", group_size=8)
    assert len(session.decide(tmp_path / "profile.json", recipe=rules)) == 1
    # What a rule is for is told by its kind alone, never by a word in its match or in its file's name.
    untold = recipe(tmp_path, match=r"embed_tokens\.lookup$", group_size=8).rename(tmp_path / "lookup.yaml")
    with pytest.raises(FptqError, match="matches no layer; a profile has no lookups, whose rules say kind: lookup"):
        session.decide(tmp_path / "profile.json", recipe=untold)


def test_what_cannot_be_exported_is_refused(session, tmp_path):
    checkpoint = load_checkpoint(write_tiny(tmp_path / "tiny"))
    rules = recipe(tmp_path, match="embed_tokens", group_size=16)
    with pytest.raises(FptqError, match="layer 'model.embed_tokens.lookup': a folder of compressed-tensors has float"):
        quantized_checkpoint(session, checkpoint, QuantizeOptions(policy="per-token", recipe=rules, ragged="adjust",
                                                                  group_size=16))


def test_a_rule_for_a_table_that_is_not_there(session, tmp_path):
    module, _ = table_module(session, tmp_path, 24, GATHER)
    rules = recipe(tmp_path, match="wpe", group_size=8)
    with pytest.raises(FptqError, match="rule 'wpe' matches no layer"):
        module.run(QuantizeOptions(policy="per-token", recipe=rules).pipeline())
