"""Ask which things are found again in reconstructions, class by class: from true embeddings, the brain, and by retrieval.

Retrieval is the yardstick: the real picture that is nearest to the same embedding, the best that a library of pictures could
show. Reconstructions are read by the segmenter, which is in no loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ... import core, embedding, evaluation, scoring
from ...core import fingerprint, progress, save_table, source_fingerprint
from ...core.weights import load_card, part_checksum, part_folder
from ...evaluation import PLACES, Segmenter
from ...generator import TrainedGan
from ...nsd import coco_pictures, read_outlines, stim_info
from ...pipeline import Pipeline
from ...records import SPACES
from ...world import load_world, render_many
from ..grids import preset_command, whole_record
from ..sources import brain_embeddings, how_scored, identification_row, mean_row, reconstructions, sources, true_embeddings
from .changed import BRAIN, changed_conditions, SHUFFLED, TRUE

HELD_OUT, SUBJECT, CHANGED = "held-out scenes", "validation trials", "changed conditions"      # values of the column `of`
DRAWS = "two draws of z"                                                                        # another value of it
COSINE = "cosine with the true embeddings"     # of changed conditions, beside two-way identification
SAME_Z, SAME_OTHER = "same class at a place, another z", "same class at a place, another picture and z"
LESS = " less "     # in the name of a difference of two sources, on the same pictures
ITSELF, RETRIEVED = "the picture itself", "nearest of {:,} real pictures"
RETRIEVED_BRAIN = f"{RETRIEVED}, from the brain"
SOURCES = (TRUE, BRAIN, SHUFFLED, "mean embedding")     # of `sources`
COND = "both"
CODE = tuple(f"studies.found.record:{name}" for name in ("held_out_rows", "subject_rows", "changed_rows", "draw_rows"))


def library_size(run: Pipeline) -> int:
    """How many real pictures are retrieved from: all that the shipped networks were trained on, fewer at preset smoke."""
    share = min(1.0, run.experiment.evaluate.n_retrieval / 300)
    return round(share ** 2 * load_card(part_folder("clip"))["data"]["n_train"])


def n_held_out(run: Pipeline) -> int:
    """How many held-out scenes are asked for."""
    return round(min(1.0, run.experiment.evaluate.n_retrieval / 300) * 1000)


def library(run: Pipeline) -> tuple[np.ndarray, np.ndarray]:
    """The first real pictures of the shipped networks' world, (n, size, size, 3), and their CLIP embeddings, (n, d)."""
    if "library" not in run.memo:
        card, n = load_card(part_folder("clip")), library_size(run)
        stream, whole = card["data"]["world"].partition("-")[0], card["data"]["n_train"] == n
        n_scenes, spare = (n + card["data"]["n_held_out"], card["data"]["n_held_out"]) if whole else (n, 0)
        pictures = load_world(n_scenes, seed=card["seed"], stream=stream, n_held_out=spare, progress=progress).pictures[:n]
        key = {"n": n, "clip": part_checksum("clip"), "source": source_fingerprint(
            "embedding.clip:ClipEmbedder", "world.rendering:render_many")}
        vectors = run.store.fetch("library", key, lambda folder: np.save(folder / "vectors.npy", _clip(run).images(pictures)),
                                  lambda folder: np.load(folder / "vectors.npy", allow_pickle=False))
        run.memo["library"] = pictures, vectors
    return run.memo["library"]


