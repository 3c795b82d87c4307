"""Recover the planted ground truth of the simulated subject, and hold it to bars set in advance (chapter 00)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import scoring, twin
from ...core import Covers, weights
from ...nsd import ATLASES
from ...pipeline import Pipeline
from ...pretraining import category_prompts
from ...scoring import auc_by_class, category_labels, mean_auc_interval, pearson
from ...world import STUFF
from ..ch01_screening.screening import screening_auc
from ..common import interval
from .decoding import FEWEST, INPUTS, attended_row, factor_means
from .subject import of_the_plant, repeat_reliability, session_moments

CEILING, SCREENING, CONTRAST, CATEGORY, TOP1, OFFSET, P = 0.9, 0.9, 5.0, 0.95, 0.90, 0.9, 0.01   # the bars
NOT_COMPUTED = "CLIP, zero-shot, not computed"      # and then why
N_CHOICES = 300          # candidates in retrieval between pictures and captions


# ── voxels ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@of_the_plant
def noise_ceilings(run: Pipeline) -> pd.DataFrame:
    """Compare each voxel's true ncsnr with NSD's estimate from the betas: table voxel, planted, found."""
    subject = run.subject
    table = pd.DataFrame({"voxel": np.arange(subject.n_voxels), "planted": run.plant.ncsnr, "found": subject.ncsnr})
    return table[subject.rois["valid"] & np.isfinite(table.found)].reset_index(drop=True)


@of_the_plant
def receptive_fields(run: Pipeline) -> pd.DataFrame:
    """Estimate receptive-field centres in the visual areas: voxel, axis, planted, found; the picture spans -1 to 1."""
    stimuli, mine = run.subject.stimuli, run.subject.rois["prf-visualrois"] & run.subject.rois["valid"]
    trials = run.subject.trials.replace(run.subject.trials.betas[:, mine])
    found = twin.receptive_field_centres(trials, stimuli.ids, stimuli.images)
    parts = [pd.DataFrame({"voxel": np.flatnonzero(mine), "axis": axis, "planted": run.plant.centre[mine, i],
                           "found": found[:, i]}) for i, axis in enumerate(("left to right", "top to bottom"))]
    return pd.concat(parts, ignore_index=True).dropna(ignore_index=True)


@of_the_plant
def region_contrasts(run: Pipeline) -> pd.DataFrame:
    """Compute the median t of each localiser region for each contrast, one sample for each picture.

    Table region, contrast, own (whether the region is named for it), value, low, high (95 % interval over pictures,
    for its own contrast), n_voxels, n (pictures), n_shown (that show it). Voxels without signal are left out.
    """
    regions = {name: (atlas.removeprefix("floc-"), run.subject.rois[name] & (run.plant.ncsnr > 0))
               for atlas, names in ATLASES.items() if atlas.startswith("floc") for name in names}
    regions = {name: (family, here & run.subject.rois["valid"]) for name, (family, here) in regions.items()}
    ids = np.unique(run.subject.trials.image_ids)
    drawn = np.random.default_rng(run.experiment.child_seed("contrasts")).multinomial(
        len(ids), np.full(len(ids), 1 / len(ids)), size=run.experiment.evaluate.n_bootstrap)
    rows = []
    for contrast, shown in twin.CONTRASTS.items():
        shows = shown(run.plant.factors.loc[ids]).to_numpy()
        for name, (family, here) in regions.items():
            if not here.any():
                continue
            trials = run.subject.trials.replace(run.subject.trials.betas[:, here])
            low, high = np.nan, np.nan
            if family == contrast:
                resampled = np.median(twin.preferences(trials, shows, weights=drawn), axis=1)
                low, high = np.nanquantile(resampled, [0.025, 0.975])
            rows.append({"region": name, "contrast": contrast, "own": family == contrast,
                         "value": np.median(twin.preferences(trials, shows)), "low": low, "high": high,
                         "n_voxels": int(here.sum()), "n": len(ids), "n_shown": int(shows.sum())})
    return pd.DataFrame(rows)


# ── CLIP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def clip_categories(run: Pipeline) -> pd.DataFrame:
    """Score CLIP's zero-shot classification of the stimuli, by cosine with "a photo of a …".

    Table name, group, input, value (ROC AUC), low, high (95 % over pictures), n_present, n; best first. Categories with
    at least ten pictures on either side; none of these pictures was in CLIP's training. One row without a value where
    the CLIP does not fit the subject.
    """
    if run.missing("embed"):
        return pd.DataFrame([{"name": "none", "group": "things", "input": NOT_COMPUTED, "value": np.nan, "low": np.nan,
                              "high": np.nan, "n_present": 0, "n": 0}])
    if "categories" not in run.memo:
        labels, cosines, names = _zero_shot(run)
        stuff = {name for name, _ in STUFF.values()}
        table = auc_by_class(labels, cosines, names)[0].rename(columns={"category": "name"})
        table[["low", "high"]] = [_auc_interval(run, labels[:, [k]], cosines[:, [k]]) for k in range(len(names))]
        table = table.assign(group=["stuff" if n in stuff else "things" for n in names], input="CLIP, zero-shot")
        run.memo["categories"] = table.sort_values(["group", "value"], ascending=False, ignore_index=True)[
            ["name", "group", "input", "value", "low", "high", "n_present", "n"]]
    return run.memo["categories"]


@of_the_plant
def clip_matches(run: Pipeline) -> pd.DataFrame:
    """Score CLIP's retrieval between pictures and their specific captions, among 300: a tidy score table of two rows."""
    table = run.plant.captions
    first = table[table.grade == "specific"].drop_duplicates("image_id")[["image_id", "caption_id"]]
    caption = run.embeddings["caption"]
    caption = caption.take(caption.index.isin(pd.MultiIndex.from_frame(first)))
    seed, n = run.experiment.child_seed("bootstrap"), min(N_CHOICES, len(caption))
    ids, rows = np.empty(0, int), {"forward": [], "backward": []}
    for start in range(0, len(caption) - n + 1, n):
        batch = scoring.retrieval_batch(caption, run.embeddings["image"], n=n, start=start)
        ids = np.r_[ids, batch.image_ids]
        for direction, won in rows.items():
            won.append(scoring.hits(batch, direction))
    parts = []
    for name, direction in (("caption to picture", "forward"), ("picture to caption", "backward")):
        won = np.concatenate(rows[direction]).astype(float)
        low, high = interval(run, won, ids)
        parts.append(scoring.score_row(name, f"top-1 of {n}", won.mean(), low, high, len(won), 1 / n, seed, run.origin))
    return pd.concat(parts, ignore_index=True)


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────────
def recovery_table(run: Pipeline) -> pd.DataFrame:
    """List what was planted, the method of recovery, the value found, and whether it clears the bar.

    Table planted, found by, value, low, high (95 %), n, bar, holds; only rows with a ground truth for this subject.
    """
    return pd.DataFrame([{k: v for k, v in row.items() if k not in ("key", "chance", "covers")} for row in _rows(run)])


