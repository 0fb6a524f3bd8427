"""The modelled core of benchmark/static_cost/core.py, on loops whose time is known."""

import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmark"))
from static_cost import core, program  # noqa: E402

LINE, TILE = 64, 1024
MULTIPLIES = [f"tdpbssd\t%tmm{b}, %tmm{a}, %tmm{n}" for n, (a, b) in enumerate(itertools.product((4, 5), (6, 7)))]


def cycles_each(steps):
    """Cycles a step, of the second half of them, when caches and queues are as they stay."""
    steps = list(steps)
    half, model = len(steps) // 2, core.Core()
    before = model.run(itertools.chain(*steps[:half]))
    return (model.run(itertools.chain(*steps[half:])) - before) / (len(steps) - half)


def code(*texts):
    return [program.Instruction(n, text) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    "cycles, texts",
    [
        pytest.param(1, ["addq\t$1, %rax"], id="each waits for the one before"),
        pytest.param(1 / 6, ["nop"], id="six enter a cycle"),
        pytest.param(1 / 2, ["vpandd\t%zmm0, %zmm1, %zmm2"], id="two ports of 512 bits"),
        pytest.param(1, ["vpsrlw\t$4, %zmm0, %zmm1"], id="one of which shifts"),
        pytest.param(5, ["vpdpbusd\t%zmm0, %zmm1, %zmm2"], id="latency of a sum"),
        pytest.param(52, MULTIPLIES[:1], id="latency of a tile"),
        pytest.param(4 * 16, MULTIPLIES, id="four tiles hide it"),
    ],
)
def test_instructions_take_their_cycles(cycles, texts):
    assert cycles_each([[(i, None, None) for i in code(*texts)]] * 400) == pytest.approx(cycles, rel=0.02)


def tile_steps(lines_of_l2):
    """Blocks of 2 x 2 tiles: so many of the 64 lines of each step come from L2, the others from L1."""
    loads = code(*(f"tileloadd\t(%rdi,%rsi), %tmm{n}" for n in (4, 5, 6, 7)))
    multiplies = [(i, None, None) for i in code(*MULTIPLIES)]
    streamed = 1 << 30
    for _ in range(300):
        step = []
        for n, load in enumerate(loads):
            from_l2 = n < lines_of_l2 // 16
            step.append((load, streamed if from_l2 else n * TILE, LINE))
            streamed += TILE if from_l2 else 0
        yield step + multiplies


def test_tiles_from_l1_cost_nothing_beside_their_multiplies():
    assert 64 <= cycles_each(tile_steps(0)) < 66


def test_half_of_the_tiles_from_l2_cost_what_they_did_on_a_server():
    """The loop of benchmark/run that reloads tiles reached 0.65 to 0.70 of the register peak (docs/Performance.md)."""
    assert 0.65 <= 64 / cycles_each(tile_steps(32)) <= 0.70


def test_work_between_multiplies_hides_as_far_as_the_core_sees():
    tiles = [(i, None, None) for i in code(*MULTIPLIES)]
    vectors = [(i, None, None) for i in code(*(f"vpandd\t%zmm0, %zmm1, %zmm{2 + n % 8}" for n in range(100)))]
    assert cycles_each([tiles + vectors] * 200) < 66  # 50 cycles of two ports, within reach of the multiplies behind
    far = [(tiles * 16 + vectors * 16)] * 20  # the same work, 1600 of it between multiplies
    assert cycles_each(far) / 16 > 80


def test_a_load_waits_for_the_store_of_its_line():
    store, load, add = code("vmovdqa64\t%zmm0, (%rdi)", "vmovdqa64\t(%rdi), %zmm1", "vpaddd\t%zmm1, %zmm2, %zmm0")
    chain = [(store, 4096, None), (load, 4096, None), (add, None, None)]
    assert cycles_each([chain] * 200) >= 1 + core.FORWARD


def test_lines_that_stores_fetch_delay_loads():
    """Kernels that push their sums out of L1 pay for it when they store them, too."""
    load, store = code("vmovdqa64\t(%rdi), %zmm1", "vmovdqa64\t%zmm0, (%rsi)")
    loads = [[(load, n * LINE, None)] for n in range(4000)]
    both = [[(load, n * LINE, None), (store, (1 << 30) + n * LINE, None)] for n in range(4000)]
    assert cycles_each(loads) == pytest.approx(core.L2_LINE, rel=0.05)
    assert cycles_each(both) == pytest.approx(2 * core.L2_LINE, rel=0.05)
