"""Profiles of models that run in PyTorch: hooks on the inputs of linear layers (optional extra `quant-fptq[torch]`).

Linear layers are those that the compiler raises: `torch.nn.Linear`, the `Conv1D` of transformers, and convolutions whose
windows do not overlap.

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


def _is_patchwise(module: torch.nn.Module) -> bool:
    """A convolution with a kernel of size 1 or as large as its stride, without padding and groups."""
    torch = _torch()
    if not isinstance(module, (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)) or module.groups != 1:
        return False
    sizes = zip(module.kernel_size, module.stride, module.dilation, strict=True)
    unpadded = module.padding == "valid" or not any(module.padding)
    return unpadded and all(k == 1 or (k == stride and dilation == 1) for k, stride, dilation in sizes)


def _is_linear(module: torch.nn.Module) -> bool:
    conv1d = any(base.__name__ == "Conv1D" and base.__module__.startswith("transformers.") for base in type(module).__mro__)
    return isinstance(module, _torch().nn.Linear) or conv1d or _is_patchwise(module)


def _rows(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What enters `module`, [..., K]; of a convolution, its windows, each as channels x kernel."""
    if not _is_patchwise(module):
        return x
    first = x.dim() - len(module.kernel_size)
    for axis, (size, step) in enumerate(zip(module.kernel_size, module.stride, strict=True), first):
        x = x.unfold(axis, size, step)
    return x.movedim(first - 1, -len(module.kernel_size) - 1).flatten(-len(module.kernel_size) - 1)


def layer_names(model: torch.nn.Module, match: str | None = None) -> dict[str, list[torch.nn.Module]]:
    """The linear layers of `model` under the names that the compiler gives them: their weight's, without ".weight".
    Those that share a weight share a name.

    That is the module's own name, except where a weight is shared: a tied head is its embedding. `match`: a regular
    expression that has to be found in the name. Raises FptqError where no layer is left.
    """
    weights = {id(parameter): name.removesuffix(".weight") for name, parameter in model.named_parameters()}
    found: dict[str, list[torch.nn.Module]] = {}
    for name, module in model.named_modules():
        if not _is_linear(module):
            continue
        layer = weights.get(id(module.weight), name)
        if match is None or re.search(match, layer):
            found.setdefault(layer, []).append(module)
    if not found:
        raise FptqError("the model has no linear layer" + (f" that matches '{match}'" if match else ""))
    return found


@contextmanager
def observe(model: torch.nn.Module, match: str | None = None) -> Iterator[Profile]:
    """Records what enters each linear layer while the `with` lasts; the hooks are gone afterwards.

    Inputs [..., K] (of convolutions [N, C, size...] or [C, size...]) of any float type and device are read as float32.
    Raises FptqError naming the layer for NaN and infinity. The model hash stays empty: these weights are not the
    compiler's file.
    """
    profile = Profile()

    def hook(layer: str) -> Any:
        def record(module: torch.nn.Module, arguments: tuple) -> None:
            profile.record(layer, _rows(module, arguments[0].detach().float()).cpu().numpy())

        return record

    handles = [module.register_forward_pre_hook(hook(layer))
               for layer, modules in layer_names(model, match).items() for module in modules]
    try:
        yield profile
    finally:
        for handle in handles:
            handle.remove()
