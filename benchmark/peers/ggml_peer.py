"""ggml as llama-cpp-python ships it: Q4_0 (groups of 32, activations quantized a block), repacked or in an AMX buffer
where its CPU backend offers that, as llama.cpp itself would choose. Through ctypes: the package has no binding.

GGML_LIBRARIES names a folder with the same ggml compiled for other instructions. The package itself is never imported:
it loads its own libraries, whose names the others share."""

import ctypes
import functools
import importlib.metadata
import importlib.util
import os
import pathlib

import numpy as np

P, I64 = ctypes.c_void_p, ctypes.c_int64
F32, Q4_0 = 0, 2


def _packaged():
    package = importlib.util.find_spec("llama_cpp")
    if package is None:
        raise ImportError("No module named 'llama_cpp'")
    return pathlib.Path(package.origin).parent / "lib"


_folder = pathlib.Path(os.environ.get("GGML_LIBRARIES") or _packaged())
_libraries = [
    ctypes.CDLL(str(_folder / f"lib{name}.so"), ctypes.RTLD_GLOBAL) for name in ("ggml-base", "ggml-cpu", "ggml")
]


class InitParams(ctypes.Structure):
    _fields_ = [("mem_size", ctypes.c_size_t), ("mem_buffer", P), ("no_alloc", ctypes.c_bool)]


def function(name, result, *arguments):
    for library in _libraries:
        if hasattr(library, name):
            f = getattr(library, name)
            f.restype, f.argtypes = result, arguments
            return f
    raise ImportError(f"this ggml has no {name}")


init = function("ggml_init", P, InitParams)
new_tensor_2d = function("ggml_new_tensor_2d", P, P, ctypes.c_int, I64, I64)
mul_mat = function("ggml_mul_mat", P, P, P, P)
new_graph = function("ggml_new_graph_custom", P, P, ctypes.c_size_t, ctypes.c_bool)
expand = function("ggml_build_forward_expand", None, P, P)
nbytes = function("ggml_nbytes", ctypes.c_size_t, P)
free_context = function("ggml_free", None, P)
backend_init = function("ggml_backend_cpu_init", P)
set_threads = function("ggml_backend_cpu_set_n_threads", None, P, ctypes.c_int)
registry = function("ggml_backend_cpu_reg", P)
proc_address = function("ggml_backend_reg_get_proc_address", P, P, ctypes.c_char_p)
device_get = function("ggml_backend_reg_dev_get", P, P, ctypes.c_size_t)
supports = function("ggml_backend_dev_supports_op", ctypes.c_bool, P, P)
cpu_buffer_type = function("ggml_backend_cpu_buffer_type", P)
buffer_name = function("ggml_backend_buft_name", ctypes.c_char_p, P)
buffer_allocate = function("ggml_backend_alloc_ctx_tensors_from_buft", P, P, P)
buffer_free = function("ggml_backend_buffer_free", None, P)
tensor_set = function("ggml_backend_tensor_set", None, P, P, ctypes.c_size_t, ctypes.c_size_t)
compute = function("ggml_backend_graph_compute", ctypes.c_int, P, P)


def buffer_types():
    """The CPU backend's special buffers, then the plain one."""
    get = ctypes.CFUNCTYPE(ctypes.POINTER(P), P)(proc_address(registry(), b"ggml_backend_dev_get_extra_bufts"))
    found, i = [], 0
    types = get(device_get(registry(), 0))
    while types and types[i]:
        found.append(types[i])
        i += 1
    return found + [cpu_buffer_type()]


def context():
    return init(InitParams(16 << 20, None, True))


class Weights:
    """`copies` matrices in the first buffer type that holds them."""

    def __init__(self, n, k, copies):
        codes = np.random.default_rng(1).integers(0, 256, (n * k // 32, 18), dtype=np.uint8)
        codes[:, :2] = np.frombuffer(np.float16(0.01).tobytes(), np.uint8)  # each block's scale
        for kind in buffer_types():
            self.context = context()
            self.tensors = [new_tensor_2d(self.context, Q4_0, k, n) for _ in range(copies)]
            self.buffer = buffer_allocate(self.context, kind)
            probe = context()
            product = mul_mat(probe, self.tensors[0], new_tensor_2d(probe, F32, k, 1))
            good = self.buffer and supports(device_get(registry(), 0), product)
            free_context(probe)
            if good:
                break
        self.name = buffer_name(kind).decode()
        for tensor in self.tensors:
            tensor_set(tensor, codes.ctypes.data, 0, codes.nbytes)

    def __del__(self):
        buffer_free(self.buffer)
        free_context(self.context)


weights = functools.lru_cache(1)(Weights)
backend = functools.lru_cache(1)(backend_init)
state = {}


def prepare(m, n, k, group, threads, copies):
    w = weights(n, k, copies)
    set_threads(backend(), threads)
    if state:
        buffer_free(state["buffer"])
        free_context(state["context"])
    c = context()
    x = new_tensor_2d(c, F32, k, m)
    graph = new_graph(c, copies + 16, False)
    for tensor in w.tensors:
        expand(graph, mul_mat(c, tensor, x))
    state.update(context=c, buffer=buffer_allocate(c, cpu_buffer_type()))
    data = np.random.default_rng(2).standard_normal((m, k), dtype=np.float32)
    tensor_set(x, data.ctypes.data, 0, nbytes(x))
    return f"ggml {importlib.metadata.version('llama-cpp-python')} q4_0 {w.name}", lambda: compute(backend(), graph)
