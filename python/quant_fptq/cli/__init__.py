"""The command line `quant-fptq`."""

from __future__ import annotations

import argparse
import sys
from typing import Callable, Sequence

from quant_fptq.cli import arguments, commands, files, interrupts
from quant_fptq.errors import FptqError


_EXAMPLES = """
examples:
  quant-fptq calibrate MODEL --text text.txt -o profile.json     run the float model once
  quant-fptq policy --profile profile.json --v0 10               try thresholds, without the model
  quant-fptq quantize MODEL --profile profile.json --group-size 32 --json layers.json -o quantized.mlirbc
  quant-fptq report --profile profile.json --layers layers.json -o report.html
  quant-fptq eval MODEL --text text.txt --profile profile.json   perplexity of what was decided
  quant-fptq import model.gguf -o model.safetensors              GPTQ, AWQ, compressed-tensors too
"""


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    top = argparse.ArgumentParser(prog="quant-fptq", description="FPTQ W4A8 quantization of Llama models.",
                                  epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("-v", "--verbose", action="store_true", help="show the compiler's remarks")
    subs = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], help: str) -> argparse.ArgumentParser:
        sub = subs.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    sub = command("import", commands.import_, "write a checkpoint, quantized or not, as one file of ours or as MLIR")
    arguments.add_model(sub, arguments.MODEL + "; or MLIR with quantized weights in any spelling")
    sub.add_argument("-o", "--output", required=True, help="OUT.safetensors, exactly as stored; OUT.mlirbc, or OUT.mlir "
                                                           "for text, with weights beside it")

    sub = command("export", commands.export_, "write a quantized model for other tools")
    arguments.add_model(sub, arguments.MODEL + "; or quantized MLIR")
    arguments.add_quantization(sub)
    sub.add_argument("--to", choices=("compressed-tensors", "quant-fptq", "quant-types"), default="compressed-tensors",
                     help="compressed-tensors: a new folder OUT (default); quant-fptq: one file OUT.safetensors; "
                          "quant-types: OUT.mlir with upstream's !quant types")
    sub.add_argument("-o", "--output", required=True, help="OUT")

    sub = command("calibrate", commands.calibrate, "run the float model and write the ranges of its linears")
    arguments.add_model(sub)
    arguments.add_text(sub)
    arguments.add_calibration(sub)
    arguments.add_threads(sub)
    sub.add_argument("-o", "--output", required=True, help="profile (JSON; per-channel data beside it)")

    sub = command("policy", commands.policy, "decide policies from a profile alone")
    sub.add_argument("--profile", required=True, help="profile, SmoothQuant table or tpu-mlir calibration table")
    arguments.add_thresholds(sub)
    sub.add_argument("--recipe", help="per-layer rules")
    sub.add_argument("--json", help="write the table here")

    sub = command("quantize", commands.quantize, "write the quantized model as MLIR bytecode")
    arguments.add_model(sub, "checkpoint, or MLIR file of any frontend")
    arguments.add_text(sub)
    arguments.add_calibration(sub)
    arguments.add_quantization(sub)
    arguments.add_threads(sub)
    sub.add_argument("--json", help="write the layer table here")
    sub.add_argument("-o", "--output", required=True, help="OUT.mlirbc; weights go beside it")

    sub = command("report", commands.html_report, "write one HTML page: ranges, channels, errors; no network needed")
    sub.add_argument("--profile", help="profile, as for `policy`; channels only from one of ours")
    arguments.add_thresholds(sub)
    sub.add_argument("--recipe", help="per-layer rules")
    sub.add_argument("--layers", metavar="LAYERS.json", help="layer table that quantize, eval or policy wrote with --json "
                                                             "(default: decided from the profile, without errors)")
    sub.add_argument("--title", default="quant-fptq", help="title of the page")
    sub.add_argument("-o", "--output", required=True, help="REPORT.html")

    sub = command("compile", commands.compile_, "write the GPU kernels a model needs")
    arguments.add_model(sub, "checkpoint, or MLIR file, quantized or not")
    sub.add_argument("--target", choices=("nvptx",), default="nvptx", help="what to compile for (default nvptx)")
    sub.add_argument("--chip", default="sm_80", metavar="CHIP[,CHIP...]", help="sm_80 (default), sm_86, sm_89, sm_90a, ...")
    sub.add_argument("--emit", default="ptx", help="ptx (default, needs no CUDA), cubin (needs ptxas) or fatbin")
    arguments.add_text(sub)
    arguments.add_calibration(sub)
    arguments.add_quantization(sub)
    arguments.add_threads(sub)
    sub.add_argument("-o", "--output", required=True, help="OUT, one file a chip for PTX and cubins; OUT.json lists the "
                                                           "kernels")

    sub = command("eval", commands.evaluate, "perplexity of the float or the quantized model")
    arguments.add_model(sub)
    arguments.add_text(sub, max_tokens="predictions to count, the last document whole (default: all)")
    arguments.add_scheme(sub)
    arguments.add_quantization(sub)
    arguments.add_threads(sub)
    sub.add_argument("--json", help="write the result here")

    sub = command("generate", commands.generate, "continue a prompt")
    arguments.add_model(sub)
    arguments.add_text(sub, needed_for="calibration")
    arguments.add_scheme(sub)
    arguments.add_quantization(sub)
    arguments.add_threads(sub)
    sub.add_argument("--prompt", default="", help="text to continue (default: none)")
    sub.add_argument("--count", type=arguments.COUNT, default=200, help="tokens to generate (default 200)")
    sub.add_argument("--temperature", type=arguments.TEMPERATURE, default=0.8,
                     help="0 takes the likeliest token (default 0.8)")
    sub.add_argument("--top-p", type=arguments.FRACTION, default=0.9,
                     help="sample from the likeliest of this mass (default 0.9)")
    sub.add_argument("--seed", type=arguments.COUNT, default=0, help="random seed (default 0)")

    profile = subs.add_parser("profile", help="work on profiles").add_subparsers(dest="profile_command", required=True,
                                                                               metavar="COMMAND")
    merge = profile.add_parser("merge", help="merge profiles of one model")
    merge.set_defaults(run=commands.merge)
    merge.add_argument("profiles", nargs="+", help="profiles")
    merge.add_argument("-o", "--output", required=True, help="merged profile")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; user errors become one message and status 1, a signal status 128 + its number."""
    options = parser().parse_args(argv)
    try:
        with interrupts.ending_at_once():
            arguments.check_texts(options)
            files.check(options)
            options.run(options)
    except FptqError as error:
        print(f"quant-fptq: error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        # A full disk shows in a write, which knows no name: what was being written is the next best.
        name = error.filename or getattr(options, "output", None) or getattr(options, "json", None)
        print(f"quant-fptq: error: {f'{name}: ' if name else ''}{error.strerror}", file=sys.stderr)
        return 1
    except MemoryError as error:
        print(f"quant-fptq: error: not enough memory: {error}", file=sys.stderr)
        return 1
    return 0
