"""Define the records that flow between stages, the errors, and the protocols that a plug-in implements.

Records hold NumPy arrays and tables, never tensors; their rows are joined by image id and key, never by position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import pandas as pd

Space = Literal["image", "caption"]
Origin = Literal["nsd", "twin", "rehearsal"]
SPACES: tuple[Space, ...] = ("image", "caption")


class LayoutError(FileNotFoundError):
    """A file of the data set or of the weights is missing, damaged, or not what its name promises."""

    def __str__(self) -> str:
        return " ".join(str(a) for a in self.args)

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence alone, since the fault is in a file and not in the code."""
        return [f"{type(self).__name__}: {self}"]


class Unfit(LayoutError):
    """No network that is there knows photographs: one of the simulated world was given, or a published one is missing."""


class Diverged(RuntimeError):
    """Training produced a number that is not finite; says which loss, and at which step."""


class _WhenAsked:
    """A table of a record, or a function without arguments that makes it when it is first asked for, once."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, record, owner=None):
        if record is None:
            raise AttributeError(self.name)                  # so that a dataclass sees no default
        value = vars(record)[self.name]
        if callable(value):
            value = vars(record)[self.name] = value()
        return value

    def __set__(self, record, value):
        vars(record)[self.name] = value


def _freeze(record) -> None:
    for name, value in list(vars(record).items()):           # as they are held, so that nothing is made for it
        if isinstance(value, np.ndarray):
            view = value.view()
            view.flags.writeable = False
            object.__setattr__(record, name, view)


def _same_rows(**arrays) -> None:
    lengths = {name: len(a) for name, a in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"rows do not agree: {lengths}; expected one row per entry in each")


def _first_rows(image_ids: np.ndarray, keys: np.ndarray, n: int | None) -> np.ndarray:
    order = np.lexsort((image_ids, keys))
    return order[np.sort(np.unique(image_ids[order], return_index=True)[1])[:n]]


@dataclass(frozen=True, eq=False)
class Stimuli:
    """What was shown.

    ids          (n_images,) int64                       0-based row of the NSD 73k image list
    images       (n_images, height, width, 3) uint8      sRGB
    captions     table image_id, caption_id, caption     several sentences for each image
    annotations  table image_id, category, kind          kind is "thing" or "stuff"; one row per class present

    For annotations a function without arguments may be given, which is called when they are first asked for: most analyses
    need no class, and COCO's files of classes are large.
    """

    ids: np.ndarray
    images: np.ndarray
    captions: pd.DataFrame
    annotations: pd.DataFrame | Callable[[], pd.DataFrame] = _WhenAsked()

    def __post_init__(self):
        _same_rows(ids=self.ids, images=self.images)
        _freeze(self)

    def __repr__(self) -> str:
        return f"Stimuli({len(self.ids)} images, {len(self.captions)} captions)"

    def __reduce__(self):
        return Stimuli, (self.ids, self.images, self.captions, self.annotations)

    def with_captions(self, captions: pd.DataFrame) -> Stimuli:
        """The same pictures and classes with other captions."""
        return Stimuli(self.ids, self.images, captions, lambda: self.annotations)

    def take(self, ids) -> Stimuli:
        """The same record for the given image ids only, in the given order; an unknown id raises KeyError."""
        rows = pd.Index(self.ids).get_indexer(ids)
        if (rows < 0).any():
            raise KeyError(f"image {np.asarray(ids)[rows < 0][0]} is not among these {len(self.ids)} stimuli")
        keep = set(np.asarray(ids).tolist())
        return Stimuli(
            self.ids[rows], self.images[rows],
            self.captions[self.captions.image_id.isin(keep)].reset_index(drop=True),
            lambda: self.annotations[self.annotations.image_id.isin(keep)].reset_index(drop=True),
        )


@dataclass(frozen=True, eq=False)
class Trials:
    """What one brain did, trial by trial.

    betas      (n_trials, n_voxels) float32   z-scored within session, so unit-free
    image_ids  (n_trials,) int64              0-based row of the NSD 73k image list
    trial_ids  (n_trials,) int64              0-based number of the trial in the whole experiment (0..29999)
    sessions   (n_trials,) int64              1-based, as NSD names its files
    """

    betas: np.ndarray
    image_ids: np.ndarray
    trial_ids: np.ndarray
    sessions: np.ndarray

    def __post_init__(self):
        _same_rows(betas=self.betas, image_ids=self.image_ids, trial_ids=self.trial_ids, sessions=self.sessions)
        _freeze(self)

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, rows) -> Trials:
        """The same record with only these rows (boolean mask or positions)."""
        return Trials(self.betas[rows], self.image_ids[rows], self.trial_ids[rows], self.sessions[rows])

    def of(self, image_ids) -> Trials:
        """Every trial on which one of these images was shown, in trial order."""
        return self.take(np.isin(self.image_ids, np.asarray(image_ids)))

    def first_rows(self, n: int | None = None) -> np.ndarray:
        """Rows of the first trial of each of the first n pictures, or of all, in trial order: nothing is selected by hand."""
        return _first_rows(self.image_ids, self.trial_ids, n)

    def replace(self, betas: np.ndarray) -> Trials:
        """The same trials with other activity, shape (n_trials, n_voxels)."""
        return Trials(np.ascontiguousarray(betas, dtype=np.float32), self.image_ids, self.trial_ids, self.sessions)


@dataclass(frozen=True, eq=False)
class Split:
    """Which images train and which validate; every trial follows its image, so no image is on both sides."""

    train: np.ndarray
    validation: np.ndarray

    def __post_init__(self):
        shared = np.intersect1d(self.train, self.validation)
        if len(shared):
            raise ValueError(f"image {shared[0]} is on both sides of the split ({len(shared)} are); expected none")
        _freeze(self)


@dataclass(frozen=True, eq=False)
class Subject:
    """One person (or one simulated subject): pictures, responses, regions, split.

    rois    name -> (n_voxels,) bool, e.g. "V1v", "FFA-1", "floc-faces", "streams/early"
    coords  (n_voxels, 3) int   index (x, y, z) of each voxel in the volume, in C order over (z, y, x)
    ncsnr   (n_voxels,) float   noise-ceiling signal-to-noise ratio, NaN where undefined
    origin  "nsd", "twin" or "rehearsal"; shown on every figure and table
    """

    name: str
    stimuli: Stimuli
    trials: Trials
    rois: dict[str, np.ndarray]
    coords: np.ndarray
    ncsnr: np.ndarray
    split: Split
    origin: Origin

    @property
    def n_voxels(self) -> int:
        return self.trials.betas.shape[1]

    @property
    def train(self) -> Trials:
        """Trials whose image is on the training side."""
        return self.trials.of(self.split.train)

    @property
    def validation(self) -> Trials:
        """Trials whose image is on the validation side, in trial order."""
        return self.trials.of(self.split.validation)


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Vectors in a shared space, true (source "clip") or decoded from a brain (source "fmri").

    vectors    (n, n_dims) float32
    image_ids  (n,) int64    the picture that each vector is about
    keys       (n,) int64    tells several vectors of one picture apart: the trial id for source "fmri",
                             the caption id for captions, 0 for pictures; (image_id, key) is unique
    space      "image" or "caption" (which side of CLIP), or the name of another feature extractor

    >>> both = Embeddings(np.float32([[3, 0], [1, 0], [0, 2]]), np.array([7, 7, 9]), np.array([0, 1, 0]), "image", "fmri")
    >>> both.per_image().at([9, 7]).tolist()
    [[0.0, 2.0], [2.0, 0.0]]
    """

    vectors: np.ndarray
    image_ids: np.ndarray
    keys: np.ndarray
    space: str
    source: Literal["clip", "fmri", "pixels"]

    def __post_init__(self):
        _same_rows(vectors=self.vectors, image_ids=self.image_ids, keys=self.keys)
        pairs = np.stack([self.image_ids, self.keys], 1)
        unique, counts = np.unique(pairs, axis=0, return_counts=True) if len(pairs) else (pairs, np.ones(0))
        if len(unique) < len(pairs):
            image, key = unique[counts > 1][0]
            raise ValueError(f"image {image} with key {key} occurs twice; expected each (image id, key) once")
        _freeze(self)

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def index(self) -> pd.MultiIndex:
        """The whole key (image_id, key) of each row, to join by; a key alone may belong to several images."""
        return pd.MultiIndex.from_arrays([self.image_ids, self.keys], names=["image_id", "key"])

    def take(self, rows) -> Embeddings:
        """The same record with only these rows (boolean mask or positions)."""
        return Embeddings(self.vectors[rows], self.image_ids[rows], self.keys[rows], self.space, self.source)

    def first_rows(self, n: int | None = None) -> np.ndarray:
        """Rows of the lowest key of each of the first n pictures, or of all, in the order of keys: of trials, as `Trials.first_rows`."""
        return _first_rows(self.image_ids, self.keys, n)

    def at(self, image_ids) -> np.ndarray:
        """Vectors aligned with `image_ids` (repeats allowed), shape (len(image_ids), n_dims).

        Needs one vector per picture; a picture that is not here raises KeyError.
        """
        index = pd.Index(self.image_ids)
        if not index.is_unique:
            raise ValueError(f"image {index[index.duplicated()][0]} has several embeddings; use per_image() first")
        rows = index.get_indexer(image_ids)
        if (rows < 0).any():
            raise KeyError(f"image {np.asarray(image_ids)[rows < 0][0]} has no embedding among these {len(self)}")
        return self.vectors[rows]

    def per_image(self) -> Embeddings:
        """One vector per picture: the mean over its repeats or captions, pictures in ascending id."""
        ids, inverse = np.unique(self.image_ids, return_inverse=True)
        total = np.zeros((len(ids), self.vectors.shape[1]))
        np.add.at(total, inverse, self.vectors)
        mean = total / np.bincount(inverse)[:, None]
        return Embeddings(mean.astype(np.float32), ids, np.zeros(len(ids), np.int64), self.space, self.source)

    def unit(self) -> Embeddings:
        """The same scaled to unit length."""
        norm = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        vectors = (self.vectors / np.maximum(norm, 1e-12)).astype(np.float32)
        return Embeddings(vectors, self.image_ids, self.keys, self.space, self.source)

    def save(self, folder: Path) -> None:
        """Write embeddings.npz into a folder."""
        np.savez(folder / "embeddings.npz", vectors=self.vectors, image_ids=self.image_ids, keys=self.keys, space=self.space,
                 source=self.source)

    @classmethod
    def load(cls, folder: Path) -> Embeddings:
        """Read what `save` wrote."""
        with np.load(folder / "embeddings.npz", allow_pickle=False) as kept:
            return cls(kept["vectors"], kept["image_ids"], kept["keys"], str(kept["space"]), str(kept["source"]))


