"""Tabulate what stimulation changes, as the figures of chapter 04 show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from ...pipeline import Pipeline
from ...records import SPACES
from .effects import ALIKE, LOOKS, PATTERNS, DETECTED, SAME, SIZE, against_random, effects, matched_effect, picture_effects
from .regions import FACES, FFA, LEVELS, MORE, REGIONS, SENTENCES, has_voxels, shown_name
from .within import within_range

_BOTH = tuple(f"{measure}, {space}" for space in SPACES for measure in (ALIKE, SAME))
_CAPTION = (*(f"to {word}" for word in SENTENCES), f"{SIZE}, caption")
_SHOWN = (*REGIONS, "OFA", FFA)

# figure -> the paper's regions in it; another region may stand beside them in those of OPEN
FIGURES: dict[str, tuple[str, ...]] = {
    "effect": tuple(REGIONS), "moved": (*REGIONS, *FACES, *MORE), "detected": _SHOWN, "patterns": _SHOWN,
    "same_coordinates": (*REGIONS, *FACES), "silenced": tuple(LEVELS.values()), "within": tuple(REGIONS)}
OPEN = ("moved", "detected", "patterns", "same_coordinates")


def figure_table(run: Pipeline, figure: str, value: float, regions: Sequence[str] | None = None, *,
                 fits: Sequence[int] = (0,)) -> pd.DataFrame:
    """The table behind one of FIGURES: rows of `against_random`, or of `matched_effect` ("effect") and `within_range` ("within").

    regions: in the place of the figure's own, for one of OPEN or "silenced". A region without voxels is left out, and so is what is
    detected where no evaluation network fits the subject.
    """
    regions = FIGURES[figure] if regions is None else regions

    def pictures(region: str, set_to: float = value) -> dict:
        return picture_effects(run, region, set_to, fits=fits)

    match figure:
        case "effect":
            return matched_effect(run, value, fits=fits)
        case "within":
            return within_range(run, fits=fits)
        case "moved":      # of the caption mapper's embedding, to which the sentences belong
            return _table(run, regions, _CAPTION, lambda region: effects(run, region, value, ["caption"], fits=fits))
        case "same_coordinates":
            return _table(run, regions, _BOTH, lambda region: effects(run, region, value, fits=fits), side=1)
        case "silenced":
            return _table(run, regions, LOOKS, lambda region: pictures(region, 0.0))
    return _table(run, regions, DETECTED if figure == "detected" else PATTERNS, pictures)


def _table(run: Pipeline, regions: Sequence[str], names: Sequence[str], measure: Callable, *, side: int = 0) -> pd.DataFrame:
    """Rows of `against_random` for the regions that the subject has, and those of these measures that there are."""
    parts = []
    for region in regions:
        if has_voxels(run, region):
            found = measure(region)
            if known := [found[name] for name in names if name in found]:
                parts.append(against_random(run, known, shown_name(region), side=side))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
