"""Where output cannot go: one line that names the file, what was there stays, nothing is half-written."""

import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

from quant_fptq import FptqError, Profile, QuantizeOptions, Session, load_checkpoint, save_checkpoint
from quant_fptq.cli import main
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
    linker, said = tmp_path / "path" / "clang-22", tmp_path / "said"
    linker.parent.mkdir()
    os.mkfifo(said)
    linker.write_text(f"#!/bin/sh\necho half > \"$3\"\necho linking > {said}\nexec /bin/sleep 60\n")
    linker.chmod(0o755)
    (tmp_path / "out").mkdir()
    command = [BIN / "fptq-compile", "--tier=reference", model, "-o", tmp_path / "out" / "model.so"]
    with subprocess.Popen(list(map(os.fspath, command)), stdout=subprocess.PIPE, start_new_session=True, text=True,
                          env={**os.environ, "PATH": os.fspath(linker.parent)}) as process:
        assert said.read_text() == "linking\n"
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
    assert status == 1 and ("sidecar would replace" if command == "calibrate" else "the model is read from it") in text
    assert str(tiny / "model.safetensors") in text
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


def profile_at(path):
    made = Profile()
    made.record("a", np.ones((2, 4), np.float32))
    made.save(path)


def files_below(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def beside(tiny, monkeypatch):
    """A folder with inputs of every kind, where commands run; `out` is a module with its weights."""
    folder = tiny.parent
    monkeypatch.chdir(folder)
    profile_at(folder / "p.json")
    (folder / "text.txt").write_text("a b c")
    (folder / "recipe.yaml").write_text("version: 1\nrules:\n  - match: a\n    policy: static\n")
    save_checkpoint(load_checkpoint(tiny), folder / "native.safetensors")
    (folder / "m.mlir").write_text(MODEL)
    (folder / "folder.mlirbc").mkdir()
    return folder


QUANTIZE = ("quantize", "tiny", "--policy", "per-token")
RANGES = ("policy", "--profile", "p.json")
READ, TWICE, TENSORS = "this command reads it; name another output", "two outputs of this command", "tensors are in it"


@pytest.mark.parametrize("arguments, message", [
    # A suffix that is cut off would be a part of the name, and two models would share their weights.
    ((*QUANTIZE, "-o", "v-0.1"), "v-0.1: expected a name ending in .mlirbc"),
    ((*QUANTIZE, "-o", "x.safetensors"), "x.safetensors: expected a name ending in .mlirbc"),
    ((*QUANTIZE, "-o", "folder.mlirbc"), "folder.mlirbc: Is a directory"),
    ((*QUANTIZE, "-o", "x.mlir"), "x.mlir: expected a name ending in .mlirbc"),
    ((*QUANTIZE, "-o", "/"), "/: expected a name ending in .mlirbc"),
    ((*QUANTIZE, "-o", ""), "-o is empty"),
    (("export", "tiny", "-o", "."), ".: is no name of a file"),
    (("import", "tiny", "-o", "x.json"), "x.json: expected a name ending in .safetensors, .mlir or .mlirbc"),
    (("import", "m.mlir", "-o", "x.safetensors"), "x.safetensors: expected a name ending in .mlir or .mlirbc"),
    (("calibrate", "tiny", "--random-tokens", "8", "-o", "v-0.1"), "v-0.1: expected a name ending in .json"),
    (("profile", "merge", "p.json", "-o", "x.safetensors"), "x.safetensors: expected a name ending in .json"),
    # Outputs that are inputs
    ((*QUANTIZE, "-o", "x.mlirbc", "--json", "tiny/config.json"), "tiny/config.json: the model is read from it"),
    ((*QUANTIZE, "-o", "x.mlirbc", "--json", "tiny/model.safetensors"), TENSORS),
    ((*QUANTIZE, "-o", "x.mlirbc", "--json", "recipe.yaml", "--recipe", "recipe.yaml"), f"recipe.yaml: {READ}"),
    (("eval", "tiny", "--text", "text.txt", "--json", "../{name}/text.txt"), f"text.txt: {READ}"),
    ((*RANGES, "--json", "p.json"), f"p.json: {READ}"),
    ((*RANGES, "--json", "p.safetensors"), TENSORS),
    (("report", "--profile", "p.json", "-o", "p.json"), f"p.json: {READ}"),
    (("report", "--profile", "p.json", "-o", "p.safetensors"), TENSORS),
    (("profile", "merge", "p.json", "-o", "p.json"), f"p.json: {READ}"),
    (("compile", "m.mlir", "-o", "m.mlir"), f"m.mlir: {READ}"),
    # Two outputs in one file
    ((*QUANTIZE, "-o", "x.mlirbc", "--json", "x.mlirbc"), f"x.mlirbc: {TWICE}"),
    ((*QUANTIZE, "-o", "x.mlirbc", "--json", "x.safetensors"), f"x.safetensors: {TWICE}"),
    # Vectors of a profile in the place of weights, and weights in that of vectors
    ((*QUANTIZE, "-o", "p.mlirbc"), "p.safetensors: a profile's vectors are in it, as 'a.absmax'"),
    (("import", "tiny", "-o", "p.safetensors"), "p.safetensors: a profile's vectors are in it"),
    (("import", "tiny", "-o", "p.mlir"), "p.safetensors: a profile's vectors are in it"),
    (("export", "tiny", "--to", "quant-fptq", "-o", "p.safetensors"), "p.safetensors: a profile's vectors are in it"),
    (("calibrate", "tiny", "--random-tokens", "8", "-o", "native.json"), "its sidecar would replace 'native.safet"),
    # Values of a variable that is not set, or of another encoding
    ((*RANGES, "--recipe", ""), "--recipe is empty"),
    ((*QUANTIZE, "--profile", "", "-o", "x.mlirbc"), "--profile is empty"),
    ((*QUANTIZE, "--names", "", "-o", "x.mlirbc"), "--names is empty"),
    (("profile", "merge", "p.json", "", "-o", "x.json"), "PROFILE is empty"),
    ((*RANGES, "--json", "t\udcff.json"), "--json is 't\\udcff.json', which is not UTF-8"),
    ((*QUANTIZE, "-o", "\udcff.mlirbc"), "-o is '\\udcff.mlirbc', which is not UTF-8"),
    (("generate", "tiny", "--prompt", "\udcff"), "--prompt is '\\udcff', which is not UTF-8"),
])
def test_outputs_are_looked_at_before_any_work(beside, capsys, monkeypatch, arguments, message):
    """With its inputs all there, the command touches none of them, and writes nothing."""
    monkeypatch.setattr(Session, "checked", lambda *_: pytest.fail("work"))
    before = files_below(beside)
    assert main([argument.replace("{name}", beside.name) for argument in arguments]) == 1
    assert message in capsys.readouterr().err and files_below(beside) == before


def test_a_profile_is_not_replaced_by_a_checkpoint_from_python(beside):
    with pytest.raises(FptqError, match="p.safetensors: a profile's vectors are in it"):
        save_checkpoint(load_checkpoint(beside / "tiny"), beside / "p.safetensors")


@pytest.mark.parametrize("arguments", [
    (*QUANTIZE, "-o", "x.mlirbc", "--json", "x.json"), ("import", "tiny", "-o", "x.safetensors"),
    ("import", "m.mlir", "-o", "p.mlir"), ("calibrate", "tiny", "--random-tokens", "8", "-o", "x.json"),
    ("profile", "merge", "p.json", "-o", "x.json"), ("report", "--profile", "p.json", "-o", "x.html"),
])
def test_outputs_of_the_last_run_are_replaced(beside, arguments):
    assert main(list(arguments)) == 0
    first = files_below(beside)
    assert main(list(arguments)) == 0 and files_below(beside).keys() == first.keys()


@pytest.mark.parametrize("text", ["", " \n<|endoftext|>\n"])
@pytest.mark.parametrize("arguments", [("calibrate", "-o", "x.json"), ("quantize", "-o", "x.mlirbc")])
def test_a_text_without_tokens(tmp_path, kjv_folder, capsys, arguments, text):
    (tmp_path / "empty.txt").write_text(text)
    command, flag, output = arguments
    assert main([command, str(kjv_folder), "--text", str(tmp_path / "empty.txt"), flag, str(tmp_path / output)]) == 1
    assert f"{tmp_path}/empty.txt: has no tokens to calibrate on" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["empty.txt"]


def test_no_memory(tiny, capsys, monkeypatch):
    monkeypatch.setattr("quant_fptq.cli.commands.load_checkpoint", lambda *_: np.empty((1 << 40, 1 << 20), np.int8))
    assert main(["import", str(tiny), "-o", str(tiny / "x.mlir")]) == 1
    assert "quant-fptq: error: not enough memory: Unable to allocate" in capsys.readouterr().err


def test_two_writers_of_one_file(tmp_path):
    """The last one to finish wins, with all of its bytes and nobody else's; and the mode is as of any new file."""
    with whole_file(tmp_path / "x") as first, whole_file(tmp_path / "x") as second:
        first.write(b"aaaa")
        second.write(b"bb")
    assert [path.name for path in tmp_path.iterdir()] == ["x"] and (tmp_path / "x").read_bytes() == b"aaaa"
    (tmp_path / "y").touch()
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


WAITS = """
import ctypes, sys, time
from pathlib import Path
from quant_fptq.cli import commands, main
from quant_fptq.output import whole_file
from quant_fptq.session import Session

def work(options):
    with Session(lambda severity, text: time.sleep(60)) as session, whole_file(sys.argv[1]) as file:
        file.write(b"half")
        Path(session.folder, "something").touch()
        print("working", flush=True)
        {"python": lambda: time.sleep(60), "listener": lambda: session.parse_text("nonsense"),
         "compiler": lambda: ctypes.CDLL(None).sleep(60), "unraisable": lambda: Unraisable()}[sys.argv[2]]()

class Unraisable:
    def __del__(self):
        time.sleep(60)

commands.merge = work
sys.exit(main(["profile", "merge", "absent.json", "-o", sys.argv[1]]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("where", ["python", "listener", "compiler", "unraisable"])
def test_a_signal_ends_a_command(tmp_path, number, where):
    """At once, silently, and without leaving anything; compiled code knows nothing of Python's exceptions."""
    for name in ("out", "tmp"):
        (tmp_path / name).mkdir()
    command = [sys.executable, "-c", WAITS, os.fspath(tmp_path / "out" / "x.json"), where]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": os.fspath(tmp_path / "tmp")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler)) as process:
        assert process.stdout.readline() == "working\n"
        assert len(os.listdir(tmp_path / "out")) == len(os.listdir(tmp_path / "tmp")) == 1
        process.send_signal(number)
        _, text = process.communicate(timeout=30)
    assert process.returncode == 128 + number and text == ""
    assert where == "unraisable" or os.listdir(tmp_path / "out") == []  # it may end before anybody stops it
    assert os.listdir(tmp_path / "tmp") == []


def test_what_a_listener_raises_comes_out_of_the_call():
    def listen(severity, text):
        raise KeyboardInterrupt

    with Session(listen) as session:
        with pytest.raises(KeyboardInterrupt):
            session.parse_text("nonsense")
        assert session.parse_text("module {}").text()  # once
