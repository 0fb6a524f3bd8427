"""Writes linalg on tensors as text, in the shape in which front ends write it: many small generics.

A size is an int, or the name of an index value of the function ("%m") for a dynamic one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

Size = int | str


def tensor_type(sizes: Sequence[Size], element: str = "f32") -> str:
    """`tensor<?x64xf32>` of ("%m", 64)."""
    return "tensor<" + "".join(f"{size if isinstance(size, int) else '?'}x" for size in sizes) + element + ">"


@dataclass(frozen=True)
class Value:
    """An SSA tensor: its name, sizes and element type."""

    name: str
    sizes: tuple[Size, ...]
    element: str = "f32"

    @property
    def type(self) -> str:
        return tensor_type(self.sizes, self.element)


def _map(iterators: str, indices: str) -> str:
    return f"affine_map<({', '.join(iterators)}) -> ({', '.join(indices)})>"


class Builder:
    """The body of one function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._count = 0

    def name(self) -> str:
        self._count += 1
        return f"%{self._count - 1}"

    def line(self, text: str) -> None:
        self.lines.append("    " + text)

    def emit(self, text: str, sizes: Sequence[Size], element: str = "f32") -> Value:
        """`%new = text`."""
        value = Value(self.name(), tuple(sizes), element)
        self.line(f"{value.name} = {text}")
        return value

    def scalar(self, text: str) -> str:
        name = self.name()
        self.line(f"{name} = {text}")
        return name

    def empty(self, sizes: Sequence[Size], element: str = "f32") -> Value:
        dynamic = ", ".join(size for size in sizes if isinstance(size, str))
        return self.emit(f"tensor.empty({dynamic}) : {tensor_type(sizes, element)}", sizes, element)

    def fill(self, constant: str, sizes: Sequence[Size]) -> Value:
        scalar = self.scalar(f"arith.constant {constant} : f32")
        into = self.empty(sizes)
        return self.emit(f"linalg.fill ins({scalar} : f32) outs({into.name} : {into.type}) -> {into.type}", sizes)

    def generic(self, iterators: str, inputs: Sequence[tuple[Value, str]], output: tuple[Value, str],
                body: Sequence[str], result: str, reduced: str = "") -> Value:
        """One `linalg.generic`; each operand comes with its indices as letters of `iterators`.

        The body names its arguments %a0, %a1, ... and %o, and yields `result`.
        """
        into, into_indices = output
        maps = ", ".join(_map(iterators, indices) for _, indices in (*inputs, output))
        kinds = ", ".join('"reduction"' if i in reduced else '"parallel"' for i in iterators)
        ins = f"ins({', '.join(v.name for v, _ in inputs)} : {', '.join(v.type for v, _ in inputs)}) " if inputs else ""
        value = self.emit(f"linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}} {ins}"
                          f"outs({into.name} : {into.type}) {{", into.sizes, into.element)
        arguments = [f"%a{i}: {v.element}" for i, (v, _) in enumerate(inputs)] + [f"%o: {into.element}"]
        self.line(f"^bb0({', '.join(arguments)}):")
        for text in body:
            self.line("  " + text)
        self.line(f"  linalg.yield {result} : {into.element}")
        self.line(f"}} -> {into.type}")
        return value

    def slice(self, source: Value, offsets: Sequence[Size], sizes: Sequence[Size],
              strides: Sequence[int] | None = None) -> Value:
        lists = self._lists(offsets, sizes, strides)
        type_ = tensor_type(sizes, source.element)
        return self.emit(f"tensor.extract_slice {source.name}{lists} : {source.type} to {type_}", sizes, source.element)

    def insert(self, source: Value, into: Value, offsets: Sequence[Size], strides: Sequence[int] | None = None,
               sizes: Sequence[Size] | None = None) -> Value:
        lists = self._lists(offsets, sizes or source.sizes, strides)
        return self.emit(f"tensor.insert_slice {source.name} into {into.name}{lists} : {source.type} into {into.type}",
                         into.sizes, into.element)

    @staticmethod
    def _lists(offsets: Sequence[Size], sizes: Sequence[Size], strides: Sequence[int] | None) -> str:
        lists = (offsets, sizes, strides or [1] * len(sizes))
        return " ".join("[" + ", ".join(map(str, values)) + "]" for values in lists)

    def expand(self, source: Value, groups: str, sizes: Sequence[Size]) -> Value:
        shape = ", ".join(map(str, sizes))
        return self.emit(f"tensor.expand_shape {source.name} {groups} output_shape [{shape}] : {source.type} into "
                         f"{tensor_type(sizes)}", sizes)

    def collapse(self, source: Value, groups: str, sizes: Sequence[Size]) -> Value:
        return self.emit(f"tensor.collapse_shape {source.name} {groups} : {source.type} into {tensor_type(sizes)}",
                         sizes)

    def matmul_transposed(self, x: Value, weight: Value) -> Value:
        """x [M, K] with weight [N, K]: [M, N]."""
        into = self.fill("0.0", (x.sizes[0], weight.sizes[0]))
        maps = ", ".join((_map("mnk", "mk"), _map("mnk", "nk"), _map("mnk", "mn")))
        return self.emit(f"linalg.matmul indexing_maps = [{maps}] ins({x.name}, {weight.name} : {x.type}, {weight.type}) "
                         f"outs({into.name} : {into.type}) -> {into.type}", into.sizes)
