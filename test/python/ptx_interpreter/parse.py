"""PTX text to instructions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


class PtxError(Exception):
    """What a kernel does wrong, or what this interpreter does not know."""


@dataclass(frozen=True)
class Instruction:
    opcode: str
    operands: tuple[str, ...]
    predicate: str = ""
    negated: bool = False
    text: str = ""


@dataclass
class Kernel:
    name: str
    parameters: list[tuple[str, str]]  # type, name
    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)  # symbol: offset
    static_shared: int = 0
    threads: int = 0  # required, or 0


_OPERAND = re.compile(r"\{[^}]*\}|\[[^\]]*\]|[^,\s{}\[\]]+")
_SHARED = re.compile(r"\.shared \.align (\d+) \.b(\d+) (\w+)\[(\d*)\];")
_ENTRY = re.compile(r"\.entry (\w+)\(([^)]*)\)([^{]*)\{")


def _body(text: str, start: int) -> str:
    """Up to the brace that closes the one before `start`."""
    depth = 1
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[start:i]
    raise PtxError("a function without an end")


def _open_scopes(text: str) -> str:
    """Inline assembly declares registers and labels in braces of its own: takes the braces away, and makes the names
    unlike any other."""
    number = 0
    while match := re.search(r"\{(\s*\.reg[^{}]*)\}", text):
        inner, number = match[1], number + 1
        for name in re.findall(r"\.reg \.\w+\s+(\w+);", inner) + re.findall(r"^\s*(\w+):", inner, re.M):
            inner = re.sub(rf"(?<![\w%$.]){name}\b", f"$scope{number}_{name}", inner)
        text = text[:match.start()] + inner + text[match.end():]
    return text


def _instruction(text: str) -> Instruction:
    rest, predicate, negated = text, "", False
    if rest.startswith("@"):
        predicate, rest = rest[1:].split(None, 1)
        negated, predicate = predicate.startswith("!"), predicate.lstrip("!")
    opcode, _, operands = rest.partition(" ")
    return Instruction(opcode, tuple(_OPERAND.findall(operands)), predicate, negated, text)


def _statements(kernel: Kernel, body: str) -> None:
    for statement in body.split(";"):
        statement = " ".join(statement.split())
        while match := re.match(r"(\$\w+):\s*", statement):
            kernel.labels[match[1]] = len(kernel.instructions)
            statement = statement[match.end():]
        if statement and not statement.startswith((".reg", ".pragma", ".loc", ".shared")):
            kernel.instructions.append(_instruction(statement))


def parse(text: str) -> dict[str, Kernel]:
    """All kernels of a module."""
    text = re.sub(r"//[^\n]*", "", text)
    kernels = {}
    for match in _ENTRY.finditer(text):
        parameters = [(p.split()[1], p.split()[-1]) for p in match[2].split(",") if p.strip()]
        kernel = Kernel(match[1], parameters)
        if size := re.search(r"\.(?:reqntid|maxntid) (\d+)", match[3]):
            kernel.threads = int(size[1])
        body = _body(text, match.end())
        dynamic = []
        for alignment, bits, name, count in _SHARED.findall(text[:match.start()] + body):
            if not count:
                dynamic.append((name, int(alignment)))
            elif re.search(rf"\b{name}\b", body):
                kernel.static_shared = -(-kernel.static_shared // int(alignment)) * int(alignment)
                kernel.shared[name] = kernel.static_shared
                kernel.static_shared += int(count) * int(bits) // 8
        for name, alignment in dynamic:  # behind all static memory
            kernel.shared[name] = kernel.static_shared = -(-kernel.static_shared // alignment) * alignment
        _statements(kernel, _open_scopes(body))
        kernels[kernel.name] = kernel
    return kernels
