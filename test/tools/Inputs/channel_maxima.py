"""Writes SmoothQuant's table for one layer of three channels: channel_maxima.py FILE. Standard library only."""
import json
import struct
import sys

header = json.dumps({"a.q_proj": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}, separators=(",", ":")).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + struct.pack("<3f", 1.0, 2.5, 0.25))
