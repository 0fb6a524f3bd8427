"""FPTQ W4A8 quantization: import, calibrate, decide, quantize, compile, call; what `quant-fptq` does, from Python.

    from quant_fptq import QuantizeOptions, Session, load_checkpoint

    with Session() as session:
        module = session.import_checkpoint(load_checkpoint("model.gguf"))
        module.run(QuantizeOptions(policy="per-token").pipeline())
        executable = module.compile()

docs/Tutorial.md goes through all of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from quant_fptq._version import __version__
from quant_fptq.errors import Diagnostic, FptqError, Location
from quant_fptq.importer import Checkpoint, LlamaConfig, StoredWeight, load_checkpoint
from quant_fptq.pipeline import Pipeline
from quant_fptq.profile import LayerRange, Policy, Profile

if TYPE_CHECKING:
    from quant_fptq.importer.export import compressed_tensors as export_compressed_tensors
    from quant_fptq.importer.native import save as save_checkpoint
    from quant_fptq.model import Model
    from quant_fptq.quantize import QuantizeOptions, calibrate, calibrate_calls, quantized_checkpoint
    from quant_fptq.session import Executable, Module, Session

#: Imported when they are asked for: importers and profiles work where the shared library is missing.
_LAZY = {
    "Executable": "session", "Model": "model", "Module": "session", "Session": "session",
    "QuantizeOptions": "quantize", "calibrate": "quantize", "calibrate_calls": "quantize",
    "quantized_checkpoint": "quantize",
    "export_compressed_tensors": "importer.export:compressed_tensors", "save_checkpoint": "importer.native:save",
}

__all__ = [
    "Checkpoint", "Diagnostic", "Executable", "FptqError", "LayerRange", "LlamaConfig", "Location", "Model", "Module",
    "Pipeline", "Policy", "Profile", "QuantizeOptions", "Session", "StoredWeight", "__version__", "calibrate",
    "calibrate_calls", "export_compressed_tensors", "load_checkpoint", "quantized_checkpoint", "save_checkpoint",
]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module 'quant_fptq' has no attribute '{name}'")
    module, _, attribute = _LAZY[name].partition(":")
    value = getattr(importlib.import_module(f"quant_fptq.{module}"), attribute or name)
    globals()[name] = value
    return value
