"""Convolutions are linear layers, of windows side by side or copied: as floats and in 4 bits, against numpy."""

import numpy as np
import pytest

from quant_fptq import Session
from quant_fptq.importer import safetensors

#: name, input, weight, result, strides and, where it is not 1, the dilation; the axes of channels and of space as the
#: op's name says.
FORMS = [
    ("conv_2d_nchw_fchw", (2, 64, 5, 7), (24, 64, 1, 1), (2, 24, 5, 7), (1, 1)),
    ("conv_2d_nhwc_hwcf", (2, 5, 7, 64), (1, 1, 64, 24), (2, 5, 7, 24), (1, 1)),
    ("conv_2d_nchw_fchw", (2, 64, 6, 7), (24, 64, 1, 1), (2, 24, 3, 3), (2, 3)),
    ("conv_2d_nhwc_fhwc", (2, 9, 8, 16), (24, 3, 2, 16), (2, 3, 4, 24), (3, 2)),
    ("conv_2d_nchw_fchw", (1, 3, 18, 13), (24, 3, 4, 4), (1, 24, 4, 3), (4, 4)),
    ("conv_2d_nchw_fchw", (3, 16, 4, 4), (24, 16, 4, 4), (3, 24, 1, 1), (4, 4)),
    ("conv_1d_ncw_fcw", (2, 32, 11), (24, 32, 1), (2, 24, 11), (1,)),
    ("conv_1d_nwc_wcf", (2, 11, 32), (2, 32, 24), (2, 5, 24), (2,)),
    ("conv_2d_nchw_fchw", (2, 19, 9, 7), (24, 19, 3, 3), (2, 24, 7, 5), (1, 1)),
    ("conv_2d_nchw_fchw", (1, 3, 19, 18), (24, 3, 7, 5), (1, 24, 7, 7), (2, 2)),
    ("conv_2d_nhwc_hwcf", (2, 9, 11, 32), (3, 2, 32, 24), (2, 2, 8, 24), (2, 1), 3),
    ("conv_1d_ncw_fcw", (2, 1, 64), (24, 1, 10), (2, 24, 11), (5,)),
    ("conv_1d_nwc_wcf", (2, 11, 32), (3, 32, 24), (2, 9, 24), (1,)),
]
MAPS = """indexing_maps = [affine_map<(n, f, h, w, c) -> (n, c, h, w)>, affine_map<(n, f, h, w, c) -> (f, c)>,
    affine_map<(n, f, h, w, c) -> (n, f, h, w)>],
    iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]"""


def type_of(shape):
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def function(i, name, x, w, y, strides, dilation=1):
    """A convolution that starts from its bias, a resource broadcast along the result's channels."""
    apart, step = f"dense<{dilation}> : vector<{len(strides)}xi64>", f"dense<{list(strides)}> : vector<{len(strides)}xi64>"
    rest = [axis for axis in range(len(y)) if axis != name.split("_")[2].index("c")]
    return f"""
func.func @f{i}(%x: {type_of(x)}) -> {type_of(y)} {{
  %w = ml_program.global_load_const @l{i}.weight : {type_of(w)}
  %b = ml_program.global_load_const @l{i}.bias : tensor<24xf32>
  %e = tensor.empty() : {type_of(y)}
  %z = linalg.broadcast ins(%b : tensor<24xf32>) outs(%e : {type_of(y)}) dimensions = {rest}
  %y = linalg.{name} {{dilations = {apart}, strides = {step}}} ins(%x, %w : {type_of(x)}, {type_of(w)}) outs(%z : {type_of(y)}) -> {type_of(y)}
  return %y : {type_of(y)}
}}"""


