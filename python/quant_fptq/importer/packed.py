"""Quantized linears of Hugging Face folders: compressed-tensors, GPTQ and AWQ, exactly as stored.

Each format has int32 words that hold eight 4-bit (or four 8-bit) values; they differ in what lies along which
axis, and in the order of the values in a word. All end as codes of the group scheme with the file's own scales.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer.checkpoint import layer_of
from quant_fptq.importer.stored import LazyArray, StoredWeight, pack_nibbles

#: AWQ's "gemm" order: where value i of eight lies in its word.
_AWQ_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)


@dataclass(frozen=True)
class Source:
    """The tensors of a folder, and the file that has each: for errors that name both."""

    tensors: dict[str, np.ndarray]
    files: dict[str, Path]
    config: Path

    def find(self, name: str, dtypes: tuple[str, ...], shape: tuple[int, ...] | None = None) -> np.ndarray | None:
        """The tensor, checked, or None where there is none."""
        return self.get(name, dtypes, shape) if name in self.tensors else None

    def get(self, name: str, dtypes: tuple[str, ...], shape: tuple[int, ...] | None = None) -> np.ndarray:
        """The tensor, checked. Raises FptqError naming file and key."""
        array = self.tensors.get(name)
        if array is None:
            raise FptqError(f"{self.config.parent}: no tensor '{name}'")
        if array.dtype.name not in dtypes or shape is not None and array.shape != shape:
            raise FptqError(f"{self.files[name]}: tensor '{name}' is {array.dtype} {list(array.shape)}, expected "
                            f"{' or '.join(dtypes)}{'' if shape is None else f' {list(shape)}'}")
        return array

    def error(self, text: str) -> FptqError:
        return FptqError(f"{self.config}: {text}")


#: What reads one weight by name and shape; None: it is not quantized.
Reader = Callable[[str, tuple[int, int]], StoredWeight | None]

_FLOATS = ("float32", "float16", "bfloat16")


def _words(words: np.ndarray, axis: int, bits: int = 4, order: tuple[int, ...] | None = None) -> np.ndarray:
    """Values of int32 words packed along `axis`, as uint8; value i of a word is at `bits * order[i]`."""
    count = 32 // bits
    unsigned = np.ascontiguousarray(np.moveaxis(words, axis, -1)).view(np.uint32)
    shifts = np.array(order or range(count), np.uint32) * np.uint32(bits)
    values = (unsigned[..., None] >> shifts & np.uint32((1 << bits) - 1)).astype(np.uint8)
    return np.moveaxis(values.reshape(*unsigned.shape[:-1], -1), -1, axis)


def _scales(array: np.ndarray) -> np.ndarray:
    """Scales as the compiler takes them: bfloat16 becomes float32, which holds it exactly."""
    return np.ascontiguousarray(array, np.float32 if array.dtype.name == "bfloat16" else array.dtype)


def _unless_middle(zeros: np.ndarray) -> np.ndarray | None:
    """Zero points, or None where all are 8: the symmetric scheme needs none."""
    return None if (zeros == 8).all() else np.ascontiguousarray(zeros)


def _channel_order(source: Source, name: str, group_size: int, k: int) -> np.ndarray | None:
    """Input channels sorted by their group (act-order); None where they are in order."""
    indices = source.find(name, ("int32", "int64"), (k,))
    if indices is None or (indices < 0).all() or np.array_equal(indices, np.arange(k) // group_size):
        return None
    order = np.argsort(indices, kind="stable").astype(np.int32)
    if not np.array_equal(indices[order], np.arange(k) // group_size):
        raise FptqError(f"{source.files[name]}: tensor '{name}' does not give each of {k // group_size} groups "
                        f"{group_size} channels")
    return order


def _group_size(source: Source, name: str, k: int, groups: int) -> int:
    if groups <= 0 or k % groups:
        raise FptqError(f"{source.files[name]}: tensor '{name}' has {groups} groups for {k} input channels")
    return k // groups


def _reordered(codes: Callable[[], np.ndarray], order: np.ndarray | None) -> np.ndarray:
    return codes() if order is None else codes()[:, order]


def _nibble_codes(n: int, k: int, read: Callable[[], np.ndarray], order: np.ndarray | None = None) -> LazyArray:
    return LazyArray((n, (k + 1) // 2), np.uint8, lambda: pack_nibbles(_reordered(read, order)))


def _compressed(source: Source, name: str, shape: tuple[int, int], symmetric: bool | None) -> StoredWeight | None:
    """`<layer>.weight_packed` and its scales, or an int8 `<layer>.weight`."""
    layer, (n, k) = layer_of(name), shape
    packed = source.find(f"{layer}.weight_packed", ("int32",))
    plain = source.tensors.get(name)
    if packed is None and (plain is None or plain.dtype != np.int8):
        return None
    scales = source.get(f"{layer}.weight_scale", _FLOATS)
    if scales.ndim != 2 or scales.shape[0] != n:
        scales = source.get(f"{layer}.weight_scale", _FLOATS, (n, 1))
    group_size = _group_size(source, f"{layer}.weight_scale", k, scales.shape[1])
    if packed is None:
        return _compressed_bytes(source, name, shape, group_size, scales)
    stated = source.find(f"{layer}.weight_shape", ("int64", "int32"), (2,))
    if stated is not None and tuple(stated) != shape:
        raise FptqError(f"{source.files[f'{layer}.weight_shape']}: tensor '{layer}.weight_shape' says "
                        f"{stated.tolist()}, expected {list(shape)}")
    bits = next((bits for bits in (4, 8) if packed.shape == (n, -(-k * bits // 32))), None)
    if bits is None:
        raise FptqError(f"{source.files[f'{layer}.weight_packed']}: tensor '{layer}.weight_packed' is "
                        f"{list(packed.shape)}, which is neither 4 nor 8 bits of {list(shape)}")
    order = _channel_order(source, f"{layer}.weight_g_idx", group_size, k)
    if bits == 8:
        _refuse_zero_points(source, layer)
        codes = LazyArray((n, k), np.int8, lambda: (_reordered(lambda: _words(packed, 1, 8)[:, :k], order) ^ 128)
                          .view(np.int8))
        return StoredWeight(shape, 8, group_size, codes, _scales(scales), order=order)
    zeros = _compressed_zeros(source, layer, n, scales.shape[1])
    if symmetric is False and f"{layer}.weight_zero_point" not in source.tensors:
        raise source.error(f"quantization_config says that weights are asymmetric, but there is no tensor "
                           f"'{layer}.weight_zero_point'")
    if order is None and k % 8 == 0:  # its words, read as bytes, are our codes
        return StoredWeight(shape, 4, group_size, np.ascontiguousarray(packed).view(np.uint8), _scales(scales), zeros)
    codes = _nibble_codes(n, k, lambda: _words(packed, 1)[:, :k], order)
    return StoredWeight(shape, 4, group_size, codes, _scales(scales), zeros, order=order)


def _refuse_zero_points(source: Source, layer: str) -> None:
    """8-bit codes have none in `fptq.dequantize`; zeros say nothing."""
    name = f"{layer}.weight_zero_point"
    if name in source.tensors and np.any(source.tensors[name]):
        raise FptqError(f"{source.files[name]}: tensor '{name}': 8-bit weights with zero points are not supported")


def _compressed_zeros(source: Source, layer: str, n: int, groups: int) -> np.ndarray | None:
    """Zero points 0..15 [N, G] of signed codes, packed along N or as bytes -8..7."""
    name = f"{layer}.weight_zero_point"
    stored = source.find(name, ("int32", "int8"))
    if stored is None:
        return None
    if stored.dtype == np.int32:
        return _unless_middle(_words(source.get(name, ("int32",), (-(-n // 8), groups)), 0)[:n])
    stored = source.get(name, ("int8",), (n, groups))
    if stored.size and not -8 <= stored.min() <= stored.max() <= 7:
        raise FptqError(f"{source.files[name]}: tensor '{name}' has values outside of -8..7")
    return _unless_middle((stored + 8).astype(np.uint8))


def _compressed_bytes(source: Source, name: str, shape: tuple[int, int], group_size: int,
                      scales: np.ndarray) -> StoredWeight:
    _refuse_zero_points(source, layer_of(name))
    return StoredWeight(shape, 8, group_size, source.get(name, ("int8",), shape), _scales(scales))


def input_scale(source: Source, layer: str) -> float | None:
    """The static activation scale of a layer of compressed-tensors, or None; its zero point has to be 0."""
    scale = source.find(f"{layer}.input_scale", _FLOATS)
    if scale is None:
        return None
    value = float(scale.reshape(-1)[0]) if scale.size == 1 else math.nan
    if not (math.isfinite(value) and value > 0):
        raise FptqError(f"{source.files[f'{layer}.input_scale']}: tensor '{layer}.input_scale' is no positive number")
    zero = source.tensors.get(f"{layer}.input_zero_point")
    if zero is not None and np.any(zero):
        raise FptqError(f"{source.files[f'{layer}.input_zero_point']}: tensor '{layer}.input_zero_point' is not 0; "
                        "activations are symmetric here")
    return value


def _symmetry(source: Source, settings: dict) -> bool | None:
    """Whether all weights are symmetric, none is, or (None) the groups differ."""
    groups = settings.get("config_groups")
    found = {bool(weights.get("symmetric", True))
             for group in (groups.values() if isinstance(groups, dict) else ()) if isinstance(group, dict)
             for weights in (group.get("weights"),) if isinstance(weights, dict)}
    return found.pop() if len(found) == 1 else None


def _check_gptq(source: Source, settings: dict) -> int:
    """The zero point's offset: files of the first version store z - 1."""
    if settings.get("bits") != 4:
        raise source.error(f"quantization_config: key 'bits' is {settings.get('bits')!r}, expected 4")
    version = settings.get("checkpoint_format", "gptq")
    if version not in ("gptq", "gptq_v2"):
        raise source.error(f"quantization_config: key 'checkpoint_format' is {version!r}, expected gptq or gptq_v2")
    return 1 if version == "gptq" else 0


