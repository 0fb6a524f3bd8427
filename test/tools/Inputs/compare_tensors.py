"""Compares two .safetensors files tensor by tensor, in any order: compare_tensors.py A B. Standard library only."""
import json
import struct
import sys


def tensors(path):
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    return {key: (entry["dtype"], entry["shape"], data[8 + length:][slice(*entry["data_offsets"])])
            for key, entry in header.items()}


first, second = map(tensors, sys.argv[1:])
differing = sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key))
sys.exit(f"differ: {differing}") if differing else print(f"{len(first)} tensors, equal")
