"""Mixtures of experts, which fptq-raise splits into a linear for each: as floats and in 4 bits, against numpy."""

import json

import numpy as np
import pytest

from quant_fptq import Session
from quant_fptq.importer import safetensors

EXPERTS, WIDTH, HIDDEN = 5, 64, 96


def gather(name, weight, shape, picks):
    """As torch-mlir writes `weight[ids]`: a copy of the weight of each pick."""
    loops = [f"d{i}" for i in range(picks + 2)]
    maps = ", ".join(f"affine_map<({', '.join(loops)}) -> ({', '.join(to)})>" for to in (loops[:picks], loops))
    ids, out = f"tensor<{'?x' * picks}xi64>".replace("xx", "x"), f"tensor<{'?x' * picks}{shape[0]}x{shape[1]}xf32>"
    parallel = ", ".join(['"parallel"'] * len(loops))
    sizes = ", ".join(f"%s{i}" for i in range(picks))
    return f"""
  %e{name} = tensor.empty({sizes}) : {out}
  %{name} = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{parallel}]}} ins(%ids : {ids}) outs(%e{name} : {out}) {{
  ^bb0(%id: i64, %o: f32):
    %i = arith.index_cast %id : i64 to index
    %n = linalg.index {picks} : index
    %k = linalg.index {picks + 1} : index
    %v = tensor.extract %{weight}[%i, %n, %k] : tensor<{EXPERTS}x{shape[0]}x{shape[1]}xf32>
    linalg.yield %v : f32
  }} -> {out}"""


def zeros(name, shape):
    type_ = f"tensor<{shape}xf32>"
    sizes = ", ".join(f"%s{i}" for i in range(shape.count("?")))
    return f"""
  %e{name} = tensor.empty({sizes}) : {type_}
  %{name} = linalg.fill ins(%zero : f32) outs(%e{name} : {type_}) -> {type_}"""


MODEL = f"""module attributes {{fptq.parameters = ["w.safetensors"]}} {{
ml_program.global private @mlp.up(#ml_program.extern : tensor<{EXPERTS}x{HIDDEN}x{WIDTH}xf32>) : tensor<{EXPERTS}x{HIDDEN}x{WIDTH}xf32>
ml_program.global private @mlp.down(#ml_program.extern : tensor<{EXPERTS}x{WIDTH}x{HIDDEN}xf32>) : tensor<{EXPERTS}x{WIDTH}x{HIDDEN}xf32>

// Hugging Face's batched_mm: each row of x has one pick.
func.func @routed(%x: tensor<?x{WIDTH}x1xf32>, %ids: tensor<?xi64>) -> tensor<?x{WIDTH}x1xf32> {{
  %up = ml_program.global_load_const @mlp.up : tensor<{EXPERTS}x{HIDDEN}x{WIDTH}xf32>
  %down = ml_program.global_load_const @mlp.down : tensor<{EXPERTS}x{WIDTH}x{HIDDEN}xf32>
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %s0 = tensor.dim %ids, %c0 : tensor<?xi64>
  {gather("g", "up", (HIDDEN, WIDTH), 1)}{zeros("z", f"?x{HIDDEN}x1")}
  %h = linalg.batch_matmul ins(%g, %x : tensor<?x{HIDDEN}x{WIDTH}xf32>, tensor<?x{WIDTH}x1xf32>) outs(%z : tensor<?x{HIDDEN}x1xf32>) -> tensor<?x{HIDDEN}x1xf32>
  %a = math.absf %h : tensor<?x{HIDDEN}x1xf32>
  {gather("f", "down", (WIDTH, HIDDEN), 1)}{zeros("q", f"?x{WIDTH}x1")}
  %y = linalg.batch_matmul ins(%f, %a : tensor<?x{WIDTH}x{HIDDEN}xf32>, tensor<?x{HIDDEN}x1xf32>) outs(%q : tensor<?x{WIDTH}x1xf32>) -> tensor<?x{WIDTH}x1xf32>
  return %y : tensor<?x{WIDTH}x1xf32>
}}

// einsum("tk,tank->tan", x, up[ids]): each row of x has several picks.
func.func @several(%x: tensor<?x{WIDTH}xf32>, %ids: tensor<?x?xi64>) -> tensor<?x?x{HIDDEN}xf32> {{
  %up = ml_program.global_load_const @mlp.up : tensor<{EXPERTS}x{HIDDEN}x{WIDTH}xf32>
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %s0 = tensor.dim %ids, %c0 : tensor<?x?xi64>
  %s1 = tensor.dim %ids, %c1 : tensor<?x?xi64>
  {gather("g", "up", (HIDDEN, WIDTH), 2)}{zeros("z", f"?x?x{HIDDEN}")}
  %y = linalg.generic {{indexing_maps = [affine_map<(t, a, n, k) -> (t, k)>, affine_map<(t, a, n, k) -> (t, a, n, k)>, affine_map<(t, a, n, k) -> (t, a, n)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}} ins(%x, %g : tensor<?x{WIDTH}xf32>, tensor<?x?x{HIDDEN}x{WIDTH}xf32>) outs(%z : tensor<?x?x{HIDDEN}xf32>) {{
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  }} -> tensor<?x?x{HIDDEN}xf32>
  return %y : tensor<?x?x{HIDDEN}xf32>
}}

// Llama 4: every expert has all tokens, and the routing is in x.
func.func @batched(%x: tensor<{EXPERTS}x?x{HIDDEN}xf32>) -> tensor<{EXPERTS}x?x{WIDTH}xf32> {{
  %down = ml_program.global_load_const @mlp.down : tensor<{EXPERTS}x{WIDTH}x{HIDDEN}xf32>
  %e = tensor.empty() : tensor<{EXPERTS}x{HIDDEN}x{WIDTH}xf32>
  %w = linalg.transpose ins(%down : tensor<{EXPERTS}x{WIDTH}x{HIDDEN}xf32>) outs(%e : tensor<{EXPERTS}x{HIDDEN}x{WIDTH}xf32>) permutation = [0, 2, 1]
  %zero = arith.constant 0.0 : f32
  %c1 = arith.constant 1 : index
  %s0 = tensor.dim %x, %c1 : tensor<{EXPERTS}x?x{HIDDEN}xf32>
  {zeros("z", f"{EXPERTS}x?x{WIDTH}")}
  %y = linalg.batch_matmul ins(%x, %w : tensor<{EXPERTS}x?x{HIDDEN}xf32>, tensor<{EXPERTS}x{HIDDEN}x{WIDTH}xf32>) outs(%z : tensor<{EXPERTS}x?x{WIDTH}xf32>) -> tensor<{EXPERTS}x?x{WIDTH}xf32>
  return %y : tensor<{EXPERTS}x?x{WIDTH}xf32>
}}
}}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file, arguments of calls, and what each must give. No call of `routed` and `several` picks expert 3."""
    folder, rng = tmp_path_factory.mktemp("experts"), np.random.default_rng(9)
    up, down = (rng.standard_normal(s, np.float32) * 0.1 for s in ((EXPERTS, HIDDEN, WIDTH), (EXPERTS, WIDTH, HIDDEN)))
    safetensors.write(folder / "w.safetensors", {"mlp.up": up, "mlp.down": down})
    path = folder / "model.mlir"
    path.write_text(MODEL)
    calls = []
    for ids in ([4, 0, 4, 2, 1, 0, 0, 4], [1], [2, 2, 2], []):
        x = rng.standard_normal((len(ids), WIDTH, 1), np.float32)
        ids = np.array(ids, np.int64)
        calls.append(("routed", [x, ids], down[ids] @ np.abs(up[ids] @ x)))
    for ids in ([[4, 0], [4, 2], [1, 0]], [[1, 4, 0, 2, 0]]):
        x = rng.standard_normal((len(ids), WIDTH), np.float32)
        ids = np.array(ids, np.int64)
        calls.append(("several", [x, ids], np.einsum("tk,tank->tan", x, up[ids])))
    x = rng.standard_normal((EXPERTS, 7, HIDDEN), np.float32)
    calls.append(("batched", [x], x @ down.transpose(0, 2, 1)))
    return path, calls


