"""Whole files or none, as the compiler writes them (fptq/Support/OutputFile.h)."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator

from quant_fptq.errors import FptqError


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its name when the block ends, and is removed where it raises, so that a failure
    leaves what was there. Devices and pipes are written straight: a rename would replace them. Raises FptqError naming
    the file."""
    path = Path(path)
    straight = path.exists() and not path.is_file() and not path.is_dir()
    target = path if straight else Path(f"{path}.partial")
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "Is a directory")
        try:
            with open(target, "wb") as file:
                yield file
            if not straight:
                target.replace(path)
        except BaseException:
            if not straight:
                target.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FptqError(f"{path}: {error.strerror}") from None


def write_text(path: str | Path, text: str) -> None:
    """The same for a text, in UTF-8."""
    with whole_file(path) as file:
        file.write(text.encode("utf-8"))
