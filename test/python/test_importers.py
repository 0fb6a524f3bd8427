"""Checkpoints as descriptions, and every way in which a file can be wrong."""

import json
import struct
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
from conftest import write_tiny

from quant_fptq import FptqError, generate, load_checkpoint
from quant_fptq.importer import export, native, safetensors


def edit_config(folder, **changes):
    path = folder / "config.json"
    raw = json.loads(path.read_text())
    raw.update(changes)
    path.write_text(json.dumps({key: value for key, value in raw.items() if value is not None}))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_huggingface_weights_are_mapped_as_stored(tmp_path, dtype):
    checkpoint = load_checkpoint(write_tiny(tmp_path, dtype))
    weight = checkpoint["model.layers.1.mlp.up_proj.weight"]
    assert weight.dtype == dtype and weight.shape == (48, 32)
    assert not weight.flags.owndata and not weight.flags.writeable


def test_sharded_and_single_files_hold_the_same(tmp_path):
    one, many = (load_checkpoint(write_tiny(tmp_path / str(n), shards=n)) for n in (1, 3))
    assert one.hash() == many.hash()
    for name in one.tensors:
        np.testing.assert_array_equal(one[name], many[name])


def test_hash_tells_weights_apart(tmp_path):
    assert load_checkpoint(write_tiny(tmp_path / "a")).hash() != load_checkpoint(write_tiny(tmp_path / "b", seed=6)).hash()


@pytest.mark.parametrize("changes, message", [
    ({"model_type": "gpt2"}, "model_type is 'gpt2'"),
    ({"model_type": ["llama"]}, "model_type is '['llama']'"),
    ({"eos_token_id": [2, "x"]}, "eos is 'x', expected a token's number"),
    ({"model_type": "qwen3", "rope_parameters": {"full_attention": {"rope_type": "default"}}},
     "key 'rope_parameters' has parameters of their own for 'full_attention'"),
    ({"hidden_size": None}, "key 'hidden_size' is None"),
    ({"hidden_size": "32"}, "key 'hidden_size' is '32'"),
    ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
    ({"attention_bias": True}, "no tensor 'model.layers.0.self_attn.q_proj.bias'"),
    ({"partial_rotary_factor": 0.5}, "partial_rotary_factor is 0.5, expected 1"),
    ({"model_type": "qwen2"}, "no tensor 'model.layers.0.self_attn.q_proj.bias'"),
    ({"model_type": "qwen3", "head_dim": 8}, "no tensor 'model.layers.0.self_attn.q_norm.weight'"),
    ({"model_type": "mistral", "sliding_window": "8"}, "key 'sliding_window' is '8', expected a positive number"),
    ({"num_key_value_heads": 3}, "4 heads cannot share 3"),
    ({"rope_scaling": {"rope_type": "yarn"}}, "rope_scaling: key 'factor' is None, expected a positive number"),
    ({"rope_parameters": {"rope_type": "dynamic"}}, "key 'rope_parameters' has the rope_type 'dynamic'"),
    ({"rope_theta": 0}, "key 'rope_theta' is 0, expected a positive number"),
    ({"tie_word_embeddings": "false"}, "key 'tie_word_embeddings' is 'false'"),
    ({"vocab_size": 41}, "tensor 'model.embed_tokens.weight' has shape [40, 32], expected [41, 32]"),
    ({"num_hidden_layers": 3}, "no tensor 'model.layers.2.input_layernorm.weight'"),
    ({"rope_theta": 10**400}, "key 'rope_theta' is 1000"),
    ({"rms_norm_eps": 10**400}, "rms_norm_eps is 1000"),
    ({"rope_scaling": {"rope_type": "linear", "factor": 10**400}}, "rope_scaling: key 'factor' is 1000"),
    ({"model_type": "gemma", "hidden_size": -256}, "key 'hidden_size' is -256, expected a positive number"),
    ({"bos_token_id": 40}, "bos is 40, expected one of the 40 tokens"),
    ({"bos_token_id": -1}, "bos is -1, expected one of the 40 tokens"),
])
def test_config_errors_name_file_and_key(tiny, changes, message):
    edit_config(tiny, **changes)
    with pytest.raises(FptqError) as error:
        load_checkpoint(tiny)
    assert message in str(error.value) and str(tiny) in str(error.value)


