"""Linears that files keep as one weight, rows after rows: q, k and v, or gate and up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

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
