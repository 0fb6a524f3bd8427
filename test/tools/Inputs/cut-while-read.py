"""cut-while-read.py FOLDER COMMAND...: writes a model with eight weights of 32 MiB to FOLDER, runs COMMAND there, cuts the
weights' file once the command has mapped it, and ends with the command's status."""

import json
import pathlib
import struct
import subprocess
import sys
import time

LAYERS, ROWS, CHANNELS = 8, 4096, 2048
folder, command = pathlib.Path(sys.argv[1]), sys.argv[2:]
weights = folder / "weights.safetensors"
size = ROWS * CHANNELS * 4
entries = {
    f"w{i}": {"dtype": "F32", "shape": [ROWS, CHANNELS], "data_offsets": [i * size, (i + 1) * size]}
    for i in range(LAYERS)
}
header = json.dumps(entries).encode()
with open(weights, "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header)
    file.truncate(8 + len(header) + LAYERS * size)  # a hole: it takes no disk
lines = ['module attributes {fptq.parameters = ["weights.safetensors"]} {']
shape = f"tensor<{ROWS}x{CHANNELS}xf32>"
lines += [f"  ml_program.global private @w{i}(#ml_program.extern<{shape}>) : {shape}" for i in range(LAYERS)]
lines += [f"  func.func @main(%x: tensor<1x{CHANNELS}xf32>) {{"]
for i in range(LAYERS):
    lines += [
        f"    %w{i} = ml_program.global_load_const @w{i} : {shape}",
        f'    %y{i} = fptq.linear %x, %w{i} layer("w{i}") : (tensor<1x{CHANNELS}xf32>, {shape}) -> tensor<1x{ROWS}xf32>',
    ]
(folder / "model.mlir").write_text("\n".join([*lines, "    return", "  }", "}", ""]))

process = subprocess.Popen(command, cwd=folder)
maps = pathlib.Path(f"/proc/{process.pid}/maps")
while process.poll() is None and weights.name not in maps.read_text():
    time.sleep(0.001)
with open(weights, "r+b") as file:
    file.truncate(8 + len(header) + size // 2)
sys.exit(process.wait())
