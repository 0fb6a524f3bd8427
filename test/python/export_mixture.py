"""A small mixture of experts of transformers through torch-mlir: export_mixture.py KIND FOLDER.

Writes model.mlir, and arrays.npz with ids, mask, and the logits that PyTorch computes.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from torch_mlir import fx

OPTIONS = {
    "Mixtral": {"num_local_experts": 4},
    "Qwen3Moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 96, "head_dim": 16},
    "GptOss": {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 16, "sliding_window": 8},
}


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask):
        return self.model(input_ids=ids, attention_mask=mask).logits


def make(kind: str) -> torch.nn.Module:
    config = getattr(transformers, kind + "Config")(
        vocab_size=128, hidden_size=64, intermediate_size=96, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, use_cache=False, attn_implementation="eager",
        pad_token_id=0, **OPTIONS[kind])
    torch.manual_seed(1)
    model = getattr(transformers, kind + "ForCausalLM")(config).eval()
    model.set_experts_implementation("batched_mm")  # the one that exports
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.dim() == 1), std=0.1)
    for module in model.modules():
        module._non_persistent_buffers_set.clear()  # torch-mlir looks for them in the state
    return Logits(model)


def main(kind: str, folder: Path) -> None:
    with torch.no_grad():
        model = make(kind)
        ids, mask = torch.randint(3, 127, (1, 12)), torch.ones(1, 12, dtype=torch.int64)
        exported = torch.export.export(model, (ids, mask), strict=False)
        text = str(fx.export_and_import(exported, output_type="linalg-on-tensors", func_name="main"))
        logits = model(ids, mask)
    (folder / "model.mlir").write_text(text)
    np.savez(folder / "arrays.npz", ids=ids.numpy(), mask=mask.numpy(), logits=logits.numpy())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
