"""A core that runs what a kernel executes: how much of its vector work hides behind its tile multiplies.

Counting (ports.py) says what work there is, and bounds it by its busiest port and by the sum of all; an AMX kernel lies
anywhere between, depending on what a core still sees when it waits, and on what its first-level cache still holds.
So this model has what decides that, of Intel's Golden Cove: micro-operations enter in order, six a cycle, while there
is room for them, start when operands and a port are ready, and leave in order. Branches are predicted, instructions
are there, memory is L1 or L2.

Sizes and latencies: Intel, "64 and IA-32 Architectures Optimization Reference Manual", chapters 2 and 20. One figure is
fitted: a line from L2 takes three cycles of the way to L1, so that the loop of benchmark/run that reloads tiles, half
of them from L2, comes out at the 0.65 to 0.70 of the register peak that it reached (docs/Performance.md). AMX kernels
of that machine and day then come out 1.08 to 1.19 times as fast as they were measured, VNNI kernels, which keep both
vector ports busy, 1.3 to 1.5 times: it compares kernels of one kind.
"""

import collections
import functools
import heapq
import re

from . import ports, walk

DISPATCH, RETIRE = 6, 8  # micro-operations a cycle
ENTRIES = {"reorder": 512, "loads": 192, "stores": 112, "scheduler": 200}
L1_BYTES, L1_WAYS, LINE = 48 << 10, 12, 64
L2_LINE, L2_LATENCY, FORWARD = 3, 14, 5  # cycles; FORWARD: from a store to a load of its line
TILE_ROWS, TILE_MULTIPLY, TILE_LATENCY, TILE_LOAD_LATENCY, CONFIGURE = 16, 16, 52, 30, 200

_VECTOR = ("0", "5")
_SCALAR = ("0", "1", "5", "6", "10")
_WIDE_LOAD, _LOAD, _STORE = ("2", "3"), ("2", "3", "11"), ("4",)
_REGISTER = re.compile(r"%(?:([xyz]mm|tmm|k)(\d+)|(\w+))")
_READS_RESULT = re.compile(
    r"vpdp|vf[mn]|tdp|add|sub|and(?!n)|or|xor|sh[lr]|sar|inc|dec|neg|not|imul|cmov|vpternlog|vperm[ti]2"
)
_SETS_FLAGS = re.compile(r"add|sub|cmp|inc|dec|neg|and|or|xor|test|sh[lr]|sar|imul|i?div|bzhi")
_LATENCY = ((re.compile(r"vpdp|vpm(add|ul)"), 5), (re.compile(r"vf|vcvt|vmul|vadd"), 4), (re.compile(r"vperm|vins"), 3))


