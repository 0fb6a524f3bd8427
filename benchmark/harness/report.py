"""Reports of the programs here."""

import json
import os
import pathlib


def write_text(path, text):
    """Beside, then renamed: never half a file."""
    partial = pathlib.Path(f"{path}.partial")
    partial.write_text(text)
    os.replace(partial, path)


def write(path, document):
    write_text(path, json.dumps(document, indent=1) + "\n")
