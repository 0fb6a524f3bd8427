"""The compiler and what it made, as Python objects: Session, Module, Executable.

Every failure is an FptqError with the compiler's diagnostics. A closed session closes what was made from it; using
that afterwards is an FptqError too. Threads may share a session: they take turns.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np

from quant_fptq import _capi
from quant_fptq.errors import FptqError, parse_diagnostics
from quant_fptq.importer import Checkpoint, import_llama
from quant_fptq.output import unfinished
from quant_fptq.pipeline import Pipeline
from quant_fptq.profile import Policy, Profile

SEVERITIES = ("note", "warning", "error", "remark")


def _message(text: bytes) -> str:
    """A message may quote a file or a name that is not UTF-8."""
    return text.decode(errors="backslashreplace")


class Session:
    """One compiler context, and a folder for files that nobody asked for. Use it in a `with`.

    `on_diagnostic` hears every diagnostic as it is made: severity ("note", "warning", "error" or "remark") and text.
    """

    def __init__(self, on_diagnostic: Callable[[str, str], None] | None = None) -> None:
        self.handle: int | None = None
        self.library = _capi.library()
        self._lock = threading.RLock()
        self._open: dict[int, str] = {}  # handles made here, and what gives them back
        self._files = ExitStack()
        self.folder = Path(self._files.enter_context(tempfile.TemporaryDirectory(prefix="quant-fptq-")))
        self._files.enter_context(unfinished(self.folder))
        self.handle = self.library.fptqContextCreate()
        self._imports = 0
        self._raised: list[BaseException] = []
        raised = self._raised  # not self, which a cycle would keep

        def listen(severity: int, text: bytes, _: object) -> None:
            try:
                if on_diagnostic:
                    on_diagnostic(SEVERITIES[severity], _message(text))
            except BaseException as error:  # nothing passes through the compiler: `call` raises it
                raised.append(error)

        self._handler = _capi.HANDLER(listen)  # kept: ctypes frees the thunk with its Python object
        self.call("fptqContextSetDiagnosticHandler", self.handle, self._handler, None)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Frees the context and everything made from it. Results of calls stay: they own their memory."""
        if self.handle is None:
            return
        with self._lock:
            for handle, destroy in self._open.items():
                getattr(self.library, destroy)(handle)
            self._open.clear()
            self.library.fptqContextDestroy(self.handle)
            self.handle = None
        self._files.close()

    def __del__(self) -> None:
        self.close()

    def call(self, function: str, *arguments: Any) -> Any:
        """One function of fptq-c/FptqC.h. Raises FptqError if the session is closed, or what `on_diagnostic` raised."""
        with self._lock:
            if self.handle is None:
                raise FptqError("the session is closed")
            result = getattr(self.library, function)(*arguments)
            if self._raised:
                first = self._raised[0]
                self._raised.clear()
                raise first
            return result

    def checked(self, function: str, *arguments: Any) -> Any:
        """The same for a function that returns NULL or non-zero where it fails, as FptqError."""
        with self._lock:
            result = self.call(function, *arguments)
            if result is None or (getattr(self.library, function).restype is _capi.I and result):
                text = _message(self.library.fptqLastError(self.handle)) or f"{function} failed"
                raise FptqError(text, parse_diagnostics(text))
            return result

    def parse(self, path: str | Path) -> Module:
        """MLIR text or bytecode; files of `fptq.parameters` are looked for beside it."""
        return Module(self, self.checked("fptqModuleParseFile", self.handle, os.fsencode(path)))

    def parse_text(self, text: str) -> Module:
        """MLIR text."""
        data = text.encode()
        return Module(self, self.checked("fptqModuleParse", self.handle, data, len(data)))

    def import_checkpoint(self, checkpoint: Checkpoint, cache: str = "f32") -> Module:
        """`checkpoint` as linalg; weights that are in no safetensors yet go to the session's folder. `cache`: element
        type of the KV cache, "f32" or "f16"."""
        self._imports += 1
        return self.parse(import_llama(checkpoint, self.folder / f"model{self._imports}.mlir", cache))

    def policies(self, profile: str | Path, v0: float = 15, v1: float = 150, recipe: str | Path = "") -> dict:
        """The layer table that ranges alone decide: {"layers": [...], "counts": {...}}; ranges up to `v0` are static,
        from `v1` on per token. `profile` may be ours, a SmoothQuant table or a tpu-mlir calibration table."""
        text = self.checked("fptqPoliciesFromProfile", self.handle, os.fsencode(profile), v0, v1, os.fsencode(recipe))
        return json.loads(text)

    def decide(self, profile: Profile | str | Path, v0: float = 15, v1: float = 150, recipe: str | Path = ""
               ) -> list[Policy]:
        """`policies` as objects, a layer each, in the profile's order."""
        if isinstance(profile, Profile):
            path = self.folder / "decide.json"
            profile.save(path)
            profile = path
        return [Policy.of(row) for row in self.policies(profile, v0, v1, recipe)["layers"]]

    def merge_profiles(self, profiles: Sequence[str | Path], output: str | Path) -> None:
        """Profiles of one model as one: maxima of maxima, sums of counts."""
        paths = (ctypes.c_char_p * len(profiles))(*map(os.fsencode, profiles))
        self.checked("fptqProfilesMerge", self.handle, paths, len(profiles), os.fsencode(output))

    def start_calibration(self, observer: str = "min-max") -> None:
        """From now on records what `fptq.observe` sees, in this process: min-max, moving-average, percentile, mse or
        entropy."""
        self.checked("fptqCalibrationStart", self.handle, observer.encode())

    def finish_calibration(self, path: str | Path, model_hash: str = "") -> None:
        """Writes the profile of what was recorded, and stops."""
        self.checked("fptqCalibrationFinish", self.handle, os.fsencode(path), model_hash.encode())


