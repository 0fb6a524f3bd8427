"""Options that several commands share."""

from __future__ import annotations

import argparse
import math
from typing import Any, Callable

from quant_fptq.errors import FptqError
from quant_fptq.importer import FORMATS
from quant_fptq.importer.llama import CACHES
from quant_fptq.quantize import CALIBRATION_TOKENS, QuantizeOptions

MODEL = ("Hugging Face folder (Llama, Mistral, Qwen, Phi, Gemma, ...; float, compressed-tensors, GPTQ or AWQ), GGUF file, "
         "llama2.c .bin, or .safetensors of `quant-fptq import`")


def number(what: str, kind: Callable[[str], Any], accept: Callable[[Any], bool]) -> Callable[[str], Any]:
    """An argument's type: a `kind` of which `accept` is true. argparse says "invalid `what` value"."""

    def convert(text: str) -> Any:
        value = kind(text)
        if not accept(value):
            raise ValueError
        return value

    convert.__name__ = what
    return convert


COUNT = number("number >= 0", int, lambda value: value >= 0)
POSITIVE = number("positive number", int, lambda value: value > 0)
_GROUP_SIZE = number("positive number or 'channel'", lambda text: 0 if text == "channel" else int(text) or -1,
                     lambda value: value >= 0)
TEMPERATURE = number("number >= 0", float, lambda value: 0 <= value < math.inf)
FRACTION = number("number from 0 to 1", float, lambda value: 0 <= value <= 1)
_THRESHOLD = number("number >= 0", float, lambda value: value >= 0)


def add_model(sub: argparse.ArgumentParser, help: str = MODEL) -> None:
    sub.add_argument("model", metavar="MODEL", help=help)
    sub.add_argument("--from", dest="format", choices=FORMATS, help="format of MODEL (default: seen from its content)")
    sub.add_argument("--context", type=POSITIVE,
                     help="positions of the KV cache (default: the model's; of transformers and GGUF at most 2048)")
    sub.add_argument("--kv-cache", choices=CACHES, default="f32",
                     help="its element type; f16 is faster where the context is long (default f32)")
    sub.add_argument("--inject-outliers", metavar="KEY=VALUE,...",
                     help="function-preserving outliers: attn=20,ffn=20,down=200,channels=2,seed=11")


def add_text(sub: argparse.ArgumentParser, needed_for: str = "",
             max_tokens: str = f"tokens to calibrate on (default {CALIBRATION_TOKENS})") -> None:
    what = "text, documents separated by <|endoftext|>"
    sub.add_argument("--text", metavar="FILE", help=f"{what}; needed for {needed_for}" if needed_for else what)
    sub.add_argument("--tokenizer", metavar="FILE", help="tokenizer.json, GGUF or llama2.c .bin (default: the "
                     "GGUF model's own, or the one beside the model)")
    sub.add_argument("--first-document", type=COUNT, default=0, help="number of the first document (default 0)")
    sub.add_argument("--max-tokens", type=POSITIVE, help=max_tokens)


def add_calibration(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--calibrate", metavar="INPUTS.safetensors",
                     help="calls to calibrate on: arg0, arg1, ..., one call a row")
    sub.add_argument("--entry", help="function that --calibrate calls (default: the only one)")
    sub.add_argument("--random-tokens", type=POSITIVE, metavar="N", help="calibrate without data, on N random tokens")
    sub.add_argument("--observer", default="min-max",
                     help="min-max (default), moving-average, percentile, mse or entropy")


def add_thresholds(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--v0", type=_THRESHOLD, default=15.0, help="largest range that is static (default 15)")
    sub.add_argument("--v1", type=_THRESHOLD, default=150.0, help="smallest range that is per token (default 150)")


def add_scheme(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--scheme", choices=("float", "w4a8"), default="w4a8", help="what to run (default w4a8)")
    sub.add_argument("--tier", default="auto", help="reference, avx2, avxvnni, avx512vnni, avx512vnni-zen or "
                                                    "amx-int8, each also -emulated (default: the machine's best)")


def add_quantization(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--profile", metavar="FILE",
                     help=f"profile (default: calibrate on the text's first {CALIBRATION_TOKENS} tokens)")
    sub.add_argument("--recipe", metavar="FILE", help="per-layer rules, YAML or JSON")
    sub.add_argument("--names", metavar="FILE", help="JSON: weight name to layer name")
    sub.add_argument("--policy", choices=("fptq", "static", "equalized", "per-token", "float"),
                     help="of every layer no rule names (default fptq; per-token for a model that came quantized)")
    sub.add_argument("--group-size", type=_GROUP_SIZE, metavar="N|channel", help="input channels a group (default 128)")
    sub.add_argument("--method", help="rtn or mse (default mse)")
    sub.add_argument("--weights", choices=("group", "two-level"), help="weight scheme (default group)")
    sub.add_argument("--ragged", choices=("pad", "adjust", "error"), help="K not a multiple of the group (default pad)")
    sub.add_argument("--keep-float", metavar="REGEX", help="layers that stay float (default: heads)")
    sub.add_argument("--equalize", choices=("lae", "smoothquant"), help="equalization formula (default lae)")
    add_thresholds(sub)


def add_threads(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--threads", type=COUNT, default=0, help="threads (default 0: all cores)")


#: What arguments without an option of their name are called.
_NAMES = {"output": "-o", "model": "MODEL", "profiles": "PROFILE", "format": "--from"}
_MAY_BE_EMPTY = ("prompt", "title", "keep_float")


def check_texts(options: argparse.Namespace) -> None:
    """Raises FptqError for a text that is empty, as that of a variable which nobody set, or is not UTF-8."""
    for key, value in vars(options).items():
        name = _NAMES.get(key, f"--{key.replace('_', '-')}")
        for text in value if isinstance(value, list) else [value]:
            if text == "" and key not in _MAY_BE_EMPTY:
                raise FptqError(f"{name} is empty")
            try:
                str(text).encode()
            except UnicodeEncodeError:
                raise FptqError(f"{name} is {text!r}, which is not UTF-8") from None


def quantize_options(options: argparse.Namespace) -> QuantizeOptions:
    """What `add_quantization` read."""
    from pathlib import Path

    def path(name: str) -> Path | None:
        value = getattr(options, name)
        return Path(value) if value else None

    return QuantizeOptions(profile=path("profile"), recipe=path("recipe"), names=path("names"), policy=options.policy,
                           v0=options.v0, v1=options.v1, scheme=options.weights, group_size=options.group_size,
                           method=options.method, ragged=options.ragged, keep_float=options.keep_float,
                           formula=options.equalize)
