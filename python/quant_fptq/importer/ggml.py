"""The blocks of ggml's tensor types, as codes and scales.

A row is a sequence of blocks; each block has its scales and its codes. Bit layouts: ggml's ggml-common.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import ml_dtypes
import numpy as np

from quant_fptq.importer.stored import LazyArray, StoredWeight


@dataclass(frozen=True)
class Type:
    """A tensor type: elements and bytes of a block, and what a block of codes stands for."""

    name: str
    block: int
    bytes: int
    dtype: np.dtype | None = None  #: of plain floats
    bits: int = 4
    group: int = 32  #: elements that share a scale
    scales: Callable[[np.ndarray], np.ndarray] = lambda blocks: blocks  #: blocks [B, bytes] -> [B, block / group]
    offsets: Callable[[np.ndarray], np.ndarray] | None = None
    codes: Callable[[np.ndarray], np.ndarray] = lambda blocks: blocks  #: blocks -> codes 0..15 or signed [B, block]
    scale_dtype: np.dtype = np.dtype(np.float16)


def _half(blocks: np.ndarray, at: int) -> np.ndarray:
    return np.ascontiguousarray(blocks[:, at : at + 2]).view("<f2")


def _halves(nibbles: np.ndarray) -> np.ndarray:
    """Low nibbles, then high nibbles of each row."""
    return np.concatenate([nibbles & 15, nibbles >> 4], axis=-1)


def _q4_k_scales(blocks: np.ndarray, minimum: bool) -> np.ndarray:
    """6-bit factors of the eight groups times the block's own: float32 [B, 8]."""
    packed = blocks[:, 4:16].reshape(-1, 3, 4)
    own, high = packed[:, 1 if minimum else 0], packed[:, 2]
    factors = np.concatenate([own & 63, (high >> 4 if minimum else high & 15) | (own >> 2 & 48)], axis=-1)
    return _half(blocks, 2 if minimum else 0).astype(np.float32) * factors.astype(np.float32)


def _q4_k_codes(blocks: np.ndarray) -> np.ndarray:
    return _halves(blocks[:, 16:].reshape(-1, 4, 32)).reshape(-1, 256)


def _q6_k_codes(blocks: np.ndarray) -> np.ndarray:
    """Four low bits from `ql`, two high bits from `qh`, less 32; each half of a block is 128 elements."""
    low = _halves(blocks[:, :128].reshape(-1, 2, 64))
    high = blocks[:, 128:192].reshape(-1, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1)
    return (low | (high.reshape(low.shape) & 3) << 4).reshape(-1, 256).astype(np.int8) - np.int8(32)


def _q6_k_scales(blocks: np.ndarray) -> np.ndarray:
    return _half(blocks, 208).astype(np.float32) * blocks[:, 192:208].view(np.int8).astype(np.float32)


_F32 = np.dtype(np.float32)
TYPES = {
    0: Type("F32", 1, 4, np.dtype("<f4")),
    1: Type("F16", 1, 2, np.dtype("<f2")),
    2: Type("Q4_0", 32, 18, scales=lambda b: _half(b, 0), codes=lambda b: _halves(b[:, 2:])),
    3: Type("Q4_1", 32, 20, scales=lambda b: _half(b, 0), offsets=lambda b: _half(b, 2),
            codes=lambda b: _halves(b[:, 4:])),
    8: Type("Q8_0", 32, 34, bits=8, scales=lambda b: _half(b, 0), codes=lambda b: b[:, 2:].view(np.int8)),
    12: Type("Q4_K", 256, 144, scales=lambda b: _q4_k_scales(b, False), offsets=lambda b: -_q4_k_scales(b, True),
             codes=_q4_k_codes, scale_dtype=_F32),
    14: Type("Q6_K", 256, 210, bits=8, group=16, scales=_q6_k_scales, codes=_q6_k_codes, scale_dtype=_F32),
    30: Type("BF16", 1, 2, np.dtype(ml_dtypes.bfloat16)),
}
#: Types this importer knows only by name.
NAMES = {6: "Q5_0", 7: "Q5_1", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 13: "Q5_K", 15: "Q8_K", 16: "IQ2_XXS",
         17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 28: "F64",
         29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4"}


def stored(kind: Type, data: np.ndarray) -> StoredWeight:
    """Rows of blocks [N, bytes] as a stored weight; nothing is read before it is needed."""
    n, row = data.shape
    k = row // kind.bytes * kind.block
    groups = (n, k // kind.group)
    blocks = data.reshape(-1, kind.bytes)

    def part(read: Callable[[np.ndarray], np.ndarray]) -> LazyArray:
        return LazyArray(groups, kind.scale_dtype, lambda: read(blocks).reshape(groups))

    def nibbles() -> np.ndarray:
        codes = kind.codes(blocks).reshape(n, k)
        return codes[:, ::2] | codes[:, 1::2] << 4

    if kind.bits == 4:
        codes = LazyArray((n, k // 2), np.uint8, nibbles)
    else:
        codes = LazyArray((n, k), np.int8, lambda: kind.codes(blocks).reshape(n, k))
    return StoredWeight((n, k), kind.bits, kind.group, codes, part(kind.scales),
                        offsets=part(kind.offsets) if kind.offsets else None)
