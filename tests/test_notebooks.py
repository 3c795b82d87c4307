"""Chapters narrate: they call the library and show what it says, and compute nothing themselves."""

import ast
from pathlib import Path

import jupytext
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
SOURCES = sorted(NOTEBOOKS.glob("[0-9]*.py"))
FORBIDDEN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.While, ast.Try, ast.With)
LINES, WIDTH = 16, 100      # of a cell; a wider line scrolls on the page, but for parameters, whose comment papermill wants beside them
PARAMETERS = {"preset": str, "subject": str, "seed": int, "overrides": dict}


def faults(notebook):
    """What keeps a notebook from being thin, one sentence each."""
    code = [c for c in notebook.cells if c.cell_type == "code"]
    found = []
    if not code or code[0].metadata.get("tags") != ["parameters"]:
        found.append("the first code cell is not tagged 'parameters'")
    for number, cell in enumerate(code, 1):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        if len(lines) > LINES:
            found.append(f"code cell {number} has {len(lines)} lines; {LINES} are allowed")
        found += [f"code cell {number} has a line of {len(line)} characters; {WIDTH} are allowed"
                  for line in lines if len(line) > WIDTH and number > 1]
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, FORBIDDEN):
                found.append(f"code cell {number} has a {type(node).__name__}; put it into the library")
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] != "mindreader":
                found.append(f"code cell {number} imports from {node.module}; only mindreader is allowed")
            elif isinstance(node, ast.Import) and any(a.name.split(".")[0] != "mindreader" for a in node.names):
                found.append(f"code cell {number} imports {node.names[0].name}; only mindreader is allowed")
    return found


def notebook(*sources, tags=("parameters",)):
    cells = [jupytext.reads(s, fmt="py:percent").cells[0] for s in sources]
    cells[0].metadata["tags"] = list(tags)
    book = jupytext.reads("", fmt="py:percent")
    book.cells = cells
    return book


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_chapter_is_thin(path):
    assert faults(jupytext.read(path)) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_chapter_takes_the_usual_parameters_in_the_form_papermill_reads(path):
    code = [c for c in jupytext.read(path).cells if c.cell_type == "code"]
    given = {node.target.id: ast.literal_eval(node.value) for node in ast.parse(code[0].source).body
             if isinstance(node, ast.AnnAssign)}
    assert {name: type(given[name]) for name in PARAMETERS} == PARAMETERS
    assert given["preset"] == "book"
    for line in code[0].source.splitlines():  # papermill reads the cell with a pattern that trips over these
        assert not set("=;") & set(line.partition("#")[2]), line


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_chapter_checks_its_parameters_right_away_and_says_whose_brain_it_is(path):
    cells = jupytext.read(path).cells
    code = [c for c in cells if c.cell_type == "code"]
    assert "params.begin(globals()" in code[1].source
    assert "simulated subject" in "\n".join(c.source for c in cells if c.cell_type == "markdown").lower()


def test_a_thin_notebook_has_no_fault():
    assert faults(notebook("seed: int = 0", "from mindreader.companion import plots\nplots.x(seed)")) == []


@pytest.mark.parametrize("cell, says", [
    ("def f(): pass", "FunctionDef"), ("class A: pass", "ClassDef"), ("f = lambda: 0", "Lambda"),
    ("while False: pass", "While"), ("try:\n    pass\nfinally:\n    pass", "Try"), ("with x: pass", "With"),
    ("import torch", "imports torch"), ("from numpy import array", "imports from numpy"), ("x = 1\n" * 17, "17 lines"), ("x = 1 + " + "1" * 93, "101 characters"),
])
def test_a_planted_fault_is_found(cell, says):
    found = faults(notebook("seed: int = 0", cell))
    assert len(found) == 1 and says in found[0]


def test_missing_parameters_tag_is_found():
    assert faults(notebook("seed: int = 0", tags=())) == ["the first code cell is not tagged 'parameters'"]
