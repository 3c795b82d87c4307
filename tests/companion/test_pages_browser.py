"""picturebrowser: the page carries every row and score, nothing that could end its script early, and asks for one sheet."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from page_checks import ASSETS, App, loads_its_script_only_where_needed

from mindreader import core
from mindreader.companion.pages import browser

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


def test_only_pages_with_a_browser_load_its_script(tmp_path):
    loads_its_script_only_where_needed(browser, "picturebrowser", App(tmp_path))


def test_sheets_are_copied_beside_the_pages_unless_the_build_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(core, "FIGURES", tmp_path / "figures")
    (tmp_path / "figures" / "03_gan").mkdir(parents=True)
    (tmp_path / "figures" / "03_gan" / "browser.jpg").write_bytes(b"sheet")
    app = App(tmp_path / "html")
    browser.copy_sheets(app, RuntimeError("failed"))
    assert not (tmp_path / "html").exists()
    browser.copy_sheets(app, None)
    assert (tmp_path / "html" / "_static" / "browsers" / "03_gan.jpg").read_bytes() == b"sheet"


@pytest.mark.parametrize("asset", sorted(ASSETS.glob("*.js")) + sorted(ASSETS.glob("*.css")), ids=lambda path: path.name)
def test_no_script_or_style_asks_the_network_for_anything(asset):
    assert not re.search(r"https?:|fetch\(|XMLHttpRequest|import\(", asset.read_text(encoding="utf-8"))


@pytest.mark.parametrize("script", sorted(ASSETS.glob("*.js")), ids=lambda path: path.name)
def test_a_script_listens_only_to_what_it_has(script):
    text = script.read_text()
    known = set(re.findall(r"\b(?:const|let)\s+(\w+)", text)) | {"document", "window"}
    known |= {name for names in re.findall(r"\b(?:const|let)\s+\[([\w, ]+)\]", text) for name in names.split(", ")}
    assert not set(re.findall(r"\b(\w+)\.addEventListener\(", text)) - known
