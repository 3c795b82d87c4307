"""The site builds without a warning, has every page, and asks nothing of the network."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".make", "_build", "__pycache__", "runs", "scratch", "*.safetensors",
                                  ".pytest_cache", "*.egg-info", "benchmarks", "tests")
ASKS = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*?\b(?:src|data)\s*=\s*["'](?:https?:)?//[^"']*"""
    r"""|<link\b(?=[^>]*\brel=["'](?:stylesheet|preload|icon|modulepreload|preconnect|dns-prefetch)["'])[^>]*?"""
    r"""\bhref=["'](?:https?:)?//[^"']*""", re.I)
ASKS_IN_STYLE = re.compile(r"""(?:@import\s+(?:url\()?|url\()\s*["']?(?:https?:)?//[^"')\s]+""", re.I)
# Browsers fetch neither of these by themselves: a licence comment and a name space.
STEMS = sorted(p.stem for p in (ROOT / "notebooks").glob("[0-9]*.py"))


def build(tree):
    """Build the site by the command of `make site`."""
    recipe = re.search(r"^site:.*\n\t(.+)$", (ROOT / "Makefile").read_text(), re.M)[1]
    command = [part.replace("$(BIN)", str(Path(sys.executable).parent)) for part in recipe.split()]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=900,
                          env=os.environ | {"PYTHONPATH": str(tree)})


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of what is committed, so that the build neither uses nor leaves anything in the checkout."""
    missing = [stem for stem in STEMS if not (ROOT / "notebooks" / f"{stem}.ipynb").is_file()]
    if missing:
        pytest.fail(f"chapter {missing[0]} was never run; `make book` makes it")
    copy = tmp_path_factory.mktemp("site") / "repo"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=LEFT_OUT)
    return copy


@pytest.fixture(scope="module")
def html(tree):
    done = build(tree)
    assert done.returncode == 0, done.stderr[-4000:]
    return tree / "book" / "_build" / "html"


def test_every_page_is_there(html):
    pages = ["index", "data", "parameters", "models", "departures", "claims", "scorecard", "reproduction", "bibliography", "search"]
    for page in pages + [f"notebooks/{stem}" for stem in STEMS]:
        assert (html / f"{page}.html").is_file(), page


def test_no_page_asks_the_network_for_anything(html):
    asked = [f"{p.relative_to(html)}: {m[0][:120]}" for p in html.rglob("*.html") for m in ASKS.finditer(p.read_text())]
    asked += [f"{p.relative_to(html)}: {m[0][:120]}" for p in html.rglob("*.css")
              for m in ASKS_IN_STYLE.finditer(p.read_text())]
    assert not asked, "\n".join(asked)


def test_the_pattern_would_notice_a_foreign_script_image_or_style():
    for bad in ('<script src="https://a.b/c.js">', "<img alt='' src='//a.b/c.png'>",
                '<link rel="stylesheet" href="https://a.b/c.css">', '<link href="//a.b/c" rel="preload">'):
        assert ASKS.search(bad), bad
    assert ASKS_IN_STYLE.search('@import url("https://a.b/c")')
    assert not ASKS.search('<a href="https://a.b">a link is only a link</a>')


def test_equations_are_drawn_by_a_script_of_our_own(html):
    page = (html / "notebooks" / "03_gan.html").read_text()
    assert "_static/mathjax/tex-svg.js" in page
    assert page.count("tex-svg.js") == 1
    assert (html / "_static" / "mathjax" / "tex-svg.js").stat().st_size > 1_000_000
    assert (html / "_static" / "mathjax" / "LICENSE").is_file()


def test_no_live_cell_script_is_loaded(html):
    assert "THEBE_JS_URL" not in (html / "index.html").read_text()


def test_chapters_can_be_downloaded_as_notebooks(html):
    for stem in STEMS:
        assert (html / "_sources" / "notebooks" / f"{stem}.ipynb").is_file()
        assert f"_sources/notebooks/{stem}.ipynb" in (html / "notebooks" / f"{stem}.html").read_text()


def test_figures_and_tables_of_chapters_are_numbered_by_chapter(html):
    for number, stem in enumerate(STEMS):
        page = (html / "notebooks" / f"{stem}.html").read_text()
        assert f"Figure {number}.1" in page, stem
        assert f"Table {number}.1" in page, stem


def test_every_figure_is_described_for_those_who_cannot_see_it(html):
    for stem in STEMS:
        found = re.findall(r'<figure[^>]*>\s*(?:<a[^>]*>)?<img alt="([^"]*)"', (html / "notebooks" / f"{stem}.html").read_text())
        assert found, stem
        assert not [alt for alt in found if not alt.strip() or "_images/" in alt], stem


def test_a_number_that_does_not_exist_stops_the_build(html, tree):
    page = tree / "book" / "models.md"
    page.write_text(page.read_text() + "\n{ours}`03_gan:no_such_number`\n")
    done = build(tree)
    assert done.returncode != 0
    assert "no number 03_gan:no_such_number" in done.stderr + done.stdout


def test_results_say_whose_brain_it_was():
    for path in sorted((ROOT / "figures" / "results").glob("*.json")):
        assert json.loads(path.read_text())["origin"] in ("twin", "nsd")
