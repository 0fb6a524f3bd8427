"""ONNX Runtime: MatMulNBits with 4-bit weights, accuracy_level 4 (activations quantized to int8 a block)."""

import functools

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper


@functools.lru_cache(1)
def session(n, k, group, threads, copies):
    random = np.random.default_rng(1)
    nodes, weights = [], []
    for i in range(copies):
        codes = random.integers(0, 256, (n, k // group, group // 2), dtype=np.uint8)
        scales = np.full(n * k // group, 0.01, np.float32)
        weights += [numpy_helper.from_array(codes, f"w{i}"), numpy_helper.from_array(scales, f"s{i}")]
        attributes = {"K": k, "N": n, "bits": 4, "block_size": group, "accuracy_level": 4}
        nodes.append(
            helper.make_node("MatMulNBits", ["x", f"w{i}", f"s{i}"], [f"y{i}"], domain="com.microsoft", **attributes)
        )
    value = lambda name, columns: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["m", columns])  # noqa: E731
    graph = helper.make_graph(nodes, "peer", [value("x", k)], [value(f"y{i}", n) for i in range(copies)], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def prepare(m, n, k, group, threads, copies):
    s = session(n, k, group, threads, copies)
    x = np.random.default_rng(2).standard_normal((m, k), dtype=np.float32)
    binding = s.io_binding()  # outputs stay where they are: no copy is timed
    binding.bind_cpu_input("x", x)
    for i in range(copies):
        y = ort.OrtValue.ortvalue_from_shape_and_type([m, n], np.float32)
        binding.bind_ortvalue_output(f"y{i}", y)
    return f"onnxruntime {ort.__version__} g{group}", lambda: s.run_with_iobinding(binding)
