"""Teach the painter the invented world before it meets a brain: first to copy, then to compete."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import paths, weights
from .critic import Eye, Rivalry, content_distance
from .embed import ClipEmbedder, EmbedConfig, load_clip
from .gan import GanConfig, TrainedGan, run, train_gan
from .gan_steps import perturb
from .params import progress
from .stylegan import Discriminator, Generator

log = logging.getLogger(__name__)
PART = "generator_lf"
LEVELS = (0.0, 0.1, 0.3, 0.6)  # noise in the condition, in the sample sheet


@dataclass(frozen=True)
class PainterRecipe:
    """Three stages: copy; rival a critic who sees through CLIP; at last, meet the discriminator.

    No captions, no mirrored pictures: the condition is the picture's own point, moved by noise. Seen here: copying
    gives layout and colours within 16 kimg, the critic figures and objects within another 40; a conditional GAN from
    nothing still shows coloured fog by then.
    """

    warm: GanConfig = field(default_factory=lambda: GanConfig(
        kimg=64, adversarial_weight=0.0, feature_weight=0.0, clip_weight=0.0, content_weight=10.0, path_weight=0.0,
        style_mixing=0.0, noise_levels=(0.0, 0.4), adam_betas=(0.5, 0.99), ema_kimg=2.0, ema_rampup=0.1))
    compete: GanConfig = field(default_factory=lambda: GanConfig(
        kimg=76, clip_weight=1.0, content_weight=3.0, content_half_kimg=40.0, path_weight=0.0,
        noise_levels=(0.05, 0.5), ema_kimg=3.0))
    settle: GanConfig = field(default_factory=lambda: GanConfig(
        kimg=8, clip_weight=2.0, feature_weight=2.0, content_weight=2.0, path_weight=0.0, learning_rate=0.001,
        noise_levels=(0.05, 0.5), ema_kimg=3.0))
    images_per_second: float = 65.0  # all stages together, two shared cores; turns minutes into kimg

    def within(self, minutes: float) -> PainterRecipe:
        """The same recipe, longer or shorter, to take about so many minutes."""
        stages = {"warm": self.warm, "compete": self.compete, "settle": self.settle}
        share = minutes * 60 * self.images_per_second / 1000 / sum(c.kimg for c in stages.values())
        return PainterRecipe(images_per_second=self.images_per_second, **{
            name: dataclasses.replace(c, kimg=c.kimg * share) for name, c in stages.items()})


def pretrain_generator(pictures: np.ndarray, clip: ClipEmbedder, recipe: PainterRecipe, folder: Path, *,
                       train: np.ndarray, shown: np.ndarray, seed: int = 0, resume: bool = False,
                       probes: dict[str, np.ndarray] | None = None, progress: Callable | None = None,
                       sheet_seconds: float = 300.0) -> TrainedGan:
    """Pretrain a one-head painter on pictures and their points.

    Parameters
    ----------
    pictures : uint8 array (n, 64, 64, 3)
        May be a memory map.
    clip : ClipEmbedder
        Gives the points; is also one judge of what is painted.
    recipe : PainterRecipe
    folder : Path
        Checkpoints, and a sheet of held-out pictures every `sheet_seconds`.
    train, shown : int arrays
        Rows to learn from, and rows of the sheet (the first eight are drawn).
    resume : bool
        Go on from the folder's checkpoints.
    probes : dict, optional
        Further points of the shown pictures (e.g. of their captions), each a column of the sheet.

    Returns
    -------
    TrainedGan
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"{name}.pt" for name in ("warm", "compete", "settle")}
    if not resume:
        for file in files.values():
            file.unlink(missing_ok=True)
    clip.module.visual.to(memory_format=torch.channels_last)
    points = _points(clip, pictures, train, folder / "points.npy", resume)
    sheet = _Sheet(pictures[shown[:8]], clip, folder, probes or {}, sheet_seconds)
    eye = Eye(clip)
    options = {"progress": progress, "on_tick": sheet}

    def content(painted: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = eye(real, 2)
        return content_distance(eye(painted, 2), wanted)

    sheet.stage = "warm"
    trained = train_gan(pictures, train, (points,), recipe.warm, start=_quiet_start(recipe.warm, seed), content=content,
                        seed=seed, checkpoint=files["warm"], **options)
    sheet.stage = "compete"
    first = torch.from_numpy(pictures[train[:256]].copy()).permute(0, 3, 1, 2).float() / 127.5 - 1
    rivalry = Rivalry(recipe.compete, trained, eye, first, seed)
    trained = run(rivalry, pictures, train, (torch.from_numpy(points),), checkpoint=files["compete"], **options)
    sheet.stage = "settle"
    return train_gan(pictures, train, (points,), recipe.settle, start=trained, clip=clip, content=content, seed=seed,
                     checkpoint=files["settle"], **options)


def score_painter(painter: TrainedGan, clip: ClipEmbedder, pictures: np.ndarray, points: np.ndarray) -> dict:
    """How well pictures are recognised that were painted from points.

    `points` (n, d) of `pictures` (n, H, W, 3). top1: how often CLIP finds the right one of n pictures from what was
    painted; cosine: of the painted and the true picture's point; l1: mean absolute difference of pixels, 0 to 255.
    """
    painted = painter.paint(points, seed=0)
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (clip.images(painted), clip.images(pictures)))
    likeness = a @ b.T
    return {"n": len(points), "top1": float((likeness.argmax(1) == np.arange(len(a))).mean()),
            "cosine": float(np.diag(likeness).mean()),
            "l1": float(np.abs(painted.astype(float) - pictures).mean())}