@pytest.mark.parametrize("name, refused", [
    ("model.layers.0.self_attn.q_proj.bias", "another architecture"),
    ("model.layers.1.self_attn.q_norm.weight", "another architecture"),
    ("model.layers.2.mlp.up_proj.weight", "another architecture"),  # config.json has fewer layers than the file
    ("lm_head.bias", "another architecture"),
    ("model.norm.bias", "another architecture"),
    ("model.embed_positions.weight", "another architecture"),
    ("model.layers.0.self_attn.rotary_emb.inv_freq", None),
    ("vision_tower.layers.0.weight", None),
])
def test_weights_that_no_llama_has(tiny, name, refused):
    """A layer that is computed without one of its weights would be wrong in silence."""
    path = tiny / "model.safetensors"
    safetensors.write(path, {**{k: np.array(v) for k, v in safetensors.open_mapped(path).items()},
                             name: np.ones(32, np.float32)})
    if refused is None:
        load_checkpoint(tiny)
        return
    with pytest.raises(FptqError, match=refused) as error:
        load_checkpoint(tiny)
    assert name in str(error.value) and str(path) in str(error.value)


def with_tensors(folder, **more):
    path = folder / "model.safetensors"
    safetensors.write(path, {**{k: np.array(v) for k, v in safetensors.open_mapped(path).items()},
                             **{name.replace("__", "."): array for name, array in more.items()}})


def test_a_head_beside_a_tied_embedding(tmp_path):
    """transformers uses the file's head where it differs, whatever tie_word_embeddings says."""
    folder = write_tiny(tmp_path, tie_word_embeddings=True)
    embedding = load_checkpoint(folder).float32("model.embed_tokens.weight")
    with_tensors(folder, lm_head__weight=embedding)
    same = load_checkpoint(folder)
    assert same.config.tied and not same.notes
    head = embedding + (np.arange(40) == 39)[:, None]
    with_tensors(folder, lm_head__weight=head.astype(np.float32))
    other = load_checkpoint(folder)
    assert not other.config.tied and "'tie_word_embeddings' is true" in other.notes[0]
    np.testing.assert_array_equal(other["lm_head.weight"], head)


def test_a_quantized_head_beside_a_tied_embedding(tmp_path):
    folder = write_tiny(tmp_path, tie_word_embeddings=True)
    with_tensors(folder, lm_head__weight_packed=np.full((40, 4), 0x76543210, np.int32),
                 lm_head__weight_scale=np.ones((40, 1), np.float32))
    with pytest.raises(FptqError, match=r"model.safetensors: tensor 'lm_head\.weight_.*': a head in codes"):
        load_checkpoint(folder)
    edit_config(folder, quantization_config={"quant_method": "compressed-tensors", "format": "pack-quantized"})
    checkpoint = load_checkpoint(folder)
    assert not checkpoint.config.tied and checkpoint.tensors["lm_head.weight"].stored and checkpoint.notes


@pytest.mark.parametrize("key, value", [
    ("hidden_act", None), ("eos_token_id", []), ("rope_scaling", {"rope_type": None, "type": "linear", "factor": 2.0})])
def test_keys_that_are_there_and_say_nothing(tmp_path, key, value):
    config = load_checkpoint(write_tiny(tmp_path, **{key: value})).config
    assert config.eos == (() if key == "eos_token_id" else (2,))
    assert (config.rope_scaling or {}).get("factor") == (2.0 if key == "rope_scaling" else None)


def test_every_token_that_ends_a_text(tmp_path):
    folder = write_tiny(tmp_path / "m", eos_token_id=[2, 7])
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [7, 9]}))
    checkpoint = load_checkpoint(folder)
    assert checkpoint.config.eos == (2, 7, 9)
    assert export.huggingface_config(checkpoint)["eos_token_id"] == [2, 7, 9]
    assert export.huggingface_config(load_checkpoint(write_tiny(tmp_path / "one")))["eos_token_id"] == 2
    path = tmp_path / "ours.safetensors"
    native.save(checkpoint, path)
    assert load_checkpoint(path).config == checkpoint.config


