"""A processor with memory, nothing else: no system calls, no devices. Code has to be freestanding.

About 60 million instructions a second; a tenth of that while counting.
"""

import ctypes
import struct
import subprocess
import tempfile

PAGE = 4096
STOP, STACK, STACK_BYTES = 0x7000_0000, 0x7100_0000, 1 << 20
ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")

# The wheel wants two names of glibc 2.38; older systems have what they stand for.
_SHIM = """
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
unsigned long long __isoc23_strtoull(const char *s, char **e, int b) { return strtoull(s, e, b); }
int __isoc23_sscanf(const char *s, const char *f, ...) {
  va_list a;
  va_start(a, f);
  int r = vsscanf(s, f, a);
  va_end(a);
  return r;
}
"""


def _load():
    if not hasattr(ctypes.CDLL(None), "__isoc23_sscanf"):
        with tempfile.NamedTemporaryFile(suffix=".so") as library:
            command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library.name]
            subprocess.run(command, input=_SHIM.encode(), check=True)
            ctypes.CDLL(library.name, mode=ctypes.RTLD_GLOBAL)
    import bochscpu
    import bochscpu.cpu
    import bochscpu.memory

    return bochscpu


bochscpu = _load()
from .tiles import Tiles  # noqa: E402


def set_model(name):
    """Which processor CPUID describes. The package fixes one without VNNI, but its library has the others: the function
    that describes the former becomes a jump to the one wanted."""
    import bochscpu._bochscpu as extension

    library = ctypes.CDLL(extension.__file__)

    def address(model):
        function = f"create_{model}_cpuid"
        return ctypes.cast(getattr(library, f"_Z{len(function)}{function}P8BX_CPU_C"), ctypes.c_void_p).value

    fixed, wanted = address("corei3_cnl"), address(name)
    if ctypes.CDLL(None).mprotect(ctypes.c_void_p(fixed & -PAGE), ctypes.c_size_t(2 * PAGE), 7):
        raise OSError("cannot make the processor's description writable")
    ctypes.memmove(fixed, b"\x48\xb8" + struct.pack("<Q", wanted) + b"\xff\xe0", 12)  # mov rax, wanted; jmp rax


class Fault(Exception):
    pass


class Machine:
    """`after`: called with (session, rip) behind each instruction. `count`: {address: executions} in `hits`."""

    def __init__(self, elf, model="sapphire_rapids", xcr0=0x600E7, count=False, after=None):
        set_model(model)
        self.xcr0, self.after, self.hits = xcr0, after, {} if count else None
        self.pages, self.next_physical, self.table = {}, 0x1000_0000, bochscpu.memory.PageMapLevel4Table()
        self.tiles, self.last = Tiles(), None
        for address, data, size in _segments(elf):
            self.map(address, size)
            self.write(address, data)

    def map(self, address, size):
        for page in range(address & -PAGE, address + size, PAGE):
            if page not in self.pages:
                self.pages[page] = bochscpu.memory.allocate_host_page()
                bochscpu.memory.page_insert(self.next_physical, self.pages[page])
                self.table.insert(page, self.next_physical, 1)
                self.next_physical += PAGE

    def write(self, address, data):
        while data:
            page, n = address & -PAGE, min(PAGE - address % PAGE, len(data))
            ctypes.memmove(self.pages[page] + address % PAGE, bytes(data[:n]), n)
            address, data = address + n, data[n:]

    def read(self, address, size):
        data = b""
        while size:
            page, n = address & -PAGE, min(PAGE - address % PAGE, size)
            data += ctypes.string_at(self.pages[page] + address % PAGE, n)
            address, size = address + n, size - n
        return data

    def call(self, function, *arguments):
        """%rax when the function returns."""
        self.map(STOP, 1)
        self.write(STOP, b"\xf4")  # hlt
        self.map(STACK, STACK_BYTES)
        stack = STACK + STACK_BYTES - PAGE - 8
        self.write(stack, struct.pack("<Q", STOP))
        self.session = session = bochscpu.Session()
        session.missing_page_handler = self._missing
        root = 0x10_0000
        for host, physical in self.table.commit(root):
            bochscpu.memory.page_insert(physical, host)
        session.cpu.state = self._state(root, stack, function, arguments)
        hook = self._hook()
        while True:
            self.fault = None
            session.run([hook])
            if self.fault and self.fault[0] == 6 and self.tiles.execute(self, self.fault[1]):
                session.cpu.rip = self.fault[1]  # #UD on a tile instruction: done, go on behind it
                continue
            if self.fault:
                raise Fault("exception %d before %#x" % self.fault)
            return session.cpu.rax

    @staticmethod
    def _missing(physical):
        raise Fault(f"no memory at physical {physical:#x}")

    def _state(self, root, stack, function, arguments):
        state = bochscpu.State()
        bochscpu.cpu.set_long_mode(state)
        state.cr3 = root
        state.cr0 |= 0x80010033  # PG WP NE ET MP PE
        state.cr4 |= 0x40620  # OSXSAVE OSXMMEXCPT OSFXSR PAE
        state.xcr0, state.mxcsr, state.mxcsr_mask = self.xcr0, 0x1F80, 0xFFFF
        state.rsp, state.rip, state.rflags = stack, function, 2
        for register, value in zip(ARGUMENTS, arguments):
            setattr(state, register, value)
        for name, selector, attributes in (
            ("cs", 0x08, 0x209B),
            *((n, 0x10, 0xC93) for n in ("ds", "ss", "es", "fs", "gs")),
        ):
            segment = bochscpu.Segment()
            segment.present, segment.selector, segment.base, segment.limit = True, selector, 0, 0xFFFFFFFF
            segment.attr = attributes
            setattr(state, name, segment)
        return state

    def _hook(self):
        hook = bochscpu.Hook()
        hook.exception, hook.hlt = self._exception, lambda session, cpu: session.stop()
        if self.hits is not None:
            hook.before_execution = self._before
        if self.after:
            hook.after_execution = lambda session, cpu, instruction: self.after(session, session.cpu.rip)
        return hook

    def _exception(self, session, cpu, vector, error):
        if self.fault is None:
            self.fault = (int(getattr(vector, "value", vector)), session.cpu.rip)
        session.stop()

    def _before(self, session, cpu, instruction):
        rip = session.cpu.rip
        if rip != self.last:  # Bochs also reports the end of a trace, at the next instruction
            self.hits[rip] = self.hits.get(rip, 0) + 1
            self.last = rip


def _segments(elf):
    with open(elf, "rb") as file:
        data = file.read()
    offset, (size, number) = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<HH", data, 54)
    for i in range(number):
        kind, _, at, address, _, in_file, in_memory, _ = struct.unpack_from("<IIQQQQQQ", data, offset + i * size)
        if kind == 1:  # PT_LOAD
            yield address, data[at : at + in_file], in_memory
