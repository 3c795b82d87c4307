"""Mask ever more voxels and classify again, from activity and from embeddings mapped from it (the paper's Fig. 13)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ...core import Covers, progress
from ...nsd import ATLASES
from ...pipeline import Pipeline
from ...scoring import category_labels
from ...uncertainty import average, Contributions, ratio as ratio_of, score_interval
from .inputs import CLIP, FMRI, TO_CLIP, classifier, decoded, masked, rows
from .profiles import CHANCE, profile_of

RATIOS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
RATIOS_ANEW = (0.0, 0.5, 0.9)            # at which classifiers are trained anew: two fits for each curve, the first is Table 2's
AT_RANDOM, WORST_FIRST, BEST_FIRST = "at random", "least reliable first", "most reliable first"
WAYS = (AT_RANDOM, WORST_FIRST, BEST_FIRST)
N_MASKS = 3                              # random masks of a ratio, averaged
TRUE_CLIP = f"{TO_CLIP}, classifier of {CLIP}"   # what the paper may have done: classify mapped activity as if it were CLIP's
CURVES = (FMRI, TO_CLIP, TRUE_CLIP)
KEPT, REFITTED = "as trained", "trained anew"
AT = {0.5: "half", 0.9: "nine", 1.0: "all"}      # ratios that the results name
REGIONS = ("V1", "hV4", "streams/ventral", "floc-faces")     # that the chapter masks; each takes a pass of the mapper for each draw


def voxel_masks(run: Pipeline, ratio: float, way: str, n_masks: int = N_MASKS) -> list[np.ndarray]:
    """Which voxels are masked at this ratio (0 to 1): masks (n_voxels,) bool, several where they are drawn at random.

    Random masks of one number are nested: a larger ratio masks what a smaller one does, and more. Voxels whose ncsnr is not
    known count as the least reliable. Raises ValueError for a ratio outside 0 to 1, another way, or where no ncsnr is known.
    """
    if way not in WAYS or not 0 <= ratio <= 1:
        raise ValueError(f"got ratio {ratio} and way {way!r}, expected a ratio from 0 to 1 and one of {', '.join(WAYS)}")
    n, ncsnr = run.subject.n_voxels, run.subject.ncsnr
    if way == AT_RANDOM:
        orders = [np.random.default_rng([run.experiment.child_seed("masks"), number]).permutation(n) for number in range(n_masks)]
    elif np.isnan(ncsnr).all():
        raise ValueError(f"no voxel has a known ncsnr to mask by, expected {run.layout.ncsnr}; mask {AT_RANDOM}")
    else:
        ranks = np.argsort(np.nan_to_num(ncsnr, nan=-1.0), kind="stable")
        orders = [ranks if way == WORST_FIRST else ranks[::-1]]
    masks = []
    for order in orders:
        mask = np.zeros(n, bool)
        mask[order[:round(ratio * n)]] = True
        masks.append(mask)
    return masks


def masking_curves(run: Pipeline, *, ratios: Sequence[float] = RATIOS, ways: Sequence[str] = WAYS,
                   curves: Sequence[str] = CURVES, fitted: str = KEPT) -> pd.DataFrame:
    """Mean AUC over classes with a share of the voxels masked, for each classifier and way of masking (Fig. 13).

    Table curve, way, fitted, ratio, n_masked, value, low, high (over pictures; masks averaged first), lowest, highest (of a single
    mask), kept, kept_low, kept_high (share of what lies above chance without a mask; NaN where nothing does), n (trials),
    n_classes, chance. `KEPT` applies the classifiers of Table 2; `REFITTED` trains one anew for each mask, on training trials
    masked alike (the mapper stays), and takes the first random mask alone: a fit for each cell; `TRUE_CLIP` has none, since its
    classifier never sees a brain.

    With every voxel masked all trials are one and the same, and the AUC is one half exactly, for each class.
    """
    table, curves = [], [curve for curve in curves if fitted == KEPT or curve != TRUE_CLIP]
    for way in (way for way in ways if way == AT_RANDOM or np.isfinite(run.subject.ncsnr).any()):
        for ratio in progress([*ratios], desc=f"masked {way}", total=len(ratios)):
            masks = _masks(run, ratio, way, fitted)
            # mask by mask, so that curves of mapped activity share the pass of the mapper
            found = [[contributions(run, mask, curve, fitted=fitted) for curve in curves] for mask in masks]
            for curve, points in zip(curves, zip(*found)):
                start = contributions(run, np.zeros_like(masks[0]), curve, fitted=fitted)
                table.append({"curve": curve, "way": way, "fitted": fitted, "ratio": ratio, "n_masked": int(masks[0].sum())}
                             | _scored(run, points, start))
    return pd.DataFrame(table)


def masking_tables(run: Pipeline) -> pd.DataFrame:
    """Fig. 13 both ways that the paper leaves open: `masking_curves` as trained, and, for random masks, trained anew.

    Classifiers are trained anew at RATIOS_ANEW alone. Of all voxels masked it takes no training to know that the end is one half.
    """
    anew = masking_curves(run, ratios=RATIOS_ANEW, ways=(AT_RANDOM,), fitted=REFITTED)
    return pd.concat([masking_curves(run), anew], ignore_index=True)


def masking_bends(run: Pipeline) -> pd.DataFrame:
    """How far each curve of random masks bends away from a constant rate, and how far the curves' bends differ.

    The bend is the area between the share that is kept (as in `masking_curves`) and the straight line from all to nothing: 0 where
    every voxel costs the same, 0.5 where nothing is lost before the last. Table name, curve ("" for a difference), value, low, high
    (over pictures, paired), p (that it is 0), n. A curve that starts no higher than chance is left out.
    """
    bends, straight = {}, 0.5
    for curve in CURVES:
        start = contributions(run, np.zeros(run.subject.n_voxels, bool), curve)
        if start.values.mean() <= CHANCE:
            continue
        parts = [ratio_of(_at(run, ratio, curve), start, CHANCE) for ratio in RATIOS]
        widths = np.diff(RATIOS)
        weights = (np.append(widths, 0) + np.insert(widths, 0, 0)) / 2      # of the trapezoidal rule
        bends[curve] = replace(start, values=sum(w * each.values for w, each in zip(weights, parts)) - straight,
                               parts=sum(w * each.parts for w, each in zip(weights, parts)), bounds=None)
    named = {curve: (curve, each) for curve, each in bends.items()}
    named |= {f"{curve} less {FMRI}": ("", bends[curve] - bends[FMRI]) for curve in bends if curve != FMRI and FMRI in bends}
    table = []
    for name, (curve, each) in named.items():
        found = score_interval(each, null=0.0)
        table.append({"name": name, "curve": curve, "value": found.value, "low": found.low, "high": found.high, "p": found.p,
                      "n": len(run.subject.validation)})
    return pd.DataFrame(table)


def masked_regions(run: Pipeline, *, names: Iterable[str] | None = None, curves: Sequence[str] = (FMRI, TO_CLIP),
                   n_controls: int = N_MASKS) -> pd.DataFrame:
    """What masking one region costs, against as many voxels drawn at random from all: differences of the mean AUC.

    Table region, curve, n_voxels, value (with the region masked, less without any mask), low, high, control (the same for random
    voxels, mean over draws), difference, difference_low, difference_high (region less random, paired), n, note: a region without
    a voxel has a sentence there and no values.
    """
    table, all_names = [], ("early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal")
    for name in names or (*(f"streams/{label}" for label in all_names), "V1", "V2", "V3", "hV4",
                          *(atlas for atlas in ATLASES if atlas.startswith("floc"))):
        here = run.subject.rois.get(name)
        if here is None or not here.any():
            note = f"{name} has no voxel in this mask and is left out"
            table += [{"region": name, "curve": curve, "n_voxels": 0, "n": 0, "note": note} for curve in curves]
            continue
        rng = np.random.default_rng(run.experiment.child_seed(f"masked/{name}"))
        controls = [_random_like(here, rng) for _ in range(n_controls)]
        for curve in curves:
            whole = contributions(run, np.zeros_like(here), curve)
            own = contributions(run, here, curve)
            other = average([contributions(run, control, curve) for control in controls])
            found, apart = score_interval(own - whole), score_interval(own - other)
            table.append({"region": name, "curve": curve, "n_voxels": int(here.sum()), "value": found.value, "low": found.low,
                          "high": found.high, "control": score_interval(other - whole).value, "difference": apart.value,
                          "difference_low": apart.low, "difference_high": apart.high, "n": len(run.subject.validation), "note": ""})
    return pd.DataFrame(table)


def masking_shape(table: pd.DataFrame) -> pd.DataFrame:
    """How each curve falls: what the paper says of it, as numbers.

    Table curve, way, fitted, start (AUC unmasked), end (all masked), kept_half and kept_nine (share of what lies above chance that
    is left with half, and with nine tenths, masked), half_at (the ratio at which half of it is lost; NaN where the curve ends
    before). Where a curve starts no higher than chance, only start and end are given.
    """
    rows = []
    for (curve, way, fitted), part in table.groupby(["curve", "way", "fitted"], sort=False):
        part = part.sort_values("ratio")
        x, y = part.ratio.to_numpy(), part.value.to_numpy() - CHANCE
        row = {"curve": curve, "way": way, "fitted": fitted, "start": y[0] + CHANCE, "end": y[-1] + CHANCE}
        if y[0] > 0 and len(x) > 2:
            left = y / y[0]
            below = np.flatnonzero(left <= 0.5)
            row |= {"kept_half": float(np.interp(0.5, x, left)), "kept_nine": float(np.interp(0.9, x, left)),
                    "half_at": _crossing(x, left, below[0]) if len(below) else np.nan}
        rows.append(row)
    return pd.DataFrame(rows)


def masking_summary(table: pd.DataFrame, bends: pd.DataFrame) -> dict:
    """The numbers of random masks for the chapter's prose: mask_<curve>_<what>, with _anew for classifiers trained anew."""
    values, mine, keys = {}, table[table.way == AT_RANDOM], {FMRI: "fmri", TO_CLIP: "mapped", TRUE_CLIP: "as_clip"}
    for row in mine[mine.ratio.isin(list(AT))].itertuples():
        name, at, anew = f"mask_{keys[row.curve]}", AT[row.ratio], "_anew" if row.fitted == REFITTED else ""
        note = f"{row.curve}, {row.ratio:.0%} of the voxels masked at random, classifiers {row.fitted}"
        values[f"{name}_{at}{anew}"] = {"ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PICTURES_ONE_FIT,
                                         "n": row.n, "chance": CHANCE, "note": note}
        if np.isfinite(row.kept) and row.ratio < 1:
            values[f"{name}_kept_{at}{anew}"] = {"ours": row.kept, "low": row.kept_low, "high": row.kept_high,
                                                 "covers": Covers.PICTURES_ONE_FIT, "n": row.n,
                                                 "note": f"{note}; share of what lies above chance unmasked"}
    for row in bends.itertuples():
        key = keys[row.curve] if row.curve else f"{keys[row.name.removesuffix(f' less {FMRI}')]}_less_fmri"
        values[f"mask_bend_{key}"] = {"ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PICTURES_ONE_FIT,
                                      "n": row.n, "chance": 0.0,
                                      "note": f"{row.name}: area between the share kept and a constant rate"}
    return values


