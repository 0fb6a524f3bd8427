"""Peers held to a tier's instructions, so that both sides of a ratio have the same on a machine that has more.

Nothing is held where the machine's best tier is asked for: what there is, a peer then finds out by itself.
"""

from . import engine

TIERS = ("avx2", "avxvnni", "avx512vnni", "avx512vnni-zen", "amx-int8")

# oneDNN's limit holds OpenVINO's and PyTorch's copies of it too; the other two are PyTorch's own kernels and its MKL.
SETTINGS = {
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "avxvnni": {"ONEDNN_MAX_CPU_ISA": "AVX2_VNNI", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "avx512vnni": {
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI",
        "ATEN_CPU_CAPABILITY": "avx512",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
    },
}


def instructions(tier):
    """The tier whose instructions these are: avx512vnni-zen differs from avx512vnni in their order only."""
    return tier.removesuffix("-zen")


def ggml(tier):
    """Where benchmark/install-peers puts ggml compiled for a tier: ggml asks the compiler, not the processor."""
    return engine.PEERS / f"ggml-{instructions(tier)}"


def environment(tier, best):
    """What the process of a peer gets on a machine whose best tier is `best`."""
    tier, best = instructions(tier), instructions(best)
    return {} if tier == best else SETTINGS[tier] | {"GGML_LIBRARIES": str(ggml(tier))}


def obstacle(name, tier, best):
    """Why a peer cannot be held to `tier`; None where it can, or need not be."""
    if instructions(tier) == instructions(best):
        return None
    if name == "ort":
        return f"ONNX Runtime asks CPUID and takes no limit: on this machine it cannot be held to {tier}"
    if name == "ggml" and not (ggml(tier) / "libggml-cpu.so").exists():
        return f"ggml is not compiled for {tier}; benchmark/install-peers"
    return None
