"""Instructions that ran, against a small table of execution ports.

A server core of Intel's Golden Cove family (sapphirerapids): 512-bit vectors on ports 0 and 5, 256-bit ones also on
port 1, multiplies of these not on 5; 512-bit shifts not on 5, shuffles not on 0; two loads (three of 256 bits) and one
store of 512 bits (two of 256) a cycle; six micro-operations a cycle; a tile multiply takes 16 cycles, a tile load 16
loads, a tile store 16 stores. Latencies, caches beyond L1 and clock frequency are not modelled. vpmulld, two micro-
operations there, counts as one here, as in the hand-written kernels whose figures became the limits; the model of
core.py charges both.

Two bounds as shares of the register peak of the tier's dot product: "best overlap" lets everything run beside
everything else (the busiest port decides), "no overlap" adds up vector, load, store and tile time.
"""

import collections
import re

# Dot products: bytes multiplied by one instruction.
DOT = re.compile(r"vpdpbusd|vpmaddubsw|tdpb")
_NOT_EXECUTED = re.compile(r"v(mov|p?broadcast|zeroupper)")  # moves are loads, stores or renamed
SHUFFLE = re.compile(r"vperm|vpshuf|vpunpck|vshuf|vpmovzx|vpmovsx|vpmov[dqw]|vinsert|vextract|vpack|vcvtph2ps")
NOT_PORT_5 = re.compile(r"vps[rl]l|vpsra")
_MULTIPLY = re.compile(r"vpdpbusd|vpm(add|ul)|vf[mn]|vmul|vcvt|vps[rl]l|vpsra")
_STORE = re.compile(r"v?mov|vpmov|vextract|tilestored")
_NO_ACCESS = re.compile(r"lea|nop|data16")


def is_dot(i):
    return bool(DOT.match(i.op))


def width(i):
    return 512 if "%zmm" in i.text else 256 if "%ymm" in i.text else 128


def accesses(i):
    """(loads, stores): operands in memory, prefetches included."""
    if "(" not in i.text or _NO_ACCESS.match(i.op):
        return 0, 0
    store = i.operands[-1][-1] == ")" and len(i.operands) > 1 and _STORE.match(i.op)
    return (0, 1) if store else (1, 0)


def on_stack(i):
    """%rsp only: without a frame pointer %rbp is a general register."""
    return any(accesses(i)) and re.search(r"\(%rsp[,)]", i.text) is not None


def _vector(h, i, n):
    """Cycles of the ports that vector instructions share."""
    ports = 2 if width(i) == 512 else 3
    h["vector_uops"] += n
    h["any"] += n / ports
    if width(i) < 512:
        h["multiply" if _MULTIPLY.match(i.op) else "shuffle" if SHUFFLE.match(i.op) else "other"] += n / 2
    elif NOT_PORT_5.match(i.op):
        h["port0"] += n
    elif SHUFFLE.match(i.op):
        h["port5"] += n
    if i.op == "vcvtph2ps":  # a shuffle and a conversion
        h["vector_uops"] += n
        h["any"] += n / ports


def count(hits, code):
    """Sums over {address: executions}: instructions, dots, cycles of each kind of port."""
    h = collections.Counter()
    for address, n in hits.items():
        i = code[address]
        loads, stores = accesses(i)
        tile = i.op.startswith("tile")
        h["instructions"] += n
        h["uops"] += n * (16 if i.op.startswith("tileload") else 32 if i.op == "tilestored" else 1)
        h["loads"] += n * loads * (16 if tile else 1)
        h["stores"] += n * stores * (16 if tile else 1)
        narrow = "%ymm" in i.text
        h["load_cycles"] += n * loads * (8 if tile else 1 / 3 if narrow else 1 / 2)
        h["store_cycles"] += n * stores * (16 if tile else 1 / 2 if narrow else 1)
        if on_stack(i) and "mm" in i.text:
            h["vector_stack_accesses"] += n
        if is_dot(i):
            h["dots"] += n
        if i.op[0] == "t":
            h["tile_multiply"] += n * (16 if is_dot(i) else 0)
        elif i.op[0] == "v" and not _NOT_EXECUTED.match(i.op) and not is_zero(i):
            _vector(h, i, n)
        elif re.match(r"vpbroadcast", i.op) and re.search(r"%[er]\w+$", i.operands[0]):
            h["vector_uops"] += n
            h["any"] += n / 2
            h["port5"] += n
    return h


def is_zero(i):
    return re.match(r"vp?xor", i.op) and len(set(i.operands)) == 1


# Multiply-adds of bytes a cycle: a vpmaddubsw ymm and the vpaddw behind it on three ports; two vpdpbusd, of ymm or zmm;
# a tile multiply.
PEAK = {"avx2": 48, "avxvnni": 64, "avx512vnni": 128, "amx-int8": 1024}


def metrics(hits, code, macs):
    """Of a product of `macs` multiply-adds: tiles of half the depth, or rows of padding, earn nothing."""
    h = count(hits, code)
    tiles = h["tile_multiply"] > 0
    narrow = {code[a].op for a in hits if is_dot(code[a]) and width(code[a]) == 256}
    peak = PEAK["amx-int8" if tiles else "avx512vnni" if not narrow else "avxvnni" if "vpdpbusd" in narrow else "avx2"]
    vector = max(h["any"], h["port0"], h["port5"], h["multiply"], h["shuffle"])
    times = {
        "vector": vector,
        "load": h["load_cycles"],
        "store": h["store_cycles"],
        "tile multiply": h["tile_multiply"],
        "front end": h["uops"] / 6,
    }
    limit = max(times, key=times.get)
    serial = sum(times.values()) - times["front end"]
    dots = max(h["dots"], 1)
    return {
        "instructions": h["instructions"],
        "dots": h["dots"],
        "instructions_per_dot": round(h["instructions"] / dots, 3),
        "vector_per_dot": round(h["vector_uops"] / dots, 3),
        "loads_per_dot": round(h["loads"] / dots, 3),
        "stores_per_dot": round(h["stores"] / dots, 3),
        "vector_stack_accesses": h["vector_stack_accesses"],
        "best_overlap_percent": round(100 * macs / peak / times[limit], 1),
        "no_overlap_percent": round(100 * macs / peak / serial, 1),
    }, limit
