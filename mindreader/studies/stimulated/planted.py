"""Hold the selectivity that was planted in each region beside the one that stimulation recovers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ... import nsd, twin
from ...stimulation import rank_p
from ...pipeline import Pipeline
from ..claims import MIN_SEEDS, UNTESTABLE, holm, verdict
from .effects import effects
from .regions import SENTENCES, has_voxels

LOCALISERS = {name: atlas.removeprefix("floc-") for atlas, names in nsd.ATLASES.items() if atlas.startswith("floc") for name in names}
N_SWAPS = 9999


def planted_and_recovered(run: Pipeline, value: float, *, fits: Sequence[int] = (0,)) -> pd.DataFrame:
    """For each localiser region and category: what was planted, and what stimulation of the region does.

    Table region, category, own (whether the region is named for it), n_voxels, planted (noiseless response to pictures that show
    the category less that to the others, in sd of the voxel, mean over voxels), recovered (how much nearer to the category's
    sentence than matched random voxels bring it, change of cosine, mean over fits), p (of the random sets, two-sided), lowest,
    highest (of any one fit), fits (how many), selectivity (planted for the region's own category, mean over voxels). A region without
    voxels is left out. Of a simulated subject: nothing is planted in real data.
    """
    plant, rows = run.plant, []
    differ = {word: _contrast(plant, twin.CONTRASTS[word](plant.factors).to_numpy(bool)) for word in SENTENCES}
    for region, category in LOCALISERS.items():
        if not has_voxels(run, region):
            continue
        voxels, found = run.subject.rois[region], effects(run, region, value, ["caption"], fits=fits)
        for word in SENTENCES:
            effect = found[f"to {word}"]
            rows.append({"region": region, "category": word, "own": word == category, "n_voxels": int(voxels.sum()),
                         "planted": float(differ[word][voxels].mean()), "recovered": float(effect.apart.mean()), "p": effect.p(),
                         "lowest": float(effect.apart.min()), "highest": float(effect.apart.max()), "fits": len(effect.apart),
                         "selectivity": float(plant.selectivity[voxels].mean())})
    return pd.DataFrame(rows)


def recovery_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Whether each region's own category was recovered, by the rule of `studies.claims.verdict`.

    The claim is that stimulation brings the own category's sentence nearer than matched random voxels do; p is corrected by Holm
    over the regions. By fewer than three fits it is within noise, whatever p: random sets are of the same fit. Table region,
    category, n_voxels, selectivity, recovered, p, p_holm, fits, rank (of the own category among the recovered ones, 1 is the
    strongest), verdict.
    """
    if table.empty:
        return pd.DataFrame()
    ranks = table.groupby("region").recovered.rank(ascending=False).astype(int)
    own = table.assign(rank=ranks)[table.own].reset_index(drop=True)
    own["p_holm"] = holm(own.p)
    own["verdict"] = [_judge(row) for row in own.itertuples()]
    return own[["region", "category", "n_voxels", "selectivity", "recovered", "p", "p_holm", "fits", "rank", "verdict"]]


def recovered_correlation(run: Pipeline, table: pd.DataFrame) -> dict:
    """Rank correlation of planted with recovered over regions and categories, with p of swapping whole regions.

    A region keeps its four categories together, since they are not independent. Two numbers for the record; "untestable here" with
    fewer than five regions, and where all regions recovered the same.
    """
    wide = {name: table.pivot(index="region", columns="category", values=name).to_numpy() for name in ("planted", "recovered")} \
        if len(table) else {}
    if not wide or len(wide["planted"]) < 5:
        return {"recovered_correlation": {"ours": UNTESTABLE, "n": len(wide.get("planted", ()))}}
    planted, recovered = wide["planted"], wide["recovered"]
    r = _rank_correlation(planted, recovered)
    if np.isnan(r):
        return {"recovered_correlation": {"ours": UNTESTABLE, "n": len(planted)}}
    rng = np.random.default_rng(run.experiment.child_seed("swapped regions"))
    drawn = [_rank_correlation(planted, recovered[rng.permutation(len(recovered))]) for _ in range(N_SWAPS)]
    note = "planted and recovered selectivity, rank correlation over regions and categories"
    return {"recovered_correlation": {"ours": r, "n": len(planted), "chance": 0.0, "note": note},
            "recovered_correlation_p": {"ours": rank_p(r, np.array(drawn), side=1), "n": len(planted), "note": "by swapping regions"}}


def _judge(row) -> str:
    several = row.fits >= MIN_SEEDS
    return verdict(row.recovered, row.p_holm if several else 1.0, bool(several and row.lowest > 0))


def _contrast(plant, shows: np.ndarray) -> np.ndarray:
    """Noiseless response to the pictures that show something less that to the others, (n_voxels,)."""
    return plant.expected[shows].mean(0) - plant.expected[~shows].mean(0)


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, with each category centred over regions: which categories move easily in general says nothing of a region."""
    a, b = a - a.mean(0), b - b.mean(0)
    return np.nan if np.allclose(a, 0) or np.allclose(b, 0) else float(spearmanr(a.ravel(), b.ravel()).statistic)
