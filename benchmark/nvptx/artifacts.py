"""A folder of kernels: PTX for each chip and weight format, how each kernel is launched, and cases to check them by.

    index.json            {"formats": [{"name", "scheme", "group", "padded_group"}], "chips": [...]}
    CHIP/FORMAT.ptx       and FORMAT.json: {"kernels": [{"name", "threads", "shared_bytes", "rows", "tokens"}]}
    CHIP/FORMAT-split.*   the same, with K of the products of few tokens split over blocks
    cases/FORMAT-*.npz    inputs and expected outputs of one product
    cases/rows-FORMAT-*   the same of one quantization
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from driver import Address
from packed_format import Weight, matmul, pack, pad, quantize, random_weight

SOURCE = """
#scheme = #fptq.scheme<{kind}, group_size = {group}, symmetric = {symmetric}, method = rtn>
func.func @matmul(%q: tensor<?x?xi8>, %xs: tensor<?xf32>, %sums: tensor<?x?xi32>, %w: tensor<?xi8>,
    %y: tensor<?x?xf32> {{bufferization.writable = true}}) -> tensor<?x?xf32> {{
  %r = fptq.packed_matmul #scheme <"nvptx"> k({group}) layer("l")
    ins(%q, %xs, %sums : tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>) weights(%w : tensor<?xi8>)
    outs(%y : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %r : tensor<?x?xf32>
}}
func.func @quantize(%x: tensor<?x?xf32>, %q: tensor<?x?xi8> {{bufferization.writable = true}},
    %scales: tensor<?xf32> {{bufferization.writable = true}}, %sums: tensor<?x?xi32> {{bufferization.writable = true}})
    -> (tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>) {{
  %r:3 = fptq.quantize_activations group_size({group}) padded_group_size({padded}) ins(%x : tensor<?x?xf32>)
    outs(%q, %scales, %sums : tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>)
    -> tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>
  return %r#0, %r#1, %r#2 : tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>
}}
"""
_KERNEL = re.compile(r'kernel_metadata<"(\w+)", [^{]*metadata = \{([^}]*)\}')
_ASSEMBLY = re.compile(r'assembly = "((?:[^"\\]|\\.)*)"', re.S)


@dataclass(frozen=True)
class Format:
    scheme: str  # symmetric, asymmetric or two-level
    group: int

    @property
    def name(self) -> str:
        return f"{self.scheme}-g{self.group}"

    @property
    def padded_group(self) -> int:
        return 32 if self.group <= 32 else -(-self.group // 64) * 64

    def source(self) -> str:
        return SOURCE.format(kind="two_level" if self.scheme == "two-level" else "group", group=self.group,
                             symmetric=str(self.scheme == "symmetric").lower(), padded=self.padded_group)


@dataclass(frozen=True)
class Kernel:
    """A product's block takes `rows` output channels and `tokens` tokens; a quantization's one token (rows 0). A split
    product's tile is several blocks, slices of K, that meet in a workspace."""

    name: str
    threads: int
    shared_bytes: int
    rows: int
    tokens: int

    @property
    def split(self) -> bool:
        return self.name.endswith("_split")

    def grid(self, m: int, n: int, slices: int = 1) -> tuple[int, int, int]:
        return (-(-n // self.rows), -(-m // self.tokens), slices) if self.rows else (m, 1, 1)

    def workspace(self, form: Format, m: int, n: int, groups: int, slices: int) -> tuple[int, int]:
        """Words of the workspace and of the counters, which are 0 before and after."""
        columns, rows, _ = self.grid(m, n)
        padded = form.padded_group
        partials = slices if form.scheme == "two-level" else groups * padded // min(padded & -padded, 128)
        return columns * rows * partials * self.rows * self.tokens, columns * rows


def _kernel(name: str, attributes: str) -> Kernel:
    def number(key: str) -> int:
        return int(re.search(rf"\b{key} = (\d+)", attributes)[1])

    tile = re.search(r'tile = "(\d+)x(\d+)x', attributes)
    return Kernel(name, number("threads"), number("shared_bytes"), *(map(int, tile.groups()) if tile else (0, 1)))


def compile_format(fptq_opt: Path, form: Format, chip: str, split: bool = False) -> tuple[str, list[Kernel]]:
    """PTX and the kernels in it; with `split`, those of few tokens share K among blocks, any number up to 8."""
    command = [fptq_opt, "-", f"--fptq-nvptx-pipeline=chip={chip} slices={2 if split else 1}", f"--fptq-emit-nvptx=chip={chip} emit=ptx"]
    run = subprocess.run(command, input=form.source(), capture_output=True, text=True)
    text = _ASSEMBLY.search(run.stdout)
    if run.returncode or not text:
        reason = (run.stderr.strip() or "no PTX in the output").splitlines()[0]
        raise RuntimeError(f"{form.name} for {chip}: {reason}")
    ptx = re.sub(r"\\([0-9A-Fa-f]{2})|\\(.)", lambda m: chr(int(m[1], 16)) if m[1] else m[2], text[1]).rstrip("\0")
    return ptx, [_kernel(*found) for found in _KERNEL.findall(run.stdout)]


def choose(kernels: list[Kernel], m: int) -> Kernel:
    """The smallest tile that m tokens fit, or the largest."""
    products = sorted((k for k in kernels if k.rows), key=lambda k: k.tokens)
    return next((k for k in products if m <= k.tokens), products[-1])


def make_case(form: Format, m: int, n: int, k: int, extreme: bool) -> dict[str, np.ndarray]:
    """Operands of one product and what it gives."""
    rng = np.random.default_rng([m, n, k, form.group])
    weight: Weight = random_weight(rng, n, k, form.group, form.scheme, extreme)
    x = (rng.integers(0, 2, (m, k)) * 254 - 127 if extreme else rng.integers(-127, 128, (m, k))).astype(np.int8)
    x_scales, bias = rng.uniform(0.1, 1, m).astype(np.float32), rng.uniform(-1, 1, n).astype(np.float32)
    q = pad(x, weight)
    sums = q.reshape(m, weight.groups, -1).sum(axis=2, dtype=np.int32)
    return {"q": q, "x_scales": x_scales, "x_sums": sums, "packed": pack(weight), "bias": bias,
            "expected": matmul(weight, x, x_scales, bias)}


def make_rows(form: Format, m: int, k: int) -> dict[str, np.ndarray]:
    """Activations, a row of zeros, one with a NaN and one of denormals among them, and their quantization."""
    x = np.random.default_rng([m, k, form.group]).normal(0, 4, (m, k)).astype(np.float32)
    x[m // 3], x[m // 2, k // 2], x[m - 1] = 0, np.nan, x[m - 1] * np.float32(1e-39)
    q, scales, sums = quantize(x, form.group)
    return {"x": x, "q": q, "scales": scales, "sums": sums}


def rows_arguments(form: Format, k: int, address: dict[str, int]) -> list[int | float]:
    """Parameters of a quantization's kernel, in order; `address` of x, q, scales and sums."""
    at, groups = {name: Address(value) for name, value in address.items()}, -(-k // form.group)
    return [at["x"], Address(0), at["q"], at["scales"], at["sums"], 0.0, k, groups * form.padded_group, groups, k,
            form.group]


def product_arguments(case: dict, address: dict[str, int]) -> list[int]:
    """Parameters of a product's kernel, in order; `address` of q, x_scales, x_sums, packed, bias and y, and of workspace
    and counters for a split one."""
    (m, columns), groups, n = case["q"].shape, case["x_sums"].shape[1], case["bias"].shape[0]
    at = {name: Address(value) for name, value in address.items()}
    buffers = [at[name] for name in ("q", "x_scales", "x_sums", "packed", "bias")]
    split = [at["workspace"], at["counters"]] if "workspace" in at else []
    return [*buffers, Address(0), at["y"], columns, groups, 0, n, m, n, groups, *split]


def write(folder: Path, fptq_opt: Path, formats: list[Format], chips: list[str],
          cases: list[tuple[Format, int, int, int, bool]], rows: list[tuple[Format, int, int]]) -> None:
    for chip in chips:
        (folder / chip).mkdir(parents=True, exist_ok=True)
        for form, split in itertools.product(formats, (False, True)):
            ptx, kernels = compile_format(fptq_opt, form, chip, split)
            path = folder / chip / _stem(form, split)
            path.with_name(path.name + ".ptx").write_text(ptx)
            table = {"kernels": [asdict(kernel) for kernel in kernels]}
            path.with_name(path.name + ".json").write_text(json.dumps(table, indent=1))
    (folder / "cases").mkdir(exist_ok=True)
    for form, m, n, k, extreme in cases:
        name = f"{form.name}-{m}x{n}x{k}{'-extreme' * extreme}.npz"
        np.savez(folder / "cases" / name, **make_case(form, m, n, k, extreme))
    for form, m, k in rows:
        np.savez(folder / "cases" / f"rows-{form.name}-{m}x{k}.npz", **make_rows(form, m, k))
    index = {"chips": chips, "formats": [{"name": f.name, "scheme": f.scheme, "group": f.group} for f in formats]}
    (folder / "index.json").write_text(json.dumps(index, indent=1))  # last: a folder without it is not complete


def _stem(form: Format, split: bool) -> str:
    return form.name + "-split" * split


def read_kernels(folder: Path, chip: str, form: Format, split: bool = False) -> tuple[str, list[Kernel]]:
    kernels = json.loads((folder / chip / f"{_stem(form, split)}.json").read_text())["kernels"]
    return (folder / chip / f"{_stem(form, split)}.ptx").read_text(), [Kernel(**k) for k in kernels]


def read_index(folder: Path) -> tuple[list[str], list[Format]]:
    index = json.loads((folder / "index.json").read_text())
    return index["chips"], [Format(f["scheme"], f["group"]) for f in index["formats"]]


def read_cases(folder: Path, form: Format, rows: bool = False) -> dict[str, dict[str, np.ndarray]]:
    """Products, or with `rows` quantizations, by name."""
    paths = sorted((folder / "cases").glob(f"{'rows-' * rows}{form.name}-*.npz"))
    if not paths:
        raise FileNotFoundError(f"{folder} has no case of {form.name}: pack it again")
    return {path.stem: dict(np.load(path)) for path in paths}
