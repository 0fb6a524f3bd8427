"""One function a command."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Sequence

from quant_fptq import evaluate as evaluation
from quant_fptq import generate as generation
from quant_fptq import quantize as quantization
from quant_fptq.cli import files, report
from quant_fptq.cli.arguments import quantize_options
from quant_fptq.cli.files import MLIR
from quant_fptq.errors import FptqError
from quant_fptq.importer import Checkpoint, export, llama_module, load_checkpoint, native
from quant_fptq.importer.checkpoint import DEFAULT_CONTEXT
from quant_fptq.importer.llama import write_parameters
from quant_fptq.json_input import read_object
from quant_fptq.model import Model
from quant_fptq.outliers import Outliers, inject
from quant_fptq.profile import Policy, Profile
from quant_fptq.quantize import CALIBRATION_TOKENS, QuantizeOptions
from quant_fptq.report import write_report
from quant_fptq.session import Module, Session
from quant_fptq.tokenizer import load_tokenizer

_PROGRESS = re.compile(r"(?:quantized|kept) (\d+) of (\d+): ")


def _checkpoint(options: argparse.Namespace) -> Checkpoint:
    checkpoint = load_checkpoint(options.model, options.context, options.format)
    for note in checkpoint.notes:
        print(f"quant-fptq: note: {note}", file=sys.stderr)
    files.check_model(options, checkpoint)
    if options.inject_outliers:
        checkpoint = inject(checkpoint, Outliers.parse(options.inject_outliers))
    return checkpoint


def _text(options: argparse.Namespace) -> str:
    if not options.text:
        raise FptqError("--text is missing")
    try:
        return Path(options.text).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FptqError(f"{options.text}: not UTF-8: byte {error.start} is {error.object[error.start]:#04x}") from None


def _session(options: argparse.Namespace) -> Session:
    return Session(report.diagnostics(options.verbose))


def _note_context(options: argparse.Namespace, checkpoint: Checkpoint) -> None:
    """What is written has as many positions as the KV cache would have here."""
    if options.context is None and checkpoint.config.context == DEFAULT_CONTEXT:
        print(f"quant-fptq: note: written for {DEFAULT_CONTEXT} positions; --context N for more, where the model has "
              "them", file=sys.stderr)


def import_(options: argparse.Namespace) -> None:
    output = Path(options.output)
    if options.model.endswith(MLIR):
        with _session(options) as session:
            session.parse(options.model).run("fptq-import-quant").write(output, bytecode=output.suffix != ".mlir")
        return
    checkpoint = _checkpoint(options)
    _note_context(options, checkpoint)
    if output.suffix == ".safetensors":
        native.save(checkpoint, output)
        return
    text = llama_module(checkpoint, write_parameters(checkpoint, output.with_suffix(".safetensors")),
                        options.kv_cache)
    with _session(options) as session:
        session.parse_text(text).write(output, bytecode=output.suffix != ".mlir")


def export_(options: argparse.Namespace) -> None:
    """The checkpoint's codes, or ours for weights that came as floats, as another tool reads them."""
    if options.to == "quant-types":
        _export_types(options)
        return
    if options.model.endswith(MLIR):
        raise FptqError(f"{options.model}: an MLIR file is exported --to quant-types")
    checkpoint = _checkpoint(options)
    _note_context(options, checkpoint)
    with _session(options) as session:
        quantized = quantization.quantized_checkpoint(session, checkpoint, quantize_options(options))
        if options.to == "quant-fptq":
            native.save(quantized, options.output)
        else:
            export.compressed_tensors(quantized, options.output)


def _export_types(options: argparse.Namespace) -> None:
    """MLIR with upstream's !quant types, of a quantized MLIR file or of a checkpoint that is quantized first."""
    output = Path(options.output)
    with _session(options) as session:
        if options.model.endswith(MLIR):
            module = session.parse(options.model)
        else:
            checkpoint = _checkpoint(options)
            plan = quantization.plan_for(quantize_options(options), checkpoint, session.folder)
            module = _quantized(session, session.import_checkpoint(checkpoint, options.kv_cache), plan)
        module.run("fptq-export-quant").write(output, bytecode=output.suffix != ".mlir")