def contributions(run: Pipeline, mask: np.ndarray, curve: str, *, fitted: str = KEPT) -> Contributions:
    """The mean AUC over classes with these voxels masked, with what each picture adds to it; made once for each mask."""
    key = ("masked", mask.tobytes(), curve, fitted)
    if key not in run.memo:
        if not mask.any() and curve != TRUE_CLIP:
            scores = classifier(run, curve).logits      # Table 2's own
        elif fitted == REFITTED:
            scores = classifier(run, curve, mask=mask).logits
        else:
            scores = classifier(run, CLIP if curve == TRUE_CLIP else curve).scores(_given(run, mask, curve))
        run.memo[key] = profile_of(run, scores[None]).mean("overall")
    return run.memo[key]


# ── private ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _masks(run: Pipeline, ratio: float, way: str, fitted: str) -> list[np.ndarray]:
    """Those whose scores are averaged at one point of a curve; where none or all voxels are masked, one."""
    masks = voxel_masks(run, ratio, way, 1 if fitted == REFITTED else N_MASKS)
    return masks[:1] if ratio in (0.0, 1.0) else masks


def _at(run: Pipeline, ratio: float, curve: str) -> Contributions:
    """One point of the curve of random masks, classifiers as trained."""
    return average([contributions(run, mask, curve) for mask in _masks(run, ratio, AT_RANDOM, KEPT)])


