"""AMX, which Bochs is built without: its instructions raise #UD and are executed here.

Semantics as in Intel's instruction set reference: shapes come from the configuration that ldtilecfg loaded, shapes that
disagree are an error, rows beyond a shape are zero.
"""

import struct

REGISTERS = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split()
MASK = 2**64 - 1
NAMES = {  # (opcode, prefix)
    (0x49, 1): "sttilecfg",
    (0x49, 3): "tilezero",
    (0x4B, 1): "tileloaddt1",
    (0x4B, 2): "tilestored",
    (0x4B, 3): "tileloadd",
    (0x5E, 0): "tdpbuud",
    (0x5E, 1): "tdpbusd",
    (0x5E, 2): "tdpbsud",
    (0x5E, 3): "tdpbssd",
}


class Instruction:
    """The VEX encoding that fills `code`, or None where it is no tile instruction."""

    @staticmethod
    def decode(code, behind, cpu):
        if len(code) < 5 or code[0] != 0xC4 or code[1] & 31 != 2 or code[3] not in (0x49, 0x4B, 0x5E):
            return None
        i = Instruction()
        i.prefix, i.third = code[2] & 3, (~code[2] >> 3) & 15
        mode, i.first, i.second = code[4] >> 6, code[4] >> 3 & 7, code[4] & 7
        i.address = i.stride = None
        if mode != 3:
            length = i._memory(code, mode, behind, cpu)
        else:
            length = 5
        if length != len(code):
            return None
        i.name = NAMES.get((code[3], i.prefix)) or ("tilerelease" if mode == 3 else "ldtilecfg")
        return i

    def _memory(self, code, mode, behind, cpu):
        """Fills address and stride (the index register); the length that the encoding takes."""
        high_index, high_base = (~code[1] >> 6) & 1, (~code[1] >> 5) & 1
        base, self.stride, length = 0, 0, 5
        if self.second == 4:
            if len(code) < 6:
                return 0
            sib, length = code[5], 6
            index = sib >> 3 & 7 | high_index << 3
            if index != 4:
                self.stride = getattr(cpu, REGISTERS[index]) << (sib >> 6) & MASK
            if sib & 7 == 5 and mode == 0:
                mode = 2
            else:
                base = getattr(cpu, REGISTERS[sib & 7 | high_base << 3])
        elif self.second == 5 and mode == 0:
            base, mode = behind, 2
        else:
            base = getattr(cpu, REGISTERS[self.second | high_base << 3])
        bytes_of_offset = (0, 1, 4)[mode]
        offset = int.from_bytes(code[length : length + bytes_of_offset], "little", signed=True)
        self.address = (base + offset) & MASK
        return length + bytes_of_offset


class Tiles:
    def __init__(self):
        self.configuration, self.count = bytes(64), {}
        self._clear()

    def _clear(self):
        self.tiles = [bytearray(1024) for _ in range(8)]

    def _shape(self, tile):
        """(rows, bytes of a row)"""
        return self.configuration[48 + tile], struct.unpack_from("<H", self.configuration, 16 + 2 * tile)[0]

    def execute(self, machine, behind):
        """Executes the tile instruction that ends at `behind`; False where there is none."""
        for length in range(5, 12):
            try:
                code = machine.read(behind - length, length)
            except KeyError:  # the page before is not mapped
                continue
            if i := Instruction.decode(code, behind, machine.session.cpu):
                break
        else:
            return False
        self.count[i.name] = self.count.get(i.name, 0) + 1
        if machine.hits is not None:  # the fault came before the hook
            machine.hits.setdefault(behind - length, 0)
        if i.name in ("ldtilecfg", "tilerelease"):
            self.configuration = machine.read(i.address, 64) if i.name == "ldtilecfg" else bytes(64)
            self._clear()
        elif i.name == "sttilecfg":
            machine.write(i.address, self.configuration)
        elif i.name == "tilezero":
            self.tiles[i.first] = bytearray(1024)
        elif i.name.startswith("tdp"):
            self._multiply(i, behind)
        else:
            self._move(machine, i)
        return True

    def _move(self, machine, i):
        rows, size = self._shape(i.first)
        tile = self.tiles[i.first] if i.name == "tilestored" else bytearray(1024)
        for row in range(rows):
            address = (i.address + row * i.stride) & MASK
            if i.name == "tilestored":
                machine.write(address, tile[64 * row : 64 * row + size])
            else:
                tile[64 * row : 64 * row + size] = machine.read(address, size)
        self.tiles[i.first] = tile

    def _multiply(self, i, behind):
        rows, size = self._shape(i.first)
        depth = self._shape(i.second)[1] // 4
        if self._shape(i.second)[0] != rows or self._shape(i.third) != (depth, size):
            raise RuntimeError(
                f"{i.name} before {behind:#x}: shapes {[self._shape(t) for t in (i.first, i.second, i.third)]}"
            )
        a = self._bytes(i.second, i.name[4] == "s")
        b = self._bytes(i.third, i.name[5] == "s")
        sums = list(struct.unpack("<256i", self.tiles[i.first]))
        for row in range(rows):
            for column in range(size // 4):
                products = (
                    a[64 * row + 4 * k + j] * b[64 * k + 4 * column + j] for k in range(depth) for j in range(4)
                )
                sums[16 * row + column] += sum(products)
        # Rows and columns beyond the shape become zero.
        live = [[r < rows and c < size // 4 for c in range(16)] for r in range(16)]
        masked = (s & 0xFFFFFFFF if live[n // 16][n % 16] else 0 for n, s in enumerate(sums))
        self.tiles[i.first] = bytearray(struct.pack("<256I", *masked))

    def _bytes(self, tile, signed):
        return memoryview(bytes(self.tiles[tile])).cast("b" if signed else "B").tolist()
