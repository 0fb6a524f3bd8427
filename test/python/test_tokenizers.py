"""Text to tokens and back."""

import json
import re

import pytest
from conftest import write_tiny

from quant_fptq import FptqError, generate, gguf_tokenizer, load_checkpoint
from quant_fptq.importer.checkpoint import Checkpoint, LlamaConfig
from quant_fptq.importer.gguf import File
from quant_fptq.tokenizer import Llama2cTokenizer, documents, load_tokenizer


def greedy_merges(tokenizer: Llama2cTokenizer, text: str) -> list[int]:
    """The rule as written: every pair looked at in every round."""
    ids = tokenizer._characters(" " + text)
    while True:
        merged = [(tokenizer.scores[new], -i, new) for i, (a, b) in enumerate(zip(ids, ids[1:]))
                  if (new := tokenizer._ids.get(tokenizer.pieces[a] + tokenizer.pieces[b])) is not None]
        if not merged:
            return [1, *ids]
        _, at, new = max(merged)
        ids[-at : -at + 2] = [new]


@pytest.fixture
def llama2c(stories):
    return Llama2cTokenizer(stories.with_name("tok512.bin"), 512)


@pytest.mark.parametrize("text", ["Once upon a time, there was a little girl.", "a", "x\n\nyé 日本", "Zebras! 123"])
def test_llama2c_merges_the_best_pair_first(llama2c, text):
    tokens = llama2c.encode(text)
    assert tokens == greedy_merges(llama2c, text)
    assert llama2c.decode(tokens) == text.encode()


def test_llama2c_tokenizer_cut_short(llama2c, stories, tmp_path):
    path = tmp_path / "cut.bin"
    path.write_bytes(stories.with_name("tok512.bin").read_bytes()[:1000])
    with pytest.raises(FptqError, match="the file ends at piece"):
        Llama2cTokenizer(path, 512)


def pieces(path, count, more=b""):
    path.write_bytes(bytes(4) + (bytes(4) + b"\1\0\0\0x") * count + more)
    return path


@pytest.mark.parametrize("count, rows, more, message", [
    (600, 512, b"", "600 pieces, but the embedding has 512 rows"),
    (511, 512, b"", "the file ends at piece 511 of 512"),
    (512, 512, b"junk", "the file ends at piece 512 of 512"),
    (64, 64, b"", "the model has 64 tokens, a tokenizer of this kind at least 259"),
])
def test_llama2c_tokenizer_of_another_size(tmp_path, count, rows, more, message):
    path = pieces(tmp_path / "tok.bin", count, more)
    with pytest.raises(FptqError, match=f"{path}: {message}"):
        Llama2cTokenizer(path, rows)


def test_llama2c_tokenizer_of_this_size(tmp_path):
    assert Llama2cTokenizer(pieces(tmp_path / "tok.bin", 259), 259).vocab_size == 259


def test_a_word_without_a_token(tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="the tokenizers package is not installed")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1}, "[UNK]"))
    made.save(str(tmp_path / "tokenizer.json"))
    tokenizer = load_tokenizer(tmp_path / "tokenizer.json", sized(tmp_path, 40))
    with pytest.raises(FptqError, match=f"{tmp_path}/tokenizer.json: .*[UNK]"):
        tokenizer.encode("c")


def test_huggingface_round_trip_starts_with_bos(kjv_folder):
    tokenizer = load_tokenizer(None, load_checkpoint(kjv_folder))
    tokens = tokenizer.encode("In the beginning God created the heaven")
    assert tokens[0] == 0 and tokens.count(0) == 1
    assert tokenizer.decode(tokens).strip() == b"In the beginning God created the heaven"


