"""Examine scores of naturalness: do they rank damages as a person does, and are they blind where a person is?

    pictures, things ──damages──▶ damaged sets ──scores──▶ a value for each ──placements──▶ which scores may be used
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from .damages import DAMAGES, N_STRENGTHS, SEEN, damaged, placements

GENERATED = "our generator"  # a damage without strengths: pictures that this library's generator makes
INVISIBLE, _, AT_ONCE = SEEN


def damaged_sets(pictures: np.ndarray, things: np.ndarray, *, generated: np.ndarray | None = None,
                 seed: int = 0) -> dict[tuple[str, int], np.ndarray]:
    """All sets of the exam, by damage and strength: the pictures with each damage, and generated ones of strength 0.

    pictures, things, seed: as for `damaged`; generated: uint8 array like `pictures`, from the true embeddings of the same.
    """
    sets = {(damage, strength): damaged(pictures, things, damage, strength, seed=seed)
            for damage in DAMAGES for strength in range(1, N_STRENGTHS + 1)}
    return sets if generated is None else sets | {(GENERATED, 0): generated}


def examine(sets: Mapping[tuple[str, int], np.ndarray], score: Callable[[np.ndarray], Mapping[str, float]], *,
            progress=None) -> pd.DataFrame:
    """The values of scores for all sets: table score, damage, strength, amount, seen, value.

    Parameters
    ----------
    sets : as `damaged_sets` gives them
    score : callable
        A set of pictures -> value of each score, more for what is less natural.
    progress : callable, optional
        As `core.progress`.
    """
    items = sets.items() if progress is None else progress(sets.items(), desc="exam", total=len(sets))
    rows = [{"score": name, "damage": damage, "strength": strength, "value": float(value)}
            for (damage, strength), pictures in items for name, value in score(pictures).items()]
    table = pd.DataFrame(rows).merge(placements().drop(columns="why"), on=["damage", "strength"], how="left", validate="m:1")
    if table.seen.isna().any():
        lost = table[table.seen.isna()].iloc[0]
        raise ValueError(f"got the damage {lost.damage!r} of strength {lost.strength}, expected those that placements.csv has; "
                         "look at it and write down what a person sees")
    return table[["score", "damage", "strength", "amount", "seen", "value"]].sort_values(
        "score", kind="stable", ignore_index=True)


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Which scores may be used for naturalness, from a table of `examine`: one row for each.

    A score passes where it ranks the four strengths within each damage, and where each set that a person sees through at once
    has more than each that a person cannot tell from real ones.

    Returns
    -------
    DataFrame
        score; ranks: in how many of the damages all strengths are in order; n_damages; not_ranked: the others; inverted: share of
        pairs (seen at once, invisible) in the wrong order, ties included; invisible, at_once: the highest value of what a person
        cannot see, and the lowest of what is seen at once; lowest_at_once: which that is; passes.
    """
    rows = []
    for name, part in table.groupby("score", sort=False):
        graded = part[part.strength > 0].sort_values("strength")
        disordered = [damage for damage, values in graded.groupby("damage", sort=False).value if not (np.diff(values) > 0).all()]
        hidden, seen = part[part.seen == INVISIBLE], part[part.seen == AT_ONCE]
        wrong = (seen.value.to_numpy()[:, None] <= hidden.value.to_numpy()).mean()
        lowest = seen.loc[seen.value.idxmin()]
        n_damages = graded.damage.nunique()
        rows.append({"score": name, "ranks": n_damages - len(disordered), "n_damages": n_damages,
                     "not_ranked": ", ".join(disordered), "inverted": float(wrong), "invisible": hidden.value.max(),
                     "at_once": lowest.value, "lowest_at_once": f"{lowest.damage} {lowest.strength}".removesuffix(" 0"),
                     "passes": not disordered and wrong == 0})
    return pd.DataFrame(rows)
