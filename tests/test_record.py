"""The committed chapters, figures, tables and results are one record of one run at the default preset.

nbval cannot see this: at the smoke preset numbers differ, and it never looks at pictures.
"""

import ast
import base64
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
STEMS = sorted(p.stem for p in (ROOT / "notebooks").glob("[0-9]*.py"))


class Rows(HTMLParser):
    """The cells of an HTML table, row by row."""

    def __init__(self):
        super().__init__()
        self.rows, self.open = [], False

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.open = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


def table_of(html):
    """Header and rows of a pandas table without its index."""
    parser = Rows()
    parser.feed(html)
    return parser.rows[0][1:], [row[1:] for row in parser.rows[1:]]


def calls(stem, method):
    """(slug, outputs) of each cell of the committed chapter that ends in run.show(…, slug) or run.table(…, slug)."""
    path = ROOT / "notebooks" / f"{stem}.ipynb"
    assert path.is_file(), f"{path.name} is missing; run: python -m mindreader.companion.nb {stem}"
    found = []
    for cell in jupytext.read(path).cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == method:
                    found.append((ast.literal_eval(node.args[1]), cell.outputs))
    return found


def shown(outputs, *kinds):
    data = [o.data[kind] for o in outputs for kind in kinds if kind in o.get("data", {})]
    assert data, f"the cell shows no {' or '.join(kinds)}"
    return data[-1]


def likeness(a, b):
    """Correlation of two pictures of different size at 40 x 30; thin lines fall between the pixels of a finer grid."""
    small = [np.asarray(picture.convert("L").resize((40, 30), Image.Resampling.BOX), float).ravel() for picture in (a, b)]
    return np.corrcoef(small)[0, 1]


@pytest.mark.parametrize("stem", STEMS)
def test_pictures_on_the_page_are_the_committed_figures(stem):
    slugs = calls(stem, "show")
    assert slugs
    for slug, outputs in slugs:
        page = Image.open(io.BytesIO(base64.b64decode(shown(outputs, "image/png", "image/jpeg")))).convert("RGB")
        file = Image.open(ROOT / "figures" / stem / f"{slug}.png").convert("RGB")
        assert np.allclose(page.width / page.height, file.width / file.height, rtol=0.02), slug
        assert likeness(page, file) > 0.95, f"{stem}/{slug}.png is not the picture on the page"
        assert (ROOT / "figures" / stem / f"{slug}.svg").is_file()


@pytest.mark.parametrize("stem", STEMS)
def test_a_chapter_is_small_enough_to_be_kept_and_shown(stem):
    megabytes = (ROOT / "notebooks" / f"{stem}.ipynb").stat().st_size / 1e6
    assert megabytes < 2, f"{stem}.ipynb has {megabytes:.1f} MB; show fewer or smaller pictures (mindreader/rendering.py)"


@pytest.mark.parametrize("stem", STEMS)
def test_tables_on_the_page_are_the_committed_tables(stem):
    for slug, outputs in calls(stem, "table"):
        head, rows = table_of(shown(outputs, "text/html"))
        file = pd.read_csv(ROOT / "figures" / stem / f"{slug}.csv")
        assert head == list(file.columns), slug
        if ["..."] not in [sorted(set(row)) for row in rows]:
            assert len(rows) == len(file), slug
            for place, name in enumerate(head):
                numbers = pd.to_numeric(pd.Series([row[place] for row in rows]), errors="coerce")
                if pd.api.types.is_float_dtype(file[name]):
                    assert np.allclose(numbers, file[name], atol=6e-4, rtol=1e-5, equal_nan=True), (slug, name)


@pytest.mark.parametrize("stem", STEMS)
def test_results_and_figures_are_of_the_default_run(stem):
    results = json.loads((ROOT / "figures" / "results" / f"{stem}.json").read_text())
    assert (results["preset"], results["origin"]) == ("book", "twin")
    assert results["values"]
    for path in (ROOT / "figures" / stem).glob("*.json"):
        card = json.loads(path.read_text())
        assert card["origin"] == "twin", path
        assert (card["experiment"]["name"], card["experiment"]["seed"]) == ("book", 0), path
        assert not {"time", "commit"} & set(card), f"{path} would change on every run"


@pytest.mark.parametrize("stem", STEMS)
def test_every_result_is_a_number_within_its_interval(stem):
    for key, value in json.loads((ROOT / "figures" / "results" / f"{stem}.json").read_text())["values"].items():
        assert value["ours"] is not None, key
        if value["low"] is not None and value["high"] is not None:
            assert value["low"] <= value["high"], key


def test_all_figures_were_made_with_the_same_versions():
    made = {json.dumps(json.loads(p.read_text())["versions"], sort_keys=True)
            for stem in STEMS for p in (ROOT / "figures" / stem).glob("*.json")}
    assert len(made) <= 1


def test_another_picture_is_not_alike():
    gradient = Image.linear_gradient("L").convert("RGB")
    assert likeness(gradient, gradient.resize((700, 500))) > 0.99
    assert likeness(gradient, gradient.rotate(90)) < 0.2


def test_table_parser_reads_a_pandas_table():
    frame = pd.DataFrame({"a b": ["x", "y & z"], "c": ["0.100", ""]})
    assert table_of(frame.to_html()) == (["a b", "c"], [["x", "0.100"], ["y & z", ""]])


def test_the_readme_quotes_the_committed_results():
    gan, mapping = (json.loads((ROOT / "figures" / "results" / f"{stem}.json").read_text())["values"]
                    for stem in ("03_gan", "02_mapping"))
    quoted = (ROOT / "README.md").read_text(encoding="utf-8")
    ways = [f"{gan[key]['ours']:.3f}" for key in ("two_way", "two_way_shuffled", "two_way_ceiling")]
    assert f"| two-way identification of reconstructions | {' | '.join(ways)} | 0.5 |" in quoted
    found, floor = (" / ".join(f"{mapping[f'{who}_{way}']['ours']:.3f}" for way in ("forward", "backward"))
                    for who in ("both", "shuffled"))
    assert f"forward / backward | {found} | {floor} |" in quoted
