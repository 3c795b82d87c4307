"""Each committed chapter is what its .py source says, run from top to bottom."""

from pathlib import Path

import jupytext
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
SOURCES = sorted(NOTEBOOKS.glob("[0-9]*.py"))


def cells(path):
    """Kind, text, tags and figure settings of each cell."""
    return [(c.cell_type, c.source.strip(), sorted(c.metadata.get("tags", [])), c.metadata.get("mystnb"))
            for c in jupytext.read(path).cells]


@pytest.fixture(params=SOURCES, ids=lambda p: p.stem)
def source(request):
    return request.param


@pytest.fixture
def notebook(source):
    path = source.with_suffix(".ipynb")
    assert path.is_file(), f"{path.name} is missing; run: python -m mindreader.companion.nb {path.stem}"
    return path


def test_the_notebook_has_the_cells_of_its_source(source, notebook):
    assert cells(source) == cells(notebook), f"run: python -m mindreader.companion.nb {source.stem}"


def test_it_was_run_from_top_to_bottom_without_error(notebook):
    code = [c for c in jupytext.read(notebook).cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1))
    assert not [o for c in code for o in c.outputs if o.output_type == "error" or o.get("name") == "stderr"]


def test_it_holds_nothing_that_changes_by_itself(notebook):
    stored = jupytext.read(notebook)
    assert set(stored.metadata) == {"kernelspec", "language_info", "jupytext"}
    assert not [c for c in stored.cells if {"papermill", "execution"} & set(c.metadata)]
    assert "injected-parameters" not in notebook.read_text()
    assert "/root/" not in notebook.read_text() and "/home/" not in notebook.read_text()


def test_it_is_small_enough_to_commit(notebook):
    assert notebook.stat().st_size < 8_000_000


def test_no_notebook_is_without_a_source():
    assert {p.stem for p in NOTEBOOKS.glob("*.ipynb")} <= {p.stem for p in SOURCES}
