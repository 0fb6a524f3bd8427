"""Safetensors, mapped: tensors are views of the file, in every element type that models use.

The `safetensors` package copies each tensor and has no bfloat16 for numpy; a 7B model wants neither.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
from pathlib import Path
from typing import Iterable, Mapping

import ml_dtypes
import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer.stored import MAX_BYTES, Array, is_shape
from quant_fptq.json_input import parse_object
from quant_fptq.output import whole_file

DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
#: What the names of a profile's vectors end in (docs/ProfileFormat.md).
PROFILE_VECTORS = (".absmax", ".min", ".max", ".histogram")
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
#: The format's own limit.
_MAX_HEADER = 100_000_000


def _header(path: Path, data: mmap.mmap) -> tuple[dict, int]:
    if len(data) < 8:
        raise FptqError(f"{path}: {len(data)} bytes are too few for a safetensors file")
    (length,) = struct.unpack_from("<Q", data)
    if length > min(_MAX_HEADER, len(data) - 8):
        raise FptqError(f"{path}: the header claims {length} bytes of a file of {len(data)}")
    return parse_object(data[8 : 8 + length], f"{path}: the header", repeated=False), 8 + length


def _view(path: Path, data: mmap.mmap, base: int, name: str, entry: dict) -> np.ndarray:
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        whole = all(type(value) is int and value >= 0 for value in [*shape, begin, end])
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole or len(shape) > 32:
        raise FptqError(f"{path}: tensor '{name}' lacks dtype, shape or data_offsets, or they are no sizes")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise FptqError(f"{path}: tensor '{name}' has the unsupported element type {dtype}")
    count, size = math.prod(shape), DTYPES[dtype].itemsize
    if base + end > len(data) or end - begin != count * size:
        raise FptqError(f"{path}: tensor '{name}' {dtype} {shape} cannot lie at bytes {begin} to {end} of "
                        f"{len(data) - base}")
    if not is_shape(shape, size):
        raise FptqError(f"{path}: tensor '{name}' {dtype} {shape}: a size is beyond {MAX_BYTES} bytes")
    return np.frombuffer(data, DTYPES[dtype], count, base + begin).reshape(shape)


def _refuse_overlaps(path: Path, header: dict) -> None:
    """Two tensors that share bytes are a lie, or an attack. Every entry has been looked at."""
    placed = sorted((*entry["data_offsets"], name) for name, entry in header.items() if name != "__metadata__")
    last, last_end = "", 0
    for begin, end, name in placed:
        if begin < end and begin < last_end:
            raise FptqError(f"{path}: tensors '{last}' and '{name}' overlap: one ends at byte {last_end}, the other "
                            f"begins at {begin}")
        if end > last_end:
            last, last_end = name, end


def _map(path: Path) -> mmap.mmap:
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise FptqError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def metadata(path: str | Path) -> dict[str, str]:
    """The strings that the file's writer left beside the tensors. Raises FptqError naming the file."""
    path = Path(path)
    found = _header(path, _map(path))[0].get("__metadata__", {})
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise FptqError(f"{path}: the header's __metadata__ is no object of strings")
    return found


def open_mapped(path: str | Path) -> dict[str, np.ndarray]:
    """Every tensor of `path` as a read-only view. Raises FptqError naming the file and the tensor."""
    path = Path(path)
    data = _map(path)
    header, base = _header(path, data)
    views = {name: _view(path, data, base, name, entry) for name, entry in header.items() if name != "__metadata__"}
    _refuse_overlaps(path, header)
    return views


def refuse_profile(path: str | Path) -> None:
    """Raises FptqError where weights that go to `path` would replace a profile's vectors."""
    path = Path(path)
    try:
        there = open_mapped(path) if path.is_file() else {}
    except FptqError:
        return  # what is damaged, or something else, nobody can lose
    for key in there:
        if key.endswith(PROFILE_VECTORS):
            raise FptqError(f"{path}: a profile's vectors are in it, as '{key}'; name another output")


def write(path: str | Path, tensors: Mapping[str, Array] | Iterable[tuple[str, Array]],
          metadata: Mapping[str, str] | None = None) -> None:
    """Writes beside `path` and renames, one tensor at a time; data starts at a multiple of 64 bytes."""
    items = list(tensors.items() if isinstance(tensors, Mapping) else tensors)
    header: dict[str, dict] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name, array in items:
        end = offset + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    with whole_file(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, array in items:
            file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


