"""Which format a file is, by what is in it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Callable

from quant_fptq.errors import FptqError
from quant_fptq.importer import gguf, huggingface, llama2c, native
from quant_fptq.importer.checkpoint import Checkpoint

#: What `--from` takes; the last three are folders whose config.json says so too.
FORMATS = ("llama2c", "gguf", "quant-fptq", "huggingface", "compressed-tensors", "gptq", "awq")
_FOLDERS = FORMATS[3:]
_PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl")


def _refuse_pickle(path: Path, start: bytes) -> None:
    """PyTorch's own files run code when they are read; no part of this package opens them."""
    if start[:2] == b"\x80\x02" or start[:4] == b"PK\x03\x04" or start[:1] == b"\x80" and path.suffix in _PICKLES:
        raise FptqError(f"{path}: a pickled PyTorch file, which can run code when it is read; save the model as "
                        "safetensors (save_pretrained(..., safe_serialization=True)) and import that")


def is_safetensors(start: bytes) -> bool:
    """Whether a file that starts so is one, or a damaged one."""
    return len(start) > 8 and start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] < 1 << 40


def recognize(path: Path) -> str:
    """One of FORMATS, for a file or a folder. Raises FptqError for what is none of them."""
    if path.is_dir():
        return "huggingface"
    try:
        with open(path, "rb") as file:
            start = file.read(64)
    except OSError as error:
        raise FptqError(f"{path}: {'no such file or folder' if not path.exists() else error.strerror}") from None
    if path.suffix == ".bin" and llama2c.is_header(start):  # which may begin like a pickle: dim 640 does
        return "llama2c"
    _refuse_pickle(path, start)
    if start[:4] == gguf.MAGIC:
        return "gguf"
    if is_safetensors(start):
        return "quant-fptq" if native.is_native(path) else "huggingface"
    if path.suffix == ".bin":
        return "llama2c"
    raise FptqError(f"{path}: none of the known formats: GGUF, safetensors, a llama2.c .bin, or a folder with "
                    "config.json and safetensors")


def load_checkpoint(path: str | Path, context: int | None = None, format: str | None = None) -> Checkpoint:
    """A checkpoint of any format in FORMATS; which one is seen from its content, or forced by `format`.

    Quantized checkpoints keep their codes. `context` bounds the KV cache, in positions (default: the checkpoint's own,
    of transformers' and GGUF's at most 2048); a note says where the checkpoint's own is smaller. Weights are mapped,
    not read. Raises FptqError naming file and key.
    """
    checkpoint = _load(Path(path), context, format)
    if context is not None and context > checkpoint.config.context:
        checkpoint.notes.append(f"{path}: a context of {context} positions is asked for, the model's own of "
                                f"{checkpoint.config.context} is what there is")
    return checkpoint


def _load(path: Path, context: int | None, format: str | None) -> Checkpoint:
    if format is not None and format not in FORMATS:
        raise FptqError(f"format '{format}' is not one of {', '.join(FORMATS)}")
    format = format or recognize(path)
    if format in _FOLDERS and path.exists():
        return huggingface.load(path, context, None if format == "huggingface" else format)
    if path.is_dir() or not path.exists():
        raise FptqError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}, expected a {format} file")
    load: dict[str, Callable[..., Checkpoint]] = {"gguf": gguf.load, "llama2c": llama2c.load,
                                                  "quant-fptq": native.load}
    return load[format](path, context)
