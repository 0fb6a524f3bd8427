"""The Python package as a page, read from its source: nothing is imported, so a build needs no compiled library."""
import ast
import pathlib
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "python/quant_fptq"
INTERNAL = {"cli", "__main__", "demo", "kjv"}  # the command line has pages of its own; the last two are tools/dev/demo


def modules():
    """(dotted name, file) of each public module, the package first."""
    for path in sorted(PACKAGE.rglob("*.py"), key=lambda p: (p.name != "__init__.py" or p.parent != PACKAGE, str(p))):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if not any(part in INTERNAL or (part.startswith("_") and part != "__init__") for part in parts):
            yield ".".join(part for part in parts if part != "__init__"), path


def signature(node):
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"class {node.name}" + (f"({bases})" if bases else "")
    decorators = "".join(f"@{ast.unparse(d)}\n" for d in node.decorator_list)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{decorators}def {node.name}({ast.unparse(node.args)}){returns}"


def fields(node):
    """Annotated attributes of a class: the fields of a dataclass."""
    return [ast.unparse(item) for item in node.body if isinstance(item, ast.AnnAssign)
            and not ast.unparse(item.target).startswith("_")]


def public(nodes):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in nodes if isinstance(node, kinds) and
            (not node.name.startswith("_") or node.name == "__init__" and ast.get_docstring(node))]


def entry(node):
    lines = [signature(node)]
    if isinstance(node, ast.ClassDef):
        lines += ["    " + field for field in fields(node)]
    code = "\n".join(lines)
    yield f"\n```python\n{code}\n```\n"
    if doc := ast.get_docstring(node):
        yield f"\n{doc}\n"


def module(name, path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    members = public(tree.body)
    if not members and not ast.get_docstring(tree):
        return
    yield f"\n## {name}\n\n{ast.get_docstring(tree) or ''}\n"
    for node in members:
        if isinstance(node, ast.ClassDef):
            yield f"\n### {name}.{node.name}\n"
        yield from entry(node)
        if isinstance(node, ast.ClassDef):
            for method in public(node.body):
                yield from entry(method)


def page():
    opening = textwrap.dedent("""\
        # Python API

        Tensors are NumPy arrays, row-major, without copies where the memory is contiguous. What the compiler reports as an
        error is raised as `quant_fptq.FptqError`, with every diagnostic in its text.
        """)
    return opening + "".join(part for name, path in modules() for part in module(name, path))
