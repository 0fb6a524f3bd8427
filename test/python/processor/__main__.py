"""usage: python -m processor < JSON: {"elf", "address", "arguments", "model", "xcr0", "count", "amx_cpuid",
"memory": [[address, size]], "words": [[address, value]]} -> {"result", "tiles", "hits"}"""

import json
import struct
import sys

from . import bochs


def add_amx(session, rip):
    """CPUID leaf 7 of the emulated Sapphire Rapids, with the AMX bits that Bochs leaves out."""
    try:
        code = machine.read(rip - 2, 2)
    except KeyError:
        return
    cpu = session.cpu
    if code == b"\x0f\xa2" and cpu.rbx >> 16 & 1 and cpu.rcx >> 11 & 1 and cpu.rbx >> 5 & 1:
        cpu.rdx = cpu.rdx | 1 << 22 | 3 << 24  # BF16, TILE, INT8


o = json.load(sys.stdin)
machine = bochs.Machine(
    o["elf"],
    o.get("model", "sapphire_rapids"),
    o.get("xcr0", 0x600E7),
    o.get("count", False),
    add_amx if o.get("amx_cpuid") else None,
)
for address, size in o.get("memory", []):
    machine.map(address, size)
for address, value in o.get("words", []):
    machine.write(address, struct.pack("<Q", value))
result = machine.call(o["address"], *o.get("arguments", []))
print(json.dumps({"result": result & 0xFFFFFFFF, "tiles": machine.tiles.count, "hits": machine.hits}))
