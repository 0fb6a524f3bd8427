"""Profiles of models that run in PyTorch: hooks on the inputs of linear layers (optional extra `quant-fptq[torch]`).

    from quant_fptq.torch_observer import observe

    with observe(model) as profile:
        for batch in calibration:
            model(batch)
    profile.save("profile.json")

The profile is that of docs/ProfileFormat.md, and `quant-fptq quantize --profile profile.json` takes it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator

from quant_fptq.errors import FptqError
from quant_fptq.profile import Profile

if TYPE_CHECKING:
    import torch


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise FptqError(f"PyTorch is needed for this: {error}; pip install 'quant-fptq[torch]'") from None
    return torch


def layer_names(model: torch.nn.Module, match: str | None = None) -> dict[str, torch.nn.Module]:
    """The linear layers of `model` under the names that the compiler gives them: their weight's, without ".weight".

    That is the module's own name, except where a weight is shared: a tied head is its embedding. `match`: a regular
    expression that has to be found in the name. Raises FptqError where no layer is left.
    """
    torch = _torch()
    weights = {id(parameter): name.removesuffix(".weight") for name, parameter in model.named_parameters()}
    found = {}
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.Linear):
            continue
        layer = weights.get(id(module.weight), name)
        if match is None or re.search(match, layer):
            found[layer] = module
    if not found:
        raise FptqError("the model has no torch.nn.Linear" + (f" that matches '{match}'" if match else ""))
    return found


@contextmanager
def observe(model: torch.nn.Module, match: str | None = None) -> Iterator[Profile]:
    """Records what enters each linear layer while the `with` lasts; the hooks are gone afterwards.

    Inputs [..., K] of any float type and device are read as float32. Raises FptqError naming the layer for NaN and
    infinity. The model hash stays empty: these weights are not the compiler's file.
    """
    profile = Profile()

    def hook(layer: str) -> Any:
        def record(_: Any, arguments: tuple) -> None:
            profile.record(layer, arguments[0].detach().float().cpu().numpy())

        return record

    handles = [module.register_forward_pre_hook(hook(layer)) for layer, module in layer_names(model, match).items()]
    try:
        yield profile
    finally:
        for handle in handles:
            handle.remove()
