"""benchmark/nvptx as far as it goes without a GPU: checks on interpreted PTX, and ctypes on a driver of our own."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import measure
import numpy as np
import pytest
from artifacts import Format, read_cases, write
from conftest import ROOT
from driver import DriverError
from ptx_interpreter import Device, parse

FORM = Format("symmetric", 64)
RUN = ROOT / "benchmark" / "nvptx" / "run"


class Tensor:
    """What measure.py asks of one, in the interpreter's memory."""

    def __init__(self, device, array):
        self.array, self.shape = np.array(array), np.shape(array)
        self.address = device.memory.add(self.array, True)

    def data_ptr(self):
        return self.address

    def cuda(self):
        return self

    cpu = cuda

    def numpy(self):
        return self.array


def torch_on(device, chip):
    def tensor(array):
        return Tensor(device, array)

    return SimpleNamespace(
        int32=np.int32, from_numpy=tensor,
        full=lambda shape, value, device: tensor(np.full(shape, value, np.float32)),
        full_like=lambda like, value, device: tensor(np.full_like(like.array, value)),
        empty=lambda words, dtype, device: tensor(np.full(words, 0x55, dtype)),
        zeros=lambda words, dtype=np.float32, device=None: tensor(np.zeros(words, dtype)),
        cuda=SimpleNamespace(init=lambda: None, synchronize=lambda: None,
                             current_stream=lambda: SimpleNamespace(cuda_stream=0),
                             get_device_properties=lambda _: SimpleNamespace(name="Fake", major=chip // 10, minor=chip % 10)))


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifacts")
    write(folder, ROOT / "build" / "bin" / "fptq-opt", [FORM], ["sm_80", "sm_90a"], [(FORM, 3, 20, 150, False)], [(FORM, 3, 100)])
    return folder


@pytest.fixture
def report(packed, monkeypatch):
    """A report of `folder` on a device of `chip` whose kernels are interpreted."""

    def make(folder=packed, chip=80, version=13000):
        device = Device({})

        class Module:
            def __init__(self, driver, ptx, kernels):
                self.kernels = kernels
                device.kernels |= parse(ptx)

            def prepare(self, kernel, grid, arguments, extra_shared=0, overlap=False):
                return lambda stream: device.launch(kernel.name, grid, kernel.threads, kernel.shared_bytes + extra_shared, arguments)

        monkeypatch.setattr(measure, "Module", Module)
        return measure.Report(torch_on(device, chip), SimpleNamespace(version=lambda: version), folder, quick=True)

    return make


def test_checks_pass(report):
    """Products with 1 to 8 slices and quantizations."""
    assert report().check(FORM) and report().check_rows(FORM)


@pytest.mark.parametrize("case, key", [("symmetric-g64-3x20x150", "expected"), ("rows-symmetric-g64-3x100", "sums"),
                                       ("rows-symmetric-g64-3x100", "scales")])
def test_one_wrong_number_ends_the_run(report, packed, tmp_path, capsys, case, key):
    shutil.copytree(packed, tmp_path / "wrong")
    path = tmp_path / "wrong" / "cases" / f"{case}.npz"
    arrays = dict(np.load(path))
    arrays[key].reshape(-1)[-1] += 1
    np.savez(path, **arrays)
    wrong = report(tmp_path / "wrong")
    wrong.run()
    assert not wrong.result["correct"] and not wrong.result["rows"] and case in capsys.readouterr().out


def test_chips(report, capsys):
    assert [report(chip=chip).chip for chip in (80, 89, 90, 100)] == ["sm_80", "sm_80", "sm_90a", "sm_80"]
    assert report(chip=90, version=12020).chip == "sm_80" and "older than CUDA 12.4" in capsys.readouterr().out
    with pytest.raises(DriverError, match="Fake is sm_75, sm_80 or newer is needed"):
        report(chip=75)


def test_folders_without_cases(packed, tmp_path):
    shutil.copytree(packed, tmp_path / "old", ignore=shutil.ignore_patterns("rows-*"))
    with pytest.raises(FileNotFoundError, match="has no case of symmetric-g64: pack it again"):
        read_cases(tmp_path / "old", FORM, rows=True)


ON_A_DRIVER = """
import ctypes, sys
from artifacts import Kernel
from driver import Address, Driver, DriverError, Module
driver = Driver()
context = ctypes.c_void_p()
driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
driver.call("cuCtxPushCurrent_v2", context)
kernel = Kernel("twice", 32, 65536, 16, 8)
try:
    module = Module(driver, ".version 8.4\\n.target sm_90a\\n" + sys.argv[1], [kernel])
except DriverError as error:
    sys.exit(str(error))
memory = ctypes.c_uint64()
driver.call("cuMemAlloc_v2", ctypes.byref(memory), 64)
words = (ctypes.c_int32 * 16).from_address(memory.value)
words[:8] = range(8)
module.prepare(kernel, (1, 2, 3), [Address(memory.value), Address(memory.value + 32), 8], overlap=True)(5)
print(list(words[8:]))
"""


def test_driver(tmp_path):
    """Structures and arguments as the driver expects them, and what it says of code it refuses."""
    def run(text, **environment):
        environment = os.environ | {"LD_LIBRARY_PATH": str(ROOT / "build" / "test" / "fake-cuda"),
                                    "PYTHONPATH": str(RUN.parent), "FAKE_CUDA_LOG": str(tmp_path / "log")} | environment
        return subprocess.run([sys.executable, "-c", ON_A_DRIVER, text], env=environment, capture_output=True, text=True)

    done = run("")
    assert done.stdout == "[0, 2, 4, 6, 8, 10, 12, 14]\n", done.stderr
    log = (tmp_path / "log").read_text()
    assert "cuFuncSetAttribute twice 8 65536" in log
    assert "cuLaunchKernelEx twice grid 1 2 3 block 32 1 1 shared 65536 attributes 1" in log
    done = run("garbage", FAKE_CUDA_VERSION="12020")
    assert done.returncode and done.stderr == ("cuModuleLoadDataEx: fake error (218), for .version 8.4 .target sm_90a, by a driver "
                                               "of CUDA 12.2. line 7; error\n")


def test_where_the_report_cannot_go(tmp_path):
    done = subprocess.run([sys.executable, RUN, "--json", tmp_path / "none" / "out.json"], capture_output=True, text=True)
    assert done.returncode == 1 and "out.json cannot be written: its folder is not there" in done.stderr
