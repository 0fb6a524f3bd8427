"""Arithmetic on 32 lanes: registers are uint64 arrays of bits, functions take and give such arrays."""

from __future__ import annotations

from typing import Callable

import numpy as np
from packed_format import fma

from .parse import PtxError

Lanes = np.ndarray
_INT = {1: (np.uint8, np.int8), 8: (np.uint8, np.int8), 16: (np.uint16, np.int16), 32: (np.uint32, np.int32),
        64: (np.uint64, np.int64)}


def width(kind: str) -> int:
    return {"pred": 1, "bf16": 16}.get(kind) or int(kind[1:])


def integers(x: Lanes, kind: str) -> np.ndarray:
    """Bits as numbers of type u8..u64, s8..s64 or b8..b64 (unsigned), in that width."""
    return x.astype(_INT[width(kind)][kind[0] == "s"])


def floats(x: Lanes) -> np.ndarray:
    return x.astype(np.uint32).view(np.float32)


def bits(x: np.ndarray) -> Lanes:
    """Numbers of any type as zero-extended bits."""
    unsigned = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}[x.dtype.itemsize]
    return np.ascontiguousarray(x).view(unsigned).astype(np.uint64)


def _float(function: Callable[..., np.ndarray]) -> Callable[..., Lanes]:
    return lambda *x: bits(function(*[floats(v) for v in x]).astype(np.float32))


def _max(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.fmax(a, b)  # PTX: the other operand where one is NaN


_FLOAT = {"add.rn": np.add, "sub.rn": np.subtract, "mul.rn": np.multiply, "div.rn": np.divide, "fma.rn": fma,
          "rcp.rn": lambda a: np.float32(1) / a, "sqrt.rn": np.sqrt, "max": _max, "min": np.fmin, "abs": np.abs, "neg": np.negative,
          "selp": None}
_COMPARE = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
            "ge": np.greater_equal, "lo": np.less, "ls": np.less_equal, "hi": np.greater, "hs": np.greater_equal}
_INTEGER = {"add": np.add, "sub": np.subtract, "mul.lo": np.multiply, "mad.lo": lambda a, b, c: a * b + c,
            "min": np.minimum, "max": np.maximum, "and": np.bitwise_and, "or": np.bitwise_or,
            "xor": np.bitwise_xor, "not": np.invert, "neg": np.negative, "abs": np.abs}


def permute(low: Lanes, high: Lanes, selector: Lanes) -> Lanes:
    pool, result = low | high << np.uint64(32), np.zeros_like(low)
    for i in range(4):
        s = selector >> np.uint64(4 * i) & np.uint64(15)
        byte = pool >> (np.uint64(8) * (s & np.uint64(7))) & np.uint64(255)
        sign = np.where(byte & np.uint64(128), np.uint64(255), np.uint64(0))
        result |= np.where(s & np.uint64(8), sign, byte) << np.uint64(8 * i)
    return result


def lop3(a: Lanes, b: Lanes, c: Lanes, table: Lanes) -> Lanes:
    result = np.zeros_like(a)
    for i in range(8):
        on = np.uint64(0) - (table >> np.uint64(i) & np.uint64(1))
        x, y, z = (v if i >> s & 1 else ~v for v, s in ((a, 2), (b, 1), (c, 0)))
        result |= on & x & y & z
    return result & np.uint64(0xFFFFFFFF)


def _shift(name: str, kind: str) -> Callable[..., Lanes]:
    n = width(kind)

    def run(a: Lanes, b: Lanes) -> Lanes:
        x, s = integers(a, kind), np.minimum(b, n - 1).astype(_INT[n][kind[0] == "s"])
        shifted = np.left_shift(x, s) if name == "shl" else np.right_shift(x, s)
        zero = (b >= n) & (kind[0] != "s" or name == "shl")  # longer than the register: all bits leave
        return np.where(zero, np.uint64(0), bits(shifted))

    return run


