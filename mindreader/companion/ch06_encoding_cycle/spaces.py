"""Encode from other spaces than the paper's network does, and share the explained variance out between them, region by region."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ... import embedding, extractors, mapping
from ...core import Covers, progress
from ...pipeline import Pipeline
from ...records import Embeddings
from ...scoring import noise_ceiling
from ...uncertainty import Contributions, correlation_contributions, mean_contributions, score_interval
from ..rendering import LeftOut
from .ceilings import EARLY, HIGHER, REGIONS, scaled
from .encoding import synthetic

IMAGE, CAPTION, PIXELS, GABOR = "image embedding", "caption embedding", "pixels", "Gabor energy"
SPACES = (IMAGE, CAPTION, PIXELS, GABOR)
CLIP, VISUAL, ALL = (IMAGE, CAPTION), (PIXELS, GABOR), SPACES
NETWORK = "the paper's network"
MODELS = {IMAGE: (IMAGE,), CAPTION: (CAPTION,), "both embeddings (banded)": CLIP, PIXELS: (PIXELS,), GABOR: (GABOR,),
          "pixels and Gabor (banded)": VISUAL, "all four (banded)": ALL}
ONLY_VISUAL, SHARED, ONLY_CLIP = "only pixels and Gabor energy", "shared", "only CLIP"
PARTS = (ONLY_VISUAL, SHARED, ONLY_CLIP)
NO_PLANT = LeftOut("Left out: nothing was planted for these voxels.")
LOWER, MORE_EVEN = "accuracy is lower", "shares of the ceiling are more even"


def features(run: Pipeline) -> dict[str, Embeddings]:
    """The four spaces, a row for each picture: CLIP's two embeddings, the picture at 16 px, and its Gabor energy."""
    if "feature spaces" not in run.memo:
        stimuli = run.subject.stimuli
        run.memo["feature spaces"] = {
            IMAGE: run.truth["image"], CAPTION: run.truth["caption"],
            PIXELS: embedding.embed_pictures(stimuli, extractors.PixelEmbedder()),
            GABOR: embedding.embed_pictures(stimuli, extractors.GaborEmbedder())}
    return run.memo["feature spaces"]


def linear_predictions(run: Pipeline, spaces: tuple[str, ...]) -> np.ndarray:
    """Responses that a linear encoding model from these spaces predicts for each validation trial, (n_trials, n_voxels)."""
    ids = np.unique(run.subject.validation.image_ids)

    def make(folder: Path) -> None:
        given = {name: features(run)[name] for name in spaces}
        fitted = mapping.fit_linear_encoder(given, run.subject.train, seed=run.experiment.child_seed("linear encoding"),
                                            device=run.experiment.device)
        np.save(folder / "predicted.npy", fitted.predict(given, ids))

    key = ("linear predictions", spaces)
    if key not in run.memo:
        run.memo[key] = run.keep("linear encoding", {"spaces": list(spaces)}, make, lambda folder: np.load(folder / "predicted.npy"))
    return run.memo[key][np.searchsorted(ids, run.subject.validation.image_ids)]


