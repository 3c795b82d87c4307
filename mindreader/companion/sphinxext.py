"""Extend Sphinx for the book: numbers and scorecards from figures/results, model cards, no scripts from elsewhere.

    {ours}`03_gan:two_way`      our number, with interval, n and origin in its tooltip
    {ours}`both | 2-way identification`   the same over several fits, by name and metric in the record of refits
    {paper}`03_gan:two_way`     the paper's, as the section's results have it
    {paper}`2 | CLIP | overall` the paper's, by its table, row and column (and metric)
    {scorecard} 03_gan          a section's numbers beside the paper's (option keys: some of them), or all sections'
    {modelcards}                the cards of the shipped weights
    {picturebrowser} 03_gan     a chapter's pictures, to sort by their scores
    {picturesliders} 04_microstimulation   a chapter's precomputed pictures, under sliders
    {cortexview} 06_encoding_cycle         a chapter's values on a cortex to turn
    {reproduction}              the last reproduction report of this checkout
    {doctor} weights            published weights that the library knows; {doctor} costs: what a run on NSD costs
    {refits}                    scores over several fits; {refits} coverage: how often their intervals hold
    {claims}                    the ledger of the paper's claims, with verdicts from the results
    {verdicts} 03_gan           the claims that a chapter tests, each with its verdict (option of: some, by name)

A page that shows a number is read again when it changes, and a number that does not exist is a warning.
"""

from __future__ import annotations

import json
from collections import Counter
from fnmatch import fnmatchcase

import pandas as pd
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from .. import core
from ..core import NONE, format_number
from .pages import ORIGIN, browser, claims, cortexview, sliders
from .pages.modelcards import ModelCards
from .pages.refits import Refits
from .reproduction.page import Reproduction

LOG = logging.getLogger(__name__)


def setup(app) -> dict:
    """Called by Sphinx."""
    app.add_role("ours", Number("ours"))
    app.add_role("paper", Number("paper"))
    app.add_directive("scorecard", Scorecard)
    app.add_directive("modelcards", ModelCards)
    app.add_directive("picturebrowser", browser.PictureBrowser)
    app.add_directive("picturesliders", sliders.PictureSliders)
    app.add_directive("cortexview", cortexview.CortexView)
    app.add_directive("reproduction", Reproduction)
    app.add_directive("claims", claims.Claims)
    app.add_directive("refits", Refits)
    app.add_directive("verdicts", claims.Verdicts)
    app.add_directive("doctor", Doctor)
    app.connect("doctree-read", describe_figures)
    app.connect("env-get-updated", count_from_zero, priority=900)  # after Sphinx has numbered
    app.connect("html-page-context", browser.add_script)
    app.connect("html-page-context", sliders.add_script)
    app.connect("html-page-context", cortexview.add_script)
    app.connect("html-page-context", claims.add_script)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", browser.copy_sheets)
    app.connect("build-finished", sliders.copy_sheets)
    app.connect("build-finished", cortexview.write_mesh)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def load_results(env, section: str | None = None) -> dict[str, dict]:
    """The content of figures/results, by section; the page being read will depend on these files."""
    found = {}
    for path in sorted(core.RESULTS.glob(f"{section or '*'}.json")):
        env.note_dependency(str(path))
        found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
    return found


class Number(SphinxRole):
    """The roles `ours` and `paper`."""

    def __init__(self, field: str):
        super().__init__()
        self.field = field

    def run(self):
        """One number and its tooltip."""
        try:
            value, more = self._cell() if "|" in self.text else self._result()
        except (KeyError, ValueError) as error:
            return self._missing(str(error).strip("'"))
        if value is None:
            return self._missing("it has no value")
        classes = ["result", self.field]
        return [nodes.abbreviation("", format_number(value), explanation=more, classes=classes)], []

    def _result(self):
        section, _, key = self.text.partition(":")
        results = load_results(self.env, section)
        if section not in results:
            raise KeyError(f"there is no figures/results/{section}.json; run `make book`")
        values = results[section]["values"]
        if key not in values:
            raise KeyError(f"{section} has {', '.join(values)}")
        value = values[key]
        if self.field == "paper":
            return value["paper"], "the paper's, on NSD"
        return value["ours"], describe(value, results[section]["origin"])

    def _cell(self):
        place = [part.strip() for part in self.text.split("|")]
        if self.field == "ours":
            return self._refits(*place)
        self.env.note_dependency(str(core.PAPER_VALUES))
        if len(place) < 3:
            raise ValueError("expected {paper}`table | row | column`, or with ` | metric` after it")
        return core.paper_value(*place[:4]), f"the paper's Table {place[0]}, on NSD"

    def _refits(self, name: str, metric: str = "", *more: str):
        path = core.FIGURES / "tables" / "refits.csv"
        self.env.note_dependency(str(path))
        if not path.is_file():
            raise KeyError("there is no figures/tables/refits.csv; run `make tables`")
        table = pd.read_csv(path)
        found = table[(table.name == name) & (table.metric == metric)]
        if len(found) != 1 or more:
            known = ", ".join(dict.fromkeys(table.metric[table.name == name])) or ", ".join(dict.fromkeys(table.name))
            raise ValueError(f"expected {{ours}}`name | metric` of the record of refits, which has {known}")
        row = found.iloc[0]
        return row["value"], (f"mean of {row.n_seeds} fits, 95 % interval {format_number(row.low)} to {format_number(row.high)} over "
                              f"{row.covers}, {ORIGIN[row.origin]}")

    def _missing(self, why: str):
        LOG.warning("no number %s: %s", self.text, why, location=self.get_location(), type="mindreader")
        return [nodes.problematic(self.text, self.text)], []


