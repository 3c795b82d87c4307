"""Score what is decoded and reconstructed of shared images by each paper's table of the eight, and by MindEye's retrieval."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from ... import core, field, nsd, scoring
from ...core import ParameterError
from ...experiments import CONDITIONS, experiment
from ...field import FeatureExtractor, PRACTICES
from ...pipeline import Pipeline
from ...records import LayoutError, Stimuli
from ..finetune import overrides_of
from ..sources import how_scored
from .averaged import AveragedPipeline, averaged, averaged_reconstructions

SPLIT = "shared1000"                    # the value of data.split that this needs
RETRIEVALS = ("retrieval/mindeye-code-forward", "retrieval/mindeye-code-backward")
WHOSE = {"twin": "simulated subject", "nsd": "this book", "rehearsal": "REHEARSAL, no result"}   # by origin
LEFT_OUT = "Left out: this run validates on other images than later papers; `-p preset shared1000` validates on NSD's shared ones."


def shared_image_scores(run: Pipeline, cond: str) -> pd.DataFrame:
    """Scores of reconstructions and of retrieval on the shared images under each practice; no rows with another split.

    Rows as of `field.score_protocol` and `field.eight_metrics`, with name (whose brain, and what was averaged), repeats (the
    stamp of the practice), shown (how many images, how often). Retrieval is among 300 images, 30 times, as MindEye does it
    (fewer where there are fewer), and once among all, which needs no draw.
    """
    if run.experiment.data.split != SPLIT:
        return pd.DataFrame()
    return pd.concat([_scores(averaged(run, practice), cond) for practice in PRACTICES.values()], ignore_index=True)


def what_was_scored(run: Pipeline) -> str:
    """Which images and trials these scores are of, and which training saw, in one sentence."""
    sessions = np.unique(run.subject.trials.sessions)
    shared = "NSD's shared images" if run.origin == "nsd" else f"the shared images of a {WHOSE[run.origin]}"
    return (f"Scored: {shared}, {field.repeats_in_words(run.subject.validation)}, within {len(sessions)} sessions up to number "
            f"{sessions.max()}. Trained on: {field.repeats_in_words(run.subject.train)}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies shared_images`: writes the scores below figures/runs; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mindreader.studies shared_images",
                                     description="Decode, reconstruct and score NSD's shared images as later papers do: "
                                                 "repeats averaged, nothing fitted to what is scored.")
    parser.add_argument("--cond", default="both", choices=tuple(CONDITIONS), help="what the generator is conditioned on (both)")
    parser.add_argument("--subject", default="", help="twin01, or subj01 to subj08 of your NSD; subj01 by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-y", default="", metavar="YAML", help="settings by dotted name, e.g. 'gan.kimg: 1.0'")
    chosen = parser.parse_args(arguments)
    settings = {"seed": chosen.seed} | ({"subject": chosen.subject} if chosen.subject else {}) | overrides_of(chosen.y)
    run = Pipeline(experiment("shared1000", settings))
    if run.experiment.data.split != SPLIT:
        raise ParameterError(f"got data.split={run.experiment.data.split!r}, expected {SPLIT!r}; leave it out")
    table = shared_image_scores(run, chosen.cond)
    name = core.name_of("shared_images", {"cond": chosen.cond} | settings)
    meta, root = {"experiment": asdict(run.experiment)}, core.output_root(name)
    tables = {"shared_images": table}
    if run.origin == "nsd":
        tables["beside_published"] = field.beside_published(table, run.experiment.subject)
    paths = [core.save_table(one, f"tables/{slug}", origin=run.origin, meta=meta, root=root) for slug, one in tables.items()]
    sys.stdout.write(f"{what_was_scored(run)}\n" + "".join(f"{path}\n" for path in paths))
    return 0


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _scores(run: AveragedPipeline, cond: str) -> pd.DataFrame:
    how = {"name": f"{WHOSE[run.whole.origin]} {run.experiment.subject}, repeats as {run.practice.title}", **how_scored(run.whole)}
    networks, lacking = _networks(run)
    pictures, decoded = averaged_reconstructions(run, cond), run.scored(cond)["image"]
    n = len(decoded)
    among = [{"n": min(run.experiment.evaluate.n_retrieval, n)}, {"n": n, "n_draws": 1}]
    rows = [field.eight_metrics(pictures, _originals(run), networks, **how),
            *(field.score_protocol(name, decoded, run.truth["image"], **how, **settings) for settings in among for name in RETRIEVALS)]
    if lacking:
        rows.append(scoring.score_row(how["name"], f"six of the eight, not computed: {lacking}", np.nan, np.nan, np.nan, 0, np.nan,
                                      how["seed"], how["origin"], protocol=field.EIGHT[run.practice.metrics].stamp, network="none"))
    return pd.concat(rows, ignore_index=True).assign(repeats=run.practice.stamp,
                                                     shown=field.repeats_in_words(run.whole.subject.validation))


def _networks(run: AveragedPipeline) -> tuple[tuple[FeatureExtractor, ...], str]:
    """The networks of this paper's table, and why there are none where its weights are not those in the folder."""
    try:
        return field.feature_extractors(table=run.practice.metrics, photographs=run.whole.shows_photographs), ""
    except LayoutError as why:      # hours of training are not lost for that
        return (), str(why)


def _originals(run: AveragedPipeline) -> Stimuli:
    """The shared images at the size at which this paper's code keeps them."""
    whole = run.whole.subject
    ids, stimuli = np.sort(whole.split.validation), whole.stimuli
    if stimuli.images.shape[1] == run.practice.original_px:
        return stimuli.take(ids)
    pixels = nsd.read_pictures(run.whole.layout.stimuli, ids, run.practice.original_px)
    return Stimuli(ids, pixels, stimuli.captions.iloc[:0], lambda: stimuli.annotations.iloc[:0])
