"""Weights that came as codes and scales, and arrays that are made when somebody reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import DTypeLike


#: What numpy can address.
MAX_BYTES = (1 << 63) - 1


def is_shape(shape: Iterable[int], itemsize: int) -> bool:
    """Whether numpy has such arrays; a size of 0 does not make the others any smaller."""
    return math.prod(max(size, 1) for size in shape) * itemsize <= MAX_BYTES


class LazyArray:
    """An array of known shape and element type whose numbers are made on demand and not kept.

    Checkpoints of many gigabytes pass through one tensor at a time.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, make: Callable[[], np.ndarray]) -> None:
        self.shape, self.dtype, self._make = tuple(shape), np.dtype(dtype), make

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        made = np.ascontiguousarray(self._make(), dtype=self.dtype)
        assert made.shape == self.shape, (made.shape, self.shape)
        return made if dtype is None else made.astype(dtype, copy=False)


def pack_nibbles(codes: np.ndarray) -> np.ndarray:
    """Codes 0..15 [N, K] as bytes [N, ceil(K / 2)], even positions in the low nibble."""
    codes = np.asarray(codes, np.uint8)
    if codes.shape[1] % 2:
        codes = np.pad(codes, ((0, 0), (0, 1)))
    return codes[:, ::2] | (codes[:, 1::2] << 4)


def unpack_nibbles(packed: np.ndarray, k: int) -> np.ndarray:
    """The inverse of `pack_nibbles`."""
    codes = np.empty((packed.shape[0], 2 * packed.shape[1]), np.uint8)
    codes[:, ::2], codes[:, 1::2] = packed & 15, packed >> 4
    return codes[:, :k]


Array = np.ndarray | LazyArray


@dataclass(frozen=True)
class StoredWeight:
    """A weight [N, K] as its file has it (`fptq.dequantize`).

    W[n, k] = scales[n, g] * (codes[n, k] - zeros[n, g]) + offsets[n, g] with g = k // group_size, in float32,
    product and sum rounded one after the other. Without `zeros` the zero point is 8 for 4 bits (0 with
    `offsets`) and 0 for 8 bits.
    """

    shape: tuple[int, int]
    bits: int  #: 4: codes are uint8 [N, ceil(K / 2)], two a byte; 8: int8 [N, K]
    group_size: int  #: input channels a group; divides K
    codes: Array
    scales: Array  #: float32 or float16 [N, K / group_size]
    zeros: Array | None = None  #: uint8 [N, K / group_size], 0..15
    offsets: Array | None = None  #: float32 or float16 [N, K / group_size]
    order: np.ndarray | None = None  #: int32 [K]: column k of the codes belongs to input channel order[k]

    dtype = np.dtype(np.float32)

    def parts(self) -> Iterator[tuple[str, Array]]:
        """Suffix and array of everything but `order`."""
        for suffix in ("codes", "scales", "zeros", "offsets"):
            array = getattr(self, suffix)
            if array is not None:
                yield suffix, array

    def dequantize(self) -> np.ndarray:
        """Float32 [N, K], columns in the model's own order."""
        n, k = self.shape
        groups = k // self.group_size
        if self.bits == 4:
            codes = unpack_nibbles(np.asarray(self.codes), k).astype(np.float32)
        else:
            codes = np.asarray(self.codes).astype(np.float32)
        codes = codes.reshape(n, groups, self.group_size)
        if self.zeros is not None:
            codes -= np.asarray(self.zeros).astype(np.float32)[:, :, None]
        elif self.bits == 4 and self.offsets is None:
            codes -= 8
        codes *= np.asarray(self.scales).astype(np.float32)[:, :, None]
        if self.offsets is not None:
            codes += np.asarray(self.offsets).astype(np.float32)[:, :, None]
        weight = codes.reshape(n, k)
        if self.order is None:
            return weight
        result = np.empty_like(weight)
        result[:, self.order] = weight
        return result

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        weight = self.dequantize()
        return weight if dtype is None else weight.astype(dtype, copy=False)