def _given(run: Pipeline, mask: np.ndarray, curve: str) -> np.ndarray:
    """What this curve's classifier gets from the validation trials with these voxels masked."""
    if not mask.any() and curve != FMRI:
        return rows(run, TO_CLIP)[1].vectors
    trials = masked(run.subject.validation, mask)
    if curve == FMRI:
        return trials.betas
    last, found = run.memo.get("masked embeddings", (b"", None))  # two curves ask for the same, one after the other
    if last != mask.tobytes():
        found = decoded(run, trials)
        run.memo["masked embeddings"] = mask.tobytes(), found
    return found


def _scored(run: Pipeline, masks: Sequence[Contributions], start: Contributions) -> dict:
    """The columns of one point of a curve, over several masks; start: without a mask."""
    found, kept = average(masks), (np.nan,) * 3
    interval = score_interval(found)
    is_certain = not found.parts.any()  # no picture could change it: every trial is the same
    values = [float(each.values.mean()) for each in masks]
    if start.values.mean() > CHANCE:
        share = score_interval(ratio_of(found, start, CHANCE))
        kept = share.value, share.low, share.high
    labels = category_labels(run.subject.stimuli).at(run.subject.validation.image_ids)
    return {"value": interval.value, "low": interval.value if is_certain else interval.low,
            "high": interval.value if is_certain else interval.high, "lowest": min(values), "highest": max(values),
            **dict(zip(("kept", "kept_low", "kept_high"), kept)),
            "n": len(labels), "n_classes": int((labels.any(0) & ~labels.all(0)).sum()), "chance": CHANCE}


def _random_like(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many voxels, drawn from all."""
    drawn = np.zeros(len(mask), bool)
    drawn[rng.permutation(len(mask))[:mask.sum()]] = True
    return drawn


def _crossing(x: np.ndarray, y: np.ndarray, at: int) -> float:
    """Where a falling curve passes one half, between point `at` and the one before."""
    return float(x[at - 1] + (y[at - 1] - 0.5) / (y[at - 1] - y[at]) * (x[at] - x[at - 1]))
