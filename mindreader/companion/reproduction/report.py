"""Judge a comparison by one rule, and tell it in a few lines, as a page, or as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import median

from ...core import NONE, format_number
from .comparing import KINDS, Differences, Number

INSIDE = 0.95       # share of numbers that have to be inside their 95 % intervals on another kind of machine
_LISTED = 40        # rows of one table on the page; the JSON has all


@dataclass(frozen=True)
class Report:
    """What was compared with what, where, and whether that is a reproduction.

    differences: of what was made here from the committed record, whose name is `beside`.
    record_machine, machine: as of `machine.this_machine`, of the record and here; of a record that no machine has signed
    (is_signed) only versions are known.
    """

    differences: Differences
    beside: str
    record_machine: dict[str, str]
    machine: dict[str, str]
    is_signed: bool = False

    @cached_property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many numbers of each kind were compared, are the same, have an interval and lie in it, and of the rest differ."""
        return {kind: _counts([number for number in self.differences.numbers if number.kind == kind]) for kind in KINDS}

    @property
    def same_kind(self) -> bool:
        """Whether this is known to be the kind of machine that made the record: versions, processor, threads, all alike."""
        return self.is_signed and self.record_machine == self.machine

    @property
    def reasons(self) -> list[str]:
        """Why this is no reproduction: none where all is the same to the bit, or, on another kind of machine, within the rule."""
        found = self.differences
        if found.is_same:
            return []
        why = []
        if self.same_kind:
            why.append("this is the kind of machine that made the record, where everything is the same to the last bit")
        for kind, count in self.counts.items():
            if count["with an interval"] and count["inside"] < INSIDE * count["with an interval"]:
                why.append(f"of the {KINDS[kind]} {_share(count)} are inside their 95 % intervals, less than {INSIDE:.0%}")
        if found.verdicts:
            why.append(f"{_many(len(found.verdicts), 'verdict')} changed")
        if found.settings:
            why.append(f"{_many(len(found.settings), 'setting')} of the run differ: {', '.join(sorted(found.settings)[:3])}")
        return why + [f"{len(names)} {what} of the record are missing here" for what, names in found.gone.items()
                      if what in ("files", "columns", "numbers")]

    @property
    def holds(self) -> bool:
        """Whether the committed book was reproduced."""
        return not self.reasons

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        if self.differences.is_same:
            return f"Reproduced: all is the same as in {self.beside}, to the last bit."
        if self.reasons:
            return f"Not reproduced: {'; '.join(self.reasons)}."
        which = "another kind of machine"
        if not self.is_signed:
            which = f"what may be {which} (the record does not name its own)"
        return f"Reproduced, on {which}: at least {INSIDE:.0%} of numbers are inside their 95 % intervals, and no verdict changed."

    def lines(self) -> list[str]:
        """The report in a few lines, for a terminal."""
        found = self.differences
        told = [f"Reproduction report: this book beside {self.beside}."]
        for kind, name in KINDS.items():
            count = self.counts[kind]
            if count["numbers"]:
                judged = count["with an interval"]
                inside = f"; of {judged:,} with an interval {_share(count)} inside" if judged else ""
                told.append(f"  {name}: {count['numbers']:,}, {count['to the bit']:,} of them to the bit{inside}")
        same = sum(picture.difference == 0 for picture in found.pictures)
        n_verdicts = len(found.verdicts)
        told.append(f"  {_many(n_verdicts, 'verdict')} changed, other words in {len(found.words) - n_verdicts} places; "
                    f"{same} of {_many(len(found.pictures), 'picture')} to the pixel")
        told += [f"  {len(names)} {what} {side}" for side, sides in (("missing", found.gone), ("new", found.new))
                 for what, names in sides.items()]
        return [*told, self.verdict]

    def markdown(self) -> str:
        """The whole report as Markdown without headings, so that it fits into any page."""
        found = self.differences
        small = {"vector graphics that are others": found.charts["other"], **found.other}
        besides = ", ".join(f"{count:,} {what}" for what, count in small.items() if count)
        parts = [self.verdict, self._counted(), *self._outside(), *self._words(), *self._alone(), *self._pictures(), *self._only()]
        parts += _listed("Settings that differ", ["setting", "committed", "here"],
                         [[name, str(old), str(now)] for name, (old, now) in found.settings.items()])
        parts += [f"Besides: {besides}."] if besides else []
        parts += _listed("What made both", ["", "the committed record", "here"],
                         [[what, self.record_machine.get(what, "not recorded"), value] for what, value in self.machine.items()])
        return "\n\n".join([*parts, f"Compared with {self.beside}.", ""])

    def _counted(self) -> str:
        head = ["", "numbers", "to the bit", "with an interval", "inside it", "outside it", "without an interval, other",
                "ends of intervals, other"]
        return _table(head, [[KINDS[kind], *(f"{value:,}" for value in count.values())] for kind, count in self.counts.items()])

    def _outside(self) -> list[str]:
        far = sorted(_not_inside(self.differences.numbers), reverse=True,
                     key=lambda number: number.widths_off if number.widths_off is not None else math.inf)
        return _listed("Outside their intervals, farthest first; how far, in widths of the interval",
                       ["number", "committed", "95 % interval", "here", "outside by"],
                       [[n.where, n.committed.text, f"{n.committed.low:.6g} to {n.committed.high:.6g}", n.here.text or NONE,
                         _short(n.widths_off)] for n in far])

    def _words(self) -> list[str]:
        head, found = ["where", "committed", "here"], self.differences
        return [part for title, is_verdict in (("Verdicts that changed", True), ("Words that changed", False))
                for part in _listed(title, head, [[words.where, words.committed, words.here] for words in found.words
                                                  if words.is_verdict == is_verdict])]

    def _alone(self) -> list[str]:
        return _listed("Numbers without an interval, by table and column; difference as a share of the larger number",
                       ["where", "numbers", "other", "median difference", "largest", "largest in"],
                       _by_column(self.differences.numbers))

    def _pictures(self) -> list[str]:
        pictures = self.differences.pictures
        other = sorted((p for p in pictures if p.difference != 0), key=lambda p: p.difference if p.difference is not None else 256,
                       reverse=True)
        title = (f"Pictures: {len(pictures) - len(other)} of {len(pictures)} to the pixel; the others, by the mean difference of "
                 "their pixels, of 255")
        return _listed(title, ["picture", "difference"],
                       [[p.where, "another size" if p.difference is None else _short(p.difference)] for p in other])

    def _only(self) -> list[str]:
        sides = {"Only in the committed record": self.differences.gone, "Only here": self.differences.new}
        return [part for side, found in sides.items() for what, names in found.items()
                for part in _listed(f"{side}: {what}", ["which"], [[name] for name in names])]

    def as_json(self) -> dict:
        """The whole report, with everything that differs, as `--json` prints it."""
        found = self.differences
        return {"beside": self.beside, "holds": self.holds, "verdict": self.verdict, "reasons": self.reasons, "same": found.is_same,
                "counts": self.counts,
                "outside": [_entry(number) for number in _not_inside(found.numbers)],
                "other": [_entry(number) for number in found.numbers if not number.is_same],
                "words": [asdict(words) for words in found.words], "settings": found.settings,
                "pictures": {picture.where: picture.difference for picture in found.pictures if picture.difference != 0},
                "n_pictures": len(found.pictures), "gone": found.gone, "new": found.new, "charts": dict(found.charts),
                "besides": {what: count for what, count in found.other.items() if count},
                "machine": {"committed": self.record_machine, "here": self.machine}}


