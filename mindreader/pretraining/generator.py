"""Teach the painters the invented world before they meet a brain: first to copy, then to compete."""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import core
from ..core import progress
from ..embedding import ClipEmbedder, EmbedConfig, load_clip, load_feature_net
from ..generator import Discriminator, GanConfig, Generator, TrainedGan, perturb, run, train_gan
from ..scoring import card_scores, score_generator, reference_distances
from ..training import hardware
from ..world import World, load_world
from ..core import save_columns, weights
from .critic import Eye, Rivalry, content_distance

log = logging.getLogger(__name__)
N_SCORED = 1000  # held-out pictures on the card
LEVELS = (0.0, 0.1, 0.3, 0.6)  # noise in the condition, in the sample sheet


@dataclass(frozen=True)
class Origin:
    """What a painter is pretrained on: which world, how much of it, and what its conditions are points of."""

    stream: str
    n_scenes: int
    condition: str  # "picture" (language-free) or "caption" (supervised)
    kimg: tuple[float, float, float]  # of the recipe's stages
    start: str = ""  # the painter it goes on from, by the last stage alone; "": from nothing


ORIGINS = {
    "generator_lf": Origin("world", 30_000, "picture", (120, 40, 384)),
    "generator_sup": Origin("world", 30_000, "caption", (0, 0, 20), start="generator_lf"),
    "generator_ood": Origin("watermark", 12_000, "picture", (30, 10, 60)),
}


@dataclass(frozen=True)
class PainterRecipe:
    """Three stages: copy at half size, copy at full size, then compete with a discriminator and a critic.

    No mirrored pictures: captions say left and right. The condition is moved by noise in every stage, as Lafite's
    stand-in for language. Seen here: copying gives layout and colours within 16 kimg; a conditional GAN from nothing
    still shows coloured fog by then, and a critic without a discriminator for the pixels leaves grain.
    """

    sketch: GanConfig = field(default_factory=lambda: GanConfig(
        kimg=120, sketch_size=32, adversarial_weight=0.0, feature_weight=0.0, clip_weight=0.0, content_weight=10.0,
        path_weight=0.0, style_mixing=0.0, noise_levels=(0.0, 0.4), adam_betas=(0.5, 0.99), ema_kimg=3.0,
        ema_rampup=0.1))
    copy: GanConfig = field(default_factory=lambda: GanConfig(
        kimg=40, adversarial_weight=0.0, feature_weight=0.0, clip_weight=0.0, content_weight=10.0, path_weight=0.0,
        style_mixing=0.0, noise_levels=(0.0, 0.4), adam_betas=(0.5, 0.99), ema_kimg=3.0))
    compete: GanConfig = field(default_factory=lambda: GanConfig(
        kimg=100, clip_weight=1.0, feature_weight=1.0, content_weight=3.0, content_half_kimg=50.0, path_weight=0.0,
        r1_gamma=0.3, noise_levels=(0.05, 0.5), ema_kimg=8.0))

    def lasting(self, kimg: Sequence[float]) -> PainterRecipe:
        """The same recipe with stages of these lengths."""
        names = [f.name for f in dataclasses.fields(self)]
        return PainterRecipe(**{name: dataclasses.replace(getattr(self, name), kimg=n)
                                for name, n in zip(names, kimg, strict=True)})


def pretrain_generator(pictures: np.ndarray, rows: np.ndarray, embeddings: np.ndarray, clip: ClipEmbedder,
                       recipe: PainterRecipe, folder: Path, *, start: TrainedGan | None = None,
                       sheet: Sheet | None = None, seed: int = 0, resume: bool = False,
                       progress: Callable | None = None) -> TrainedGan:
    """Pretrain a one-head painter on pictures and points.

    Parameters
    ----------
    pictures : uint8 array (n_pictures, 64, 64, 3)
        May be a memory map.
    rows : int array (n_items,)
        Picture of each training item; a picture with two captions is two items.
    points : array (n_items, n_dims)
        Condition of each item.
    clip : ClipEmbedder
        Is also one judge of what is painted.
    recipe : PainterRecipe
    folder : Path
        For checkpoints, one file for each stage.
    start : TrainedGan, optional
        A painter that can copy already; the recipe then begins with its last stage.
    sheet : Sheet, optional
        Called at every tick.
    resume : bool
        Go on from the folder's checkpoints.

    Returns
    -------
    TrainedGan
        With the history of all stages, told apart by the column `stage`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {f.name: folder / f"{f.name}.pt" for f in dataclasses.fields(recipe)}
    if not resume:
        for file in files.values():
            file.unlink(missing_ok=True)
    clip.module.visual.to(memory_format=torch.channels_last)
    eye = Eye(clip)

    def content(painted: Tensor, real: Tensor) -> Tensor:
        if painted.shape[-1] < real.shape[-1]:  # a sketch: both as the larger picture that it stands for
            size = tuple(real.shape[-2:])
            real = _stretch(F.interpolate(real, painted.shape[-2:], mode="area"), size)
            painted = _stretch(painted, size)
        with torch.no_grad():
            wanted = eye(real, 2)
        return content_distance(eye(painted, 2), wanted)

    trained, histories = start or _quiet_start(recipe.sketch, seed), {}
    for name in () if start else ("sketch", "copy"):
        trained = train_gan(pictures, rows, (embeddings,), getattr(recipe, name), start=trained, content=content, seed=seed,
                            checkpoint=files[name], progress=progress, on_tick=sheet and sheet.stage(name))
        histories[name] = trained.history
    first = torch.from_numpy(pictures[np.sort(rows[:256])]).permute(0, 3, 1, 2).float() / 127.5 - 1
    rivalry = Rivalry(recipe.compete, trained, eye, first, seed)
    trained = run(rivalry, pictures, rows, (torch.from_numpy(embeddings),), checkpoint=files["compete"], progress=progress,
                  on_tick=sheet and sheet.stage("compete"))
    histories["compete"] = trained.history
    history = pd.concat(histories, names=["stage", None]).reset_index("stage").reset_index(drop=True)
    return dataclasses.replace(trained, history=history)


def _stretch(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(pictures, size, mode="bilinear", align_corners=False)


def _quiet_start(config: GanConfig, seed: int, share: float = 0.1) -> TrainedGan:
    """A fresh one-head painter that hears z a tenth as loud as its condition; copying would have to unlearn z first."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        painter, judge = Generator(config.network), Discriminator(config.network)
    with torch.no_grad():
        for name, weight in painter.named_parameters():
            if name.endswith("affine_0.weight"):
                weight[:, config.network.w_dim:] *= share
    return TrainedGan(config.network, {"G": painter.state_dict(), "G_ema": painter.state_dict(),
                                       "D": judge.state_dict()})


