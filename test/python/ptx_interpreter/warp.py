"""32 lanes and the instructions that are more than arithmetic."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Callable

import numpy as np

from . import alu
from .parse import Instruction, PtxError

if TYPE_CHECKING:
    from .device import Block

LANES = 32
Step = Callable[["Warp", np.ndarray], None]
_ADDRESS = re.compile(r"\[([%\w$]+)(?:\+?(-?\d+))?\]")


class Warp:
    """Lanes may go separate ways: those with the lowest program counter run first, and so meet again."""

    def __init__(self, block: Block, number: int) -> None:
        self.block, self.number = block, number
        self.registers: dict[str, np.ndarray] = {}
        self.pc = np.zeros(LANES, np.int64)
        self.alive = np.arange(LANES) + LANES * number < block.threads
        self.held = np.zeros(LANES, bool)  # at a warp-wide instruction, until the others come
        self.copies: list[tuple[int, int, int, np.ndarray]] = []  # lane, group, to, bytes
        self.group = np.zeros(LANES, np.int64)
        self.waiting: tuple[int, int] | None = None  # barrier and threads
        self.polling = False
        self.products: list = []  # wgmma
        self.wgmma_fenced = False
        self.wgmma_group = 0

    def get(self, operand: str) -> np.ndarray:
        if operand in self.registers:
            return self.registers[operand]
        if operand in self.block.special:
            return self.special(operand)
        if operand in self.block.kernel.shared:
            return np.full(LANES, self.block.kernel.shared[operand], np.uint64)
        if operand.startswith("0f"):
            return np.full(LANES, int(operand[2:], 16), np.uint64)
        if re.fullmatch(r"-?(0x[0-9A-Fa-f]+|\d+)U?", operand):
            return np.full(LANES, int(operand.rstrip("U"), 0) & (1 << 64) - 1, np.uint64)
        raise PtxError(f"'{operand}' was never written")

    def special(self, name: str) -> np.ndarray:
        value = self.block.special[name]
        if name == "%tid.x":
            return np.arange(LANES, dtype=np.uint64) + np.uint64(LANES * self.number)
        if name == "%laneid":
            return np.arange(LANES, dtype=np.uint64)
        return np.full(LANES, value, np.uint64)

    def set(self, name: str, value: np.ndarray, active: np.ndarray) -> None:
        if name == "_":
            return
        register = self.registers.setdefault(name, np.zeros(LANES, np.uint64))
        register[active] = value[active]

    def addresses(self, operand: str) -> np.ndarray:
        match = _ADDRESS.fullmatch(operand)
        if not match:
            raise PtxError(f"'{operand}' is no address")
        return self.get(match[1]).astype(np.int64) + int(match[2] or 0)

    def step(self) -> None:
        running = self.alive & ~self.held
        at = int(self.pc[running].min())
        here = running & (self.pc == at)
        instruction, run, together = self.block.code[at]
        if together and (self.alive & (self.pc != at)).any():
            self.held |= here
            if not (self.alive & ~self.held).any():
                raise PtxError(f"block {self.block.index}, warp {self.number}, '{instruction.text}': "
                               "the lanes of the warp wait for each other in different places")
            return
        if together:
            self.held[:] = False
            here = self.alive & (self.pc == at)
        self.pc[here] = at + 1
        active = here
        if instruction.predicate:
            active = here & (self.get(instruction.predicate).astype(bool) != instruction.negated)
        if active.any():
            try:
                run(self, active)
            except PtxError as error:
                raise PtxError(f"block {self.block.index}, warp {self.number}, '{instruction.text}': {error}") from None


def _words(operand: str) -> list[str]:
    return [w.strip() for w in operand.strip("{}").split(",")]


def _access(instruction: Instruction) -> tuple[str, int, int]:
    """Space, bytes of an element, elements."""
    parts = instruction.opcode.split(".")
    count = next((int(p[1:]) for p in parts if p in ("v2", "v4")), 1)
    return parts[1], alu.width(parts[-1]) // 8, count


def _load(instruction: Instruction) -> Step:
    space, size, count = _access(instruction)
    targets, source = _words(instruction.operands[0]), instruction.operands[1]
    if space == "param":
        def parameter(warp: Warp, active: np.ndarray) -> None:
            value = warp.block.parameters[source.strip("[]")]
            if instruction.opcode.endswith("s32"):
                value = np.uint64(np.int64(np.int32(np.uint32(value))))
            warp.set(targets[0], np.full(LANES, value, np.uint64), active)
        return parameter
    signed = instruction.opcode.split(".")[-1][0] == "s"

    def run(warp: Warp, active: np.ndarray) -> None:
        addresses = warp.addresses(source)
        values = np.zeros((count, LANES), np.uint64)
        for lane in np.flatnonzero(active):
            raw = warp.block.read(space, int(addresses[lane]), size * count, warp)
            numbers = raw.copy().view(alu._INT[8 * size][signed])
            values[:, lane] = numbers.astype(np.int64).view(np.uint64) if signed else numbers
        for target, value in zip(targets, values):
            warp.set(target, value, active)
    return run


def _store(instruction: Instruction) -> Step:
    space, size, count = _access(instruction)
    sources, target = _words(instruction.operands[1]), instruction.operands[0]

    def run(warp: Warp, active: np.ndarray) -> None:
        addresses = warp.addresses(target)
        values = [warp.get(s).astype(alu._INT[8 * size][0]) for s in sources]
        for lane in np.flatnonzero(active):
            raw = np.array([v[lane] for v in values]).view(np.uint8)
            warp.block.write(space, int(addresses[lane]), raw, warp)
    return run


def _atomic(instruction: Instruction) -> Step:
    match = re.fullmatch(r"atom(?:\.relaxed)?(?:\.gpu)?\.(shared|global)\.(add|inc)\.u32", instruction.opcode)
    if not match:
        raise PtxError(f"{instruction.opcode} is unknown to this interpreter")
    target, source, value = instruction.operands

    def run(warp: Warp, active: np.ndarray) -> None:
        addresses, values, before = warp.addresses(source), warp.get(value), np.zeros(LANES, np.uint64)
        for lane in np.flatnonzero(active):
            word = warp.block.atomic(match[1], int(addresses[lane]), warp).view(np.uint32)
            operand = int(values[lane]) & 0xFFFFFFFF
            before[lane] = old = int(word[0])
            word[0] = (old + operand) & 0xFFFFFFFF if match[2] == "add" else 0 if old >= operand else old + 1
        warp.set(target, before, active)
    return run


def _compare(instruction: Instruction) -> Step:
    _, comparison, *combine, kind = instruction.opcode.split(".")
    test = alu.compare(comparison, kind)
    if combine:
        raise PtxError(f"{instruction.opcode} is unknown to this interpreter")

    def run(warp: Warp, active: np.ndarray) -> None:
        target, a, b = instruction.operands
        warp.set(target, test(warp.get(a), warp.get(b)).astype(np.uint64), active)
    return run


def _arithmetic(instruction: Instruction) -> Step:
    function, (target, *sources) = alu.operation(instruction.opcode), instruction.operands
    if target.startswith("{") or any(s.startswith("{") for s in sources):
        raise PtxError(f"'{instruction.text}' is unknown to this interpreter")

    def run(warp: Warp, active: np.ndarray) -> None:
        with np.errstate(all="ignore"):
            warp.set(target, function(*[warp.get(s) for s in sources]), active)
    return run


def _branch(instruction: Instruction) -> Step:
    def run(warp: Warp, active: np.ndarray) -> None:
        warp.pc[active] = warp.block.kernel.labels[instruction.operands[0]]
    return run


def _exit(_: Instruction) -> Step:
    def run(warp: Warp, active: np.ndarray) -> None:
        warp.alive &= ~active
    return run


#: Instructions that all lanes of a warp execute together.
_TOGETHER = ("mma.", "ldmatrix.", "shfl.", "bar.", "wgmma.", "setmaxnreg.")


def is_together(instruction: Instruction) -> bool:
    return instruction.opcode.startswith(_TOGETHER)


def compile_instruction(instruction: Instruction) -> Step:
    """What an instruction does; an unknown one is an error before anything runs."""
    from .asynchronous import ASYNCHRONOUS
    from .collective import COLLECTIVE

    name = instruction.opcode.split(".")[0]
    for prefix, make in (ASYNCHRONOUS | COLLECTIVE).items():
        if instruction.opcode.startswith(prefix):
            return make(instruction)
    special = {"ld": _load, "st": _store, "atom": _atomic, "setp": _compare, "bra": _branch, "ret": _exit}
    return special.get(name, _arithmetic)(instruction)
