"""The main job on one model: float against W4A8, in quality and in speed.

Run by tools/dev/demo. Float is compiled by the same pipeline, vectorized, threaded and with packed
weights; only the linears differ.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Sequence

from quant_fptq import evaluate, generate, kjv
from quant_fptq import quantize as quantization
from quant_fptq.cli import report
from quant_fptq.errors import FptqError
from quant_fptq.importer import load_checkpoint
from quant_fptq.model import Model
from quant_fptq.quantize import CALIBRATION_TOKENS, QuantizeOptions
from quant_fptq.session import Session
from quant_fptq.tokenizer import load_tokenizer

PROMPT = "And it came to pass in those days, that"
#: Runs of each model whose median counts; they alternate, so that both see the same machine.
ROUNDS = 9


def speeds(models: dict[str, Model], tokens: Sequence[int], decoded: int) -> dict[str, dict[str, float]]:
    """Median tokens per second: {"prefill": {name: ...}, "decode": {name: ...}}."""
    runs: dict[str, dict[str, list[float]]] = {mode: {name: [] for name in models} for mode in ("prefill", "decode")}
    for _ in range(ROUNDS):
        for name, model in models.items():
            prefill, decode = evaluate.speed(model, tokens, decoded)
            runs["prefill"][name].append(prefill)
            runs["decode"][name].append(decode)
    return {mode: {name: statistics.median(values) for name, values in by_name.items()}
            for mode, by_name in runs.items()}


def run(model: Path, threads: int, tier: str, max_tokens: int | None) -> tuple[dict, str]:
    """The result as JSON's dictionary, and a generated sample."""
    checkpoint = load_checkpoint(model)
    tokenizer = load_tokenizer(None, checkpoint)
    context = checkpoint.config.context
    sequences = list(evaluate.encoded(tokenizer, kjv.evaluation_text(), context, 0, max_tokens))
    with Session(report.diagnostics(False)) as session:
        module = session.import_checkpoint(checkpoint)
        calibration = list(evaluate.encoded(tokenizer, kjv.calibration_text(), context, 0, CALIBRATION_TOKENS))
        profile = session.folder / "profile.json"
        with report.progress("calibrating", sum(map(len, calibration))) as advance:
            quantization.calibrate(session, module, checkpoint, calibration, profile, threads=threads, progress=advance)
        floating = module.clone().run("fptq-raise")
        module.run(QuantizeOptions(profile=profile, group_size=32).pipeline())
        layers = module.layers()
        models = {name: Model(m.compile(tier, threads), checkpoint.config)
                  for name, m in (("float", floating), ("w4a8", module))}
        scores = {}
        for name, compiled in models.items():
            with report.progress(f"evaluating {name}", sum(len(s) - 1 for s in sequences)) as advance:
                scores[name] = evaluate.perplexity(compiled, tokenizer, sequences, advance)
        whole = max(sequences, key=len)
        speed = speeds(models, whole[:192], min(64, len(whole) // 2))  # a prompt of 128, then 64 tokens
        prompt = tokenizer.encode(PROMPT)
        made = generate.tokens(models["w4a8"], prompt, 80, temperature=0.7, seed=1)
        sample = "".join(generate.text(tokenizer, prompt, made))
        result = {
            "tier": models["w4a8"].executable.tier,
            "perplexity": {name: score.perplexity for name, score in scores.items()},
            "bits_per_byte": {name: score.bits_per_byte for name, score in scores.items()},
            "tokens": scores["float"].tokens,
            "tokens_per_second": speed,
            "layers": layers,
        }
    return result, sample


def show(result: dict, sample: str) -> None:
    report.layer_table(result["layers"])
    print(f"\ntier {result['tier']}, {result['tokens']} tokens of held-out books\n")
    print(f"{'':24}{'float':>10}{'W4A8':>10}{'ratio':>8}")
    rows = [("perplexity", result["perplexity"], 3)]
    rows += [(f"{mode}, tokens/s", result["tokens_per_second"][mode], 0) for mode in ("prefill", "decode")]
    for name, values, digits in rows:
        a, b = values["float"], values["w4a8"]
        print(f"{name:24}{a:>10.{digits}f}{b:>10.{digits}f}{b / a:>8.3f}")
    print(f"\n{sample}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of the shipped model")
    parser.add_argument("--json", help="write the result here")
    parser.add_argument("--threads", type=int, default=0, help="threads (default: all cores)")
    parser.add_argument("--tier", default="auto", help="tier to run (default: the machine's best)")
    parser.add_argument("--max-tokens", type=int, help="stop the evaluation early")
    options = parser.parse_args(argv)
    try:
        result, sample = run(options.model, options.threads, options.tier, options.max_tokens)
    except (FptqError, RuntimeError) as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 1
    show(result, sample)
    report.write_json(options.json, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
