"""The compiler and what it made, as Python objects: Session, Module, Executable, Model."""

from __future__ import annotations

import ctypes
import json
import os
import tempfile
from pathlib import Path
from typing import Callable, Sequence

import numpy as np

from quant_fptq import _capi
from quant_fptq.errors import FptqError
from quant_fptq.importer import Checkpoint, LlamaConfig, import_llama

SEVERITIES = ("note", "warning", "error", "remark")


class Session:
    """One compiler context, and a folder for files that nobody asked for. Use it in a `with`."""

    def __init__(self, on_diagnostic: Callable[[str, str], None] | None = None) -> None:
        self.library = _capi.library()
        self._folder = tempfile.TemporaryDirectory(prefix="quant-fptq-")
        self.folder = Path(self._folder.name)
        self.handle = self.library.fptqContextCreate()
        self._imports = 0
        # Kept: ctypes frees the thunk with its Python object.
        self._handler = _capi.HANDLER(lambda severity, text, _: on_diagnostic and
                                      on_diagnostic(SEVERITIES[severity], text.decode()))
        self.library.fptqContextSetDiagnosticHandler(self.handle, self._handler, None)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Frees the context; modules and executables made from it must be gone."""
        if self.handle:
            self.library.fptqContextDestroy(self.handle)
            self.handle = None
            self._folder.cleanup()

    def error(self) -> FptqError:
        return FptqError(self.library.fptqLastError(self.handle).decode() or "unknown failure")

    def parse(self, path: str | Path) -> Module:
        """Text or bytecode."""
        return Module(self, self.library.fptqModuleParseFile(self.handle, os.fsencode(path)))

    def parse_text(self, text: str) -> Module:
        data = text.encode()
        return Module(self, self.library.fptqModuleParse(self.handle, data, len(data)))

    def import_checkpoint(self, checkpoint: Checkpoint) -> Module:
        """`checkpoint` as linalg; weights that are in no safetensors yet go to the session's folder."""
        self._imports += 1
        return self.parse(import_llama(checkpoint, self.folder / f"model{self._imports}.mlir"))

    def policies(self, profile: str | Path, v0: float = 15, v1: float = 150, recipe: str | Path = "") -> dict:
        """The layer table that ranges alone decide: {"layers": [...], "counts": {...}}."""
        text = self.library.fptqPoliciesFromProfile(self.handle, os.fsencode(profile), v0, v1, os.fsencode(recipe))
        if text is None:
            raise self.error()
        return json.loads(text)

    def merge_profiles(self, profiles: Sequence[str | Path], output: str | Path) -> None:
        """Profiles of one model as one."""
        paths = (ctypes.c_char_p * len(profiles))(*map(os.fsencode, profiles))
        if self.library.fptqProfilesMerge(self.handle, paths, len(profiles), os.fsencode(output)):
            raise self.error()

    def start_calibration(self, observer: str = "min-max") -> None:
        if self.library.fptqCalibrationStart(self.handle, observer.encode()):
            raise self.error()

    def finish_calibration(self, path: str | Path, model_hash: str = "") -> None:
        if self.library.fptqCalibrationFinish(self.handle, os.fsencode(path), model_hash.encode()):
            raise self.error()


class _Owned:
    """A handle that is given back once."""

    _destroy = ""

    def __init__(self, session: Session, handle: int | None) -> None:
        self.session, self.handle = session, handle
        if not handle:
            raise session.error()

    def close(self) -> None:
        if self.handle and self.session.handle:
            getattr(self.session.library, self._destroy)(self.handle)
        self.handle = None

    __del__ = close


class Module(_Owned):
    """MLIR of one model."""

    _destroy = "fptqModuleDestroy"

    def clone(self) -> Module:
        return Module(self.session, self.session.library.fptqModuleClone(self.handle))

    def run(self, pipeline: str) -> Module:
        """Runs a textual pass pipeline in place."""
        if self.session.library.fptqModuleRunPipeline(self.handle, pipeline.encode()):
            raise self.session.error()
        return self

    def write(self, path: str | Path, bytecode: bool = True) -> None:
        if self.session.library.fptqModuleWrite(self.handle, os.fsencode(path), bytecode):
            raise self.session.error()

    def text(self) -> str:
        return self.session.library.fptqModuleText(self.handle).decode()

    def layers(self) -> list[dict]:
        """The layer table."""
        return json.loads(self.session.library.fptqModuleLayers(self.handle))["layers"]

    def compile(self, tier: str = "auto", threads: int = 0) -> Executable:
        handle = self.session.library.fptqCompile(self.handle, tier.encode(), threads)
        return Executable(self.session, handle)


class Executable(_Owned):
    """Machine code of a module's public functions."""

    _destroy = "fptqExecutableDestroy"

    def __init__(self, session: Session, handle: int | None) -> None:
        super().__init__(session, handle)
        self.tier = session.library.fptqExecutableTier(handle).decode()
        self.signatures = {s["name"]: s for s in json.loads(session.library.fptqExecutableSignatures(handle))}

    def call(self, entry: str, arguments: Sequence[np.ndarray], results: Sequence[int] | None = None
             ) -> list[np.ndarray]:
        """Calls `entry`; returns copies of the wanted results (default all). Writable arguments change in place."""
        library = self.session.library
        tensors = (_capi.Tensor * len(arguments))(*map(_capi.Tensor.of, arguments))
        handle = library.fptqExecutableCall(self.handle, entry.encode(), tensors, len(arguments))
        if not handle:
            raise self.session.error()
        try:
            wanted = range(library.fptqResultsCount(handle)) if results is None else results
            return [library.fptqResultsGet(handle, i).copy() for i in wanted]
        finally:
            library.fptqResultsDestroy(handle)


class Model:
    """A compiled Llama with its KV cache: `prefill` and `decode` tokens, one sequence at a time."""

    def __init__(self, executable: Executable, config: LlamaConfig) -> None:
        self.executable, self.config, self.position = executable, config, 0
        shape = (config.num_kv_heads, config.context, config.head_dim)
        self.cache = [np.zeros(shape, np.float32) for _ in range(2 * config.num_layers)]
        for entry in ("prefill", "decode"):
            if entry not in executable.signatures:
                raise FptqError(f"the model has no public function '{entry}'")
            # Results that are no argument's storage would have to be copied back into the cache.
            self._copied = [r for r, s in enumerate(executable.signatures[entry]["results"]) if r and s["alias"] < 0]

    def reset(self) -> None:
        """Forgets the sequence; the cache's content past `position` is never read."""
        self.position = 0

    def _call(self, entry: str, tokens: np.ndarray) -> np.ndarray:
        if self.position + len(tokens) > self.config.context:
            raise FptqError(f"{self.position + len(tokens)} tokens do not fit the context of {self.config.context}")
        arguments = [tokens, np.array(self.position, np.int64), *self.cache]
        logits, *caches = self.executable.call(entry, arguments, [0, *self._copied])
        for r, cache in zip(self._copied, caches):
            self.cache[r - 1][...] = cache
        self.position += len(tokens)
        return logits

    def prefill(self, tokens: Sequence[int]) -> np.ndarray:
        """Appends tokens; logits [tokens, vocabulary] of each position."""
        return self._call("prefill", np.ascontiguousarray(tokens, dtype=np.int32))

    def decode(self, token: int) -> np.ndarray:
        """Appends one token; its logits [vocabulary]."""
        return self._call("decode", np.array([token], np.int32))[0]
