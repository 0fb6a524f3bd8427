"""Profiles (docs/ProfileFormat.md): what the inputs of linear layers looked like on calibration tokens.

The compiler makes them (`calibrate`) and uses them. This writes and reads them too, so that a model that runs
elsewhere, in PyTorch say, can be observed there.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer import safetensors
from quant_fptq.importer.rotary import is_number
from quant_fptq.json_input import read_object
from quant_fptq.output import write_text

FORMAT, VERSION = "fptq-profile", 1
BINS = 4096
#: Bound of an empty histogram, as a power of two; and the largest.
_SMALLEST, _LARGEST = -100, 128
#: Scales are floats.
_MOST = float(np.finfo(np.float32).max)
_OBSERVERS = ("min-max", "moving-average", "percentile", "mse", "entropy")
#: Of observers that take a value, what it lies below; it lies above 0.
_BELOW = {"moving-average": 1, "percentile": 100}


def refuse_foreign_sidecar(path: Path, sidecar: Path) -> None:
    """What lies under the sidecar's name may be the model's own weights."""
    try:
        there = safetensors.open_mapped(sidecar) if sidecar.exists() else {}
    except FptqError:
        return
    for key in there:
        if not key.endswith(safetensors.PROFILE_VECTORS):
            raise FptqError(f"{path}: its sidecar would replace '{sidecar}', which has the tensor '{key}' and is no "
                            "profile's; give the profile another name")


class Histogram:
    """Counts of |x| in 4096 equal bins over [0, 2^exponent); growing only adds neighbouring counts."""

    def __init__(self, exponent: int = _SMALLEST, bins: np.ndarray | None = None) -> None:
        self.exponent = exponent
        self.bins: np.ndarray = np.zeros(BINS, np.int64) if bins is None else bins

    def add(self, magnitudes: np.ndarray) -> None:
        """Counts float32 magnitudes, all finite and >= 0."""
        needed = math.frexp(float(magnitudes.max(initial=0)))[1]
        if needed > self.exponent and magnitudes.any():
            self._grow(needed)
        index = (magnitudes.reshape(-1).astype(np.float64) * (BINS * 2.0 ** -self.exponent)).astype(np.int64)
        self.bins += np.bincount(index, minlength=BINS)

    def _grow(self, exponent: int) -> None:
        shift = min(exponent - self.exponent, 62)
        self.bins = np.bincount(np.arange(BINS) >> shift, weights=self.bins, minlength=BINS).astype(np.int64)
        self.exponent = exponent


@dataclass
class LayerRange:
    """What entered one layer: rows (tokens) of `channels` values."""

    name: str
    channels: int = 0  #: K
    tokens: int = 0  #: rows seen
    channel_min: np.ndarray | None = None  #: float32 [channels]
    channel_max: np.ndarray | None = None  #: float32 [channels]
    histogram: Histogram = field(default_factory=Histogram)
    observed: float | None = None  #: the observer's max |x|, where it is not what follows from the channels

    def update(self, rows: np.ndarray) -> None:
        """Adds rows, float [..., channels]. Raises FptqError naming the layer for NaN, infinity or other widths."""
        rows = np.asarray(rows, np.float32).reshape(-1, rows.shape[-1])
        if not np.isfinite(rows).all():
            raise FptqError(f"layer '{self.name}': {int((~np.isfinite(rows)).sum())} values are NaN or infinite")
        if self.channels and self.channels != rows.shape[1]:
            raise FptqError(f"layer '{self.name}': ran with {self.channels} channels and with {rows.shape[1]}")
        self.channels = rows.shape[1]
        if not rows.size:
            return
        if self.observed is not None:
            raise FptqError(f"layer '{self.name}': its range was read from a file, where its observer cannot go on")
        low, high = rows.min(axis=0), rows.max(axis=0)
        self.channel_min = low if self.channel_min is None else np.minimum(self.channel_min, low)
        self.channel_max = high if self.channel_max is None else np.maximum(self.channel_max, high)
        self.tokens += rows.shape[0]
        self.histogram.add(np.abs(rows))

    @property
    def channel_absmax(self) -> np.ndarray:
        """max |x| of each channel, float32 [channels]."""
        if self.channel_min is None or self.channel_max is None:
            return np.zeros(0, np.float32)
        return np.maximum(np.abs(self.channel_min), np.abs(self.channel_max))

    @property
    def absmax(self) -> float:
        """max |x| after the observer."""
        return float(self.channel_absmax.max(initial=0)) if self.observed is None else self.observed


@dataclass
class Profile:
    """A model's ranges, in the order in which its layers ran. `observer` min-max: `absmax` is the largest seen."""

    layers: dict[str, LayerRange] = field(default_factory=dict)
    model_hash: str = ""
    observer: str = "min-max"

    def record(self, layer: str, rows: np.ndarray) -> None:
        """Adds rows [..., K] that entered `layer`."""
        self.layers.setdefault(layer, LayerRange(layer)).update(rows)

    def save(self, path: str | Path) -> None:
        """Writes `path` (JSON) and beside it the vectors, `.safetensors`; each beside itself, then renamed."""
        path = Path(path)
        sidecar = path.with_suffix(".safetensors")
        if sidecar == path:
            raise FptqError(f"{path}: a profile is JSON; its vectors go to .safetensors beside it")
        refuse_foreign_sidecar(path, sidecar)
        entries, vectors = [], {}
        for layer in self.layers.values():
            entry = {"name": layer.name, "channels": layer.channels, "tokens": layer.tokens}
            entries.append(entry)
            if layer.channel_min is None or layer.channel_max is None:
                if layer.tokens or layer.absmax:
                    raise FptqError(f"{path}: layer '{layer.name}': its vectors are not there (a profile without "
                                    "sidecar)")
                entry |= {"min": 0.0, "max": 0.0, "absmax": 0.0}  # no token reached it
                continue
            entry |= {"min": float(layer.channel_min.min()), "max": float(layer.channel_max.max()),
                      "absmax": layer.absmax, "histogram_exponent": layer.histogram.exponent}
            vectors.update({f"{layer.name}.absmax": layer.channel_absmax, f"{layer.name}.min": layer.channel_min,
                            f"{layer.name}.max": layer.channel_max, f"{layer.name}.histogram": layer.histogram.bins})
        document = {"format": FORMAT, "version": VERSION, "model_hash": self.model_hash, "observer": self.observer,
                    "sidecar": sidecar.name, "layers": entries}
        safetensors.write(sidecar, vectors)
        write_text(path, json.dumps(document, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Profile:
        """Reads a profile of ours. Raises FptqError naming file, layer and key.

        Tables of other tools are read by the compiler itself, wherever it takes a profile.
        """
        path = Path(path)
        document = read_object(path)
        if document.get("format") != FORMAT or document.get("version") != VERSION:
            raise FptqError(f"{path}: no {FORMAT} of version {VERSION}")
        if not isinstance(document.get("layers"), list):
            raise FptqError(f"{path}: layers: is no list")
        name = document.get("sidecar")
        if name is not None and (not isinstance(name, str) or Path(name).name != name):
            raise FptqError(f"{path}: sidecar: {name!r} is not a file name beside the profile")
        vectors = safetensors.open_mapped(path.parent / name) if name else {}
        profile = cls(model_hash=_text(path, document, "model_hash", ""), observer=_observer(path, document))
        for entry in document["layers"]:
            layer = _layer(path, entry, vectors)
            if layer.name in profile.layers:
                raise FptqError(f"{path}: layer '{layer.name}': name: is there twice")
            profile.layers[layer.name] = layer
        return profile


def _text(path: Path, document: dict, key: str, default: str) -> str:
    value = document.get(key, default)
    if not isinstance(value, str):
        raise FptqError(f"{path}: {key}: is {value!r}, expected a string")
    return value


def _observer(path: Path, document: dict) -> str:
    """One of _OBSERVERS, with "=" and a value or without."""
    text = _text(path, document, "observer", "min-max")
    name, given, value = text.partition("=")
    if name not in _OBSERVERS:
        raise FptqError(f"{path}: observer: is '{text}', expected {', '.join(_OBSERVERS)}")
    try:
        fits = not given or 0 < float(value) < _BELOW.get(name, 0)
    except ValueError:
        fits = False
    if not fits:
        raise FptqError(f"{path}: observer: is '{text}', expected " + (
            f"a value above 0 and below {_BELOW[name]}" if name in _BELOW else f"{name}, which takes no value"))
    return text


def _layer(path: Path, entry: object, vectors: dict[str, np.ndarray]) -> LayerRange:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        raise FptqError(f"{path}: layers: an entry without a name")
    name = entry["name"]

    def error(key: str, text: str) -> FptqError:
        return FptqError(f"{path}: layer '{name}': {key}: {text}")

    def number(key: str) -> float:
        value: Any = entry.get(key)
        if not is_number(value) or abs(value) > _MOST:
            raise error(key, f"is {value!r}, expected a number that a float holds")
        return float(value)

    def integer(key: str, least: int, most: int = (1 << 63) - 1) -> int:
        value: Any = entry.get(key)
        if not is_number(value) or value != int(value) or not least <= value <= most:
            raise error(key, f"is {value!r}, expected an integer from {least} to {most}")
        return int(value)

    def vector(suffix: str, size: int, dtype: str) -> np.ndarray | None:
        array = vectors.get(f"{name}.{suffix}")
        if array is not None and (array.shape != (size,) or array.dtype.name != dtype):
            raise error(suffix, f"{array.dtype} {list(array.shape)}, expected {dtype} [{size}]")
        if array is not None and not np.isfinite(array).all():
            raise error(suffix, f"channel {int(np.argmin(np.isfinite(array)))} is NaN or infinite")
        return array

    channels, tokens, absmax = integer("channels", 0), integer("tokens", 0), number("absmax")
    if number("min") > number("max"):
        raise error("min", f"is {entry['min']!r}, above max {entry['max']!r}")
    if absmax < 0:
        raise error("absmax", f"is {absmax!r}, expected a number >= 0")
    low, high = vector("min", channels, "float32"), vector("max", channels, "float32")
    bins = vector("histogram", BINS, "int64")
    if bins is not None and (bins < 0).any():
        raise error("histogram", f"has the negative count {bins.min()}")
    layer = LayerRange(name, channels, tokens, low, high)
    if bins is not None:
        layer.histogram = Histogram(integer("histogram_exponent", _SMALLEST, _LARGEST), bins.copy())
    if layer.absmax != absmax:
        layer.observed = absmax
    return layer


@dataclass(frozen=True)
class Policy:
    """What is decided for one layer, and why (`#fptq.policy`)."""

    layer: str
    kind: str | None  #: static, equalized, per-token, float or lookup (of 4-bit rows); None: not decided yet
    reason: str | None = None
    range: float | None = None  #: max |x| of the layer's input
    k: int | None = None  #: input channels
    n: int | None = None  #: output channels
    group_size: int | None = None  #: input channels a group; 0: one group
    error_db: float | None = None  #: of the quantized weight against the float one

    @classmethod
    def of(cls, row: dict) -> Policy:
        """A row of the layer table. Raises FptqError naming layer and key."""
        if not isinstance(row, dict) or not isinstance(row.get("name"), str):
            raise FptqError("layers: a row without a name")

        def value(key: str, *kinds: type) -> Any:
            found = row.get(key)
            wrong = isinstance(found, bool) or not isinstance(found, kinds)
            if found is not None and (wrong or not isinstance(found, str) and not is_number(found)):
                what = "text" if str in kinds else "a number" if float in kinds else "an integer"
                raise FptqError(f"layer '{row['name']}': {key}: is {found!r}, expected {what}")
            return found

        return cls(row["name"], value("policy", str), value("reason", str), value("range", int, float),
                   value("k", int), value("n", int), value("group_size", int), value("error_db", int, float))
