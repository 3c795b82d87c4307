"""Render the ledger of claims: how many have which verdict, then each claim with evidence, test, numbers and verdict.

    {claims}            reads mindreader/studies/ledger/claims.toml and the committed results; nothing on the page is typed
    {claims} rules      what the rules take from the results
    {verdicts} 03_gan   the claims that a chapter tests, in brief (option of: the ones named, by their names in claims.toml)

The table can be filtered by verdict and by kind where scripts run; elsewhere all of it is shown.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from inspect import getdoc

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from ... import core
from ...core import format_number
from .scripted import load_where

LOG = logging.getLogger(__name__)
CLASS = "claims"
PAGE = "claims"  # the document that has a row for each claim
AT_MOST = 4     # comparisons that are written out in a cell; of more, how many have which verdict and from where to where
ORIGINS = {"twin": "on the simulated subject", "nsd": "on NSD"}
CLAIM, SHOWN, TESTED, OURS = "Claim", "What the paper shows", "Tested here", "Ours, with 95 % interval"
HEAD = (CLAIM, SHOWN, TESTED, OURS, "Verdict")
IN_BRIEF = [HEAD.index(name) for name in HEAD if name != TESTED]    # what a chapter shows, which says by itself how it tests


class Claims(SphinxDirective):
    """The directive `claims`; with the argument "rules" it lists the rules."""

    optional_arguments = 1

    def run(self):
        """The counts, what filters them, and one section with a table for each section of the paper; or the rules."""
        from ...studies import ledger  # here and not above: no other page needs it, or what it brings along

        if self.arguments:
            return [rules_list(ledger.RULES)]
        record = ledger.Record()
        try:
            sections, _ = ledger.read_claims()
            judged = ledger.judge_all(record)
        except (KeyError, ValueError) as error:
            LOG.warning("no claims: %s", error, location=self.get_location(), type="mindreader")
            return []
        note_sources(self.env, record, ledger)
        found = [counts(judged, ledger.STATES), nodes.raw("", controls(judged, ledger), format="html", classes=[CLASS])]
        for number, title in sections.items():
            here = [each for each in judged if each.claim.section == number]
            if here:
                part = nodes.section(ids=[nodes.make_id(f"claims-{number}")], classes=["claims-of-section"])
                part += nodes.title("", title if number == title else f"§ {number.split()[0]} · {title}")
                part += claims_table(here, ledger)
                found.append(part)
        return found


class Verdicts(SphinxDirective):
    """The directive `verdicts`; its argument is a chapter's name."""

    required_arguments = 1
    option_spec = {"of": directives.unchanged_required, "name": directives.unchanged, "caption": directives.unchanged}

    def run(self):
        """One table: the claims of the option `of`, in that order, or all that the ledger places in this chapter, in its order."""
        from ...studies import ledger  # as above

        record = ledger.Record()
        try:
            judged = [ledger.judge(claim, record) for claim in self._wanted(ledger.read_claims()[1])]
        except (KeyError, ValueError) as error:
            LOG.warning("no verdicts: %s", str(error).strip("'"), location=self.get_location(), type="mindreader")
            return []
        note_sources(self.env, record, ledger)
        page = self.env.app.builder.get_relative_uri(self.env.docname, PAGE)
        made = table([HEAD[at] for at in IN_BRIEF], [cells_in_brief(each, ledger, page) for each in judged],
                     [CLASS, "claims-in-brief", "colwidths-auto"])
        add_caption(self, made)
        return [made]

    def _wanted(self, claims) -> list:
        chapter = self.arguments[0]
        here = [claim for claim in claims if any(place.partition(":")[0] == chapter for place in claim.where)]
        if "of" not in self.options:
            if not here:
                raise ValueError(f"no claim of the ledger says that {chapter} tests it; name claims by the option `of`, or mend the name")
            return here
        by_name = {claim.name: claim for claim in claims}
        names = self.options["of"].split()
        if unknown := [name for name in names if name not in by_name]:
            raise ValueError(f"{', '.join(unknown)}: not in the ledger, expected names of studies/ledger/claims.toml, where those of "
                             f"{chapter} are {', '.join(claim.name for claim in here) or 'none'}")
        return [by_name[name] for name in names]


