"""The files that a command reads and writes, looked at before it begins: a mistyped name must cost nobody a model."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple

from quant_fptq.errors import FptqError
from quant_fptq.importer import Checkpoint, safetensors
from quant_fptq.importer.formats import is_safetensors
from quant_fptq.profile import refuse_foreign_sidecar
from quant_fptq.tokenizer import beside

MLIR = (".mlir", ".mlirbc")
#: What -o may end in, where other files are named after it: a suffix that is cut off must not be a part of the name.
_SUFFIXES = {"import": (".safetensors", *MLIR), "quantize": (".mlirbc",), "calibrate": (".json",),
             "profile": (".json",)}
_INPUTS = ("model", "text", "tokenizer", "profile", "recipe", "names", "calibrate", "layers", "profiles")


class Output(NamedTuple):
    """A file that a command may write."""

    path: Path
    holds: str  #: "weights" or "vectors", in safetensors; "text" is anything else


def _named(options: argparse.Namespace) -> Path:
    """What -o names. Raises FptqError for a name that the command cannot use."""
    path, suffixes = Path(options.output), _SUFFIXES.get(options.command, ())
    if options.command == "import" and options.model.endswith(MLIR) or getattr(options, "to", "") == "quant-types":
        suffixes = MLIR
    if suffixes and path.suffix not in suffixes:
        expected = " or ".join(filter(None, (", ".join(suffixes[:-1]), suffixes[-1])))
        raise FptqError(f"{options.output}: expected a name ending in {expected}")
    if suffixes and path.is_dir():
        raise FptqError(f"{options.output}: Is a directory")
    if not path.name:
        raise FptqError(f"{options.output}: is no name of a file")
    return path


def _named_after(options: argparse.Namespace, path: Path) -> Iterator[Output]:
    """What lies beside `path`, which -o names."""
    if options.command == "compile":
        yield Output(Path(f"{path}.json"), "text")
        for chip in options.chip.split(","):
            yield Output(path.parent / f"{path.stem}.{chip}{path.suffix}", "text")
    elif options.command in ("calibrate", "profile"):
        yield Output(path.with_suffix(".safetensors"), "vectors")
    elif path.suffix in MLIR and options.command != "export" and not (
            options.command == "import" and options.model.endswith(MLIR)):  # whose weights stay where they are
        yield Output(path.with_suffix(".safetensors"), "weights")


def _written(options: argparse.Namespace) -> list[Output]:
    """Every file that the command may write."""
    outputs = []
    if getattr(options, "output", None) is not None:
        path = _named(options)
        weights = path.suffix == ".safetensors" or getattr(options, "to", "") == "quant-fptq"
        outputs = [Output(path, "weights" if weights and options.command in ("import", "export") else "text"),
                   *_named_after(options, path)]
    table = getattr(options, "json", None)
    return outputs + ([Output(Path(table), "text")] if table else [])


def _read(options: argparse.Namespace) -> Iterator[Path]:
    """Every file that an option names."""
    for value in (getattr(options, key, None) for key in _INPUTS):
        yield from map(Path, value if isinstance(value, list) else [value] if value else [])


def _same(a: Path, b: Path) -> bool:
    """Whether writing `a` would replace `b`; devices and pipes are not replaced."""
    if a.exists() and not a.is_file():
        return False
    return os.path.realpath(a) == os.path.realpath(b) or a.exists() and b.exists() and a.samefile(b)


def _refuse_inputs(outputs: Iterable[Output], read: Iterable[Path]) -> None:
    inputs = list(read)
    for output in outputs:
        if any(_same(output.path, file) for file in inputs):
            raise FptqError(f"{output.path}: this command reads it; name another output")


def _refuse_tensors(options: argparse.Namespace, output: Output) -> None:
    """What lies at an output may be somebody's weights, or a profile's vectors."""
    path = output.path
    if not path.is_file():
        return
    with open(path, "rb") as file:
        if not is_safetensors(file.read(9)):
            return
    if output.holds == "text":
        raise FptqError(f"{path}: tensors are in it, in whose place this command writes none; name another output")
    if output.holds == "vectors":
        refuse_foreign_sidecar(Path(options.output), path)
    else:
        safetensors.refuse_profile(path)


def check(options: argparse.Namespace) -> None:
    """Raises FptqError where an output has no fit name, is an input or another output, or would replace what the
    command cannot make."""
    outputs = _written(options)
    for i, output in enumerate(outputs):
        if any(_same(output.path, other.path) for other in outputs[:i]):
            raise FptqError(f"{output.path}: two outputs of this command; name another for one of them")
    _refuse_inputs(outputs, _read(options))
    for output in outputs:
        _refuse_tensors(options, output)


def check_model(options: argparse.Namespace, checkpoint: Checkpoint) -> None:
    """The same for the files that a checkpoint turned out to be read from."""
    outputs = _written(options)
    for output in outputs:
        checkpoint.refuse_as_output(output.path)
    tokenizer = beside(checkpoint)
    _refuse_inputs(outputs, [tokenizer] if tokenizer else [])
