"""The Python API: what is copied, who owns what, and every way to hold it wrong as an exception."""

import gc
import json
import sys
import threading

import numpy as np
import pytest

from quant_fptq import FptqError, Location, Pipeline, Policy, Profile, QuantizeOptions, Session, calibrate_calls
from quant_fptq.importer import safetensors

TWICE = """
func.func @main(%x: tensor<?x4xf32>, %s: tensor<f32>) -> (tensor<?x4xf32>, tensor<f32>) {
  %y = arith.addf %x, %x : tensor<?x4xf32>
  return %y, %s : tensor<?x4xf32>, tensor<f32>
}
func.func @update(%x: tensor<4xf32> {bufferization.writable = true}, %v: f32) -> tensor<4xf32> {
  %i = arith.constant 2 : index
  %y = tensor.insert %v into %x[%i] : tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func @keep(%x: tensor<4xf32>, %v: f32) -> tensor<4xf32> {
  %i = arith.constant 2 : index
  %y = tensor.insert %v into %x[%i] : tensor<4xf32>
  return %y : tensor<4xf32>
}"""
LINEAR = """
func.func @main(%x: tensor<2x8xf32>) -> tensor<2x3xf32> {
  %w = arith.constant dense<0.5> : tensor<3x8xf32>
  %y = fptq.linear %x, %w layer("a") : (tensor<2x8xf32>, tensor<3x8xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}"""


@pytest.fixture(scope="module")
def executable():
    with Session() as session:
        yield session.parse_text(TWICE).compile(threads=1)


def test_results_own_the_callees_memory(executable):
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    y, scalar = executable.call("main", [x, 3])
    np.testing.assert_array_equal(y, 2 * x)
    assert scalar.shape == () and scalar == 3
    assert not y.flags.owndata and y.flags.writeable and not np.shares_memory(x, y)
    row = y[1]
    del y, scalar
    gc.collect()
    executable.call("main", [x + 100, 3])  # what was freed would be used again
    np.testing.assert_array_equal(row, 2 * x[1])


def test_results_outlive_the_session():
    with Session() as session:
        y, _ = session.parse_text(TWICE).compile(threads=1).call("main", [np.ones((3, 4), np.float32), 0])
    gc.collect()
    assert (y == 2).all()


def test_arguments_are_updated_only_where_the_model_says_so(executable):
    x = np.zeros(4, np.float32)
    (y,) = executable.call("update", [x, 7.0])
    assert y is x and x.tolist() == [0, 0, 7, 0]
    (y,) = executable.call("keep", [x, 9.0])
    assert y.tolist() == [0, 0, 9, 0] and x.tolist() == [0, 0, 7, 0]


def test_empty_arrays(executable):
    y, _ = executable.call("main", [np.zeros((0, 4), np.float32), 0])
    assert y.shape == (0, 4)


def read_only():
    x = np.zeros(4, np.float32)
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("entry, arguments, message", [
    ("nothing", [], "no public function 'nothing'; there are: main, update, keep"),
    ("main", [], "'main': 0 arguments, expected 2"),
    ("main", [np.zeros((2, 4)), 0], "'main': argument 0 is float64, expected float32"),
    ("main", [np.zeros((2, 8), np.float32)[:, ::2], 0], "'main': argument 0 is not contiguous"),
    ("main", [np.zeros((2, 5), np.float32), 0], "argument 0"),
    ("main", [np.zeros(4, np.float32), 0], "argument 0"),
    ("main", [np.zeros((2, 4), np.complex64), 0], "argument 0 is complex64"),
    ("main", [np.zeros((2, 4), ">f4"), 0], "argument 0 is >f4"),
    ("main", [np.zeros((2, 4), np.float32), "three"], "'main': argument 1: could not convert"),
    ("update", [read_only(), 0], "'update': argument 0 is updated in place, but read-only"),
])
def test_arguments_that_do_not_fit(executable, entry, arguments, message):
    with pytest.raises(FptqError) as error:
        executable.call(entry, arguments)
    assert message in str(error.value)


def test_no_such_result(executable):
    with pytest.raises(FptqError, match="no result 2; there are 2"):
        executable.call("main", [np.zeros((1, 4), np.float32), 0], [2])


