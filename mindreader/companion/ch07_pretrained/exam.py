"""Show the exam of naturalness scores from its record: which pictures were damaged and how, and which scores may be used."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import evaluation
from ...pipeline import Pipeline
from ...studies.exam import NOTHING_DONE, recorded
from ...world import masks
from ..common import kept_record
from ..rendering import LeftOut
from .held_out import held_out

SHOWN = ("score", "ranks", "inverted", "invisible", "at_once", "lowest_at_once", "passes")


def recorded_exam(run: Pipeline) -> tuple[pd.DataFrame | LeftOut, str]:
    """The record (`studies.exam.examined`), left out for another subject, and a sentence on where it is from."""
    return kept_record(run, "exam", recorded)


def exam_verdicts(run: Pipeline) -> pd.DataFrame | LeftOut:
    """A row for each score: in how many damages it ranks the strengths, and whether it sees what a person sees at once."""
    table, _ = recorded_exam(run)
    if isinstance(table, LeftOut):
        return table
    found = evaluation.verdicts(table[table.damage != NOTHING_DONE])
    return found.assign(ranks=[f"{row.ranks} of {row.n_damages}" for row in found.itertuples()])[list(SHOWN)]


def damaged_columns(run: Pipeline, damage: str, n: int = 6) -> dict[str, np.ndarray]:
    """The first n held-out pictures that have a large thing, and the same with one damage at its four strengths: columns."""
    scenes, placed = held_out(run), evaluation.placements().set_index(["damage", "strength"])
    things = evaluation.largest_things([masks(scene)[0] for scene in scenes.scenes[:6 * n]])
    rows = np.flatnonzero(things.any((1, 2)))[:n]
    pictures, columns = scenes.pictures[rows], {"as it is": scenes.pictures[rows]}
    seed = run.experiment.child_seed("damages")
    return columns | {f"{damage} {strength}\n{placed.seen[damage, strength]}":
                      evaluation.damaged(pictures, things[rows], damage, strength, seed=seed) for strength in (1, 2, 3, 4)}


def exam_summary(run: Pipeline) -> dict:
    """The numbers of the chapter's prose and scorecard on the exam; none where the record is left out."""
    table, _ = recorded_exam(run)
    if isinstance(table, LeftOut):
        return {}
    found = evaluation.verdicts(table[table.damage != NOTHING_DONE]).set_index("score")
    today = found.loc["FD (twin features)"]
    values = {"exam_passed": {"ours": int(found.passes.sum()), "n": len(found), "note": "scores that pass the exam"},
              "exam_today_ranks": {"ours": int(today.ranks), "n": int(today.n_damages),
                                   "note": "damages whose strengths the Fréchet distance of twin features ranks"},
              "exam_today_inverted": {"ours": float(today.inverted), "note": "share of pairs, one seen at once and one "
                                      "invisible, that the Fréchet distance of twin features has in the wrong order"}}
    for row in table[table.damage == evaluation.GENERATED].itertuples():
        if found.passes[row.score]:
            values[f"exam_generator_{_key(row.score)}"] = {"ours": float(row.value), "n": int(row.n),
                                                           "note": f"{row.score}, our generator"}
    return values


def _key(score: str) -> str:
    """A score's name as a key of results."""
    return "".join(c if c.isalnum() else "_" for c in score.lower()).strip("_")
