"""The page of claims shows every row, and what it says follows the record."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from mindreader import core
from mindreader.studies import ledger

CONF = """
from pathlib import Path
from mindreader import core
from mindreader.core import paths
core.FIGURES = paths.FIGURES = Path(__file__).parent / "figures"
extensions = ["myst_parser", "mindreader.companion.sphinxext"]
html_theme = "basic"
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
    assert "one fit" in shown["bodies-words"][1] and "3 fits each" in shown["clamp"][1]
    assert all(f"<dt>{rule.replace('_', ' ')}" in page for rule in ledger.RULES)

    path = folder / "figures" / "results" / "01_screening.json"             # another record: the screen is no better than length
    content = json.loads(path.read_text())
    content["values"]["auc"] |= {"ours": 0.7, "low": 0.68, "high": 0.72}
    path.write_text(json.dumps(content))
    verdict, cells = rows(build(folder)[1])["screen-finds-descriptive"]
    assert (shown["screen-finds-descriptive"][0], verdict) == ("supported", "contradicted") and "0.700 (0.680 to 0.720)" in cells

    path.write_text(json.dumps(content | {"values": {}}))                   # and one that lacks a number
    assert "no claims: figures/results/01_screening.json has no 'auc'" in build(folder)[0]
