"""docs/Tutorial.md, block by block: what it says it prints is what it prints."""

import contextlib
import io
import re

from conftest import ROOT

BLOCK = re.compile(r"```python\n(.*?)```\n(?:```text\n# prints\n(.*?)```\n)?", re.DOTALL)


def test_tutorial(monkeypatch):
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "Tutorial.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(page)
    assert len(blocks) == page.count("```python") > 8
    names: dict = {}
    for code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/Tutorial.md", "exec"), names)
        assert printed.getvalue() == expected, code