def subject_summary(run: Pipeline) -> dict:
    """Collect the numbers of the chapter's prose and scorecard."""
    values = {row["key"]: {"ours": row["value"], "low": row["low"], "high": row["high"], "covers": row["covers"],
                           "n": row["n"], "chance": row["chance"], "note": f"{row['found by']}; bar: {row['bar']}"}
              for row in _rows(run) if row["n"]}
    held = [row["holds"] == "yes" for row in _rows(run) if row["n"]]
    values["bars_held"] = {"ours": int(sum(held)), "note": "bars cleared"}
    values["bars"] = {"ours": len(held), "note": "bars set"}
    return values | _repeats(run) | _sessions(run) | _limits(run)


def _rows(run: Pipeline) -> list[dict]:
    """One dict for each row of the table, with a key for the record."""
    if "rows" not in run.memo:
        rows = [_clip_row(run)]
        if run.origin == "twin":
            rows = [*_voxel_rows(run), *rows, *_match_rows(run), *_decoding_rows(run)]
        run.memo["rows"] = rows
    return run.memo["rows"]


def _row(key: str, covers: Covers, planted: str, how: str, value, low, high, n, bar: str, holds: bool,
         chance: float | None = None) -> dict:
    return {"key": key, "covers": covers, "planted": planted, "found by": how, "value": float(value), "low": float(low),
            "high": float(high), "n": int(n), "bar": bar, "holds": "yes" if holds else "no", "chance": chance}