@dataclass(frozen=True, eq=False)
class Reconstructions:
    """Pictures generated from embeddings.

    images     (n, n_draws, height, width, 3) uint8   several draws of z for one condition
    image_ids  (n,) int64   which picture each row tries to show
    keys       (n,) int64   as in Embeddings: the trial id, or 0
    heads      which conditions were given, e.g. ("image", "caption")
    seed       of z
    """

    images: np.ndarray
    image_ids: np.ndarray
    keys: np.ndarray
    heads: tuple[str, ...]
    seed: int
    note: str = field(default="")

    def __post_init__(self):
        _same_rows(images=self.images, image_ids=self.image_ids, keys=self.keys)
        _freeze(self)

    def __len__(self) -> int:
        return len(self.image_ids)


class Embedder(Protocol):
    """Embeds pictures and sentences; rows keep their order."""

    n_dims: int

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32, raw (not normalised)."""

    def texts(self, sentences: list[str]) -> np.ndarray:
        """n sentences -> (n, n_dims) float32, raw (not normalised)."""


class Mapper(Protocol):
    """Carries brain activity to a space."""

    def predict(self, trials: Trials) -> Embeddings:
        """One embedding per trial, source "fmri", keys = trial ids."""


class Encoder(Protocol):
    """Predicts brain activity from embeddings of pictures."""

    def predict(self, embeddings: Embeddings) -> np.ndarray:
        """The activity that each embedding predicts, (n, n_voxels) float32."""


class PictureGenerator(Protocol):
    """Generates pictures from embeddings."""

    def generate(self, image_embeddings: np.ndarray, caption_embeddings: np.ndarray, *, seed: int) -> np.ndarray:
        """(n, n_dims) twice -> (n, height, width, 3) uint8."""
