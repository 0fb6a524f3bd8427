"""Kernels through libcuda, in PyTorch's context and on its stream."""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING, Sequence

if TYPE_CHECKING:
    from artifacts import Kernel


class DriverError(RuntimeError):
    pass


JIT_ERROR_LOG = 5, 6  # CU_JIT_ERROR_LOG_BUFFER and its size
PROGRAMMATIC_SERIALIZATION = 6  # CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION


class Address(int):
    """A kernel argument that is a 64-bit address; other integers are 32 bits wide."""


class LaunchAttribute(ctypes.Structure):
    _fields_ = [("id", ctypes.c_int32), ("padding", ctypes.c_int32), ("value", ctypes.c_int32),
                ("rest", ctypes.c_char * 60)]


class LaunchConfig(ctypes.Structure):
    _fields_ = [("grid", ctypes.c_uint32 * 3), ("block", ctypes.c_uint32 * 3), ("shared_bytes", ctypes.c_uint32),
                ("stream", ctypes.c_void_p), ("attributes", ctypes.POINTER(LaunchAttribute)),
                ("attribute_count", ctypes.c_uint32)]


class Driver:
    """CUDA's driver API, as much of it as launches need."""

    def __init__(self) -> None:
        try:
            self.library = ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            raise DriverError(f"no NVIDIA driver on this machine: {error}") from None
        count = ctypes.c_int()
        if self.library.cuInit(0) or self.library.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
            raise DriverError("the NVIDIA driver finds no device")

    def version(self) -> int:
        """CUDA's, 12040 for 12.4."""
        version = ctypes.c_int()
        self.call("cuDriverGetVersion", ctypes.byref(version))
        return version.value

    def call(self, function: str, *arguments: object) -> None:
        status = getattr(self.library, function)(*arguments)
        if status:
            text = ctypes.c_char_p()
            self.library.cuGetErrorString(status, ctypes.byref(text))
            raise DriverError(f"{function}: {(text.value or b'unknown error').decode()} ({status})")


class Module:
    """Loaded PTX and its kernels."""

    def __init__(self, driver: Driver, ptx: str, kernels: list[Kernel]) -> None:
        self.driver, self.kernels = driver, kernels
        handle = ctypes.c_void_p()
        log = ctypes.create_string_buffer(4096)
        options, values = (ctypes.c_int * 2)(*JIT_ERROR_LOG), (ctypes.c_void_p * 2)(ctypes.addressof(log), len(log))
        try:
            driver.call("cuModuleLoadDataEx", ctypes.byref(handle), ptx.encode() + b"\0", 2, options, values)
        except DriverError as error:
            code = " ".join(re.findall(r"^\.(?:version|target) \S+", ptx, re.M))
            raise DriverError(f"{error}, for {code}, by a driver of CUDA {driver.version() // 1000}.{driver.version() % 1000 // 10}. "
                              f"{log.value.decode()}".rstrip(". ")) from None
        self.functions = {}
        for kernel in kernels:
            function = ctypes.c_void_p()
            driver.call("cuModuleGetFunction", ctypes.byref(function), handle, kernel.name.encode())
            if kernel.shared_bytes > 48 * 1024:
                driver.call("cuFuncSetAttribute", function, 8, kernel.shared_bytes)
            self.functions[kernel.name] = function

    def prepare(self, kernel: Kernel, grid: Sequence[int], arguments: Sequence[int | float], extra_shared: int = 0,
                overlap: bool = False):
        """A function that launches on `stream`; floats are f32. `overlap`: it may begin before the kernel before it on
        the stream has ended (programmatic dependent launch, sm_90 on)."""
        values = [ctypes.c_uint64(a) if isinstance(a, Address) else ctypes.c_float(a) if isinstance(a, float)
                  else ctypes.c_int32(a) for a in arguments]
        parameters = (ctypes.c_void_p * len(values))(*[ctypes.cast(ctypes.byref(v), ctypes.c_void_p) for v in values])
        function, call = self.functions[kernel.name], self.driver.call
        attribute = LaunchAttribute(PROGRAMMATIC_SERIALIZATION, 0, 1)
        config = LaunchConfig((ctypes.c_uint32 * 3)(*grid), (ctypes.c_uint32 * 3)(kernel.threads, 1, 1),
                              kernel.shared_bytes + extra_shared, None, ctypes.pointer(attribute), int(overlap))

        def launch(stream: int) -> None:
            config.stream = stream
            call("cuLaunchKernelEx", ctypes.byref(config), function, parameters, None)

        launch.keep = values  # parameters point into them
        return launch
