"""Links of the Markdown pages: which there are, and which lead nowhere. Standard library only; no network."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^(```|~~~).*?^\1", re.S | re.M)
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.M)
# A file of the tree named in running text: `lib/Pack/Layout.cpp`.
NAMED = re.compile(r"`((?:lib|include|test|tools|docs|python|benchmark|cmake)/[\w./-]+\.(?:cpp|c|h|td|py|md|mlir|test|txt))`")


def pages():
    """Every page the site has."""
    found = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("test/models/*/README.md")]
    return sorted(found, key=str)


def prose(page):
    """A page without its code blocks."""
    return CODE.sub("", page.read_text(encoding="utf-8"))


def slug(heading):
    """The anchor of a heading, as GitHub and MyST make it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.replace("`", "").lower()).replace(" ", "-")


def anchors(page):
    return {slug(heading) for heading in HEADING.findall(prose(page))}


def local_links(page):
    """(target as written, file, anchor) of each link that stays in the tree."""
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        yield target, (page.parent / path).resolve() if path else page, anchor


def local_files(page):
    return [path for _, path, _ in local_links(page)]


def problems(page):
    """What is wrong with a page's links, a line each."""
    name = page.relative_to(ROOT) if page.is_relative_to(ROOT) else page
    for target, path, anchor in local_links(page):
        if not path.exists():
            yield f"{name}: link to '{target}': no such file"
        elif anchor and path.suffix == ".md" and anchor not in anchors(path):
            yield f"{name}: link to '{target}': no such heading"
    for path in NAMED.findall(prose(page)):
        if not (ROOT / path).exists():
            yield f"{name}: names `{path}`, which does not exist"
