"""Before quantization equalization preserves the function: on the shipped model, and every layer says where its scale went."""

import collections
import pathlib
import sys

import pytest

np = pytest.importorskip("numpy")
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

from quant_fptq import Session, load_checkpoint  # noqa: E402
from quant_fptq.model import Model  # noqa: E402

PROMPT, MORE = 40, 8


@pytest.fixture(scope="module")
def checkpoint():
    return load_checkpoint(ROOT / "test/models/kjv")


@pytest.fixture(scope="module")
def tokens(checkpoint):
    return np.random.default_rng(0).integers(3, checkpoint.config.vocab_size, PROMPT + MORE)


@pytest.fixture(scope="module")
def profile(checkpoint, tokens, tmp_path_factory):
    path = tmp_path_factory.mktemp("equalize") / "profile.json"
    with Session() as session:
        observed = session.import_checkpoint(checkpoint).run("fptq-raise,fptq-insert-observers")
        session.start_calibration()
        Model(observed.compile(), checkpoint.config).prefill(tokens)
        session.finish_calibration(path, checkpoint.hash())
    return path


def logits(checkpoint, passes, tokens):
    """Of a prefill and of some decoded tokens; and the module that gave them."""
    with Session() as session:
        module = session.import_checkpoint(checkpoint).run(passes)
        model = Model(module.compile(), checkpoint.config)
        rows = [model.prefill(tokens[:PROMPT])] + [model.decode(int(token))[None] for token in tokens[PROMPT:]]
        return np.concatenate(rows), module.text()


@pytest.fixture(scope="module")
def wanted(checkpoint, tokens):
    return logits(checkpoint, "fptq-raise", tokens)[0]


@pytest.mark.parametrize("options", ["", "{formula=smoothquant}"])
def test_logits_stay_the_same(checkpoint, profile, tokens, wanted, options):
    decide = f"fptq-raise,fptq-attach-profile{{profile={profile}}},fptq-choose-policy{{policy=equalized}}"
    got, text = logits(checkpoint, f"{decide},fptq-equalize{options}", tokens)
    config = checkpoint.config
    # Each of the two functions scales the columns of 7 weights a layer, the rows of up_proj, and o_proj's
    # input, whose producer is a cache; nothing else is left to do at run time.
    assert text.count("dim(1)") == 2 * config.num_layers * 8
    assert text.count("dim(0)") == 2 * config.num_layers
    assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_profile_of_equalized_layers_is_logarithmic(checkpoint, profile):
    """LAE leaves log2(2 + m) in every channel, so ranges end below log2(2 + v)."""
    with Session() as session:
        module = session.import_checkpoint(checkpoint)
        module.run(f"fptq-raise,fptq-attach-profile{{profile={profile}}},fptq-choose-policy{{policy=equalized}}")
        before = {layer["name"]: layer["range"] for layer in module.layers()}
        after = {layer["name"]: layer["range"] for layer in module.run("fptq-equalize").layers()}
    policies = collections.Counter()
    for name, v in before.items():
        if after[name] == v:
            policies["float"] += 1
            continue
        policies["equalized"] += 1
        assert after[name] == pytest.approx(np.log2(2 + v), rel=1e-3)
    assert policies["equalized"] == 7 * checkpoint.config.num_layers
