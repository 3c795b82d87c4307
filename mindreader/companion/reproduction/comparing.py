"""Compare two records of the book: numbers with their intervals, words and verdicts, settings, pictures."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from . import cells, tables
from .trees import Tree, chapter_of

KINDS = {"recorded": "recorded numbers", "beside": "beside them: n, chance, ends of intervals", "tables": "tables of chapters",
         "records": "records of make tables", "printed": "printed in chapters"}
MADE = ("versions", "python", "machine", "commit", "time")      # of a card: what made it, which is told once for all
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_HOLDS = re.compile(r"(.*\s)?verdict|holds")                    # names of columns that hold verdicts


@dataclass(frozen=True)
class Number:
    """One number of both records: where it stands, both values as written, and the committed 95 % interval, if any."""

    kind: str
    where: str
    column: str
    committed: cells.Printed
    here: cells.Printed

    @property
    def is_same(self) -> bool:
        """Whether both are written alike, which is the same to the last bit that is kept."""
        return self.committed.text == self.here.text

    @property
    def is_end(self) -> bool:
        """Whether it is itself an end of an interval."""
        return tables.is_end(self.column)

    @property
    def has_interval(self) -> bool:
        """Whether a 95 % interval is committed with the number."""
        return None not in (self.committed.value, self.committed.low, self.committed.high)

    @property
    def is_inside(self) -> bool:
        """Whether the number made here lies within the committed interval, or is the committed number itself."""
        value = self.here.value
        return self.is_same or (self.has_interval and value is not None and self.committed.low <= value <= self.committed.high)

    @property
    def widths_off(self) -> float | None:
        """How far outside the committed interval, in widths of the interval; None where that cannot be said."""
        width = (self.committed.high or 0) - (self.committed.low or 0)
        if not self.has_interval or self.here.value is None or width <= 0:
            return None
        return max(self.committed.low - self.here.value, self.here.value - self.committed.high, 0) / width

    @property
    def relative(self) -> float | None:
        """The difference as a share of the larger of both; None where one of them is no number."""
        one, two = self.committed.value, self.here.value
        if one is None or two is None:
            return None
        return 0.0 if one == two else abs(one - two) / max(abs(one), abs(two))


@dataclass(frozen=True)
class Words:
    """Words that are others, or a verdict that is."""

    where: str
    committed: str
    here: str
    is_verdict: bool


@dataclass(frozen=True)
class Picture:
    """A picture of both records: the mean difference of its pixels, of 255, or None where their sizes differ."""

    where: str
    difference: float | None


@dataclass
class Differences:
    """All that was compared, and what differs. gone: only in the committed record; new: only here."""

    numbers: list[Number] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    settings: dict[str, tuple] = field(default_factory=dict)                            # name -> committed, here
    gone: dict[str, list[str]] = field(default_factory=dict)                            # files, columns, rows, numbers -> which
    new: dict[str, list[str]] = field(default_factory=dict)
    charts: Counter = field(default_factory=Counter)                                    # vector graphics: same, other
    other: Counter = field(default_factory=Counter)                                     # order of rows, keys of stages -> how often

    @property
    def verdicts(self) -> list[Words]:
        """Verdicts that are others."""
        return [words for words in self.words if words.is_verdict]

    @property
    def is_same(self) -> bool:
        """Whether nothing at all differs."""
        return (all(number.is_same for number in self.numbers) and all(picture.difference == 0 for picture in self.pictures)
                and not any((self.words, self.settings, self.gone, self.new, self.charts["other"], self.other.total())))

    def note(self, sides: dict[str, list[str]], what: str, names) -> None:
        """Enter names of what only one record has, e.g. in `gone` under "rows"."""
        if names := list(names):
            sides.setdefault(what, []).extend(names)


def compare(committed: Tree, here: Tree, chapters: list[str] | None = None) -> Differences:
    """All differences of the record made here from the committed one.

    chapters: only what belongs to these, e.g. ["01_screening"]; else everything.
    """
    found, first, second = Differences(), committed.files(chapters), here.files(chapters)
    found.note(found.gone, "files", first.keys() - second.keys())
    found.note(found.new, "files", second.keys() - first.keys())
    for name in (name for name in first if name in second):
        one, two = first[name], second[name]
        if name.endswith(".csv"):
            _compare_tables(found, name, one, two)
        elif name.endswith(".ipynb"):
            _compare_notebooks(found, name, one, two)
        elif name.endswith(".json"):
            old, now = (json.loads(path.read_text(encoding="utf-8")) for path in (one, two))
            (_compare_cards if "versions" in old else _compare_data)(found, name, old, now)
        elif name.endswith(".svg"):
            found.charts["same" if one.read_bytes() == two.read_bytes() else "other"] += 1
        elif name.endswith(PICTURES):
            found.pictures.append(Picture(name, pixel_difference(one, two)))
    for sides in (found.gone, found.new):
        for names in sides.values():
            names.sort()
    return found


def made_with(tree: Tree, chapters: list[str] | None = None) -> dict[str, list[str]]:
    """What the cards of a record say about what made it: name -> the values that occur, most often one."""
    seen: dict[str, set[str]] = {}
    for name, path in tree.files(chapters).items():
        if name.endswith(".json"):
            card = json.loads(path.read_text(encoding="utf-8"))
            for what, value in {"python": card.get("python"), "machine": card.get("machine"), **card.get("versions", {})}.items():
                seen.setdefault(what, set()).add(str(value))
    return {what: sorted(values) for what, values in seen.items()}


def pixel_difference(one: Path, two: Path) -> float | None:
    """Mean difference of two pictures' pixels, of 255: 0 where they are the same; None where they have other sizes."""
    if one.read_bytes() == two.read_bytes():
        return 0.0
    with Image.open(one) as first, Image.open(two) as second:
        if first.size != second.size:
            return None
        pixels = [np.asarray(picture.convert("RGBA"), float) for picture in (first, second)]
    return float(np.abs(pixels[0] - pixels[1]).mean())


