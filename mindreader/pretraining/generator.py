"""Pretrain the starting generators on the simulated world: regression at 32 and 64 px, then adversarial training."""

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
from ..core import progress, save_columns, weights
from ..embedding import ClipEmbedder, EmbedConfig, load_clip
from ..extractors import load_feature_net
from ..generator import Discriminator, GanConfig, Generator, TrainedGan, perturb, run, train_gan
from ..training import hardware
from ..world import World, load_world
from .critic import CriticTrainingState, FeatureExtractor, content_distance
from .evaluation import card_scores, reference_distances, score_generator

log = logging.getLogger(__name__)
N_SCORED = 1000  # held-out pictures on the card
LEVELS = (0.0, 0.1, 0.3, 0.6)  # noise in the condition, in the sample sheet


@dataclass(frozen=True)
class Origin:
    """What a generator is pretrained on: which world, how much of it, and what its conditions are embeddings of."""

    stream: str
    n_scenes: int
    condition: str  # "picture" (language-free) or "caption" (supervised)
    kimg: tuple[float, float, float]  # of the recipe's stages
    start: str = ""  # the generator it goes on from, by the last stage alone; "": from nothing


ORIGINS = {
    "generator_lf": Origin("world", 30_000, "picture", (120, 40, 384)),
    "generator_sup": Origin("world", 30_000, "caption", (0, 0, 20), start="generator_lf"),
    "generator_ood": Origin("watermark", 12_000, "picture", (30, 10, 60)),
}


@dataclass(frozen=True)
class GeneratorRecipe:
    """Three stages: regression at half and at full size, then adversarial training with a discriminator and a critic.

    No mirrored pictures: captions say left and right. Conditions are perturbed by noise in every stage, as Lafite's
    stand-in for language. Observed here: regression gives layout and colours within 16 kimg, where a conditional GAN
    from nothing still shows coloured fog; a critic without a discriminator on pixels leaves grain.
    """

    regression_32: GanConfig = field(default_factory=lambda: GanConfig(
        kimg=120, sketch_size=32, adversarial_weight=0.0, feature_weight=0.0, clip_weight=0.0, content_weight=10.0,
        path_weight=0.0, style_mixing=0.0, noise_levels=(0.0, 0.4), adam_betas=(0.5, 0.99), ema_kimg=3.0,
        ema_rampup=0.1))
    regression_64: GanConfig = field(default_factory=lambda: GanConfig(
        kimg=40, adversarial_weight=0.0, feature_weight=0.0, clip_weight=0.0, content_weight=10.0, path_weight=0.0,
        style_mixing=0.0, noise_levels=(0.0, 0.4), adam_betas=(0.5, 0.99), ema_kimg=3.0))
    adversarial: GanConfig = field(default_factory=lambda: GanConfig(
        kimg=100, clip_weight=1.0, feature_weight=1.0, content_weight=3.0, content_half_kimg=50.0, path_weight=0.0,
        r1_gamma=0.3, noise_levels=(0.05, 0.5), ema_kimg=8.0))

    def with_kimg(self, kimg: Sequence[float]) -> GeneratorRecipe:
        """The same recipe with stages of these lengths."""
        names = [f.name for f in dataclasses.fields(self)]
        return GeneratorRecipe(**{name: dataclasses.replace(getattr(self, name), kimg=n)
                                for name, n in zip(names, kimg, strict=True)})


def pretrain_generator(pictures: np.ndarray, rows: np.ndarray, embeddings: np.ndarray, clip: ClipEmbedder,
                       recipe: GeneratorRecipe, folder: Path, *, start: TrainedGan | None = None,
                       sheet: Sheet | None = None, seed: int = 0, resume: bool = False,
                       progress: Callable | None = None) -> TrainedGan:
    """Pretrain a one-head generator on pictures and embeddings.

    Parameters
    ----------
    pictures : uint8 array (n_pictures, 64, 64, 3)
        May be a memory map.
    rows : int array (n_items,)
        Picture of each training item; a picture with two captions is two items.
    embeddings : array (n_items, n_dims)
        Condition of each item.
    clip : ClipEmbedder
        Its first stages are also the feature extractor of the losses.
    recipe : GeneratorRecipe
    folder : Path
        For checkpoints, one file for each stage.
    start : TrainedGan, optional
        A pretrained generator; only the adversarial stage is trained.
    sheet : Sheet, optional
        Called at every tick.
    resume : bool
        Go on from the folder's checkpoints.

    Returns
    -------
    TrainedGan
        With the history of all stages, named in the column `stage`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {f.name: folder / f"{f.name}.pt" for f in dataclasses.fields(recipe)}
    if not resume:
        for file in files.values():
            file.unlink(missing_ok=True)
    clip.module.visual.to(memory_format=torch.channels_last)
    extractor = FeatureExtractor(clip)

    def content(generated: Tensor, real: Tensor) -> Tensor:
        if generated.shape[-1] < real.shape[-1]:  # regression at 32 px: both enlarged to full size
            size = tuple(real.shape[-2:])
            real = _resize(F.interpolate(real, generated.shape[-2:], mode="area"), size)
            generated = _resize(generated, size)
        with torch.no_grad():
            wanted = extractor(real, 2)
        return content_distance(extractor(generated, 2), wanted)

    trained, histories = start or _initial_networks(recipe.regression_32, seed), {}
    for name in () if start else ("regression_32", "regression_64"):
        trained = train_gan(pictures, rows, (embeddings,), getattr(recipe, name), start=trained, content=content,
                            seed=seed, checkpoint=files[name], progress=progress,
                            on_tick=sheet and sheet.stage(name))
        histories[name] = trained.history
    first = torch.from_numpy(pictures[np.sort(rows[:256])]).permute(0, 3, 1, 2).float() / 127.5 - 1
    state = CriticTrainingState(recipe.adversarial, trained, extractor, first, seed)
    trained = run(state, pictures, rows, (torch.from_numpy(embeddings),), checkpoint=files["adversarial"],
                  progress=progress, on_tick=sheet and sheet.stage("adversarial"))
    histories["adversarial"] = trained.history
    history = pd.concat(histories, names=["stage", None]).reset_index("stage").reset_index(drop=True)
    return dataclasses.replace(trained, history=history)


def _resize(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(pictures, size, mode="bilinear", align_corners=False)


def _initial_networks(config: GanConfig, seed: int, share: float = 0.1) -> TrainedGan:
    """Fresh one-head networks; the weights of w are scaled by `share`, as regression would have to unlearn z first."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator, discriminator = Generator(config.network), Discriminator(config.network)
    with torch.no_grad():
        for name, weight in generator.named_parameters():
            if name.endswith("affine_0.weight"):
                weight[:, config.network.w_dim:] *= share
    return TrainedGan(config.network, {"G": generator.state_dict(), "G_ema": generator.state_dict(),
                                       "D": discriminator.state_dict()})