def test_errors_carry_location_and_notes(tmp_path):
    path = tmp_path / "bad.mlir"
    path.write_text("func.func @f(%x: f32) -> f32 {\n  return %y : f32\n}\n")
    with Session() as session, pytest.raises(FptqError) as error:
        session.parse(path)
    assert error.value.location == Location(str(path), 2, 10)
    assert error.value.message == "use of undeclared SSA value name" and error.value.notes == ()
    assert str(path) in str(error.value)
    path.write_text("func.func @f() {\n return\n}\nfunc.func @f() {\n return\n}\n")
    with Session() as session, pytest.raises(FptqError) as error:
        session.parse(path)
    assert "redefinition of symbol named 'f'" in error.value.message
    assert [(note.severity, note.location.line) for note in error.value.notes] == [("note", 1)]


def test_errors_that_quote_bytes(tmp_path):
    profile = tmp_path / "p.json"
    profile.write_bytes(b"\x93NUMPY 1 2\n")
    with Session() as session, pytest.raises(FptqError, match=r"got '\\x93NUMPY"):
        session.merge_profiles([profile, profile], tmp_path / "merged.json")


def test_errors_of_passes_name_the_layer():
    with Session() as session:
        module = session.parse_text(LINEAR)
        with pytest.raises(FptqError, match="layer 'a'") as error:
            module.run(QuantizeOptions(policy="static").pipeline())
        assert error.value.diagnostics[0].severity == "error"
        with pytest.raises(FptqError, match="pipeline 'no-such-pass'"):
            session.parse_text(LINEAR).run("no-such-pass")


def test_use_after_close():
    session = Session()
    module, executable = session.parse_text(TWICE), session.parse_text(TWICE).compile(threads=1)
    module.close()
    module.close()
    for use in (module.text, module.layers, module.clone, module.compile, lambda: module.run("cse")):
        with pytest.raises(FptqError, match="the module is closed"):
            use()
    session.close()
    session.close()
    with pytest.raises(FptqError, match="the executable is closed"):
        executable.call("main", [np.zeros((1, 4), np.float32), 0])
    for use in (lambda: session.parse_text(TWICE), lambda: session.start_calibration(), lambda: session.policies("x")):
        with pytest.raises(FptqError, match="the session is closed"):
            use()


def test_text_that_nests_without_end_is_an_error_from_memory_too():
    text = "func.func private @f(" + "tuple<" * 100000 + ">" * 100000 + ")"
    with Session() as session, pytest.raises(FptqError, match="brackets are nested more than 1000 deep"):
        session.parse_text(text)


@pytest.mark.parametrize("threads", [-1, 100_000])
def test_threads_that_no_system_has(threads):
    with Session() as session, pytest.raises(FptqError, match=f"threads is {threads}, expected 0 to 4096"):
        session.parse_text(TWICE).compile(threads=threads)


def test_garbage_in_any_order(monkeypatch):
    session = Session()
    modules = [session.parse_text(TWICE) for _ in range(3)]
    executable = modules[0].compile(threads=1)
    del session, modules
    gc.collect()
    assert executable.call("main", [np.ones((1, 4), np.float32), 0])[0].sum() == 8
    # All of it at once, in a cycle: whichever finalizer comes first.
    failures = []
    monkeypatch.setattr(sys, "unraisablehook", failures.append)
    executable.session.cycle = [executable, executable.session]
    del executable
    gc.collect()
    assert not failures


def test_threads_share_a_session(executable):
    session, failures = executable.session, []

    def work(seed):
        x = np.full((5, 4), seed, np.float32)
        for _ in range(20):
            if not (executable.call("main", [x, 0])[0] == 2 * seed).all():
                failures.append(seed)
            try:
                session.parse_text(f"bad {seed}")
            except FptqError:
                continue
            failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_pipelines():
    pipeline = Pipeline.of("fptq-raise").then("fptq-choose-policy", policy="per-token", group_size=8, recipe=None)
    assert str(pipeline) == 'fptq-raise,fptq-choose-policy{policy="per-token" group-size=8}'
    with Session() as session:
        (policy,) = session.parse_text(LINEAR).run(pipeline).policies()
    assert (policy.layer, policy.kind, policy.k, policy.n, policy.group_size) == ("a", "per-token", 8, 3, 8)
    with pytest.raises(FptqError, match="option 'names'.*double quotes"):
        Pipeline.of("fptq-raise", names='a"b')


