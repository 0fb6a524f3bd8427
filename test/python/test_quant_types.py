"""Models that are quantized in the IR, run: the same numbers in every spelling, as floats and as W4A8."""

import numpy as np
import pytest

from quant_fptq import Session

N, K, GROUP, SCALE = 16, 64, 32, 0.03
RNG = np.random.default_rng(4)
CODES = RNG.integers(0, 16, (N, K)).astype(np.int8)
ZEROS = RNG.integers(0, 16, (N, K // GROUP)).astype(np.int8)
SCALES = RNG.uniform(0.01, 0.1, (N, K // GROUP)).astype(np.float32)
X = RNG.standard_normal((5, K)).astype(np.float32) * 2  # some of it beyond 127 * SCALE
WEIGHT = SCALES.repeat(GROUP, 1) * (CODES.astype(np.float32) - ZEROS.repeat(GROUP, 1).astype(np.float32))


def dense(array, element):
    text = "0x" + np.ascontiguousarray(array).tobytes().hex().upper()
    return f'dense<"{text}"> : tensor<{"x".join(map(str, array.shape))}x{element}>'


def types():
    blocks = ", ".join("{" + ", ".join(f"{s:.9e}:{z}" for s, z in zip(*row)) + "}" for row in zip(SCALES, ZEROS))
    rows = ", ".join("[" + ", ".join(str(c - 16 if c > 7 else c) for c in row) + "]" for row in CODES.astype(int))
    kind = f"tensor<{N}x{K}x!quant.uniform<u4:f32:{{0:1, 1:{GROUP}}}, {{{blocks}}}>>"
    return f"""%c = arith.constant dense<[{rows}]> : tensor<{N}x{K}xi4>
      %cq = quant.scast %c : tensor<{N}x{K}xi4> to {kind}
      %w = quant.dcast %cq : {kind} to tensor<{N}x{K}xf32>"""


def arithmetic(groups_by):
    g = K // GROUP
    constants = f"""%c = arith.constant {dense(CODES, 'i8')}
      %s = arith.constant {dense(SCALES, 'f32')}
      %z = arith.constant {dense(ZEROS, 'i8')}"""
    body = """^bb0(%a: i8, %b: i8, %d: f32, %o: f32):
        %0 = arith.extsi %a : i8 to i32
        %1 = arith.extsi %b : i8 to i32
        %2 = arith.subi %0, %1 : i32
        %3 = arith.sitofp %2 : i32 to f32
        %4 = arith.mulf %3, %d : f32
        linalg.yield %4 : f32"""
    shape = f"{N}x{g}x{GROUP}"
    maps = ("affine_map<(n, g, k) -> (n, g, k)>", *["affine_map<(n, g, k) -> (n, g)>"] * 2,
            "affine_map<(n, g, k) -> (n, g, k)>")
    if groups_by == "reshape":
        into, source, out = "", f"tensor<{shape}xi8>", f"tensor<{shape}xf32>"
        into = f"%e = tensor.expand_shape %c [[0], [1, 2]] output_shape [{N}, {g}, {GROUP}] : tensor<{N}x{K}xi8> into {source}"
        return f"""{constants}
      {into}
      %i = tensor.empty() : {out}
      %d3 = linalg.generic {{indexing_maps = [{', '.join(maps)}], iterator_types = ["parallel", "parallel", "parallel"]}}
        ins(%e, %z, %s : {source}, tensor<{N}x{g}xi8>, tensor<{N}x{g}xf32>) outs(%i : {out}) {{
      {body}
      }} -> {out}
      %w = tensor.collapse_shape %d3 [[0], [1, 2]] : {out} into tensor<{N}x{K}xf32>"""
    # Scales and zero points broadcast to every element first, as a frontend without views does.
    def wide(name, element):
        return f"""%{name}e = tensor.empty() : tensor<{shape}x{element}>
      %{name}b = linalg.broadcast ins(%{name} : tensor<{N}x{g}x{element}>) outs(%{name}e : tensor<{shape}x{element}>) dimensions = [2]
      %{name}w = tensor.collapse_shape %{name}b [[0], [1, 2]] : tensor<{shape}x{element}> into tensor<{N}x{K}x{element}>"""
    both = "affine_map<(n, k) -> (n, k)>"
    return f"""{constants}
      {wide('s', 'f32')}
      {wide('z', 'i8')}
      %i = tensor.empty() : tensor<{N}x{K}xf32>
      %w = linalg.generic {{indexing_maps = [{', '.join([both] * 4)}], iterator_types = ["parallel", "parallel"]}}
        ins(%c, %zw, %sw : tensor<{N}x{K}xi8>, tensor<{N}x{K}xi8>, tensor<{N}x{K}xf32>) outs(%i : tensor<{N}x{K}xf32>) {{
      {body}
      }} -> tensor<{N}x{K}xf32>"""


def model(weight):
    a = f"tensor<?x{K}x!quant.uniform<i8:f32, {SCALE}>>"
    return f"""
    #x = affine_map<(m, n, k) -> (m, k)>
    #w = affine_map<(m, n, k) -> (n, k)>
    #y = affine_map<(m, n, k) -> (m, n)>
    func.func @main(%x: tensor<?x{K}xf32>) -> tensor<?x{N}xf32> {{
      %q = quant.qcast %x : tensor<?x{K}xf32> to {a}
      %xd = quant.dcast %q : {a} to tensor<?x{K}xf32>
      {weight}
      %zero = arith.constant 0 : index
      %f0 = arith.constant 0.0 : f32
      %m = tensor.dim %x, %zero : tensor<?x{K}xf32>
      %e0 = tensor.empty(%m) : tensor<?x{N}xf32>
      %init = linalg.fill ins(%f0 : f32) outs(%e0 : tensor<?x{N}xf32>) -> tensor<?x{N}xf32>
      %r = linalg.matmul indexing_maps = [#x, #w, #y] ins(%xd, %w : tensor<?x{K}xf32>, tensor<{N}x{K}xf32>) outs(%init : tensor<?x{N}xf32>) -> tensor<?x{N}xf32>
      return %r : tensor<?x{N}xf32>
    }}"""


@pytest.fixture(scope="module")
def session():
    with Session() as session:
        yield session


SPELLINGS = {"types": types, "reshape": lambda: arithmetic("reshape"), "broadcast": lambda: arithmetic("broadcast")}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_the_same_layer(session, spelling):
    module = session.parse_text(model(SPELLINGS[spelling]()))
    w4a8 = module.clone().run("fptq-quantize-pipeline")
    (policy,) = w4a8.policies()
    assert (policy.kind, policy.group_size, policy.k, policy.n) == ("static", GROUP, K, N)
    assert "method = stored" in w4a8.text()
    # Codes times codes, in integers, scaled at the end.
    q = np.clip(np.rint(X / np.float32(SCALE)), -127, 127).astype(np.int64)
    expected = np.zeros((5, N))
    for g in range(K // GROUP):
        part = slice(g * GROUP, (g + 1) * GROUP)
        sums = q[:, part] @ (CODES[:, part].astype(np.int64) - ZEROS[:, g : g + 1]).T
        expected += sums * SCALES[:, g].astype(np.float64)
    expected *= np.float32(SCALE)
    (got,) = w4a8.compile(threads=1).call("main", [X])
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    (floats,) = module.run("fptq-import-quant,canonicalize,fptq-raise").compile(threads=1).call("main", [X])
    np.testing.assert_allclose(floats, X.astype(np.float64) @ WEIGHT.T, rtol=1e-4, atol=1e-4)


def test_exported_and_imported_again(session, tmp_path):
    module = session.parse_text(model(types())).run("fptq-quantize-pipeline")
    (before,) = module.clone().compile(threads=1).call("main", [X])
    module.run("fptq-export-quant").write(tmp_path / "types.mlirbc")
    again = session.parse(tmp_path / "types.mlirbc").run("fptq-quantize-pipeline")
    assert again.policies()[0].kind == "static"
    (after,) = again.compile(threads=1).call("main", [X])
    np.testing.assert_array_equal(after, before)
