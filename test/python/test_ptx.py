"""The final PTX text of kernels, interpreted, against docs/PackedLayout.md; and mutants of it."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from artifacts import (Format, choose, compile_format, make_case, make_rows, product_arguments, read_cases, read_kernels,
                       rows_arguments)
from conftest import ROOT
from ptx_interpreter import Device, PtxError, parse

BENCHMARK = ROOT / "benchmark" / "nvptx"


@pytest.fixture(scope="module")
def kernels():
    """PTX of a format and its kernels, compiled once."""
    made = {}

    def get(scheme: str, group: int, chip: str = "sm_80", split: bool = False):
        form = Format(scheme, group)
        if (form, chip, split) not in made:
            made[form, chip, split] = form, *compile_format(ROOT / "build" / "bin" / "fptq-opt", form, chip, split)
        return made[form, chip, split]

    return get


def run_product(text, kernel, case, form=None, slices=1, backwards=False):
    """What `kernel` of `text` leaves in y; `form` and `slices` of a split one."""
    m, n = case["expected"].shape
    device = Device(parse(text))
    y = np.full((m, n), np.nan, np.float32)
    address = {key: device.memory.add(value, False) for key, value in case.items() if key != "expected"}
    address["y"] = device.memory.add(y, True)
    counters = np.zeros(0, np.uint32)
    if kernel.split:
        words, tiles = kernel.workspace(form, m, n, case["x_sums"].shape[1], slices)
        counters = np.zeros(tiles, np.uint32)
        address["workspace"] = device.memory.add(np.full(words, 0x55555555, np.uint32), True)
        address["counters"] = device.memory.add(counters, True)
    device.launch(kernel.name, kernel.grid(m, n, slices), kernel.threads, kernel.shared_bytes,
                  product_arguments(case, address), backwards)
    assert not counters.any()
    return y


@pytest.mark.parametrize("chip, scheme, group, m, n, k, extreme", [
    ("sm_80", "asymmetric", 32, 8, 30, 160, False), ("sm_80", "symmetric", 128, 3, 17, 300, False),
    ("sm_80", "two-level", 64, 5, 32, 320, False), ("sm_80", "asymmetric", 48, 1, 17, 100, True),
    ("sm_80", "two-level", 32, 7, 16, 96, True), ("sm_80", "symmetric", 200, 2, 20, 200, False),
    ("sm_80", "asymmetric", 32, 19, 70, 200, False), ("sm_80", "two-level", 64, 30, 128, 200, True),
    ("sm_90a", "asymmetric", 32, 19, 70, 200, False), ("sm_90a", "two-level", 128, 30, 130, 800, True),
    ("sm_90a", "symmetric", 64, 70, 40, 330, False)])
def test_products(kernels, chip, scheme, group, m, n, k, extreme):
    form, text, all_kernels = kernels(scheme, group, chip)
    case = make_case(form, m, n, k, extreme)
    np.testing.assert_array_equal(run_product(text, choose(all_kernels, m), case), case["expected"])


@pytest.mark.parametrize("chip, scheme, group, m, n, k, slices, backwards", [
    ("sm_80", "asymmetric", 32, 5, 40, 330, 3, False), ("sm_80", "two-level", 128, 3, 20, 700, 2, True),
    ("sm_90a", "symmetric", 192, 9, 17, 800, 4, True), ("sm_90a", "two-level", 32, 16, 33, 96, 8, False)])
def test_split_products(kernels, chip, scheme, group, m, n, k, slices, backwards):
    """Blocks that share K give the same result, in whatever order they run."""
    form, text, all_kernels = kernels(scheme, group, chip, split=True)
    case, kernel = make_case(form, m, n, k, False), choose(all_kernels, m)
    assert kernel.split
    np.testing.assert_array_equal(run_product(text, kernel, case, form, slices, backwards), case["expected"])


def test_quantization(kernels):
    k, m = 100, 4
    form, text, all_kernels = kernels("asymmetric", 48)
    case = make_rows(form, m, k)
    device, got = Device(parse(text)), {key: np.full_like(case[key], 9) for key in ("q", "scales", "sums")}
    address = {"x": device.memory.add(case["x"], False)} | {key: device.memory.add(a, True) for key, a in got.items()}
    (kernel,) = [kernel for kernel in all_kernels if not kernel.rows]
    device.launch(kernel.name, kernel.grid(m, 0), kernel.threads, kernel.shared_bytes + 4 * 3,
                  rows_arguments(form, k, address))
    assert np.isnan(got["scales"][m // 2]) and got["scales"][m // 3] == 1 and 0 < got["scales"][m - 1] < 1e-39
    for key, values in got.items():
        np.testing.assert_array_equal(values, case[key])


# Mutants. Every output channel and token of these tiles counts, and K is long enough to go round the pipeline, so that
# no mutant is harmless.

SHAPES = {8: (8, 32, 1100), 32: (32, 128, 1152)}


def occurrences(text, kernel, pattern):
    start = text.index(f".entry {kernel.name}(")
    end = text.find(".entry", start + 1)
    return list(re.compile(pattern).finditer(text, start, end if end > 0 else len(text)))


def replaced(text, match, by):
    return text[:match.start()] + by + text[match.end():]


@pytest.fixture(scope="module")
def subject(kernels):
    """(text, kernel, survives) of the kernel for tiles of `tokens`; survives(text): right, and nothing forbidden."""

    def get(chip, tokens):
        form, text, all_kernels = kernels("asymmetric", 32, chip)
        (kernel,) = [k for k in all_kernels if k.rows and k.tokens == tokens]
        case = make_case(form, *SHAPES[tokens], False)

        def survives(mutant):
            try:
                return np.array_equal(run_product(mutant, kernel, case), case["expected"])
            except PtxError:
                return False

        return text, kernel, survives

    return get


@pytest.mark.parametrize("chip, tokens", [("sm_80", 8), ("sm_80", 32), ("sm_90a", 32)])
def test_mutants_are_caught(subject, chip, tokens):
    text, kernel, survives = subject(chip, tokens)
    assert survives(text)
    barriers = occurrences(text, kernel, r"bar\.sync\s+0;")
    waits = occurrences(text, kernel, r"cp\.async\.wait_group\s+(\d+);")
    phases = occurrences(text, kernel, r"(mbarrier\.try_wait\.parity[^;]*\], )%\w+")
    sums = occurrences(text, kernel, r"wgmma\.wait_group\.sync\.aligned (\d+);")
    products = occurrences(text, kernel, r"mma\w*\.\S+\s*\{[^}]*\},\s*\{\s*(%\w+), (%\w+)")
    assert barriers and products and (waits or tokens == 8) and (phases or chip == "sm_80")
    for barrier in barriers:
        assert not survives(replaced(text, barrier, "")), f"without {barrier}"
    for wait in waits:
        assert not survives(replaced(text, wait, f"cp.async.wait_group {int(wait[1]) + 1};")), f"shorter {wait}"
    for wait in sums:
        assert not survives(replaced(text, wait, f"wgmma.wait_group.sync.aligned {int(wait[1]) + 1};")), f"shorter {wait}"
    for phase in phases:
        for parity in "01":
            assert not survives(replaced(text, phase, phase[1] + parity)), f"always {parity} in {phase}"
    for product in (products[0], products[-1]):
        swapped = product[0].replace(f"{product[1]}, {product[2]}", f"{product[2]}, {product[1]}")
        assert not survives(replaced(text, product, swapped)), f"swapped {product}"


def test_unknown_instructions_are_errors(kernels):
    form, text, all_kernels = kernels("asymmetric", 32)
    unknown = re.sub(r"bar\.sync\s+0;", "frobnicate.b32 %r1, %r2;", text, count=1)
    with pytest.raises(PtxError, match="frobnicate.b32 is unknown to this interpreter"):
        run_product(unknown, choose(all_kernels, 1), make_case(form, 1, 16, 64, False))


# benchmark/nvptx

def test_packed_artifacts(tmp_path):
    """What a GPU machine without a compiler gets is complete and right."""
    done = subprocess.run([sys.executable, BENCHMARK / "pack", tmp_path, "--chips", "sm_80"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    form = Format("two-level", 128)
    text, all_kernels = read_kernels(tmp_path, "sm_80", form)
    case = read_cases(tmp_path, form)["two-level-g128-8x130x1100"]
    np.testing.assert_array_equal(run_product(text, choose(all_kernels, 8), case), case["expected"])
    text, all_kernels = read_kernels(tmp_path, "sm_80", form, split=True)
    np.testing.assert_array_equal(run_product(text, choose(all_kernels, 8), case, form, 4), case["expected"])


def test_benchmark_without_a_gpu(tmp_path):
    if shutil.which("nvidia-smi"):
        pytest.skip("there is a GPU")
    done = subprocess.run([sys.executable, BENCHMARK / "run", "--json", tmp_path / "out.json"], capture_output=True,
                          text=True)
    assert done.returncode == 1 and "no GPU: no NVIDIA driver on this machine" in done.stderr
    assert not (tmp_path / "out.json").exists()
