"""Trains the model in test/models/kjv on the King James text (books in quant_fptq.kjv).

    python python/training/train_kjv.py --out test/models/kjv --work DIR

Two phases: most steps see windows of `--length` tokens, the last ones windows as long as the model
has positions. Without the second phase perplexity past the trained length grows several times over.

Needs torch, tokenizers, safetensors, rich, ml_dtypes and Debian's bible-kjv. Resumable: a killed run goes on
from DIR/state.pt. The weights kept are those with the best validation loss; the evaluation books
are never read here but for the last line, which reports them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import pathlib
import time

import torch
import torch.nn.functional as F
from rich.progress import Progress
from safetensors.torch import save_file
from tokenizers import Tokenizer

import data
from model import Llama, Shape


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out", type=pathlib.Path, required=True, help="folder of the finished model")
    p.add_argument("--work", type=pathlib.Path, required=True, help="folder of checkpoints")
    p.add_argument("--steps", type=int, default=2600, help="steps of the first phase")
    p.add_argument("--long-steps", type=int, default=300, help="steps of the second phase, over full-length windows")
    p.add_argument("--batch", type=int, default=16, help="sequences a step")
    p.add_argument("--length", type=int, default=256, help="tokens a sequence")
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--long-lr", type=float, default=4e-4)
    p.add_argument("--dropout", type=float, default=0.1)
    p.add_argument("--weight-decay", type=float, default=0.1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    return p.parse_args()


def loss_of(model: Llama, ids: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(ids[:, :-1])
    return F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())


@torch.no_grad()
def evaluate(model: Llama, docs) -> tuple[float, int]:
    """Mean negative log-likelihood in nats over all tokens after BOS, and their number; float32."""
    model.eval()
    total, count = 0.0, 0
    for ids in docs:
        ids = torch.from_numpy(ids[: model.s.positions])[None]
        total += F.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:], reduction="sum").item()
        count += ids.shape[1] - 1
    model.train()
    return total / count, count


def export(model: Llama, tokenizer: Tokenizer, out: pathlib.Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    s = model.s
    tensors = {f"model.{k}": v.half().contiguous() for k, v in model.state_dict().items()}
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(out / "tokenizer.json"))
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": s.hidden,
        "intermediate_size": s.intermediate, "num_hidden_layers": s.layers, "num_attention_heads": s.heads,
        "num_key_value_heads": s.kv_heads, "vocab_size": s.vocab, "max_position_embeddings": s.positions,
        "rms_norm_eps": s.rms_eps, "rope_theta": s.rope_theta, "tie_word_embeddings": True, "hidden_act": "silu",
        "bos_token_id": 0, "eos_token_id": 0, "torch_dtype": "float16",
    }
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def rate(step: int, a: argparse.Namespace) -> float:
    warmup = 100
    if step >= a.steps:  # second phase: linear to zero
        return a.long_lr * (1 - (step - a.steps) / a.long_steps)
    if step < warmup:
        return a.lr * (step + 1) / warmup
    return a.lr * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (a.steps - warmup))))


def main() -> None:
    a = arguments()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    a.work.mkdir(parents=True, exist_ok=True)
    vocabulary = a.work / "tokenizer.json"
    if not vocabulary.exists():
        data.train_tokenizer(Shape.vocab).save(str(vocabulary))
    tokenizer = Tokenizer.from_file(str(vocabulary))
    tokens = torch.from_numpy(data.stream(data.documents(tokenizer, data.kjv.training_text())))
    validation = data.documents(tokenizer, data.kjv.validation_text())

    model = Llama(Shape(), a.dropout)
    decay = [p for p in model.parameters() if p.dim() == 2]
    rest = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": decay, "weight_decay": a.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=a.lr, betas=(0.9, 0.95))
    state, best, first = a.work / "state.pt", (math.inf, None), 0
    if state.exists():
        saved = torch.load(state, weights_only=False)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        torch.set_rng_state(saved["rng"])
        best, first = saved["best"], saved["step"]
    print(f"{tokens.numel()} training tokens, {sum(p.numel() for p in model.parameters())} parameters, from step {first}")

    last = a.steps + a.long_steps
    with Progress() as bar:
        task = bar.add_task("training", total=last, completed=first)
        for step in range(first, last):
            if step == a.steps:
                best = (math.inf, None)  # only weights that know every position may be kept
            length = a.length if step < a.steps else model.s.positions
            count = a.batch * a.length // length  # as many tokens a step in either phase
            for group in optimizer.param_groups:
                group["lr"] = rate(step, a)
            starts = torch.randint(0, tokens.numel() - length - 1, (count,))
            batch = torch.stack([tokens[s : s + length + 1] for s in starts])
            loss = loss_of(model, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            bar.update(task, advance=1, description=f"loss {loss.item():.3f}, best validation {best[0]:.3f}")
            if (step + 1) % 100 == 0 or step + 1 in (a.steps, last):
                nll, _ = evaluate(model, validation)
                if nll < best[0]:
                    best = (nll, {k: v.clone() for k, v in model.state_dict().items()})
                print(f"{time.strftime('%H:%M:%S')} step {step + 1}: train {loss.item():.4f} validation {nll:.4f}", flush=True)
                saved = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "rng": torch.get_rng_state(),
                         "best": best, "step": step + 1}
                torch.save(saved, state.with_suffix(".new"))
                os.replace(state.with_suffix(".new"), state)
    model.load_state_dict({k: v.half().float() for k, v in best[1].items()})
    export(model, tokenizer, a.out)
    nll, count = evaluate(model, data.documents(tokenizer, data.kjv.evaluation_text()))
    print(f"evaluation books: perplexity {math.exp(nll):.4f} over {count} tokens (f16 weights)")


if __name__ == "__main__":
    main()