def test_a_stream_of_text_splits_no_character(kjv_folder):
    """A token may end inside of one: what it adds waits for the rest, or for the end."""
    tokenizer = load_tokenizer(None, load_checkpoint(kjv_folder))
    text = "a€ 😀 é b"
    tokens = tokenizer.encode(text)
    pieces = list(generate.text(tokenizer, tokens[:2], iter(tokens[2:])))
    assert len(pieces) > 3 and "".join(pieces).strip() == text
    assert not any("\ufffd" in piece for piece in pieces)
    cut = list(generate.text(tokenizer, tokens[:2], iter(tokens[2:4])))
    assert "".join(cut).rstrip("\ufffd") in "".join(pieces)


def test_no_tokenizer_beside_the_model(tiny):
    with pytest.raises(FptqError, match="--tokenizer"):
        load_tokenizer(None, load_checkpoint(tiny))


def test_documents_are_stripped_and_empty_ones_dropped():
    assert documents(" a <|endoftext|>\n<|endoftext|>b") == ["a", "b"]


def spm_gguf(path, stories, **changes):
    """stories260K's pieces as GGUF's writers store them."""
    gguf = pytest.importorskip("gguf", reason="the gguf package is not installed")
    plain = Llama2cTokenizer(stories.with_name("tok512.bin"), 512)
    tokens = [piece.replace(b" ", "\u2581".encode()) for piece in plain.pieces]
    tokens[3:259] = [b"<0x%02X>" % byte for byte in range(256)]
    values = {"model": "llama", "tokens": tokens, "scores": plain.scores, "bos": 1, "eos": 2, **changes}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(values["model"])
    if values["tokens"]:
        writer.add_token_list(values["tokens"])
    if "pre" in values:
        writer.add_array("tokenizer.ggml.pre", values["pre"])
    if "types" in values:
        writer.add_token_types(values["types"])
    if "space" in values:
        writer.add_add_space_prefix(values["space"])
    writer.add_token_scores(values["scores"])
    writer.add_bos_token_id(values["bos"])
    writer.add_eos_token_id(values["eos"])
    if "add_bos" in values:
        writer.add_add_bos_token(values["add_bos"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("text", ["Once upon a time, there was a little girl.", "a", "x\n\nyé 日本", "Zebras! 123"])
def test_scored_pieces_of_a_gguf_are_those_of_llama2c(llama2c, stories, tmp_path, text):
    tokenizer = gguf_tokenizer.load(File(spm_gguf(tmp_path / "m.gguf", stories)), 512)
    assert tokenizer.encode(text) == llama2c.encode(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text.encode()
    without = gguf_tokenizer.load(File(spm_gguf(tmp_path / "m.gguf", stories, add_bos=False)), 512)
    assert [1, *without.encode(text)] == tokenizer.encode(text)


@pytest.mark.parametrize("changes, message", [
    ({"model": "bert"}, "key 'tokenizer.ggml.model' is 'bert', expected llama, gpt2; name another"),
    ({"model": "gpt2"}, "key 'tokenizer.ggml.pre' is None, expected llama-bpe, qwen2, gpt-2, smollm; name another"),
    ({"model": "gpt2", "pre": [1, 2]}, "key 'tokenizer.ggml.pre' is [1, 2], expected llama-bpe"),
    ({"tokens": []}, "key 'tokenizer.ggml.tokens' is no list of strings"),
    ({"tokens": [b"a"] * 512}, "lacks the 256 tokens of single bytes"),
    ({"tokens": [b"a"] * 500}, "key 'tokenizer.ggml.tokens' has 500 entries, the embedding 512 rows"),
    ({"scores": [1.0] * 7}, "key 'tokenizer.ggml.scores' has 7 entries, the file 512 tokens"),
    ({"bos": 512}, "key 'tokenizer.ggml.bos_token_id' is 512, the file has 512 tokens"),
])
def test_a_gguf_without_a_tokenizer_that_we_know(stories, tmp_path, changes, message):
    path = spm_gguf(tmp_path / "m.gguf", stories, **changes)
    with pytest.raises(FptqError, match=re.escape(message)) as error:
        gguf_tokenizer.load(File(path), 512)
    assert str(path) in str(error.value)


@pytest.fixture
def typed(stories, tmp_path):
    """stories260K's pieces, the last two renamed to a control and a user-defined token."""
    def load(**changes):
        plain = Llama2cTokenizer(stories.with_name("tok512.bin"), 512)
        tokens = [piece.replace(b" ", "\u2581".encode()) for piece in plain.pieces]
        tokens[3:259] = [b"<0x%02X>" % byte for byte in range(256)]
        tokens[:3], tokens[508:] = [b"<unk>", b"<s>", b"</s>"], [b"<end", b"<end>", b"[INST]", b"<|mark|>"]
        types = [2, 3, 3, *[6] * 256, *[1] * 249, 3, 3, 3, 4]
        return gguf_tokenizer.load(
            File(spm_gguf(tmp_path / "m.gguf", stories, tokens=tokens, types=types, **changes)), 512)
    return load


def test_control_and_user_defined_tokens_are_cut_out_first(typed, llama2c):
    """No merge leads to them, and none reaches across them."""
    tokenizer = typed()
    body = [llama2c.encode(part)[1:] for part in ("Once", " upon", "a time")]
    assert tokenizer.encode("Once[INST] upon<|mark|>a time</s>") == [1, *body[0], 510, *body[1], 511, *body[2], 2]
    assert tokenizer.encode("<end><end") == [1, 509, 508]  # the longest
    assert tokenizer.decode([1, 0, *body[0], 510, *body[1], 511, *body[2], 2]) == b"Once upon<|mark|>a time"


def test_a_gguf_without_a_space_in_front(typed, llama2c):
    tokenizer = typed(space=False)
    assert tokenizer.encode(" upon") == llama2c.encode("upon") != tokenizer.encode("upon")
    for text in ("upon a time", " upon"):
        assert tokenizer.decode(tokenizer.encode(text)) == text.encode()


def test_long_texts_merge_as_the_rule_says(llama2c):
    """Equal scores included; and in n log n: the rule itself would take minutes for the second text."""
    text = "Once upon a time aaaaaaaa there was banananana " * 6
    assert llama2c.encode(text) == greedy_merges(llama2c, text)
    text *= 400
    assert llama2c.decode(llama2c.encode(text)) == text.encode()


TEXT = "It's 12345 o'clock:\r\n\n  Où est-ce? DON'T\tdef f(x):\n    return x  # 東京 \U0001f600!!!  "


def bpe_gguf(path, pre, cut, **changes):
    """A byte-level BPE trained on TEXT, as the package has it and as GGUF's writers store it."""
    gguf = pytest.importorskip("gguf", reason="the gguf package is not installed")
    tokenizers = pytest.importorskip("tokenizers", reason="the tokenizers package is not installed")
    plain = tokenizers.Tokenizer(tokenizers.models.BPE())
    plain.pre_tokenizer = cut(tokenizers.pre_tokenizers, tokenizers.Regex)
    plain.decoder = tokenizers.decoders.ByteLevel()
    plain.train_from_iterator([TEXT] * 3, tokenizers.trainers.BpeTrainer(
        vocab_size=330, special_tokens=["<|begin|>"], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    model = json.loads(plain.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens + changes.get("more", []))
    writer.add_token_types([3] + [1] * (len(tokens) - 1) + changes.get("types", []))
    writer.add_token_merges(changes.get("merges", [" ".join(merge) for merge in model["merges"]]))
    writer.add_bos_token_id(0)
    if changes.get("add_bos") is not None:
        writer.add_add_bos_token(changes["add_bos"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path, plain, len(tokens) + len(changes.get("more", []))


def words(digits):
    """As tokenizer.json of Llama 3 (three digits) and of Qwen2 (one) say it."""
    pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + digits +
               r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    return lambda steps, regex: steps.Sequence([steps.Split(regex(pattern), "isolated"),
                                                steps.ByteLevel(add_prefix_space=False, use_regex=False)])


CUTS = {
    "llama-bpe": words("{1,3}"),
    "qwen2": words(""),
    "gpt-2": lambda steps, regex: steps.ByteLevel(add_prefix_space=False),
    "smollm": lambda steps, regex: steps.Sequence([steps.Digits(individual_digits=True),
                                                   steps.ByteLevel(add_prefix_space=False)]),
}


@pytest.mark.parametrize("pre", CUTS)
def test_byte_level_bpe_of_a_gguf(tmp_path, pre):
    path, plain, size = bpe_gguf(tmp_path / "m.gguf", pre, CUTS[pre])
    tokenizer = gguf_tokenizer.load(File(path), size)
    begins = [0] if pre == "llama-bpe" else []
    for text in (TEXT, "  a\n \n b", "", "x1234567 <|begin|>y"):
        assert tokenizer.encode(text) == begins + plain.encode(text).ids
    assert tokenizer.decode(tokenizer.encode(TEXT)) == TEXT.encode()


@pytest.mark.parametrize("byte, said", [("\u0120", True), ("\u00f5", False)])
def test_byte_level_without_a_byte(tmp_path, byte, said):
    """Text with it would lose it; a byte that no UTF-8 has is not missed."""
    path, _, size = bpe_gguf(tmp_path / "m.gguf", "qwen2", CUTS["qwen2"])
    path.write_bytes(path.read_bytes().replace(b"\2\0\0\0\0\0\0\0" + byte.encode(), b"\2\0\0\0\0\0\0\0qq"))
    if not said:
        assert gguf_tokenizer.load(File(path), size).vocab_size
        return
    with pytest.raises(FptqError, match="tokens' lacks 1 of the 256 tokens of single bytes, '\u0120' among them"):
        gguf_tokenizer.load(File(path), size)


def test_merges_of_a_gguf_that_make_no_token(tmp_path):
    path, _, size = bpe_gguf(tmp_path / "m.gguf", "qwen2", CUTS["qwen2"], merges=["a b c"])
    with pytest.raises(FptqError, match="merges' has 'a b c', which is no pair of tokens that make a third"):
        gguf_tokenizer.load(File(path), size)


@pytest.mark.parametrize("model_type, said, processor, begins", [
    ("qwen2", False, False, False),
    ("qwen2", None, False, False),
    ("qwen2", True, False, True),
    ("llama", None, False, True),
    ("mistral", None, False, True),
    ("llama", False, False, False),
    ("llama", None, "bytes", False),  # a post-processor that puts nothing in front
    ("qwen2", None, "bos", True),
    ("llama", True, "bos", True),  # once, not twice
])
def test_bos_of_a_folder(tmp_path, model_type, said, processor, begins):
    """config.json names a bos_token_id for models, too, whose text never starts with it."""
    _, plain, size = bpe_gguf(tmp_path / "m.gguf", "qwen2", CUTS["qwen2"])
    tokens = plain.encode("Est-ce").ids
    from tokenizers import processors

    if processor:
        plain.post_processor = processors.ByteLevel() if processor == "bytes" else processors.TemplateProcessing(
            single="<|begin|> $A", special_tokens=[("<|begin|>", 0)])
    biases = {"use_sliding_window": False} if model_type == "qwen2" else {"sliding_window": None}
    folder = write_tiny(tmp_path / "folder", model_type=model_type, bos_token_id=0, vocab_size=size, **biases)
    plain.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({} if said is None else {"add_bos_token": said}))
    tokenizer = load_tokenizer(None, load_checkpoint(folder))
    assert tokenizer.encode("Est-ce") == ([0, *tokens] if begins else tokens)
    assert tokenizer.bos == (0 if begins else None)


def sized(path, rows):
    """A checkpoint of which only the embedding's rows count."""
    return Checkpoint(path, LlamaConfig(8, 8, 1, 1, 1, rows, 8, 8, bos=0))


@pytest.mark.parametrize("pre, said, begins", [("qwen2", None, False), ("qwen2", True, True), ("llama-bpe", None, True),
                                               ("llama-bpe", False, False)])
@pytest.mark.parametrize("beside", [False, True])
def test_add_bos_token_of_a_gguf(tmp_path, pre, said, begins, beside):
    """Decides for the file's own tokenizer, and for a tokenizer.json that --tokenizer names."""
    path, plain, size = bpe_gguf(tmp_path / "m.gguf", pre, CUTS[pre], add_bos=said)
    plain.save(str(tmp_path / "tokenizer.json"))
    tokenizer = load_tokenizer(tmp_path / "tokenizer.json" if beside else None, sized(path, size))
    assert tokenizer.encode("Est-ce") == [0] * begins + plain.encode("Est-ce").ids


def test_a_gguf_prefers_its_own_tokenizer(tmp_path):
    path, plain, size = bpe_gguf(tmp_path / "m.gguf", "qwen2", CUTS["qwen2"])
    other = json.loads(plain.to_str())
    other["model"] = {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(other))
    assert load_tokenizer(None, sized(path, size)).encode(TEXT) == plain.encode(TEXT).ids
    unknown, _, _ = bpe_gguf(tmp_path / "m.gguf", "tekken", CUTS["qwen2"])
    assert load_tokenizer(None, sized(unknown, size)).vocab_size == 2  # the one beside
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(FptqError, match="key 'tokenizer.ggml.pre' is 'tekken', expected"):
        load_tokenizer(None, sized(unknown, size))


def test_tokens_without_a_row_in_the_embedding(tmp_path):
    _, plain, size = bpe_gguf(tmp_path / "m.gguf", "qwen2", CUTS["qwen2"])
    (tmp_path / "m.gguf").unlink()
    plain.save(str(tmp_path / "tokenizer.json"))
    load_tokenizer(None, sized(tmp_path, size + 1))
    with pytest.raises(FptqError, match=f"tokenizer.json: tokens up to {size - 1}, but the embedding .* 40 rows"):
        load_tokenizer(None, sized(tmp_path, 40))


@pytest.mark.parametrize("other, pre", [("llama3", "llama-bpe"), ("llama-v3", "llama-bpe"),
                                        ("deepseek-r1-qwen", "qwen2")])
def test_other_names_of_a_cut(tmp_path, other, pre):
    path, plain, size = bpe_gguf(tmp_path / "m.gguf", other, CUTS[pre])
    assert gguf_tokenizer.load(File(path), size).encode(TEXT) == [0] * (pre == "llama-bpe") + plain.encode(TEXT).ids


@pytest.mark.parametrize("pre", ["llama-bpe", "qwen2"])
def test_words_that_no_merges_reach(tmp_path, pre):
    """Llama 3 takes a word that is a token as it is; elsewhere only merges make one."""
    path, plain, size = bpe_gguf(tmp_path / "m.gguf", pre, CUTS[pre], more=["zqxj"], types=[1])
    tokenizer = gguf_tokenizer.load(File(path), size)
    tokens = [token for token in tokenizer.encode("zqxj") if token]
    assert tokens == ([size - 1] if pre == "llama-bpe" else plain.encode("zqxj").ids)


def test_user_defined_tokens_of_byte_level(tmp_path):
    path, plain, size = bpe_gguf(tmp_path / "m.gguf", "qwen2", CUTS["qwen2"], more=["<tool>"], types=[4])
    tokenizer = gguf_tokenizer.load(File(path), size)
    wanted = [*plain.encode("Est").ids, size - 1, *plain.encode("-ce").ids]
    assert tokenizer.encode("Est<tool>-ce") == wanted
    assert tokenizer.decode([0, *wanted]) == b"Est<tool>-ce"  # it has a text, a control token none