def _voxel_rows(run: Pipeline) -> list[dict]:
    """Ceiling, grades, receptive fields, localiser regions, session offsets."""
    ceiling, fields = noise_ceilings(run), receptive_fields(run)
    r = _r(run, ceiling.planted, ceiling.found)
    grade = screening_auc(run).set_index("name").loc["CLIP's probability"]
    rows = [_row("ceiling_r", Covers.VOXELS_NO_FIT, "noise ceiling of a voxel", "ncsnr by NSD's procedure, r", *r, len(ceiling),
                 f"above {CEILING}", r[0] > CEILING),
            _row("screening_auc", Covers.PICTURES_ONE_TRAINING, "grades of captions", "screening probability, ROC AUC",
                 grade.value, grade.low, grade.high, grade.n, f"above {SCREENING}", grade.value > SCREENING, 0.5)]
    for axis, key in (("left to right", "fields_x"), ("top to bottom", "fields_y")):
        mine = fields[fields.axis == axis]
        r = _r(run, mine.planted, mine.found)
        rows.append(_row(key, Covers.VOXELS_ONE_FIT, f"receptive field, {axis}", "regression on edge energy, r", *r, len(mine),
                         "interval above 0", r[1] > 0, 0.0))
    own = region_contrasts(run).query("own").dropna(subset="value")
    worst = own.loc[own.value.idxmin()]
    rows.append(_row("contrast_weakest", Covers.PICTURES_NO_FIT, "selectivity of localiser regions",
                     f"own contrast, median t of the weakest ({worst.region})", worst.value, worst.low, worst.high,
                     worst.n, f"above {CONTRAST:.0f}, each region", worst.value > CONTRAST, 0.0))
    moments = session_moments(run)
    r = _r(run, moments["planted"].T, moments["before"].T)
    rows.append(_row("offset_r", Covers.VOXELS_NO_FIT, "baseline of a session", "session means of the betas, r", *r,
                     moments["before"].shape[1], f"above {OFFSET}", r[0] > OFFSET))
    return rows


def _clip_row(run: Pipeline) -> dict:
    if missing := run.missing("embed"):
        return _row("clip_category_auc", Covers.PICTURES_ONE_TRAINING, "categories in a picture", f"{NOT_COMPUTED}: {missing}",
                    np.nan, np.nan, np.nan, 0, f"above {CATEGORY}", False) | {"holds": "not computed"}
    labels, cosines, _ = _zero_shot(run)
    value = clip_categories(run).value.mean()
    low, high = _auc_interval(run, labels, cosines)
    return _row("clip_category_auc", Covers.PICTURES_ONE_TRAINING, "categories in a picture", "CLIP, zero-shot, mean ROC AUC",
                value, low, high, len(labels), f"above {CATEGORY}", value > CATEGORY, 0.5)


def _match_rows(run: Pipeline) -> list[dict]:
    return [_row(f"clip_{row.name.replace(' ', '_')}", Covers.PICTURES_ONE_TRAINING, "which caption is whose",
                 f"CLIP, {row.name}, {row.metric}", row.value, row.low, row.high, row.n, f"at least {TOP1}",
                 row.value >= TOP1, row.chance)
            for row in clip_matches(run).itertuples()]


def _decoding_rows(run: Pipeline) -> list[dict]:
    """Scene factors and attention."""
    means = factor_means(run).set_index("name")
    floor, single, top = (means.loc[name] for name in INPUTS)
    thing = attended_row(run).iloc[0]
    return [_row("factors_single", Covers.PICTURES_ONE_FIT, "factors of a scene", "linear decoding of single trials, mean r",
                 single.value, single.low, single.high, single.n, "between shuffled and noiseless",
                 single.low > floor.high and single.high < top.low, 0.0),
            _row("attended", Covers.PICTURES_ONE_FIT, "which thing is attended", "decoded from the trial, share correct",
                 thing.value, thing.low, thing.high, thing.n, f"above chance, p < {P}", thing.p < P and thing.value > thing.chance,
                 thing.chance)]


def _repeats(run: Pipeline) -> dict:
    table, values = repeat_reliability(run), {}
    for column, note in (("same", "pattern correlation of two trials of a picture"),
                         ("other", "control: of trials of two pictures")):
        low, high = interval(run, table[column], table.image_id)
        values[f"repeat_{column}"] = {"ours": table[column].mean(), "low": low, "high": high,
                                      "covers": Covers.PICTURES_NO_FIT, "n": len(table), "note": note}
    return values


