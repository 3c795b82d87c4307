"""Render the pretraining corpus once: tens of thousands of simulated pictures with captions and true factors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .. import core
from ..core import atomic_write, fingerprint, source_fingerprint

SOURCES = ("world.rendering:render_many", "world.sampling:draw_scene", "world.scenes:factors", "world.sentences:caption")
CHUNK = 2500  # scenes rendered between two savings


@dataclass(frozen=True, eq=False)
class World:
    """Simulated scenes in their order; the last `n_held_out` are for scoring and never trained on.

    pictures    (n, size, size, 3) uint8, read from disk as needed
    captions    n lists of five [sentence, grade]
    factors     table with a row for each scene: `scenes.factors`
    n_held_out  int
    path        where the pictures are
    """

    pictures: np.ndarray
    captions: list
    factors: pd.DataFrame
    n_held_out: int
    path: Path

    @property
    def train(self) -> np.ndarray:
        """Rows to train on."""
        return np.arange(len(self.pictures) - self.n_held_out)

    def card_entry(self) -> dict:
        """The entry on the training data in a model card."""
        return {"world": self.path.name, "n_train": len(self.train), "n_held_out": self.n_held_out}

    @property
    def held_out(self) -> np.ndarray:
        """Rows to score on."""
        return np.arange(len(self.pictures) - self.n_held_out, len(self.pictures))


def load_world(n_scenes: int = 30_000, *, seed: int = 0, stream: str = "world", size: int = 64,
               n_held_out: int = 1500, processes: int | None = None, progress=None) -> World:
    """Load the world of this seed and size, rendering it first unless it is on disk.

    Rendering resumes where it was interrupted. The world is kept in `core.home()/world`, under a name that changes with
    the source code of sampling and rendering.

    Parameters
    ----------
    n_scenes : int
    seed, stream : int, str
        As for `sampling.draw_scene`.
    size : int
        Height and width, pixels.
    n_held_out : int
        How many of the last scenes are kept for scoring; fewer than n_scenes.
    processes : int, optional
        Worker processes; by default one for each processor.
    progress : callable, optional
        As `core.progress`.

    Raises ValueError unless 0 <= n_held_out < n_scenes.
    """
    if not 0 <= n_held_out < n_scenes:
        raise ValueError(f"found n_held_out={n_held_out}, expected 0 to {n_scenes - 1}; "
                         "hold out fewer than n_scenes")
    key = {"n": n_scenes, "seed": seed, "stream": stream, "size": size,
           "source": source_fingerprint(*SOURCES)}
    folder = core.home() / "world"
    path = folder / f"{stream}-{n_scenes}-{fingerprint(key)}.npy"
    texts = path.with_suffix(".json")
    if not (path.is_file() and texts.is_file()):
        core.make_folder(folder, "the world of scenes")
        with core.locked(folder / f".{path.stem}.lock"):
            if not texts.is_file():
                _write_texts(texts, n_scenes, seed, stream)
            if not path.is_file():
                _render(path, n_scenes, seed, stream, size, processes, progress)
    labels = json.loads(texts.read_text(encoding="utf-8"))
    return World(np.load(path, mmap_mode="r"), labels["captions"], pd.DataFrame(labels["factors"]), n_held_out, path)


def _write_texts(path: Path, n_scenes: int, seed: int, stream: str) -> None:
    from .sampling import draw_scene
    from .scenes import factors
    from .sentences import caption
    scenes = [draw_scene(seed, stream, i) for i in range(n_scenes)]
    table = pd.DataFrame([factors(s) for s in scenes])
    labels = {"captions": [caption(s) for s in scenes], "factors": table.to_dict("list")}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(labels), encoding="utf-8")


def _render(path: Path, n_scenes: int, seed: int, stream: str, size: int, processes, progress) -> None:
    """Render in chunks that outlive an interruption, then put them together under the final name."""
    from .rendering import render_many
    starts = range(0, n_scenes, CHUNK)
    chunks = [path.with_name(f".{path.stem}.{start:07d}.npy") for start in starts]
    for start, chunk in (progress or _plain)(list(zip(starts, chunks)), desc="world", total=len(chunks)):
        if not chunk.is_file():
            rows = range(start, min(start + CHUNK, n_scenes))
            with atomic_write(chunk) as temporary:
                np.save(temporary, render_many(seed, stream, rows, size, processes))
    try:
        with atomic_write(path) as temporary:
            np.save(temporary, np.concatenate([np.load(chunk) for chunk in chunks]))
    except FileNotFoundError:       # another process, let in by a lock that holds nobody, was faster and tidied up
        if not path.is_file():
            raise
    for chunk in chunks:
        chunk.unlink(missing_ok=True)


def _plain(rows, **_):
    return rows