def note_sources(env, record, ledger) -> None:
    """Let the page being read be read again when what its verdicts rest on changes."""
    for path in (ledger.CLAIMS, core.PAPER_VALUES, *record.files):
        env.note_dependency(str(path))


def add_caption(directive: SphinxDirective, made: nodes.table) -> None:
    """Give a table the caption and the name of the directive's options, so that it is numbered and can be referred to."""
    if "caption" in directive.options:
        inline, _ = directive.parse_inline(directive.options["caption"], lineno=directive.lineno)
        made.insert(0, nodes.title(directive.options["caption"], "", *inline))
    if "name" in directive.options:
        directive.add_name(made)


def counts(judged, states: dict) -> nodes.table:
    """How many claims have which verdict, what each means, and how many rest on too few fits."""
    number = Counter(each.verdict for each in judged)
    few = Counter(each.verdict for each in judged if each.claim.test and each.one_fit)
    lines = [[[pill(state)], [text(format_number(number[state]))], [text(format_number(few[state]) if few[state] else "")],
              [text(f"{words[0].upper()}{words[1:]}.")]] for state, words in states.items()]
    total = [[strong("all")], [strong(format_number(len(judged)))], [strong(format_number(few.total()))], [text("")]]
    return table(["Verdict", "Claims", "Resting on one fit", "Meaning"], [*lines, total], [CLASS, "claims-counts", "colwidths-auto"])


def claims_table(judged, ledger) -> nodes.table:
    """One row a claim; its address is claim-NAME, its classes are its verdict and its kind."""
    made = table(list(HEAD), [cells(each, ledger) for each in judged], [CLASS, "claims-rows", "colwidths-auto"])
    for row, each in zip(made.findall(nodes.tbody).__next__().children, judged):
        row["ids"] = [f"claim-{each.claim.name}"]
        row["classes"] = [f"verdict-{nodes.make_id(each.verdict)}", f"kind-{each.claim.kind}"]
    return made


def cells(judged, ledger) -> list[list[nodes.Node]]:
    """The five cells of a claim."""
    claim = judged.claim
    also = f"; also § {', '.join(claim.also)}" if claim.also else ""
    shows = [text(claim.paper_evidence)] + ([small(f"Its own counts: {judged.published}.")] if judged.published else [])
    return [[text(claim.claim), small(claim.kind + also)], shows, how_tested(claim), numbers(judged, ledger), verdict(judged)]


def cells_in_brief(judged, ledger, page: str) -> list[list[nodes.Node]]:
    """The cells of a claim on a chapter's page: a link to its row on the page of claims in the claim's place, of the evidence and of
    what was measured the first sentence."""
    found = cells(judged, ledger)
    link = nodes.reference("", judged.claim.claim, internal=True, refuri=f"{page}#claim-{judged.claim.name}")
    found[HEAD.index(CLAIM)] = [nodes.paragraph("", "", link)]
    found[HEAD.index(SHOWN)][0] = text(first_sentence(judged.claim.paper_evidence))
    if judged.claim.measure:
        found[HEAD.index(OURS)].append(small(first_sentence(judged.claim.measure)))
    return [found[at] for at in IN_BRIEF]


def first_sentence(words: str) -> str:
    """What stands before the first full stop that ends a sentence: a capital or a number follows, and no "e.g." stands before.

    >>> first_sentence("Hits of 300, e.g. 73. One batch.")
    'Hits of 300, e.g. 73.'
    """
    return re.split(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.) (?=[A-Z0-9])", words, maxsplit=1)[0]


def how_tested(claim) -> list[nodes.Node]:
    """By what and against which null, or why not; what we planted or set; and where in the book."""
    found = [text(claim.measure or claim.untestable or claim.not_tested)]
    found += [small(f"Planted: {claim.planted}")] if claim.planted else []
    found += [small(f"Calibrated: {claim.calibrated}")] if claim.calibrated else []
    for place in claim.where:
        chapter, _, heading = place.partition(": ")
        link = nodes.reference("", f"{int(chapter[:2])} · {heading}", internal=True,
                               refuri=f"notebooks/{chapter}.html#{nodes.make_id(heading)}")
        found.append(nodes.paragraph("", "", link, classes=["claims-small"]))
    return found + ([small(f"Rule: {claim.test['rule'].replace('_', ' ')}")] if claim.test else [])


