"""GGUF files, mapped; quantized tensors keep their codes.

Format: github.com/ggml-org/ggml, docs/gguf.md. Q4_0, Q4_1 and Q4_K are 4-bit codes, Q8_0 and Q6_K 8-bit
codes, each with the file's own scales; F32, F16 and BF16 stay what they are. What the keys say is gguf_config.py's.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer import ggml
from quant_fptq.importer.checkpoint import EMBEDDING, Checkpoint, Tensor
from quant_fptq.importer.families import FAMILIES
from quant_fptq.importer.fused import as_in_file, rows_of
from quant_fptq.importer.stored import MAX_BYTES, LazyArray, is_shape

MAGIC = b"GGUF"
#: Types of metadata values: number to struct format; 8 is a string, 9 an array.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

def is_gguf(path: Path) -> bool:
    """Whether `path` is a file that starts as one."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@dataclass(frozen=True)
class Entry:
    """One tensor: shape in numpy's order, type number, offset from the start of the data."""

    shape: tuple[int, ...]
    type: int
    offset: int


class File:
    """The header of a GGUF file: `metadata` and `tensors`. Raises FptqError naming file and key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open(path, "rb") as file:
            size = path.stat().st_size
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        self._at, self._where = 0, "the header"
        if self._take(4) != MAGIC:
            raise self._error("does not start with GGUF")
        version = self._scalar("I")
        if version not in (2, 3):
            raise self._error(f"GGUF version {version}, expected 2 or 3" +
                              (" (a big-endian file)" if version > 0xFFFF else ""))
        tensors, keys = self._scalar("Q"), self._scalar("Q")
        self.metadata: dict[str, object] = {}
        for _ in range(self._bounded(keys, 13)):
            key = self._string()
            if key in self.metadata:
                raise self._error(f"key '{key}' is there twice")
            self._where = f"key '{key}'"
            self.metadata[key] = self._value(self._scalar("I"))
        self.tensors: dict[str, Entry] = {}
        for _ in range(self._bounded(tensors, 24)):
            name, entry = self._entry()
            if name in self.tensors:
                raise self._error(f"tensor '{name}' is there twice")
            self.tensors[name] = entry
        alignment = self.metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
            raise self._error(f"key 'general.alignment' is {alignment!r}, expected a power of two")
        self._base = -(-self._at // alignment) * alignment

    def _error(self, text: str) -> FptqError:
        return FptqError(f"{self.path}: {text}")

    def _take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise self._error(f"the file ends inside {self._where} (byte {len(self._data)})")
        self._at += size
        return self._data[self._at - size : self._at]

    def _bounded(self, count: int, size: int) -> int:
        """`count` things of at least `size` bytes, which have to be there."""
        if count * size > len(self._data) - self._at:
            raise self._error(f"{self._where} claims {count} entries, more than the file has bytes for")
        return count

    def _scalar(self, kind: str) -> Any:
        return struct.unpack("<" + kind, self._take(struct.calcsize("<" + kind)))[0]

    def _string(self) -> str:
        return self._take(self._scalar("Q")).decode("utf-8", "replace")

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            kind, count = self._scalar("I"), self._scalar("Q")
            if kind == _STRING:
                return [self._string() for _ in range(self._bounded(count, 8))]
            if kind in _SCALARS:
                size = struct.calcsize("<" + _SCALARS[kind])
                raw = self._take(self._bounded(count, size) * size)
                return np.frombuffer(raw, np.dtype(_SCALARS[kind]).newbyteorder("<")).tolist()
        elif kind in _SCALARS:
            return self._scalar(_SCALARS[kind])
        raise self._error(f"{self._where} has the unknown value type {kind}")

    def _entry(self) -> tuple[str, Entry]:
        self._where = "the list of tensors"
        name = self._string()
        self._where = f"tensor '{name}'"
        rank = self._scalar("I")
        if not 1 <= rank <= 4:
            raise self._error(f"tensor '{name}' has rank {rank}")
        shape = tuple(self._scalar("Q") for _ in range(rank))[::-1]
        if not is_shape(shape, 4):
            raise self._error(f"tensor '{name}' {list(shape)}: a size is beyond {MAX_BYTES} bytes")
        return name, Entry(shape, self._scalar("I"), self._scalar("Q"))

    def bytes(self, name: str) -> np.ndarray:
        """The bytes of a tensor, not copied: [rows, bytes a row]."""
        entry = self.tensors[name]
        kind = ggml.TYPES.get(entry.type)
        if kind is None:
            raise self._error(f"tensor '{name}' has type {ggml.NAMES.get(entry.type, entry.type)}, expected one of "
                              f"{', '.join(k.name for k in ggml.TYPES.values())}")
        columns, rows = entry.shape[-1], int(np.prod(entry.shape[:-1], dtype=object))
        if columns % kind.block:
            raise self._error(f"tensor '{name}' has {columns} columns, no multiple of {kind.name}'s block of {kind.block}")
        size = columns // kind.block * kind.bytes
        start = self._base + entry.offset
        if rows * size > len(self._data) - start:
            raise self._error(f"tensor '{name}' {kind.name} {list(entry.shape)} needs {rows * size} bytes at {start} of "
                              f"a file of {len(self._data)}")
        return np.frombuffer(self._data, np.uint8, rows * size, start).reshape(rows, size)

    def number(self, key: str, default: float | None = None, kind: type = int) -> Any:
        """A metadata value that has to be a number. Raises FptqError naming the key."""
        value = self.metadata.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else int):
            raise self._error(f"key '{key}' is {value!r}, expected a number")
        return kind(value)


def _tensor(file: File, name: str, linear: bool) -> Tensor:
    entry, data = file.tensors[name], file.bytes(name)
    kind = ggml.TYPES[entry.type]
    if kind.dtype is not None:
        return Tensor(data.reshape(-1).view(kind.dtype).reshape(entry.shape))
    stored = ggml.stored(kind, data)
    # Only linears keep codes: the embedding is read a row at a time.
    return Tensor(stored if linear else LazyArray(stored.shape, np.float32, stored.dequantize))


def load(path: Path, context: int | None = None) -> Checkpoint:
    """Maps `path`. Raises FptqError naming the file and the key or tensor that cannot be used."""
    from quant_fptq.importer import gguf_config  # which reads Files

    file = File(path)
    config, architecture = gguf_config.read(file, context)
    checkpoint = Checkpoint(path, config)
    fused = FAMILIES[architecture.family].fused
    wanted = {tensor.name: tensor for tensor in as_in_file(config, fused)}
    names = gguf_config.names(config, fused)
    for name in file.tensors:
        known = wanted.get(names(name) or "")
        if known is not None:
            whole = _tensor(file, name, len(known.shape) == 2 and known.name != EMBEDDING)
            if whole.array.shape != known.shape:
                raise FptqError(f"{path}: tensor '{known.name}' has shape {list(whole.array.shape)}, expected "
                                f"{list(known.shape)}")
            for part, rows in known.parts:
                checkpoint.tensors[part] = whole if len(known.parts) == 1 else Tensor(rows_of(whole.array, rows))
        elif name.startswith("blk.") and not name.endswith("attn_rot_embd.weight"):  # a table of older writers
            raise FptqError(f"{path}: tensor '{name}': a {file.metadata['general.architecture']} of "
                            f"{config.num_layers} layers has none")
        elif name.endswith(".bias"):
            raise FptqError(f"{path}: tensor '{name}': only layers of a decoder have a bias")
    checkpoint.check()
    return checkpoint