class _Owned:
    """A handle that is given back once, and not used afterwards."""

    _destroy, _what = "", ""

    def __init__(self, session: Session, handle: int) -> None:
        self.session, self._handle = session, handle
        session._open[handle] = self._destroy

    @property
    def handle(self) -> int:
        if self._handle not in self.session._open:
            raise FptqError(f"the {self._what} is closed")
        return self._handle

    def close(self) -> None:
        """Gives the memory back; a second time, or after the session, does nothing."""
        session = self.session
        with session._lock:
            if session._open.pop(self._handle, None):
                session.call(self._destroy, self._handle)
            self._handle = 0  # the address may come again

    def __del__(self) -> None:
        self.close()


class Module(_Owned):
    """MLIR of one model."""

    _destroy, _what = "fptqModuleDestroy", "module"

    def clone(self) -> Module:
        return Module(self.session, self.session.checked("fptqModuleClone", self.handle))

    def run(self, pipeline: str | Pipeline) -> Module:
        """Runs a pass pipeline in place. Raises FptqError with the first error's location and notes, and leaves the module
        as it was."""
        self.session.checked("fptqModuleRunPipeline", self.handle, str(pipeline).encode())
        return self

    def write(self, path: str | Path, bytecode: bool = True) -> None:
        """MLIR bytecode or text, beside `path` and then renamed."""
        self.session.checked("fptqModuleWrite", self.handle, os.fsencode(path), bytecode)

    def text(self) -> str:
        """As MLIR, large constants left out."""
        return self.session.checked("fptqModuleText", self.handle).decode()

    __str__ = text

    def layers(self) -> list[dict]:
        """The layer table: a row {"name", "k", "n", "range", "policy", "reason", "group_size", "quantized", "error_db"} a
        layer; "quantized" where its weight is codes by now."""
        return json.loads(self.session.checked("fptqModuleLayers", self.handle))["layers"]

    @property
    def model_hash(self) -> str:
        """The module attribute `fptq.model_hash`, by which a profile knows its model; empty where there is none."""
        return self.session.checked("fptqModuleHash", self.handle).decode()

    def policies(self) -> list[Policy]:
        """The layer table as objects."""
        return [Policy.of(row) for row in self.layers()]

    def compile(self, tier: str = "auto", threads: int = 0) -> Executable:
        """Machine code for `tier` ("auto": this machine's best); `threads` 0 takes all cores, or OMP_NUM_THREADS of
        them. The module stays."""
        return Executable(self.session, self.session.checked("fptqCompile", self.handle, tier.encode(), threads))

    def emit_nvptx(self, path: str | Path, chips: Sequence[str] = ("sm_80",), format: str = "ptx") -> None:
        """Writes the GPU kernels that a quantized module needs, and PATH.json beside them. `format` is "ptx", which needs
        no CUDA, "cubin" or "fatbin". With several chips PTX and cubins get a file each, with the chip's name before the
        suffix. Raises FptqError for an unknown chip or one below sm_80, and where ptxas is missing but needed."""
        self.session.checked("fptqEmitNVPTX", self.handle, ",".join(chips).encode(), format.encode(), os.fsencode(path))

    def _emit(self, function: str, path: str | Path, tiers: str | None, cpu: str | None, threads: bool) -> None:
        options = _capi.EmitOptions(tiers.encode() if tiers else None, cpu.encode() if cpu else None, not threads)
        self.session.checked(function, self.handle, os.fsencode(path), options)

    def emit_object(self, path: str | Path, tiers: str | None = None, cpu: str | None = None, threads: bool = True
                    ) -> None:
        """Writes the object file `path` and beside it a C header of the public functions.

        `tiers`: joined by "+", of which the program picks when it starts (default: all). `cpu`: of everything but the
        kernels, by LLVM's name (default: x86-64-v3).
        """
        self._emit("fptqEmitObject", path, tiers, cpu, threads)

    def emit_shared_library(self, path: str | Path, tiers: str | None = None, cpu: str | None = None,
                            threads: bool = True) -> None:
        """The same as a shared library, linked by the clang-22 or cc on PATH."""
        self._emit("fptqEmitSharedLibrary", path, tiers, cpu, threads)


