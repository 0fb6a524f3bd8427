"""Compiles the kernels of one format and prints, for each kernel, the dots and stack accesses of its innermost dot loop,
and how often, and how often in loops, it configures AMX tiles.

usage: assembly.py TIER group|two_level GROUP_SIZE
"""

import re
import subprocess
import sys

tier, scheme, group = sys.argv[1:]
symmetric = "true" if scheme == "group" else "false"
source = f"""
#scheme = #fptq.scheme<{scheme}, group_size = {group}, symmetric = {symmetric}, method = rtn>
func.func @m(%q: memref<?x?xi8>, %xs: memref<?xf32>, %sums: memref<?x?xi32>, %w: memref<?xi8>, %y: memref<?x?xf32>) {{
  fptq.packed_matmul #scheme <"x86"> k({group}) layer("l")
    ins(%q, %xs, %sums : memref<?x?xi8>, memref<?xf32>, memref<?x?xi32>) weights(%w : memref<?xi8>)
    outs(%y : memref<?x?xf32>) {{half_scales}}
  return
}}
"""


def run(command, data):
    done = subprocess.run(command, input=data, capture_output=True)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return done.stdout


lowering = (
    "--fptq-lower-x86-ops --expand-strided-metadata --convert-scf-to-cf --convert-vector-to-llvm --convert-math-to-llvm"
    " --convert-arith-to-llvm --convert-index-to-llvm --finalize-memref-to-llvm --convert-func-to-llvm"
    " --convert-cf-to-llvm --reconcile-unrealized-casts"
).split()
code = run(["fptq-opt", f"--convert-fptq-to-x86=tier={tier}", *lowering], source.encode())
code = run(["mlir-translate", "--mlir-to-llvmir"], code)
# As Target's pipeline for kernels.
passes = "--passes=function(sroa,early-cse,instsimplify,loop-simplify,lcssa,loop(loop-rotate),early-cse,simplifycfg)"
code = run(["opt", passes, "-S", "-mtriple=x86_64-unknown-linux-gnu"], code)
assembly = run(["llc", "-O3", "-mtriple=x86_64-unknown-linux-gnu", "-relocation-model=pic"], code).decode()

dot = re.compile(r"\s(vpmaddubsw|vpdpbusd|tdpb\w+)\s")
for name, body in re.findall(r"^fptq_\w+?_f16_(\w+):[^\n]*\n(.*?)\.Lfunc_end", assembly, re.M | re.S):
    lines = body.splitlines()
    labels = {line.split(":")[0]: i for i, line in enumerate(lines) if line.startswith(".LBB")}
    loops = []
    for i, line in enumerate(lines):
        jump = re.match(r"\s+j\w+\s+(\.LBB\w+)", line)
        if jump and labels[jump[1]] < i:
            loops.append((labels[jump[1]], i))
    configurations = [i for i, line in enumerate(lines) if "ldtilecfg" in line]
    if configurations:
        inside = sum(any(first <= i <= last for first, last in loops) for i in configurations)
        print(f"{name}: {len(configurations)} ldtilecfg, {inside} in loops")
    for first, last in loops:
        inner = not any((a, b) != (first, last) and first <= a and b <= last for a, b in loops)
        text = lines[first : last + 1]
        dots = [m[1] for m in map(dot.search, text) if m]
        if inner and dots:
            stack = sum(bool(re.search(r"\(%rsp[,)]", t)) for t in text)
            print(f"{name}: {len(dots)} {dots[0]}, {stack} stack")
