"""How often each instruction of a kernel runs, without the processor that has it.

What a kernel does next depends on sizes alone, and sizes live in scalar registers: scalar instructions are executed
here, vector and tile instructions only counted. A processor emulator would count the same (test_emulated_processor.py
compares), but is a package that not every machine has; the table must not depend on it.
"""

import collections
import re

MASK = {8: 0xFF, 16: 0xFFFF, 32: 0xFFFFFFFF, 64: 2**64 - 1}
SUFFIX = {"b": 8, "w": 16, "l": 32, "q": 64}
STACK_TOP, RETURN = 0x7FFF_F000_0000, 0xDEAD_0000
NAMES = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split()


def _registers():
    """Every name of every register: (64-bit register, bits)."""
    table = {n: (n, 64) for n in NAMES}
    for n in NAMES[:8]:
        low = n[1:] if n[1] in "sbd" and n[2] in "pi" else n[1]
        table |= {"e" + n[1:]: (n, 32), n[1:]: (n, 16), low + "l": (n, 8)}
    for n in NAMES[8:]:
        table |= {n + "d": (n, 32), n + "w": (n, 16), n + "b": (n, 8)}
    return table


REGISTERS = _registers()
# A condition in terms of the last result: s its exact signed value, c its carry, r its bits.
CONDITIONS = {
    "e": lambda s, c, r: r == 0,
    "ne": lambda s, c, r: r != 0,
    "l": lambda s, c, r: s < 0,
    "le": lambda s, c, r: s <= 0,
    "g": lambda s, c, r: s > 0,
    "ge": lambda s, c, r: s >= 0,
    "s": lambda s, c, r: s < 0,
    "ns": lambda s, c, r: s >= 0,
    "b": lambda s, c, r: c,
    "ae": lambda s, c, r: not c,
    "be": lambda s, c, r: c or r == 0,
    "a": lambda s, c, r: not c and r != 0,
}


def signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