def _counts(numbers: list[Number]) -> dict[str, int]:
    values = [number for number in numbers if not number.is_end]
    judged = [number for number in values if number.has_interval]
    inside = sum(number.is_inside for number in judged)
    return {"numbers": len(numbers), "to the bit": sum(number.is_same for number in numbers), "with an interval": len(judged),
            "inside": inside, "outside": len(judged) - inside,
            "without an interval, other": sum(not number.is_same and not number.has_interval for number in values),
            "ends of intervals, other": sum(number.is_end and not number.is_same for number in numbers)}


def _not_inside(numbers: Iterable[Number]) -> list[Number]:
    return [number for number in numbers if number.has_interval and not number.is_inside]


def _by_column(numbers: Iterable[Number]) -> list[list[str]]:
    """Of each column of a table, or result, that has no interval and differs: by how much, largest first."""
    groups: dict[str, list[Number]] = {}
    for number in numbers:
        if not number.has_interval and not number.is_end:
            parts = number.where.split(" | ")
            groups.setdefault(" | ".join(dict.fromkeys((parts[0], parts[-1]))), []).append(number)
    rows = []
    for where, group in groups.items():
        other = [number for number in group if not number.is_same]
        sizes = [number.relative for number in other if number.relative is not None]
        if other:
            most = max(other, key=lambda number: number.relative if number.relative is not None else 3)
            of_row = " | ".join(most.where.split(" | ")[1:-1])
            values = f"{most.committed.text or NONE}, here {most.here.text or NONE}"
            rows.append((max(sizes, default=3), [
                where, str(len(group)), str(len(other)), _short(median(sizes) if sizes else None), _short(most.relative),
                f"{of_row}: {values}" if of_row else values]))
    return [row for _, row in sorted(rows, key=lambda row: -row[0])]


def _entry(number: Number) -> dict:
    return {"where": number.where, "committed": number.committed.text, "low": number.committed.low, "high": number.committed.high,
            "here": number.here.text, "widths_off": number.widths_off, "relative": number.relative}


def _listed(title: str, head: list[str], rows: list[list[str]]) -> list[str]:
    """A title and a table, or nothing where there are no rows."""
    if not rows:
        return []
    more = [f"And {len(rows) - _LISTED:,} more, all in `reproduction.json`."] if len(rows) > _LISTED else []
    return [f"**{title}**", _table(head, rows[:_LISTED]), *more]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """The text as it stands in a cell of a Markdown table."""
    short = text if len(text) <= 160 else text[:157] + "…"
    return "".join(f"\\{sign}" if sign in "\\|*_`<>[]{}$#" else sign for sign in short)


def _short(value: float | None) -> str:
    return format_number(None if value is None else float(value))


def _share(count: dict[str, int]) -> str:
    return f"{count['inside']:,} ({count['inside'] / count['with an interval']:.1%})"


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
