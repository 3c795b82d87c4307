"""Judge each of the paper's sentences about stimulation by a measure, matched random voxels, and a stated rule (§3.3)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...pipeline import Pipeline
from ...records import SPACES
from ..claims import MIN_SEEDS, UNTESTABLE, holm, verdict
from .effects import CHANGE, LOWER, SAME, SIZE, Effect, against_random, effects, picture_effects
from .regions import FFA, LEVELS, REGIONS, has_voxels, shown_name

RULE = f"""A comparison is supported where the region does more, in the claimed direction, than matched random
voxels, two-sided p <= .05 after Holm's correction over the comparisons of its sentence, where its
own change has that direction with an interval that excludes none, and where at least {MIN_SEEDS}
fits agree; contradicted where all that holds the other way; direction only where at least
{MIN_SEEDS} fits have the claimed sign; else within noise, and so is everything by fewer fits, since
random sets are of the same fit and another turns comparisons around. A sentence stands or falls
with all of its comparisons."""
NETWORK = "no evaluation network for this subject's pictures"

# claim of the ledger -> what it says of which region: (region, how it is set, whose effect, measure, direction)
CLAIMED = {
    "bodies-words": [(region, "stimulated", "picture", f"shows {word}", 1) for region, word in (("floc-bodies", "bodies"),
                                                                                              ("floc-words", "words"))],
    "places-mesh": [("floc-places", "stimulated", "picture", "periodicity of the background", 1)],
    "faces-patterns": [("floc-faces", "stimulated", "picture", "repetition", 1)],
    "ffa-not-ofa": [(FFA, "stimulated", "picture", "repetition", 1), (f"{FFA} over OFA", "stimulated", "picture", "repetition", 1)],
    "same-coordinates": [(region, "stimulated", "embedding", f"{SAME}, caption", 1) for region in REGIONS],
    "early-pictures": [(LEVELS["early"], "silenced", "picture", measure, direction) for measure, direction in (("saturation", -1),
                                                                                                             ("sharpness", 1))],
    "early-embedding": [(LEVELS["early"], "silenced", "embedding", f"{LOWER}, {space}", 1) for space in SPACES],
    "higher-pictures": [(LEVELS["higher"], "silenced", "picture", measure, 1)
                        for measure in ("saturation", "colourfulness", "edges")],
    "higher-embedding": [(LEVELS["higher"], "silenced", "embedding", f"{LOWER}, {space}", -1) for space in SPACES],
    "intermediate-least": [(f"{LEVELS['intermediate']} over {LEVELS[level]}", "silenced", kind, measure, -1)
                           for level in ("early", "higher") for kind, measure in (
                               ("picture", CHANGE), *(("embedding", f"{SIZE}, {space}") for space in SPACES))],
}
_HALVES = (LOWER,)    # measures of which one half, and not 0, means no change


def comparisons(run: Pipeline, value: float, *, fits: Sequence[int] = (0,), cond: str = "both") -> pd.DataFrame:
    """Every sentence of the paper as comparisons with matched random voxels.

    Table claim (its name in the ledger), region, state, direction (1: more than random voxels, -1: less), the columns of
    `against_random`, none (the value that means no change), p_holm, verdict, note. fits: of the mappers; the generator is one. A
    region without voxels and a detector without a network are "untestable here", with a note.
    """
    rows = []
    for claim, wanted in CLAIMED.items():
        for region, state, kind, measure, direction in wanted:
            set_to = value if state == "stimulated" else 0.0
            found, note = _effect(run, region, set_to, kind, measure, fits, cond)
            name = " over ".join(map(shown_name, region.split(" over ")))
            lacking = pd.DataFrame([{"name": name, "metric": measure}])
            table = against_random(run, [found], name) if found else lacking
            rows.append(table.assign(claim=claim, state=state, direction=direction, note=note,
                                     none=0.5 if measure.startswith(_HALVES) else 0.0))
    table = pd.concat(rows, ignore_index=True).rename(columns={"name": "region", "metric": "measure"})
    table["p_holm"] = table.groupby("claim", sort=False).p.transform(lambda p: holm(p.to_numpy()))
    table["verdict"] = [UNTESTABLE if row.note else judge(row) for row in table.itertuples()]
    first = ["claim", "region", "state", "measure", "direction", "value", "low", "high", "chance", "random_low", "random_high", "apart", "p",
             "p_holm", "fits", "verdict", "note"]
    return table[[*first, *(name for name in table.columns if name not in first)]]


def judge(row) -> str:
    """The verdict on one comparison by `RULE`: row has value, low, high, none, direction, apart, lowest, highest, p_holm and fits."""
    change = sorted(row.direction * (end - row.none) for end in (row.low, row.high))
    apart, (least, most) = row.direction * row.apart, sorted(row.direction * end for end in (row.lowest, row.highest))
    agree = (least > 0 and change[0] > 0) if apart > 0 else (most < 0 and change[1] < 0)
    several = row.fits >= MIN_SEEDS
    return verdict(apart, row.p_holm if several and agree else 1.0, bool(several and least > 0))


def _effect(run: Pipeline, region: str, value: float, kind: str, measure: str, fits: Sequence[int],
            cond: str) -> tuple[Effect | None, str]:
    """The effect of a region, or of one over another, or why there is none."""
    parts = region.split(" over ")
    if lacking := [name for name in parts if not has_voxels(run, name)]:
        return None, f"no voxel of {lacking[0]} in this subject"
    found = [effects(run, name, value, [measure.rpartition(", ")[2]], fits=fits) if kind == "embedding"
             else picture_effects(run, name, value, cond, fits=fits) for name in parts]
    if measure not in found[0]:
        return None, NETWORK
    return (found[0][measure].minus(found[1][measure], measure) if len(parts) > 1 else found[0][measure]), ""