def test_profiles_are_what_the_compiler_writes(tmp_path):
    # Small first: the histogram has to grow by more than one power of two.
    rows = [np.random.default_rng(1).standard_normal((7, 8)).astype(np.float32) * scale for scale in (0.1, 0, 3)]
    ours = Profile()
    for x in rows:
        ours.record("a", x)
    ours.save(tmp_path / "ours.json")
    with Session() as session:
        executable = session.parse_text(LINEAR.replace("2x", "?x")).run("fptq-insert-observers").compile(threads=1)
        session.start_calibration()
        for x in rows:
            executable.call("main", [x])
        session.finish_calibration(tmp_path / "compiler.json")
        (policy,) = session.decide(ours)
        session.merge_profiles([tmp_path / "ours.json", tmp_path / "compiler.json"], tmp_path / "merged.json")
    assert policy == Policy("a", "static", policy.reason, ours.layers["a"].absmax, 8, None, policy.group_size)
    mine, theirs = (Profile.load(tmp_path / f"{name}.json").layers["a"] for name in ("ours", "compiler"))
    assert (mine.tokens, mine.channels, mine.absmax) == (theirs.tokens, theirs.channels, theirs.absmax) == (21, 8, mine.absmax)
    np.testing.assert_array_equal(mine.channel_absmax, theirs.channel_absmax)
    np.testing.assert_array_equal(mine.histogram.bins, theirs.histogram.bins)
    assert mine.histogram.exponent == theirs.histogram.exponent
    assert Profile.load(tmp_path / "merged.json").layers["a"].tokens == 42


def test_a_layer_that_no_token_reached_stays_in_its_profile(tmp_path):
    """As the compiler writes an expert that was never picked: no token, no vectors."""
    profile = Profile()
    profile.record("picked", np.ones((2, 8)))
    profile.record("expert", np.ones((0, 8)))
    for name in ("p.json", "again.json"):
        profile.save(tmp_path / name)
        profile = Profile.load(tmp_path / name)
        assert (profile.layers["expert"].tokens, profile.layers["expert"].channels) == (0, 8)
    with Session() as session:
        picked, expert = session.decide(profile)
    assert (picked.kind, expert.kind) == ("static", "per-token")
    assert expert.reason == "no token of the calibration reached it"


def test_a_profile_goes_on_where_it_stopped(tmp_path):
    """Of min-max; another observer's range does not follow from what is in the file."""
    profile = Profile()
    profile.record("a", np.ones((2, 8)))
    profile.save(tmp_path / "p.json")
    again = Profile.load(tmp_path / "p.json")
    again.record("a", np.full((1, 8), 100.0))
    assert again.layers["a"].absmax == 100 and again.layers["a"].tokens == 3
    text = (tmp_path / "p.json").read_text().replace("min-max", "percentile=90").replace('"absmax": 1.0', '"absmax": 0.5')
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(FptqError, match="layer 'a': its range was read from a file, where its observer cannot go on"):
        Profile.load(tmp_path / "p.json").record("a", np.ones((1, 8)))


def test_a_profile_without_its_vectors_is_not_saved(tmp_path):
    (tmp_path / "p.json").write_text(json.dumps({"format": "fptq-profile", "version": 1, "layers": [
        {"name": "a", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 2}]}))
    with pytest.raises(FptqError, match=r"q.json: layer 'a': its vectors are not there \(a profile without sidecar\)"):
        Profile.load(tmp_path / "p.json").save(tmp_path / "q.json")


