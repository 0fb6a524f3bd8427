"""Checkpoints of every supported format, as one description."""

from quant_fptq.importer.checkpoint import Checkpoint, LlamaConfig, Tensor, load_checkpoint
from quant_fptq.importer.llama import import_llama, llama_module

__all__ = ["Checkpoint", "LlamaConfig", "Tensor", "import_llama", "llama_module", "load_checkpoint"]
