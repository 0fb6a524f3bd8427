"""The C headers as pages: every declaration under its comment."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDERS = ("fptq-c", "fptq-runtime")
HEADERS = sorted(header for folder in FOLDERS for header in (ROOT / "include" / folder).glob("*.h"))
PAGES = [f"reference/{header.parent.name}/{header.stem}" for header in HEADERS]
IGNORED = re.compile(r"#|extern \"C\"|}$|//=|/\*=")


def stripped(line):
    return re.sub(r"^\s*(///?<?|/?\*+/?)\s?", "", line).removesuffix("*/").rstrip()


def blocks(lines):
    """(comment, declaration) in order: a declaration ends with a line that ends a statement at depth 0."""
    comment, code, depth = [], [], 0
    for line in lines:
        if not code and re.match(r"\s*(//|/\*|\*)", line):
            comment.append(stripped(line))
        elif not code and (not line.strip() or IGNORED.match(line)):
            if comment and not line.strip():  # a comment that stands alone
                yield "\n".join(comment), ""
            comment = []
        else:
            code.append(line)
            depth += line.count("{") - line.count("}")
            if depth == 0 and line.split("//")[0].rstrip().endswith(";"):
                yield "\n".join(comment), "\n".join(code)
                comment, code = [], []


def page(header):
    lines = header.read_text(encoding="utf-8").splitlines()
    title = re.match(r"//===-+ (\S+) - (.*?) -+", lines[0])
    name = f"{header.parent.name}/{header.name}"
    text = [f"# {name}\n\n{title[2].capitalize() if title else ''}\n"]
    opening = [stripped(line) for line in lines[1:] if line.startswith("//")][:lines.index(next(
        line for line in lines if not line.startswith("//"))) - 1]
    promises = "\n".join(line for line in opening if not line.startswith("="))
    text.append("\n" + re.sub(r"^([A-Z]\w+):", r"\n**\1**:", promises, flags=re.M) + "\n")
    body = lines[len(opening) + 1:]
    previous = None
    for comment, declaration in blocks(body):
        comment = "\n\n".join(part for part in (comment,) if part)
        if declaration and not comment and previous:  # declarations of one kind stand together
            text[-1] = text[-1].removesuffix("\n```\n") + "\n" + declaration + "\n```\n"
            continue
        text.append(f"\n{comment}\n" if comment else "")
        text.append(f"\n```c\n{declaration}\n```\n" if declaration else "")
        previous = declaration
    return "".join(text)


def pages():
    return {f"reference/{header.parent.name}/{header.stem}.md": page(header) for header in HEADERS}