def _transposed(source: Source, layer: str, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, int]:
    """scales [N, G], zero-point words [G, N / 8] and the group size, common to GPTQ and AWQ."""
    n, k = shape
    scales = source.get(f"{layer}.scales", _FLOATS)
    if scales.ndim != 2 or scales.shape[1] != n or n % 8:
        raise FptqError(f"{source.files[f'{layer}.scales']}: tensor '{layer}.scales' is {list(scales.shape)}, expected "
                        f"groups x {n}, a multiple of 8")
    group_size = _group_size(source, f"{layer}.scales", k, scales.shape[0])
    words = source.get(f"{layer}.qzeros", ("int32",), (scales.shape[0], n // 8))
    return _scales(scales.T), words, group_size


def _gptq(source: Source, name: str, shape: tuple[int, int], offset: int) -> StoredWeight | None:
    """qweight [K / 8, N] along K, qzeros [G, N / 8] along N, scales [G, N], g_idx [K]."""
    layer, (n, k) = layer_of(name), shape
    if f"{layer}.qweight" not in source.tensors:
        return None
    if k % 8:
        raise source.error(f"layer '{layer}': {k} input channels are no multiple of 8")
    words = source.get(f"{layer}.qweight", ("int32",), (k // 8, n))
    scales, zero_words, group_size = _transposed(source, layer, shape)
    order = _channel_order(source, f"{layer}.g_idx", group_size, k)
    # AutoGPTQ adds its 1 in four bits: 15 wraps to 0.
    zeros = _unless_middle((_words(zero_words, 1).T + offset) & 15)
    codes = _nibble_codes(n, k, lambda: _words(words, 0).T, order)
    return StoredWeight(shape, 4, group_size, codes, scales, zeros, order=order)


def _check_awq(source: Source, settings: dict) -> None:
    for key, expected, default in (("bits", 4, settings.get("w_bit")), ("version", "gemm", "gemm")):
        value = settings.get(key, default)
        if (value.lower() if isinstance(value, str) else value) != expected:
            raise source.error(f"quantization_config: key '{key}' is {value!r}, expected {expected!r}")


def _awq(source: Source, name: str, shape: tuple[int, int]) -> StoredWeight | None:
    """qweight [K, N / 8] and qzeros [G, N / 8], interleaved along N; scales [G, N]."""
    layer, (n, k) = layer_of(name), shape
    if f"{layer}.qweight" not in source.tensors:
        return None
    words = source.get(f"{layer}.qweight", ("int32",), (k, n // 8))
    scales, zero_words, group_size = _transposed(source, layer, shape)
    zeros = _unless_middle(_words(zero_words, 1, order=_AWQ_ORDER).T)
    codes = _nibble_codes(n, k, lambda: _words(words, 1, order=_AWQ_ORDER).T)
    return StoredWeight(shape, 4, group_size, codes, scales, zeros)


def reader(source: Source, settings: dict) -> Reader:
    """The reader of a folder whose `quantization_config` is `settings`.

    Raises FptqError for methods and versions that are not known.
    """
    method = settings.get("quant_method")
    if method == "compressed-tensors":
        kind = settings.get("format", "pack-quantized")
        if kind not in ("pack-quantized", "int-quantized", "naive-quantized", "mixed-precision"):
            raise source.error(f"quantization_config: key 'format' is {kind!r}, expected pack-quantized, int-quantized "
                               "or naive-quantized")
        symmetric = _symmetry(source, settings)
        return lambda name, shape: _compressed(source, name, shape, symmetric)
    if method == "gptq":
        offset = _check_gptq(source, settings)
        return lambda name, shape: _gptq(source, name, shape, offset)
    if method == "awq":
        _check_awq(source, settings)
        return lambda name, shape: _awq(source, name, shape)
    raise source.error(f"quantization_config: key 'quant_method' is {method!r}, expected compressed-tensors, gptq or awq")
