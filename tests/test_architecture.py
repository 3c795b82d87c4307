"""The rooms and the one rule between them: a room imports only rooms above it in the list, and `records`.

A new room, or a new place for one, is a decision: write it into the list below.
"""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mindreader"

# From the ground up: each may import those before it. `records` (the nouns) stands below all.
ROOMS = ("records", "core", "checkpoints", "clipfiles", "nsd", "world", "twin", "embedding", "extractors", "training", "mapping",
         "generator", "scoring", "uncertainty", "field", "stimulation", "evaluation", "pretraining", "limits", "experiments", "pipeline", "studies", "doctor", "companion")


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


def test_every_room_stands_in_the_list():
    assert {room(module) for module in modules() if module} == set(ROOMS)


# Taken by the modules' names, since each module is a command too, or must not bring torch along.
BY_MODULE = {"studies", "companion"}
HEAVY = {"core.weights"}     # of core, which papermill and Sphinx import, this needs torch


@pytest.mark.parametrize("module", [m for m in modules() if m])
def test_other_rooms_are_asked_at_their_door(module):
    inside = [f"{base}.{name}".rstrip(".") for base, name in imports(modules()[module])
              if room(base) not in BY_MODULE | {room(module)} and "." in base and base not in HEAVY]
    assert not inside, f"mindreader.{module} takes {', '.join(inside)}; take it from the room, whose __init__ says what it shows"


ROOM_NAMES = [name for name in ROOMS if (PACKAGE / name).is_dir()]


@pytest.mark.parametrize("name", ROOM_NAMES)
def test_a_room_says_what_it_is_and_what_it_shows(name):
    loaded = importlib.import_module(f"mindreader.{name}")
    assert "→" in loaded.__doc__ or "──" in loaded.__doc__ or len(loaded.__doc__.split()) > 20
    shown = getattr(loaded, "__all__", [])
    assert name in BY_MODULE or shown
    assert not [n for n in shown if n.startswith("_") or not hasattr(loaded, n)]


@pytest.mark.parametrize("name", ROOM_NAMES)
def test_nothing_that_a_room_shows_has_the_name_of_one_of_its_modules(name):
    own = {path.stem for path in (PACKAGE / name).glob("*.py")} - {"weights"}
    assert not own & set(getattr(importlib.import_module(f"mindreader.{name}"), "__all__", []))


@pytest.mark.parametrize("folder", sorted({path.parent for path in PACKAGE.rglob("*.py")}), ids=lambda p: p.name)
def test_a_room_is_small_enough_to_look_around_in(folder):
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 12


@pytest.mark.parametrize("module", modules())
def test_a_module_is_short_enough_to_be_read(module):
    assert len(modules()[module].read_text(encoding="utf-8").splitlines()) <= 450


# What papermill and Sphinx import before every run: seconds would be lost with each.
LIGHT = ("core", "core.params", "core.paths", "core.store", "core.paper", "companion.pages.browser", "companion.pages.scripted",
         "companion.rendering", "companion._papermill", "companion.nb", "companion.sphinxext", "core.sheet")


def test_what_papermill_and_sphinx_import_brings_no_torch_along():
    code = f"import sys, importlib\nfor name in {LIGHT}: importlib.import_module(f'mindreader.{{name}}')\n" \
           "print({'torch', 'open_clip', 'matplotlib', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_forbidden_import_is_seen(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "store.py").write_text("def f():\n    from .. import pipeline\n    from ..scoring import row\n")
    (tmp_path / "pipeline.py").write_text("")
    with pytest.raises(AssertionError, match="core.store imports pipeline, scoring"):
        test_a_room_imports_only_rooms_above_it("core.store")
