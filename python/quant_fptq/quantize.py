"""From a float model to a quantized one: options, calibration, the pass pipeline.

Nothing is decided here. Policies, scales and layouts are the compiler's; this names its passes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Callable, Iterable, Sequence

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer import Checkpoint, StoredWeight, Tensor, safetensors
from quant_fptq.importer.checkpoint import EMBEDDING, HEAD, layer_of
from quant_fptq.model import Model
from quant_fptq.pipeline import Pipeline
from quant_fptq.session import Executable, Module, Session

#: Tokens that `eval` and `quantize` calibrate on where no profile is given.
CALIBRATION_TOKENS = 2000


@dataclass
class QuantizeOptions:
    """Options of `fptq-quantize-pipeline`; None leaves the compiler's own default."""

    profile: Path | None = None
    recipe: Path | None = None
    names: Path | None = None
    policy: str | None = None
    v0: float | None = None
    v1: float | None = None
    scheme: str | None = None
    group_size: int | None = None
    method: str | None = None
    ragged: str | None = None
    keep_float: str | None = None
    formula: str | None = None
    parameters_out: Path | None = None
    progress: bool | None = None
    #: Not the compiler's: every layer's policy is the model's own or a rule's, and no ranges are needed.
    decided: bool = field(default=False, metadata={"ours": True})

    @property
    def needs_profile(self) -> bool:
        return self.profile is None and self.policy not in ("per-token", "float") and not self.decided

    def pipeline(self) -> Pipeline:
        """`fptq-quantize-pipeline` with these options."""
        options = {field.name: getattr(self, field.name) for field in fields(self) if not field.metadata}
        return Pipeline.of("fptq-quantize-pipeline", **options)


def plan_for(plan: QuantizeOptions, checkpoint: Checkpoint, folder: Path) -> QuantizeOptions:
    """`plan`; for a model that came quantized, its own decisions where the plan has neither policy, profile nor recipe.

    Its static activation scales are kept, other layers with codes go per token, and what was left float stays float:
    as a recipe in `folder` where one policy cannot say it.
    """
    if not checkpoint.is_stored or plan.policy or plan.profile or plan.recipe:
        return plan
    layers = {layer_of(name): checkpoint.tensors[name].stored is not None for name in checkpoint.linears()}
    kept = [layer for layer, stored in layers.items() if not stored]
    if not checkpoint.input_scales and set(kept) <= {layer_of(HEAD)}:
        return replace(plan, policy="per-token")
    dynamic = [layer for layer, stored in layers.items() if stored and layer not in checkpoint.input_scales]
    rules = [{"match": f"^({'|'.join(map(re.escape, names))})$", **what}
             for names, what in ((dynamic, {"policy": "per-token"}), (kept, {"keep_float": True})) if names]
    if not rules:
        return replace(plan, decided=True)
    path = folder / "model-recipe.json"
    path.write_text(json.dumps({"version": 1, "rules": rules}, indent=1), encoding="utf-8")
    return replace(plan, recipe=path, decided=True)


def observed(module: Module) -> Module:
    """A copy of a float model that records what enters each linear."""
    return module.clone().run("fptq-observe-pipeline")


def _same_session(session: Session, module: Module) -> None:
    if module.session is not session:
        raise FptqError("the module belongs to another session")


def calibrate(session: Session, module: Module, checkpoint: Checkpoint, sequences: Iterable[Sequence[int]],
              output: str | Path, observer: str = "min-max", threads: int = 0,
              progress: Callable[[int], None] = lambda tokens: None) -> None:
    """Runs `sequences` of tokens through the float model and writes the profile to `output`."""
    _same_session(session, module)
    model = Model(observed(module).compile(threads=threads), checkpoint.config)
    session.start_calibration(observer)
    for tokens in sequences:
        model.reset()
        model.prefill(tokens)
        progress(len(tokens))
    session.finish_calibration(output, module.model_hash)


def random_sequences(checkpoint: Checkpoint, tokens: int, seed: int = 0) -> list[list[int]]:
    """Data-free calibration: uniformly random tokens after BOS, in sequences of at most 256."""
    rng = np.random.default_rng(seed)
    config = checkpoint.config
    length = min(256, config.context)
    sequences = []
    while tokens > 0:
        body = rng.integers(0, config.vocab_size, min(length, tokens))
        body[0] = config.bos if config.bos is not None else body[0]
        sequences.append(body.tolist())
        tokens -= len(body)
    return sequences


