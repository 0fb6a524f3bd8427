"""Text to tokens and back."""

import pytest

from quant_fptq import FptqError, load_checkpoint
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


def test_huggingface_round_trip_starts_with_bos(kjv_folder):
    tokenizer = load_tokenizer(None, load_checkpoint(kjv_folder))
    tokens = tokenizer.encode("In the beginning God created the heaven")
    assert tokens[0] == 0 and tokens.count(0) == 1
    assert tokenizer.decode(tokens).strip() == b"In the beginning God created the heaven"


def test_no_tokenizer_beside_the_model(tiny):
    with pytest.raises(FptqError, match="--tokenizer"):
        load_tokenizer(None, load_checkpoint(tiny))


def test_documents_are_stripped_and_empty_ones_dropped():
    assert documents(" a <|endoftext|>\n<|endoftext|>b") == ["a", "b"]
