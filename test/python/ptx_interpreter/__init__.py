"""Runs the final PTX text of small kernels, so that nothing between MLIR and ptxas goes unseen.

Warps run one after the other, 32 lanes at a time. Out-of-bounds and misaligned accesses, reads of copies that have not
landed, missing barriers, divergence in warp-wide instructions, deadlock and every unknown instruction are errors.
"""

from .device import Device
from .parse import Kernel, PtxError, parse

__all__ = ["Device", "Kernel", "PtxError", "parse"]
