"""The version, which is written once: in the project's CMakeLists.txt."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path


def _version() -> str:
    lists = Path(__file__).resolve().parents[2] / "CMakeLists.txt"
    # In a source tree, whatever copy may be installed beside it.
    if lists.exists() and (found := re.search(r"project\(quant-fptq VERSION ([\d.]+)", lists.read_text("utf-8"))):
        return found[1]
    return metadata.version("quant-fptq")


__version__ = _version()
