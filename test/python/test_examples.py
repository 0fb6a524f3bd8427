"""What docs/examples ships is what the tree makes."""

import subprocess
import sys

from conftest import ROOT


def test_first_layer_is_what_the_importer_writes():
    made = subprocess.run([sys.executable, ROOT / "tools/dev/first-layer"], capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": str(ROOT / "python")}).stdout
    assert made == (ROOT / "docs/examples/first-layer.mlir").read_text(), \
        "tools/dev/first-layer > docs/examples/first-layer.mlir"