def space_accuracy(run: Pipeline, regions: tuple[str, ...] = ()) -> pd.DataFrame:
    """Mean single-trial correlation of every model, over all voxels with a ceiling, V1 to hV4, the higher streams, and `regions`.

    Table model, region, value, low, high (over pictures), ceiling (mean), n_voxels, n_pictures, note (a region without a voxel).
    The spread over regions of value / ceiling says how even a space is: `unevenness`.
    """
    trials, rows = run.subject.validation, []
    ceiling = np.sqrt(noise_ceiling(run.subject.ncsnr, n=1))
    places = {"all": np.ones(run.subject.n_voxels, bool), "V1 to hV4": _any(run, EARLY), "higher": _any(run, HIGHER)}
    places |= {name: run.subject.rois[name] for name in regions}
    valid = (np.nan_to_num(ceiling) > 0) & (np.ptp(trials.betas, axis=0) > 0)
    for model in progress([NETWORK, *MODELS], desc="encoding models", total=len(MODELS) + 1):
        predicted = synthetic(run, trials.image_ids) if model == NETWORK else linear_predictions(run, MODELS[model])
        moving = np.ptp(predicted, axis=0) > 0
        for region, here in places.items():
            used = here & valid & moving
            if not used.any():
                rows.append({"model": model, "region": region, "n_voxels": 0, "note": f"{region} has no voxel that can be scored"})
                continue
            found = score_interval(_accuracy(run, predicted, used))
            rows.append({"model": model, "region": region, "value": found.value, "low": found.low, "high": found.high,
                         "ceiling": float(ceiling[used].mean()), "n_voxels": int(used.sum()), "n_pictures": found.n_pictures, "note": ""})
    return pd.DataFrame(rows)


def unevenness(table: pd.DataFrame) -> pd.DataFrame:
    """How much each model's share of the ceiling differs between early and higher regions: model, early, higher, ratio, less.

    less: mean over both of value less ceiling. The paper says that other spaces than CLIP's are farther from the ceiling and more
    even over regions.
    """
    rows = []
    for model, part in table.dropna(subset=["value"]).groupby("model", sort=False):
        share, part = (part.value / part.ceiling).set_axis(part.region), part.set_index("region")
        if {"V1 to hV4", "higher"} <= set(share.index):
            both = part.loc[["V1 to hV4", "higher"]]
            rows.append({"model": model, "early": share["V1 to hV4"], "higher": share["higher"],
                         "ratio": share["higher"] / share["V1 to hV4"], "less": float((both.value - both.ceiling).mean())})
    return pd.DataFrame(rows, columns=["model", "early", "higher", "ratio", "less"])


def space_differences(run: Pipeline) -> pd.DataFrame:
    """CLIP's image embedding less each other space, both by ridge on the same voxels and pictures.

    Table measure, other, value, low, high (over pictures), p, n_voxels, n_pictures. Measures: `LOWER`, mean accuracy over all
    voxels, which is also how much farther the other space stays from the ceiling; `MORE_EVEN`, the distance between the shares of
    the ceiling that are reached in V1 to hV4 and in the higher streams. Both are positive where the paper is right.
    """
    ceiling, rows = np.nan_to_num(np.sqrt(noise_ceiling(run.subject.ncsnr, n=1))), []
    for other in SPACES[1:]:
        both = [linear_predictions(run, MODELS[model]) for model in (IMAGE, other)]
        used = np.all([np.ptp(each, axis=0) > 0 for each in (run.subject.validation.betas, *both)], axis=0) & (ceiling > 0)
        sides = [used & _any(run, names) for names in (HIGHER, EARLY)]
        measures = {LOWER: [_accuracy(run, each, used) for each in both]} if used.any() else {}
        if all(side.any() for side in sides):
            measures[MORE_EVEN] = [_distance(*(scaled(_accuracy(run, each, side), 1 / ceiling[side].mean()) for side in sides))
                                   for each in both]
        for measure, (clip, less) in measures.items():
            found = score_interval(clip - less, null=0.0)
            rows.append({"measure": measure, "other": other, "value": found.value, "low": found.low, "high": found.high, "p": found.p,
                         "n_voxels": int(used.sum()), "n_pictures": found.n_pictures})
    return pd.DataFrame(rows, columns=["measure", "other", "value", "low", "high", "p", "n_voxels", "n_pictures"])


