"""setuptools' backend, run in this folder wherever pip was started: `pip install .` works at the top of the tree too."""

import os
from pathlib import Path

os.chdir(Path(__file__).resolve().parent)

from setuptools.build_meta import *  # noqa: E402, F403
