"""Where output cannot go: one line that names the file, what was there stays, nothing is half-written."""

import os
import pathlib
import subprocess
import sys

import pytest

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