def partition(run: Pipeline) -> pd.DataFrame:
    """Share the explained variance of each voxel out: table voxel, one column for each of PARTS, total, ceiling, planted.

        only A = R2(all) - R2(B),    shared = R2(A) + R2(B) - R2(all)

    with A and B the visual spaces and CLIP's, all by banded ridge, R2 of single validation trials: 1 - squared error over that of
    predicting 0, the mean of a session. A part may be slightly negative by chance. planted: the share of the voxel's noiseless
    response that comes from the picture's filters in its receptive field rather than from what the scene is (NaN for real data).
    """
    betas = run.subject.validation.betas.astype(float)
    r2 = {spaces: 1 - _errors(run, spaces).mean(0) / np.maximum((betas**2).mean(0), 1e-12) for spaces in (CLIP, VISUAL, ALL)}
    planted = run.plant.share if run.origin == "twin" and run.experiment.data.roi == "nsdgeneral" else np.full(betas.shape[1], np.nan)
    return pd.DataFrame({"voxel": np.arange(betas.shape[1]), ONLY_VISUAL: r2[ALL] - r2[CLIP], SHARED: r2[CLIP] + r2[VISUAL] - r2[ALL],
                         ONLY_CLIP: r2[ALL] - r2[VISUAL], "total": r2[ALL], "ceiling": noise_ceiling(run.subject.ncsnr, n=1),
                         "planted": planted})


def region_partition(run: Pipeline, names: tuple[str, ...] = REGIONS) -> pd.DataFrame:
    """The same averaged over the voxels of each region, with intervals over pictures.

    Table region, part (of PARTS, and "total"), value, low, high (share of single-trial variance), ceiling (mean noise ceiling, its
    upper bound), planted (mean planted share from the picture's filters), n_voxels, note (a region without a voxel).
    """
    betas, ids, rows = run.subject.validation.betas, run.subject.validation.image_ids, []
    table, valid = partition(run), np.ptp(betas, axis=0) > 0
    errors = {spaces: _errors(run, spaces) for spaces in (CLIP, VISUAL, ALL)}
    nothing = betas.astype(float) ** 2
    gains = {ONLY_VISUAL: errors[CLIP] - errors[ALL], SHARED: nothing - errors[CLIP] - errors[VISUAL] + errors[ALL],
             ONLY_CLIP: errors[VISUAL] - errors[ALL], "total": nothing - errors[ALL]}
    for name in names:
        here = run.subject.rois[name] & valid
        if not here.any():
            rows.append({"region": name, "part": "total", "n_voxels": 0, "note": f"{name} has no voxel that varies and is left out"})
            continue
        scale = nothing[:, here].mean(0)
        for part, gain in gains.items():
            found = score_interval(mean_contributions((gain[:, here] / scale).mean(1)[None], ids))
            rows.append({"region": name, "part": part, "value": found.value, "low": found.low, "high": found.high,
                         "ceiling": float(np.nanmean(table.ceiling[here])), "planted": float(table.planted[here].mean()),
                         "n_voxels": int(here.sum()), "note": ""})
    return pd.DataFrame(rows)


