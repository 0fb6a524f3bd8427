"""`quant-fptq report`: one page that needs nothing beside it, and says what the profile says."""

import json
import re

import numpy as np
import pytest

from quant_fptq.cli import main
from quant_fptq.profile import Policy, Profile
from quant_fptq.report.page import equalized, html
from quant_fptq.report.svg import LogScale, channel_curves


@pytest.fixture
def profile(tmp_path):
    made = Profile()
    for name, largest in (("a.q_proj", 3.0), ("a.<down>", 40.0), ("a.o_proj", 500.0)):
        made.record(name, np.array([[largest, -1.0, 0.5, 0.0]], np.float32))
    made.save(tmp_path / "profile.json")
    return tmp_path / "profile.json"


def test_page_says_what_the_profile_says(profile, tmp_path):
    assert main(["report", "--profile", str(profile), "-o", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "1 static, 1 equalized, 1 per-token, 0 float" in page
    assert "v0 = 15" in page and "v1 = 150" in page
    assert "largest 40 before, 5.39 after by LAE" in page  # log2(2 + 40)
    assert "a.&lt;down&gt;" in page and "a.<down>" not in page
    assert not re.search(r'(?:src|href)=|url\(|@import|<script', page)  # nothing is fetched
    assert not list(tmp_path.glob("*.partial"))


def test_errors_are_ranked(profile, tmp_path):
    rows = [{"name": "a.q_proj", "policy": "static", "error_db": -30.25}, {"name": "a.<down>", "policy": "static",
                                                                          "error_db": -12.5}]
    (tmp_path / "layers.json").write_text(json.dumps({"layers": rows}))
    assert main(["report", "--layers", str(tmp_path / "layers.json"), "-o", str(tmp_path / "r.html")]) == 0
    errors = (tmp_path / "r.html").read_text().split("<h2>Weight error")[1].split("<h2>All")[0]
    assert errors.index("-12.5 dB") < errors.index("-30.2 dB")


@pytest.mark.parametrize("text, message", [
    ("", "is not JSON"), ("[]", "is no JSON object"), ("{}", "no layer table"), ('{"layers": 3}', "no layer table"),
    ('{"layers":' * 100000, "is not JSON")])
def test_no_layer_table(text, message, tmp_path, capsys):
    (tmp_path / "layers.json").write_text(text)
    assert main(["report", "--layers", str(tmp_path / "layers.json"), "-o", str(tmp_path / "r.html")]) == 1
    assert f"layers.json: {message}" in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("row, message", [
    ('{"policy": "static"}', "layers: a row without a name"),
    ('3', "layers: a row without a name"),
    ('{"name": "a", "policy": 3}', "layer 'a': policy: is 3, expected text"),
    ('{"name": "a", "k": "x"}', "layer 'a': k: is 'x', expected an integer"),
    ('{"name": "a", "error_db": NaN}', "layer 'a': error_db: is nan, expected a number"),
    ('{"name": "a", "range": []}', "layer 'a': range: is [], expected a number"),
    (f'{{"name": "a", "range": 1{"0" * 400}}}', f"layer 'a': range: is 1{'0' * 400}, expected a number"),
])
def test_rows_that_are_none(row, message, tmp_path, capsys):
    (tmp_path / "layers.json").write_text(f'{{"layers": [{row}]}}')
    assert main(["report", "--layers", str(tmp_path / "layers.json"), "-o", str(tmp_path / "r.html")]) == 1
    assert capsys.readouterr().err == f"quant-fptq: error: {tmp_path}/layers.json: {message}\n"
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("layers", ["3", "null", "[" * 100000])
def test_profile_without_a_list_of_layers(layers, tmp_path, capsys):
    path = tmp_path / "p.json"
    path.write_text(f'{{"format": "fptq-profile", "version": 1, "layers": {layers}}}')
    assert main(["report", "--profile", str(path), "-o", str(tmp_path / "r.html")]) == 1
    assert capsys.readouterr().err.startswith(f"quant-fptq: error: {path}: ")


def test_nothing_given(tmp_path, capsys):
    assert main(["report", "-o", str(tmp_path / "r.html")]) == 1
    assert "give --profile, --layers or both" in capsys.readouterr().err


def test_equalized_is_the_papers_formula():
    maxima = np.array([0.0, 2.0, 30.0], np.float32)
    scales = [m / np.log2(2 + m) for m in (2.0, 30.0)]
    np.testing.assert_allclose(equalized(maxima), [0, 2 / scales[0], 30 / scales[1]])


def test_axis_ends_and_zero():
    scale = LogScale(1, 100, 0, 200)
    assert [scale(v) for v in (0, 0.5, 1, 10, 100, 1e9)] == [0, 0, 0, 100, 200, 200]


def test_many_channels_keep_their_outlier():
    before = np.ones(11008, np.float32)
    before[7000] = 1000
    points = re.search(r'points="([^"]*)" class="before"', channel_curves(before, equalized(before)))[1]
    assert len(points.split()) == 400 and points.split()[0].endswith(",10.0")


def test_a_model_without_anything():
    assert "0 layers" in html([], None, 15, 150, "empty")
    assert "No ranges" in html([Policy("a", "per-token")], None, 15, 150, "one")