class _Results:
    """What one call returned; lives as long as an array that looks into it."""

    def __init__(self, library: ctypes.CDLL, handle: int) -> None:
        self._library, self._handle = library, handle
        self.count = library.fptqResultsCount(handle)

    def array(self, i: int) -> np.ndarray:
        """Result `i`, not copied: the callee's memory, owned by the array."""
        tensor = self._library.fptqResultsGet(self._handle, i)
        dtype, shape = _capi.DTYPES[tensor.dtype], tuple(tensor.shape[: tensor.rank])
        size = math.prod(shape) * dtype.itemsize
        if not size:
            return np.empty(shape, dtype)
        memory = (ctypes.c_byte * size).from_address(tensor.data)
        memory._owner = self  # type: ignore[attr-defined]  # numpy keeps `memory`, and it keeps this
        return np.frombuffer(memory, dtype).reshape(shape)

    def __del__(self) -> None:
        self._library.fptqResultsDestroy(self._handle)


class Executable(_Owned):
    """Machine code of a module's public functions.

    `signatures`: {name: {"arguments": [{"dtype", "shape"}], "results": [{"dtype", "shape", "alias"}]}}, a dynamic size
    is -1, and `alias` the argument that a result is the storage of, or -1. `tier`: what the code needs.
    """

    _destroy, _what = "fptqExecutableDestroy", "executable"

    def __init__(self, session: Session, handle: int) -> None:
        super().__init__(session, handle)
        self.tier = session.call("fptqExecutableTier", handle).decode()
        self.signatures = {s["name"]: s for s in json.loads(session.call("fptqExecutableSignatures", handle))}

    def call(self, entry: str, arguments: Sequence[Any], results: Sequence[int] | None = None) -> list[np.ndarray]:
        """Calls `entry` and returns its results, or those numbered in `results`.

        Nothing is copied: arguments are arrays of the signature's element type (numbers and lists are made into such),
        C-contiguous; results are the callee's memory, which the array owns and which outlives the session; a result
        that is an argument's storage is that array. Raises FptqError naming the argument that does not fit.
        """
        return self.bind(entry, arguments)(results)

    def bind(self, entry: str, arguments: Sequence[Any]) -> Call:
        """The same, to be called again and again: what does not change, as a KV cache, is looked at once."""
        return Call(self, entry, arguments)


class Call:
    """A public function of an Executable with its arguments."""

    def __init__(self, executable: Executable, entry: str, arguments: Sequence[Any]) -> None:
        signature = executable.signatures.get(entry)
        if signature is None:
            raise FptqError(f"no public function '{entry}'; there are: {', '.join(executable.signatures)}")
        if len(arguments) != len(signature["arguments"]):
            raise FptqError(f"'{entry}': {len(arguments)} arguments, expected {len(signature['arguments'])}")
        self.executable, self.entry = executable, entry
        self._aliases = [result["alias"] for result in signature["results"]]
        self._dtypes = [_capi.DTYPES[_capi.DTYPE_NAMES.index(a["dtype"])] for a in signature["arguments"]]
        self._arrays: list[np.ndarray] = [np.empty(0)] * len(arguments)
        self._tensors = (_capi.Tensor * len(arguments))()
        for i, value in enumerate(arguments):
            self[i] = value

    def __setitem__(self, i: int, value: Any) -> None:
        """Argument `i` from now on. Raises FptqError where it cannot be passed."""
        expected, what = self._dtypes[i], f"'{self.entry}': argument {i}"
        if not isinstance(value, np.ndarray):
            try:
                value = np.array(value, expected)
            except (TypeError, ValueError, OverflowError) as error:
                raise FptqError(f"{what}: {error}") from None
        if value.dtype.kind == "u" and expected == np.dtype(f"i{value.itemsize}"):
            value = value.view(expected)  # compiled code has no signs in its types
        if value.dtype != expected:
            raise FptqError(f"{what} is {value.dtype}, expected {expected}")
        if not value.flags.c_contiguous:
            raise FptqError(f"{what} is not contiguous; pass np.ascontiguousarray(...)")
        if i in self._aliases and not value.flags.writeable:
            raise FptqError(f"{what} is updated in place, but read-only")
        self._arrays[i], self._tensors[i] = value, _capi.Tensor.of(value)

    def __call__(self, results: Sequence[int] | None = None) -> list[np.ndarray]:
        """Results, or those numbered in `results`, as Executable.call returns them."""
        session, aliases = self.executable.session, self._aliases
        wanted = range(len(aliases)) if results is None else results
        for i in wanted:
            if not 0 <= i < len(aliases):
                raise FptqError(f"'{self.entry}': no result {i}; there are {len(aliases)}")
        handle = session.checked("fptqExecutableCall", self.executable.handle, self.entry.encode(), self._tensors,
                                 len(self._arrays))
        made = _Results(session.library, handle)
        return [self._arrays[aliases[i]] if aliases[i] >= 0 else made.array(i) for i in wanted]
