"""Instructions of a whole warp or block, and asynchronous copies."""

from __future__ import annotations

import numpy as np

from .parse import Instruction, PtxError
from .warp import LANES, Step, Warp, _words


def _together(warp: Warp, active: np.ndarray) -> None:
    if not np.array_equal(active, np.ones(LANES, bool)):
        raise PtxError("only some lanes of the warp come here")


def _bytes(words: list[np.ndarray], kind: str) -> np.ndarray:
    """Lane by word by byte, as int64."""
    raw = np.stack(words, axis=1).astype(np.uint32).view(np.uint8).reshape(LANES, len(words), 4)
    return (raw.view(np.int8) if kind == "s8" else raw).astype(np.int64)


def _mma(instruction: Instruction) -> Step:
    parts = instruction.opcode.split(".")
    if parts[3] != "m16n8k32" or parts[4:6] != ["row", "col"] or parts[6] != "s32" or len(parts) != 10:
        raise PtxError(f"{instruction.opcode} is unknown to this interpreter")
    d, a, b, c = map(_words, instruction.operands)

    def run(warp: Warp, active: np.ndarray) -> None:
        _together(warp, active)
        lane = np.arange(LANES)
        g, t = lane // 4, lane % 4
        words_a, words_b = _bytes([warp.get(x) for x in a], parts[7]), _bytes([warp.get(x) for x in b], parts[8])
        left, right = np.zeros((16, 32), np.int64), np.zeros((32, 8), np.int64)
        for i in range(16):  # element i of A's fragment, as the PTX ISA counts them
            rows = np.where(i // 4 % 2 == 0, g, g + 8)
            left[rows, 4 * t + i % 4 + (16 if i >= 8 else 0)] = words_a[:, i // 4, i % 4]
        for i in range(8):
            right[4 * t + i % 4 + (16 if i >= 4 else 0), g] = words_b[:, i // 4, i % 4]
        product = left @ right
        for i in range(4):
            total = product[np.where(i < 2, g, g + 8), 2 * t + i % 2] + warp.get(c[i]).astype(np.int64)
            warp.set(d[i], (total & 0xFFFFFFFF).astype(np.uint64), active)
    return run


def _ldmatrix(instruction: Instruction) -> Step:
    if ".m8n8." not in instruction.opcode or not instruction.opcode.endswith(".shared.b16"):
        raise PtxError(f"{instruction.opcode} is unknown to this interpreter")
    targets, transposed = _words(instruction.operands[0]), ".trans" in instruction.opcode

    def run(warp: Warp, active: np.ndarray) -> None:
        _together(warp, active)
        addresses = warp.addresses(instruction.operands[1])
        for m, target in enumerate(targets):
            rows = [warp.block.read("shared", int(addresses[8 * m + r]), 16, warp).copy() for r in range(8)]
            matrix = np.stack(rows).view(np.uint16)  # 8 x 8
            if transposed:
                matrix = matrix.T
            value = np.ascontiguousarray(matrix).view(np.uint32).reshape(LANES)
            warp.set(target, value.astype(np.uint64), active)
    return run


def _shuffle(instruction: Instruction) -> Step:
    kind = instruction.opcode.split(".")[2]
    if kind != "bfly" or not instruction.opcode.endswith(".b32"):
        raise PtxError(f"{instruction.opcode} is unknown to this interpreter")
    target, value, offset, clamp, mask = instruction.operands

    def run(warp: Warp, active: np.ndarray) -> None:
        if int(warp.get(mask)[0]) & 0xFFFFFFFF != 0xFFFFFFFF or int(warp.get(clamp)[0]) != 31:
            raise PtxError("only shuffles of whole warps are known")
        _together(warp, active)
        warp.set(target, warp.get(value)[np.arange(LANES) ^ int(warp.get(offset)[0])], active)
    return run


def _barrier(instruction: Instruction) -> Step:
    def run(warp: Warp, active: np.ndarray) -> None:
        if not np.array_equal(active, warp.alive):
            raise PtxError("only some lanes of the warp come here")
        number, *threads = (int(warp.get(operand)[0]) for operand in instruction.operands)
        warp.waiting = number, threads[0] if threads else warp.block.threads
    return run


def _copy(instruction: Instruction) -> Step:
    to, source, size, *filled = instruction.operands

    def run(warp: Warp, active: np.ndarray) -> None:
        n = int(size)
        targets, sources = warp.addresses(to), warp.addresses(source)
        counts = warp.get(filled[0]) if filled else np.full(LANES, n)
        for lane in np.flatnonzero(active):
            target, address, count = int(targets[lane]), int(sources[lane]), int(counts[lane])
            if target % n or address % n:
                raise PtxError(f"a copy of {n} bytes is not aligned")
            data = np.zeros(n, np.uint8)
            if count:
                data[:count] = warp.block.memory.read(address, count)
            warp.block.shared.claim(target, n, warp.number, None)
            warp.block.shared.mark(target, n, True)
            warp.copies.append((int(lane), int(warp.group[lane]), target, data))
    return run


def _commit(_: Instruction) -> Step:
    def run(warp: Warp, active: np.ndarray) -> None:
        warp.group[active] += 1
    return run


def _wait(instruction: Instruction) -> Step:
    def run(warp: Warp, active: np.ndarray) -> None:
        newest, left = int(instruction.operands[0]), []
        for lane, group, target, data in warp.copies:
            if active[lane] and group + newest < warp.group[lane]:
                warp.block.shared.mark(target, data.size, False)
                warp.block.shared.data[target:target + data.size] = data
            else:
                left.append((lane, group, target, data))
        warp.copies = left
    return run


COLLECTIVE = {"mma.sync": _mma, "ldmatrix.": _ldmatrix, "shfl.sync": _shuffle, "bar.sync": _barrier,
              "cp.async.ca.shared.global": _copy, "cp.async.cg.shared.global": _copy,
              "cp.async.commit_group": _commit, "cp.async.wait_group": _wait}
