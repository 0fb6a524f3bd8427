"""The suite: every *.mlir and *.test below a room's folder, and the GoogleTest binary in unit/."""

import ctypes
import os
import pathlib
import shutil
import subprocess
import sys

import lit.formats
import lit.llvm

lit.llvm.initialize(lit_config, config)
from lit.llvm import llvm_config  # noqa: E402  (only there after initialize)

config.name = "fptq"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.fptq_build_dir, "test")
config.excludes = ["Inputs", "models", "unit"]

tools = os.path.join(config.fptq_build_dir, "bin")
llvm_config.with_environment("PATH", [tools, config.llvm_tools_dir], append_path=True)
config.environment["FPTQ_SOURCE_DIR"] = config.fptq_source_dir
config.substitutions += [
    ("%fptq_build", config.fptq_build_dir),
    ("%fptq_src", config.fptq_source_dir),
    ("%python", sys.executable),
    ("%unit_tests", os.path.join(config.fptq_build_dir, "test", "unit", "FptqUnitTests")),
    ("%llvm_tools", config.llvm_tools_dir),
    ("%fake_cuda", os.path.join(config.fptq_build_dir, "test", "fake-cuda")),
    ("%gpu_device_test", os.path.join(config.fptq_build_dir, "test", "gpu-device-test")),
    ("%models", os.path.join(config.fptq_source_dir, "test", "models")),
]

# A plain C compiler where there is one. A sanitized library needs the compiler that made it, with its flags.
sanitized = "-fsanitize" in config.c_flags
if sanitized:
    # libMLIR and libLLVM are not instrumented: a std::vector or an arena of theirs that they grow has no valid bounds, and
    # what they keep until the process ends looks like a leak. Memory that is not there is refused as malloc refuses it.
    options = ("detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=0:strict_string_checks=1:"
               "allocator_may_return_null=1")
    config.environment.setdefault("ASAN_OPTIONS", options)
    config.environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    config.environment.setdefault("LLVM_SYMBOLIZER_PATH", os.path.join(config.llvm_tools_dir, "llvm-symbolizer"))
    # Unsupported: a sanitized library in a program that is not, or linked by a compiler that knows nothing of it.
    config.available_features.add("sanitizers")
for name, usual, clang in (("%cc", "cc", "clang"), ("%cxx", "c++", "clang++")):
    command = clang if sanitized or not shutil.which(usual) else usual
    config.substitutions.append((rf"{name}\b", f"{command} {config.c_flags}".strip()))
capi_includes = f"-I{config.fptq_source_dir}/include -I{config.llvm_include_dir}"
library_dir = os.path.join(config.fptq_build_dir, "lib")
config.substitutions += [
    ("%llvm_library_dir", config.llvm_library_dir),
    ("%capi_includes", capi_includes),
    ("%capi_flags", f"{capi_includes} -L{library_dir} -Wl,-rpath,{library_dir} -lFPTQ-C -lm"),
]

# What this machine has; tests that need more say UNSUPPORTED, never PASS.
flags = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
for flag in ("avx2", "avx512_vnni", "amx_int8"):
    if flag in flags:
        config.available_features.add(flag)
targets = subprocess.run([os.path.join(config.llvm_tools_dir, "llc"), "--version"], capture_output=True, text=True).stdout
for target, feature in (("x86-64", "x86-codegen"), ("nvptx64", "nvptx-codegen")):
    if target in targets:
        config.available_features.add(feature)
if os.path.exists(os.path.join(config.llvm_tools_dir, "mlir-opt")):
    config.available_features.add("mlir-opt")
if os.path.exists(os.path.join(config.fptq_source_dir, ".venv", "bin", "python")):
    config.available_features.add("venv")
try:
    ctypes.CDLL("libcuda.so.1")
    config.available_features.add("nvidia-driver")
except OSError:
    pass
if shutil.which("ptxas"):
    config.available_features.add("ptxas")
shared = pathlib.Path(config.fptq_source_dir).parent / "shared" / "data"
if shared.is_dir():
    config.available_features.add("shared-data")
    config.substitutions.append(("%shared", str(shared)))

