"""Screen captions, and score the screen against the planted grades (paper §2.1; chapter 01)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ... import scoring
from ...core import Covers, paper_value
from ...embedding import score_captions
from ...pipeline import Pipeline
from ...scoring import mean_auc_interval, weighted_auc

INTEGER_BINS = np.arange(0.5, 6)
GRADES = ("specific", "partial", "vague", "off", "unknown")


def screening_examples(run: Pipeline, n: int = 6) -> tuple[np.ndarray, pd.DataFrame]:
    """Take the first n pictures (n, H, W, 3) and their captions: table image, caption, probability, kept, grade."""
    ids = run.subject.stimuli.ids[:n]
    table = _scored(run)
    table = table[table.image_id.isin(ids)].assign(image=lambda t: pd.Index(ids).get_indexer(t.image_id))
    table = table.sort_values(["image", "probability"], ascending=[True, False])
    return run.subject.stimuli.images[:n], table[["image", "caption", "probability", "kept", "grade"]]


def captions_kept(run: Pipeline) -> pd.DataFrame:
    """Count the captions kept for each picture: table image_id, kept."""
    return run.caption_scores.groupby("image_id")["kept"].sum().astype(int).reset_index()


def screening_auc(run: Pipeline) -> pd.DataFrame:
    """ROC AUC of specific captions against the rest, with controls; without values where no grade is planted, as in real data.

    Table name, metric, value, low, high, n, chance, control, seed, origin; 95 % intervals from resampling pictures.
    """
    table = _scored(run)
    specific = (table.grade == "specific").to_numpy()
    seed = run.experiment.child_seed("screening")
    rng = np.random.default_rng(seed)
    measures = {
        "CLIP's probability": (table.probability.to_numpy(), False),
        "CLIP's cosine": (table.similarity.to_numpy(), False),
        "probability, another picture": (_against_another_picture(run, rng).probability.to_numpy(), True),
        "length of the caption": (table.caption.str.len().to_numpy(float), True),
        "coin toss": (rng.random(len(table)), True),
    }
    rows = []
    for name, (score, control) in measures.items():
        if not specific.any():
            rows.append(scoring.score_row(name, "ROC AUC", np.nan, np.nan, np.nan, 0, 0.5, seed, run.origin, control=control))
            continue
        value = weighted_auc(specific, score, np.ones((1, len(score))))[0]
        low, high = mean_auc_interval(specific[:, None], score[:, None], table.image_id.to_numpy(), seed=seed,
                                      n_bootstrap=run.experiment.evaluate.n_bootstrap)
        rows.append(scoring.score_row(name, "ROC AUC", value, low, high, table.image_id.nunique(), 0.5, seed, run.origin,
                                      control=control))
    return pd.concat(rows, ignore_index=True)


def threshold_sweep(run: Pipeline, thresholds=np.linspace(0, 0.98, 50)) -> pd.DataFrame:
    """Share of captions kept over the factor in the rule, by planted grade (real ones' is unknown): table threshold, grade, value."""
    table = _scored(run)
    best = table.groupby("image_id")["probability"].transform("max")
    ratio = (table.probability / best).to_numpy()
    rows = [{"threshold": t, "grade": grade, "value": float((ratio[mine.to_numpy()] > t).mean())}
            for grade in GRADES if (table.grade == grade).any() for mine in [table.grade == grade] for t in thresholds]
    return pd.DataFrame(rows)


def screening_summary(run: Pipeline) -> dict:
    """Collect the numbers of the chapter's prose and scorecard."""
    kept, n = captions_kept(run).kept.to_numpy(), len(run.subject.stimuli.ids)
    auc = screening_auc(run).set_index("name")
    within = (kept >= 1) & (kept <= 3)
    spread = 1.96 * kept.std() / np.sqrt(n)
    share = 1.96 * np.sqrt(within.mean() * (1 - within.mean()) / n)
    lowest, highest = (paper_value("text", "captions", "kept", f"captions kept per image, {end}")
                       for end in ("lowest", "highest"))

    def row(name, covers=Covers.PICTURES_ONE_TRAINING):
        r = auc.loc[name]
        return {"ours": r.value, "low": r.low, "high": r.high, "covers": covers, "n": int(r.n), "chance": 0.5}

    return {
        "kept_mean": {"ours": kept.mean(), "low": kept.mean() - spread, "high": kept.mean() + spread,
                      "covers": Covers.PICTURES_ONE_TRAINING, "n": n,
                      "note": f"captions kept per picture; the paper saw {lowest:.0f} to {highest:.0f}"},
        "kept_one_to_three": {"ours": within.mean(), "low": within.mean() - share, "high": within.mean() + share,
                              "covers": Covers.PICTURES_ONE_TRAINING, "n": n, "note": "share of pictures that keep one to three"},
        "auc": row("CLIP's probability") | {"note": "specific captions against the rest (planted grade)"},
        "auc_other_picture": row("probability, another picture") | {"note": "control: the same score, another picture"},
        "auc_length": row("length of the caption", Covers.PICTURES_NO_FIT) | {"note": "control: longer captions"},
    }


def _scored(run: Pipeline) -> pd.DataFrame:
    """Caption scores with the sentence and, for the simulated subject, the planted grade."""
    key = ["image_id", "caption_id"]
    table = run.caption_scores.merge(run.subject.stimuli.captions, on=key)
    if run.origin != "twin":
        return table.assign(grade="unknown")
    return table.merge(run.plant.captions, on=key, how="left").fillna({"grade": "unknown"})


def _against_another_picture(run: Pipeline, rng) -> pd.DataFrame:
    embeddings = run.embeddings["image"]
    moved = replace(embeddings, vectors=embeddings.vectors[np.roll(rng.permutation(len(embeddings)), 1)])
    return score_captions(run.subject.stimuli, moved, run.embeddings["caption"], logit_scale=run.clip.logit_scale,
                          config=run.experiment.screen)
