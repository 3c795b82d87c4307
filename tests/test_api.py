"""The API pages: one for each room, with its paragraph and everything that it shows; short examples in docstrings run."""

import doctest
import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from test_architecture import BY_MODULE, PACKAGE, ROOMS, modules

from mindreader.companion import apidocs

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "book" / "api"


def test_every_room_has_a_page_in_the_order_of_the_rooms():
    chapters = [chapter for part in yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"] for chapter in part["chapters"]]
    sections = next(chapter["sections"] for chapter in chapters if chapter["file"] == "api/index")
    assert [section["file"] for section in sections] == [f"api/{room}" for room in ROOMS]
    assert sorted(path.stem for path in PAGES.glob("*.rst")) == sorted(ROOMS)
    for room in ROOMS:
        assert f".. room:: {room}" in (PAGES / f"{room}.rst").read_text()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_s_page_has_its_paragraph_and_all_that_it_shows(room):
    public = getattr(importlib.import_module(f"mindreader.{room}"), "__all__", None)
    on_page = {path for names in apidocs.shown(room).values() for path, _ in names}
    assert apidocs.documentation(room)
    if public is not None and room not in BY_MODULE:
        submodules = {name for name in public if f"{room}.{name}" in modules()}
        assert {f"mindreader.{room}.{name}" for name in public if name not in submodules} <= on_page
    else:
        assert on_page


def test_modules_that_are_taken_by_name_show_their_functions():
    pages = apidocs.shown("companion")
    assert ("mindreader.companion.chapter.start", "function") in pages["mindreader.companion.chapter"]
    assert not [path for names in pages.values() for path, _ in names if path.rpartition(".")[2].startswith("_")]


def test_types_of_what_is_shown_are_shown():
    assert ("mindreader.world.scenes.Thing", "class") in apidocs.shown("world")["mindreader.world.scenes"]


def test_a_docstring_s_columns_formulas_and_sentences_are_marked_for_sphinx():
    text = ("First line.\n\nids     (n,)   what\n        goes on\nimages  (n, 3)\n\n    y = x\n\nThe |name| raw_ is `a_|b`.\n\n"
            "Parameters\n----------\nx : int\n    It.\n\nRaises ValueError for another.")
    assert "\n".join(apidocs.as_rst(text)) == (
        "First line.\n\n\n- **ids**: (n,); what goes on\n- **images**: (n, 3)\n\n\n::\n\n    y = x\n\n"
        "The \\|name\\| raw\\_ is `a_|b`.\n\nParameters\n----------\nx : int\n    It.\n\n\nRaises ValueError for another.")


def test_constants_say_what_the_source_says_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(apidocs, "PACKAGE", tmp_path)
    (tmp_path / "x.py").write_text("# Of two\n# lines.\nA, B = 1, 2\nC: int = 3  # beside\n\nD = 4\n")
    assert [apidocs.comment("mindreader.x", name) for name in "ABCD"] == ["Of two lines.", "Of two lines.", "beside", ""]


WITH_EXAMPLES = [name for name, path in modules().items() if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_in_docstrings_run(module):
    found = doctest.testmod(importlib.import_module(f"mindreader.{module}"), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted and not found.failed


def test_examples_stand_where_they_teach():
    assert {name.partition(".")[0] for name in WITH_EXAMPLES} >= {"records", "core", "scoring"}
    assert PACKAGE.is_dir()


def test_a_page_of_source_leads_back_to_where_each_name_stands():
    entry = SimpleNamespace(node_id="mindreader.room.Thing")
    objects = {"mindreader.room.a.Thing": entry, "mindreader.room.Thing": entry}
    app = SimpleNamespace(env=SimpleNamespace(get_domain=lambda name: SimpleNamespace(objects=objects)))
    block = '<div class="viewcode-block" id="{}">\n<a class="viewcode-back" href="../api/room.html#{}">'
    names = ["Thing", "Thing.grow", "other"]
    context = {"body": "".join(block.format(name, f"mindreader.room.b.{name}") for name in names)}
    apidocs.lead_back(app, "_modules/mindreader/room/a", "page.html", context, None)
    led = ["mindreader.room.Thing", "mindreader.room.Thing.grow", "mindreader.room.a.other"]
    assert context["body"] == "".join(map(block.format, names, led))


def test_contents_are_made_once_for_all_pages_of_source_of_one_depth():
    made, app = [], SimpleNamespace(builder=SimpleNamespace())

    def shown(page, **how):
        context = {"toctree": lambda **how: made.append((page, how)) or f"as seen from {page}"}
        apidocs.keep_contents(app, page, "page.html", context, None)
        return context["toctree"](**how)

    assert shown("_modules/mindreader/core/keys", titles_only=True) == shown("_modules/mindreader/nsd/loader", titles_only=True)
    assert shown("_modules/mindreader/records", titles_only=True) == "as seen from _modules/mindreader/records"
    assert shown("_modules/mindreader/core/keys", titles_only=False) and len(made) == 3
    assert shown("api/core") == "as seen from api/core" and shown("api/nsd") == "as seen from api/nsd"


def test_a_constant_is_shown_with_its_value_unless_that_is_a_place_on_this_machine():
    assert "   :value: 'card.json'" in apidocs._entry("mindreader.core.weights", "mindreader.core.weights.CARD", "data")
    assert not [line for line in apidocs._entry("mindreader.core.paths", "mindreader.core.ROOT", "data") if ":value:" in line]
