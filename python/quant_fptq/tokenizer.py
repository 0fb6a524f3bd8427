"""Text to tokens and back: llama2.c's tokenizer, Hugging Face's tokenizer.json and GGUF's, behind one interface."""

from __future__ import annotations

import heapq
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Collection, Mapping, Protocol, Sequence

from quant_fptq.errors import FptqError
from quant_fptq.importer.checkpoint import Checkpoint, LlamaConfig
from quant_fptq.importer.gguf import File, is_gguf
from quant_fptq.json_input import read_object

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
    single bytes. Those in `silent` have no text; text is cut at the names in `apart` first. Every stretch between them
    starts with a space of its own, unless `space_prefix` is off."""

    def __init__(self, pieces: Sequence[bytes], scores: Sequence[float], bos: int | None = 1,
                 silent: Collection[int] = (1, 2), first_byte: int = 3, apart: Mapping[str, int] | None = None,
                 space_prefix: bool = True) -> None:
        self.pieces, self.scores, self.bos, self.vocab_size = pieces, scores, bos, len(pieces)
        self._silent, self._first_byte, self._prefix = frozenset(silent), first_byte, " " if space_prefix else ""
        self._ids = {piece: i for i, piece in reversed(list(enumerate(pieces)))}
        self._apart = dict(apart or {})
        self._apart_ids = frozenset(self._apart.values())
        longest_first = sorted(self._apart, key=len, reverse=True)
        self._cut = re.compile(f"({'|'.join(map(re.escape, longest_first))})") if longest_first else None

    def _characters(self, text: str) -> list[int]:
        """Each character's id, or the ids of its bytes."""
        ids: list[int] = []
        for character in text:
            piece = character.encode()
            found = self._ids.get(piece)
            ids += [found] if found is not None else [byte + self._first_byte for byte in piece]
        return ids

    def _merged(self, ids: list[int]) -> list[int]:
        """The pair of the best score first, the leftmost of equals; n log n."""
        end, pieces = len(ids), self.pieces
        left, right = list(range(-1, end - 1)), list(range(1, end + 1))
        pairs: list[tuple[float, int, int, int, int]] = []

        def offer(at: int) -> None:
            """The pair that begins at `at`, if there is a piece for it."""
            if at < 0 or right[at] == end:
                return
            a, b = ids[at], ids[right[at]]
            piece = self._ids.get(pieces[a] + pieces[b])
            if piece is not None:
                heapq.heappush(pairs, (-self.scores[piece], at, a, b, piece))

        for at in range(end):
            offer(at)
        while pairs:
            _, at, a, b, piece = heapq.heappop(pairs)
            gone = right[at]
            if ids[at] != a or gone == end or ids[gone] != b:
                continue  # one of the two has been merged with another since
            ids[at], ids[gone], right[at] = piece, -1, right[gone]
            if right[at] != end:
                left[right[at]] = at
            offer(left[at])
            offer(at)
        return [piece for piece in ids if piece >= 0]

    def encode(self, text: str) -> list[int]:
        ids = [] if self.bos is None else [self.bos]
        for i, part in enumerate(self._cut.split(text) if self._cut else [text]):
            if i % 2:  # what the cut matched
                ids.append(self._apart[part])
            elif part:
                ids += self._merged(self._characters(self._prefix + part))
        return ids

    def decode(self, tokens: Sequence[int]) -> bytes:
        out = bytearray()
        start = True
        for token in tokens:
            if token in self._silent:
                start = True
                continue
            piece = self.pieces[token]
            if token in self._apart_ids:
                out += piece
                start = True
                continue
            if self._first_byte <= token < self._first_byte + 256 and piece.startswith(b"<0x"):
                piece = bytes([token - self._first_byte])
            out += piece[1:] if start and self._prefix and piece.startswith(b" ") else piece
            start = False
        return bytes(out)


class Llama2cTokenizer(ScoredTokenizer):
    """tok512.bin and its like: three special pieces, the single bytes, and others."""

    def __init__(self, path: str | Path, vocab_size: int) -> None:
        pieces: list[bytes] = []
        scores: list[float] = []
        data = Path(path).read_bytes()
        at = 4  # the longest piece's length, of no use here
        if vocab_size < 3 + 256:
            raise FptqError(f"{path}: the model has {vocab_size} tokens, a tokenizer of this kind at least {3 + 256}")
        try:
            while len(pieces) < vocab_size or at < len(data):
                score, length = struct.unpack_from("<fi", data, at)
                if length < 0 or at + 8 + length > len(data):
                    raise struct.error
                pieces.append(data[at + 8 : at + 8 + length])
                scores.append(score)
                at += 8 + length
        except struct.error:
            raise FptqError(f"{path}: the file ends at piece {len(pieces)} of {vocab_size}") from None
        if len(pieces) > vocab_size:
            raise FptqError(f"{path}: {len(pieces)} pieces, but the embedding has {vocab_size} rows")
        super().__init__(pieces, scores)


