"""FPTQ W4A8 quantization of Llama models: import, calibrate, quantize, evaluate, generate.

    from quant_fptq import Session, load_checkpoint

    checkpoint = load_checkpoint("stories260K.bin")
    with Session() as session:
        module = session.import_checkpoint(checkpoint)
        model = module.compile()
"""

from quant_fptq._version import __version__
from quant_fptq.errors import FptqError
from quant_fptq.importer import Checkpoint, LlamaConfig, load_checkpoint

__all__ = ["Checkpoint", "FptqError", "LlamaConfig", "Session", "load_checkpoint", "__version__"]


def __getattr__(name: str):
    if name == "Session":  # needs the shared library; importers and tokenizers do not
        from quant_fptq.session import Session

        return Session
    raise AttributeError(f"module 'quant_fptq' has no attribute '{name}'")