# ── tables ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _compare_tables(found: Differences, name: str, one: Path, two: Path) -> None:
    (head, first), (other_head, second) = tables.read_table(one), tables.read_table(two)
    found.note(found.gone, "columns", (f"{name} | {column}" for column in head if column not in other_head))
    found.note(found.new, "columns", (f"{name} | {column}" for column in other_head if column not in head))
    rows, gone, new = tables.joined(head, first, second) if first != second else (tables.in_order(first, second), [], [])
    found.note(found.gone, "rows", (f"{name} | {row}" for row in gone))
    found.note(found.new, "rows", (f"{name} | {row}" for row in new))
    place = {id(row): at for at, row in enumerate(second)}
    places = [place[id(row)] for _, _, row in rows]
    found.other["tables with rows in another order"] += places != sorted(places)
    kind = "records" if chapter_of(name) == "tables" else "tables"
    for row, old, now in rows:
        for column in (column for column in head if column in other_head):
            _compare_cells(found, kind, f"{name} | {row}", column, _cell(old, column, head), _cell(now, column, other_head))


def _cell(row: tables.Row, column: str, head: list[str]) -> cells.Printed:
    ends = tables.interval_of(column, head)
    low, high = (cells.number(row.get(end, "")) for end in ends) if ends else (None, None)
    return cells.Printed(row.get(column, ""), low, high)


def _compare_cells(found: Differences, kind: str, where: str, column: str, old: cells.Printed, now: cells.Printed) -> None:
    if tables.is_of_the_code(column, [{column: old.text}]):
        found.other["keys of stages that are others"] += old.text != now.text
    elif cells.is_number(old.text) and cells.is_number(now.text) and not tables.is_name(column):
        if old.text or now.text:
            found.numbers.append(Number(kind, f"{where} | {column}", column, old, now))
    else:
        _compare_texts(found, kind, f"{where} | {column}", column, old.text, now.text, is_verdict=bool(_HOLDS.fullmatch(column)))


