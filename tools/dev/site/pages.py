#!/usr/bin/env python3
"""Gathers the sources of the site: pages.py OUTPUT.

The tree keeps the shape of the repository, so that a link in docs/ works here as it does in an editor. The README is
the first page; dialect, passes, tools, C and Python references are made anew.
"""
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE))

import c_reference  # noqa: E402
import links  # noqa: E402
import python_reference  # noqa: E402
import tools_reference  # noqa: E402

# Pages by what a reader wants; a page of docs/ that stands nowhere comes last in "How it works".
NAVIGATION = {
    "Use": ["docs/Tutorial", "docs/Recipes", "docs/ProfileFormat", "docs/Frontends", "docs/Embedding",
            "docs/examples/README", "docs/Troubleshooting", "test/models/kjv/README"],
    "How it works": ["docs/Architecture", "docs/Rationale", "docs/Equalization", "docs/PackedLayout", "docs/NVPTX",
                     "docs/Performance"],
    "Extend": ["docs/AddAPass", "docs/AddATarget", "docs/UpstreamIssues"],
    "Reference": ["docs/generated/Dialect", "docs/generated/Passes", *tools_reference.PAGES, *c_reference.PAGES,
                  "reference/python"],
}


def manual_pages():
    """(page, name, one line) of each tool, for Sphinx."""
    return [(f"reference/{tool}", tool, summary) for tool, summary in tools_reference.TOOLS.items()]


def navigation(pages):
    """The table of contents of the first page."""
    placed = {page for group in NAVIGATION.values() for page in group}
    groups = {title: [page for page in group if page in pages] for title, group in NAVIGATION.items()}
    groups["How it works"] += sorted(pages - placed)
    for title, group in groups.items():
        entries = "\n".join("/" + page for page in group)
        yield f"\n```{{toctree}}\n:caption: {title}\n:hidden:\n\n{entries}\n```\n"


def write(output, name, text):
    path = output / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def copy_linked_files(output, page):
    """What a page links to and is no page (a source file, a license) is offered as it is."""
    for target in links.local_files(ROOT / page):
        wanted = output / target.relative_to(ROOT)
        if target.is_file() and target.suffix != ".md" and not wanted.exists():
            wanted.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(target, wanted)


def main():
    output = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(output, ignore_errors=True)
    written = {}
    for page in links.pages():
        written[str(page.relative_to(ROOT))] = page.read_text(encoding="utf-8")
    written.update(tools_reference.pages(ROOT / "build/bin"))
    written.update(c_reference.pages())
    written["reference/python.md"] = python_reference.page()
    written["docs/generated/Dialect.md"], written["docs/generated/Passes.md"] = generated()
    readme = written.pop("README.md")
    names = {name.removesuffix(".md") for name in written}
    write(output, "index.md", readme + "".join(navigation(names)))
    for name, text in written.items():
        write(output, name, text.replace("../README.md", "../index.md"))
    for page in links.pages():
        copy_linked_files(output, page.relative_to(ROOT))


def generated():
    """Dialect and passes from TableGen, as tools/dev/generate-docs writes them."""
    from importlib.machinery import SourceFileLoader
    generator = SourceFileLoader("generate_docs", str(ROOT / "tools/dev/generate-docs")).load_module()
    return generator.dialect_page(), generator.passes_page()


if __name__ == "__main__":
    main()