@pytest.mark.parametrize("older, eos", [(5, (5,)), (None, ())])
def test_our_older_files_name_one_end(tmp_path, older, eos):
    path, checkpoint = tmp_path / "ours.safetensors", load_checkpoint(write_tiny(tmp_path))
    native.save(checkpoint, path)
    metadata = safetensors.metadata(path)
    metadata["config"] = json.dumps({**json.loads(metadata["config"]), "eos": older})
    safetensors.write(path, checkpoint.parameters(), metadata)
    assert load_checkpoint(path).config.eos == eos


@pytest.mark.parametrize("end", [2, 7, 1])
def test_any_end_stops_the_text(end):
    class Likeliest:
        """Says 3, 4, 5 and then `end`."""
        config, position = SimpleNamespace(bos=1, eos=(2, 7), context=24), 0

        def reset(self):
            self.says = iter([3, 4, 5, end, 6])

        def prompt(self, tokens):
            return np.eye(40)[next(self.says)]

        decode = prompt

    assert list(generate.tokens(Likeliest(), [1], 10, temperature=0)) == [3, 4, 5]


def test_config_that_is_not_json(tiny):
    (tiny / "config.json").write_text("{")
    with pytest.raises(FptqError, match="config.json: is not JSON"):
        load_checkpoint(tiny)


def with_entry(data, name, entry):
    """A safetensors file with one more entry in its header."""
    (length,) = struct.unpack_from("<Q", data)
    text = data[8 : 8 + length].rstrip()[:-1] + f', "{name}": {json.dumps(entry)}}}'.encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


@pytest.mark.parametrize("breakage, message", [
    (lambda data: data[:4], "too few"),
    (lambda data: struct.pack("<Q", 1 << 40) + data[8:], "the header claims"),
    (lambda data: data[:8] + b"!" + data[9:], "not JSON"),
    (lambda data: data[:-100], "cannot lie at bytes"),
    (lambda data: data.replace(b'"F32"', b'"F99"'), "unsupported element type F99"),
    (lambda data: data.replace(b"[40,32]", b"[40,33]"), "cannot lie at bytes"),
    (lambda data: with_entry(data, "x", {"dtype": "F32", "shape": [0, 10**30], "data_offsets": [0, 0]}),
     "tensor 'x' F32 .* a size is beyond"),
    (lambda data: with_entry(data, "x", {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}),
     "tensor 'x' F32 .* a size is beyond"),
    (lambda data: with_entry(data, "x", {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}),
     "tensors 'model.embed_tokens.weight' and 'x' overlap: one ends at byte 5120, the other begins at 4"),
    (lambda data: with_entry(data, "model.norm.weight", {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}),
     "the header has the key 'model.norm.weight' twice"),
])
def test_broken_safetensors_name_the_file(tiny, breakage, message):
    path = tiny / "model.safetensors"
    path.write_bytes(breakage(path.read_bytes()))
    with pytest.raises(FptqError, match=message) as error:
        load_checkpoint(tiny)
    assert str(path) in str(error.value)


def test_our_safetensors_are_what_the_package_reads(tmp_path):
    from safetensors.numpy import load_file

    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(7, np.int64)}
    safetensors.write(tmp_path / "x.safetensors", tensors)
    read = load_file(tmp_path / "x.safetensors")
    for name, array in tensors.items():
        np.testing.assert_array_equal(read[name], array)


@pytest.mark.parametrize("context, noted", [(None, False), (24, False), (25, True)])
def test_a_context_longer_than_the_models_is_noted(tiny, tmp_path, context, noted):
    native.save(load_checkpoint(tiny), tmp_path / "m.safetensors")
    for path in (tiny, tmp_path / "m.safetensors"):
        checkpoint = load_checkpoint(path, context=context)
        assert checkpoint.config.context == 24
        assert checkpoint.notes == [f"{path}: a context of 25 positions is asked for, the model's own of 24 is what "
                                    "there is"] * noted


