"""Outliers put into a model without changing what it computes.

Small models have none; large ones have a few channels a hundred times above the rest. A norm's
gamma[j] times k with its consumers' column j divided by k, or row j of `up` times k with column j
of `down` divided by k, leave the function as it is and move the ranges into every policy band.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer.checkpoint import LINEARS, Checkpoint, Tensor


@dataclass(frozen=True)
class Outliers:
    """Factors at the attention, feed-forward and down inputs; channels of each layer; random seed."""

    attn: float = 1.0
    ffn: float = 1.0
    down: float = 1.0
    channels: int = 2
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> Outliers:
        """Reads `attn=20,ffn=20,down=200,channels=2,seed=11`. Raises FptqError naming the key."""
        kinds = {field.name: int if field.name in ("channels", "seed") else float for field in fields(cls)}
        values: dict[str, Any] = {}
        for item in filter(None, text.split(",")):
            key, _, value = item.partition("=")
            if key not in kinds:
                raise FptqError(f"outliers '{text}': unknown key '{key}', expected {', '.join(kinds)}")
            try:
                values[key] = kinds[key](value)
            except ValueError:
                raise FptqError(f"outliers '{text}': '{value}' is no number for {key}") from None
            if values[key] < 0 or (kinds[key] is float and not 0 < values[key] < 1e6):
                raise FptqError(f"outliers '{text}': {key} {value} is out of range")
        return cls(**values)


def inject(checkpoint: Checkpoint, outliers: Outliers) -> Checkpoint:
    """The same function with outliers; the weights it touches become float32 copies."""
    if checkpoint.is_stored:
        raise FptqError(f"{checkpoint.source}: its weights are codes, which take no outliers; inject them before it is "
                        "quantized")
    result = Checkpoint(checkpoint.source, checkpoint.config, dict(checkpoint.tensors))
    rng = np.random.default_rng(outliers.seed)

    def scale(name: str, index: Any, factor: float) -> None:
        array = np.array(result[name], dtype=np.float32)
        array[index] *= np.float32(factor)
        result.tensors[name] = Tensor(array)

    def channels(size: int) -> np.ndarray:
        if outliers.channels > size:
            raise FptqError(f"outliers: {outliers.channels} channels of a layer that has {size}")
        return rng.choice(size, outliers.channels, replace=False)

    d, f = checkpoint.config.hidden_size, checkpoint.config.intermediate_size
    for i in range(checkpoint.config.num_layers):
        p, norms = f"model.layers.{i}.", checkpoint.config.layer_norms(i)
        for norm, factor, consumers in ((norms[0], outliers.attn, LINEARS[:3]), (norms[2], outliers.ffn, LINEARS[4:6])):
            if norm is None:
                raise FptqError(f"{checkpoint.source}: outliers: no norm is before the layers of '{p}'")
            j = channels(d)
            scale(norm, j, factor)
            for consumer in consumers:
                scale(f"{p}{consumer}.weight", (slice(None), j), 1 / factor)
        j = channels(f)
        scale(p + "mlp.up_proj.weight", j, outliers.down)
        if "mlp.up_proj" in checkpoint.config.biases:
            scale(p + "mlp.up_proj.bias", j, outliers.down)
        scale(p + "mlp.down_proj.weight", (slice(None), j), 1 / outliers.down)
    return result
