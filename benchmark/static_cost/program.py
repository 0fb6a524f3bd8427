"""The kernels as users get them: compiled by fptq-compile to an object, linked, disassembled."""

import os
import pathlib
import re
import shutil
import struct
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FPTQ_BUILD", ROOT / "build"))

SOURCE = """
#{name} = #fptq.scheme<{scheme}, group_size = {group}, symmetric = {symmetric}, method = rtn>
func.func @{name}(%q: tensor<?x?xi8>, %xs: tensor<?xf32>, %sums: tensor<?x?xi32>, %w: tensor<?xi8>,
    %y: tensor<?x?xf32> {{bufferization.writable = true}}) -> tensor<?x?xf32> {{
  %r = fptq.packed_matmul #{name} <"x86"> k({group}) layer("{name}")
    ins(%q, %xs, %sums : tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>) weights(%w : tensor<?xi8>)
    outs(%y : tensor<?x?xf32>) {{half_scales}} -> tensor<?x?xf32>
  return %r : tensor<?x?xf32>
}}
"""


def tool(name):
    """An LLVM tool: beside llvm-config-22, or on PATH with or without the version."""
    for path in (f"/usr/lib/llvm-22/bin/{name}", shutil.which(f"{name}-22"), shutil.which(name)):
        if path and os.access(path, os.X_OK):
            return path
    raise SystemExit(f"benchmark/static: {name} of LLVM 22 is not installed")


def run(*command, text=None):
    done = subprocess.run([str(c) for c in command], input=text, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"benchmark/static: {command[0]} failed: {done.stderr.strip()}")
    return done.stdout


class Instruction:
    """`address`, `op` and `operands` as objdump spells them, `target` of a jump or call."""

    __slots__ = ("address", "op", "operands", "target", "text")

    def __init__(self, address, text):
        self.address = address
        self.text = re.sub(r"^\{vex\}\s+|\s*(#|<).*", "", text).strip()
        self.op, _, rest = self.text.partition("\t")
        # Commas between operands, not those inside an address.
        self.operands = [o.strip() for o in re.split(r",(?![^(]*\))", rest) if o.strip()]
        direct = self.op[0] == "j" or self.op.startswith("call")
        self.target = int(rest, 16) if direct and rest.startswith("0x") else None


class Program:
    """A linked image: `segments` [(address, bytes)], `symbols` {name: address}, `functions` {name: [Instruction]}."""

    def __init__(self, elf):
        data = pathlib.Path(elf).read_bytes()
        phoff, phentsize, phnum = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
        self.segments = []
        for i in range(phnum):
            kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", data, phoff + i * phentsize)
            if kind == 1:  # PT_LOAD
                self.segments.append((address, data[offset : offset + size]))
        self.functions, self.symbols, current = {}, {}, None
        for line in run(tool("llvm-objdump"), "-d", "--no-show-raw-insn", elf).splitlines():
            if label := re.match(r"([0-9a-f]+) <(.+)>:$", line):
                current = self.functions.setdefault(label[2], [])
                self.symbols[label[2]] = int(label[1], 16)
            elif code := re.match(r"\s*([0-9a-f]+):\s+(.*)", line):
                current.append(Instruction(int(code[1], 16), code[2]))


def compile_kernels(formats, tiers, folder, *options):
    """All tiers of all (scheme, group) as kernels.o, kernels.h and a linked kernels.elf in `folder`."""
    source = folder / "kernels.mlir"
    source.write_text(
        "".join(
            SOURCE.format(name=f"{s}_g{g}", scheme=s, group=g, symmetric="true" if s == "group" else "false")
            for s, g in formats
        )
    )
    compiler = BUILD / "bin" / "fptq-compile"
    if not compiler.exists():
        raise SystemExit(f"benchmark/static: {compiler} is not there; build it first (tools/dev/setup)")
    run(compiler, *options, f"--tier={'+'.join(tiers)}", "-o", folder / "kernels.o", source)
    run(
        tool("ld.lld"),
        *("-static", "-e", "0", "--unresolved-symbols=ignore-all", "--image-base=0x400000"),
        *("-o", folder / "kernels.elf", folder / "kernels.o"),
    )
    return Program(folder / "kernels.elf")
