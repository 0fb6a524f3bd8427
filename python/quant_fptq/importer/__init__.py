"""Checkpoints of every supported format, as one description."""

from quant_fptq.importer.checkpoint import Checkpoint, LlamaConfig, Tensor
from quant_fptq.importer.formats import FORMATS, load_checkpoint
from quant_fptq.importer.llama import import_llama, llama_module
from quant_fptq.importer.stored import StoredWeight

__all__ = ["Checkpoint", "FORMATS", "LlamaConfig", "StoredWeight", "Tensor", "import_llama", "llama_module",
           "load_checkpoint"]
