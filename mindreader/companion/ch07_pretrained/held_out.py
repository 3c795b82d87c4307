"""Draw again the scenes of the simulated world that the shipped networks were, and were not, trained on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...core import ParameterError, source_fingerprint, weights
from ...pipeline import Pipeline
from ...world import GRADES, SOURCES, Scene, caption, draw_scene, render_many


@dataclass(frozen=True, eq=False)
class Scenes:
    """Numbered scenes of one stream: their true factors, and their pictures (n, height, width, 3) uint8."""

    scenes: tuple[Scene, ...]
    pictures: np.ndarray

    def __len__(self) -> int:
        return len(self.scenes)

    def first(self, n: int) -> Scenes:
        """The first n of them."""
        return Scenes(self.scenes[:n], self.pictures[:n])

    @cached_property
    def captions(self) -> dict[str, list[str]]:
        """The first sentence of each grade, by grade: n sentences each."""
        captions = [dict(reversed([(grade, words) for words, grade in caption(scene)])) for scene in self.scenes]
        return {grade: [one[grade] for one in captions] for grade in dict.fromkeys(GRADES)}


@dataclass(frozen=True)
class Sizes:
    """How many scenes of each set the chapter uses; generators are scored on the first of the held-out."""

    held_out: int
    scored: int
    training: int      # for the Gaussian over pixels; the last `scored` of them are the other real set
    components: int
    elsewhere: int     # of the out-of-domain world
    fooled: int        # pictures in the comparison of the two evaluation networks


def sizes(run: Pipeline) -> Sizes:
    """All at full size where retrieval is among 300, in proportion where it is among fewer (preset smoke)."""
    share = min(1.0, run.experiment.evaluate.n_retrieval / 300)
    full = Sizes(held_out=1500, scored=1000, training=2000, components=300, elsewhere=300, fooled=300)
    return Sizes(**{name: round(n * share) for name, n in vars(full).items()})


def only_simulated(run: Pipeline) -> None:
    """Raises ParameterError for a real subject: pictures and scores of the shipped networks are never NSD's."""
    if run.origin != "twin":
        raise ParameterError(f"subject={run.experiment.subject!r}: this chapter looks at networks that were trained on "
                             "the simulated world, expected subject='twin01'; the other chapters take your NSD")


def held_out(run: Pipeline, part: str = "clip", n: int | None = None) -> Scenes:
    """The first n scenes after those that the shipped `part` was trained on; by default `Sizes.held_out` of them."""
    card, n = weights.load_card(part), n or sizes(run).held_out
    data = card["data"]
    if n > data["n_held_out"]:
        raise ValueError(f"asked for {n} scenes, expected at most the {data['n_held_out']} that were held out from "
                         f"{part!r}; ask for fewer")
    return _of_card(run, card, data["n_train"], n)


def trained_on(run: Pipeline, part: str = "clip", n: int | None = None) -> Scenes:
    """The last n scenes that the shipped `part` was trained on; by default `Sizes.training` of them."""
    card, n = weights.load_card(part), n or sizes(run).training
    return _of_card(run, card, card["data"]["n_train"] - n, n)


def out_of_domain(run: Pipeline, n: int | None = None) -> Scenes:
    """n scenes of the other world, with its palette and its watermark, held out from the out-of-domain generator."""
    n, part = n or sizes(run).elsewhere, "generator_ood"
    if (weights.part_folder(part) / weights.CARD).is_file():
        return held_out(run, part, n)
    return drawn(run, "watermark", run.experiment.seed, 0, n)  # there is no generator that was trained on them


def drawn(run: Pipeline, stream: str, seed: int, start: int, n: int) -> Scenes:
    """Scenes start .. start + n of a stream; their pictures are rendered once and kept in the store."""
    key = {"stream": stream, "seed": seed, "start": start, "n": n, "source": source_fingerprint(*SOURCES)}
    if ("scenes", *key.values()) not in run.memo:
        pictures = run.store.fetch("scenes", key,
                                   lambda folder: np.save(folder / "pictures.npy",
                                                          render_many(seed, stream, range(start, start + n))),
                                   lambda folder: np.load(folder / "pictures.npy"))
        scenes = tuple(draw_scene(seed, stream, i) for i in range(start, start + n))
        run.memo["scenes", *key.values()] = Scenes(scenes, pictures)
    return run.memo["scenes", *key.values()]


def _of_card(run: Pipeline, card: dict, start: int, n: int) -> Scenes:
    return drawn(run, card["data"]["world"].partition("-")[0], card["seed"], start, n)
