"""Take the numbers behind a claim from the committed results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

from ... import core, scoring
from ...core import format_number

FITS_UNKNOWN = 1    # what a result that does not say how many fits it covers is taken for


@dataclass(frozen=True)
class Finding:
    """One comparison behind a verdict, turned so that the claim wants `value` above `null`.

    low, high       95 % interval, NaN where there is none
    fits            trainings that value and interval cover; None where nothing was fitted
    over_pictures   whether the interval covers which pictures were shown
    lowest, highest value of any one fit, NaN where it is not known
    judged          the verdict, where another part of the library gave it
    shown           how the page writes it; value and interval by default
    """

    name: str
    value: float
    low: float = np.nan
    high: float = np.nan
    null: float = 0.0
    fits: int | None = FITS_UNKNOWN
    over_pictures: bool = True
    lowest: float = np.nan
    highest: float = np.nan
    origin: str = "twin"
    judged: str = ""
    shown: str = ""

    @property
    def ahead(self) -> bool:
        """The whole interval lies where the claim wants it."""
        return bool(self.low > self.null)

    @property
    def behind(self) -> bool:
        """The whole interval lies on the other side."""
        return bool(self.high < self.null)

    @property
    def all_ahead(self) -> bool:
        """Ahead, and no fit is known to disagree."""
        return self.ahead and not self.lowest <= self.null      # NaN: none is known

    @property
    def all_behind(self) -> bool:
        """Behind, and no fit is known to disagree."""
        return self.behind and not self.highest >= self.null

    @property
    def words(self) -> str:
        """Value and interval, as the page writes them."""
        return self.shown or with_interval(self.value, self.low, self.high)


def with_interval(value: float, low: float, high: float) -> str:
    """A number and its interval, if it has one.

    >>> with_interval(0.7812, 0.76, 0.8), with_interval(0.7812, np.nan, np.nan)
    ('0.781 (0.760 to 0.800)', '0.781')
    """
    return format_number(float(value)) + ("" if np.isnan(low) or np.isnan(high) else
                                          f" ({format_number(float(low))} to {format_number(float(high))})")


class Record:
    """The committed results: what chapters recorded, and tables.

    A number is asked for by "03_gan:two_way | the brain" (a key of a chapter's results, and how to call it), or by a mapping with
    `table` (a path below the folder, without .csv), `label`, and, for each other column, the one value that its row has.
    """

    def __init__(self, root: Path | None = None):
        self.root = root or core.FIGURES
        self.files: set[Path] = set()       # that were read, so that a page can depend on them
        self._read: dict[Path, object] = {}

    def number(self, source: str | Mapping) -> Finding:
        """The number of this source; its null is the recorded chance level, or 0."""
        row, name, origin = self._row(source) if isinstance(source, str) else self._line(source)
        return finding_of(row, name, origin)

    def table(self, name: str, where: Mapping) -> pd.DataFrame:
        """The rows of a committed table that have these values in these columns; ValueError if there are none."""
        path = self.root / f"{name}.csv"
        table = self._open(path, lambda file: pd.read_csv(file, keep_default_na=False, na_values=[""]))
        for column, value in where.items():
            if column not in table:
                raise ValueError(f"figures/{name}.csv has no column {column!r}, expected one of {', '.join(table.columns)}")
            table = table[table[column].isin(value if isinstance(value, list) else [value])]
        if table.empty:
            raise ValueError(f"figures/{name}.csv has no row with {where}, expected one; was it renamed?")
        return table

    def origin(self, name: str) -> str:
        """Whose brain a table is about."""
        return self._open((self.root / name).with_suffix(".json"), _json)["origin"]

    def per_picture(self, name: str, by: str, better: str, worse: str, column: str, where: Mapping) -> Finding:
        """The mean over pictures of a difference between two values of the column `by`, with an interval over pictures."""
        table = self.table(name, {**where, by: [better, worse]})
        means = table.astype({column: float}).groupby(["image_id", by])[column].mean().unstack().dropna()
        apart = (means[better] - means[worse]).to_numpy()
        low, high = scoring.bootstrap_interval(apart, means.index.to_numpy(), seed=0)
        return Finding(", ".join([*map(str, where.values()), column]), float(apart.mean()), low, high, origin=self.origin(name))

    def over_seeds(self, name: str, better: str, worse: str, lower_is_better: bool, where: Mapping) -> Finding:
        """The mean over fits of a difference between two rows, with Student's interval over the fits alone."""
        value = self.table(name, {**where, "name": [better, worse]}).pivot(index="seed", columns="name", values="value").dropna()
        apart = (value[better] - value[worse]).to_numpy() * (-1 if lower_is_better else 1)
        n, low, high = len(apart), np.nan, np.nan
        if n > 1:
            half = t.ppf(0.5 + scoring.CONFIDENCE / 2, n - 1) * apart.std(ddof=1) / np.sqrt(n)
            low, high = float(apart.mean() - half), float(apart.mean() + half)
        return Finding(", ".join(map(str, where.values())), float(apart.mean()), low, high, fits=n, over_pictures=False,
                       lowest=float(apart.min()), highest=float(apart.max()), origin=self.origin(name))

    def _row(self, source: str) -> tuple[dict, str, str]:
        address, _, label = source.partition(" | ")
        section, _, key = address.partition(":")
        content = self._open(self.root / "results" / f"{section}.json", _json)
        if key not in content["values"]:
            raise ValueError(f"figures/results/{section}.json has no {key!r}, expected a key of its values; was it renamed?")
        row = content["values"][key]
        return row | {"value": row["ours"], "n_seeds": row.get("fits")}, label or key.replace("_", " "), content["origin"]

    def _line(self, source: Mapping) -> tuple[dict, str, str]:
        where = {key: value for key, value in source.items() if key not in ("table", "label")}
        found = self.table(source["table"], where)
        if len(found) != 1:
            raise ValueError(f"figures/{source['table']}.csv has {len(found)} rows with {where}, expected one; name more columns")
        row = found.iloc[0].to_dict()
        return row, source.get("label") or ", ".join(map(str, where.values())), row.get("origin") or self.origin(source["table"])

    def _open(self, path: Path, how):
        if path not in self._read:
            if not path.is_file():
                raise ValueError(f"there is no {path.relative_to(self.root.parent)}, expected it among the committed results; "
                                 "`make book` and `make tables` make them")
            self._read[path] = how(path)
            self.files.add(path)
        return self._read[path]


def finding_of(row: Mapping, name: str = "", origin: str = "twin") -> Finding:
    """A line of a score table (value, low, high, chance, n_seeds, lowest, highest; what it lacks is not known) as a comparison."""
    value, low, high, chance = (_float(row.get(key)) for key in ("value", "low", "high", "chance"))
    n_seeds, lowest, highest = (_float(row.get(key)) for key in ("n_seeds", "lowest", "highest"))
    return Finding(name, value, low, high, 0.0 if np.isnan(chance) else chance,
                   FITS_UNKNOWN if np.isnan(n_seeds) else int(n_seeds), lowest=lowest, highest=highest, origin=origin)


def difference(better: Finding, worse: Finding) -> Finding:
    """Two numbers with intervals of their own as one difference, whose interval reaches from the nearest to the farthest ends.

    So it excludes 0 where the two intervals lie apart: wider than a paired interval, which the results do not hold.
    """
    shown = " against ".join(with_interval(f.value, f.low, f.high) for f in (better, worse))
    known = [f.fits for f in (better, worse) if f.fits is not None]
    return Finding(f"{better.name} against {worse.name}", better.value - worse.value, better.low - worse.high, better.high - worse.low,
                   fits=min(known, default=None), origin=better.origin, shown=shown)


def turned(found: Finding) -> Finding:
    """The same for a claim that wants the number below its null."""
    return replace(found, value=-found.value, low=-found.high, high=-found.low, null=-found.null, lowest=-found.highest,
                   highest=-found.lowest, shown=found.words)


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _float(value) -> float:
    return np.nan if value is None or isinstance(value, str) else float(value)