def fused_multiply_add(i):
    """The same of a 1 x 1 convolution as a generic with a fused body."""
    x, y = type_of((2, 64, 5, 7)), type_of((2, 24, 5, 7))
    return f"""
func.func @f{i}(%x: {x}) -> {y} {{
  %w = ml_program.global_load_const @l{i}.weight : tensor<24x64xf32>
  %b = ml_program.global_load_const @l{i}.bias : tensor<24xf32>
  %e = tensor.empty() : {y}
  %z = linalg.broadcast ins(%b : tensor<24xf32>) outs(%e : {y}) dimensions = [0, 2, 3]
  %y = linalg.generic {{{MAPS}}} ins(%x, %w : {x}, tensor<24x64xf32>) outs(%z : {y}) {{
  ^bb0(%p: f32, %q: f32, %o: f32):
    %f = math.fma %p, %q, %o : f32
    linalg.yield %f : f32
  }} -> {y}
  return %y : {y}
}}"""


def convolve(name, x, w, b, strides, dilation=1):
    """In f64, by the definition."""
    data, filters = name.split("_")[2:]
    space = data.replace("n", "").replace("c", "")
    x = x.astype(np.float64).transpose([data.index(axis) for axis in "nc" + space])
    w = w.astype(np.float64).transpose([filters.index(axis) for axis in "fc" + space])
    if len(space) == 1:
        x, w, strides = x[:, :, None], w[:, :, None], (1, *strides)
    (n, _, height, width), (f, _, kh, kw) = x.shape, w.shape
    high, wide = (kh - 1) * dilation + 1, (kw - 1) * dilation + 1
    y = np.empty((n, f, (height - high) // strides[0] + 1, (width - wide) // strides[1] + 1))
    for i, j in np.ndindex(y.shape[2:]):
        window = x[:, :, i * strides[0]:i * strides[0] + high:dilation, j * strides[1]:j * strides[1] + wide:dilation]
        y[:, :, i, j] = np.einsum("nchw,fchw->nf", window, w) + b
    y = y[:, :, 0] if len(space) == 1 else y
    return y.transpose(["nf".index(axis) if axis in "nf" else 2 + space.index(axis)
                        for axis in data.replace("c", "f")])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The module, an input for each function, and what it must give."""
    folder, rng = tmp_path_factory.mktemp("convolutions"), np.random.default_rng(5)
    forms = [*FORMS, ("conv_2d_nchw_fchw", (2, 64, 5, 7), (24, 64, 1, 1), (2, 24, 5, 7), (1, 1))]
    tensors, inputs, expected, text = {}, [], [], 'module attributes {fptq.parameters = ["w.safetensors"]} {\n'
    for i, (name, x, w, y, *steps) in enumerate(forms):
        weight, bias = (rng.standard_normal(s).astype(np.float32) for s in (w, (24,)))
        inputs.append(rng.standard_normal(x).astype(np.float32) * np.float32(3))
        expected.append(convolve(name, inputs[-1], weight, bias, *steps))
        fused = i == len(FORMS)
        tensors |= {f"l{i}.weight": weight.reshape(24, 64) if fused else weight, f"l{i}.bias": bias}
        for key in (f"l{i}.weight", f"l{i}.bias"):
            type_ = type_of(tensors[key].shape)
            text += f"ml_program.global private @{key}(#ml_program.extern : {type_}) : {type_}\n"
        text += fused_multiply_add(i) if fused else function(i, name, x, w, y, *steps)
    safetensors.write(folder / "w.safetensors", tensors)
    path = folder / "model.mlir"
    path.write_text(text + "\n}\n")
    return path, inputs, expected


def calls(module, inputs):
    executable = module.compile(threads=1)
    return [executable.call(f"f{i}", [x])[0] for i, x in enumerate(inputs)]


def test_as_floats(model):
    path, inputs, expected = model
    with Session() as session:
        module = session.parse(path).run("fptq-raise")
        assert module.text().count("fptq.linear") == len(expected)
        for plain, y in zip(calls(module, inputs), expected, strict=True):
            np.testing.assert_allclose(plain, y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("policy", ["per-token", "static", "equalized"])
def test_in_4_bits(model, tmp_path, policy):
    """Noise is what 15 levels of normally distributed weights leave, and no more; a layout mixed up leaves about 0 dB."""
    path, inputs, expected = model
    profile = tmp_path / "p.json"
    with Session() as session:
        module = session.parse(path)
        session.start_calibration()
        calls(module.clone().run("fptq-observe-pipeline"), inputs)
        session.finish_calibration(profile)
        options = "v0=0.1 v1=100" if policy == "equalized" else f"policy={policy}"
        module.run(f"fptq-quantize-pipeline{{profile={profile} {options} group-size=32}}")
        assert module.text().count("= fptq.quantized_matmul") == len(expected)
        quantized = calls(module, inputs)
    for i, (y, exact) in enumerate(zip(quantized, expected, strict=True)):
        noise = 10 * np.log10(np.square(y - exact).sum() / np.square(exact).sum())
        assert -30 < noise < -16, (i, noise)


def nested(codes):
    """As an elements attribute: MLIR has no raw form of !quant's storage."""
    return f"[{', '.join(map(nested, codes))}]" if codes.ndim else str(int(codes))


def test_codes_per_output_channel_are_taken_over():
    """Of 8 bits, which quantizing anew in 4 would lose: what is left is the noise of the activations' codes."""
    rng, text, inputs, expected = np.random.default_rng(6), "", [], []
    for i, (name, x, w, y, *steps) in enumerate(FORMS):
        axis = name.split("_")[3].index("f")
        codes, scales = rng.integers(-127, 128, w), rng.uniform(0.01, 0.1, 24).astype(np.float32)
        kind = f"!quant.uniform<i8:f32:{axis}, {{{', '.join(f'{s:.9e}' for s in scales)}}}>"
        stored, quantized = type_of(w).replace("f32", "i8"), type_of(w).replace("f32", kind)
        weight = f"""%c = arith.constant dense<{nested(codes)}> : {stored}
  %q = quant.scast %c : {stored} to {quantized}
  %w = quant.dcast %q : {quantized} to {type_of(w)}"""
        bias = "%b = arith.constant dense<0.0> : tensor<24xf32>"
        lines = function(i, name, x, w, y, *steps).split("\n")
        lines = [weight if "%w = " in line else bias if "%b = " in line else line for line in lines]
        text += "\n".join(lines)
        inputs.append(rng.standard_normal(x).astype(np.float32))
        real = codes * scales.astype(np.float64).reshape([-1 if d == axis else 1 for d in range(len(w))])
        expected.append(convolve(name, inputs[-1], real, 0, *steps))
    with Session() as session:
        module = session.parse_text(text).run("fptq-quantize-pipeline{policy=per-token}")
        assert module.text().count("method = stored") == 2 * len(FORMS)  # high and low nibbles
        for y, exact in zip(calls(module, inputs), expected, strict=True):
            assert 10 * np.log10(np.square(y - exact).sum() / np.square(exact).sum()) < -36


def test_groups_of_a_pointwise_convolution():
    """Each is a linear of its own (SqueezeBERT)."""
    rng = np.random.default_rng(8)
    x, w = rng.standard_normal((1, 2, 16, 3, 5), np.float32), rng.standard_normal((2, 32, 16, 1, 1), np.float32)
    y = type_of((1, 2, 32, 3, 5))
    text = f"""
func.func @f0(%x: {type_of(x.shape)}) -> {y} {{
  %w = arith.constant dense<"0x{w.tobytes().hex()}"> : {type_of(w.shape)}
  %z = arith.constant dense<0.0> : {y}
  %y = linalg.conv_2d_ngchw_gfchw {{dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}}
    ins(%x, %w : {type_of(x.shape)}, {type_of(w.shape)}) outs(%z : {y}) -> {y}
  return %y : {y}
}}"""
    exact = np.einsum("ngchw,gfc->ngfhw", x.astype(np.float64), w[..., 0, 0])
    with Session() as session:
        module = session.parse_text(text)
        (plain,) = calls(module.clone().run("fptq-raise"), [x])
        np.testing.assert_allclose(plain, exact, rtol=1e-4, atol=1e-4)
        module.run("fptq-quantize-pipeline{policy=per-token group-size=16}")
        assert module.text().count("= fptq.quantized_matmul") == 2
        (y,) = calls(module, [x])
    assert 10 * np.log10(np.square(y - exact).sum() / np.square(exact).sum()) < -18
