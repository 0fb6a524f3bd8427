"""Whole files or none, as the compiler writes them (fptq/Support/OutputFile.h)."""

from __future__ import annotations

import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator

from quant_fptq.errors import FptqError

#: Files and folders that whoever ends the process has to remove: a signal may leave no time to unwind.
_unfinished: set[Path] = set()


@contextmanager
def unfinished(path: Path) -> Iterator[None]:
    """Inside, `path` is a file or a folder that nobody may find after this process."""
    _unfinished.add(path)
    try:
        yield
    finally:
        _unfinished.discard(path)


def remove_unfinished() -> None:
    """Everything that is `unfinished` now."""
    for path in tuple(_unfinished):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its name when the block ends, and is removed where it raises, so that a failure
    leaves what was there. Devices and pipes are written straight: a rename would replace them. Raises FptqError naming
    the file."""
    path = Path(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "Is a directory")
        if path.exists() and not path.is_file():
            with open(path, "wb") as file:
                yield file
            return
        # A name of its own: another process may be writing the same file.
        target = Path(f"{path}.{secrets.token_hex(4)}.partial")
        with unfinished(target):
            try:
                with open(target, "xb") as file:
                    yield file
                target.replace(path)
            except BaseException:
                target.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise FptqError(f"{path}: {error.strerror}") from None


def write_text(path: str | Path, text: str) -> None:
    """The same for a text, in UTF-8."""
    with whole_file(path) as file:
        file.write(text.encode("utf-8"))
