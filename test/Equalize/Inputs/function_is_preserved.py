"""Runs every function of the given lit files before and after fptq-equalize, with random weights and inputs.

    function_is_preserved.py WORK_FOLDER FILE.mlir...

The results must agree to 1e-5 of their largest magnitude, half types to a few roundings of their own. Plain Python, so that
it runs wherever the suite does.
"""
import json
import math
import pathlib
import random
import re
import struct
import subprocess
import sys

ROWS = 5  # for every dynamic size
INDEX = {"m": ROWS, "i": 1, "pos": 3}
FORMATS = {"f32": ("F32", "f"), "f16": ("F16", "e"), "index": ("I64", "q")}
TOLERANCE = {"F32": 1e-5, "F16": 4e-3}
# A channel profiled at 1e-9 is multiplied by 1/s = 1e5 in f16: the random inputs here, which no such profile saw, overflow.
NOT_RUN = {"E6_gamma_overflows_f16"}


def random_constants(text):
    """Splats of several elements become random values around the splat: equal rows would hide a permuted scale."""

    def replace(found):
        value, shape, element = float(found[1]), [int(d) for d in found[2].split("x")[:-1]], found[3]

        def fill(dims):
            if not dims:
                return f"{value * random.uniform(0.5, 1.5) * random.choice((-1, 1)):.4f}"
            return "[" + ", ".join(fill(dims[1:]) for _ in range(dims[0])) + "]"

        return f"dense<{fill(shape)}> : tensor<{found[2]}{element}>"

    return re.sub(r"dense<(-?[\d.e]+)> : tensor<((?:\d+x)+)(f\d+)>", replace, text)


def functions(text):
    """Names of the functions of a module, each with the names and types of its arguments."""
    for name, arguments in re.findall(r"func\.func @(\w+)\((.*?)\)\s*->", text, re.S):
        yield name, re.findall(r"%(\w+): (index|tensor<([^>]*)>)", arguments)


def random_argument(name, kind, shape):
    """Safetensors type, shape and bytes. Positive, since some are variances; the weights have both signs."""
    if kind == "index":
        return "I64", [], struct.pack("<q", INDEX[name])
    *dims, element = shape.split("x")
    dims = [ROWS if d == "?" else int(d) for d in dims]
    count = 1
    for d in dims:
        count *= d
    dtype, letter = FORMATS[element]
    return dtype, dims, struct.pack(f"<{count}{letter}", *(random.uniform(0.1, 2) for _ in range(count)))


def write_inputs(path, arguments):
    header, data = {}, b""
    for i, argument in enumerate(arguments):
        dtype, dims, raw = random_argument(*argument)
        header[f"arg{i}"] = {"dtype": dtype, "shape": [1, *dims], "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_results(path):
    raw = path.read_bytes()
    size = struct.unpack_from("<Q", raw)[0]
    for name, entry in sorted(json.loads(raw[8 : 8 + size]).items()):
        if name == "__metadata__" or entry["dtype"] not in TOLERANCE:
            continue
        begin, end = entry["data_offsets"]
        data = raw[8 + size + begin : 8 + size + end]
        letter = {"F32": "f", "F16": "e"}[entry["dtype"]]
        yield name, entry["dtype"], struct.unpack(f"<{len(data) // struct.calcsize(letter)}{letter}", data)


def run(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stderr}")


def compare(where, before, after):
    for (name, dtype, old), (_, _, new) in zip(read_results(before), read_results(after)):
        largest = max(map(abs, old))
        error = max(abs(a - b) for a, b in zip(old, new))
        if not error <= TOLERANCE[dtype] * largest or any(map(math.isnan, old + new)):
            sys.exit(f"{where}: {name} differs by {error:.3g} of {largest:.3g}")
        print(f"{where}: {name} differs by {error:.1e} of {largest:.3g}")


def main():
    random.seed(5)
    work = pathlib.Path(sys.argv[1])
    work.mkdir(parents=True, exist_ok=True)
    for path in sys.argv[2:]:
        for number, module in enumerate(pathlib.Path(path).read_text().split("// -----")):
            if '["PARAMETERS"]' in module:  # needs a file that its own test writes
                continue
            stem = work / f"{pathlib.Path(path).stem}-{number}"
            before, after = stem.with_suffix(".before.mlir"), stem.with_suffix(".after.mlir")
            before.write_text(random_constants(module))
            run("fptq-opt", before, "--fptq-equalize", "-o", after)
            for name, arguments in functions(module):
                if name in NOT_RUN:
                    continue
                inputs, results = stem.with_suffix(".inputs"), [stem.with_suffix(end) for end in (".old", ".new")]
                write_inputs(inputs, arguments)
                for model, result in zip((before, after), results):
                    run("fptq-run", model, "--entry", name, "--inputs", inputs, "--results", result)
                compare(name, *results)


main()