def read_calls(path: str | Path, executable: Executable, entry: str | None) -> tuple[str, list[list[np.ndarray]]]:
    """INPUTS.safetensors as calls: tensors arg0, arg1, ..., whose leading dimension counts the calls."""
    if entry is None:
        if len(executable.signatures) != 1:
            raise FptqError(f"the model has the functions {', '.join(executable.signatures)}; name one with --entry")
        (entry,) = executable.signatures
    if entry not in executable.signatures:
        raise FptqError(f"the model has no public function '{entry}'")
    tensors = safetensors.open_mapped(path)
    expected = len(executable.signatures[entry]["arguments"])
    columns = []
    for i in range(expected):
        if f"arg{i}" not in tensors:
            raise FptqError(f"{path}: no tensor 'arg{i}'; '{entry}' has {expected} arguments")
        columns.append(tensors[f"arg{i}"])
    counts = {column.shape[:1] for column in columns}
    if len(counts) != 1 or counts == {()}:
        raise FptqError(f"{path}: the leading dimensions of arg0 to arg{expected - 1} differ or are missing")
    # Copied: a function may write into its arguments, and the file is mapped read-only.
    return entry, [[np.array(column[i]) for column in columns] for i in range(columns[0].shape[0])]


def calibrate_calls(session: Session, module: Module, inputs: str | Path, entry: str | None, output: str | Path,
                    observer: str = "min-max", threads: int = 0,
                    progress: Callable[[int], None] = lambda calls: None) -> None:
    """The same for any function of any module, called once per row of `inputs`."""
    _same_session(session, module)
    executable = observed(module).compile(threads=threads)
    entry, calls = read_calls(inputs, executable, entry)
    session.start_calibration(observer)
    for arguments in calls:
        executable.call(entry, arguments, [])
        progress(1)
    session.finish_calibration(output, module.model_hash)


def _stored_weight(path: Path, tensors: dict[str, np.ndarray], layer: dict, shape: tuple[int, ...]) -> StoredWeight:
    """A quantized layer's tensors as `fptq-quantize-weights` wrote them."""
    n, k = shape
    name, group_size = layer["name"], layer["group_size"] or k
    if f"{name}.multipliers" in tensors:
        raise FptqError(f"layer '{name}': the two-level scheme has no form outside of this compiler; use "
                        "--weights group")
    if k % group_size:
        raise FptqError(f"layer '{name}': {k} input channels are no multiple of the group of {group_size}; use "
                        "--ragged adjust")
    zeros = tensors.get(f"{name}.zeros")
    return StoredWeight((n, k), 4, group_size, tensors[f"{name}.codes"], tensors[f"{name}.scales"], zeros)


def quantized_checkpoint(session: Session, checkpoint: Checkpoint, plan: QuantizeOptions) -> Checkpoint:
    """`checkpoint` with the codes and scales that our quantizer gives its linears; weights that came as codes keep
    theirs. The policy is per-token or static: equalized weights are of use only together with the changed norms.
    """
    if plan.policy not in (None, "per-token", "static"):
        raise FptqError(f"policy '{plan.policy}': other tools quantize W4A8 activations per token or statically; only "
                        "--policy per-token and static can be exported")
    plan = plan_for(plan, checkpoint, session.folder)
    if not plan.decided:
        plan = replace(plan, policy=plan.policy or "per-token")
    if plan.needs_profile:
        raise FptqError("policy 'static' needs ranges: give a profile")
    module = session.import_checkpoint(checkpoint)
    path = session.folder / "quantized.safetensors"
    module.run(replace(plan, parameters_out=path).pipeline())
    tensors, shapes = safetensors.open_mapped(path), dict(checkpoint.config.shapes())
    result = Checkpoint(checkpoint.source, checkpoint.config, dict(checkpoint.tensors),
                        input_scales=dict(checkpoint.input_scales))
    for layer in module.layers():
        name = own = f"{layer['name']}.weight"
        if layer["policy"] == "lookup":
            raise FptqError(f"layer '{layer['name']}': a folder of compressed-tensors has float embeddings only; leave "
                            "the lookup out of the recipe")
        if layer["policy"] != "static":
            result.input_scales.pop(layer["name"], None)
        if layer["policy"] == "float" or name not in shapes:
            continue
        if layer["policy"] not in ("per-token", "static"):
            raise FptqError(f"layer '{layer['name']}' is {layer['policy']}; only per-token and static layers can be "
                            "exported")
        if name == EMBEDDING:  # of a tied head, which has codes from now on: the table stays float
            name, result.config = HEAD, replace(result.config, tied=False)
        if layer["policy"] == "static":
            result.input_scales[layer_of(name)] = float(np.float32(layer["range"] / 127)) if layer["range"] else 1.0
        if checkpoint.tensors[own].stored:
            continue
        result.tensors[name] = Tensor(_stored_weight(path, tensors, layer, shapes[own]))
    return result
