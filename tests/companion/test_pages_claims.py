"""The page of claims shows every row, chapters show some of them in brief, and what they say follows the record."""

import html
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mindreader import core
from mindreader.companion.pages import claims as claimspage
from mindreader.studies import ledger

CONF = """
from pathlib import Path
from mindreader import core
from mindreader.core import paths
core.FIGURES = paths.FIGURES = Path(__file__).parent / "figures"
extensions = ["myst_parser", "mindreader.companion.sphinxext"]
html_theme = "basic"
numfig = True
smartquotes = False
"""
PAGE = "# Claims\n\n```{claims}\n```\n\n## Rules\n\n```{claims} rules\n```\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A page of claims, and a copy of what it reads of the record."""
    folder, record = tmp_path_factory.mktemp("claims"), ledger.Record()
    ledger.judge_all(record)
    for path in record.files:
        target = folder / "figures" / path.relative_to(core.FIGURES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(PAGE)
    return folder


def build(folder):
    done = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", "html", str(folder), str(folder / "out")],
                          capture_output=True, text=True, timeout=300)
    return done.stderr, (folder / "out" / "index.html").read_text()


def rows(page):
    """The cells of each claim, by its name."""
    found = re.findall(r'<tr class="[^"]*verdict-([\w-]+)[^"]*" id="claim-([\w-]+)">(.*?)</tr>', page, re.S)
    return {name: (verdict, re.sub(r"<[^>]+>", " ", cells)) for verdict, name, cells in found}


def test_every_claim_is_there_with_its_verdict_and_the_page_follows_the_record(folder):
    warnings, page = build(folder)
    judged, shown = ledger.judge_all(), rows(page)
    assert warnings == "" and list(shown) == [each.claim.name for each in judged]
    for each in judged:
        assert shown[each.claim.name][0] == each.verdict.replace(" ", "-"), each.claim.name
    counts = dict(re.findall(r'verdict verdict-([\w-]+)">[^<]*</span></p></td>\s*<td><p>(\d+)', page))
    assert {name: int(n) for name, n in counts.items()} == {
        state.replace(" ", "-"): Counter(each.verdict for each in judged)[state] for state in ledger.STATES}
    assert 'href="notebooks/01_screening.html#is-the-screen-right"' in page
    assert "no result" in shown["two-way-level"][1] and "on the simulated subject" in shown["two-way-level"][1]
    assert "one fit" in shown["masking-clip"][1] and "5 fits each" in shown["bodies-words"][1] and "3 fits each" in shown["clamp"][1]
    assert all(f"<dt>{rule.replace('_', ' ')}" in page for rule in ledger.RULES)

    path = folder / "figures" / "results" / "01_screening.json"             # another record: the screen is no better than length
    content = json.loads(path.read_text())
    content["values"]["auc"] |= {"ours": 0.7, "low": 0.68, "high": 0.72}
    path.write_text(json.dumps(content))
    verdict, cells = rows(build(folder)[1])["screen-finds-descriptive"]
    assert (shown["screen-finds-descriptive"][0], verdict) == ("supported", "contradicted") and "0.700 (0.680 to 0.720)" in cells

    path.write_text(json.dumps(content | {"values": {}}))                   # and one that lacks a number
    assert "no claims: figures/results/01_screening.json has no 'auc'" in build(folder)[0]


# ── the verdicts on a chapter's page ──────────────────────────────────────────────────────────────────────────────────
CHAPTERS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("[0-9]*.py"))
CHAPTER = "07_pretrained"
IN_CHAPTER = f"""# A chapter

See {{numref}}`tab-judged`.

```{{verdicts}} {CHAPTER}
:name: tab-judged
:caption: What the paper says of *these* networks
```

```{{verdicts}} {CHAPTER}
:of: z-minor clamp
```
"""


@pytest.fixture(scope="module")
def site(folder, tmp_path_factory):
    """The page of claims, and in a folder beside it a chapter that shows some of them."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(folder / "figures", site / "figures")
    shutil.copytree(core.FIGURES / "results", site / "figures" / "results", dirs_exist_ok=True)      # the one that a test rewrote
    (site / "conf.py").write_text(CONF)
    (site / "index.md").write_text("# Home\n\n```{toctree}\nclaims\nnotebooks/chapter\n```\n")
    (site / "claims.md").write_text(PAGE)
    (site / "notebooks").mkdir()
    (site / "notebooks" / "chapter.md").write_text(IN_CHAPTER)
    return site


def tables(page):
    """Of each table in brief the claims' names and cells, row by row."""
    found = re.findall(r'<table class="[^"]*claims-in-brief[^"]*".*?</table>', page, re.S)
    rows = [re.findall(r"<tr[^>]*>(.*?)</tr>", part.partition("<tbody>")[2], re.S) for part in found]
    return [{re.search(r'href="\.\./claims\.html#claim-([\w-]+)"', row)[1]:
             [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in re.findall(r"<td>(.*?)</td>", row, re.S)] for row in rows}
            for rows in rows]