@pytest.mark.parametrize("breakage, message", [
    (lambda text: "{", "is not JSON"),
    (lambda text: text.replace('"version": 1', '"version": 2'), "no fptq-profile of version 1"),
    (lambda text: text.replace('"channels": 8', '"channels": "8"'), "layer 'a': channels: is '8'"),
    (lambda text: text.replace('"channels": 8', '"channels": 9'), "layer 'a': min: float32 \\[8\\], expected float32 \\[9\\]"),
    (lambda text: text.replace('p.safetensors"', '../p.safetensors"'), "sidecar: '../p.safetensors' is not a file name"),
    (lambda text: text.replace('"name": "a"', '"name": ""'), "an entry without a name"),
    (lambda text: text.replace('"channels": 8', '"channels": -1'), "layer 'a': channels: is -1, expected an integer"),
    (lambda text: text.replace('"tokens": 2', '"tokens": -2'), "layer 'a': tokens: is -2, expected an integer from 0"),
    (lambda text: text.replace('"tokens": 2', '"tokens": 2.5'), "layer 'a': tokens: is 2.5, expected an integer"),
    (lambda text: text.replace('"tokens": 2', f'"tokens": {10**400}'), "layer 'a': tokens: is 1000"),
    (lambda text: text.replace('"min": 1.0', '"min": 2'), "layer 'a': min: is 2, above max 1.0"),
    (lambda text: text.replace('"min": 1.0', '"min": null'), "layer 'a': min: is None, expected a number"),
    (lambda text: text.replace('"max": 1.0', '"max": 1e39'), "layer 'a': max: is 1e[+]39, expected a number that a"),
    (lambda text: text.replace('"max": 1.0', f'"max": {10**400}'), "layer 'a': max: is 1000"),
    (lambda text: text.replace('"absmax": 1.0', '"absmax": -1'), "layer 'a': absmax: is -1.0, expected a number >= 0"),
    (lambda text: text.replace('exponent": 1', 'exponent": 1.5'), "'a': histogram_exponent: is 1.5, expected an"),
    (lambda text: text.replace('exponent": 1', 'exponent": 129'), "is 129, expected an integer from -100 to 128"),
    (lambda text: text.replace('"min-max"', '"median"'), "observer: is 'median', expected min-max, moving-average"),
    (lambda text: text.replace('"min-max"', '"percentile=100"'), "is 'percentile=100', expected a value above 0"),
    (lambda text: text.replace('"min-max"', '"mse=1"'), "is 'mse=1', expected mse, which takes no value"),
    (lambda text: text.replace('"min-max"', '5'), "observer: is 5, expected a string"),
])
def test_bad_profiles(tmp_path, breakage, message):
    profile = Profile()
    profile.record("a", np.ones((2, 8)))
    profile.save(tmp_path / "p.json")
    (tmp_path / "p.json").write_text(breakage((tmp_path / "p.json").read_text()))
    with pytest.raises(FptqError, match=message):
        Profile.load(tmp_path / "p.json")


@pytest.mark.parametrize("vector, at, value, message", [
    ("min", 3, np.nan, "layer 'a': min: channel 3 is NaN or infinite"),
    ("histogram", 0, -1, "layer 'a': histogram: has the negative count -1"),
])
def test_bad_vectors_of_a_profile(tmp_path, vector, at, value, message):
    profile = Profile()
    profile.record("a", np.ones((2, 8)))
    profile.save(tmp_path / "p.json")
    vectors = {name: np.array(array) for name, array in safetensors.open_mapped(tmp_path / "p.safetensors").items()}
    vectors[f"a.{vector}"][at] = value
    safetensors.write(tmp_path / "p.safetensors", vectors)
    with pytest.raises(FptqError, match=message):
        Profile.load(tmp_path / "p.json")


@pytest.mark.parametrize("observer", ["entropy", "percentile", "percentile=99.9", "moving-average=0.5"])
def test_observers_of_a_profile(tmp_path, observer):
    profile = Profile(observer=observer)
    profile.record("a", np.ones((2, 8)))
    profile.save(tmp_path / "p.json")
    assert Profile.load(tmp_path / "p.json").observer == observer


def test_profiles_refuse_what_no_scale_can_hold():
    profile = Profile()
    with pytest.raises(FptqError, match="layer 'a': 1 values are NaN or infinite"):
        profile.record("a", np.array([[1, np.nan]]))
    profile.record("a", np.ones((1, 2)))
    with pytest.raises(FptqError, match="layer 'a': ran with 2 channels and with 3"):
        profile.record("a", np.ones((1, 3)))


@pytest.mark.parametrize("suffix, emit", [(".o", "emit_object"), (".so", "emit_shared_library")])
def test_code_in_a_file(tmp_path, suffix, emit):
    import ctypes
    import shutil

    if suffix == ".so" and not (shutil.which("clang-22") or shutil.which("cc")):
        pytest.skip("no compiler to link with")
    with Session() as session:
        module = session.parse_text(TWICE)
        getattr(module, emit)(tmp_path / f"m{suffix}", tiers="reference", threads=False)
        with pytest.raises(FptqError, match="no-such-tier"):
            getattr(module, emit)(tmp_path / f"n{suffix}", tiers="no-such-tier")
    assert "main" in (tmp_path / "m.h").read_text() and not (tmp_path / f"n{suffix}").exists()
    if suffix == ".so":
        assert ctypes.CDLL(str(tmp_path / "m.so"))._mlir_ciface_main