def retrieved(run: Pipeline, vectors: np.ndarray) -> np.ndarray:
    """For each embedding (n, d) the library's picture of the nearest one, by the cosine of unit embeddings from their mean."""
    pictures, known = library(run)
    mean = _unit(known).mean(0)
    wanted, known = _unit(_unit(vectors) - mean), _unit(_unit(known) - mean)
    parts = np.array_split(wanted, max(1, len(wanted) // 500))
    return pictures[np.concatenate([(part @ known.T).argmax(1) for part in parts])]


def held_out_rows(run: Pipeline) -> pd.DataFrame:
    """Held-out scenes from their pictures' true embeddings, by the language-free generator: no brain."""
    data, n = load_card(part_folder("clip")), n_held_out(run)
    stream, first = data["data"]["world"].partition("-")[0], data["data"]["n_train"]
    pictures = render_many(data["seed"], stream, range(first, first + n))
    true = evaluation.world_labels(range(first, first + n), seed=data["seed"], stream=stream)[:, 0]
    generator, seed = run.ready(TrainedGan.load(part_folder("generator_lf"))), run.experiment.child_seed("z")
    vectors = _clip(run).images(pictures)
    sets = {ITSELF: pictures, "true embedding": generator.generate(vectors, seed=seed),
            "another picture's embedding": generator.generate(np.roll(vectors, 1, 0), seed=seed),
            "mean embedding": generator.generate(np.repeat(library(run)[1].mean(0, keepdims=True), n, 0), seed=seed),
            RETRIEVED.format(library_size(run)): retrieved(run, vectors)}
    return _rows(run, sets, true, pictures, np.arange(n)).assign(of=HELD_OUT)


def subject_rows(run: Pipeline) -> pd.DataFrame:
    """All validation trials of this subject, by the finetuned generator, from the brain, the ceiling and the floors."""
    brain = brain_embeddings(run, COND)["image"]
    sets = {source: reconstructions(run, COND, source).images[:, 0] for source in SOURCES}
    name = RETRIEVED.format(library_size(run))
    sets |= {name: retrieved(run, true_embeddings(run, brain, "image").vectors), RETRIEVED_BRAIN.format(library_size(run)):
             retrieved(run, brain.vectors)}
    return _rows(run, sets, *_seen(run, brain.image_ids), brain.image_ids, apart=(BRAIN, SHUFFLED)).assign(of=SUBJECT)


def changed_rows(run: Pipeline) -> pd.DataFrame:
    """The same trials from `changed_conditions`, by the finetuned generator.

    What is found again (means over classes) and how natural it looks, for those that `subject_rows` has not; for all, how near the
    conditions are to the true ones (mean cosine of both heads), and two-way identification.
    """
    given = changed_conditions(run, COND)
    image_ids = given[TRUE]["image"].image_ids
    made = {name: reconstructions(run, COND, name) if name in SOURCES else run.reconstruct(embeddings, COND)
            for name, embeddings in given.items()}
    table = _rows(run, {name: pictures.images[:, 0] for name, pictures in made.items() if name not in SOURCES},
                  *_seen(run, image_ids), image_ids)
    parts = [table[table.category.isin(("", "all things", "all stuff"))]]
    for name, pictures in made.items():
        near = np.mean([(given[name][s].unit().vectors * given[TRUE][s].unit().vectors).sum(1) for s in SPACES], 0)
        two_way = identification_row(run, name, run.picture_features(pictures), run.true_features, 2).drop(columns="control")
        parts += [part.assign(category="", kind="") for part in (mean_row(run, name, COSINE, near, image_ids), two_way)]
    return pd.concat(parts, ignore_index=True).assign(of=CHANGED)


def draw_rows(run: Pipeline) -> pd.DataFrame:
    """What the noise z changes of what is there: at how many places the segmenter reads the same class in two draws of z.

    Beside it the same of two trials of different pictures: what a change of the condition changes, too.
    """
    segmenter, parts = evaluation.load_segmenter(), []
    for name in (TRUE, BRAIN):
        given = sources(run, COND)[name]
        drawn = run.reconstruct(given, COND, n_draws=2)
        one, other = (segmenter.read(drawn.images[:, draw]).classes for draw in range(2))
        rows = replace(given["image"], vectors=np.arange(len(one), dtype=np.float32)[:, None])
        elsewhere = scoring.shuffled(rows, run.experiment.child_seed("controls")).vectors[:, 0].astype(int)
        parts += [mean_row(run, name, metric, (a == b).mean((1, 2)), drawn.image_ids)
                  for metric, a, b in ((SAME_Z, one, other), (SAME_OTHER, one, other[elsewhere]))]
    return pd.concat(parts, ignore_index=True).assign(of=DRAWS, category="", kind="")


def true_maps(run: Pipeline, ids: np.ndarray) -> np.ndarray:
    """The class at each place of these stimuli, by their annotations, (n, places, places) uint8 (`evaluation.true_classes`)."""
    layout, marked = run.layout, {}
    for pictures in coco_pictures(stim_info(layout).loc[ids], layout.stim_info):
        found = read_outlines(run.experiment.data.coco_folder or layout.coco, pictures.ids, size=PLACES, crops=pictures.crops)
        marked |= {int(image): found[coco] for coco, image in pictures.image_id.items()}
    return np.stack([evaluation.true_classes(marked[int(image)], PLACES) for image in ids])


def found_scores(run: Pipeline) -> pd.DataFrame:
    """Recall and precision of every class in every kind of reconstruction, and how natural each kind is: tidy rows with of,
    category and kind (both "" for what is said of whole sets)."""
    return pd.concat([rows(run) for rows in (held_out_rows, subject_rows, changed_rows, draw_rows)], ignore_index=True)


def write_record(run: Pipeline, root: Path | None = None) -> Path:
    """Write tables/found.csv, `found_scores` with its key; its path."""
    return save_table(found_scores(run).assign(key=key(run)), "tables/found", origin=run.origin, root=root,
                      meta={"library": library_size(run), "weights": {part: part_checksum(part) for part in _PARTS}})


def key(run: Pipeline) -> str:
    """A fingerprint of everything that could change the scores: code, weights, sizes, and the finetuned generator's own key."""
    return fingerprint({"source": source_fingerprint(*CODE), "weights": {part: part_checksum(part) for part in _PARTS},
                        "library": library_size(run), "evaluate": run.experiment.evaluate,
                        "generator": run.key("generator", {"cond": COND})})


def recorded(run: Pipeline, root: Path = core.FIGURES) -> tuple[pd.DataFrame, str]:
    """The committed scores, and a sentence on whether they are what this run would make; empty for another subject.

    Raises LayoutError where there is no record.
    """
    return whole_record(run, "found", "things found again", key, root, words=("category", "kind"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies found`; returns the exit status."""
    return preset_command("found", __doc__, write_record, arguments)


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
_PARTS = ("segmenter", "clip", "generator_lf")


def _rows(run: Pipeline, sets: dict[str, np.ndarray], true: np.ndarray, pictures: np.ndarray, image_ids: np.ndarray, *,
          apart: tuple[str, str] | None = None) -> pd.DataFrame:
    """Recall, precision and naturalness of sets of pictures; apart: two of them whose recalls are compared, picture by picture, too."""
    segmenter: Segmenter = evaluation.load_segmenter()
    seen, how = segmenter.read(pictures), how_scored(run)
    tables = {name: evaluation.found_again(true, seen, seen if some is pictures else segmenter.read(some)) for name, some in sets.items()}
    if apart:
        tables[LESS.join(apart)] = evaluation.found_apart(*(tables[name] for name in apart))
    found = [evaluation.recall_and_precision(table, image_ids, name=name, **how) for name, table in tables.items()]
    natural = [_judge(run).rows(some, image_ids, name=name, origin=run.origin, seed=how["seed"]).assign(category="", kind="")
               for name, some in progress(sets.items(), desc="naturalness", total=len(sets))]
    return pd.concat(found + natural, ignore_index=True)


def _seen(run: Pipeline, image_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is there in the picture of each trial (`true_maps`), and the pictures."""
    ids, row = np.unique(image_ids, return_inverse=True)
    return true_maps(run, ids)[row], run.subject.stimuli.take(ids).images[row]


def _judge(run: Pipeline) -> evaluation.Naturalness:
    """The score of naturalness that passed the exam, beside real scenes after all that any network was shown."""
    if "judge of naturalness" not in run.memo:
        card = load_card(part_folder("clip"))
        first = card["data"]["n_train"] + card["data"]["n_held_out"]
        real = render_many(card["seed"], card["data"]["world"].partition("-")[0], range(first, first + 2 * n_held_out(run)))
        run.memo["judge of naturalness"] = evaluation.Naturalness(real, evaluation.load_segmenter(),
                                                                  seed=run.experiment.child_seed("naturalness"))
    return run.memo["judge of naturalness"]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)


def _clip(run: Pipeline) -> embedding.ClipEmbedder:
    """The shipped CLIP, whatever the experiment uses elsewhere."""
    if "shipped clip" not in run.memo:
        run.memo["shipped clip"] = embedding.load_clip()
    return run.memo["shipped clip"]
