"""Each pass of the pipelines in a process of its own, on what its pipeline gave it: once, and again on its own output.

In a pipeline an earlier pass has loaded the dialects that a pass makes operations of; alone, one that is missing among its
dependentDialects ends the process. Passes that no pipeline has run on what stands between its stages.

    passes-alone.py FPTQ_OPT WORK MODEL...
"""

import itertools
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

OPT, WORK, *MODELS = sys.argv[1:]
PIPELINES = [
    ["--fptq-raise", "--fptq-insert-observers",
     "--fptq-quantize-pipeline=policy=per-token group-size=32 symmetric=false", "--fptq-x86-pipeline=tier=avx2"],
    ["--fptq-quantize-pipeline=policy=equalized scheme=two-level group-size=32 strict=false",
     "--fptq-nvptx-pipeline=chip=sm_80"],
]
# What stands before these is an input of the passes that no pipeline has.
STAGES = ["fptq-raise", "fptq-choose-policy", "fptq-quantize-weights", "fptq-pack", "convert-fptq-to-nvgpu", "fptq-lower-vectors"]

help_text = subprocess.run([OPT, "--help"], capture_output=True, text=True, check=True).stdout
listed = re.search(r"Passes:\n(.*?)Pass Pipelines:", help_text, re.S).group(1)
ours = set(re.findall(r"^ +--(fptq-\S+|convert-fptq-\S+) ", listed, re.M))


def dumps(model: str, number: int) -> list[tuple[str, str]]:
    """What each pass of a pipeline is given: (pass, module)."""
    tree = Path(WORK) / f"{Path(model).stem}-{number}"
    printing = [f"--mlir-print-ir-tree-dir={tree}", "--mlir-print-ir-before-all", "--mlir-print-ir-module-scope"]
    subprocess.run([OPT, model, *PIPELINES[number], *printing, "--mlir-disable-threading", "-o", "/dev/null"],
                   capture_output=True, text=True, check=True)
    files = sorted(tree.rglob("*.mlir"), key=lambda file: [int(n) for n in re.match(r"[\d_]+", file.name)[0].split("_")[:-1]])
    return [(re.sub(r"^[\d_]+", "", file.stem), file.read_text()) for file in files]


def crash(job: tuple[str, str]) -> str | None:
    """What went wrong, if anything did; an error with a text is an answer."""
    name, module = job
    done = subprocess.run([OPT, "-", f"--{name}", f"--{name}"], input=module, capture_output=True, text=True)
    if done.returncode == 0 or (done.returncode == 1 and "error:" in done.stderr):
        return None
    return f"--{name} ends with status {done.returncode}:\n{done.stderr[:2000]}\non\n{module[:4000]}"


Path(WORK).mkdir(parents=True)
given = [dumps(model, number) for model, number in itertools.product(MODELS, range(len(PIPELINES)))]
# The first module that a pipeline gives a pass has the fewest dialects in it, the last one the most for the pass to do.
jobs = {(name, module) for pairs in given for ends in (pairs, pairs[::-1]) for name, module in dict(ends).items() if name in ours}
alone = ours - {name for name, _ in jobs}
jobs |= {(name, module) for name in alone for pairs in given for stage, module in dict(pairs).items() if stage in STAGES}
with ThreadPoolExecutor() as pool:
    crashes = [text for text in pool.map(crash, sorted(jobs)) if text]
print("\n\n".join(crashes))
print(f"{len(ours)} passes, {len(ours - alone)} of them in pipelines, {len(jobs)} inputs, {len(crashes)} crashes")
sys.exit(bool(crashes))
