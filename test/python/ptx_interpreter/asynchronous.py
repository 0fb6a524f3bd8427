"""What sm_90a adds: mbarriers, bulk copies, products of a warpgroup.

Bulk copies land when no warp can go on without them; a product reads shared memory when it is waited for.
"""

from __future__ import annotations

import numpy as np

from .parse import Instruction, PtxError
from .warp import LANES, Step, Warp, _words


class Mbarrier:
    def __init__(self, count: int) -> None:
        self.count = self.pending = count
        self.bytes = self.phase = 0

    def settle(self) -> None:
        if not self.pending and not self.bytes:
            self.pending, self.phase = self.count, self.phase + 1


def _one_lane(active: np.ndarray) -> np.ndarray:
    return np.flatnonzero(active)


def _barrier_at(warp: Warp, address: int) -> Mbarrier:
    try:
        return warp.block.mbarriers[address]
    except KeyError:
        raise PtxError(f"no mbarrier was initialized at shared offset {address}") from None


def _init(instruction: Instruction) -> Step:
    def run(warp: Warp, active: np.ndarray) -> None:
        addresses, counts = warp.addresses(instruction.operands[0]), warp.get(instruction.operands[1])
        for lane in _one_lane(active):
            address = int(addresses[lane])
            if address % 8 or not 0 <= address <= warp.block.shared.data.size - 8:
                raise PtxError(f"an mbarrier at shared offset {address}")
            warp.block.mbarriers[address] = Mbarrier(int(counts[lane]))
    return run


def _arrive(instruction: Instruction) -> Step:
    expects = ".expect_tx." in instruction.opcode
    at = next(i for i, operand in enumerate(instruction.operands) if operand.startswith("["))
    rest = instruction.operands[at + 1:]

    def run(warp: Warp, active: np.ndarray) -> None:
        addresses = warp.addresses(instruction.operands[at])
        amounts = warp.get(rest[0]) if rest else np.ones(LANES, np.uint64)
        for lane in _one_lane(active):
            barrier = _barrier_at(warp, int(addresses[lane]))
            if expects:
                barrier.bytes += int(amounts[lane])
            barrier.pending -= 1 if expects else int(amounts[lane])
            if barrier.pending < 0:
                raise PtxError("arrives more often than the mbarrier was initialized for")
            barrier.settle()
        warp.block.events += 1
        warp.polling = True  # the turn of those who wait for this: they then come as early as they can
        if at and instruction.operands[0] != "_":
            warp.set(instruction.operands[0], np.zeros(LANES, np.uint64), active)
    return run


def _try_wait(instruction: Instruction) -> Step:
    target, source, parity = instruction.operands[:3]

    def run(warp: Warp, active: np.ndarray) -> None:
        addresses, parities, done = warp.addresses(source), warp.get(parity), np.zeros(LANES, np.uint64)
        for lane in _one_lane(active):
            done[lane] = (_barrier_at(warp, int(addresses[lane])).phase & 1) != int(parities[lane]) & 1
        warp.set(target, done, active)
        warp.polling = not done[active].all()  # another warp's turn
        warp.block.events += not warp.polling
    return run


def _bulk_copy(instruction: Instruction) -> Step:
    to, source, size, barrier = instruction.operands[:4]

    def run(warp: Warp, active: np.ndarray) -> None:
        targets, sources, barriers = (warp.addresses(operand) for operand in (to, source, barrier))
        sizes = warp.get(size)
        for lane in _one_lane(active):
            target, address, count = int(targets[lane]), int(sources[lane]), int(sizes[lane])
            if target % 16 or address % 16 or count % 16:
                raise PtxError(f"a bulk copy of {count} bytes is not aligned to 16")
            data = warp.block.memory.read(address, count).copy()
            warp.block.shared.claim(target, count, warp.number, None)
            warp.block.shared.mark(target, count, True)
            warp.block.bulk_copies.append((_barrier_at(warp, int(barriers[lane])), target, data))
    return run


def land(block) -> bool:
    """All bulk copies on their way; whether there were any."""
    copies, block.bulk_copies = block.bulk_copies, []
    for barrier, target, data in copies:
        block.shared.mark(target, data.size, False)
        block.shared.data[target:target + data.size] = data
        barrier.bytes -= data.size
        barrier.settle()
    return bool(copies)