def _calibrate_on_text(options: argparse.Namespace, session: Session, module: Module, checkpoint: Checkpoint,
                       output: Path, max_tokens: int | None, first: int) -> None:
    """Documents from number `first` on, cut off at `max_tokens`."""
    tokenizer = load_tokenizer(options.tokenizer, checkpoint)
    sequences: list[list[int]] = []
    left = max_tokens or sys.maxsize
    for tokens in evaluation.encoded(tokenizer, _text(options), checkpoint.config.context, first, max_tokens):
        sequences.append(tokens[:left])
        left -= len(sequences[-1])
        if left <= 0:
            break
    if not sequences:
        raise FptqError(f"{options.text}: has no tokens to calibrate on")
    _run_calibration(options, session, module, checkpoint, sequences, output)


def _run_calibration(options: argparse.Namespace, session: Session, module: Module, checkpoint: Checkpoint,
                     sequences: Sequence[Sequence[int]], output: Path) -> None:
    observer = getattr(options, "observer", "min-max")
    with report.progress("calibrating", sum(map(len, sequences))) as advance:
        quantization.calibrate(session, module, checkpoint, sequences, output, observer, options.threads, advance)


def _profile(options: argparse.Namespace, session: Session, module: Module, checkpoint: Checkpoint, output: Path,
             max_tokens: int | None, first: int = 0) -> None:
    """Calibrates by whatever the options offer: calls, random tokens, text."""
    if getattr(options, "calibrate", None):
        quantization.calibrate_calls(session, module, options.calibrate, options.entry, output, options.observer,
                                     options.threads)
    elif getattr(options, "random_tokens", None):
        sequences = quantization.random_sequences(checkpoint, options.random_tokens)
        _run_calibration(options, session, module, checkpoint, sequences, output)
    elif options.text:
        _calibrate_on_text(options, session, module, checkpoint, output, max_tokens, first)
    else:
        offered = [f"--{name.replace('_', '-')}" for name in ("profile", "text", "calibrate", "random_tokens")
                   if hasattr(options, name)]
        raise FptqError(f"no ranges: give {', '.join(offered)} or --policy per-token")


def calibrate(options: argparse.Namespace) -> None:
    with _session(options) as session:
        if options.model.endswith(MLIR):
            if not options.calibrate:
                raise FptqError("an MLIR file is calibrated on calls: --calibrate INPUTS.safetensors")
            quantization.calibrate_calls(session, session.parse(options.model), options.calibrate, options.entry,
                                         options.output, options.observer, options.threads)
            return
        checkpoint = _checkpoint(options)
        _profile(options, session, session.import_checkpoint(checkpoint, options.kv_cache), checkpoint,
                 Path(options.output), options.max_tokens or CALIBRATION_TOKENS, options.first_document)


def policy(options: argparse.Namespace) -> None:
    with _session(options) as session:
        table = session.policies(options.profile, options.v0, options.v1, options.recipe or "")
    report.layer_table(table["layers"])
    report.write_json(options.json, table)


def _layers_of(path: str) -> list[Policy]:
    """The layer table that a command wrote with --json."""
    rows = read_object(Path(path)).get("layers")
    if not isinstance(rows, list):
        raise FptqError(f"{path}: no layer table: expected what --json writes, an object with 'layers'")
    try:
        return [Policy.of(row) for row in rows]
    except FptqError as error:
        raise FptqError(f"{path}: {error}") from None


def html_report(options: argparse.Namespace) -> None:
    if not options.profile and not options.layers:
        raise FptqError("give --profile, --layers or both")
    ours = options.profile and options.profile.endswith(".json")
    profile = Profile.load(options.profile) if ours else None
    if options.layers:
        layers = _layers_of(options.layers)
    else:
        with _session(options) as session:
            layers = session.decide(options.profile, options.v0, options.v1, options.recipe or "")
    write_report(options.output, layers, profile, options.v0, options.v1, options.title)


def merge(options: argparse.Namespace) -> None:
    with _session(options) as session:
        session.merge_profiles(options.profiles, options.output)


def _quantized(session: Session, module: Module, plan: QuantizeOptions) -> Module:
    return module.run(plan.pipeline())


def quantize(options: argparse.Namespace) -> None:
    plan, output = quantize_options(options), Path(options.output)
    plan.parameters_out, plan.progress = output.with_suffix(".safetensors"), True
    shown = report.diagnostics(options.verbose)

    with report.progress("quantizing", None, "layers") as advance:

        def listen(severity: str, text: str) -> None:
            step = _PROGRESS.search(text)
            if severity == "remark" and step:
                advance.total(int(step[2]))
                advance(1)
                if not report.err.is_terminal:
                    print(step.string[step.start():], file=sys.stderr)
            else:
                shown(severity, text)

        with Session(listen) as session:
            module = _float_module(options, session, plan)
            _quantized(session, module, plan).write(output)
            layers = module.layers()
    report.layer_table(layers)
    report.write_json(options.json, {"layers": layers})


