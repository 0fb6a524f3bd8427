"""Layout `nvptx` and the arithmetic of kernels, written from docs/PackedLayout.md alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def fma(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """float32 a * b + c with one rounding: the exact product in float64, a sum rounded to odd, then float32
    (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008)."""
    p, c = a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64)
    s = p + c
    t = s - p
    error = (p - (s - t)) + (c - t)
    raw = s.view(np.int64).copy()
    fix = np.isfinite(s) & (error != 0) & (raw & 1 == 0)
    raw[fix] += np.where((error > 0) == (s > 0), 1, -1)[fix]
    return raw.view(np.float64).astype(np.float32)



@dataclass
class Weight:
    """Codes n x k (0..15), f32 scales; `zeros` None when symmetric; two-level: `a`, `b` and a scale a channel."""

    codes: np.ndarray
    group: int
    scales: np.ndarray
    zeros: np.ndarray | None = None
    multipliers: np.ndarray | None = None

    @property
    def two_level(self) -> bool:
        return self.multipliers is not None

    @property
    def groups(self) -> int:
        return -(-self.codes.shape[1] // self.group)

    @property
    def padded_group(self) -> int:
        return 32 if self.group <= 32 else -(-self.group // 64) * 64  # (N2)


def random_weight(rng: np.random.Generator, n: int, k: int, group: int, scheme: str, extreme: bool) -> Weight:
    codes = rng.integers(0, 2, (n, k)) * 15 if extreme else rng.integers(0, 16, (n, k))
    groups = -(-k // group)
    scales = rng.uniform(-1, 1, (n, 1 if scheme == "two-level" else groups)).astype(np.float32)
    if scheme == "symmetric":
        return Weight(codes, group, scales)
    if scheme == "asymmetric":
        return Weight(codes, group, scales, rng.integers(0, 16, (n, groups)))
    a = np.full((n, groups), 16) if extreme else rng.integers(1, 17, (n, groups))
    return Weight(codes, group, scales, rng.integers(0, 256 - 15 * a), a)


def pad_groups(x: np.ndarray, group: int) -> np.ndarray:
    """Rows x groups x columns of a group, each group padded (N2) with zeros."""
    groups, padded = -(-x.shape[1] // group), 32 if group <= 32 else -(-group // 64) * 64
    out = np.zeros((x.shape[0], groups, padded), x.dtype)
    for g in range(groups):
        part = x[:, g * group:(g + 1) * group]
        out[:, g, :part.shape[1]] = part
    return out


def pad(x: np.ndarray, weight: Weight) -> np.ndarray:
    return pad_groups(x, weight.group).reshape(x.shape[0], -1)


@np.errstate(all="ignore")
def quantize(x: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Q1), (Q2): padded codes, scales of rows and sums of groups of float32 activations."""
    largest = np.abs(x).max(axis=1)  # NaN where the row has one
    scales = np.where(largest == 0, np.float32(1), largest / np.float32(127)).astype(np.float32)
    codes = np.clip(np.rint(x * (np.float32(1) / scales)[:, None]), -127, 127)
    padded = pad_groups(np.nan_to_num(codes, nan=0).astype(np.int8), group)
    return padded.reshape(x.shape[0], -1), scales, padded.sum(axis=2, dtype=np.int32)


def pack(weight: Weight) -> np.ndarray:
    """(N1) to (N7)."""
    codes = pad(weight.codes, weight)
    n, columns = codes.shape
    panels, chunks = -(-n // 16), -(-columns // 64)
    stored = chunks * 64 // weight.padded_group if weight.padded_group < 64 else weight.groups
    full = np.zeros((panels * 16, chunks * 64), np.uint8)
    full[:n, :columns] = codes
    out = []
    for p in range(panels):
        nibbles = np.zeros((chunks, 512), np.uint8)
        for r in range(16):
            for k in range(64):
                s = k % 32
                at = 16 * (4 * (r % 8) + s % 16 // 4) + 4 * (r // 8 + 2 * (s // 16)) + k % 4
                nibbles[:, at] |= full[16 * p + r, k::64] << (0 if k < 32 else 4)
        out.append(nibbles.tobytes())

        def rows(values: np.ndarray, dtype: type) -> np.ndarray:
            block = np.zeros((stored, 16), dtype)
            part = values[16 * p:16 * p + 16]
            block[:part.shape[1], :part.shape[0]] = part.T
            return block

        if weight.two_level:
            pairs = np.stack([rows(weight.multipliers, np.uint8), rows(weight.zeros, np.uint8)], axis=2)
            channel = np.zeros(16, np.float32)
            channel[:len(weight.scales[16 * p:16 * p + 16])] = weight.scales[16 * p:16 * p + 16, 0]
            out += [pairs.tobytes(), channel.tobytes()]
        else:
            out.append(rows(weight.scales, np.float32).tobytes())
            if weight.zeros is not None:
                out.append(rows(weight.zeros, np.uint8).tobytes())
    return np.frombuffer(b"".join(out), np.uint8).copy()


def matmul(weight: Weight, x: np.ndarray, x_scales: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """(A1) to (A3); `x` holds codes, m x k."""
    m, n = x.shape[0], weight.codes.shape[0]
    f, total = np.zeros((m, n), np.float32), np.zeros((m, n), np.int64)
    for g in range(weight.groups):
        part = slice(g * weight.group, (g + 1) * weight.group)
        dot = x[:, part].astype(np.int64) @ weight.codes[:, part].T.astype(np.int64)
        xsum = x[:, part].astype(np.int64).sum(axis=1)[:, None]
        if weight.two_level:
            total += weight.multipliers[:, g] * dot + (weight.zeros[:, g] - 128) * xsum
            continue
        zero = 8 if weight.zeros is None else weight.zeros[:, g]
        f = fma((dot - zero * xsum).astype(np.float32), np.broadcast_to(weight.scales[:, g], (m, n)), f)
    if weight.two_level:
        f = fma(total.astype(np.float32), np.broadcast_to(weight.scales[:, 0], (m, n)), f)
    y = f * x_scales[:, None]
    return y if bias is None else y + bias