def partition_recovery(run: Pipeline, table: pd.DataFrame, *, n_draws: int = 2000) -> pd.DataFrame:
    """Whether the partition finds the planted one: rank correlations of the visual spaces' unique part with the planted share.

    Table over ("voxels", "regions"), value, low, high, p, n; the found share is the visual spaces' unique part of what is unique.
    Voxels are those of which the whole model explains something; their interval resamples them. Regions are few: p by
    exchanging them. Empty for real data.
    """
    voxels = partition(run)
    if voxels.planted.isna().all():
        return pd.DataFrame()
    rng = np.random.default_rng(run.experiment.child_seed("partition"))
    rows = []
    regions = table.dropna(subset=["value"]).pivot(index="region", columns="part", values="value")
    planted = table.dropna(subset=["value"]).groupby("region").planted.first().reindex(regions.index)
    for over, parts, truth in (("voxels", voxels[voxels.total > 0], voxels.planted[voxels.total > 0]), ("regions", regions, planted)):
        unique = parts[[ONLY_VISUAL, ONLY_CLIP]].clip(lower=0).to_numpy()
        found = unique[:, 0] / np.maximum(unique.sum(1), 1e-9)
        known = (unique.sum(1) > 0) & np.isfinite(truth.to_numpy())
        a, b = found[known], truth.to_numpy()[known]
        if len(a) < 3 or np.ptp(b) == 0 or np.ptp(a) == 0:
            continue
        value, low, high = _spearman(a, b), np.nan, np.nan
        if over == "voxels":
            drawn = rng.integers(0, len(a), (n_draws, len(a)))
            low, high = np.nanquantile([_spearman(a[d], b[d]) for d in drawn[:min(200, n_draws)]], [0.025, 0.975])
        ranks, other = rankdata(a) - (len(a) + 1) / 2, rankdata(b) - (len(b) + 1) / 2
        swapped = rng.permuted(np.tile(ranks, (n_draws, 1)), axis=1) @ other / np.sqrt((ranks @ ranks) * (other @ other))
        rows.append({"over": over, "value": value, "low": low, "high": high,
                     "p": float((1 + (np.abs(swapped) >= abs(value) - 1e-12).sum()) / (1 + n_draws)), "n": len(a)})
    return pd.DataFrame(rows)


def spaces_summary(accuracy: pd.DataFrame, differences: pd.DataFrame, recovery: pd.DataFrame) -> dict:
    """The numbers of these tables for the chapter's prose: encode_<model>_<region>, lower_<other>, more_even_<other>, partition_<over>."""
    values, short = {}, {"all": "all", "V1 to hV4": "early", "higher": "higher"}
    keys = dict(zip((NETWORK, *MODELS), ("network", "image", "caption", "both", "pixels", "gabor", "visual", "everything")))
    for row in accuracy[accuracy.region.isin(short) & (accuracy.note == "")].itertuples():
        values[f"encode_{keys[row.model]}_{short[row.region]}"] = {
            "ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PICTURES_ONE_FIT, "n": row.n_pictures,
            "chance": 0.0,
            "note": f"mean r of single trials over {row.n_voxels} voxels ({row.region}), from {row.model}; ceiling {row.ceiling:.3f}"}
    for row in differences.itertuples():
        values[f"{'lower' if row.measure == LOWER else 'more_even'}_{keys[row.other]}"] = {
            "ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PICTURES_ONE_FIT, "n": row.n_pictures,
            "chance": 0.0,
            "note": f"{row.measure} from {row.other} than from the image embedding, both by ridge, {row.n_voxels} voxels"}
    for row in recovery.itertuples():
        values[f"partition_{row.over}"] = {"ours": row.value, "low": None if np.isnan(row.low) else row.low,
                                           "high": None if np.isnan(row.high) else row.high, "covers": Covers.VOXELS_ONE_FIT,
                                           "n": row.n, "chance": 0.0,
                                           "note": f"rank correlation over {row.over} of the found and the planted share of the "
                                                   f"picture's filters; p = {row.p:.2g}"}
    return values


# ── private ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _errors(run: Pipeline, spaces: tuple[str, ...]) -> np.ndarray:
    """Squared error of each validation trial and voxel, (n_trials, n_voxels)."""
    return (run.subject.validation.betas - linear_predictions(run, spaces).astype(float)) ** 2


def _accuracy(run: Pipeline, predicted: np.ndarray, used: np.ndarray) -> Contributions:
    """Mean correlation with single trials over these voxels, and what each picture adds to it."""
    trials = run.subject.validation
    return correlation_contributions(predicted[None][:, :, used], trials.betas[:, used], trials.image_ids)


def _distance(higher: Contributions, early: Contributions) -> Contributions:
    """Their absolute difference."""
    apart = higher - early
    return scaled(apart, -1.0) if apart.values[0] < 0 else apart


def _any(run: Pipeline, names: tuple[str, ...]) -> np.ndarray:
    return np.any([run.subject.rois[name] for name in names], axis=0)


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