def _points(clip: ClipEmbedder, pictures: np.ndarray, rows: np.ndarray, file: Path, resume: bool) -> np.ndarray:
    """CLIP's points of these pictures; when going on, from the folder."""
    if resume and file.exists():
        return np.load(file)
    points = clip.images(np.ascontiguousarray(pictures[rows]))
    np.save(file, points)
    return points


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


class _Sheet:
    """Writes what the averaged painter makes of held-out points: true, then noisier conditions, then the probes."""

    def __init__(self, pictures: np.ndarray, clip: ClipEmbedder, folder: Path, probes: dict, every: float):
        self.pictures, self.folder, self.every = pictures, folder, every
        self.points = clip.images(np.ascontiguousarray(pictures))
        self.probes = {name: p[:len(pictures)] for name, p in probes.items()}
        self.last, self.stage = -math.inf, ""

    def __call__(self, row: dict, average) -> None:
        log.info("%s %s", self.stage, {k: round(v, 4) for k, v in row.items()})
        if time.monotonic() - self.last < self.every:
            return
        self.last = time.monotonic()
        painter = TrainedGan(average.config, {"G_ema": average.state_dict()})
        rng = torch.Generator().manual_seed(0)
        columns = [self.pictures]
        for i, level in enumerate(LEVELS):
            points = perturb(torch.from_numpy(self.points), level, rng).numpy()
            columns.append(painter.paint(points, seed=i))
        columns += [painter.paint(points, seed=9) for points in self.probes.values()]
        save_sheet(columns, self.folder / f"{self.stage}-{row['kimg']:07.2f}.png")


def save_sheet(columns: list[np.ndarray], path: Path, zoom: int = 2) -> None:
    """One picture of columns of pictures, each array (n, H, W, 3) uint8."""
    from PIL import Image
    grid = np.concatenate([np.concatenate(list(column), 0) for column in columns], 1)
    Image.fromarray(grid).resize((grid.shape[1] * zoom, grid.shape[0] * zoom), Image.NEAREST).save(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line that `python -m mindreader.pretrain generator` calls."""
    from .schooling import hardware
    from .world import load_world
    parser = argparse.ArgumentParser("python -m mindreader.pretrain generator", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=55.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.set_num_threads(asked.threads)
    world = load_world(seed=asked.seed, processes=asked.threads, progress=progress)
    clip, recipe, started = load_clip(EmbedConfig()), PainterRecipe().within(asked.minutes), time.monotonic()
    shown = np.asarray(world.held_out[:300])
    captions = clip.texts([world.captions[i][0][0] for i in shown])
    painter = pretrain_generator(world.pictures, clip, recipe, paths.home() / "pretrain" / PART,
                                 train=np.asarray(world.train), shown=shown, seed=asked.seed, resume=asked.resume,
                                 probes={"caption": captions}, progress=progress)
    truth = np.ascontiguousarray(world.pictures[shown])
    scores = {"image points": score_painter(painter, clip, truth, clip.images(truth)),
              "caption points": score_painter(painter, clip, truth, captions)}
    card = {"recipe": dataclasses.asdict(recipe), "data": {"world": world.path.name, "n_train": len(world.train)},
            "seed": asked.seed, "minutes": (time.monotonic() - started) / 60, "hardware": hardware(), "scores": scores,
            "clip": weights.part_checksum("clip")}
    painter.save(weights.part_folder(PART), card=card, dtype=torch.float16)