class Operation:
    """An instruction as the core sees it: registers `read` and `written`, `ports` it may run on (none: it is a load, a
    store or a rename), cycles, micro-operations, lines loaded and stored."""

    def __init__(self, i):
        self.i, self.op = i, i.op
        self.memory = next((o for o in i.operands if "(" in o), None)
        if i.op.startswith(("lea", "nop")):
            self.memory = None
        tile = i.op.startswith("tile")
        self.loads, self.stores = (n * (TILE_ROWS if tile else 1) for n in ports.accesses(i))
        self.stores += i.op.startswith(("push", "call"))
        self.loads += i.op.startswith(("pop", "ret"))
        self.micro = 0 if i.op.startswith(("cmp", "test")) else 1  # fused with the jump behind
        if tile:
            self.micro = 8 if self.loads else TILE_ROWS if self.stores else 1
        self._registers()
        self._execution()

    def _registers(self):
        operands = self.i.operands
        read, written = [], []
        for operand in operands[:-1] + [o for o in operands[-1:] if "(" in o]:
            read += _registers(operand)
        if operands and "(" not in operands[-1]:
            plain, _, mask = operands[-1].partition("{")
            compares = self.op.startswith(("cmp", "test", "push")) or self.op[0] == "j"
            read += _registers(mask)
            if compares or len(operands) == 1 or _READS_RESULT.match(self.op) or "{%k" in operands[-1]:
                read += _registers(plain)
            if not compares:
                written += _registers(plain)
        if _SETS_FLAGS.match(self.op):
            written.append("flags")
        if re.match(r"j(?!mp)|set|cmov", self.op):
            read.append("flags")
        zero = ports.is_zero(self.i) or (self.op.startswith("xor") and len(set(operands)) == 1)
        if zero or self.op == "tilezero":
            read = []
        self.renamed = zero
        # Pushes and calls find the stack pointer without computing it.
        stack = self.op.startswith(("push", "pop", "call", "ret"))
        self.read, self.written = ([r for r in dict.fromkeys(x) if not (stack and r == "rsp")] for x in (read, written))

    def _execution(self):
        op, i = self.op, self.i
        self.ports, self.cycles, self.latency = (), 1, 0
        if op.startswith("tdp"):
            self.ports, self.cycles, self.latency = ("tile",), TILE_MULTIPLY, TILE_LATENCY
        elif op.startswith(("ldtilecfg", "tilerelease")):
            self.latency = CONFIGURE
        elif self.renamed or op.startswith(("tile", "prefetch", "nop", "data16", "vzeroupper")):
            pass
        elif op[0] == "v":
            from_scalar = bool(re.match(r"%[er]", i.operands[0]))
            if re.match(r"v(mov|p?broadcast)", op) and not from_scalar:
                return
            self.latency = next((cycles for pattern, cycles in _LATENCY if pattern.match(op)), 1)
            self.ports = _VECTOR if ports.width(i) == 512 else ("0", "1", "5")
            if ports.width(i) == 512 and ports.NOT_PORT_5.match(op):
                self.ports = ("0",)
            elif ports.width(i) == 512 and (from_scalar or ports.SHUFFLE.match(op)):
                self.ports = ("5",)
            if op == "vcvtph2ps":
                self.micro, self.latency = 2, 8
            elif op == "vpmulld":
                self.micro, self.latency = 2, 10
        elif op[0] == "k":
            self.ports, self.latency = ("0",), 3
        elif re.match(r"i?div", op):
            self.ports, self.cycles, self.latency = ("1",), 10, 18
        elif "mul" in op:
            self.ports, self.latency = ("1",), 3
        elif re.match(r"j|call|ret", op):
            self.ports, self.latency = ("0", "6"), 1
        elif not re.match(r"mov[lq]?\b", op):
            self.ports, self.latency = _SCALAR, 1


def _registers(operand):
    for vector, number, scalar in _REGISTER.findall(operand):
        if vector:
            yield ("t" if vector == "tmm" else "k" if vector == "k" else "v") + number
        elif scalar in walk.REGISTERS:
            yield walk.REGISTERS[scalar][0]


class Port:
    def __init__(self):
        self.after = {}  # a cycle that is taken: one that may be free

    def free(self, cycle, cycles=1):
        """The first cycle from `cycle` on that begins so many free ones."""
        first = self.next_free(cycle)
        while taken := next((c for c in range(first + 1, first + cycles) if c in self.after), None):
            first = self.next_free(taken)
        return first

    def next_free(self, cycle):
        passed = []
        while cycle in self.after:
            passed.append(cycle)
            cycle = self.after[cycle]
        for p in passed:
            self.after[p] = cycle
        return cycle

    def take(self, cycle, cycles):
        for c in range(cycle, cycle + cycles):
            self.after[c] = c + 1


class Queue:
    """Entries that are given back in order."""

    def __init__(self, size):
        self.size, self.used, self.leaving = size, 0, collections.deque()

    def room(self, n):
        """The cycle from which `n` more fit."""
        cycle = 0
        while self.used + n > self.size:
            cycle, freed = self.leaving.popleft()
            self.used -= freed
        return cycle

    def enter(self, n, until):
        if n:
            self.used += n
            self.leaving.append((until, n))