class Sheet:
    """Writes samples for held-out pictures: truth; from true and ever noisier embeddings; from caption embeddings.

    pictures (n, H, W, 3) uint8; embeddings (n, n_dims) each; a file in `folder` every so many seconds.
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
        trained = TrainedGan(average.config, {"G_ema": average.state_dict()})
        rng = torch.Generator().manual_seed(0)
        columns = [self.pictures]
        for i, level in enumerate(LEVELS):
            columns.append(trained.generate(perturb(torch.from_numpy(self.embeddings), level, rng).numpy(), seed=i))
        columns.append(trained.generate(self.captions, seed=9))
        save_columns(columns, self.folder / f"{stage}-{row['kimg']:07.2f}.png")


def pretrain(name: str, *, share: float = 1.0, threads: int = 2, seed: int = 0, resume: bool = False) -> dict:
    """Pretrain one of `ORIGINS` from nothing but this repository, save it as a shipped part, and give its card.

    Parameters
    ----------
    name : str
        A key of `ORIGINS`.
    share : float
        Of the recipe's length.
    """
    origin = ORIGINS[name]
    world = load_world(origin.n_scenes, seed=seed, stream=origin.stream, processes=threads, progress=progress)
    clip, recipe = load_clip(EmbedConfig()), GeneratorRecipe().with_kimg([share * n for n in origin.kimg])
    folder = core.home() / "pretrain" / name
    rows, embeddings = _training_items(world, clip, origin.condition)
    shown = world.held_out[:N_SCORED]
    truth = np.ascontiguousarray(world.pictures[shown])
    held_out = {"image embeddings": clip.images(truth),
                "caption embeddings": clip.texts(_specific(world, shown, 1))}
    folder.mkdir(parents=True, exist_ok=True)
    sheet = Sheet(truth[:10], *(e[:10] for e in held_out.values()), folder)
    start = TrainedGan.from_part(*weights.load_part(origin.start)) if origin.start else None
    generator = pretrain_generator(world.pictures, rows, embeddings, clip, recipe, folder, start=start, sheet=sheet,
                                   seed=seed, resume=resume, progress=progress)
    feature_net = load_feature_net()
    scores = {space: card_scores(score_generator(generator, e, truth, feature_net, clip=clip))
              for space, e in held_out.items()}
    others = np.ascontiguousarray(world.pictures[world.train[-N_SCORED:]])
    known = reference_distances(world.pictures[world.train[:-N_SCORED]], truth, others, feature_net)
    scores |= {reference: card_scores(rows) for reference, rows in known.groupby("name")}
    stages = {stage: settings for stage, settings in dataclasses.asdict(recipe).items()
              if stage in set(generator.history.stage)}
    card = {"recipe": stages, "conditions": origin.condition, "data": world.card_entry(), "seed": seed,
            "minutes": round(generator.history.groupby("stage").seconds.max().sum() / 60, 1), "hardware": hardware(),
            "scores": scores, "clip": weights.part_checksum("clip")}
    if origin.start:
        card["start"] = {origin.start: weights.part_checksum(origin.start)}
    return generator.save(weights.part_folder(name), card=card, dtype=torch.float16)


def _specific(world: World, rows: np.ndarray, n: int) -> list[str]:
    """The first n specific captions of each of these scenes, one scene after the other."""
    return [sentence for i in rows for sentence in [s for s, grade in world.captions[i] if grade == "specific"][:n]]


def _training_items(world: World, clip: ClipEmbedder, condition: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of pictures and their conditions: the picture's own embedding, or those of its two specific captions."""
    if condition == "picture":
        return world.train, clip.images(np.ascontiguousarray(world.pictures[world.train]))
    return np.repeat(world.train, 2), clip.texts(_specific(world, world.train, 2))