def _sessions(run: Pipeline) -> dict:
    moments, values = session_moments(run), {}
    for when in ("before", "after"):
        share = moments[f"share_{when}"].round(9)   # rounding error is not drift
        middle = [float(np.median(share)), *_over_voxels(run, share[:, None], lambda s: np.median(s, axis=1)[:, 0])]
        values[f"drift_{when}"] = dict(zip(("ours", "low", "high"), middle)) | {
            "covers": Covers.VOXELS_NO_FIT, "n": len(share),
            "note": f"share of a voxel's variance between sessions, {when} z-scoring; median"}
    return values


def _limits(run: Pipeline) -> dict:
    """Numbers beside the table's: floor and ceiling of decoding, p of attention, CLIP's model card."""
    if run.origin != "twin":
        return {}
    means = factor_means(run).set_index("name")
    values = {key: {"ours": means.value[name], "low": means.low[name], "high": means.high[name],
                    "covers": Covers.PICTURES_ONE_FIT, "n": int(means.n[name]), "note": note}
              for key, name, note in (
                  ("factors_shuffled", INPUTS[0], "control: factors of other pictures; predicting the mean of other folds "
                                                  "is biased below 0"),
                  ("factors_noiseless", INPUTS[2], "limit: responses without noise"))}
    thing = attended_row(run).iloc[0]
    values["attended_p"] = {"ours": thing.p, "n": int(thing.n), "note": "by permuting the trials of a picture"}
    card = weights.load_card("clip") if run.experiment.embed.clip == "mini" else {"scores": {}}
    for key in (k for k in ("category_auc", "top1_captions", "top1_pictures") if k in card["scores"]):
        values[f"card_{key}"] = {"ours": card["scores"][key], "n": card["data"]["n_held_out"],
                                 "note": "on CLIP's card, held-out scenes of its training distribution"}
    return values


def _auc_interval(run: Pipeline, labels: np.ndarray, cosines: np.ndarray) -> tuple[float, float]:
    return mean_auc_interval(labels, cosines, run.subject.stimuli.ids, seed=run.experiment.child_seed("bootstrap"),
                             n_bootstrap=min(200, run.experiment.evaluate.n_bootstrap))


def _zero_shot(run: Pipeline) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Labels and cosines of pictures and categories, (n_pictures, n_categories) both, and the categories' names."""
    if "zero-shot" not in run.memo:
        truth, prompts = category_labels(run.subject.stimuli), category_prompts()
        count = truth.labels.sum(0)
        kept = [k for k, name in enumerate(truth.names) if name in prompts
                and FEWEST <= count[k] <= len(truth.ids) - FEWEST]
        names = [truth.names[k] for k in kept]
        texts = run.clip.texts([prompts[name] for name in names])
        texts /= np.linalg.norm(texts, axis=1, keepdims=True)
        pictures = run.embeddings["image"].unit().at(truth.ids)
        run.memo["zero-shot"] = truth.labels[:, kept], pictures @ texts.T, names
    return run.memo["zero-shot"]


def _r(run: Pipeline, planted, found) -> tuple[float, float, float]:
    """Correlation over all entries and its interval over voxels, the rows; both (n_voxels,) or (n_voxels, m)."""
    a, b = (np.asarray(x, float).reshape(len(x), -1) for x in (planted, found))

    def r(ab):
        x, y = (part.reshape(len(part), -1) for part in np.split(ab, 2, axis=2))
        return pearson(x.T, y.T)

    both = np.hstack([a, b])
    return float(r(both[None])[0]), *_over_voxels(run, both, r)


def _over_voxels(run: Pipeline, table: np.ndarray, statistic) -> tuple[float, float]:
    """95 % interval of a statistic from resampling voxels, the rows of `table`; statistic takes (draws, n, m)."""
    rng, values = np.random.default_rng(run.experiment.child_seed("voxels")), []
    for _ in range(-(-run.experiment.evaluate.n_bootstrap // 50)):
        values.append(statistic(table[rng.integers(0, len(table), (50, len(table)))]))
    low, high = np.quantile(np.concatenate(values), [0.025, 0.975])
    return float(low), float(high)