def test_import_and_export_of_types(tmp_path):
    from quant_fptq.cli import main

    (tmp_path / "in.mlir").write_text("""func.func @f(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
      %c = arith.constant dense<[[1], [2], [3], [-4]]> : tensor<4x1xi4>
      %q = quant.scast %c : tensor<4x1xi4> to tensor<4x1x!quant.uniform<i4:f32, 0.5>>
      %f = quant.dcast %q : tensor<4x1x!quant.uniform<i4:f32, 0.5>> to tensor<4x1xf32>
      %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
      return %r : tensor<3x1xf32> }""")
    assert main(["import", str(tmp_path / "in.mlir"), "-o", str(tmp_path / "ours.mlir")]) == 0
    assert "fptq.dequantize" in (tmp_path / "ours.mlir").read_text()
    assert main(["export", str(tmp_path / "ours.mlir"), "--to", "quant-types", "-o", str(tmp_path / "out.mlir")]) == 0
    assert "!quant.uniform<i4:f32:0, {5.000000e-01}>" in (tmp_path / "out.mlir").read_text()
    assert main(["export", str(tmp_path / "ours.mlir"), "-o", str(tmp_path / "folder")]) == 1


@pytest.mark.parametrize("failure, message", [
    ("libMLIR.so.22.1: cannot open shared object file: No such file or directory", "apt install libmlir-22"),
    ("libLLVM.so.22.1: cannot open shared object file: No such file or directory", "apt install libllvm22"),
    ("invalid ELF header", "invalid ELF header"),
])
def test_what_is_missing_is_named(monkeypatch, tmp_path, failure, message):
    from quant_fptq import _capi

    path = tmp_path / "libFPTQ-C.so"
    path.touch()
    monkeypatch.setenv("FPTQ_LIBRARY", str(path))

    def cannot(_):
        raise OSError(failure)

    monkeypatch.setattr(_capi.c, "CDLL", cannot)
    with pytest.raises(FptqError, match=message) as error:
        _capi.library.__wrapped__()
    assert str(path) in str(error.value)
    path.unlink()
    with pytest.raises(FptqError, match="no such file; build it"):
        _capi.library.__wrapped__()


def test_a_library_of_another_version_is_refused(monkeypatch):
    from quant_fptq import _capi

    monkeypatch.setattr(_capi, "__version__", "9.9.9")
    with pytest.raises(FptqError, match="version .*, expected that of this package, 9.9.9"):
        _capi.library.__wrapped__()


def test_a_function_named_as_one_of_c_is_not_what_math_calls():
    """math.tan is a call of tanf; frontends call their own functions @round and the like."""
    source = """
func.func {} @tanf(%x: f32) -> f32 {{ return %x : f32 }}
func.func @main(%x: f32) -> f32 {{
  %y = func.call @tanf(%x) : (f32) -> f32
  %z = math.tan %y : f32
  return %z : f32
}}"""
    with Session() as session:
        (y,) = session.parse_text(source.format("private")).compile(threads=1).call("main", [np.float32(0.5)])
        assert y == pytest.approx(np.tan(0.5), rel=1e-6)
        with pytest.raises(FptqError, match="function 'tanf' has the name of one of C's libraries"):
            session.parse_text(source.format("")).compile()


def test_a_profile_says_of_which_model_it_is(tmp_path):
    text = '''module attributes {fptq.model_hash = "mine"} {
      func.func @main(%x: tensor<1x8xf32>) -> tensor<1x4xf32> {
        %w = arith.constant dense<0.5> : tensor<8x4xf32>
        %z = arith.constant dense<0.0> : tensor<1x4xf32>
        %y = linalg.matmul ins(%x, %w : tensor<1x8xf32>, tensor<8x4xf32>) outs(%z : tensor<1x4xf32>) -> tensor<1x4xf32>
        return %y : tensor<1x4xf32>
      }
    }'''
    safetensors.write(tmp_path / "calls.safetensors", {"arg0": np.ones((3, 1, 8), np.float32)})
    with Session() as session:
        calibrate_calls(session, session.parse_text(text), tmp_path / "calls.safetensors", None, tmp_path / "p.json")
        assert Profile.load(tmp_path / "p.json").model_hash == "mine"
        other = session.parse_text(text.replace("mine", "yours"))
        with pytest.raises(FptqError, match="model_hash is 'mine', this model's is 'yours'"):
            other.run(f"fptq-quantize-pipeline{{profile={tmp_path}/p.json}}")


def test_one_calibration_at_a_time(tmp_path):
    with Session() as first, Session() as second:
        first.start_calibration()
        with pytest.raises(FptqError, match="another context of this process calibrates"):
            second.start_calibration()
        first.start_calibration()  # instead of the one that it began
        with pytest.raises(FptqError, match="no layer was observed"):
            first.finish_calibration(tmp_path / "p.json")
        second.start_calibration()
    assert not list(tmp_path.iterdir())
