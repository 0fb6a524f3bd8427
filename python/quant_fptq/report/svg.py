"""Charts as inline SVG: no script, no file beside the page. Sizes in CSS pixels."""

from __future__ import annotations

import math
from html import escape
from typing import Iterable, Sequence

import numpy as np

WIDTH = 900
_ROW = 18
_LABEL = 300
#: Points of a curve; more cannot be told apart on WIDTH pixels.
_POINTS = 400


def _text(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}">{escape(text)}</text>'


def _svg(height: float, parts: Iterable[str], label: str) -> str:
    return (f'<svg viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" role="img" aria-label="{escape(label)}">'
            + "".join(parts) + "</svg>")


def short(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}"


class LogScale:
    """Positive values to pixels, by their logarithm; what is 0 or below lies at the left end."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self._low = math.log10(low)
        self._span = max(math.log10(high) - self._low, 1e-9)
        self._begin, self._end = begin, end

    def __call__(self, value: float) -> float:
        part = 0.0 if value <= 0 else (math.log10(value) - self._low) / self._span
        return self._begin + min(max(part, 0.0), 1.0) * (self._end - self._begin)


def _span(values: Iterable[float]) -> tuple[float, float]:
    """Powers of ten around all positive values."""
    positive = [v for v in values if v > 0 and math.isfinite(v)] or [1.0]
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    return 10.0 ** low, 10.0 ** max(high, low + 1)


def range_bars(rows: Sequence[tuple[str, float, str, str]], v0: float, v1: float) -> str:
    """A bar a layer, (name, max |x|, style class, tooltip), on a logarithmic axis with both thresholds."""
    low, high = _span([row[1] for row in rows] + [v0, v1])
    scale = LogScale(low, high, _LABEL, WIDTH - 60)
    height = 30 + _ROW * len(rows)
    parts = []
    for i, (name, value, style, tip) in enumerate(rows):
        y = 24 + i * _ROW
        parts.append(f'<rect x="{_LABEL}" y="{y}" width="{max(scale(value) - _LABEL, 1):.1f}" height="{_ROW - 5}" '
                     f'class="{style}"><title>{escape(tip)}</title></rect>')
        parts.append(_text(_LABEL - 6, y + 11, name, "end"))
        parts.append(_text(scale(value) + 4, y + 11, short(value)))
    for name, value in (("v0", v0), ("v1", v1)):
        x = scale(value)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="16" y2="{height}" class="line"/>')
        parts.append(_text(x, 12, f"{name} = {short(value)}", "middle"))
    return _svg(height, parts, "largest input of each layer, with thresholds")


def error_bars(rows: Sequence[tuple[str, float, str]]) -> str:
    """A bar a layer, (name, error in dB, style class), the worst first; longer is worse, the axis begins at the best."""
    ordered = sorted(rows, key=lambda row: -row[1])
    best, worst = ordered[-1][1], ordered[0][1]
    unit = (WIDTH - _LABEL - 70) / max(worst - best + 1, 1e-9)
    parts = []
    for i, (name, value, style) in enumerate(ordered):
        y = 4 + i * _ROW
        width = (value - best + 1) * unit
        parts.append(f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_ROW - 5}" class="{style}"/>')
        parts.append(_text(_LABEL - 6, y + 11, name, "end"))
        parts.append(_text(_LABEL + width + 4, y + 11, f"{value:.1f} dB"))
    return _svg(8 + _ROW * len(ordered), parts, "weight error of each layer, worst first")


def _curve(values: np.ndarray, scale: LogScale, style: str) -> str:
    """Values in their order from left to right; where there are more than pixels, the largest of each run."""
    runs = np.array_split(values, min(len(values), _POINTS))
    step = (WIDTH - 80) / max(len(runs) - 1, 1)
    points = " ".join(f"{60 + i * step:.1f},{scale(float(run.max())):.1f}" for i, run in enumerate(runs))
    return f'<polyline points="{points}" class="{style}"/>'


def channel_curves(before: np.ndarray, after: np.ndarray) -> str:
    """max |x| of each channel, largest first, before and after equalization, on a logarithmic axis."""
    order = np.argsort(-before, kind="stable")
    low, high = _span([float(before.max()), float(after.max()),  # dead channels would stretch the axis
                       float(np.quantile(before, 0.02)), float(np.quantile(after, 0.02))])
    scale = LogScale(low, high, 150, 10)
    parts = []
    tick = low
    while tick <= high * 1.001:
        parts.append(f'<line x1="60" x2="{WIDTH - 20}" y1="{scale(tick):.1f}" y2="{scale(tick):.1f}" class="grid"/>')
        parts.append(_text(54, scale(tick) + 4, short(tick), "end"))
        tick *= 10
    parts += [_curve(before[order], scale, "before"), _curve(after[order], scale, "after")]
    return _svg(160, parts, "channels before and after equalization")
