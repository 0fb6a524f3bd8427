"""Global and shared memory, with everything one may do wrong there."""

from __future__ import annotations

import numpy as np

from .parse import PtxError

GRANULE = 4


class GlobalMemory:
    """Arrays at addresses that do not touch."""

    def __init__(self) -> None:
        self.arrays: list[tuple[int, np.ndarray, bool]] = []
        self.next = 0x7000_0000_0000

    def add(self, array: np.ndarray, writable: bool) -> int:
        """The device's address of `array`, whose bytes kernels then read and write in place."""
        address, data = self.next, array.reshape(-1).view(np.uint8)
        self.arrays.append((address, data, writable))
        self.next += (data.size + 0x1FFF) & ~0xFFF
        return address

    def _find(self, address: int, size: int, write: bool) -> tuple[np.ndarray, int]:
        for base, data, writable in self.arrays:
            if base <= address < base + max(data.size, 1):
                if address + size > base + data.size:
                    raise PtxError(f"{size} bytes at offset {address - base} of an array of {data.size}")
                if write and not writable:
                    raise PtxError("a write to an input")
                return data, address - base
        raise PtxError(f"{size} bytes at {address:#x}, which is in no array")

    def read(self, address: int, size: int) -> np.ndarray:
        data, at = self._find(address, size, False)
        return data[at:at + size]

    def at(self, address: int, size: int) -> np.ndarray:
        """Bytes to change in place."""
        data, at = self._find(address, size, True)
        return data[at:at + size]

    def write(self, address: int, value: np.ndarray) -> None:
        data, at = self._find(address, value.size, True)
        data[at:at + value.size] = value


class SharedMemory:
    """One block's. `epoch` counts barriers: two warps may not use the same bytes in one epoch, one of them writing."""

    def __init__(self, size: int) -> None:
        self.data = np.full(size, 0x55, np.uint8)
        granules = size // GRANULE + 1
        self.in_flight = np.zeros(granules, bool)
        self.writer = np.full((granules, 2), -1)  # epoch, warp
        self.reader_epoch = np.full(granules, -1)
        self.readers = np.zeros(granules, np.uint64)
        self.adder_epoch = np.full(granules, -1)
        self.adders = np.zeros(granules, np.uint64)  # warps with atomics, which need no order among themselves
        self.epoch = 0
        self.tracks_races = True

    def _granules(self, address: int, size: int) -> slice:
        if address < 0 or address + size > self.data.size:
            raise PtxError(f"{size} bytes at offset {address} of {self.data.size} of shared memory")
        granules = slice(address // GRANULE, (address + size - 1) // GRANULE + 1)
        if self.in_flight[granules].any():
            raise PtxError(f"shared offset {address} while an asynchronous copy to it is on its way")
        return granules

    def _others(self, epochs: np.ndarray, warps: np.ndarray, granules: slice, warp: int) -> bool:
        """Whether another warp stands among `warps` in this epoch."""
        return bool(((epochs[granules] == self.epoch) & ((warps[granules] & ~np.uint64(1 << warp)) != 0)).any())

    def _note(self, epochs: np.ndarray, warps: np.ndarray, granules: slice, warp: int) -> None:
        warps[granules] = np.where(epochs[granules] != self.epoch, 0, warps[granules]) | np.uint64(1 << warp)
        epochs[granules] = self.epoch

    def read(self, address: int, size: int, warp: int) -> np.ndarray:
        granules = self._granules(address, size)
        if not self.tracks_races:
            return self.data[address:address + size]
        if self._others(self.adder_epoch, self.adders, granules, warp):
            raise PtxError(f"shared offset {address} was added to by another warp with no barrier between")
        writer = self.writer[granules]
        if ((writer[:, 0] == self.epoch) & (writer[:, 1] != warp)).any():
            raise PtxError(f"shared offset {address} was written by another warp with no barrier between")
        self._note(self.reader_epoch, self.readers, granules, warp)
        return self.data[address:address + size]

    def claim(self, address: int, size: int, warp: int, value: np.ndarray | None) -> None:
        """That `warp` may write there; `value` where it is known: surplus threads repeat what others write."""
        granules = self._granules(address, size)
        if not self.tracks_races:
            return
        if (self._others(self.reader_epoch, self.readers, granules, warp)
                or self._others(self.adder_epoch, self.adders, granules, warp)):
            raise PtxError(f"shared offset {address} was used by another warp with no barrier between")
        writer = self.writer[granules]
        same = value is not None and np.array_equal(self.data[address:address + size], value)
        if not same and ((writer[:, 0] == self.epoch) & (writer[:, 1] != warp)).any():
            raise PtxError(f"shared offset {address} was written by another warp with no barrier between")
        self.writer[granules] = self.epoch, warp

    def write(self, address: int, value: np.ndarray, warp: int) -> None:
        self.claim(address, value.size, warp, value)
        self.data[address:address + value.size] = value

    def atomic(self, address: int, warp: int) -> np.ndarray:
        """Four bytes to change in place."""
        granules = self._granules(address, 4)
        epoch, writer = self.writer[granules][0]
        if self.tracks_races and (epoch == self.epoch and writer != warp
                                  or self._others(self.reader_epoch, self.readers, granules, warp)):
            raise PtxError(f"shared offset {address} was used by another warp with no barrier before an atomic")
        self._note(self.adder_epoch, self.adders, granules, warp)
        return self.data[address:address + 4]

    def mark(self, address: int, size: int, on: bool) -> None:
        """Bytes that a copy will overwrite are rubbish until it lands."""
        self.in_flight[address // GRANULE:(address + size - 1) // GRANULE + 1] = on
        if on:
            self.data[address:address + size] = 0xAA
