"""What pyproject.toml cannot say: the version is CMake's, and the wheel carries libFPTQ-C.so.

The library is the one of build/ (or of FPTQ_LIBRARY), built first where there is none. The wheel needs no compiler and
no header afterwards: only MLIR's and LLVM's shared libraries, which stay Debian's packages.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.errors import SetupError

ROOT = Path(__file__).resolve().parent.parent
LISTS = ROOT / "CMakeLists.txt"


def version() -> str:
    """The one of `project(quant-fptq VERSION ...)`."""
    found = LISTS.exists() and re.search(r"project\(quant-fptq VERSION ([\d.]+)", LISTS.read_text(encoding="utf-8"))
    if not found:
        raise SetupError(f"{LISTS}: no project(quant-fptq VERSION ...); build from the project's tree")
    return found[1]


def library() -> Path:
    """libFPTQ-C.so, built if need be."""
    named = os.environ.get("FPTQ_LIBRARY")
    path = Path(named) if named else ROOT / "build" / "lib" / "libFPTQ-C.so"
    if not path.exists() and not named:
        if not (ROOT / "build" / "build.ninja").exists():
            subprocess.run(["cmake", "--preset", "debian12"], cwd=ROOT, check=True)
        subprocess.run(["cmake", "--build", "build", "--target", "FPTQ-C", "fptq-runtime"], cwd=ROOT, check=True)
    if not path.exists():
        raise SetupError(f"{path}: no such file; build the project first (tools/dev/setup), or set FPTQ_LIBRARY")
    return path


class BuildWithLibrary(build_py):
    """Puts the library beside the modules; an editable install finds it in build/."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            shutil.copy(library(), Path(self.build_lib) / "quant_fptq" / "libFPTQ-C.so")
            # Shared libraries that it emits are linked with this, and it looks for it beside itself.
            shutil.copy(library().with_name("libfptq-runtime.a"), Path(self.build_lib) / "quant_fptq")


class AnyPython(bdist_wheel):
    """ctypes: one wheel for every Python of this platform. No manylinux tag: libMLIR is Debian's."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


class WithBinary(Distribution):
    """Makes setuptools name the platform."""

    def has_ext_modules(self) -> bool:
        return True


# A build folder that lasts would put modules of earlier versions into the wheel.
scratch = tempfile.TemporaryDirectory(prefix="quant-fptq-build-")
setup(version=version(), distclass=WithBinary, cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": AnyPython},
      options={"build": {"build_base": scratch.name}, "egg_info": {"egg_base": scratch.name}})
