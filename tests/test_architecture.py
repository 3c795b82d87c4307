"""The rooms and the one rule between them: a room imports only rooms above it in the list, and `records`.

A new room, or a new place for one, is a decision: write it into the list below.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mindreader"

# From the ground up: each may import those before it. `records` (the nouns) stands below all.
ROOMS = ("records", "core", "nsd", "world", "twin", "embedding", "training", "mapping", "generator", "scoring", "pretraining",
         "limits", "experiments", "pipeline", "studies", "companion")


def dotted(path):
    return ".".join(part for part in path.relative_to(PACKAGE).with_suffix("").parts if part != "__init__")


def modules():
    return {dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room(module):
    return module.partition(".")[0]


def imports(path):
    """(module, name) of everything that the module at `path` takes from the library, anywhere in its text."""
    package, known = path.relative_to(PACKAGE).parts[:-1], modules()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "mindreader"):
            named = (node.module or "").split(".") if node.module else []
            base = ".".join([*package[:len(package) - node.level + 1], *named] if node.level else named[1:])
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                yield (inner, "") if inner in known else (base, alias.name)


@pytest.mark.parametrize("module", [m for m in modules() if m])
def test_a_room_imports_only_rooms_above_it(module):
    mine = ROOMS.index(room(module))
    below = {room(other) for other, _ in imports(modules()[module]) if other and ROOMS.index(room(other)) > mine}
    assert not below, f"mindreader.{module} imports {', '.join(sorted(below))}, which stands below it (list in {Path(__file__).name})"
