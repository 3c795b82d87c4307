"""Read every number that the paper prints, with its place and what is lost, and set ours beside it."""

from __future__ import annotations

import pandas as pd

from . import paths

LOST = "not recoverable"
PLACE = ["row", "column", "metric"]
NONE = "–"


def format_number(value) -> str:
    """Three significant digits for measured numbers, all digits for counts, a dash for what is absent.

    >>> format_number(0.12345), format_number(1234567)
    ('0.123', '1,234,567')
    """
    if value is None:
        return NONE
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        digits = f"{value + 0.0:#.3g}".rstrip(".")  # what was rounded to -0.0 is 0
        return f"{value:,.0f}" if abs(value) >= 1000 else digits
    return f"{value:.2e}"


def paper_values(table: str | None = None) -> pd.DataFrame:
    """The numbers of the paper's Tables 1 to 6, one a row, as printed.

    Parameters
    ----------
    table : str, optional
        "1", "2", "3a", "3b", "4", "5", "6", "5 or 6" (a cell that is quoted without its place) or "text".

    Returns
    -------
    DataFrame
        table, row, column, metric, value (NaN where it is lost), spread (the paper's ±), source (place in the
        paper), provenance (how sure we are), recoverable (False where the number is lost).

    Source: Tables 1 to 6.
    """
    values = pd.read_csv(paths.PAPER_VALUES, dtype=str, keep_default_na=False)
    if table is not None:
        known = list(dict.fromkeys(values.table))
        if table not in known:
            raise ValueError(f"the paper has no table {table!r} here; there is {', '.join(known)}")
        values = values[values.table == table]
    values = values.assign(recoverable=values.value != LOST)
    for name in ("value", "spread"):
        values[name] = pd.to_numeric(values[name].replace({LOST: "", "": None}))
    return values.reset_index(drop=True)


def paper_value(table: str, row: str, column: str, metric: str | None = None) -> float | None:
    """One number of the paper, or None where it is lost; ValueError for a cell that the paper does not have."""
    found = paper_values(table)
    found = found[(found.row == row) & (found.column == column)]
    if metric is not None:
        found = found[found.metric == metric]
    if len(found) != 1:
        what = " / ".join(filter(None, (row, column, metric)))
        raise ValueError(f"the paper's table {table} has {len(found)} cells at {what}; expected exactly one")
    return float(found.value.iloc[0]) if found.recoverable.iloc[0] else None


def beside_paper(ours: pd.DataFrame, table: str) -> pd.DataFrame:
    """Our numbers with the paper's beside them, joined by the names of row, column and metric.

    Parameters
    ----------
    ours : DataFrame
        row, column, metric, value, origin; low, high and n if there are any.
    table : str
        As in `paper_values`.

    Returns
    -------
    DataFrame
        row, column, metric, paper, ours, low, high, n, difference, origin, note; in our order. The difference is
        ours minus the paper's, only given where both are about NSD: a simulated subject is another brain.
    """
    missing = {*PLACE, "value", "origin"} - set(ours.columns)
    if missing:
        raise ValueError(f"our table has no {', '.join(sorted(missing))}; "
                         "expected row, column, metric, value and origin")
    twice = ours.duplicated(PLACE)
    if twice.any():
        raise ValueError(f"our table has two numbers for {' / '.join(ours[twice].iloc[0][PLACE])}; "
                         "expected one a place")
    paper = paper_values(table)[[*PLACE, "value", "recoverable"]].rename(columns={"value": "paper"})
    both = ours.rename(columns={"value": "ours"}).merge(paper, on=PLACE, how="left")
    for name in ("low", "high", "n"):
        if name not in both:
            both[name] = float("nan")
    both["difference"] = (both.ours - both.paper).where(both.origin == "nsd")
    both["note"] = [_note(row) for row in both.itertuples()]
    return both[[*PLACE, "paper", "ours", "low", "high", "n", "difference", "origin", "note"]]


def _note(row) -> str:
    if pd.isna(row.recoverable):
        return "not in the paper"
    if not row.recoverable:
        return "the paper's number is not recoverable"
    return {"twin": "simulated subject, not NSD", "rehearsal": "a rehearsal, no result"}.get(row.origin, "")
