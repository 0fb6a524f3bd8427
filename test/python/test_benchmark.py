"""What of benchmark/ is deterministic: which peers take part at a tier, how they are held to it, what is refused."""

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmark"))
from harness import engine, options, peers, tiers  # noqa: E402

BENCHMARK = ROOT / "benchmark"

# An engine that answers with what holds it.
ECHO = '#!/bin/sh\nwhile read -r line; do echo "ok ${0##*/} isa=$ONEDNN_MAX_CPU_ISA ggml=${GGML_LIBRARIES##*/}"; done\n'


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder of peers that echo; ggml is compiled once more for AVX2."""
    for program in ("python", "onednn-peer"):
        path = tmp_path / "bin" / program
        path.parent.mkdir(exist_ok=True)
        path.write_text(ECHO)
        path.chmod(0o755)
    (tmp_path / "ggml-avx2").mkdir()
    (tmp_path / "ggml-avx2" / "libggml-cpu.so").touch()
    monkeypatch.setattr(engine, "PEERS", tmp_path)
    for name in ("ONEDNN_MAX_CPU_ISA", "GGML_LIBRARIES"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def labels(wanted, tier, best):
    all_peers = peers.Peers(wanted, tier, best)
    try:
        return set(all_peers.prepare(1, 4, 64, 256, 32, 1)), all_peers.absent
    finally:
        all_peers.close()


def test_best_tier_holds_nobody(installed):
    assert labels(peers.NAMES, "avx2", "avx2") == ({"python isa= ggml=", "onednn-peer isa= ggml="}, {})


def test_peers_are_held_and_say_so(installed):
    found, _ = labels(("ggml", "onednn"), "avx2", "avx512vnni")
    assert found == {"python isa=AVX2 ggml=ggml-avx2 (avx2)", "onednn-peer isa=AVX2 ggml=ggml-avx2 (avx2)"}


def test_peer_that_cannot_be_held_is_left_out(installed, capsys):
    found, absent = labels(("ort",), "avx2", "avx512vnni")
    assert not found and "cannot be held to avx2" in absent["ort"]
    assert "skipped: ort: ONNX Runtime asks CPUID" in capsys.readouterr().out
    assert labels(("ort",), "avx2", "avx2")[1] == {}


def test_ggml_is_not_compared_compiled_for_more(installed, capsys):
    found, absent = labels(("ggml",), "avxvnni", "amx-int8")
    assert not found and "not compiled for avxvnni; benchmark/install-peers" in absent["ggml"]


@pytest.mark.parametrize("tier", tiers.TIERS[:-1])
def test_every_lesser_tier_can_be_held(tier):
    script = (BENCHMARK / "install-peers").read_text()
    assert f"ggml {tiers.instructions(tier)}" in script
    held = tiers.environment(tier, "amx-int8")
    assert set(held) == {"ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS", "GGML_LIBRARIES"}
    assert f'"{held["ONEDNN_MAX_CPU_ISA"]}"' in (BENCHMARK / "peers" / "onednn-peer.cpp").read_text()


def test_ggml_loads_the_libraries_it_is_given(tmp_path):
    done = subprocess.run(
        [sys.executable, BENCHMARK / "peers" / "serve.py", "ggml"], input="prepare 1 32 32 32 1 1\n",
        env=os.environ | {"GGML_LIBRARIES": str(tmp_path)}, capture_output=True, text=True,
    )
    assert done.stdout.startswith(f"skip {tmp_path}/libggml-base.so: "), done.stderr


def test_row_names_the_peers_of_its_ratio():
    loader = importlib.machinery.SourceFileLoader("benchmark_run", str(BENCHMARK / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("benchmark_run", loader))
    loader.exec_module(module)
    table = module.Table("avx2")
    others = {"ggml (avx2)": [50.0], "openvino f32 (avx2)": [80.0], "failed": [0.0], "onednn w8a8 (avx2)": [90.0]}
    measured = {"gops": [160.0], "limit": [200.0], "peak": [200.0], "bare": [], "peers": others}
    table.add({("group", 1): measured}, 128, 64, 4096, 4096, "l3")
    (row,) = table.rows
    assert row["ratio_over"] == ["ggml (avx2)", "openvino f32 (avx2)"]
    assert (row["best_peer"], row["ratio_to_best_peer"]) == ("openvino f32 (avx2)", 2.0)


@pytest.mark.parametrize("words, message", [
    (["--m", "0"], "--m: 0: want positive numbers"),
    (["--threads", "1,x"], "--threads: 1,x: want positive numbers"),
    (["--shape", "64x"], "--shape: 64x: want NxK"),
    (["--peers", "ort,best"], "--peers: best: want some of none,ort,"),
    (["--parts", "l2"], "--parts: l2: want some of l3,dram,sweep"),
    (["--tier", "sse"], "--tier: invalid choice: 'sse'"),
    (["--tier", "avxvnni"], "--tier avxvnni: this machine does not run it: it lacks something"),
    (["--json", "nowhere/at/all.json"], "--json: nowhere/at/all.json: no file can be written there"),
])
def test_bad_arguments(words, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run", *words])
    monkeypatch.setattr(engine, "best_tier", lambda: "avx2")
    monkeypatch.setattr(engine, "lacks", lambda tier: "" if tier == "avx2" else "it lacks something")
    with pytest.raises(SystemExit) as stopped:
        options.arguments("")
    assert stopped.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize("program, needs", [
    ("run", "fptq-kernel-bench"), ("model", "fptq-kernel-bench"), ("scale", "quant-fptq"), ("static", "fptq-compile"),
])
def test_without_a_build(program, needs, tmp_path):
    done = subprocess.run([sys.executable, BENCHMARK / program], capture_output=True, text=True,
                          env=os.environ | {"FPTQ_BUILD": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr.endswith(f"{needs} is not there; build it first (tools/dev/setup)\n")


built = pytest.mark.skipif(not (engine.BUILD / "bin" / "fptq-kernel-bench").exists(), reason="nothing is built")


@built
def test_scale_measures_and_leaves_nothing(tmp_path):
    sizes = "--layers 1 --hidden 128 --feed-forward 256 --vocabulary 128".split()
    done = subprocess.run([sys.executable, BENCHMARK / "scale", *sizes, "--json", tmp_path / "scale.json"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "scale.json").read_text())
    assert report["bytes"] == 2 * (2 * 128 * 128 + 4 * 128 * 128 + 3 * 128 * 256 + 3 * 128)
    assert 1 << 20 < report["anonymous_bytes"] < 1 << 30
    assert not list(engine.BUILD.glob("scale.*"))


@built
def test_tiers_of_this_machine():
    assert engine.lacks("sse") == "there is no tier 'sse'"
    assert engine.best_tier() not in tiers.TIERS or engine.lacks(engine.best_tier()) == ""


def test_zen_is_the_same_instructions():
    """Peers need not be held on a machine whose best tier differs in the order of instructions only."""
    assert tiers.environment("avx512vnni", "avx512vnni-zen") == {}
    assert tiers.obstacle("ort", "avx512vnni-zen", "avx512vnni") is None
    assert tiers.environment("avx512vnni-zen", "amx-int8")["ONEDNN_MAX_CPU_ISA"] == "AVX512_CORE_VNNI"
