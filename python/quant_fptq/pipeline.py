"""Pass pipelines as values: a textual pipeline that knows how options are quoted."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath

from quant_fptq.errors import FptqError

OptionValue = str | PathLike | bool | int | float | None


def _option(name: str, value: OptionValue) -> str:
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, (int, float)):
        text = repr(value)
    else:
        assert value is not None
        text = str(fspath(value))
        if '"' in text:
            raise FptqError(f"option '{name}': '{text}': a value cannot contain double quotes")
        text = f'"{text}"'
    return f"{name.replace('_', '-')}={text}"


@dataclass(frozen=True)
class Pipeline:
    """Passes in order, as `fptq-opt --pass-pipeline="builtin.module(...)"` takes them (docs/generated/Passes.md).

        Pipeline("fptq-raise").then("fptq-choose-policy", policy="per-token", group_size=32).then("cse")
    """

    text: str

    @classmethod
    def of(cls, name: str, **options: OptionValue) -> Pipeline:
        """One pass, or a registered pipeline; `group_size=32` is its option `group-size`, None leaves the default."""
        words = [_option(key, value) for key, value in options.items() if value is not None]
        return cls(f"{name}{{{' '.join(words)}}}" if words else name)

    def then(self, next: str | Pipeline, **options: OptionValue) -> Pipeline:
        """This pipeline, and one more pass or pipeline after it."""
        return Pipeline(f"{self.text},{next if isinstance(next, Pipeline) else Pipeline.of(next, **options)}")

    def __str__(self) -> str:
        return self.text
