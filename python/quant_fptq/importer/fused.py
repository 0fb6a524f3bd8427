"""Linears that files keep as one weight, rows after rows: q, k and v, or gate and up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Sequence

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer.checkpoint import LlamaConfig
from quant_fptq.importer.families import FUSED
from quant_fptq.importer.stored import Array, LazyArray, StoredWeight


@dataclass(frozen=True)
class FileTensor:
    """A tensor of a file, and the weights that its rows are."""

    name: str
    shape: tuple[int, ...]
    parts: tuple[tuple[str, slice], ...]


def as_in_file(config: LlamaConfig, fused: bool) -> Iterator[FileTensor]:
    """What `config.shapes()` says, as a file has it that keeps (or does not) the linears of FUSED as one."""
    shapes = dict(config.shapes())
    whole = {part: (owner, parts) for owner, parts in FUSED.items() for part in parts} if fused else {}
    for name, shape in shapes.items():
        layer, _, kind = name.rpartition(".")
        linear = ".".join(layer.split(".")[-2:])
        if linear not in whole:
            yield FileTensor(name, shape, ((name, slice(0, shape[0])),))
            continue
        owner, parts = whole[linear]
        if linear != parts[0]:
            continue  # in the tensor of the first
        prefix, at, rows = layer.removesuffix(linear), 0, []
        for part in parts:
            count = shapes[f"{prefix}{part}.{kind}"][0]
            rows.append((f"{prefix}{part}.{kind}", slice(at, at + count)))
            at += count
        yield FileTensor(f"{prefix}{owner}.{kind}", (at, *shape[1:]), tuple(rows))


def _cut(array: Array, rows: slice) -> Array:
    if isinstance(array, LazyArray):
        return LazyArray((rows.stop - rows.start, *array.shape[1:]), array.dtype, lambda: array.__array__()[rows])
    return array[rows]


def rows_of(weight: Array | StoredWeight, rows: slice) -> Array | StoredWeight:
    """Output channels of a weight; codes keep their scales, zero points and order of columns."""
    if not isinstance(weight, StoredWeight):
        return _cut(weight, rows)
    parts = {suffix: _cut(array, rows) for suffix, array in weight.parts()}
    return StoredWeight((rows.stop - rows.start, weight.shape[1]), weight.bits, weight.group_size, order=weight.order,
                        **parts)


def _stacked(arrays: Sequence[Array]) -> LazyArray:
    shape = (sum(array.shape[0] for array in arrays), *arrays[0].shape[1:])
    return LazyArray(shape, np.result_type(*(array.dtype for array in arrays)),
                     lambda: np.concatenate([np.asarray(array) for array in arrays]))


def _kind(weight: StoredWeight) -> tuple:
    """What has to be one for all rows of a weight."""
    order = None if weight.order is None else weight.order.tolist()
    return weight.bits, weight.group_size, order, weight.offsets is None


def joined(name: str, weights: Sequence[Array | StoredWeight]) -> Array | StoredWeight:
    """The inverse of `rows_of` for all parts of `name`. Raises FptqError for parts whose codes are of different kinds."""
    stored = [weight for weight in weights if isinstance(weight, StoredWeight)]
    if not stored:
        return _stacked([weight for weight in weights if not isinstance(weight, StoredWeight)])
    first = stored[0]
    for weight in stored:
        if len(stored) < len(weights) or _kind(weight) != _kind(first):
            raise FptqError(f"tensor '{name}' is one in the file, but its parts are quantized in different ways")
    parts: dict[str, Array] = {}
    for suffix in ("codes", "scales", "zeros", "offsets"):
        arrays = [getattr(weight, suffix) for weight in stored]
        if any(array is not None for array in arrays):  # of zero points 8 may be left out
            parts[suffix] = _stacked([np.full(weight.scales.shape, 8, np.uint8) if array is None else array
                                      for weight, array in zip(stored, arrays)])
    return StoredWeight((sum(weight.shape[0] for weight in stored), first.shape[1]), first.bits, first.group_size,
                        order=first.order, **parts)
