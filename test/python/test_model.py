"""Compiled models against plain numpy: prefill, decode, every element type, both rotary layouts."""

import ml_dtypes
import numpy as np
import pytest
from conftest import write_tiny
from oracle import forward

from quant_fptq import FptqError, Session, load_checkpoint
from quant_fptq.model import Model
from quant_fptq.outliers import Outliers, inject
from quant_fptq.quantize import QuantizeOptions, quantized_checkpoint


@pytest.fixture(scope="module")
def session():
    with Session() as session:
        yield session


def compiled(session, checkpoint, threads=1):
    return Model(session.import_checkpoint(checkpoint).compile(threads=threads), checkpoint.config)


def assert_follows_numpy(model, checkpoint, tokens, split):
    expected = forward(checkpoint, tokens)
    scale = np.abs(expected).max()
    prefilled = model.prefill(tokens[:split])
    np.testing.assert_allclose(prefilled, expected[:split], atol=2e-5 * scale)
    decoded = np.array([model.decode(token) for token in tokens[split:]])
    np.testing.assert_allclose(decoded, expected[split:], atol=2e-5 * scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_prefill_then_decode_is_the_model(session, tmp_path, dtype):
    checkpoint = load_checkpoint(write_tiny(tmp_path, dtype))
    tokens = np.random.default_rng(1).integers(0, 40, 13)
    assert_follows_numpy(compiled(session, checkpoint), checkpoint, tokens, 9)


def test_tied_head_and_all_heads_alone(session, tmp_path):
    folder = write_tiny(tmp_path, tie_word_embeddings=True, num_key_value_heads=4)
    checkpoint = load_checkpoint(folder)
    assert_follows_numpy(compiled(session, checkpoint), checkpoint, np.arange(7), 4)


def test_cache_is_updated_in_place_and_reset_forgets(session, tiny):
    checkpoint = load_checkpoint(tiny)
    model = compiled(session, checkpoint)
    assert not any(model._copied.values())
    first = model.prefill([1, 5, 9])
    model.reset()
    np.testing.assert_array_equal(first, model.prefill([1, 5, 9]))


def test_prefill_goes_on_where_it_stopped(session, tiny):
    checkpoint = load_checkpoint(tiny)
    model = compiled(session, checkpoint, threads=2)
    tokens = np.arange(12)
    expected = forward(checkpoint, tokens)
    model.prefill(tokens[:5])
    np.testing.assert_allclose(model.prefill(tokens[5:]), expected[5:], atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("interleaved", [False, True])
def test_a_cache_of_halves_rounds_keys_and_values(session, tiny, stories, interleaved):
    checkpoint = load_checkpoint(stories if interleaved else tiny)
    tokens = np.random.default_rng(3).integers(3, 40, 22)
    model = Model(session.import_checkpoint(checkpoint, "f16").compile(threads=2), checkpoint.config)
    assert not any(model._copied.values()) and {cache.dtype for cache in model.cache} == {np.dtype(np.float16)}
    expected = forward(checkpoint, tokens)
    logits = np.vstack([model.prefill(tokens[:14]), [model.decode(token) for token in tokens[14:]]])
    error = np.abs(logits - expected).max() / np.abs(expected).max()
    assert 1e-6 < error < 2e-3, error  # f16 has 11 bits; none of it would be f32


def test_a_cache_of_anything_else_is_refused(session, tiny):
    with pytest.raises(FptqError, match="a KV cache of 'f8', expected f32 or f16"):
        session.import_checkpoint(load_checkpoint(tiny), "f8")


def test_prompt_is_the_last_row_of_prefill(session, tiny):
    checkpoint = load_checkpoint(tiny)
    model = compiled(session, checkpoint)
    tokens = np.arange(11)
    expected = model.prefill(tokens)[-1]
    model.reset()
    np.testing.assert_allclose(model.prompt(tokens), expected, rtol=1e-5, atol=1e-6)
    assert model.position == 11 and not any(model._copied.values())
    with pytest.raises(FptqError, match="at least one token"):
        model.prompt([])


@pytest.mark.parametrize("quantized", [False, True])
def test_threads_change_no_bit(session, tmp_path, quantized):
    # Wide enough for everything that is shared: products, blocks of rows, heads of one row, elementwise ops.
    sizes = {"hidden_size": 512, "intermediate_size": 512, "num_attention_heads": 8, "num_key_value_heads": 8,
             "head_dim": 64, "max_position_embeddings": 256, "num_hidden_layers": 1}
    checkpoint = load_checkpoint(write_tiny(tmp_path, **sizes))
    tokens = np.random.default_rng(5).integers(3, 40, 110)
    logits = []
    for threads in (1, 2):
        module = session.import_checkpoint(checkpoint)
        if quantized:
            module.run(QuantizeOptions(policy="per-token", group_size=32).pipeline())
        model = Model(module.compile(threads=threads), checkpoint.config)
        logits.append(np.vstack([model.prefill(tokens[:100]), [model.decode(token) for token in tokens[100:]]]))
    np.testing.assert_array_equal(*logits)
    if not quantized:  # rows and keys beyond every tile: what the float model's sums differ by is their order
        expected = forward(checkpoint, tokens)
        np.testing.assert_allclose(logits[0], expected, atol=2e-5 * np.abs(expected).max())


def test_context_that_is_full(session, tiny):
    model = compiled(session, load_checkpoint(tiny, context=8))
    with pytest.raises(FptqError, match="9 tokens do not fit the context of 8"):
        model.prefill(range(9))


def test_interleaved_rotary_embedding_of_llama2c(session, stories):
    checkpoint = load_checkpoint(stories)
    tokens = np.random.default_rng(2).integers(3, 512, 40)
    assert_follows_numpy(compiled(session, checkpoint), checkpoint, tokens, 33)


def test_outliers_preserve_the_function(tiny):
    checkpoint = load_checkpoint(tiny)
    changed = inject(checkpoint, Outliers.parse("attn=20,ffn=20,down=200,channels=2,seed=11"))
    before, after = {}, {}
    np.testing.assert_allclose(forward(changed, range(9), after), forward(checkpoint, range(9), before), rtol=1e-4,
                               atol=1e-5)
    assert after["model.layers.0.self_attn.q_proj"] > 5 * before["model.layers.0.self_attn.q_proj"]
    assert after["model.layers.0.mlp.down_proj"] > 5 * before["model.layers.0.mlp.down_proj"]
    assert np.array_equal(checkpoint["model.norm.weight"], changed["model.norm.weight"])


def test_tokens_that_are_no_integers_of_the_vocabulary(session, tiny):
    model = compiled(session, load_checkpoint(tiny))
    for tokens, message in [([2**32 + 5], "token 4294967301 is none"), ([2**40], "is none of the model's 40"),
                            (np.array([1.5]), "tokens are float64, expected integers"), ([-1], "token -1 is none")]:
        with pytest.raises(FptqError, match=message):
            model.prefill(tokens)
    assert model.position == 0


@pytest.mark.parametrize("text, message", [("atn=2", "unknown key 'atn'"), ("attn=x", "'x' is no number"),
                                           ("down=-1", "out of range"), ("channels=99", "99 channels")])
def test_outliers_refuse_nonsense(tiny, text, message):
    with pytest.raises(FptqError, match=message):
        inject(load_checkpoint(tiny), Outliers.parse(text))


def test_compiler_errors_have_one_text(session, tmp_path):
    path = tmp_path / "bad.mlir"
    path.write_text("func.func @f() { return %x }")
    with pytest.raises(FptqError, match="bad.mlir:1"):
        session.parse(path)
    with pytest.raises(FptqError, match="no such file"):
        session.parse(tmp_path / "nothing.mlir")


def test_codes_take_no_outliers(tiny):
    checkpoint = load_checkpoint(tiny)
    with Session() as session:
        stored = quantized_checkpoint(session, checkpoint, QuantizeOptions(group_size=16))
    with pytest.raises(FptqError, match="its weights are codes, which take no outliers"):
        inject(stored, Outliers.parse("attn=20,channels=2"))
