"""The innermost dot loops of a function, and what LLVM's scheduler model says of them."""

import re

from . import ports, program


def dot_loops(function):
    """Instructions of each innermost loop (a jump backwards whose span holds no other) with a dot product in it."""
    spans = [
        (i.target, i.address) for i in function if i.op[0] == "j" and i.target is not None and i.target <= i.address
    ]
    inside = function[0].address
    for first, last in spans:
        inner = not any(first <= a and b <= last and (a, b) != (first, last) for a, b in spans)
        body = [i for i in function if first <= i.address <= last]
        if first >= inside and inner and any(map(ports.is_dot, body)):
            yield body


def executed_dot_loops(p, hits):
    """Those that ran, the one with the most dot products first."""
    loops = [
        (hits[body[0].address] * sum(map(ports.is_dot, body)), body)
        for function in p.functions.values()
        for body in dot_loops(function)
        if hits[body[0].address]
    ]
    return [body for _, body in sorted(loops, key=lambda l: -l[0])]


def scheduled_dots_per_cycle(bodies):
    """By llvm-mca with the cascadelake model for each body: its vector ports are those of every Intel server since,
    while LLVM 22's sapphirerapids model has vpdpbusd on one port and none knows AMX. One call for all bodies."""
    text = ""
    for n, body in enumerate(bodies):
        lines = [re.sub(r"^(j\w+)\t.*", r"\1 .", i.text) for i in body]
        text += f"# LLVM-MCA-BEGIN {n}\n" + "\n".join(lines) + "\n# LLVM-MCA-END\n"
    report = program.run(
        program.tool("llvm-mca"),
        *("-mtriple=x86_64-linux-gnu", "-mcpu=cascadelake", "-iterations=100"),
        *("-instruction-info=0", "-resource-pressure=0"),
        text=text,
    )
    cycles = [int(c) / 100 for c in re.findall(r"Total Cycles:\s+(\d+)", report)]
    return [round(sum(map(ports.is_dot, b)) / c, 3) for b, c in zip(bodies, cycles, strict=True)]
