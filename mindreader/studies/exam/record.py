"""Examine scores of naturalness on pictures damaged in eight ways: which of them see damages as a person does.

Held-out scenes are damaged, every score is asked about them, and the answers are kept as a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ... import core, embedding, evaluation, extractors
from ...core import fingerprint, progress, save_table, source_fingerprint
from ...core.weights import load_card, part_checksum, part_folder
from ...generator import TrainedGan
from ...pipeline import Pipeline
from ...world import draw_scene, masks, render_many
from ..grids import preset_command, whole_record

PARTS = ("segmenter", "feature", "clip", "generator_lf")   # whose weights an exam depends on
NOTHING_DONE = "undamaged"      # the pictures as they are, beside the damaged ones: what sampling alone gives
SOURCES = ("studies.exam.record:examined", "studies.exam.record:scene_sets")


@dataclass(frozen=True)
class Sizes:
    """How many pictures are damaged, and how many real ones stand beside them: half to compare with, half to give units."""

    pictures: int
    reference: int


@dataclass(frozen=True, eq=False)
class SceneSets:
    """Held-out scenes with a thing that can be damaged, and other real pictures of the same stream that no network was shown.

    pictures   (n, size, size, 3) uint8
    things     (n, size, size) bool      the largest thing of each
    reference  (m, size, size, 3) uint8
    """

    pictures: np.ndarray
    things: np.ndarray
    reference: np.ndarray


def sizes(run: Pipeline) -> Sizes:
    """Full size where retrieval is among 300, in proportion where it is among fewer (preset smoke)."""
    share = min(1.0, run.experiment.evaluate.n_retrieval / 300)
    return Sizes(pictures=round(600 * share), reference=round(1200 * share))


def scene_sets(run: Pipeline) -> SceneSets:
    """The first held-out scenes of the shipped networks that have a large enough thing, and scenes after all of theirs."""
    data, size = load_card(part_folder("clip")), sizes(run)
    stream, seed = data["data"]["world"].partition("-")[0], data["seed"]
    first, n = data["data"]["n_train"], data["data"]["n_held_out"]
    chosen, things = [], []
    for index in range(first, first + n):
        if len(chosen) == size.pictures:
            break
        thing = evaluation.largest_things([masks(draw_scene(seed, stream, index))[0]])[0]
        if thing.any():
            chosen.append(index)
            things.append(thing)
    return SceneSets(render_many(seed, stream, chosen), np.stack(things),
                     render_many(seed, stream, range(first + n, first + n + size.reference)))


def examined(run: Pipeline) -> pd.DataFrame:
    """The value of every score for every damaged set, for generated pictures, and for the undamaged ones.

    Columns: score, damage, strength, amount, seen, value, n (pictures in a set).
    """
    sets = scene_sets(run)
    generator = run.ready(TrainedGan.load(part_folder("generator_lf")))
    generated = generator.generate(embedding.load_clip().images(sets.pictures), seed=run.experiment.child_seed("z"))
    seed = run.experiment.child_seed("damages")
    score = evaluation.Naturalness(sets.reference, evaluation.load_segmenter(), extractors.load_feature_net(), seed=seed)
    damaged = evaluation.damaged_sets(sets.pictures, sets.things, generated=generated, seed=seed)
    table = evaluation.examine(damaged, score, progress=progress)
    plain = pd.DataFrame([{"score": name, "damage": NOTHING_DONE, "strength": 0, "amount": np.nan, "seen": "", "value": value}
                          for name, value in score(sets.pictures).items()])
    return pd.concat([table, plain], ignore_index=True).assign(n=len(sets.pictures))


def write_record(run: Pipeline, root: Path | None = None) -> Path:
    """Write tables/exam.csv, which `examined` gives, with its key; its path."""
    return save_table(examined(run).assign(key=key(run)), "tables/exam", origin="twin", root=root,
                      meta={"sizes": vars(sizes(run)), "weights": {part: part_checksum(part) for part in PARTS}})


def key(run: Pipeline) -> str:
    """A fingerprint of everything that could change the exam: code, weights, sizes, seeds, and what was placed beforehand."""
    return fingerprint({"source": source_fingerprint(*SOURCES), "weights": {part: part_checksum(part) for part in PARTS},
                        "sizes": vars(sizes(run)), "seed": run.experiment.seed,
                        "placements": evaluation.placements().to_csv(index=False)})


def recorded(run: Pipeline, root: Path = core.FIGURES) -> tuple[pd.DataFrame, str]:
    """The committed exam, and a sentence on whether it is what this run would make; empty for another subject.

    Raises LayoutError where there is no record.
    """
    return whole_record(run, "exam", "the exam of naturalness scores", key, root, words=("seen",))


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies exam`; returns the exit status."""
    return preset_command("exam", __doc__, write_record, arguments)
