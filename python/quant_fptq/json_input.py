"""JSON that users hand over: read in one place, with one error that names where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from quant_fptq.errors import FptqError


def parse_object(text: str | bytes, where: str, repeated: bool = True) -> dict[str, Any]:
    """A JSON object. Raises FptqError that begins with `where`, say "model.safetensors: the header"; also
    where an object in it has a key twice, unless keys may be `repeated`."""

    def unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = set()
        for key, _ in pairs:
            if key in keys:
                raise FptqError(f"{where} has the key '{key}' twice")
            keys.add(key)
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=None if repeated else unrepeated)
    except (ValueError, RecursionError) as error:
        raise FptqError(f"{where} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise FptqError(f"{where} is no JSON object")
    return value


def read_object(path: Path) -> dict[str, Any]:
    """A file that is one JSON object. Raises FptqError naming it."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise FptqError(f"{path}: {error.strerror}") from None
    return parse_object(text, f"{path}:")
