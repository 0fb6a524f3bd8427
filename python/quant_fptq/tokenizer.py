"""Text to tokens and back: llama2.c's tokenizer, Hugging Face's tokenizer.json and GGUF's, behind one interface."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Sequence

from quant_fptq.errors import FptqError
from quant_fptq.importer.checkpoint import Checkpoint
from quant_fptq.importer.gguf import is_gguf

if TYPE_CHECKING:
    import tokenizers

SEPARATOR = "<|endoftext|>"


class Tokenizer(Protocol):
    """`bos` is the id that starts a document, if one does."""

    bos: int | None
    vocab_size: int

    def encode(self, text: str) -> list[int]:
        """The document's tokens, BOS first where there is one."""
        ...

    def decode(self, tokens: Sequence[int]) -> bytes:
        """The tokens' text; special tokens have none."""
        ...


class ScoredTokenizer:
    """Pieces with scores: the best-scoring neighbours merge until none can. The 256 pieces from `first_byte` on are the
    single bytes."""

    def __init__(self, pieces: Sequence[bytes], scores: Sequence[float], bos: int | None = 1, eos: int | None = 2,
                 first_byte: int = 3) -> None:
        self.pieces, self.scores, self.bos, self.eos, self.vocab_size = pieces, scores, bos, eos, len(pieces)
        self._first_byte = first_byte
        self._ids = {piece: i for i, piece in reversed(list(enumerate(pieces)))}

    def _characters(self, text: str) -> list[int]:
        """Each character's id, or the ids of its bytes."""
        ids: list[int] = []
        for character in text:
            piece = character.encode()
            found = self._ids.get(piece)
            ids += [found] if found is not None else [byte + self._first_byte for byte in piece]
        return ids

    def encode(self, text: str) -> list[int]:
        ids = self._characters(" " + text) if text else []
        pieces = self.pieces
        merged = [self._ids.get(pieces[a] + pieces[b]) for a, b in zip(ids, ids[1:])]
        while True:
            found = [(self.scores[m], -i, m) for i, m in enumerate(merged) if m is not None]
            if not found:
                return ids if self.bos is None else [self.bos, *ids]
            _, minus_best, piece = max(found)
            best = -minus_best
            ids[best : best + 2] = [piece]
            del merged[best]
            for i in (best - 1, best):  # only the pairs beside the merged piece are new
                if 0 <= i < len(merged):
                    merged[i] = self._ids.get(pieces[ids[i]] + pieces[ids[i + 1]])

    def decode(self, tokens: Sequence[int]) -> bytes:
        out = bytearray()
        start = True
        for token in tokens:
            if token in (self.bos, self.eos):
                start = True
                continue
            piece = self.pieces[token]
            if self._first_byte <= token < self._first_byte + 256 and piece.startswith(b"<0x"):
                piece = bytes([token - self._first_byte])
            out += piece[1:] if start and piece.startswith(b" ") else piece
            start = False
        return bytes(out)


class Llama2cTokenizer(ScoredTokenizer):
    """tok512.bin and its like."""

    def __init__(self, path: str | Path, vocab_size: int) -> None:
        pieces: list[bytes] = []
        scores: list[float] = []
        data = Path(path).read_bytes()
        at = 4  # the longest piece's length, of no use here
        try:
            for _ in range(vocab_size):
                score, length = struct.unpack_from("<fi", data, at)
                if length < 0 or at + 8 + length > len(data):
                    raise struct.error
                pieces.append(data[at + 8 : at + 8 + length])
                scores.append(score)
                at += 8 + length
        except struct.error:
            raise FptqError(f"{path}: the file ends at piece {len(pieces)} of {vocab_size}") from None
        super().__init__(pieces, scores)


class HuggingFaceTokenizer:
    """A tokenizer of the `tokenizers` package."""

    @classmethod
    def from_file(cls, path: str | Path, bos: int | None) -> HuggingFaceTokenizer:
        """Reads tokenizer.json."""
        import tokenizers

        try:
            return cls(tokenizers.Tokenizer.from_file(str(path)), bos)
        except Exception as error:  # the package raises bare Exception
            raise FptqError(f"{path}: {error}") from None

    def __init__(self, tokenizer: tokenizers.Tokenizer, bos: int | None) -> None:
        self._tokenizer = tokenizer
        self.vocab_size = self._tokenizer.get_vocab_size()
        self.bos = bos

    def encode(self, text: str) -> list[int]:
        ids = self._tokenizer.encode(text).ids
        return ids if self.bos is None or ids[:1] == [self.bos] else [self.bos, *ids]

    def decode(self, tokens: Sequence[int]) -> bytes:
        return self._tokenizer.decode(list(tokens), skip_special_tokens=True).encode()


def load_tokenizer(path: str | Path | None, checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer at `path`, or the one beside the checkpoint, or inside of it. Raises FptqError where there is
    none."""
    from quant_fptq import gguf_tokenizer  # which makes tokenizers of these classes

    if path is None:
        folder = checkpoint.source if checkpoint.source.is_dir() else checkpoint.source.parent
        for name in ("tokenizer.json", "tokenizer.bin", f"tok{checkpoint.config.vocab_size}.bin"):
            if (folder / name).exists():
                path = folder / name
                break
        else:
            if is_gguf(checkpoint.source):
                return gguf_tokenizer.load(checkpoint.source, checkpoint.config.vocab_size)
            raise FptqError(f"{checkpoint.source}: no tokenizer.json or tok{checkpoint.config.vocab_size}.bin beside "
                            "it; name one with --tokenizer")
    path = Path(path)
    if not path.exists():
        raise FptqError(f"{path}: no such file")
    if path.suffix == ".json":
        return HuggingFaceTokenizer.from_file(path, checkpoint.config.bos)
    if is_gguf(path):
        return gguf_tokenizer.load(path, checkpoint.config.vocab_size)
    return Llama2cTokenizer(path, checkpoint.config.vocab_size)


def documents(text: str) -> list[str]:
    """The non-empty documents of `text`, stripped."""
    return [document for document in (part.strip() for part in text.split(SEPARATOR)) if document]
