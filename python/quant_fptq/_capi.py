"""ctypes over libFPTQ-C (include/fptq-c/FptqC.h): one thin method a function, failures as FptqError."""

from __future__ import annotations

import ctypes as c
import functools
import os
from pathlib import Path

import ml_dtypes
import numpy as np

from quant_fptq._version import __version__
from quant_fptq.errors import FptqError

#: FptqDtype, in its order, and as signatures spell it.
DTYPE_NAMES = ("F32", "F16", "BF16", "F64", "I8", "I16", "I32", "I64", "BOOL")
DTYPES = [np.dtype(x) for x in ("f4", "f2", ml_dtypes.bfloat16, "f8", "i1", "i2", "i4", "i8", "?")]


class Tensor(c.Structure):
    _fields_ = [("data", c.c_void_p), ("shape", c.POINTER(c.c_int64)), ("rank", c.c_int64), ("dtype", c.c_int)]

    @classmethod
    def of(cls, array: np.ndarray) -> Tensor:
        """A view of a contiguous `array`, which must stay alive."""
        shape = (c.c_int64 * array.ndim)(*array.shape)
        return cls(array.ctypes.data, shape, array.ndim, DTYPES.index(array.dtype))


class EmitOptions(c.Structure):
    _fields_ = [("tiers", c.c_char_p), ("cpu", c.c_char_p), ("no_threads", c.c_int)]


#: name: (result, arguments...); P is an opaque handle, S a string.
P, S, I = c.c_void_p, c.c_char_p, c.c_int
HANDLER = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)
_FUNCTIONS = {
    "fptqVersion": (S,),
    "fptqContextCreate": (P,),
    "fptqContextDestroy": (None, P),
    "fptqContextSetDiagnosticHandler": (None, P, HANDLER, P),
    "fptqLastError": (S, P),
    "fptqModuleParseFile": (P, P, S),
    "fptqModuleParse": (P, P, S, c.c_size_t),
    "fptqModuleClone": (P, P),
    "fptqModuleDestroy": (None, P),
    "fptqModuleRunPipeline": (I, P, S),
    "fptqModuleWrite": (I, P, S, I),
    "fptqModuleText": (S, P),
    "fptqModuleLayers": (S, P),
    "fptqModuleHash": (S, P),
    "fptqCompile": (P, P, S, I),
    "fptqEmitObject": (I, P, S, c.POINTER(EmitOptions)),
    "fptqEmitSharedLibrary": (I, P, S, c.POINTER(EmitOptions)),
    "fptqEmitNVPTX": (I, P, S, S, S),
    "fptqExecutableDestroy": (None, P),
    "fptqExecutableTier": (S, P),
    "fptqExecutableSignatures": (S, P),
    "fptqExecutableCall": (P, P, S, c.POINTER(Tensor), c.c_size_t),
    "fptqResultsCount": (c.c_size_t, P),
    "fptqResultsGet": (Tensor, P, c.c_size_t),
    "fptqResultsDestroy": (None, P),
    "fptqCalibrationStart": (I, P, S),
    "fptqCalibrationFinish": (I, P, S, S),
    "fptqPoliciesFromProfile": (S, P, S, c.c_double, c.c_double, S),
    "fptqProfilesMerge": (I, P, c.POINTER(S), c.c_size_t, S),
}


def _library_path() -> Path:
    """FPTQ_LIBRARY, the wheel's own, or build/lib of the checkout that this file lies in."""
    named = os.environ.get("FPTQ_LIBRARY")
    if named:
        return Path(named)
    here = Path(__file__).resolve()
    beside = here.with_name("libFPTQ-C.so")
    return beside if beside.exists() else here.parents[2] / "build" / "lib" / "libFPTQ-C.so"


#: Shared libraries that the wheel does not carry, and Debian's packages of them.
_PACKAGES = {"libMLIR": "libmlir-22", "libLLVM": "libllvm22", "libstdc++": "libstdc++6"}


def _cannot_load(path: Path, error: OSError) -> FptqError:
    """What to install or to build."""
    if not path.exists():
        return FptqError(f"{path}: no such file; build it with cmake --build build, or set FPTQ_LIBRARY")
    for name, package in _PACKAGES.items():
        if name in str(error):
            return FptqError(f"{path}: {error}; install Debian's package {package} (apt install {package})")
    return FptqError(f"{path}: {error}")


@functools.lru_cache(maxsize=1)
def library() -> c.CDLL:
    """The loaded library. Raises FptqError where it, or a library it needs, is missing or of another version."""
    path = _library_path()
    try:
        loaded = c.CDLL(os.fspath(path))
    except OSError as error:
        raise _cannot_load(path, error) from None
    for name, (result, *arguments) in _FUNCTIONS.items():
        try:
            function = getattr(loaded, name)
        except AttributeError:
            raise FptqError(f"{path}: no function {name}; it is not the library of quant-fptq {__version__}") from None
        function.restype, function.argtypes = result, arguments
    version = loaded.fptqVersion().decode()
    if version != __version__:
        raise FptqError(f"{path}: version {version}, expected that of this package, {__version__}")
    return loaded
