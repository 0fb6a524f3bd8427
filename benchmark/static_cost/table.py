"""Rows for all kernels, the committed table, and what got worse."""

import pathlib
import tempfile

from . import core, gates, loops, ports, program, walk

EXPECTED = pathlib.Path(__file__).parent / "expected.md"
TOLERANCE = 0.02
# Rows of activations that reach each kernel: each height of a tile that unpacks in registers, shorter tiles over a
# slab, full ones, AMX blocks.
ROWS = {
    "avx2": (1, 2, 3, 4, 5, 6, 19, 48),
    "avxvnni": (1, 2, 3, 4, 5, 6, 19, 48),
    "avx512vnni": (1, 2, 3, 4, 5, 6, 19, 48),
    "avx512vnni-zen": (1, 2, 3, 4, 5, 6, 19, 48),
    "amx-int8": (1, 2, 3, 4, 32, 128),
}
FORMATS = [(scheme, group) for scheme in ("group", "two_level") for group in gates.GROUPS]
N, K = 64, 1024

COLUMNS = {  # heading -> metric
    "instructions": "instructions",
    "a dot": "instructions_per_dot",
    "vector": "vector_per_dot",
    "loads": "loads_per_dot",
    "stores": "stores_per_dot",
    "vector stack": "vector_stack_accesses_per_dot",
    "best overlap %": "best_overlap_percent",
    "no overlap %": "no_overlap_percent",
    "simulated %": "simulated_percent",
    "inner instructions": "inner_instructions",
    "dots": "inner_dots",
    "stack": "inner_stack_accesses",
    "dots a cycle": "scheduled_dots_per_cycle",
}
# A change of any of these is a change of speed.
WATCHED = (
    "instructions",
    "best_overlap_percent",
    "no_overlap_percent",
    "simulated_percent",
    "inner_stack_accesses",
    "scheduled_dots_per_cycle",
)

PAGE = """# Static cost of the x86 kernels

Written by `benchmark/static --update`, checked by `benchmark/static` and by the test suite: a kernel that got worse by
more than 2 % fails until this page says so.

One product of M rows with N = {n}, K = {k}; weights are packed, activations quantized and packed before. Instructions
are those executed; "a dot" to "vector stack" are divided by the dot products executed
({dots}). Bounds are shares of the register peak of that instruction on a
Golden Cove server core: "best overlap" if everything runs beside everything else, "no overlap" if vector, load, store
and tile time add up; "simulated" is where between them a model of that core and its L1 ends up that runs the kernel,
AMX only (`core.py`). "Inner" to "dots a cycle" describe the innermost dot loop, the last by llvm-mca
(cascadelake; no model knows AMX). How the figures come about: `benchmark/static_cost/`.

"""


def fields(m, group):
    """An FptqMatmul at an address: sizes as in include/fptq-runtime/Kernels.h, pointers to nowhere."""
    base, groups = 0x1000_0000, K // group
    values = [
        m,
        N,
        groups,
        0x2000_0000,
        K,
        0x3000_0000,
        0x3100_0000,
        groups,
        0x4000_0000,
        0,
        0,
        N,
        0x5000_0000,
        N,
        0x6000_0000,
        0,
        0,
        0,
    ]
    return base, {base + 8 * i: v for i, v in enumerate(values)}


def entry(tier, scheme, group):
    name = "two_level" if scheme == "two_level" else "sym"
    return f"fptq_{tier.replace('-', '_')}_{name}_g{group}_f16_matmul"


