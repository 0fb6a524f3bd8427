"""One page, and one manual page, for each tool: what its --help says."""
import pathlib
import re
import subprocess
import sys

# What a tool is for, in one line; its order here is its order in the navigation.
TOOLS = {
    "quant-fptq": "import, calibrate, quantize, evaluate and run models",
    "fptq-opt": "mlir-opt with the fptq dialect, passes and pipelines",
    "fptq-run": "compile a module and call it",
    "fptq-compile": "compile a module ahead of time to an object or a shared library",
    "fptq-translate": "translate between quant-fptq's files and others'",
    "fptq-reduce": "make a failing module small",
    "fptq-lsp-server": "language server for MLIR files that use the fptq dialect",
    "fptq-kernel-test": "check every kernel against the reference, bit for bit",
}
ROOT = pathlib.Path(__file__).resolve().parents[3]
for found in sorted(ROOT.glob("tools/*/CMakeLists.txt")):  # a new tool has a page before anybody thinks of it
    TOOLS.setdefault(found.parent.name, "a tool of quant-fptq")
PAGES = [f"reference/{tool}" for tool in TOOLS]


def help_of(bin_dir, tool, *command):
    """The --help of a tool or of one of its commands, as on a terminal of 100 columns."""
    run = subprocess.run([bin_dir / tool, *command, "--help"], capture_output=True, text=True, timeout=120,
                         env={"PATH": "/usr/bin:/bin", "COLUMNS": "100", "HOME": "/", "NO_COLOR": "1"})
    if run.returncode:
        sys.exit(f"docs: {' '.join([tool, *command])} --help failed:\n{run.stderr}")
    return run.stdout.replace(str(bin_dir.parents[1]), ".").rstrip()


def without_overview(text):
    """The help of a subcommand of llvm::cl repeats the overview of the whole tool."""
    start = text.find("SUBCOMMAND '")
    return text[start:] if start > 0 else text


def commands(text):
    """The subcommands a help lists: `  name - what` of llvm::cl, `    name   what` of argparse."""
    listed = re.search(r"^(SUBCOMMANDS:|positional arguments:\n  COMMAND)\n(.*?)(?=^\S|\Z)", text, re.S | re.M)
    return re.findall(r"^ {2,4}([a-z][\w-]*) +", listed[2], re.M) if listed else []


def help_tree(bin_dir, tool, *command):
    """(command words, help) of a tool, its commands, and theirs."""
    text = help_of(bin_dir, tool, *command)
    yield command, without_overview(text) if command else text
    for name in commands(without_overview(text)):
        if (*command, name) != command and not command[1:]:
            yield from help_tree(bin_dir, tool, *command, name)


def page(bin_dir, tool):
    text = [f"# {tool}\n\n{TOOLS[tool].capitalize()}.\n"]
    for command, shown in help_tree(bin_dir, tool):
        heading = f"\n## {tool} {' '.join(command)}\n" if command else ""
        text.append(f"{heading}\n```text\n{shown}\n```\n")
    return "".join(text)


def pages(bin_dir):
    return {f"reference/{tool}.md": page(bin_dir, tool) for tool in TOOLS}
