"""Sphinx configuration of the site; the pages are made by pages.py beside this file."""
import os
import sys

from pygments.lexers.special import TextLexer

sys.path.insert(0, os.path.dirname(__file__))
import pages  # noqa: E402  (only there after the line above)

project = "quant-fptq"
author = "the quant-fptq authors"
copyright = "the quant-fptq authors; Apache License 2.0 with LLVM exceptions"
extensions = ["myst_parser"]
root_doc = "index"
source_suffix = {".md": "markdown"}
html_theme = "alabaster"
html_theme_options = {"description": "FPTQ W4A8 in MLIR", "fixed_sidebar": True, "page_width": "1100px",
                      "sidebar_width": "250px"}
html_show_sphinx = False
myst_heading_anchors = 4
myst_enable_extensions = ["tasklist"]
# Generated pages begin below their page's own heading.
suppress_warnings = ["myst.header"]
man_pages = [(page, tool, summary, author, 1) for page, tool, summary in pages.manual_pages()]


def setup(app):
    for language in ("mlir", "tablegen"):  # Pygments knows neither
        app.add_lexer(language, TextLexer)