def test_a_chapter_shows_the_ledger_s_verdicts_on_its_claims_and_follows_it(site):
    warnings, _ = build(site)
    page, all_claims = (site / "out" / name for name in ("notebooks/chapter.html", "claims.html"))
    judged = {each.claim.name: each for each in ledger.judge_all()}
    whole, some = tables(page.read_text())
    assert warnings == ""
    assert list(whole) == [name for name, each in judged.items() if any(place.startswith(CHAPTER) for place in each.claim.where)]
    assert list(some) == ["z-minor", "clamp"]                                # as named, wherever the ledger places them
    assert 'id="tab-judged"' in page.read_text() and ">Table 1</span>" in page.read_text()
    for name, cells in (whole | some).items():
        on_its_page = html.unescape(rows(all_claims.read_text())[name][1]).split()
        assert cells[0] == judged[name].claim.claim and judged[name].claim.paper_evidence.startswith(cells[1].split(" Its own")[0])
        assert cells[3].startswith(judged[name].verdict) and all(word in on_its_page for word in cells[2].split()), name
    assert "Its own counts: 4 comparisons by Fisher" in some["clamp"][1]
    assert some["clamp"][2].endswith(claimspage.first_sentence(judged["clamp"].claim.measure))      # what the numbers are of

    path = site / "figures" / "results" / f"{CHAPTER}.json"                  # another record: noise decides most of a picture
    content = json.loads(path.read_text())
    content["values"]["z_content"] |= {"ours": 0.7, "low": 0.68, "high": 0.72}
    path.write_text(json.dumps(content))
    (site / "index.md").write_text("# Home\n\n```{toctree}\nclaims\nnotebooks/chapter\n```\n\n"      # and names that nobody has
                                   "```{verdicts} 01_screening\n:of: one-to-thre clamp\n```\n\n```{verdicts} 01_screenin\n```\n")
    warnings, _ = build(site)
    now = tables(page.read_text())[0]["z-minor"]
    assert now[3] != whole["z-minor"][3] and "0.700 (0.680 to 0.720)" in now[2]
    assert "no verdicts: one-to-thre: not in the ledger, expected names of studies/ledger/claims.toml, where those of 01_screening are " \
           "screen-finds-descriptive, one-to-three" in warnings
    assert "no verdicts: no claim of the ledger says that 01_screenin tests it" in warnings and warnings.count("WARNING") == 2


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_shows_each_claim_that_the_ledger_places_in_it_once(path):
    claims = ledger.read_claims()[1]
    here = {claim.name for claim in claims if any(place.startswith(f"{path.stem}: ") for place in claim.where)}
    shown = []
    for chapter, options in re.findall(r"^# ```\{verdicts\} (\S+)\n((?:# :.*\n)*)", path.read_text(), re.M):
        named = re.search(r"^# :of: (.*)$", options, re.M)
        shown += named[1].split() if named else here
        assert chapter == path.stem
    assert here <= set(shown) <= {claim.name for claim in claims} and len(shown) == len(set(shown))


@pytest.mark.parametrize("words, first", [
    ("Table 3, left: hits of 300, e.g. 73. One batch.", "Table 3, left: hits of 300, e.g. 73."), ("An argument", "An argument"),
    ("FID 75.2 and 79.4. 10 draws.", "FID 75.2 and 79.4."), ("So it says! Is it? No.", "So it says!"),
])
def test_evidence_in_short_is_its_first_sentence(words, first):
    assert claimspage.first_sentence(words) == first


def test_many_comparisons_are_counted_and_what_is_only_shown_is_written_out():
    found = tuple(ledger.Finding(f"number {n}", 0.5, 0.4, 0.6, fits=3) for n in range(claimspage.AT_MOST + 1))
    claim = ledger.PaperClaim("a", "1", "So.", "ordinal", "None.", not_tested="No.")
    shown = [node.astext() for node in claimspage.numbers(ledger.Judged(claim, ledger.NOT_TESTED, found), ledger)]
    assert len(shown) == 2 * len(found) and shown[:2] == ["number 0", "0.500 (0.400 to 0.600)"]
    tested = replace(claim, not_tested="", test={"rule": "above"}, where=("x",), measure="m")
    counted = [node.astext() for node in claimspage.numbers(ledger.Judged(tested, "supported", found), ledger)]
    assert counted == ["5 comparisons: 5 supported", "differences from 0.500 to 0.500", "3 fits each"]
