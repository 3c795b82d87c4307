"""Every module says in one sentence what it is, and everything public says what it gives."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mindreader"
MODULES = sorted(PACKAGE.glob("*.py"))


def undocumented(tree, prefix=""):
    """Names of public functions, classes and methods of public classes that have no docstring."""
    found = []
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if _is_plain(node):
            continue
        if ast.get_docstring(node) is None:
            found.append(prefix + node.name)
        if isinstance(node, ast.ClassDef):
            found += undocumented(node, f"{prefix}{node.name}.")
    return found


def _is_plain(node) -> bool:
    """A `forward`, whose class describes it, or a one-line method: the name says what there is to say."""
    return isinstance(node, ast.FunctionDef) and (node.name == "forward" or (
        len(node.body) == 1 and isinstance(node.body[0], ast.Return) and node.args.args[:1]
        and node.args.args[0].arg == "self"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_module_opens_with_a_sentence(path):
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]
    assert first.rstrip().endswith((".", ":")), f"{path.name} should open with one sentence that a stranger understands"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_everything_public_is_described(path):
    assert undocumented(ast.parse(path.read_text())) == []


def test_a_planted_gap_is_found():
    tree = ast.parse("def f():\n    x = 1\n    return x\nclass A:\n    '''A.'''\n    def g(self):\n        y = 1\n        return y\n"
                     "def _h():\n    pass\n")
    assert undocumented(tree) == ["f", "A.g"]