def describe(value: dict, origin: str) -> str:
    """Interval and what it covers, number of observations and origin of one result, as words."""
    parts = []
    if interval := _interval(value):
        over = f" over {value['covers']}" if value.get("covers") else ""
        parts.append(f"95 % interval {interval}{over}")
    if value.get("n") is not None:
        parts.append(f"n = {format_number(value['n'])}")
    return ", ".join([*parts, ORIGIN[origin]])


class Scorecard(SphinxDirective):
    """The directive `scorecard`."""

    optional_arguments = 1
    option_spec = {"name": directives.unchanged, "caption": directives.unchanged, "keys": directives.unchanged}

    def run(self):
        """One table; each row is a number of ours with its interval, its chance level, and the paper's.

        The option keys has patterns such as image_*, of which a row's key must match one; without it all rows are there. What
        most intervals cover stands in the heading, and what another covers beside it.
        """
        section = self.arguments[0] if self.arguments else None
        found = load_results(self.env, section)
        if not found:
            LOG.warning("no results for the scorecard of %s; run `make book`", section or "any section",
                        location=self.get_location(), type="mindreader")
            return []
        made = claims.table(*self._rows(found, several=section is None), ["scorecard", "colwidths-auto"])
        claims.add_caption(self, made)
        return [made]

    def _rows(self, found: dict, *, several: bool) -> tuple[list[str], list]:
        """The table's head, and its rows."""
        origins = sorted({ORIGIN[result["origin"]] for result in found.values()})
        wanted = self.options.get("keys", "*").split()
        found = {section: {key: value for key, value in result["values"].items() if any(fnmatchcase(key, pattern) for pattern in wanted)}
                 for section, result in found.items()}
        numbers = [value for values in found.values() for value in values.values()]
        covered = Counter(value["covers"] for value in numbers if value.get("covers"))
        usual = next(iter(covered.most_common(1)), ("",))[0]
        covers = f" ({usual}{', unless noted' * (len(covered) > 1)})" if usual else ""
        head = ["", f"Ours ({', '.join(origins)})", f"95 % interval{covers}", "Chance", "n", "Paper (NSD)"]
        head += ["Note"] if any(value.get("note") for value in numbers) else []
        rows = []
        for section, values in found.items():
            if several:
                rows.append([[claims.strong(section[3:].replace("_", " "))], *([claims.text("")] for _ in head[1:])])
            rows += [[[claims.text(cell)] for cell in _cells(key, value, usual)[:len(head)]] for key, value in values.items()]
        return head, rows


class Doctor(SphinxDirective):
    """The directive `doctor`."""

    required_arguments = 1

    def run(self):
        """A table that the room `doctor` makes: "weights" or "costs"."""
        from .. import doctor  # here and not above: no other page needs it, or the torch that it brings along

        found = {"weights": doctor.weights_table, "costs": doctor.costs_table}[self.arguments[0]]()
        rows = [[[claims.text(str(cell))] for cell in cells] for cells in found.itertuples(index=False)]
        return [claims.table(list(found.columns), rows, ["colwidths-auto"])]


def describe_figures(app, doctree) -> None:
    """Give each figure's picture its caption as alternative text, and no paragraph around it (a chapter's link makes one)."""
    for figure in doctree.findall(nodes.figure):
        words = " ".join(caption.astext() for caption in figure.findall(nodes.caption))
        for image in list(figure.findall(nodes.image)):
            image["alt"] = image.get("alt") or words
            if isinstance(image.parent, nodes.paragraph) and len(image.parent) == 1:
                image.parent.replace_self(image)


def count_from_zero(app, env) -> list[str]:
    """Number chapters from 0, so that a chapter, its figures and its tables carry the number of its file.

    Sphinx numbers anew, from 1, each time that it calls this.
    """
    def lower(number):
        return (number[0] - 1, *number[1:])

    for sections in env.toc_secnumbers.values():
        sections.update({anchor: lower(number) for anchor, number in sections.items() if number})
    for kinds in env.toc_fignumbers.values():
        for figures in kinds.values():
            figures.update({figure: lower(number) for figure, number in figures.items() if len(number) > 1})
    for tree in (*env.tocs.values(), *env.titles.values()):
        for node in tree.findall(nodes.Element):
            if node.get("secnumber"):
                node["secnumber"] = list(lower(node["secnumber"]))
    return []


def drop_thebe(app, pagename, templatename, context, doctree) -> None:
    """Take out the script that Jupyter Book adds for live cells: it loads from elsewhere, these pages load nothing."""
    def ours(script) -> bool:
        body = (getattr(script, "attributes", None) or {}).get("body") or ""
        return "THEBE_JS_URL" not in body and "thebe" not in str(getattr(script, "filename", "") or "")

    context["script_files"] = [script for script in context.get("script_files", []) if ours(script)]


def _interval(value: dict) -> str:
    """The interval of one result, "" where it has none."""
    if value.get("low") is None or value.get("high") is None:
        return ""
    return f"{format_number(value['low'])} to {format_number(value['high'])}"


def _cells(key: str, value: dict, usual: str) -> list[str]:
    """The cells of a row of a scorecard; usual: what an interval covers if the cell does not say it."""
    interval, covers = _interval(value) or NONE, value.get("covers") or usual
    return [key.replace("_", " "), format_number(value["ours"]), f"{interval} ({covers})" if covers != usual else interval,
            format_number(value.get("chance")), format_number(value.get("n")), format_number(value.get("paper")),
            value.get("note") or ""]
