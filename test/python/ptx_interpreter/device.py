"""Launches: blocks one after the other, warps of a block in turn."""

from __future__ import annotations

import struct
from typing import Sequence

import numpy as np

from .asynchronous import Mbarrier, land
from .memory import GlobalMemory, SharedMemory
from .parse import Kernel, PtxError
from .warp import LANES, Warp, compile_instruction, is_together


class Block:
    def __init__(self, kernel: Kernel, code: list, memory: GlobalMemory, parameters: dict[str, int],
                 index: tuple[int, int, int], grid: tuple[int, int, int], threads: int, shared_bytes: int) -> None:
        self.kernel, self.code, self.memory, self.parameters = kernel, code, memory, parameters
        self.index, self.threads = index, threads
        self.shared = SharedMemory(kernel.static_shared + shared_bytes)
        self.mbarriers: dict[int, Mbarrier] = {}
        self.bulk_copies: list = []
        self.events = 0  # arrivals, waits that are over: without any, nobody can go on
        # Mbarriers order accesses too, which counting barriers cannot see: there the simulator looks for races.
        self.shared.tracks_races = not any(i.opcode.startswith("mbarrier") for i in kernel.instructions)
        self.special = {"%tid.x": 0, "%laneid": 0, "%ntid.x": threads, "%ctaid.x": index[0], "%ctaid.y": index[1],
                        "%ctaid.z": index[2], "%nctaid.x": grid[0], "%nctaid.y": grid[1], "%nctaid.z": grid[2]}
        self.warps = [Warp(self, i) for i in range(-(-threads // LANES))]

    def read(self, space: str, address: int, size: int, warp: Warp) -> np.ndarray:
        if address % size:
            raise PtxError(f"{size} bytes at {address:#x}, which is not a multiple of it")
        if space == "shared":
            return self.shared.read(address, size, warp.number)
        if space == "global":
            return self.memory.read(address, size)
        raise PtxError(f"address space '{space}' is unknown to this interpreter")

    def write(self, space: str, address: int, value: np.ndarray, warp: Warp) -> None:
        if address % value.size:
            raise PtxError(f"{value.size} bytes at {address:#x}, which is not a multiple of it")
        if space == "shared":
            self.shared.write(address, value, warp.number)
        elif space == "global":
            self.memory.write(address, value)
        else:
            raise PtxError(f"address space '{space}' is unknown to this interpreter")

    def atomic(self, space: str, address: int, warp: Warp) -> np.ndarray:
        """Four bytes to change in place; atomics need no order among themselves."""
        if address % 4 or space not in ("global", "shared"):
            raise PtxError(f"an atomic at {space} address {address:#x}")
        return self.memory.at(address, 4) if space == "global" else self.shared.atomic(address, warp.number)

    def _release(self) -> bool:
        """Ends every barrier that is complete; whether there was one."""
        released = False
        for barrier in {w.waiting for w in self.warps if w.waiting}:
            there = [w for w in self.warps if w.waiting == barrier]
            gone = sum(LANES for w in self.warps if not w.alive.any()) if barrier[1] == self.threads else 0
            if LANES * len(there) + gone >= barrier[1]:
                released = True
                self.shared.epoch += 1
                for warp in there:
                    warp.waiting = None
        return released

    def run(self) -> None:
        while any(w.alive.any() for w in self.warps):
            events = self.events
            # Each as far as it can: where a barrier is missing, it gets too far. The last first, because kernels
            # prepare things in their first warp.
            for warp in reversed(self.warps):
                warp.polling = False
                ran = warp.alive.any() and not warp.waiting
                while warp.alive.any() and not warp.waiting and not warp.polling:
                    warp.step()
                self.events += bool(ran and not warp.polling)
            if not self._release() and events == self.events and not land(self):
                raise PtxError(f"block {self.index}: deadlock")
        if self.bulk_copies:
            raise PtxError(f"block {self.index} exits with bulk copies that nobody waited for")


class Device:
    """Kernels of one module, and memory."""

    def __init__(self, kernels: dict[str, Kernel]) -> None:
        self.kernels, self.memory = kernels, GlobalMemory()

    def launch(self, name: str, grid: Sequence[int], threads: int, shared_bytes: int,
               arguments: Sequence[int | float], backwards: bool = False) -> None:
        """Arguments: addresses of `memory.add` (0: null), integers, or floats for .f32 parameters. A device promises no
        order of blocks: `backwards` runs the last one first."""
        kernel = self.kernels[name]
        if kernel.threads and kernel.threads != threads:
            raise PtxError(f"'{name}' needs {kernel.threads} threads, launched with {threads}")
        if len(arguments) != len(kernel.parameters):
            raise PtxError(f"'{name}' has {len(kernel.parameters)} parameters, launched with {len(arguments)}")
        parameters = {}
        for (kind, parameter), value in zip(kernel.parameters, arguments):
            if kind == ".f32":
                value = struct.unpack("<I", struct.pack("<f", value))[0]
            parameters[parameter] = int(value) & (1 << 64) - 1 if kind == ".u64" else int(value) & 0xFFFFFFFF
        code = [(i, compile_instruction(i), is_together(i)) for i in kernel.instructions]
        size = (*grid, 1)[:3]
        blocks = [(x, y, z) for z in range(size[2]) for y in range(size[1]) for x in range(size[0])]
        for index in reversed(blocks) if backwards else blocks:
            Block(kernel, code, self.memory, parameters, index, size, threads, shared_bytes).run()
