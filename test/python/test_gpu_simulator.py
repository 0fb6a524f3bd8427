"""The shipped model with its linears on the GPU simulator: the logits of the CPU, bit for bit."""

import numpy as np
import pytest

from quant_fptq import FptqError, Session, load_checkpoint
from quant_fptq.model import Model
from quant_fptq.quantize import QuantizeOptions, calibrate, random_sequences

#: More than 16 tokens: a tile kernel of sm_80, a wgmma kernel of sm_90a.
PROMPT = [1, 17, 230, 5, 99, 1000, 7, 300, 42, 8, 64, 501, 2, 77, 613, 14, 15, 900]


@pytest.fixture(scope="module")
def quantized(tmp_path_factory, kjv_folder):
    """W4A8 with every policy among its layers, symmetric groups of 32."""
    checkpoint = load_checkpoint(kjv_folder)
    with Session() as session:
        module = session.import_checkpoint(checkpoint)
        profile = tmp_path_factory.mktemp("profile") / "profile.json"
        calibrate(session, module, checkpoint, random_sequences(checkpoint, 200), profile)
        yield checkpoint, module.run(QuantizeOptions(profile=profile, group_size=32).pipeline())


def logits(checkpoint, module, tier):
    """A prompt, then two tokens one at a time."""
    model = Model(module.compile(tier=tier, threads=1), checkpoint.config)
    return [model.prefill(PROMPT), model.decode(3), model.decode(8)]


@pytest.fixture(scope="module")
def expected(quantized):
    return logits(*quantized, "auto")


@pytest.mark.parametrize("tier", ["nvptx-sim", "nvptx-sim:sm_90a"])
def test_logits_are_those_of_the_cpu(quantized, expected, tier):
    for ours, theirs in zip(logits(*quantized, tier), expected):
        np.testing.assert_array_equal(ours, theirs)


def test_unknown_chip(quantized):
    with pytest.raises(FptqError, match="sm_70"):
        logits(*quantized, "nvptx-sim:sm_70")