def _divide(name: str, kind: str) -> Callable[..., Lanes]:
    def run(a: Lanes, b: Lanes) -> Lanes:
        x, y = integers(a, kind).astype(object), integers(b, kind).astype(object)
        if (y == 0).any():
            raise PtxError("a division by zero")
        quotient = np.array([int(abs(p) // abs(q)) * (1 if (p < 0) == (q < 0) else -1) for p, q in zip(x, y)], object)
        value = quotient if name == "div" else x - quotient * y
        return bits(value.astype(_INT[width(kind)][kind[0] == "s"]))

    return run


def _wide(kind: str) -> Callable[..., Lanes]:
    to = _INT[2 * width(kind)][kind[0] == "s"]
    return lambda a, b: bits(integers(a, kind).astype(to) * integers(b, kind).astype(to))


def _high(kind: str) -> Callable[..., Lanes]:
    """mul.hi: the upper half of the product; what a division by a constant becomes. 32 bits only."""
    if width(kind) != 32:
        raise PtxError(f"mul.hi.{kind} is unknown to this interpreter")
    product = _wide(kind)
    return lambda a, b: product(a, b) >> np.uint64(32)


def _extract(kind: str) -> Callable[..., Lanes]:
    """bfe: `length` bits from `position`; unsigned only."""
    if kind not in ("u32", "u64"):
        raise PtxError(f"bfe.{kind} is unknown to this interpreter")
    return lambda a, position, length: (a >> position) & ((np.uint64(1) << length) - np.uint64(1))


def compare(comparison: str, kind: str) -> Callable[..., np.ndarray]:
    """Lanes of booleans."""
    if kind == "f32":
        if comparison in ("num", "nan"):
            want = comparison == "nan"
            return lambda a, b: (np.isnan(floats(a)) | np.isnan(floats(b))) == want
        if comparison.endswith("u") and comparison[:-1] in _COMPARE:  # or unordered
            ordered = _COMPARE[comparison[:-1]]
            return lambda a, b: ordered(floats(a), floats(b)) | np.isnan(floats(a)) | np.isnan(floats(b))
        ordered = _COMPARE[comparison]
        return lambda a, b: ordered(floats(a), floats(b)) & ~(np.isnan(floats(a)) | np.isnan(floats(b)))
    return lambda a, b: _COMPARE[comparison](integers(a, kind), integers(b, kind))


def convert(modifiers: list[str], to: str, source: str) -> Callable[[Lanes], Lanes]:
    rounding = modifiers[0] if modifiers else ""
    if to[0] in "usb" and source[0] in "usb" and source != "bf16" and to != "bf16":
        return lambda a: bits(integers(a, source).astype(_INT[width(to)][to[0] == "s"]))
    if to == "f32" and source in ("s32", "u32") and rounding == "rn":
        return lambda a: bits(integers(a, source).astype(np.float64).astype(np.float32))
    if to == "s32" and source == "f32" and rounding in ("rni", "rzi"):
        return lambda a: bits(_to_int(np.rint(floats(a)) if rounding == "rni" else np.trunc(floats(a))))
    if to == source == "f32" and rounding in ("rni", "rmi"):
        return lambda a: bits((np.rint if rounding == "rni" else np.floor)(floats(a)))
    if to == "f32" and source == "f16":
        return lambda a: bits(a.astype(np.uint16).view(np.float16).astype(np.float32))
    if to == "f32" and source == "bf16":
        return lambda a: a << np.uint64(16)
    raise PtxError(f"cvt.{'.'.join(modifiers + [to, source])} is unknown to this interpreter")


def _to_int(x: np.ndarray) -> np.ndarray:
    """Saturating, NaN to 0."""
    return np.clip(np.nan_to_num(x.astype(np.float64), nan=0.0), -2**31, 2**31 - 1).astype(np.int64).astype(np.int32)


def operation(opcode: str) -> Callable[..., Lanes]:
    """The function of an arithmetic instruction, all its operands to the result."""
    name, *modifiers, kind = opcode.split(".")
    full = ".".join([name, *modifiers])
    if opcode in ("prmt.b32", "lop3.b32"):
        return permute if name == "prmt" else lop3
    if name == "cvt":
        return convert(modifiers[:-1], modifiers[-1], kind)
    if name == "cvta":
        return lambda a: a
    if name == "mov":
        return lambda a: a
    if name == "selp":
        return lambda a, b, p: np.where(p.astype(bool), a, b)
    if kind == "f32" and full in _FLOAT:
        return _float(_FLOAT[full])
    if full in ("shl", "shr"):
        return _shift(name, kind)
    if full in ("div", "rem") and kind[0] in "us":
        return _divide(name, kind)
    if full == "mul.wide":
        return _wide(kind)
    if full == "mul.hi":
        return _high(kind)
    if full == "bfe":
        return _extract(kind)
    if kind == "pred" and full in ("and", "or", "xor"):
        return _INTEGER[full]
    if kind == "pred" and full == "not":
        return lambda a: np.uint64(1) - a
    if full in _INTEGER and kind[0] in "usb":
        return lambda *x: bits(_INTEGER[full](*[integers(v, kind) for v in x]))
    raise PtxError(f"{opcode} is unknown to this interpreter")