class Sheet:
    """Writes what the averaged painter makes of held-out pictures: truth, from true and ever noisier points, captions.

    pictures (n, H, W, 3) uint8; points, caption_points (n, n_dims); a file in `folder` every so many seconds.
    """

    def __init__(self, pictures: np.ndarray, embeddings: np.ndarray, caption_embeddings: np.ndarray, folder: Path,
                 every: float = 240.0):
        self.pictures, self.embeddings, self.captions = pictures, embeddings, caption_embeddings
        self.folder, self.every, self.last = folder, every, -math.inf

    def stage(self, name: str) -> Callable:
        """What a training loop calls at each tick of this stage."""
        return partial(self._tick, name)

    def _tick(self, stage: str, row: dict, average: Generator) -> None:
        log.info("%s %s", stage, {k: round(v, 4) for k, v in row.items()})
        if time.monotonic() - self.last < self.every:
            return
        self.last = time.monotonic()
        painter = TrainedGan(average.config, {"G_ema": average.state_dict()})
        rng = torch.Generator().manual_seed(0)
        columns = [self.pictures]
        for i, level in enumerate(LEVELS):
            columns.append(painter.generate(perturb(torch.from_numpy(self.embeddings), level, rng).numpy(), seed=i))
        columns.append(painter.generate(self.captions, seed=9))
        save_columns(columns, self.folder / f"{stage}-{row['kimg']:07.2f}.png")


def pretrain(name: str, *, share: float = 1.0, threads: int = 2, seed: int = 0, resume: bool = False) -> dict:
    """Make one of `ORIGINS` from nothing but this repository, save it as a shipped part, and give its card.

    Parameters
    ----------
    name : str
        A key of `ORIGINS`.
    share : float
        Of the recipe's length.
    """
    origin = ORIGINS[name]
    world = load_world(origin.n_scenes, seed=seed, stream=origin.stream, processes=threads, progress=progress)
    clip, recipe = load_clip(EmbedConfig()), PainterRecipe().lasting([share * n for n in origin.kimg])
    folder = core.home() / "pretrain" / name
    rows, embeddings = _lessons(world, clip, origin.condition)
    shown = world.held_out[:N_SCORED]
    truth = np.ascontiguousarray(world.pictures[shown])
    held_out = {"image points": clip.images(truth), "caption points": clip.texts(_specific(world, shown, 1))}
    folder.mkdir(parents=True, exist_ok=True)
    sheet = Sheet(truth[:10], *(p[:10] for p in held_out.values()), folder)
    start = TrainedGan.from_part(*weights.load_part(origin.start)) if origin.start else None
    painter = pretrain_generator(world.pictures, rows, embeddings, clip, recipe, folder, start=start, sheet=sheet, seed=seed,
                                 resume=resume, progress=progress)
    feature_net = load_feature_net()
    scores = {kind: card_scores(score_generator(painter, p, truth, feature_net, clip=clip)) for kind, p in held_out.items()}
    others = np.ascontiguousarray(world.pictures[world.train[-N_SCORED:]])
    known = reference_distances(world.pictures[world.train[:-N_SCORED]], truth, others, feature_net)
    scores |= {yardstick: card_scores(rows) for yardstick, rows in known.groupby("name")}
    stages = {stage: settings for stage, settings in dataclasses.asdict(recipe).items()
              if stage in set(painter.history.stage)}
    card = {"recipe": stages, "conditions": origin.condition, "data": world.card_entry(), "seed": seed,
            "minutes": round(painter.history.groupby("stage").seconds.max().sum() / 60, 1), "hardware": hardware(),
            "scores": scores, "clip": weights.part_checksum("clip")}
    if origin.start:
        card["start"] = {origin.start: weights.part_checksum(origin.start)}
    return painter.save(weights.part_folder(name), card=card, dtype=torch.float16)


def _specific(world: World, rows: np.ndarray, n: int) -> list[str]:
    """The first n specific captions of each of these scenes, one scene after the other."""
    return [sentence for i in rows for sentence in [s for s, grade in world.captions[i] if grade == "specific"][:n]]


def _lessons(world: World, clip: ClipEmbedder, condition: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of pictures and the points that stand for them: the picture's own, or those of its two specific captions."""
    if condition == "picture":
        return world.train, clip.images(np.ascontiguousarray(world.pictures[world.train]))
    return np.repeat(world.train, 2), clip.texts(_specific(world, world.train, 2))
