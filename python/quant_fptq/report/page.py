"""The page: one self-contained HTML file that opens without network, in light and dark."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Sequence

import numpy as np

from quant_fptq.output import write_text
from quant_fptq.profile import Policy, Profile
from quant_fptq.report import svg

_STYLE = """
:root{--bg:#fff;--fg:#222;--dim:#777;--lookup:#7a5aa6;
--static:#4c8c4a;--equalized:#c98a1b;--token:#b3413c;--float:#8a8a8a;--a:#3367b0}
@media(prefers-color-scheme:dark){:root{--bg:#181a1b;--fg:#ddd;--dim:#999;--a:#7aa7e8}}
body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:940px;padding:0 1em}
svg{max-width:100%;height:auto}svg text{fill:var(--fg);font:11px system-ui,sans-serif}
table{border-collapse:collapse;font-size:13px}td,th{padding:2px 10px;text-align:right}td:first-child,th:first-child,
td:last-child,th:last-child{text-align:left}tr:nth-child(even){background:rgba(128,128,128,.1)}
.static{fill:var(--static)}.equalized{fill:var(--equalized)}.per-token{fill:var(--token)}.float{fill:var(--float)}
.lookup{fill:var(--lookup)}
.line{stroke:var(--fg);stroke-dasharray:4 3}.grid{stroke:var(--dim);stroke-opacity:.3}
polyline{fill:none;stroke-width:1.5}.before{stroke:var(--token)}.after{stroke:var(--a)}
.key i{display:inline-block;width:1em;height:.8em;margin:0 .3em 0 1em}
"""
_COLOURS = {"static": "static", "equalized": "equalized", "per-token": "token", "float": "float", "lookup": "lookup"}


def equalized(channel_absmax: np.ndarray) -> np.ndarray:
    """Channel maxima after logarithmic equalization (arXiv 2308.15987, equation 3): m / s with s = m / log2(2 + m)."""
    maxima = channel_absmax.astype(np.float64)
    return np.where(maxima > 0, np.log2(2 + maxima), 0.0)


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _key() -> str:
    swatches = "".join(f'<i style="background:var(--{colour})"></i>{policy}' for policy, colour in _COLOURS.items())
    return f'<p class="key">{swatches}</p>'


def _ranges(layers: Sequence[Policy], v0: float, v1: float) -> str:
    rows = [(layer.layer, layer.range, layer.kind or "float", f"{layer.layer}: {layer.reason or 'undecided'}")
            for layer in layers if layer.range is not None]
    if not rows:
        return "<p>No ranges: no profile was given.</p>"
    return _key() + svg.range_bars(rows, v0, v1)


def _channels(layers: Sequence[Policy], profile: Profile | None) -> str:
    parts = []
    for layer in layers:
        seen = profile.layers.get(layer.layer) if profile else None
        if layer.kind != "equalized" or seen is None or not len(seen.channel_absmax):
            continue
        before, after = seen.channel_absmax, equalized(seen.channel_absmax)
        parts.append(f"<h3>{escape(layer.layer)}</h3><p>{len(before)} channels; largest {svg.short(float(before.max()))} "
                     f"before, {svg.short(float(after.max()))} after by LAE</p>" + svg.channel_curves(before, after))
    return "".join(parts) or "<p>No layer is equalized, or the profile has no channels.</p>"


def _errors(layers: Sequence[Policy]) -> str:
    rows = [(layer.layer, layer.error_db, layer.kind or "float") for layer in layers if layer.error_db is not None]
    return svg.error_bars(rows) if rows else "<p>No errors: give the layer table of a quantized model (--layers).</p>"


def _table(layers: Sequence[Policy]) -> str:
    rows = []
    for layer in layers:
        group = "" if layer.group_size is None else "channel" if layer.group_size == 0 else str(layer.group_size)
        shape = "" if layer.k is None or layer.n is None else f"{layer.k} x {layer.n}"
        cells = (layer.layer, shape, _number(layer.range), layer.kind or "", group, _number(layer.error_db, 1),
                 layer.reason or "")
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{title}</th>" for title in ("layer", "K x N", "max |x|", "policy", "group", "error dB", "why"))
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def html(layers: Sequence[Policy], profile: Profile | None, v0: float, v1: float, title: str) -> str:
    """The page as text: `layers` in model order, `profile` for channel maxima, thresholds as they were used."""
    kinds = [layer.kind for layer in layers]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in _COLOURS if kind != "lookup" or kind in kinds)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(title)}</h1>
<p>{len(layers)} layers: {counts}.</p>
<h2>Largest input of each layer</h2>
{_ranges(layers, v0, v1)}
<h2>Channels before and after equalization</h2>
<p class="key"><i style="background:var(--token)"></i>before<i style="background:var(--a)"></i>after; channels from the
largest to the smallest</p>
{_channels(layers, profile)}
<h2>Weight error, worst first</h2>
<p>10 log10 of the energy of the quantized weight's error over that of the weight. Lower is better.</p>
{_errors(layers)}
<h2>All layers</h2>
{_table(layers)}
</body></html>
"""


def write_report(path: str | Path, layers: Sequence[Policy], profile: Profile | None = None, v0: float = 15,
                 v1: float = 150, title: str = "quant-fptq") -> None:
    """Writes the page to `path`, beside it first, then renamed."""
    write_text(path, html(layers, profile, v0, v1, title))
