"""Join two versions of a table by what their rows are about, never by position."""

from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

from .cells import is_number

Row = dict[str, str]
ENDS = ("low", "high", "lowest", "highest")                   # of intervals: a row is not about them
MEASURED = {"value", "ours", "paper", "difference", "hits", "chance", "p", "verdict", "holds", "note", "text"}
_FRACTION = re.compile(r"\d\.\d|\de-")
_LAST = ("n", "seed")   # what rows are seldom about, but may be
_MOST = 5               # columns that name a row
_CANDIDATES = 12        # columns among which they are looked for


def read_table(path: Path) -> tuple[list[str], list[Row]]:
    """The names of the columns and the rows, every cell as it is written."""
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        head = next(reader, [])
        return head, [dict(zip(head, row)) for row in reader]


def is_end(column: str) -> bool:
    """Whether a column holds ends of intervals, e.g. wilson_low."""
    return column in ENDS or column.endswith(("_low", "_high"))


def is_name(column: str) -> bool:
    """Whether a column's numbers name something, as image_id does, and are no quantities."""
    return column == "id" or column.endswith("_id")


def is_of_the_code(column: str, rows: list[Row]) -> bool:
    """Whether a column holds keys of stages, which follow from the code and are no results."""
    return column == "key" and not all(is_number(row[column]) for row in rows)


def interval_of(column: str, head: list[str]) -> tuple[str, str] | None:
    """The columns with the ends of the 95 % interval of this column's numbers, or None.

    Columns low and high belong to the first of value, ours and difference, better_low and better_high to better.

    >>> interval_of("ours", ["paper", "ours", "low", "high"])
    ('low', 'high')
    """
    if {f"{column}_low", f"{column}_high"} <= set(head):
        return f"{column}_low", f"{column}_high"
    main = next((name for name in ("value", "ours", "difference") if name in head), None)
    return ("low", "high") if column == main and {"low", "high"} <= set(head) else None


def key_of(head: list[str], first: list[Row], second: list[Row]) -> list[str]:
    """The columns that say what a row is about: the fewest that tell all rows of either table apart.

    Of several choices it is the one with which most rows find each other, and then the leftmost. Columns with fractions, which
    are seldom what a row is about, are taken only where others do not do. Where no choice tells all rows apart, it is all
    columns of words.
    """
    shared = [name for name in sorted(head, key=_LAST.__contains__) if first and second and name in first[0] and name in second[0]]
    named = [name for name in shared if not (name in MEASURED or is_end(name) or is_of_the_code(name, first))
             and len({row[name] for row in first}) > 1]
    whole = [name for name in named if not any(_FRACTION.search(row[name]) for row in first)]
    key, most = _best(whole, first, second)
    if 2 * most < max(len(first), len(second)):
        other, more = _best(named, first, second)
        key = other if more > most else key
    return key if key is not None else [name for name in named if is_name(name) or not all(is_number(row[name]) for row in first)]


def _best(named: list[str], first: list[Row], second: list[Row]) -> tuple[list[str] | None, int]:
    """The key among these columns, and how many rows find each other by it; (None, -1) where none tells all rows apart."""
    best, most = None, -1
    for size in range(1, _MOST + 1):
        for columns in combinations(named[:_CANDIDATES], size):
            one, two = ({tuple(row[name] for name in columns) for row in rows} for rows in (first, second))
            if len(one) == len(first) and len(two) == len(second) and len(one & two) > most:
                best, most = list(columns), len(one & two)
        if most == max(len(first), len(second)):
            break
    return best, most


def in_order(first: list[Row], second: list[Row]) -> list[tuple[str, Row, Row]]:
    """As `joined` gives them, for tables of which the rows are known to correspond."""
    return [(f"row {number}", *both) for number, both in enumerate(zip(first, second), 1)]


def joined(head: list[str], first: list[Row], second: list[Row]) -> tuple[list[tuple[str, Row, Row]], list[str], list[str]]:
    """Rows that are about the same, each with its name; the names of rows only in the first, and only in the second.

    Rows that nothing tells apart are joined in their order.
    """
    columns = key_of(head, first, second)
    one, two = _by_name(columns, first), _by_name(columns, second)
    return ([(_words(name), one[name], two[name]) for name in one if name in two],
            [_words(name) for name in one if name not in two], [_words(name) for name in two if name not in one])


def _by_name(columns: list[str], rows: list[Row]) -> dict[tuple, Row]:
    seen: Counter[tuple] = Counter()
    found = {}
    for row in rows:
        name = tuple(row.get(column, "") for column in columns)
        found[*name, seen[name]] = row
        seen[name] += 1
    return found


def _words(name: tuple) -> str:
    *parts, repeat = name
    told = " | ".join(part for part in parts if part)
    return " | ".join(filter(None, (told, f"row {repeat + 1}"))) if repeat or not told else told
