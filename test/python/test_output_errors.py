"""Where output cannot go: one line that names the file, what was there stays, nothing is half-written."""

import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

from quant_fptq import FptqError, Profile, QuantizeOptions, Session, load_checkpoint
from quant_fptq.output import whole_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("FPTQ_BUILD", ROOT / "build")) / "bin"
LAYER = "layer_" + "x" * 300  # longer than its weight, so that a journal outgrows the data
MODEL = f"""
func.func @main() -> tensor<1x1xf32> {{
  %x = arith.constant dense<1.0> : tensor<1x1xf32>
  %w = arith.constant {{fptq.name = "{LAYER}"}} dense<0.5> : tensor<1x1xf32>
  %y = fptq.linear %x, %w layer("{LAYER}") {{
    policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 1, symmetric = true, method = rtn>
  }} : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}}
"""


def run(tool, *arguments):
    done = subprocess.run([os.fspath(BIN / tool), *map(os.fspath, arguments)], capture_output=True, text=True)
    return done.returncode, done.stderr


def on_a_disk_of(size, model, action):
    """`action` on the parsed module where no file grows beyond `size` bytes: writes are cut there, then fail. In a
    process of its own, whose SIGXFSZ Python ignores; LLVM's tools would take the signal for a crash."""
    program = ("import resource, signal, sys\nfrom quant_fptq import FptqError, Session\n"
               "module = Session().parse(sys.argv[1])\n"
               f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
               f"try: module.{action}\nexcept FptqError as error: sys.exit(str(error))\n")
    done = subprocess.run([sys.executable, "-c", program, os.fspath(model)], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    return done.returncode, done.stderr


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.mlir"
    path.write_text(MODEL)
    return path


COMMANDS = [("fptq-opt", "-o"), ("fptq-compile", "--tier=reference", "-o"), ("fptq-run", "--result"),
            ("fptq-run", "--results")]


@pytest.mark.parametrize("command", COMMANDS, ids=["opt", "compile", "npy", "safetensors"])
class TestTargets:
    def test_folder(self, tmp_path, model, command):
        (tmp_path / "there").mkdir()
        status, text = run(command[0], model, *command[1:], tmp_path / "there")
        assert status == 1 and f"'{tmp_path / 'there'}': Is a directory" in text.lower().replace("is a", "Is a")

    def test_missing_folder(self, tmp_path, model, command):
        status, text = run(command[0], model, *command[1:], tmp_path / "absent" / "file")
        assert status == 1 and f"{tmp_path / 'absent' / 'file'}" in text and "No such file" in text

    @pytest.mark.skipif(not pathlib.Path("/dev/full").is_char_device(), reason="no /dev/full")
    def test_full_device(self, tmp_path, model, command):
        link = tmp_path / "full"  # if it were renamed over, it would be the link and not the device
        link.symlink_to("/dev/full")
        status, text = run(command[0], model, *command[1:], link)
        assert status == 1 and link.is_symlink() and "LLVM ERROR" not in text
        assert f"'{link}': No space left on device" in text or f"'{link}' is no regular file" in text


@pytest.mark.parametrize("action", ["write({!r}, bytecode=False)", "write({!r})", "emit_object({!r}, tiers='reference')"])
def test_full_disk_keeps_what_was_there(tmp_path, model, action):
    old = tmp_path / "old.o"
    old.write_text("old")
    status, text = on_a_disk_of(64, model, action.format(os.fspath(old)))
    assert status == 1 and f"'{old}': File too large" in text
    assert old.read_text() == "old" and sorted(p.name for p in tmp_path.iterdir()) == ["model.mlir", "old.o"]


def test_failed_pass_keeps_what_was_there(tmp_path, model):
    old = tmp_path / "old.mlir"
    old.write_text("old")
    status, text = run("fptq-opt", "--fptq-attach-profile=profile=absent.json", model, "-o", old)
    assert status == 1 and "absent.json" in text and old.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.mlir", "old.mlir"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_linking_leaves_nothing(tmp_path, model, number):
    """The linker here writes its output, says so, and takes its time."""
    linker = tmp_path / "path" / "clang-22"
    linker.parent.mkdir()
    linker.write_text("#!/bin/sh\necho half > \"$3\"\n/bin/echo linking\nexec /bin/sleep 60\n")
    linker.chmod(0o755)
    (tmp_path / "out").mkdir()
    command = [BIN / "fptq-compile", "--tier=reference", model, "-o", tmp_path / "out" / "model.so"]
    with subprocess.Popen(list(map(os.fspath, command)), stdout=subprocess.PIPE, start_new_session=True, text=True,
                          env={**os.environ, "PATH": os.fspath(linker.parent)}) as process:
        assert process.stdout.readline() == "linking\n"
        assert len(os.listdir(tmp_path / "out")) == 2  # the object file and half a library
        process.send_signal(number)
        process.wait()
        left = os.listdir(tmp_path / "out")
        os.killpg(process.pid, signal.SIGKILL)  # the linker
    assert process.returncode == -number and not left


def test_journal_that_is_cut(tmp_path, model):
    """A write that takes only a part of a line sets no errno."""
    weights = tmp_path / "w.safetensors"
    pipeline = f"run('builtin.module(fptq-quantize-weights{{parameters-out={weights}}})')"
    assert on_a_disk_of(1 << 20, model, pipeline)[0] == 0
    size = weights.stat().st_size
    weights.unlink()
    status, text = on_a_disk_of(size, model, pipeline)
    assert status == 1 and "w.safetensors.journal': No space left on device" in text
    assert not weights.exists()


def test_device_in_place_of_a_safetensors_file(tmp_path, model):
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    status, text = run("fptq-run", model, "--results", link)
    assert status == 1 and f"'{link}' is no regular file" in text and link.is_symlink()


def quant_fptq(*arguments):
    done = subprocess.run([sys.executable, "-m", "quant_fptq", *map(os.fspath, arguments)], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    return done.returncode, done.stderr


PROFILE = "# op_name threshold min max\na.q_proj 3 -3 3\n"


@pytest.mark.skipif(not pathlib.Path("/dev/full").is_char_device(), reason="no /dev/full")
@pytest.mark.parametrize("device", ["full", "null"])
def test_python_writes_to_devices_straight(tmp_path, device):
    """A rename would replace the device, and whoever is root would have no /dev/null any more."""
    link, table = tmp_path / device, tmp_path / "table.txt"
    link.symlink_to(f"/dev/{device}")
    table.write_text(PROFILE)
    status, text = quant_fptq("policy", "--profile", table, "--json", link)
    assert link.is_symlink() and sorted(p.name for p in tmp_path.iterdir()) == [device, "table.txt"]
    assert status == (1 if device == "full" else 0)
    assert text == (f"quant-fptq: error: {link}: No space left on device\n" if device == "full" else "")


def test_python_removes_what_it_could_not_write(tmp_path):
    table = tmp_path / "table.txt"
    table.write_text(PROFILE)
    status, text = quant_fptq("policy", "--profile", table, "--json", tmp_path)
    assert status == 1 and text == f"quant-fptq: error: {tmp_path}: Is a directory\n"
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "new") as file:
        file.write(b"half")
        1 // 0
    assert [p.name for p in tmp_path.iterdir()] == ["table.txt"]


@pytest.mark.parametrize("arguments", [("quantize", "--policy", "per-token", "-o", "model.mlirbc"),
                                       ("calibrate", "--random-tokens", "8", "-o", "model.json"),
                                       ("import", "-o", "model.safetensors")], ids=lambda a: a[0])
def test_a_model_is_not_written_over_itself(tiny, arguments):
    """Weights and vectors go beside the output, under its name, which may be that of the model's own weights."""
    weights = (tiny / "model.safetensors").read_bytes()
    command, *options, output = arguments
    status, text = quant_fptq(command, tiny, *options, tiny / output)
    assert status == 1 and "model.safetensors: the model's own weights are in it; name another output" in text
    assert (tiny / "model.safetensors").read_bytes() == weights and not (tiny / output).with_suffix(".mlirbc").exists()
    with Session() as session:
        module = session.import_checkpoint(load_checkpoint(tiny))
        plan = QuantizeOptions(policy="per-token", parameters_out=tiny / "model.safetensors")
        with pytest.raises(FptqError, match="model.safetensors' has the weights that are to be quantized"):
            module.run(plan.pipeline())
        profile = Profile()
        profile.record("a", np.ones((2, 4), np.float32))
        with pytest.raises(FptqError, match="model.json: its sidecar would replace '.*model.safetensors'"):
            profile.save(tiny / "model.json")
    assert (tiny / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize("option, value", [("--threads", "-1"), ("--first-document", "-1"), ("--max-tokens", "0"),
                                           ("--context", "0"), ("--group-size", "0"), ("--v0", "nan"),
                                           ("--temperature", "nan"), ("--top-p", "2"), ("--seed", "-1")])
def test_numbers_that_make_no_sense(option, value):
    status, text = quant_fptq("generate", "absent", f"{option}={value}")
    assert status == 2 and f"argument {option}: invalid" in text and text.endswith(f"value: '{value}'\n")


def test_text_that_is_not_utf8(tmp_path, kjv_folder):
    path = tmp_path / "latin1.txt"
    path.write_bytes(b"caf\xe9 ")
    status, text = quant_fptq("eval", kjv_folder, "--text", path)
    assert status == 1 and text == f"quant-fptq: error: {path}: not UTF-8: byte 3 is 0xe9\n"