def measure(tiers=tuple(ROWS)):
    """One row for each kernel, as the command's JSON describes it."""
    with tempfile.TemporaryDirectory() as folder:
        p = program.compile_kernels(FORMATS, tiers, pathlib.Path(folder))
    w, rows, bodies = walk.Walk(p), [], []
    for tier in tiers:
        for scheme, group in FORMATS:
            for m in ROWS[tier]:
                base, memory = fields(m, group)
                call = p.symbols[entry(tier, scheme, group)], [base, 0, N // 16], memory
                hits = w.count(*call)
                row, body = _row(p, w, hits, tier, scheme, group, m)
                if tier == "amx-int8" and m >= core.TILE_ROWS:
                    share = m * N * K / ports.PEAK["amx-int8"] / core.Core().run(w.trace(*call))
                    row["metrics"]["simulated_percent"] = round(100 * share, 1)
                rows.append(row)
                bodies.append(body)
    _schedule(rows, bodies)
    for row in rows:
        limits = gates.of(row["tier"], row["scheme"], row["group_size"], row["m"])
        row["gates"] = [{"metric": metric, "limit": limit} for metric, limit in limits]
        row["holds"] = all(gates.meets(row["metrics"][metric], metric, limit) for metric, limit in limits)
    return rows


def _row(p, w, hits, tier, scheme, group, m):
    metrics, limit = ports.metrics(hits, w.code, m * N * K)
    executed = loops.executed_dot_loops(p, hits)
    stack = sum(ports.on_stack(i) for body in executed for i in body)
    dots = metrics.pop("dots")
    metrics["vector_stack_accesses_per_dot"] = round(metrics.pop("vector_stack_accesses") / dots, 3)
    metrics["inner_instructions"] = len(executed[0])
    metrics["inner_dots"] = sum(map(ports.is_dot, executed[0]))
    metrics["inner_stack_accesses"] = stack
    row = {
        "kernel": f"{tier} {scheme} g{group} m{m}",
        "tier": tier,
        "scheme": scheme,
        "group_size": group,
        "m": m,
        "stack_accesses": stack,
        "limited_by": limit,
        "metrics": metrics,
    }
    return row, executed[0]


def _schedule(rows, bodies):
    scheduled = [(row, body) for row, body in zip(rows, bodies) if not any(i.op.startswith("tdp") for i in body)]
    for (row, _), dots in zip(scheduled, loops.scheduled_dots_per_cycle([body for _, body in scheduled])):
        row["metrics"]["scheduled_dots_per_cycle"] = dots


def page(rows):
    dots = "`vpdpbusd`: 64 products, `vpmaddubsw`: 32, a tile multiply: 16 384"
    text = PAGE.format(n=N, k=K, dots=dots)
    heads = ["kernel", *COLUMNS, "limited by", "gates"]
    text += f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n"
    for row in rows:
        cells = [row["kernel"]] + [str(row["metrics"].get(metric, "-")) for metric in COLUMNS.values()]
        cells += [row["limited_by"], "hold" if row["holds"] else "short"]
        text += f"| {' | '.join(cells)} |\n"
    return text


def read_page(path=EXPECTED):
    """{kernel: {metric: value}} of a page."""
    result = {}
    for line in path.read_text().splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) == len(COLUMNS) + 3 and cells[1][:1].isdigit():
            values = zip(COLUMNS.values(), cells[1:])
            result[cells[0]] = {metric: float(value) for metric, value in values if value != "-"}
    return result


def worse(rows, expected):
    """Messages: kernels that got worse than the page by more than the tolerance, or that it does not know."""
    messages = []
    for row in rows:
        kernel, before = row["kernel"], expected.get(row["kernel"])
        if not before:
            messages.append(f"{kernel}: not in {EXPECTED.name}")
            continue
        for metric in WATCHED:
            was, now = before.get(metric), row["metrics"].get(metric)
            if was is None or now is None:
                continue
            change = now - was if metric in gates.LESS else was - now
            if change > TOLERANCE * was:
                messages.append(f"{kernel}: {metric} was {was:g}, is {now:g}")
    gone = set(expected) - {row["kernel"] for row in rows}
    return messages + [f"{kernel}: in {EXPECTED.name}, but there is no such kernel" for kernel in sorted(gone)]