def compile_(options: argparse.Namespace) -> None:
    plan = quantize_options(options)
    with _session(options) as session:
        module = _float_module(options, session, plan, without_ranges="per-token")
        if not any(layer["quantized"] for layer in module.layers()):
            _quantized(session, module, plan)
        module.emit_nvptx(options.output, options.chip.split(","), options.emit)


def _float_module(options: argparse.Namespace, session: Session, plan: QuantizeOptions,
                  without_ranges: str | None = None) -> Module:
    """The model to quantize; calibrates where the plan lacks a profile, or takes the policy `without_ranges` where the
    options have nothing to calibrate on."""
    is_mlir = options.model.endswith(MLIR)
    if is_mlir and (options.text or options.random_tokens):
        raise FptqError("an MLIR file is calibrated on calls: --calibrate INPUTS.safetensors")
    if is_mlir:
        module = session.parse(options.model)
    else:
        checkpoint = _checkpoint(options)
        decided = quantization.plan_for(plan, checkpoint, session.folder)
        plan.policy, plan.recipe, plan.decided = decided.policy, decided.recipe, decided.decided
        module = session.import_checkpoint(checkpoint, options.kv_cache)
    can_calibrate = options.text or options.calibrate or options.random_tokens
    if plan.needs_profile and not can_calibrate and without_ranges:
        plan.policy = without_ranges
    if not plan.needs_profile or is_mlir and not can_calibrate:  # the compiler says which layer lacks a range
        return module
    plan.profile = session.folder / "profile.json"
    if is_mlir:
        quantization.calibrate_calls(session, module, options.calibrate, options.entry, plan.profile, options.observer,
                                     options.threads)
    else:
        _profile(options, session, module, checkpoint, plan.profile, options.max_tokens or CALIBRATION_TOKENS,
                 options.first_document)
    return module


def _model(options: argparse.Namespace, session: Session, checkpoint: Checkpoint,
           max_tokens: int = CALIBRATION_TOKENS, first: int = 0) -> tuple[Model, list[dict]]:
    """Float or quantized, compiled; with its layer table."""
    module = session.import_checkpoint(checkpoint, options.kv_cache)
    if options.scheme == "float":
        module.run("fptq-raise")
        layers = [{**layer, "policy": "float"} for layer in module.layers()]
    else:
        plan = quantization.plan_for(quantize_options(options), checkpoint, session.folder)
        if plan.needs_profile:
            plan.profile = session.folder / "profile.json"
            _profile(options, session, module, checkpoint, plan.profile, max_tokens, first)
        layers = _quantized(session, module, plan).layers()
    return Model(module.compile(options.tier, options.threads), checkpoint.config), layers


def evaluate(options: argparse.Namespace) -> None:
    checkpoint = _checkpoint(options)
    tokenizer = load_tokenizer(options.tokenizer, checkpoint)
    sequences = list(evaluation.encoded(tokenizer, _text(options), checkpoint.config.context, options.first_document,
                                        options.max_tokens))
    if not sequences:
        raise FptqError(f"{options.text}: no document from number {options.first_document} on has two tokens")
    with _session(options) as session:
        model, layers = _model(options, session, checkpoint)
        with report.progress("evaluating", sum(len(s) - 1 for s in sequences)) as advance:
            score = evaluation.perplexity(model, tokenizer, sequences, advance)
        tier = model.executable.tier
    report.layer_table(layers)
    print(f"{options.scheme} on {tier}: perplexity {score.perplexity:.4f}, {score.bits_per_byte:.4f} bits per byte, "
          f"{score.tokens} tokens in {score.seconds:.1f} s")
    report.write_json(options.json, {**asdict(score), "tier": tier, "scheme": options.scheme, "layers": layers})


def generate(options: argparse.Namespace) -> None:
    checkpoint = _checkpoint(options)
    tokenizer = load_tokenizer(options.tokenizer, checkpoint)
    with _session(options) as session:
        model, _ = _model(options, session, checkpoint, options.max_tokens or CALIBRATION_TOKENS,
                          options.first_document)
        prompt = tokenizer.encode(options.prompt)
        made = generation.tokens(model, prompt, options.count, options.temperature, options.top_p, options.seed)
        for piece in generation.text(tokenizer, prompt, made):
            print(piece, end="", flush=True)
        print()
