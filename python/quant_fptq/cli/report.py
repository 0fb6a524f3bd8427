"""What people see: tables on stdout, progress and the compiler's voice on stderr. JSON for programs."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import Callable, Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from quant_fptq.output import write_text

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def write_json(path: str | None, value: dict) -> None:
    """Beside `path`, then renamed; nothing where `path` is None."""
    if path is None:
        return
    write_text(path, json.dumps(value, indent=1) + "\n")


def diagnostics(verbose: bool) -> Callable[[str, str], None]:
    """Warnings always, remarks if asked; errors come as FptqError."""

    def show(severity: str, text: str) -> None:
        if severity == "warning" or (verbose and severity in ("remark", "note")):
            print(text, file=sys.stderr)

    return show


class Advance:
    """Hears of work done, and of how much there is where that shows late."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar, self._task = bar, task

    def __call__(self, done: int) -> None:
        self._bar.update(self._task, advance=done)

    def total(self, total: int) -> None:
        self._bar.update(self._task, total=total)


@contextmanager
def progress(title: str, total: int | None, unit: str = "tokens") -> Iterator[Advance]:
    """A bar on a terminal, one line in a log."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
               TimeRemainingColumn())
    if not err.is_terminal:
        print(title if total is None else f"{title}: {total} {unit}", file=sys.stderr)
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as bar:
        yield Advance(bar, bar.add_task(title, total=total))


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def layer_table(layers: Sequence[dict], title: str = "Layers") -> None:
    """Layer, K x N, range, policy, group, error in dB."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("layer", "K x N", "range", "policy", "group", "error dB"):
        table.add_column(name, justify="left" if name in ("layer", "policy") else "right", no_wrap=True)
    for layer in layers:
        shape = "-" if layer.get("k") is None else f"{layer['k']} x {'-' if layer.get('n') is None else layer['n']}"
        group = layer.get("group_size")
        table.add_row(layer["name"], shape, _number(layer.get("range")), layer.get("policy") or "-",
                      "-" if group is None else "channel" if group == 0 else str(group),
                      _number(layer.get("error_db"), 1))
    console = out if out.is_terminal else Console(width=120, highlight=False)
    console.print(table)
    counts: dict[str, int] = {}
    for layer in layers:
        counts[layer.get("policy") or "-"] = counts.get(layer.get("policy") or "-", 0) + 1
    print(", ".join(f"{count} {policy}" for policy, count in counts.items()))
