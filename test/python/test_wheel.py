"""The wheel as a stranger gets it: built, looked into, installed alone in a fresh environment, run."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

VERSION = re.search(r"project\(quant-fptq VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from the tree by pip alone; --no-build-isolation: PyPI is not asked."""
    if not (ROOT / "build" / "lib" / "libFPTQ-C.so").exists():
        pytest.skip("the project is not built")
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", out, ROOT / "python")
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """An environment with the wheel, and with this one's numpy and the like instead of PyPI's."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(site) / "neighbours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def alone(python: Path, *command) -> str:
    """Nothing of the tree in reach: no PYTHONPATH, no FPTQ_LIBRARY, another folder."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "FPTQ_LIBRARY")}
    return run(python, *command, cwd=python.parent, env=environment)


def test_what_is_in_it(wheel):
    platform = sysconfig.get_platform().replace("-", "_")
    assert wheel.name == f"quant_fptq-{VERSION}-py3-none-{platform}.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        info = f"quant_fptq-{VERSION}.dist-info"
        assert "Root-Is-Purelib: false" in archive.read(f"{info}/WHEEL").decode()
        assert "License-Expression: Apache-2.0 WITH LLVM-exception" in archive.read(f"{info}/METADATA").decode()
    for name in ("libFPTQ-C.so", "libfptq-runtime.a", "py.typed", "session.py", "importer/gguf.py"):
        assert f"quant_fptq/{name}" in names
    assert f"{info}/licenses/LICENSE" in names
    assert all(name.startswith(("quant_fptq/", info)) for name in names)


def test_version_and_library_are_its_own(python):
    script = ("import quant_fptq, quant_fptq._capi as c; l = c.library(); "
              "print(quant_fptq.__version__, l.fptqVersion().decode(), l._name)")
    ours, library, path = alone(python, "-c", script).split()
    assert ours == library == VERSION
    assert path.startswith(str(python.parents[1]))


COMPILE_AND_CALL = """
import numpy as np
from quant_fptq import Session
with Session() as session:
    module = session.parse_text(
        "func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {"
        " %y = arith.addf %x, %x : tensor<?xf32>  return %y : tensor<?xf32> }")
    (y,) = module.compile(threads=1).call("main", [np.arange(5, dtype=np.float32)])
    print(*y)
"""


def test_compiles_and_runs_without_a_compiler(python):
    assert alone(python, "-c", COMPILE_AND_CALL).split() == ["0.0", "2.0", "4.0", "6.0", "8.0"]


def test_command_line(python):
    assert "calibrate" in alone(python.with_name("quant-fptq"), "--help")


def test_typed():
    """mypy sees no error in the package."""
    pytest.importorskip("mypy")
    run(sys.executable, "-m", "mypy", "--config-file", ROOT / "python" / "pyproject.toml", "--cache-dir", os.devnull,
        ROOT / "python" / "quant_fptq")


def test_nothing_is_left_in_the_tree(wheel):
    assert not list((ROOT / "python").glob("*.egg-info")) and not (ROOT / "python" / "build").exists()
