"""Hold each voxel's encoding accuracy against its noise ceiling, over repeats and regions (the paper's Fig. 16)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ...core import Covers
from ...nsd import read_mask
from ...pipeline import Pipeline
from ...records import Trials
from ...scoring import noise_ceiling, pearson, quantiles
from ...uncertainty import Contributions, correlation_contributions, score_interval
from ..plots.flatmap import flatten
from .encoding import STREAMS, synthetic

REPEATS = (1, 2, 3)
EARLY, HIGHER = ("V1", "V2", "V3", "hV4"), ("streams/ventral", "streams/lateral", "streams/parietal")
REGIONS = (*EARLY, *(f"streams/{name}" for name in STREAMS[1:]), "floc-faces", "floc-bodies", "floc-places", "floc-words")


def averaged(trials: Trials, n: int) -> Trials:
    """The first n trials of each picture that has as many, averaged; with n = 1 every trial by itself.

    Raises ValueError where no picture has n trials.
    """
    if n == 1:
        return trials
    order = np.lexsort((trials.trial_ids, trials.image_ids))
    ids, starts, counts = np.unique(trials.image_ids[order], return_index=True, return_counts=True)
    starts = starts[counts >= n]
    if not len(starts):
        raise ValueError(f"no picture has {n} trials, the most have {counts.max() if len(counts) else 0}; average fewer")
    rows = order[starts[:, None] + np.arange(n)]                                  # [pictures, n]
    first = trials.take(rows[:, 0])
    return first.replace(trials.betas[rows].mean(1))


def voxel_accuracy(run: Pipeline, repeats: tuple[int, ...] = REPEATS) -> pd.DataFrame:
    """Each voxel's correlation of predicted and measured responses, beside its ceiling for 1, 2 and 3 averaged trials.

    Table voxel, n_repeats, r, r_shuffled (pictures exchanged), ceiling (square root of the noise ceiling for so many trials),
    r_planted (the planted noiseless response in the encoder's place; NaN for real data), planted_ceiling (from the planted ncsnr),
    less (r - ceiling), stream, n_pictures. A number of repeats that no validation picture has is left out (see
    `missing_repeats`).
    """
    stream, tables = np.full(run.subject.n_voxels, "none", dtype=object), []
    for name in STREAMS:
        stream[run.subject.rois[f"streams/{name}"]] = name
    for n in repeats:
        try:
            trials = averaged(run.subject.validation, n)
        except ValueError:
            continue
        predicted, planted = synthetic(run, trials.image_ids), _planted(run, trials.image_ids)
        order = np.random.default_rng(run.experiment.child_seed("shuffled pictures")).permutation(len(trials))
        r, ceiling = pearson(predicted, trials.betas), np.sqrt(noise_ceiling(run.subject.ncsnr, n=n))
        tables.append(pd.DataFrame({
            "voxel": np.arange(run.subject.n_voxels), "n_repeats": n, "r": r, "r_shuffled": pearson(predicted[order], trials.betas),
            "ceiling": ceiling, "r_planted": np.nan if planted is None else pearson(planted, trials.betas),
            "planted_ceiling": np.nan if planted is None else np.sqrt(noise_ceiling(run.plant.ncsnr, n=n)), "less": r - ceiling,
            "stream": pd.Categorical(stream, [*STREAMS, "none"]), "n_pictures": len(np.unique(trials.image_ids))}))
    return pd.concat(tables, ignore_index=True)


def missing_repeats(run: Pipeline, repeats: tuple[int, ...] = REPEATS) -> list[str]:
    """A sentence for each number of repeats that no validation picture has."""
    most = int(np.unique(run.subject.validation.image_ids, return_counts=True)[1].max())
    return [f"Accuracy over {n} repeats is left out: no validation picture has more than {most}." for n in repeats if n > most]


def ceiling_agreement(run: Pipeline, repeats: tuple[int, ...] = REPEATS) -> pd.DataFrame:
    """How well accuracy follows the ceiling, voxel by voxel: their rank correlation, for each number of repeats.

    Table n_repeats, value, low, high (pictures resampled, for voxels share the pictures' noise), null (the same with pictures
    exchanged before accuracy is worked out), share (of the ceiling that is reached: the slope of accuracy on ceiling through 0),
    planted_share (by the planted noiseless responses), n_voxels, n_pictures. Voxels without a ceiling are left out.
    """
    rows, table = [], voxel_accuracy(run, repeats)
    for n, part in table.groupby("n_repeats"):
        trials = averaged(run.subject.validation, int(n))
        known = (np.isfinite(part.r) & np.isfinite(part.ceiling) & (part.ceiling > 0)).to_numpy()
        if known.sum() < 3:
            continue
        drawn = _drawn_accuracy(run, synthetic(run, trials.image_ids)[:, known], trials.betas[:, known], trials.image_ids)
        ceiling = part.ceiling.to_numpy()[known]
        value = float(_rank_correlations(part.r.to_numpy()[known][None], ceiling)[0])
        low, high = interval_about(value, _rank_correlations(drawn, ceiling))
        rows.append({"n_repeats": n, "value": value, "low": low, "high": high,
                     "null": float(_rank_correlations(np.nan_to_num(part.r_shuffled.to_numpy()[known])[None], ceiling)[0]),
                     "share": _slope(part.r[known], ceiling), "planted_share": _slope(part.r_planted[known], ceiling),
                     "n_voxels": int(known.sum()), "n_pictures": int(part.n_pictures.iloc[0])})
    return pd.DataFrame(rows)


def interval_about(value: float, drawn: np.ndarray) -> tuple[float, float]:
    """95 % interval of a rank correlation, from its values in samples of pictures, moved so that their mean is the value.

    A sample has fewer different pictures, so that each voxel's accuracy is noisier, and every sample's rank correlation is pulled
    towards 0: its quantiles alone need not hold the value.
    """
    low, high = quantiles(drawn - drawn.mean() + value)
    return low, high


def region_accuracy(run: Pipeline, *, n_repeats: int = 1, names: tuple[str, ...] = REGIONS) -> pd.DataFrame:
    """Mean accuracy of each region, and less its ceiling: table region, value, low, high, ceiling, less, less_low, less_high,
    share (value / ceiling), n_voxels, n_pictures, note. Intervals are over pictures; the ceiling is taken as known.

    A region without a voxel that has a ceiling gets a sentence in `note` and no values.
    """
    rows = []
    for name in names:
        found = region_contributions(run, _voxels(run, (name,)), n_repeats)
        if found is None:
            rows.append({"region": name, "n_voxels": 0, "note": f"{name} has no voxel with a noise ceiling and is left out"})
            continue
        score, ceiling, n_voxels = found
        interval = score_interval(score)
        rows.append({"region": name, "value": interval.value, "low": interval.low, "high": interval.high, "ceiling": ceiling,
                     "less": interval.value - ceiling, "less_low": interval.low - ceiling, "less_high": interval.high - ceiling,
                     "share": interval.value / ceiling, "n_voxels": n_voxels, "n_pictures": interval.n_pictures, "note": ""})
    return pd.DataFrame(rows)


def higher_less_early(run: Pipeline, *, n_repeats: int = 1) -> pd.DataFrame:
    """Whether higher regions are encoded better than V1 to V4: mean accuracy less its ceiling, and as a share of it.

    Table measure ("less ceiling", "share of ceiling"), higher, early, value (higher less early), low, high (over pictures), p,
    n_pictures. One row with a sentence in `note` where either side has no voxel.
    """
    sides = [region_contributions(run, _voxels(run, names), n_repeats) for names in (HIGHER, EARLY)]
    if None in sides:
        side = ("higher regions", "V1 to hV4")[sides.index(None)]
        return pd.DataFrame([{"measure": "less ceiling", "note": f"not compared: the {side} have no voxel with a noise ceiling"}])
    (high, high_ceiling, _), (low, low_ceiling, _) = sides
    both = {"less ceiling": (_moved(high, -high_ceiling), _moved(low, -low_ceiling)),
            "share of ceiling": (scaled(high, 1 / high_ceiling), scaled(low, 1 / low_ceiling))}
    rows = []
    for measure, (a, b) in both.items():
        found = score_interval(a - b, null=0.0)
        rows.append({"measure": measure, "higher": float(a.values.mean()), "early": float(b.values.mean()), "value": found.value,
                     "low": found.low, "high": found.high, "p": found.p, "n_pictures": found.n_pictures, "note": ""})
    return pd.DataFrame(rows)


def region_contributions(run: Pipeline, voxels: np.ndarray, n_repeats: int = 1) -> tuple[Contributions, float, int] | None:
    """Mean correlation over these voxels with what each picture adds to it, their mean ceiling, and how many they are.

    Voxels without a ceiling, or that are constant, do not count; None where none is left.
    """
    trials, ceiling = averaged(run.subject.validation, n_repeats), np.sqrt(noise_ceiling(run.subject.ncsnr, n=n_repeats))
    predicted = synthetic(run, trials.image_ids)
    used = voxels & (ceiling > 0) & (np.ptp(trials.betas, axis=0) > 0) & (np.ptp(predicted, axis=0) > 0)
    if not used.any():
        return None
    return (correlation_contributions(predicted[None][:, :, used], trials.betas[:, used], trials.image_ids), float(ceiling[used].mean()),
            int(used.sum()))


def cortex_map(run: Pipeline, table: pd.DataFrame, *, n_repeats: int = 1) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """`voxel_accuracy` for one number of repeats with the place of each voxel on the flat map, x and y; and regions to outline.

    Raises ValueError for a number of repeats that the table does not have.
    """
    part = table[table.n_repeats == n_repeats].reset_index(drop=True)
    if not len(part):
        raise ValueError(f"no accuracy over {n_repeats} repeats, expected one of {sorted(table.n_repeats.unique().tolist())}")
    flat = flatten(run.subject.coords, read_mask(run.layout, run.experiment.data.roi).shape)
    regions = {name.removeprefix("floc-"): run.subject.rois[name] for name in (*EARLY, *(n for n in REGIONS if n.startswith("floc")))}
    return part.assign(x=flat[:, 0], y=flat[:, 1]), {name: here for name, here in regions.items() if here.any()}


def ceilings_summary(agreement: pd.DataFrame, compared: pd.DataFrame) -> dict:
    """The numbers of `ceiling_agreement` and `higher_less_early` for the chapter's prose."""
    values = {}
    for row in agreement.itertuples():
        values[f"follows_ceiling_{row.n_repeats}"] = {
            "ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PICTURES_ONE_FIT, "n": row.n_pictures,
            "chance": 0.0,
            "note": f"rank correlation over {row.n_voxels} voxels of accuracy and ceiling, {row.n_repeats} trials averaged"}
        values[f"share_of_ceiling_{row.n_repeats}"] = {"ours": row.share, "n": row.n_voxels,
                                                       "note": "slope of accuracy on its ceiling, through 0"}
        if np.isfinite(row.planted_share):
            values[f"planted_share_of_ceiling_{row.n_repeats}"] = {
                "ours": row.planted_share, "n": row.n_voxels, "note": "the same by the planted noiseless responses"}
    for row in compared.itertuples():
        if not row.note:
            values[f"higher_less_early_{row.measure.replace(' ', '_')}"] = {
                "ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PICTURES_ONE_FIT, "n": row.n_pictures,
                "chance": 0.0, "note": f"accuracy, {row.measure}: ventral, lateral and parietal less V1 to hV4"}
    return values


def scaled(score: Contributions, by: float) -> Contributions:
    """The score times a number."""
    return replace(score, values=score.values * by, parts=score.parts * by, bounds=None)


# ── private ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _voxels(run: Pipeline, names: tuple[str, ...]) -> np.ndarray:
    return np.any([run.subject.rois[name] for name in names], axis=0)


def _planted(run: Pipeline, image_ids: np.ndarray) -> np.ndarray | None:
    """Planted noiseless responses to these pictures, row by row; None where nothing was planted for these voxels."""
    if run.origin != "twin" or run.experiment.data.roi != "nsdgeneral":
        return None
    return run.plant.expected[image_ids]


def _drawn_accuracy(run: Pipeline, predicted: np.ndarray, measured: np.ndarray, image_ids: np.ndarray) -> np.ndarray:
    """Each voxel's correlation in samples of pictures drawn with replacement, (n_bootstrap, n_voxels); 0 where constant."""
    ids, place = np.unique(image_ids, return_inverse=True)
    weights = np.random.default_rng(run.experiment.child_seed("bootstrap")).multinomial(
        len(ids), np.full(len(ids), 1 / len(ids)), size=min(200, run.experiment.evaluate.n_bootstrap)).astype(float)
    a, b = (np.asarray(x, float) for x in (predicted, measured))

    def total(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((weights.shape[1], a.shape[1]))
        np.add.at(sums, place, values)
        return weights @ sums

    n = (weights @ np.bincount(place))[:, None]
    x, y = total(a), total(b)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (total(a * b) - x * y / n) / np.sqrt((total(a * a) - x * x / n) * (total(b * b) - y * y / n))
    return np.nan_to_num(r)


def _rank_correlations(rows: np.ndarray, ceiling: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each row with the ceilings, (n_rows,)."""
    ranks, other = np.apply_along_axis(_ranks, 1, rows), _ranks(ceiling)
    return np.array([np.corrcoef(row, other)[0, 1] for row in ranks])


def _ranks(values: np.ndarray) -> np.ndarray:
    return pd.Series(values).rank().to_numpy()


def _slope(r, ceiling: np.ndarray) -> float:
    r = np.asarray(r, float)
    known = np.isfinite(r)
    return float(r[known] @ ceiling[known] / (ceiling[known] ** 2).sum()) if known.any() else np.nan


def _moved(score: Contributions, by: float) -> Contributions:
    return replace(score, values=score.values + by, bounds=None)
