"""The book's numbers come from files, and say where they are from."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from docutils import nodes

from mindreader.checkpoints import PUBLISHED
from mindreader.companion import sphinxext

CONF = """
from pathlib import Path
from mindreader import core
from mindreader.core import paths
core.RESULTS = paths.RESULTS = Path(__file__).parent / "results"
core.WEIGHTS = paths.WEIGHTS = Path(__file__).parent / "weights"
core.FIGURES = paths.FIGURES = Path(__file__).parent
extensions = ["myst_parser", "mindreader.companion.sphinxext"]
myst_enable_extensions = ["colon_fence"]
numfig = True
html_theme = "basic"
"""
PAGE = """# Page

Two-way {ours}`03_gan:two_way`, the paper {paper}`03_gan:two_way`, Table 2 {paper}`2 | CLIP | overall`.
By several fits {ours}`both | 2-way identification`.

```{scorecard} 03_gan
:name: tab-x
:caption: Ours beside theirs
```

See {numref}`tab-x`.

```{modelcards}
```
"""
VALUE = dict(ours=0.7812, low=0.76, high=0.8, n=4035, chance=0.5, paper=0.782, note="second hand",
             covers="pictures, one fit")


def build(folder, page):
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(page)
    done = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-E", "-b", "html", str(folder), str(folder / "out")],
                          capture_output=True, text=True, timeout=300)
    return done.stderr, (folder / "out" / "index.html").read_text()


@pytest.fixture
def folder(tmp_path):
    for name in ("results", "weights/clip"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "results" / "03_gan.json").write_text(
        json.dumps({"origin": "twin", "preset": "book", "values": {"two_way": VALUE, "lost": {"ours": 1.0, "paper": None}}}))
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "refits.csv").write_text("name,metric,value,low,high,n_seeds,covers,origin\n"
                                                    "both,2-way identification,0.7712,0.751,0.791,3,330 pictures x 3 fits,twin\n")
    (tmp_path / "weights" / "clip" / "card.json").write_text(json.dumps(
        {"name": "mini CLIP", "architecture": {"embed_dim": 128}, "seed": 0, "scores": {"auc": 0.9712}}))
    return tmp_path


def test_a_page_shows_numbers_cards_and_scorecard(folder):
    warnings, html = build(folder, PAGE)
    assert warnings == ""
    assert ('<abbr class="result ours" title="95 % interval 0.760 to 0.800 over pictures, one fit, n = 4,035, simulated '
            'subject">0.781</abbr>') in html
    assert ('<abbr class="result ours" title="mean of 3 fits, 95 % interval 0.751 to 0.791 over 330 pictures x 3 fits, simulated '
            'subject">0.771</abbr>') in html
    assert ">0.782</abbr>" in html and ">0.932</abbr>" in html
    for cell in ("two way", "Ours (simulated subject)", "95 % interval (pictures, one fit)<", "0.760 to 0.800<", "second hand",
                 "Paper (NSD)", "mini CLIP", "embed dim 128", "auc 0.971"):
        assert cell in html, cell
    assert "Table 1" in html


def test_a_scorecard_can_be_of_some_numbers(folder):
    whole, some = (build(folder, f"# Page\n\n```{{scorecard}} 03_gan\n{option}```\n") for option in ("", ":keys: two_* other\n"))
    assert whole[0] == some[0] == ""
    assert "two way" in whole[1] and "two way" in some[1] and "lost" in whole[1] and "lost" not in some[1]


def test_a_scorecard_says_in_its_heading_what_most_intervals_cover_and_beside_the_others_what_they_do(folder):
    values = {"a": VALUE, "b": VALUE, "c": VALUE | {"covers": "voxels, no fit"}, "d": {"ours": 1.0, "covers": None}}
    (folder / "results" / "03_gan.json").write_text(json.dumps({"origin": "twin", "preset": "book", "values": values}))
    warnings, html = build(folder, "# Page\n\n```{scorecard} 03_gan\n```\n")
    assert warnings == "" and "95 % interval (pictures, one fit, unless noted)<" in html
    assert html.count("0.760 to 0.800<") == 2 and html.count("0.760 to 0.800 (voxels, no fit)<") == 1


@pytest.mark.parametrize("text, says", [
    ("{ours}`03_gan:two_wy`", "no number 03_gan:two_wy: 03_gan has two_way, lost"),
    ("{ours}`04_x:faces`", "there is no figures/results/04_x.json; run `make book`"),
    ("{paper}`03_gan:lost`", "no number 03_gan:lost: it has no value"),
    ("{paper}`2 | CLIP | nowhere`", "has 0 cells at CLIP / nowhere"),
    ("{paper}`1 | all settings | FID`", "it has no value"),
    ("{ours}`both | beauty`", "expected {ours}`name | metric` of the record of refits, which has 2-way identification"),
    ("{ours}`none | beauty`", "of the record of refits, which has both"),
    ("{paper}`CLIP | overall`", "expected {paper}"),
    ("```{scorecard} 05_none\n```", "no results for the scorecard of 05_none"),
])
def test_a_number_that_does_not_exist_is_a_warning(folder, text, says):
    warnings, _ = build(folder, f"# Page\n\n{text}\n")
    assert says in warnings


def test_a_page_shows_what_the_doctor_knows_of_published_weights(folder):
    warnings, page = build(folder, "# Page\n\n```{doctor} weights\n```\n")
    assert not warnings and page.count("<tr") == 1 + len(PUBLISHED) and all(one.files[0] in page for one in PUBLISHED)


RECORD = """name,metric,value,low,high,chance,n_seeds,n_pictures,lowest,highest
both,2-way identification,0.7712,0.751,0.791,0.5,3,330,0.76,0.78
both,FD (twin features),16.5,14,19,,3,330,16,17
CLIP,AUC thing dog,0.9,0.8,1,0.5,3,330,0.9,0.9
"""
COVERAGE = """name,n_pictures,n_fits,n_studies,covered,low,high,one_fit_covered
retrieval,330,3,1000,0.947,0.931,0.959,0.65
"""


def test_a_page_shows_scores_over_fits_and_how_often_such_intervals_hold(folder):
    (folder / "tables" / "refits.csv").write_text(RECORD)
    (folder / "tables" / "coverage.csv").write_text(COVERAGE)
    warnings, html = build(folder, "# Page\n\n```{refits}\n:name: tab-fits\n:caption: Several fits\n```\n\n{numref}`tab-fits`\n\n"
                                   "```{refits} coverage\n```\n")
    assert warnings == "" and "Table 1" in html and "dog" not in html
    for cell in ("0.751 to 0.791", "0.760 to 0.780", "FD (twin features)", "–", "94.7 % (93.1 to 95.9)", "65.0 %", "1,000"):
        assert f"<p>{cell}</p>" in html, cell


def test_without_that_record_a_page_says_how_to_make_it(folder):
    warnings, _ = build(folder, "# Page\n\n```{refits} coverage\n```\n")
    assert "no table of coverage: there is no figures/tables/coverage.csv; run `make tables`" in warnings


def test_without_weights_the_page_says_so(folder):
    (folder / "weights" / "clip" / "card.json").unlink()
    warnings, html = build(folder, "# Page\n\n```{modelcards}\n```\n")
    assert warnings == "" and "No trained part is shipped" in html


@pytest.mark.parametrize("value, text", [
    (0.78123, "0.781"), (0.5, "0.500"), (29, "29"), (4035, "4,035"), (12345.6, "1.23e+04"), (73.456, "73.5"), (0.0, "0.00"), (-0.0, "0.00"),
    (1234.5, "1,234"), (0.00012, "1.20e-04"), (None, "–"), (-0.0341, "-0.0341"), ("text", "text"), (100.0, "100"),
])
def test_numbers_read_well(value, text):
    assert sphinxext.format_number(value) == text


def test_a_picture_that_a_chapter_links_to_stands_in_its_figure_and_is_described_by_its_caption():
    linked, own = nodes.image(uri="a.svg", alt=""), nodes.image(uri="b.svg", alt="mine")
    figures = [nodes.figure("", nodes.paragraph("", "", linked), nodes.caption("", "Seen and made.")), nodes.figure("", own)]
    sphinxext.describe_figures(None, nodes.container("", *figures))
    assert linked.parent is figures[0] and linked["alt"] == "Seen and made."
    assert own.parent is figures[1] and own["alt"] == "mine"


def test_chapters_count_from_zero_and_pages_without_a_number_stay_so():
    title = nodes.title("", "", secnumber=[2])
    toc = nodes.bullet_list("", nodes.reference("", "", secnumber=[2, 1]), nodes.reference("", ""))
    env = SimpleNamespace(toc_secnumbers={"a": {"": (2,), "#x": (2, 1)}, "b": {"": None}}, tocs={"a": toc},
                          titles={"a": title}, toc_fignumbers={"a": {"figure": {"f": (2, 1)}}, "b": {"figure": {"g": (1,)}}})
    sphinxext.count_from_zero(None, env)
    assert env.toc_secnumbers == {"a": {"": (1,), "#x": (1, 1)}, "b": {"": None}}
    assert env.toc_fignumbers == {"a": {"figure": {"f": (1, 1)}}, "b": {"figure": {"g": (1,)}}}
    assert title["secnumber"] == [1] and [n.get("secnumber") for n in toc] == [[1, 1], None]
