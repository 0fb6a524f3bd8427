"""Writes a profile of one layer and its sidecar: histogram.py PROFILE BINS EXPONENT COUNT. Standard library only.

The histogram has BINS bins, all zero but the first, which counts COUNT.
"""
import json
import pathlib
import struct
import sys

path, bins, exponent, count = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:])
data = struct.pack(f"<{bins}q", count, *[0] * (bins - 1))
header = json.dumps({"a.histogram": {"dtype": "I64", "shape": [bins], "data_offsets": [0, len(data)]}}).encode()
sidecar = path.with_suffix(".safetensors")
sidecar.write_bytes(struct.pack("<Q", len(header)) + header + data)
layer = {"name": "a", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 2, "histogram_exponent": exponent}
path.write_text(json.dumps({"format": "fptq-profile", "version": 1, "sidecar": sidecar.name, "layers": [layer]}))