def run(module, calls, **options):
    executable = module.compile(**{"threads": 1, **options})
    return [executable.call(entry, arguments)[0] for entry, arguments, _ in calls]


def test_as_floats(model):
    path, calls = model
    with Session() as session:
        module = session.parse(path).run("fptq-raise")
        assert module.text().count("= fptq.linear") == 4 * EXPERTS
        for y, (_, _, expected) in zip(run(module, calls), calls, strict=True):
            np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("policy", ["fptq", "per-token"])
def test_in_4_bits(model, tmp_path, policy):
    """Each expert has the range of its own tokens; one that saw none is per token."""
    path, calls = model
    calls = [call for call in calls if call[0] != "batched"]
    profile = tmp_path / "p.json"
    with Session() as session:
        module = session.parse(path)
        session.start_calibration()
        run(module.clone().run("fptq-observe-pipeline"), calls)
        session.finish_calibration(profile)
        tokens = {layer["name"]: layer["tokens"] for layer in json.loads(profile.read_text())["layers"]}
        assert [tokens[f"mlp.up.{e}"] for e in range(EXPERTS)] == [7, 4, 6, 0, 6]
        assert [tokens[f"mlp.down.{e}"] for e in range(EXPERTS)] == [3, 2, 4, 0, 3]
        module.run(f"fptq-quantize-pipeline{{profile={profile} policy={policy} group-size=32}}")
        assert module.text().count("= fptq.quantized_matmul") == 4 * EXPERTS
        unseen = [layer for layer in module.layers() if layer["name"].endswith(".3")]
        assert unseen and all(layer["policy"] == "per-token" for layer in unseen)
        quantized = run(module, calls)
    for (entry, _, exact), y in zip(calls, quantized, strict=True):
        noise = 10 * np.log10(np.square(y - exact).sum() / np.square(exact).sum()) if exact.size else -20
        assert -30 < noise < -12, (entry, noise)