class Walk:
    def __init__(self, program):
        self.code = {i.address: i for f in program.functions.values() for i in f}
        self.next = {
            a: b for f in program.functions.values() for a, b in zip(*[[i.address for i in f][k:] for k in (0, 1)])
        }
        self.segments = program.segments
        self.blocks, self.steps = {}, {}

    def count(self, function, arguments, memory):
        """Calls the function at an address with up to six integers; {address of an instruction: executions}.

        `memory` maps addresses of 8-byte fields to values. What nobody wrote reads as zero: it is data."""
        self.enter(function, arguments, memory)
        blocks = collections.Counter()
        while self.rip != RETURN:
            start = self.rip
            blocks[start] += 1
            if start not in self.blocks:
                self.blocks[start] = self.decode(start)
            _, steps, self.rip = self.blocks[start]
            for step, operands, bits in steps:
                step(self, operands, bits)
        hits = collections.Counter()
        for start, times in blocks.items():
            for address in self.blocks[start][0]:
                hits[address] += times
        return hits

    def trace(self, function, arguments, memory):
        """The same, instruction by instruction: (instruction, address that it reads or writes, bytes between the rows
        of a tile), None where there is none."""
        self.enter(function, arguments, memory)
        while self.rip != RETURN:
            i, behind = self.code[self.rip], self.next.get(self.rip)
            if i.address not in self.steps:
                self.steps[i.address] = _step(i, behind)
            yield i, *self.access(i)
            self.rip = behind
            if step := self.steps[i.address]:
                step[0](self, *step[1:])

    def enter(self, function, arguments, memory):
        self.memory, self.flags = dict(memory), (0, False, 0)
        self.r = dict.fromkeys(NAMES, 0) | dict(zip(("rdi", "rsi", "rdx", "rcx", "r8", "r9"), arguments))
        self.r["rsp"] = STACK_TOP
        self.push(RETURN)
        self.rip = function

    def access(self, i):
        if i.op.startswith(("push", "call")):
            return self.r["rsp"] - 8, None
        if i.op.startswith(("pop", "ret")):
            return self.r["rsp"], None
        operand = next((o.partition("{")[0] for o in i.operands if "(" in o), None)
        if not operand or i.op.startswith(("lea", "nop")) or operand.endswith("(%rip)"):
            return None, None
        if not i.op.startswith("tile"):
            return self.address(operand), None
        base, rows = re.fullmatch(r"(.*),(%\w+(?:,\d)?)\)", operand).groups()
        return self.address(base + ")"), self.address(f"(,{rows})")

    def decode(self, address):
        """(addresses, scalar steps, address behind) of the straight line of code from here."""
        addresses, steps = [], []
        while True:
            i = self.code[address]
            addresses.append(address)
            step = _step(i, self.next.get(address))
            if step:
                steps.append(step)
            if i.op[0] == "j" or i.op in ("retq", "callq"):
                return addresses, steps, self.next.get(address)
            address = self.next[address]

    # Operands ---------------------------------------------------------------------------------------------------

    def address(self, operand):
        segment = re.fullmatch(r"(-?\w*)\((%\w+)?(?:,(%\w+)?(?:,(\d))?)?\)", operand)
        if not segment:
            raise ValueError(f"address {operand}")
        offset, base, index, scale = segment.groups()
        value = int(offset, 0) if offset else 0
        value += self.r[base[1:]] if base else 0
        value += self.r[index[1:]] * int(scale or 1) if index else 0
        return value & MASK[64]

    def read(self, operand, bits):
        if operand[0] == "$":
            return int(operand[1:], 0) & MASK[bits]
        if operand[0] == "%":
            return self.r[REGISTERS[operand[1:]][0]] & MASK[bits]
        return self.load(self.address(operand), bits)

    def write(self, operand, value, bits):
        value &= MASK[bits]
        if operand[0] != "%":
            self.memory[self.address(operand)] = value
            return
        name = REGISTERS[operand[1:]][0]
        self.r[name] = value if bits >= 32 else self.r[name] & ~MASK[bits] | value

    def load(self, address, bits):
        if address in self.memory:
            return self.memory[address] & MASK[bits]
        for base, data in self.segments:  # jump tables
            if base <= address < base + len(data):
                return int.from_bytes(data[address - base : address - base + bits // 8], "little")
        return 0

    def push(self, value):
        self.r["rsp"] -= 8
        self.memory[self.r["rsp"]] = value

    def pop(self):
        self.r["rsp"] += 8
        return self.memory[self.r["rsp"] - 8]

    # Instructions -----------------------------------------------------------------------------------------------

    def result(self, exact, carry, bits):
        value = exact & MASK[bits]
        self.flags = (exact, carry, value)
        return value

    def add(self, o, bits):
        a, b = self.read(o[0], bits), self.read(o[-1], bits)
        self.write(o[-1], self.result(signed(a, bits) + signed(b, bits), a + b > MASK[bits], bits), bits)

    def compare(self, o, bits):
        a, b = self.read(o[1], bits), self.read(o[0], bits)
        return self.result(signed(a, bits) - signed(b, bits), a < b, bits)

    def sub(self, o, bits):
        self.write(o[1], self.compare(o, bits), bits)

    def one(self, by):
        def step(self, o, bits):
            exact = signed(self.read(o[0], bits), bits) + by
            self.write(o[0], self.result(exact, self.flags[1], bits), bits)

        return step

    def negate(self, o, bits):
        value = self.read(o[0], bits)
        self.write(o[0], self.result(-signed(value, bits), value != 0, bits), bits)

    def logic(operation, keep=True):
        def step(self, o, bits):
            value = operation(self.read(o[0], bits), self.read(o[1], bits))
            self.result(signed(value, bits), False, bits)
            if keep:
                self.write(o[1], value, bits)

        return step

    def shift(operation):
        def step(self, o, bits):
            by = self.read(o[0], 8) & (63 if bits == 64 else 31) if len(o) > 1 else 1
            value = operation(self.read(o[-1], bits), by, bits) & MASK[bits]
            self.result(signed(value, bits), False, bits)
            self.write(o[-1], value, bits)

        return step

    def multiply(self, o, bits):
        a, b = (signed(self.read(x, bits), bits) for x in (o[0], o[min(1, len(o) - 1)]))
        self.write(o[-1], self.result(a * b, False, bits), bits)

    def multiply_wide(self, o, bits):  # mulx source, low, high: of %rdx, flags untouched
        product = self.read("%rdx", bits) * self.read(o[0], bits)
        self.write(o[1], product, bits)
        self.write(o[2], product >> bits, bits)

    def divide(self, o, bits):
        value = self.read("%rdx", bits) << bits | self.read("%rax", bits)
        quotient, rest = divmod(value, self.read(o[0], bits))
        self.write("%rax", quotient, bits)
        self.write("%rdx", rest, bits)

    def divide_signed(self, o, bits):
        value = signed(self.read("%rdx", bits) << bits | self.read("%rax", bits), 2 * bits)
        by = signed(self.read(o[0], bits), bits)
        quotient = abs(value) // abs(by) * (1 if (value < 0) == (by < 0) else -1)
        self.write("%rax", quotient, bits)
        self.write("%rdx", value - quotient * by, bits)

    def extend_accumulator(self, o, bits):
        self.write("%rdx", MASK[bits] if self.read("%rax", bits) >> (bits - 1) else 0, bits)

    def move(self, o, bits):
        self.write(o[1], self.read(o[0], bits), bits)

    def invert(self, o, bits):
        self.write(o[0], ~self.read(o[0], bits), bits)

    def extend(source_bits, sign):
        def step(self, o, bits):
            value = self.read(o[0], source_bits)
            self.write(o[1], signed(value, source_bits) if sign else value, bits)

        return step

    def zero_high(self, o, bits):  # bzhi count, source, result
        count = self.read(o[0], 8)
        value = self.read(o[1], bits) & ((1 << min(count, bits)) - 1)
        self.write(o[2], self.result(signed(value, bits), count >= bits, bits), bits)

    def and_not(self, o, bits):  # andn source, inverted source, result
        value = self.read(o[0], bits) & ~self.read(o[1], bits)
        self.write(o[2], self.result(signed(value, bits), False, bits), bits)

    def effective_address(self, o, bits):
        self.write(o[1], self.address(o[0]), bits)

    def holds(condition, step):
        def guarded(self, o, bits):
            if condition(*self.flags):
                step(self, o, bits)

        return guarded

    def set_if(condition):
        def step(self, o, bits):
            self.write(o[0], int(condition(*self.flags)), 8)

        return step

    def jump(self, o, bits):
        self.rip = o[0] if isinstance(o[0], int) else self.read(o[0][1:], 64)

    def call(self, o, bits):
        self.push(self.rip)
        self.rip = o[0]

    def leave(self, o, bits):
        self.rip = self.pop()

    STEPS = {
        "add": add,
        "sub": sub,
        "cmp": compare,
        "inc": one(None, 1),
        "dec": one(None, -1),
        "neg": negate,
        "not": invert,
        "and": logic(lambda a, b: a & b),
        "or": logic(lambda a, b: a | b),
        "xor": logic(lambda a, b: a ^ b),
        "test": logic(lambda a, b: a & b, keep=False),
        "shl": shift(lambda v, n, bits: v << n),
        "shr": shift(lambda v, n, bits: v >> n),
        "sar": shift(lambda v, n, bits: signed(v, bits) >> n),
        "imul": multiply,
        "mulx": multiply_wide,
        "div": divide,
        "idiv": divide_signed,
        "mov": move,
        "movabs": move,
        "bzhi": zero_high,
        "andn": and_not,
        "lea": effective_address,
        "push": lambda self, o, bits: self.push(self.read(o[0], 64)),
        "pop": lambda self, o, bits: self.write(o[0], self.pop(), 64),
    }
    WHOLE = {  # mnemonics that are not a stem and one size suffix
        "movslq": (extend(32, True), 64),
        "movzbl": (extend(8, False), 32),
        "movzwl": (extend(16, False), 32),
        "movsbl": (extend(8, True), 32),
        "movsbq": (extend(8, True), 64),
        "movzbq": (extend(8, False), 64),
        "cqto": (extend_accumulator, 64),
        "cltd": (extend_accumulator, 32),
        "jmp": (jump, 64),
        "jmpq": (jump, 64),
        "callq": (call, 64),
        "retq": (leave, 64),
    }
    for _name, _condition in CONDITIONS.items():
        WHOLE["j" + _name] = (holds(_condition, jump), 64)
        WHOLE["set" + _name] = (set_if(_condition), 8)
        STEPS["cmov" + _name] = holds(_condition, move)


# Not scalar, or without effect on sizes. A kernel that read a size back from a vector would fail the comparison with
# the emulated processor.
_COUNTED = re.compile(
    r"v(?!.*%[er](?:[a-d]x|[sd]i|[sb]p|\d+)\w?$)|k\w+|tile|tdp|ldtile|sttile|prefetch|nop|data16|cs$|ud2|int3"
)


def _step(i, behind):
    """(function, operands, bits) of a scalar instruction, None of any other; `behind` it is what %rip stands for."""
    if _COUNTED.match(i.op) and not (i.op[0] == "v" and _COUNTED.match(i.text) is None):
        return None
    operands = [i.target] if i.target is not None else i.operands
    operands = [f"{int(o[:-6] or '0', 0) + behind}()" if str(o).endswith("(%rip)") else o for o in operands]
    if i.op in Walk.WHOLE:
        return Walk.WHOLE[i.op][0], operands, Walk.WHOLE[i.op][1]
    stem, bits = i.op[:-1], SUFFIX.get(i.op[-1])
    if i.op == "movabsq":
        stem = "movabs"
    if stem not in Walk.STEPS or not bits:
        raise SystemExit(
            f"benchmark/static: {i.address:#x}: do not know '{i.text}'; teach benchmark/static_cost/walk.py"
        )
    return Walk.STEPS[stem], operands, bits