def _compare_texts(found: Differences, kind: str, where: str, column: str, old: str, now: str, *, is_verdict: bool = False) -> None:
    (old_words, old_numbers), (words, numbers) = cells.apart(old), cells.apart(now)
    if old_words != words or tables.is_name(column) and old != now:
        verdict = is_verdict or _verdicts_in(old_words) != _verdicts_in(words)
        found.words.append(Words(where, " ".join(old.split()), " ".join(now.split()), verdict))
        return
    found.numbers += [Number(kind, where, column, *both) for both in zip(old_numbers, numbers)
                      if both[0].low is not None or both[0].text != both[1].text or kind == "printed"]


def _verdicts_in(words: str) -> list[str]:
    """The verdicts that a text names, in its order."""
    from ...studies.claims import VERDICTS      # here and not above: seldom asked, and torch comes along

    return re.findall("|".join(map(re.escape, VERDICTS)), words)


# ── cards, and the numbers that the prose takes ────────────────────────────────────────────────────────────────────────
def _compare_cards(found: Differences, name: str, old: dict, now: dict) -> None:
    section = chapter_of(name)
    if name.startswith("results/"):
        one, two = old.pop("values", {}), now.pop("values", {})
        found.note(found.gone, "numbers", (f"{section}:{key}" for key in one if key not in two))
        found.note(found.new, "numbers", (f"{section}:{key}" for key in two if key not in one))
        for key in (key for key in one if key in two):
            for column in (column for column in one[key] if column in two[key]):
                kind = "recorded" if column == "ours" else "beside"
                _compare_cells(found, kind, f"{section}:{key}", column, _value(one[key], column), _value(two[key], column))
    first, second = ({key: value for key, value in _leaves(card) if key.partition(".")[0] not in MADE} for card in (old, now))
    found.settings |= {key: (first.get(key), second.get(key)) for key in (first | second) if first.get(key) != second.get(key)}


def _compare_data(found: Differences, name: str, old, now) -> None:
    """Compare numbers and words that a page's own script takes, such as a slider's: as those of a table, value by value."""
    one, two = dict(_leaves(old, lists=True)), dict(_leaves(now, lists=True))
    found.note(found.gone, "numbers", (f"{name} | {key}" for key in one if key not in two))
    found.note(found.new, "numbers", (f"{name} | {key}" for key in two if key not in one))
    for key in (key for key in one if key in two):
        column = ".".join(part for part in key.split(".") if not part.isdigit())      # its places are rows
        _compare_cells(found, "tables", f"{name} | {key}", column, cells.Printed(str(one[key])), cells.Printed(str(two[key])))


def _value(result: dict, column: str) -> cells.Printed:
    value = result[column]
    low, high = (result.get("low"), result.get("high")) if column == "ours" else (None, None)
    return cells.Printed("" if value is None else str(value), low, high)


def _leaves(card, before: str = "", *, lists: bool = False):
    """What a card holds under dotted names; a list is one value, or, with `lists`, each of its places is."""
    if isinstance(card, dict) or lists and isinstance(card, list):
        for key, value in card.items() if isinstance(card, dict) else enumerate(card):
            yield from _leaves(value, f"{before}.{key}" if before else str(key), lists=lists)
    else:
        yield before, card


# ── what chapters print ────────────────────────────────────────────────────────────────────────────────────────────────
def _compare_notebooks(found: Differences, name: str, one: Path, two: Path) -> None:
    first, second = (_printed(path) for path in (one, two))
    found.note(found.gone, "cells", (f"{name} | {source.splitlines()[-1]}" for source, _ in first.keys() - second.keys()))
    found.note(found.new, "cells", (f"{name} | {source.splitlines()[-1]}" for source, _ in second.keys() - first.keys()))
    for source, repeat in (cell for cell in first if cell in second):
        last = (source.splitlines() or [""])[-1]
        _compare_texts(found, "printed", f"{name} | {last}", "", first[source, repeat], second[source, repeat])


def _printed(path: Path) -> dict[tuple[str, int], str]:
    """Of each cell, by its text, what it prints; tables and figures are compared where their files are."""
    seen: Counter[str] = Counter()
    found = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and not re.search(r"\.(table|show)\(", source):
            said = ["".join(output.get("text") or output.get("data", {}).get("text/plain", "")) for output in cell["outputs"]
                    if output.get("name") != "stderr"]
            if any(said):
                found[source, seen[source]] = "\n".join(said)
                seen[source] += 1
    return found
