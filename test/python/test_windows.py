"""Reductions of windows that stay floats (depthwise and grouped convolutions, pooling), against numpy."""

import numpy as np
import pytest

from quant_fptq import Session

#: name, input, window, strides, dilation.
FORMS = [
    ("depthwise_conv_2d_nchw_chw", (2, 5, 9, 70), (5, 3, 3), (1, 1), 1),
    ("depthwise_conv_2d_nchw_chw", (1, 4, 13, 14), (4, 7, 7), (1, 1), 1),
    ("depthwise_conv_2d_nchw_chw", (1, 5, 31, 137), (5, 3, 3), (2, 2), 1),
    ("depthwise_conv_2d_nchw_chw", (1, 3, 12, 11), (3, 3, 2), (3, 2), 2),
    ("depthwise_conv_2d_nchw_chw", (1, 3, 9, 3), (3, 3, 3), (1, 1), 1),  # one column
    ("depthwise_conv_2d_nchw_chw", (1, 3, 9, 33), (3, 3, 3), (1, 6), 1),  # farther apart than vectors are read
    ("depthwise_conv_2d_nhwc_hwc", (2, 9, 8, 37), (3, 2, 37), (2, 1), 1),
    ("depthwise_conv_2d_nhwc_hwcm", (1, 9, 8, 19), (3, 3, 19, 1), (1, 1), 1),
    ("depthwise_conv_2d_nhwc_hwcm", (1, 5, 6, 4), (2, 2, 4, 17), (1, 2), 1),
    ("depthwise_conv_1d_ncw_cw", (2, 5, 83), (5, 4), (1,), 2),
    ("conv_2d_ngchw_gfchw", (1, 2, 3, 8, 21), (2, 14, 3, 3, 3), (1, 1), 1),
    ("conv_2d_ngchw_gfchw", (2, 2, 3, 8, 21), (2, 5, 3, 3, 3), (2, 2), 1),
    ("conv_2d_nchw_fchw", (1, 3, 12, 40), (14, 3, 5, 3), (1, 2), 1),
    ("conv_2d_nhwc_hwcf", (1, 7, 9, 5), (3, 3, 5, 70), (1, 1), 1),
    ("pooling_nchw_max", (1, 3, 9, 70), (3, 3), (1, 1), 1),
    ("pooling_nchw_max", (2, 3, 11, 39), (3, 3), (2, 2), 1),
    ("pooling_nchw_sum", (1, 3, 6, 20), (2, 2), (2, 2), 1),
    ("pooling_nhwc_max", (1, 9, 8, 37), (3, 2), (2, 1), 2),
    ("pooling_ncw_sum", (2, 5, 83), (4,), (3,), 1),
]


def letters(name):
    """Axes of the input, of the window, and of the result."""
    _, data, *filters = name.replace("depthwise_conv_", "").replace("conv_", "").replace("pooling_", "2d_").split("_")
    window = filters[0] if filters[0] not in ("max", "sum") else data.replace("n", "").replace("c", "")
    result = data.replace("c", "f") if "f" in window else data + ("m" if "m" in window else "")
    if "g" in data:
        result = "ngfhw"
    return data, window, result


def expected(name, x, w, strides, dilation):
    """In f64, by the definition; with the shape of the result."""
    data, window, result = letters(name)
    space = [axis for axis in "hw" if axis in data]
    sizes = {axis: (x.shape[data.index(axis)] - (w.shape[window.index(axis)] - 1) * dilation - 1) // stride + 1
             for axis, stride in zip(space, strides, strict=True)}
    pieces = []
    for at in np.ndindex(*(w.shape[window.index(axis)] for axis in space)):
        part, weight = x.astype(np.float64), w.astype(np.float64)
        for axis, i, stride in zip(space, at, strides, strict=True):
            first = i * dilation
            cut = slice(first, first + (sizes[axis] - 1) * stride + 1, stride)
            part = part[tuple(cut if axis == other else slice(None) for other in data)]
        weight = weight[tuple(at[space.index(axis)] if axis in space else slice(None) for axis in window)]
        rest = "".join(axis for axis in window if axis not in space)
        pieces.append(part if name.startswith("pooling") else np.einsum(f"{data},{rest}->{result}", part, weight))
    return np.max(pieces, 0) if name.endswith("max") else np.sum(pieces, 0)


def type_of(shape, dynamic=()):
    return f"tensor<{'x'.join('?' if i in dynamic else str(n) for i, n in enumerate(shape))}xf32>"


def function(i, name, x, w, y, strides, dilation, dynamic=False):
    """All sizes known, or the last of the input and of the result not."""
    x, y = (type_of(s, [len(s) - 1] if dynamic else []) for s in (x, y))
    kind = f"vector<{len(strides)}xi64>"
    apart, step = f"dense<{dilation}> : {kind}", f"dense<{list(strides)}> : {kind}"
    start = "0xFF800000" if name.endswith("max") else "0.5"
    return f"""
func.func @f{i}(%x: {x}, %w: {type_of(w)}{', %t: ' + y if dynamic else ''}) -> {y} {{
  %c = arith.constant {start} : f32
  {f'%d = arith.constant {y.count("x") - 1} : index' if dynamic else ''}
  {f'%n = tensor.dim %t, %d : {y}' if dynamic else ''}
  %e = tensor.empty({'%n' if dynamic else ''}) : {y}
  %z = linalg.fill ins(%c : f32) outs(%e : {y}) -> {y}
  %y = linalg.{name} {{dilations = {apart}, strides = {step}}} ins(%x, %w : {x}, {type_of(w)}) outs(%z : {y}) -> {y}
  return %y : {y}
}}"""


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
def test_windows(dynamic):
    rng, text, calls = np.random.default_rng(4), "", []
    for i, (name, x, w, strides, dilation) in enumerate(FORMS):
        data, weight = rng.standard_normal(x, np.float32), rng.standard_normal(w, np.float32)
        exact = expected(name, data, weight, strides, dilation)
        text += function(i, name, x, w, exact.shape, strides, dilation, dynamic)
        calls.append((data, weight, exact if name.endswith("max") else exact + 0.5))
    with Session() as session:
        executable = session.parse_text(text).compile(threads=2)
        for i, (x, w, exact) in enumerate(calls):
            (y,) = executable.call(f"f{i}", [x, w, exact.astype(np.float32)] if dynamic else [x, w])
            np.testing.assert_allclose(y, exact, rtol=1e-4, atol=1e-4, err_msg=str(FORMS[i]))
