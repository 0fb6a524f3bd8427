"""GGUF files made by the `gguf` package: codes as stored, numbers as its own dequantization, and every bad file."""

import re
import struct

import numpy as np
import pytest
from oracle import forward

from quant_fptq import FptqError, Session, load_checkpoint
from quant_fptq.importer import native
from quant_fptq.model import Model

gguf = pytest.importorskip("gguf", reason="the gguf package is not installed")
quants = pytest.importorskip("gguf.quants")
Q = gguf.GGMLQuantizationType
HIDDEN, INTERMEDIATE = 256, 512
LINEARS = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
           "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
           "ffn_down": "mlp.down_proj"}


def encoded(weight: np.ndarray, kind, rng) -> np.ndarray:
    """Blocks of `weight`; the package only reads K-quants, so those are random blocks with small scales."""
    if kind not in (Q.Q4_K, Q.Q6_K):
        return quants.quantize(weight, kind)
    size, scales = (144, (0, 2)) if kind == Q.Q4_K else (210, (208,))
    blocks = rng.integers(0, 256, (weight.shape[0], weight.shape[1] // 256, size), dtype=np.uint8)
    for at in scales:
        half = rng.uniform(1e-4, 2e-4, blocks.shape[:2]).astype(np.float16)
        blocks[:, :, at : at + 2] = half.view(np.uint8).reshape(*blocks.shape[:2], 2)
    return blocks.reshape(weight.shape[0], -1)


def write_gguf(path, kind=Q.Q4_0, head=None, tied=False, changes=(), leave_out=(), architecture="llama", factors=None):
    """A random model of two layers; linears of type `kind`, the embedding F16, the head of type `head` or `kind`."""
    rng = np.random.default_rng(3)
    writer = gguf.GGUFWriter(path, architecture)
    numbers = {"context_length": 24, "embedding_length": HIDDEN, "feed_forward_length": INTERMEDIATE,
               "block_count": 2, "attention.head_count": 4, "attention.head_count_kv": 2, **dict(changes)}
    for key, value in numbers.items():
        if value is not None:
            add = {bool: writer.add_bool, float: writer.add_float32, str: writer.add_string}.get(type(value),
                                                                                               writer.add_uint32)
            add(key if key.startswith("tokenizer.") else f"{architecture}.{key}", value)
    writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", 1e-5)

    def add(name, shape, kind):
        if name in leave_out:
            return
        if len(shape) == 1:
            writer.add_tensor(name, (rng.standard_normal(shape) * 0.1 + 1).astype(np.float32))
            return
        weight = (rng.standard_normal(shape) * shape[1] ** -0.5).astype(np.float32)
        writer.add_tensor(name, encoded(weight, kind, rng), raw_dtype=kind)

    kv = HIDDEN // 2
    shapes = {"attn_q": (HIDDEN, HIDDEN), "attn_k": (kv, HIDDEN), "attn_v": (kv, HIDDEN),
              "attn_output": (HIDDEN, HIDDEN), "ffn_gate": (INTERMEDIATE, HIDDEN), "ffn_up": (INTERMEDIATE, HIDDEN),
              "ffn_down": (HIDDEN, INTERMEDIATE)}
    add("token_embd.weight", (40, HIDDEN), Q.F16)
    for i in range(2):
        add(f"blk.{i}.attn_norm.weight", (HIDDEN,), Q.F32)
        add(f"blk.{i}.ffn_norm.weight", (HIDDEN,), Q.F32)
        for name, shape in shapes.items():
            add(f"blk.{i}.{name}.weight", shape, kind)
            if architecture == "qwen2" and name in ("attn_q", "attn_k", "attn_v"):
                add(f"blk.{i}.{name}.bias", shape[:1], Q.F32)
        for name in ("attn_q_norm", "attn_k_norm") if architecture == "qwen3" else ():
            add(f"blk.{i}.{name}.weight", (HIDDEN // 4,), Q.F32)
    add("output_norm.weight", (HIDDEN,), Q.F32)
    if factors is not None:
        writer.add_tensor("rope_freqs.weight", np.asarray(factors, np.float32))
    if not tied:
        add("output.weight", (40, HIDDEN), head or kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def writers_numbers(path):
    """Tensors as the package itself dequantizes them."""
    return {t.name: quants.dequantize(t.data, t.tensor_type) for t in gguf.GGUFReader(path).tensors}


KINDS = [Q.Q4_0, Q.Q4_1, Q.Q8_0, Q.F16, Q.F32, Q.BF16, Q.Q4_K, Q.Q6_K]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_numbers_are_the_writers_own_bit_for_bit(tmp_path, kind):
    path = write_gguf(tmp_path / "m.gguf", kind)
    checkpoint, expected = load_checkpoint(path), writers_numbers(path)
    for i in range(2):
        for theirs, ours in LINEARS.items():
            got = checkpoint.float32(f"model.layers.{i}.{ours}.weight")
            np.testing.assert_array_equal(got.view(np.uint32), expected[f"blk.{i}.{theirs}.weight"].view(np.uint32))
    np.testing.assert_array_equal(checkpoint.float32("lm_head.weight"), expected["output.weight"])
    np.testing.assert_array_equal(checkpoint.float32("model.embed_tokens.weight"), expected["token_embd.weight"])


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3"])
def test_siblings_rotate_halves_and_keep_their_biases_and_norms(session, tmp_path, architecture):
    checkpoint = load_checkpoint(write_gguf(tmp_path / "m.gguf", Q.Q8_0, architecture=architecture))
    config, expected = checkpoint.config, writers_numbers(tmp_path / "m.gguf")
    assert not config.interleaved and config.bos is None and config.qk_norm == (architecture == "qwen3")
    assert config.biases == (tuple(LINEARS.values())[:3] if architecture == "qwen2" else ())
    part = {"qwen2": ("attn_k.bias", "k_proj.bias"), "qwen3": ("attn_k_norm.weight", "k_norm.weight")}
    theirs, ours = part[architecture]
    np.testing.assert_array_equal(checkpoint[f"model.layers.1.self_attn.{ours}"], expected[f"blk.1.{theirs}"])
    tokens = np.random.default_rng(1).integers(0, 40, 9)
    logits, wanted = forward(checkpoint, tokens), Model(
        session.import_checkpoint(checkpoint).compile(threads=1), config).prefill(tokens)
    np.testing.assert_allclose(wanted, logits, atol=2e-5 * np.abs(logits).max())


@pytest.mark.parametrize("kind", [Q.Q4_0, Q.Q4_1, Q.Q8_0, Q.Q4_K, Q.Q6_K], ids=lambda kind: kind.name)
def test_one_file_of_ours_holds_the_same(tmp_path, kind):
    checkpoint = load_checkpoint(write_gguf(tmp_path / "m.gguf", kind))
    native.save(checkpoint, tmp_path / "m.safetensors")
    again = load_checkpoint(tmp_path / "m.safetensors")
    assert again.config == checkpoint.config and again.hash() == checkpoint.hash()
    for (name, a), (other, b) in zip(checkpoint.parameters(), again.parameters(), strict=True):
        assert name == other
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.fixture(scope="module")
def session():
    with Session() as session:
        yield session


@pytest.mark.parametrize("kind", [Q.Q4_0, Q.Q4_1, Q.Q8_0, Q.Q4_K, Q.Q6_K], ids=lambda kind: kind.name)
@pytest.mark.parametrize("scheme", ["float", "w4a8"])
def test_logits_follow_numpy(session, tmp_path, kind, scheme):
    checkpoint = load_checkpoint(write_gguf(tmp_path / "m.gguf", kind, head=Q.F16))
    module = session.import_checkpoint(checkpoint)
    if scheme == "w4a8":
        module.run("fptq-quantize-pipeline{policy=per-token}")
        layers = module.layers()
        assert len(layers) == 15 and {layer["policy"] for layer in layers[:14]} == {"per-token"}
        assert {layer["group_size"] for layer in layers[:14]} == {16 if kind == Q.Q6_K else 32}
    model = Model(module.compile(threads=1), checkpoint.config)
    tokens = np.random.default_rng(1).integers(0, 40, 13)
    expected = forward(checkpoint, tokens, w4a8=scheme == "w4a8")
    # In W4A8 one activation of thousands may round the other way in float32; in float nothing may.
    tolerance = (2e-2 if scheme == "w4a8" else 2e-5) * np.abs(expected).max()
    np.testing.assert_allclose(model.prefill(tokens[:9]), expected[:9], atol=tolerance)
    np.testing.assert_allclose([model.decode(token) for token in tokens[9:]], expected[9:], atol=tolerance)


def test_tied_head_and_a_quantized_embedding_are_floats(tmp_path):
    checkpoint = load_checkpoint(write_gguf(tmp_path / "m.gguf", tied=True))
    assert checkpoint.config.tied and checkpoint.config.interleaved
    assert checkpoint.tensors["model.embed_tokens.weight"].stored is None


@pytest.mark.parametrize("changes, factor", [
    ({}, None),
    ({"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}, 4.0),
    ({"rope.scaling.factor": 4.0}, 4.0),  # no type is linear
    ({"rope.scale_linear": 4.0}, 4.0),  # older writers
    ({"rope.scaling.factor": 2.0, "rope.scale_linear": 4.0}, 2.0),
    ({"rope.scaling.factor": 0.0}, None),
    ({"rope.scaling.type": "linear"}, None),
    ({"rope.scaling.factor": 1.0}, None),
    ({"rope.scaling.type": "none", "rope.scaling.factor": 4.0}, None),
])
def test_rotary_scaling_is_read_as_llama_cpp_does(tmp_path, changes, factor):
    config = load_checkpoint(write_gguf(tmp_path / "m.gguf", changes=changes)).config
    assert config.rope_scaling == (factor and {"rope_type": "linear", "factor": factor})
    table = [1.0 + i for i in range(32)]
    config = load_checkpoint(write_gguf(tmp_path / "m.gguf", changes=changes, factors=table)).config
    assert config.rope_scaling == {"rope_type": "factors", "factors": [(factor or 1) * x for x in table]}


def test_scaled_rotary_embeddings_follow_numpy(session, tmp_path):
    """A table of factors (Llama 3's form in GGUF) and a linear one at once."""
    path = write_gguf(tmp_path / "m.gguf", Q.F32, changes={"rope.scaling.factor": 2.0}, factors=1 + np.arange(32) % 5)
    checkpoint, tokens = load_checkpoint(path), np.random.default_rng(1).integers(0, 40, 20)
    expected = forward(checkpoint, tokens)
    got = Model(session.import_checkpoint(checkpoint).compile(threads=1), checkpoint.config).prefill(tokens)
    np.testing.assert_allclose(got, expected, atol=2e-5 * np.abs(expected).max())
    plain = load_checkpoint(write_gguf(path, Q.F32))
    assert np.abs(forward(plain, tokens) - expected).max() > 1e-2 * np.abs(expected).max()


def test_keys_of_attention_that_change_nothing(tmp_path):
    changes = {"attention.causal": True, "attention.scale": 0.125, "rope.scaling.attn_factor": 1.0}
    load_checkpoint(write_gguf(tmp_path / "m.gguf", changes=changes))
    load_checkpoint(write_gguf(tmp_path / "m.gguf", changes={"attention.scale": 0.0}))


@pytest.mark.parametrize("architecture, tokens, eos", [
    ("llama", {}, (2,)), ("qwen2", {}, ()), ("llama", {"eos": 5}, (5,)), ("llama", {"eos": 5, "eot": 7}, (5, 7)),
    ("qwen2", {"eot": 7}, (7,)), ("llama", {"eos": 5, "eot": 5}, (5,))])
def test_every_token_that_ends_a_text(tmp_path, architecture, tokens, eos):
    changes = {f"tokenizer.ggml.{name}_token_id": token for name, token in tokens.items()}
    path = write_gguf(tmp_path / "m.gguf", changes=changes, architecture=architecture)
    assert load_checkpoint(path).config.eos == eos


def test_a_window_bounds_the_context(tmp_path):
    path = write_gguf(tmp_path / "m.gguf", changes={"attention.sliding_window": 8})
    assert load_checkpoint(path).config.context == 8
    with pytest.raises(FptqError, match=re.escape("key 'llama.attention.sliding_window' is 8, a context of 12")):
        load_checkpoint(path, context=12)
    assert load_checkpoint(write_gguf(path, changes={"attention.sliding_window": 0})).config.context == 24


@pytest.mark.parametrize("arguments, message", [
    ({"changes": {"block_count": 3}}, "no tensor 'model.layers.2.input_layernorm.weight'"),
    ({"changes": {"embedding_length": 64}}, "tensor 'model.embed_tokens.weight' has shape [40, 256], expected [40, 64]"),
    ({"changes": {"feed_forward_length": None}}, "key 'llama.feed_forward_length' is None, expected a number"),
    ({"changes": {"expert_count": 8}}, "key 'llama.expert_count' is set"),
    ({"leave_out": ["token_embd.weight"]}, "no tensor 'token_embd.weight'"),
    ({"leave_out": ["blk.1.ffn_up.weight"]}, "no tensor 'model.layers.1.mlp.up_proj.weight'"),
    ({"changes": {"rope.freq_base": 0.0}}, "key 'llama.rope.freq_base' is 0.0, expected a positive number"),
    ({"changes": {"rope.scaling.type": "su"}}, "key 'llama.rope.scaling.type' is 'su', expected none, linear, yarn"),
    ({"changes": {"rope.scaling.type": "longrope"}}, "no tensor 'rope_factors_short.weight', which rotary scaling needs"),
    ({"changes": {"rope.scaling.type": "yarn", "rope.scaling.yarn_attn_factor": 2.0}},
     "key 'llama.rope.scaling.yarn_attn_factor' is not read"),
    ({"changes": {"rope.scale_linear": -2.0}}, "rope_scaling: key 'factor' is -2.0, expected a positive number"),
    ({"changes": {"attention.sliding_window": "8"}}, "key 'llama.attention.sliding_window' is '8', expected"),
    ({"changes": {"attention.causal": False}}, "key 'llama.attention.causal' is false"),
    ({"changes": {"attention.scale": 0.25}}, "key 'llama.attention.scale' is 0.25, expected 0.125"),
    ({"changes": {"rope.scaling.attn_factor": 2.0}}, "key 'llama.rope.scaling.attn_factor' is 2, expected 1"),
    ({"kind": Q.Q5_0}, "tensor 'blk.0.attn_q.weight' has type Q5_0, expected one of F32, F16, Q4_0"),
])
def test_wrong_models_name_file_and_key(tmp_path, arguments, message):
    path = write_gguf(tmp_path / "m.gguf", **arguments)
    with pytest.raises(FptqError, match=re.escape(message)) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value)


def test_every_truncation_is_an_error_that_names_the_file(tmp_path):
    path = write_gguf(tmp_path / "m.gguf")
    data, cut = path.read_bytes(), tmp_path / "cut.gguf"
    header = len(data) - sum(t.n_bytes for t in gguf.GGUFReader(path).tensors)
    for length in [*range(4, header, 41), header + 7, len(data) // 2, len(data) - 2000]:
        cut.write_bytes(data[:length])
        with pytest.raises(FptqError, match=re.escape(str(cut))):
            load_checkpoint(cut)


@pytest.mark.parametrize("at, value, message", [
    (4, struct.pack("<I", 1), "GGUF version 1, expected 2 or 3"),
    (4, struct.pack(">I", 3), "a big-endian file"),
    (8, struct.pack("<Q", 1 << 60), "claims 1152921504606846976 entries"),
    (16, struct.pack("<Q", 1 << 40), "claims 1099511627776 entries"),
    (24, struct.pack("<Q", 1 << 62), "the file ends inside the header"),
])
def test_headers_that_lie(tmp_path, at, value, message):
    path = write_gguf(tmp_path / "m.gguf")
    data = bytearray(path.read_bytes())
    data[at : at + len(value)] = value
    path.write_bytes(data)
    with pytest.raises(FptqError, match=re.escape(message)):
        load_checkpoint(path)


def test_other_architectures(tmp_path):
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(FptqError, match="key 'general.architecture' is 'gpt2', expected llama, qwen2, qwen3"):
        load_checkpoint(path)


def test_layers_that_the_sizes_do_not_name(tmp_path):
    """Half of a model is another model."""
    path = write_gguf(tmp_path / "m.gguf", changes={"block_count": 1})
    with pytest.raises(FptqError, match=r"m.gguf: tensor 'blk\.1\..*': a llama of 1 layers has none"):
        load_checkpoint(path)


@pytest.mark.parametrize("old, new, message", [
    (b"llama.y", b"llama.x", "key 'llama.x' is there twice"),
    (b"blk.1.attn_k.weight", b"blk.1.attn_q.weight", "tensor 'blk.1.attn_q.weight' is there twice"),
    (struct.pack("<I2QI", 2, HIDDEN, 40, Q.F16), struct.pack("<I2QI", 2, 1 << 63, 0, Q.F16),
     "tensor 'token_embd.weight' [0, 9223372036854775808]: a size is beyond"),
])
def test_entries_that_are_there_twice_or_in_no_memory(tmp_path, old, new, message):
    path = write_gguf(tmp_path / "m.gguf", changes={"x": 1, "y": 1})
    data = path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))
    with pytest.raises(FptqError, match=re.escape(f"{path}: {message}")):
        load_checkpoint(path)