class HuggingFaceTokenizer:
    """A tokenizer of the `tokenizers` package. Its post-processor puts BOS in front of a document, or does not;
    `begins` overrules it. Errors name `path`."""

    def __init__(self, path: Path, tokenizer: tokenizers.Tokenizer, bos: int | None, begins: bool | None = None
                 ) -> None:
        self._path, self._tokenizer, self._begins = path, tokenizer, begins
        self.vocab_size = max(tokenizer.get_vocab().values(), default=-1) + 1
        starts = self._ids("")[:1] == [bos] if begins is None else begins
        self.bos = bos if starts else None

    def _ids(self, text: str) -> list[int]:
        try:
            return self._tokenizer.encode(text, add_special_tokens=self._begins is not False).ids
        except Exception as error:  # the package raises bare Exception, say where a word has no token
            raise FptqError(f"{self._path}: {error}") from None

    def encode(self, text: str) -> list[int]:
        ids = self._ids(text)
        return ids if self.bos is None or ids[:1] == [self.bos] else [self.bos, *ids]

    def decode(self, tokens: Sequence[int]) -> bytes:
        return self._tokenizer.decode(list(tokens), skip_special_tokens=True).encode()


def _add_bos_token(path: Path) -> bool | None:
    """What tokenizer_config.json says, beside the tokenizer.json at `path`."""
    path = path.with_name("tokenizer_config.json")
    value = read_object(path).get("add_bos_token") if path.exists() else None
    if value not in (None, True, False):
        raise FptqError(f"{path}: key 'add_bos_token' is {value!r}, expected true or false")
    return value


def _huggingface(path: Path, config: LlamaConfig, begins: bool | None) -> Tokenizer:
    """tokenizer.json. Where `begins` is None its post-processor is trusted; a Llama's BOS is put in front where neither
    it nor tokenizer_config.json says anything."""
    import tokenizers

    try:
        made = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises bare Exception
        raise FptqError(f"{path}: {error}") from None
    if begins is None:
        said = _add_bos_token(path)
        silent = said is None and made.post_processor is None
        begins = True if said or silent and config.begins_with_bos else None
    return HuggingFaceTokenizer(path, made, config.bos, begins)


def beside(checkpoint: Checkpoint) -> Path | None:
    """The tokenizer in the checkpoint's folder, if there is one."""
    folder = checkpoint.source if checkpoint.source.is_dir() else checkpoint.source.parent
    names = ("tokenizer.json", "tokenizer.bin", f"tok{checkpoint.config.vocab_size}.bin")
    return next((folder / name for name in names if (folder / name).exists()), None)


def load_tokenizer(path: str | Path | None, checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer at `path`; else the one inside of the checkpoint, if it is of a known kind; else the one beside it.
    Raises FptqError where there is none, and for one whose tokens have no row in the embedding."""
    from quant_fptq import gguf_tokenizer  # which makes tokenizers of these classes

    source, rows = checkpoint.source, checkpoint.config.vocab_size
    own = File(source) if is_gguf(source) else None
    if path is None and own is not None and gguf_tokenizer.is_known(own):
        return gguf_tokenizer.load(own, rows)
    path = beside(checkpoint) if path is None else Path(path)
    if path is None:
        if own is not None:
            return gguf_tokenizer.load(own, rows)  # which says why not
        raise FptqError(f"{source}: no tokenizer.json or tok{rows}.bin beside it; name one with --tokenizer")
    if not path.exists():
        raise FptqError(f"{path}: no such file")
    if is_gguf(path):
        return gguf_tokenizer.load(File(path), rows)
    if path.suffix != ".json":
        return Llama2cTokenizer(path, rows)
    tokenizer = _huggingface(path, checkpoint.config, gguf_tokenizer.begins(own) if own else None)
    if tokenizer.vocab_size > rows:
        raise FptqError(f"{path}: tokens up to {tokenizer.vocab_size - 1}, but the embedding of {source} has {rows} "
                        "rows; name another tokenizer with --tokenizer")
    return tokenizer


def documents(text: str) -> list[str]:
    """The non-empty documents of `text`, stripped."""
    return [document for document in (part.strip() for part in text.split(SEPARATOR)) if document]