def numbers(judged, ledger) -> list[nodes.Node]:
    """The comparisons, each with its interval; of many, how they came out. What is only shown is written out, however much it is."""
    found = judged.findings
    if judged.claim.test and len(found) > AT_MOST:
        verdicts = Counter(map(ledger.verdict_of, found))
        outcome = ", ".join(f"{verdicts[state]} {state}" for state in ledger.STATES if verdicts[state])
        ends = [format_number(float(end([each.value for each in found]))) for end in (min, max)]
        lines = [text(f"{len(found)} comparisons: {outcome}"), small(f"differences from {ends[0]} to {ends[1]}")]
    else:
        lines = [node for each in found for node in (small(each.name), text(each.words))]
    fits = {each.fits for each in found} - {None}
    if judged.claim.test and fits:
        lines.append(small("one fit" if min(fits) == 1 else f"{min(fits)} fits each"))
    return lines or [text("–")]


def verdict(judged) -> list[nodes.Node]:
    """The verdict, and what has to be known with it."""
    marks = [ORIGINS[judged.origin]] if judged.claim.test else []
    marks += ["the other way, in one fit"] if judged.other_way and judged.one_fit else []
    marks += ["calibrated, no result"] if judged.claim.calibrated else []
    return [pill(judged.verdict), *map(small, marks)]


def rules_list(rules: dict) -> nodes.definition_list:
    """What each rule takes from the record, from the docstrings of the rules."""
    listed = nodes.definition_list(classes=["claims-rules"])
    for name, rule in rules.items():
        listed += nodes.definition_list_item("", nodes.term("", name.replace("_", " ")),
                                             nodes.definition("", text(" ".join(getdoc(rule).split()))))
    return listed


def controls(judged, ledger) -> str:
    """HTML in which the script puts two lists to choose from; empty where no script runs."""
    def choice(name, options):
        inner = "".join(f'<option value="{nodes.make_id(option)}">{html.escape(option)} ({n})</option>' for option, n in options)
        return f'<label>{name} <select data-filter="{name.lower()}"><option value="">all</option>{inner}</select></label>'

    verdicts, kinds = Counter(each.verdict for each in judged), Counter(each.claim.kind for each in judged)
    return (f'<div class="claims-filter" hidden>{choice("Verdict", [(name, verdicts[name]) for name in ledger.STATES])}'
            f'{choice("Kind", [(name, kinds[name]) for name in ledger.KINDS])}<span role="status"></span></div>')


def add_script(app, pagename, templatename, context, doctree) -> None:
    """Load the script and the style only on the page of claims; for Sphinx's html-page-context."""
    load_where(app, doctree, nodes.table, CLASS, "claims")


# ── small nodes ───────────────────────────────────────────────────────────────────────────────────────────────────────
def table(head: list[str], rows: list[list[list[nodes.Node]]], classes: list[str]) -> nodes.table:
    """A table of these cells, each a list of paragraphs."""
    made = nodes.table(classes=classes)
    group = nodes.tgroup(cols=len(head))
    made += group
    group += [nodes.colspec(colwidth=1) for _ in head]
    header, body = nodes.thead(), nodes.tbody()
    group += [header, body]
    for part, lines in ((header, [[[text(name)] for name in head]]), (body, rows)):
        for line in lines:
            row = nodes.row()
            row += [nodes.entry("", *cell) for cell in line]
            part += row
    return made


def text(words: str) -> nodes.paragraph:
    """A paragraph."""
    return nodes.paragraph("", "", nodes.Text(words))


def strong(words: str) -> nodes.paragraph:
    """A paragraph in bold."""
    return nodes.paragraph("", "", nodes.strong("", words))


def small(words: str) -> nodes.paragraph:
    """A paragraph that stands back."""
    return nodes.paragraph("", "", nodes.Text(words), classes=["claims-small"])


def pill(state: str) -> nodes.paragraph:
    """A verdict in its colour."""
    return nodes.paragraph("", "", nodes.inline("", state, classes=["verdict", f"verdict-{nodes.make_id(state)}"]))