class Cache:
    def __init__(self, size=L1_BYTES, ways=L1_WAYS):
        self.ways, self.sets = ways, [collections.OrderedDict() for _ in range(size // LINE // ways)]

    def holds(self, line):
        """Whether the line is there, least recently used lines being dropped; it is afterwards."""
        lines = self.sets[line % len(self.sets)]
        if line in lines:
            lines.move_to_end(line)
            return True
        lines[line] = True
        if len(lines) > self.ways:
            lines.popitem(last=False)
        return False


class Core:
    def __init__(self):
        self.ports, self.l1 = collections.defaultdict(Port), Cache()
        self.ready, self.stored = collections.defaultdict(int), {}  # of a register; of a line
        self.queues = {name: Queue(size) for name, size in ENTRIES.items() if name != "scheduler"}
        self.waiting = []  # a heap of the cycles at which what is in the scheduler starts
        self.cycle = self.slots = self.retired = self.retiring = self.committed = self.misses = 0

    def run(self, trace):
        """Cycles of what walk.Walk.trace yields."""
        for i, address, stride in trace:
            self.step(operation(i), address, stride)
        return self.retired

    def start(self, among, cycle, cycles=1):
        """The first cycle from `cycle` on at which one of some ports is free; it is taken."""
        first, port = min((self.ports[p].free(cycle, cycles), n, p) for n, p in enumerate(among))[::2]
        self.ports[port].take(first, cycles)
        return first

    def dispatch(self, o):
        wanted = {"reorder": o.micro, "loads": o.loads, "stores": o.stores}
        rooms = [self.queues[name].room(n) for name, n in wanted.items()]
        if len(self.waiting) >= ENTRIES["scheduler"]:
            rooms.append(heapq.heappop(self.waiting))
        if max(rooms) > self.cycle:
            self.cycle, self.slots = max(rooms), 0
        while self.waiting and self.waiting[0] <= self.cycle:
            heapq.heappop(self.waiting)
        self.slots += o.micro
        self.cycle += (self.slots - 1) // DISPATCH if self.slots > DISPATCH else 0
        self.slots = (self.slots - 1) % DISPATCH + 1 if self.slots else 0

    def fetch(self, line, cycle, hit, miss):
        """When a load of a line that starts at `cycle` has its data."""
        if self.l1.holds(line):
            return cycle + hit
        self.misses += 1
        return max(cycle + hit, self.start(("l2",), cycle, L2_LINE) + L2_LINE + miss)

    def store(self, line, cycle):
        first = self.start(_STORE, cycle)
        self.stored[line] = first + FORWARD
        if not self.l1.holds(line):
            self.misses += 1
            self.start(("l2",), first, L2_LINE)  # loads wait for that; not modelled: stores that wait for it themselves
        return first

    def step(self, o, address, stride):
        self.dispatch(o)
        ready = max([self.cycle + 1] + [self.ready[r] for r in o.read])
        rows = range(max(o.loads, o.stores, 1))
        lines = [] if address is None else [(address + row * (stride or 0)) // LINE for row in rows]
        if o.op.startswith("prefetch"):
            began, done = self.prefetch(o, lines, ready)
        elif o.op.startswith("tileload"):
            began, done = self.load_tile(lines, ready)
        elif o.op == "tilestored":
            began, done = ready, max(self.store(line, ready) for line in lines) + 1
        else:
            began, done = self.execute(o, lines, ready)
        for r in o.written:
            self.ready[r] = done
        heapq.heappush(self.waiting, began)
        self.retire(o, done)

    # Each of these: when an operation whose operands are ready begins, and when it is done.

    def prefetch(self, o, lines, ready):
        began = self.start(_LOAD, ready)
        if o.op in ("prefetcht0", "prefetchnta"):
            self.l1.holds(lines[0])
        return began, began

    def load_tile(self, lines, ready):
        starts = [self.start(_WIDE_LOAD, ready) for _ in lines]
        miss = TILE_LOAD_LATENCY + 10
        return starts[-1], max(self.fetch(line, c, TILE_LOAD_LATENCY, miss) for line, c in zip(lines, starts))

    def execute(self, o, lines, ready):
        began = done = ready
        if o.loads and lines:
            began = self.start(_WIDE_LOAD if "%zmm" in o.i.text else _LOAD, ready)
            done = self.fetch(lines[0], began, 7 if o.op[0] == "v" else 5, L2_LATENCY)
            done = max(done, self.stored.get(lines[0], 0))
        if o.ports:
            began = done = self.start(o.ports, done, o.cycles)
        done += o.latency
        if o.stores and lines:
            done = max(done, self.store(lines[0], done))
        return began, done

    def retire(self, o, done):
        cycle = max(done, self.retired)
        self.retiring = self.retiring + o.micro if cycle == self.retired else o.micro
        if self.retiring > RETIRE:
            cycle, self.retiring = cycle + 1, 0
        self.retired = cycle
        self.queues["reorder"].enter(o.micro, cycle)
        self.queues["loads"].enter(o.loads, cycle)
        if o.stores:  # and a line a cycle goes to L1
            self.committed = max(self.committed, cycle) + o.stores
            self.queues["stores"].enter(o.stores, self.committed)


operation = functools.lru_cache(maxsize=None)(Operation)
