"""picturebrowser: the page carries every row and score, nothing that could end its script early, and asks for one sheet."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from docutils import nodes

from mindreader import core
from mindreader.companion.pages import browser
from mindreader.core import paths

TABLE = pd.DataFrame({"image_id": [7, 3], "trial": [70, 30], "category": ["horse", "</script><b>"], "2-way": [0.25, 1.0],
                      "2-way, same category": [np.nan, 0.5]})


def data(content):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', content, re.S)[1])


def test_the_page_carries_every_row_with_its_scores():
    found = data(browser.markup(TABLE, "../_static/browsers/03_gan.jpg", "03_gan"))
    assert found["scores"] == ["2-way", "2-way, same category"]
    assert found["rows"] == [{"row": 0, "image": 7, "trial": 70, "category": "horse", "scores": [0.25, None]},
                             {"row": 1, "image": 3, "trial": 30, "category": "</script><b>", "scores": [1.0, 0.5]}]
    assert len(found["tiles"]) == 6


def test_the_page_names_its_sheet_and_says_something_without_scripts():
    content = browser.markup(TABLE, '"x.jpg', "03_gan")
    assert 'data-sheet="&quot;x.jpg"' in content and browser.FALLBACK in content
    assert content.count("</script>") == 1


def test_a_table_without_categories_is_refused():
    with pytest.raises(ValueError, match="no column 'category', expected image_id, trial, category and scores"):
        browser.markup(TABLE.drop(columns="category"), "x.jpg", "03_gan")


class App:
    """As much of Sphinx as the two handlers ask for."""

    def __init__(self, out):
        self.outdir, self.builder, self.added = str(out), type("Html", (), {"format": "html"}), []

    def add_js_file(self, name, **_):
        self.added.append(name)

    def add_css_file(self, name):
        self.added.append(name)


def test_only_pages_with_a_browser_load_its_script(tmp_path):
    page, app = nodes.section(), App(tmp_path)
    for doctree in (None, page):
        browser.add_script(app, "p", "t", {}, doctree)
    assert app.added == []
    page += nodes.raw("", "…", format="html", classes=[browser.CLASS])
    browser.add_script(app, "p", "t", {}, page)
    assert app.added == ["picturebrowser.js", "picturebrowser.css"]
    for name in app.added:
        assert (core.ROOT / "book" / "_assets" / name).is_file()


def test_sheets_are_copied_beside_the_pages_unless_the_build_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(core, "FIGURES", tmp_path / "figures")
    (tmp_path / "figures" / "03_gan").mkdir(parents=True)
    (tmp_path / "figures" / "03_gan" / "browser.jpg").write_bytes(b"sheet")
    app = App(tmp_path / "html")
    browser.copy_sheets(app, RuntimeError("failed"))
    assert not (tmp_path / "html").exists()
    browser.copy_sheets(app, None)
    assert (tmp_path / "html" / "_static" / "browsers" / "03_gan.jpg").read_bytes() == b"sheet"


def test_the_script_asks_the_network_for_nothing():
    for name in ("picturebrowser.js", "picturebrowser.css"):
        text = (core.ROOT / "book" / "_assets" / name).read_text(encoding="utf-8")
        assert not re.search(r"https?:|fetch\(|XMLHttpRequest|import\(", text), name


@pytest.mark.parametrize("script", sorted((paths.ROOT / "book" / "_assets").glob("*.js")), ids=lambda path: path.name)
def test_a_script_listens_only_to_what_it_has(script):
    text = script.read_text()
    known = set(re.findall(r"\b(?:const|let)\s+(\w+)", text)) | {"document", "window"}
    known |= {name for names in re.findall(r"\b(?:const|let)\s+\[([\w, ]+)\]", text) for name in names.split(", ")}
    assert not set(re.findall(r"\b(\w+)\.addEventListener\(", text)) - known
