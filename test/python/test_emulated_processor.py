"""The final machine code of kernels, executed on an emulated processor that has every tier.

Unlike fptq-kernel-test's emulated tiers, this sees register allocation, tile configuration, instruction selection.
Skipped where bochscpu-python is not installed (tools/dev/check installs it)."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmark"))
from static_cost import program, table, walk  # noqa: E402

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("bochscpu") is None, reason="no bochscpu-python: python/requirements-emulator.txt"
    ),
    pytest.mark.skipif(not (program.BUILD / "bin" / "fptq-compile").exists(), reason="nothing is built"),
]
TIERS = {"avx2": 1, "avxvnni": 2, "avx512vnni": 3, "avx512vnni-zen": 4, "amx-int8": 5}
FREESTANDING = "-O2 -march=x86-64-v3 -ffp-contract=off -ffreestanding -fno-stack-protector -fno-builtin-memset".split()


def emulate(elf, address, **options):
    """What the function at `address` returns, in a process of its own."""
    request = json.dumps({"elf": str(elf), "address": address} | options)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-m", "processor"]
    done = subprocess.run(command, input=request, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def link(folder, elf, sources, *options):
    """Freestanding C, and objects, to a static program."""
    objects = []
    for source in sources:
        if source.suffix == ".c":
            object_file = folder / (source.stem + ".o")
            includes = [f"-I{ROOT / 'include'}", f"-I{folder}"]
            program.run(program.tool("clang"), *FREESTANDING, *includes, *options, "-c", source, "-o", object_file)
            source = object_file
        objects.append(source)
    program.run(program.tool("ld.lld"), "-static", "-e", "0", "--image-base=0x400000", *objects, "-o", elf)
    return program.Program(elf)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """(program, elf) of all tiers and formats with the harness and the reference."""
    folder = tmp_path_factory.mktemp("processor")
    program.compile_kernels(table.FORMATS, TIERS, folder, "--no-threads")
    lines = "".join(f"MATMUL({s}_g{g},{g},{int(s == 'two_level')})" for s, g in table.FORMATS)
    sources = [
        Path(__file__).parent / "processor" / "harness.c",
        ROOT / "lib/Runtime/ReferenceActivation.c",
        ROOT / "lib/Runtime/ReferenceMatmul.c",
        folder / "kernels.o",
    ]
    return link(folder, folder / "check.elf", sources, f"-DFORMATS={lines}"), folder / "check.elf"


@pytest.mark.parametrize(
    "tier, cases", [("avx2", 120), ("avxvnni", 120), ("avx512vnni", 240), ("avx512vnni-zen", 240), ("amx-int8", 90)]
)
def test_machine_code_agrees_with_the_reference(kernels, tier, cases):
    linked, elf = kernels
    answer = emulate(elf, linked.symbols["check"], arguments=[TIERS[tier], 0, cases])
    assert answer["result"] == 0, f"{answer['result']} of {cases} cases differ"
    if tier == "amx-int8":
        assert answer["tiles"].get("tdpbssd"), "no tile product was executed"


@pytest.mark.parametrize(
    "tier, op, byte, mask",
    [
        ("avxvnni", "vpdpbusd", 3, 0x02),  # vpdpwssd
        ("avx512vnni", "vpdpbusd", 4, 0x02),
        ("amx-int8", "tdpbssd", 2, 0x01),  # tdpbsud
    ],
)
def test_a_wrong_instruction_is_caught(kernels, tier, op, byte, mask):
    linked, elf = kernels
    words = []
    for instruction in (i for name, f in linked.functions.items() if tier.replace("-", "_") in name for i in f):
        if instruction.op == op:
            base, data = next((b, d) for b, d in linked.segments if b <= instruction.address < b + len(d))
            word = bytearray(data[instruction.address - base :][:8])
            word[byte] ^= mask
            words.append([instruction.address, int.from_bytes(word, "little")])
    assert words
    answer = emulate(elf, linked.symbols["check"], arguments=[TIERS[tier], 0, 24], words=words)
    assert answer["result"] > 0


@pytest.mark.parametrize("tier", TIERS)
def test_the_static_table_counts_what_the_processor_executes(tmp_path, tier):
    linked = program.compile_kernels(table.FORMATS, [tier], tmp_path)
    counts = walk.Walk(linked)
    for scheme, group in [("group", 128), ("two_level", 32)]:
        for m in table.ROWS[tier][0], table.ROWS[tier][-1]:
            base, memory = table.fields(m, group)
            address, arguments = linked.symbols[table.entry(tier, scheme, group)], [base, 0, table.N // 16]
            answer = emulate(
                tmp_path / "kernels.elf",
                address,
                arguments=arguments,
                words=list(memory.items()),
                memory=[[base, 4096]] + [[p, 1 << 19] for p in memory.values() if p >= 0x2000_0000],
                count=True,
            )
            executed = {int(a): n for a, n in answer["hits"].items()}
            counted = counts.count(address, arguments, memory)
            tiles = [a for a in counted if counts.code[a].op[0] == "t" and counts.code[a].op != "testq"]
            for a in tiles + [a for a in counted if counts.code[a].op == "ldtilecfg"]:  # executed beside Bochs
                counted.pop(a), executed.pop(a, None)
            executed = {a: n for a, n in executed.items() if a in counts.code}
            assert executed == dict(counted), f"{tier} {scheme} g{group} m{m}"


@pytest.fixture(scope="module")
def resolver(tmp_path_factory):
    """The runtime's choice of a tier; every permission it asks for is granted."""
    folder = tmp_path_factory.mktemp("resolver")
    stubs = folder / "stubs.c"
    stubs.write_text(
        "long syscall(long n, ...) { return 0; }\nchar *getenv(const char *n) { return 0; }\n"
        "int strcmp(const char *a, const char *b) { return 1; }\n"
        "void *stderr;\nint fprintf(void *f, const char *t, ...) { return 0; }\nint fputc(int c, void *f) { return c; }\n"
    )
    sources = [ROOT / "lib/Runtime/CpuTier.c", stubs]
    return link(folder, folder / "tier.elf", sources, "-march=x86-64"), folder / "tier.elf"  # as the runtime is built


@pytest.mark.parametrize(
    "model, states, tier",
    [
        ("corei7_haswell_4770", 0x7, "avx2"),
        ("ryzen", 0x7, "avx2"),
        ("corei7_skylake_x", 0xE7, "avx2"),
        ("arrow_lake", 0x7, "avxvnni"),
        ("tigerlake", 0xE7, "avx512vnni"),
        ("tigerlake", 0x7, "avx2"),  # the system does not save AVX-512 registers
        ("sapphire_rapids", 0x3, "reference"),
        ("sapphire_rapids", 0x7, "avxvnni"),
        ("sapphire_rapids", 0xE7, "avx512vnni"),  # nor tiles
        ("sapphire_rapids", 0x600E7, "amx-int8"),
    ],
)
def test_the_tier_fits_processor_and_system(resolver, model, states, tier):
    linked, elf = resolver
    options = {"model": model, "xcr0": states, "amx_cpuid": model == "sapphire_rapids"}
    assert emulate(elf, linked.symbols["fptq_cpu_tier"], **options)["result"] == (TIERS | {"reference": 0})[tier]
