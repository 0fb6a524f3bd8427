"""The tokenizer inside of a GGUF file: scored pieces (`llama`), or byte-level BPE (`gpt2`).

Format: github.com/ggml-org/ggml, docs/gguf.md, "Tokenizer". How text is cut before byte-level BPE is named by
`tokenizer.ggml.pre` and stands nowhere in the file; the expressions are those of the models' own tokenizer.json.
"""

from __future__ import annotations

from typing import Any

from quant_fptq.errors import FptqError
from quant_fptq.importer.gguf import File
from quant_fptq.tokenizer import HuggingFaceTokenizer, ScoredTokenizer, Tokenizer

_KEY = "tokenizer.ggml."
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED = 1, 2, 3, 4  # of token_type
_WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|"
          r"\s*[\r\n]+|\s+(?!\S)|\s+")
#: By `tokenizer.ggml.pre`; None: GPT-2's, which the package has.
_CUTS = {"llama-bpe": _WORDS.format(digits="{1,3}"), "qwen2": _WORDS.format(digits=""), "gpt-2": None,
         "smollm": r"\p{N}"}
#: Single bytes that no text has, as byte-level vocabularies name them.
_NOT_IN_UTF8 = {chr(byte) for byte in (0xC0, 0xC1, *range(0xF5, 0x100))}
_OTHER_NAMES = {"llama3": "llama-bpe", "llama-v3": "llama-bpe", "deepseek-r1-qwen": "qwen2"}


def _list(file: File, key: str, kind: type | tuple[type, ...], length: int | None = None) -> list:
    value = file.metadata.get(_KEY + key)
    if not isinstance(value, list) or not all(isinstance(entry, kind) for entry in value):
        raise FptqError(f"{file.path}: key '{_KEY}{key}' is no list of {'strings' if kind is str else 'numbers'}")
    if length is not None and len(value) != length:
        raise FptqError(f"{file.path}: key '{_KEY}{key}' has {len(value)} entries, the file {length} tokens")
    return value


def _token(file: File, name: str, tokens: int) -> int | None:
    key = f"{_KEY}{name}_token_id"
    token = file.number(key) if key in file.metadata else None
    if token is not None and not 0 <= token < tokens:
        raise FptqError(f"{file.path}: key '{key}' is {token}, the file has {tokens} tokens")
    return token


def _types(file: File, tokens: int) -> list[int]:
    """Of each token; older writers leave them out."""
    return _list(file, "token_type", int, tokens) if _KEY + "token_type" in file.metadata else [_NORMAL] * tokens


def _scored(file: File, tokens: list[str], bos: int | None) -> Tokenizer:
    first_byte = tokens.index("<0x00>") if "<0x00>" in tokens else -1
    if first_byte < 0 or tokens[first_byte : first_byte + 256] != [f"<0x{byte:02X}>" for byte in range(256)]:
        raise FptqError(f"{file.path}: key '{_KEY}tokens' lacks the 256 tokens of single bytes, '<0x00>' to '<0xFF>'")
    scores = _list(file, "scores", (int, float), len(tokens))
    pieces = [token.replace("\u2581", " ").encode() for token in tokens]
    types = _types(file, len(tokens))
    named = (_token(file, name, len(tokens)) for name in ("bos", "eos", "unknown"))
    silent = {i for i, kind in enumerate(types) if kind in (_UNKNOWN, _CONTROL)} | {i for i in named if i is not None}
    cut = (_CONTROL, _USER_DEFINED)
    apart = {token: i for i, (token, kind) in enumerate(zip(tokens, types)) if token and kind in cut}
    prefix = bool(file.metadata.get(_KEY + "add_space_prefix", True))
    return ScoredTokenizer(pieces, scores, bos, silent, first_byte, apart, prefix)


def _byte_level(file: File, tokens: list[str], pre: str, bos: int | None) -> Tokenizer:
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers

    missing = sorted(set(pre_tokenizers.ByteLevel.alphabet()).difference(tokens, _NOT_IN_UTF8))
    if missing:
        raise FptqError(f"{file.path}: key '{_KEY}tokens' lacks {len(missing)} of the 256 tokens of single "
                        f"bytes, {missing[0]!r} among them")
    merges = [tuple(merge.split(" ")) for merge in _list(file, "merges", str)]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    for merge in merges:
        if len(merge) != 2 or not all(part in vocabulary for part in (*merge, "".join(merge))):
            raise FptqError(f"{file.path}: key '{_KEY}merges' has '{' '.join(merge)}', which is no pair of tokens that "
                            "make a third")
    # Llama 3's text has words that are tokens and that no merges lead to.
    made = tokenizers.Tokenizer(models.BPE(vocabulary, merges, ignore_merges=pre == "llama-bpe"))
    cut = _CUTS[pre]
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=cut is None or pre == "smollm")
    steps: list[Any] = [pre_tokenizers.Split(tokenizers.Regex(cut), "isolated")] if cut else []
    made.pre_tokenizer = pre_tokenizers.Sequence([*steps, plain])
    made.decoder = decoders.ByteLevel()
    for token, type_ in zip(tokens, _types(file, len(tokens))):
        if type_ in (_CONTROL, _USER_DEFINED):
            made.add_tokens([tokenizers.AddedToken(token, special=type_ == _CONTROL, normalized=False)])
    return HuggingFaceTokenizer(file.path, made, bos, bos is not None)


def _kind(file: File) -> tuple[Any, Any]:
    """`model` and `pre`, the latter under the name that _CUTS has for it."""
    model, pre = (file.metadata.get(_KEY + key) for key in ("model", "pre"))
    return model, _OTHER_NAMES.get(pre, pre) if isinstance(pre, str) else repr(pre)


def is_known(file: File) -> bool:
    """Whether the file has a tokenizer of a kind that `load` reads."""
    model, pre = _kind(file)
    return model == "llama" or model == "gpt2" and pre in _CUTS


def begins(file: File) -> bool | None:
    """Whether a document starts with BOS; None where the file does not say and has no tokenizer of a known kind."""
    said = file.metadata.get(_KEY + "add_bos_token")
    if said is None and is_known(file):
        model, pre = _kind(file)
        return model == "llama" or pre == "llama-bpe"
    return None if said is None else bool(said)


def load(file: File, vocab_size: int) -> Tokenizer:
    """The tokenizer of a GGUF file, for a model of `vocab_size` tokens. Raises FptqError naming the key of what is
    missing, damaged or not known."""
    (model, pre), path = _kind(file), file.path
    if not is_known(file):
        key, value, expected = ("pre", file.metadata.get(_KEY + "pre"), _CUTS) if model == "gpt2" else (
            "model", model, ("llama", "gpt2"))
        raise FptqError(f"{path}: key '{_KEY}{key}' is {value!r}, expected {', '.join(expected)}; name another "
                        "tokenizer with --tokenizer")
    tokens = _list(file, "tokens", str)
    if len(tokens) != vocab_size:
        raise FptqError(f"{path}: key '{_KEY}tokens' has {len(tokens)} entries, the embedding {vocab_size} rows")
    bos = _token(file, "bos", len(tokens)) if begins(file) else None
    return _scored(file, tokens, bos) if model == "llama" else _byte_level(file, tokens, pre, bos)