def matrix_b(warp: Warp, descriptor: int, columns: int) -> np.ndarray:
    """32 x columns bytes behind a matrix descriptor (PTX ISA, "Matrix Descriptor Format"; K-major)."""
    start, stride, swizzle = (descriptor & 0x3FFF) << 4, (descriptor >> 32 & 0x3FFF) << 4, descriptor >> 62
    if swizzle != 1 or descriptor >> 49 & 7:
        raise PtxError("only the 128-byte swizzle without base offset is known")
    out = np.zeros((32, columns), np.int64)
    for n in range(columns):
        for half in range(2):
            address = start + n // 8 * stride + n % 8 * 128 + 16 * half
            address ^= (address >> 7 & 7) << 4
            out[16 * half:16 * half + 16, n] = warp.block.shared.read(address, 16, warp.number).view(np.int8)
    return out


def _wgmma(instruction: Instruction) -> Step:
    parts = instruction.opcode.split(".")
    shape, types = parts[4], parts[5:8]
    if not shape.startswith("m64n") or not shape.endswith("k32") or types != ["s32", "u8", "s8"]:
        raise PtxError(f"{instruction.opcode} is unknown to this interpreter")
    d, a = map(_words, instruction.operands[:2])
    if not instruction.operands[1].startswith("{") or instruction.operands[3] != "1":
        raise PtxError("only products with A in registers that are added to D are known")

    def run(warp: Warp, active: np.ndarray) -> None:
        if not active.all() or not warp.wgmma_fenced:
            raise PtxError("comes without wgmma.fence before it, or without some lanes")
        descriptors = set(int(x) for x in warp.get(instruction.operands[2]))
        if len(descriptors) != 1:
            raise PtxError("lanes have different matrix descriptors")
        words = np.stack([warp.get(x) for x in a], axis=1).astype(np.uint32).view(np.uint8).reshape(LANES, 4, 4)
        warp.products.append((warp.wgmma_group, d, words.astype(np.int64), descriptors.pop(), int(shape[4:-3])))
    return run


def _finish(warp: Warp, pending: int) -> None:
    """All products but those of the last `pending` groups."""
    lane = np.arange(LANES)
    g, t = lane // 4, lane % 4
    left_over = [product for product in warp.products if product[0] + pending >= warp.wgmma_group]
    for group, d, words, descriptor, columns in warp.products:
        if group + pending >= warp.wgmma_group:
            continue
        left = np.zeros((16, 32), np.int64)
        for i in range(16):
            left[np.where(i // 4 % 2 == 0, g, g + 8), 4 * t + i % 4 + (16 if i >= 8 else 0)] = words[:, i // 4, i % 4]
        product = left @ matrix_b(warp, descriptor, columns)
        for i, register in enumerate(d):
            total = product[g + 8 * (i // 2 % 2), i // 4 * 8 + 2 * t + i % 2] + warp.get(register).astype(np.int64)
            warp.set(register, (total & 0xFFFFFFFF).astype(np.uint64), np.ones(LANES, bool))
    warp.products = left_over


def _wgmma_control(instruction: Instruction) -> Step:
    def run(warp: Warp, active: np.ndarray) -> None:
        if instruction.opcode.startswith("wgmma.fence"):
            warp.wgmma_fenced = True
        elif instruction.opcode.startswith("wgmma.commit_group"):
            warp.wgmma_group += 1
        else:
            _finish(warp, int(instruction.operands[0]))
    return run


def _nothing(_: Instruction) -> Step:
    """Order that this interpreter keeps anyway, and register counts."""
    return lambda warp, active: None


ASYNCHRONOUS = {
    "mbarrier.init.shared": _init, "mbarrier.arrive.": _arrive, "mbarrier.try_wait.parity.shared": _try_wait,
    "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes": _bulk_copy,
    "wgmma.mma_async.sync.aligned.": _wgmma, "wgmma.fence": _wgmma_control, "wgmma.commit_group": _wgmma_control,
    "wgmma.wait_group": _wgmma_control, "fence.mbarrier_init": _nothing, "fence.proxy.async": _nothing,
    "fence.acq_rel.gpu": _nothing, "griddepcontrol.": _nothing, "setmaxnreg.": _nothing, "bar.warp.sync": _nothing}