def test_llama2c_layout(stories):
    checkpoint = load_checkpoint(stories)
    config = checkpoint.config
    assert (config.hidden_size, config.intermediate_size, config.num_layers) == (64, 172, 5)
    assert config.interleaved and config.tied and config.context == 512


@pytest.mark.parametrize("dim", [128, 640])
def test_llama2c_that_begins_like_a_pickle(tmp_path, dim):
    """The low byte of its first size is 0x80; a pickle's other bytes are sizes of no model."""
    layer = 2 * dim + 4 * dim * dim + 3 * dim * 32
    data = np.zeros(8 * dim + layer + dim + 16 * (dim // 4), np.float32)
    (tmp_path / "m.bin").write_bytes(np.array([dim, 32, 1, 4, 4, 8, 16], "<i4").tobytes() + data.tobytes())
    assert load_checkpoint(tmp_path / "m.bin").config.hidden_size == dim
    (tmp_path / "p.bin").write_bytes(b"\x80\x02" + bytes(range(100)))
    with pytest.raises(FptqError, match="a pickled PyTorch file"):
        load_checkpoint(tmp_path / "p.bin")


def test_llama2c_cut_short_names_the_array(stories, tmp_path):
    path = tmp_path / "cut.bin"
    path.write_bytes(stories.read_bytes()[:300_000])
    with pytest.raises(FptqError, match="the file ends inside '"):
        load_checkpoint(path)


def test_llama2c_with_impossible_sizes(tmp_path):
    path = tmp_path / "bad.bin"
    path.write_bytes(struct.pack("<7i", 64, -1, 5, 8, 4, 512, 512) + bytes(100))
    with pytest.raises(FptqError, match="hidden_dim is -1"):
        load_checkpoint(path)


def test_missing_model(tmp_path):
    with pytest.raises(FptqError, match="no such file"):
        load_checkpoint(tmp_path / "nothing")


def test_an_empty_tensor_shares_no_bytes(tiny):
    path = tiny / "model.safetensors"
    path.write_bytes(with_entry(path.read_bytes(), "x", {"dtype": "F32", "shape": [0], "data_offsets": [4, 4]}))
    load_checkpoint(tiny)


def test_an_end_beyond_the_vocabulary_ends_nothing(tmp_path):
    assert load_checkpoint(write_tiny(tmp_path, eos_token_id=[2, 40000])).config.eos == (2, 40000)


def test_a_tensor_in_two_shards(tmp_path):
    folder = write_tiny(tmp_path, shards=3)
    one, other = (folder / f"model-{i}.safetensors" for i in (0, 2))
    tensors = {name: np.array(array) for name, array in safetensors.open_mapped(other).items()}
    safetensors.write(other, {**tensors, "model.embed_tokens.weight": np.zeros((40, 32), np.float32)})
    with pytest.raises(FptqError, match=f"{other}: tensor 'model.embed_tokens.weight' lies in {one}, too"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", ["finetuned.safetensors", "model.safetensors"])
@pytest.mark.parametrize("shards", [1, 3])
def test_a_named_file_is_the_one_that_is_read(tmp_path, name, shards):
    """Beside others, or beside shards that have an index and are another model."""
    folder, other = write_tiny(tmp_path / "a", shards=shards), write_tiny(tmp_path / "b", seed=6)
    (other / "model.safetensors").rename(folder / name)
    checkpoint = load_checkpoint(folder / name)
    (folder / name).rename(other / "model.safetensors")
    assert checkpoint.hash() == load_checkpoint(other).hash()
    for path in (folder / name, folder / "config.json"):
        path.touch()
        with pytest.raises(FptqError, match=f"{path}: the model is read from it"):
            checkpoint.refuse_as_output(path)


def test_a_shard_is_no_model(tmp_path):
    path = write_tiny(tmp_path, shards=3) / "model-1.safetensors"
    with pytest.raises(FptqError, match=f"{path}: one of the 3 files of a model, says .*index.json; name the folder"):
        load_checkpoint(path)


@pytest.mark.parametrize("format", ["huggingface", "awq"])
def test_a_file_that_is_not_there(tiny, format):
    with pytest.raises(FptqError, match="absent.safetensors: no such file"):
        load_checkpoint(tiny / "absent.safetensors", format=format)
