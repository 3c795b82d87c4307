"""Pretrain the starting generators on the simulated world: small first and long, then large, for a budget of minutes."""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import core, training
from ..core import progress, save_columns, weights
from ..embedding import ClipEmbedder, EmbedConfig, load_clip
from ..evaluation import load_segmenter, Naturalness
from ..extractors import load_feature_net, load_resnet
from ..generator import Discriminator, GanConfig, Generator, TrainedGan, TrainingState, perturb, run
from ..training import hardware
from ..world import World, load_world, render_many
from .critic import AdversarialState, content_distance, FrozenStages
from .evaluation import card_scores, reference_distances, score_pictures

log = logging.getLogger(__name__)
N_SCORED = 1000  # held-out pictures on the card
LEVELS = (0.0, 0.1, 0.3, 0.6)  # noise in the condition, in the sample sheet
SHEET_SECONDS, N_SHEETS = 600.0, 8   # a sheet so often, and so many at least of each generator
ENDLESS = 1e6    # kimg: the budget is one of minutes
CUDA_BATCH = 256     # a step is 3,000 to 5,000 kernels, which the host takes 30 ms and more to ask for, however few the pictures


@dataclass(frozen=True)
class Origin:
    """What a generator is pretrained on: which world, how much of it, and what its conditions are embeddings of."""

    stream: str
    n_scenes: int
    condition: str  # "picture" (language-free) or "caption" (supervised)
    share: float    # of the minutes that all generators are given
    start: str = ""  # the generator it goes on from, by the stages at full size alone; "": from nothing


ORIGINS = {
    "generator_lf": Origin("world", 30_000, "picture", 0.65),
    "generator_sup": Origin("world", 30_000, "caption", 0.05, start="generator_lf"),
    "generator_ood": Origin("watermark", 12_000, "picture", 0.30),
}


@dataclass(frozen=True)
class Stage:
    """A stage of the recipe: how it trains, and its share of the minutes.

    In the last `cooling` of its time the learning rate falls to a tenth, in equal steps.
    """

    config: GanConfig
    share: float
    cooling: float = 0.3

    def rate(self, share: float) -> float:
        """The factor of the learning rate after this share of the stage's time.

        >>> Stage(GanConfig(), 1.0).rate(0.85)
        0.55
        """
        return round(1 - 0.9 * max(0.0, min(1.0, (share - 1 + self.cooling) / self.cooling)), 9)


def _stage(share: float, **settings) -> Stage:
    return Stage(GanConfig(**{"kimg": ENDLESS, "path_weight": 0.0, "style_mixing": 0.0, "ema_rampup": 0.1,
                              "tick_kimg": 4.0} | settings), share)


@dataclass(frozen=True)
class GeneratorRecipe:
    """Four stages: regression and then heads on frozen features at half the size, heads at full size, and the discriminator, too.

    No mirrored pictures: captions say left and right. Conditions are perturbed by noise in every stage, as Lafite's
    stand-in for language. Observed here: regression gives layout and colours within 16 kimg, where a conditional GAN
    from nothing still shows coloured fog; against heads things get parts, of which most have to be learned small, where a
    picture costs two thirds. The discriminator that finetuning starts from comes last, as it doubles the cost of a picture.
    Regression has twice StyleGAN2's learning rate, and momentum, since weights of unit variance move by about the rate in a step:
    so 512 pictures were learned by heart in half the steps. Against heads nothing holds a picture to its target: where the
    embedding leaves open in what place a thing stands, such a distance asks for a blot in all of them. After 280 thousand pictures
    with it, 360 thousand without brought the Fréchet distance from 1.98 to 1.44, and things limbs; how the same number with
    it would have done was not seen.
    """

    minutes: float = 180.0
    regression: Stage = field(default_factory=lambda: _stage(
        0.1, sketch_size=32, adversarial_weight=0.0, feature_weight=0.0, clip_weight=0.0, content_weight=10.0,
        noise_levels=(0.0, 0.3), learning_rate=0.005, adam_betas=(0.5, 0.99), ema_kimg=3.0))
    small: Stage = field(default_factory=lambda: _stage(
        0.4, sketch_size=32, adversarial_weight=0.0, feature_weight=0.0, clip_weight=0.3, temperature=0.1,
        noise_levels=(0.0, 0.3), style_mixing=0.5, ema_kimg=8.0))
    large: Stage = field(default_factory=lambda: _stage(
        0.4, adversarial_weight=0.0, feature_weight=0.0, clip_weight=0.3, temperature=0.1,
        noise_levels=(0.0, 0.3), style_mixing=0.5, ema_kimg=8.0))
    discriminator: Stage = field(default_factory=lambda: _stage(
        0.1, adversarial_weight=0.3, feature_weight=0.3, clip_weight=0.3, temperature=0.1,
        noise_levels=(0.0, 0.3), style_mixing=0.5, r1_gamma=0.3, ema_kimg=8.0))

    @property
    def stages(self) -> dict[str, Stage]:
        """The stages by name, in order."""
        return {f.name: stage for f in dataclasses.fields(self) if isinstance(stage := getattr(self, f.name), Stage)}

    def on(self, device: str) -> GeneratorRecipe:
        """The same recipe with larger batches, where the device is a GPU."""
        if not device.startswith("cuda"):
            return self
        return dataclasses.replace(self, **{
            name: dataclasses.replace(stage, config=dataclasses.replace(stage.config, batch=CUDA_BATCH))
            for name, stage in self.stages.items()})


def pretrain_generator(pictures: np.ndarray, rows: np.ndarray, embeddings: np.ndarray, frozen: FrozenStages,
                       recipe: GeneratorRecipe, folder: Path, *, start: TrainedGan | None = None, first: str = "regression",
                       sheet: Sheet | None = None, seed: int = 0, device: str = "cpu", resume: bool = False,
                       progress: Callable | None = None, compiled: bool = False) -> TrainedGan:
    """Pretrain a one-head generator on pictures and embeddings.

    Parameters
    ----------
    pictures : uint8 array (n_pictures, size, size, 3)
        May be a memory map.
    rows : int array (n_items,)
        Picture of each training item; a picture with two captions is two items.
    embeddings : array (n_items, n_dims)
        Condition of each item.
    frozen : FrozenStages
        The networks of the heads and of the distance; on the device.
    recipe : GeneratorRecipe
    folder : Path
        For checkpoints, one file for each stage.
    start : TrainedGan, optional
        A pretrained generator to go on from; fresh networks without it.
    first : str
        The stage to begin with; those before are left out and leave their share of the minutes to the others.
    sheet : Sheet, optional
        Called at every row of history.
    resume : bool
        Go on from the folder's checkpoints.
    compiled : bool
        Compile all networks, anew for each stage (`training.Compiler`).

    Returns
    -------
    TrainedGan
        With the history of all stages, named in the column `stage`.

    Raises ValueError for an unknown first stage, and for `compiled` where no compiler is.
    """
    if first not in recipe.stages:
        raise ValueError(f"found first stage {first!r}, expected one of {', '.join(recipe.stages)}")
    folder.mkdir(parents=True, exist_ok=True)
    names = list(recipe.stages)
    stages = {name: recipe.stages[name] for name in names[names.index(first):]}
    whole = sum(stage.share for stage in stages.values())
    if not resume:
        for name in names:
            (folder / f"{name}.pt").unlink(missing_ok=True)
    real = torch.from_numpy(pictures[np.sort(rows[:256])]).permute(0, 3, 1, 2).float().to(device) / 127.5 - 1
    compiler = training.Compiler(compiled, device)
    trained, histories, state = start or _initial_networks(recipe.regression.config, seed), {}, None
    for name, stage in stages.items():
        before, state = state, _state(stage.config, trained, frozen, real, seed, device, compiler)
        against_heads = all(isinstance(each, AdversarialState) for each in (before, state))
        if against_heads and before.config.sketch_size == state.config.sketch_size:
            state.take_heads(before)
        timed = partial(_timed, state, stage, 60 * recipe.minutes * stage.share / whole, progress, _rates(state))
        trained = run(state, pictures, rows, (torch.from_numpy(embeddings),), checkpoint=folder / f"{name}.pt", progress=timed,
                      on_tick=sheet and sheet.stage(name, stage.config.sketch_size))
        histories[name] = trained.history
    history = pd.concat(histories, names=["stage", None]).reset_index("stage").reset_index(drop=True)
    return dataclasses.replace(trained, history=history)


def _state(config: GanConfig, start: TrainedGan, frozen: FrozenStages, real: Tensor, seed: int, device: str,
           compiler: training.Compiler = training.EAGER) -> TrainingState:
    """The state of a stage: against heads, or, where it is weighted, by the distance from the target."""
    if not config.content_weight:
        return AdversarialState(config, start, frozen, real, seed, device, compiler=compiler)
    stages = frozen.compiled_by(compiler)

    def content(generated: Tensor, real: Tensor) -> Tensor:
        return content_distance(generated, F.interpolate(real, generated.shape[-2:], mode="area"), stages)

    return TrainingState(config, start, 1, seed, device, helpers={"content": content}, compiler=compiler)


def _groups(state: TrainingState) -> list[dict]:
    """Of all optimizers; a checkpoint replaces them."""
    return [group for part in state.parts.values() if isinstance(part, torch.optim.Optimizer) for group in part.param_groups]


def _rates(state: TrainingState) -> list[float]:
    """The learning rates of a state that has not trained: a checkpoint has those of its stage's cooling."""
    return [group["lr"] for group in _groups(state)]


def _timed(state: TrainingState, stage: Stage, seconds: float, progress: Callable | None, rates: list[float], steps: Iterable, *,
           desc: str, total: int) -> Iterable:
    """The steps that fit into the time of all sittings, and one at least; sets the learning rate of each, and shows the minutes."""
    groups, done = _groups(state), 0
    minutes = iter(progress(range(math.ceil(seconds / 60)), desc=desc, total=math.ceil(seconds / 60)) if progress else ())
    for step in steps:
        spent = state.seconds + time.monotonic() - state.started
        if spent >= seconds and state.step:
            break
        while done <= spent / 60:
            next(minutes, None)
            done += 1
        for group, rate in zip(groups, rates):
            group["lr"] = rate * stage.rate(spent / seconds)
        yield step


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
                 every: float = SHEET_SECONDS):
        self.pictures, self.embeddings, self.captions = pictures, embeddings, caption_embeddings
        self.folder, self.every, self.last = folder, every, -math.inf

    def stage(self, name: str, size: int = 0) -> Callable:
        """What a training loop calls at each row of history of this stage, whose pictures are so large (0: whole)."""
        return partial(self._tick, name, size)

    def _tick(self, stage: str, size: int, row: dict, average: Generator) -> None:
        numbers = {k: round(v, 4) for k, v in row.items()}
        log.info("%s, %.0f pictures/s, %s", stage, 1000 * row["kimg"] / max(row["seconds"], 1e-9), numbers)
        if time.monotonic() - self.last < self.every:
            return
        self.last = time.monotonic()
        rng, columns = torch.Generator().manual_seed(0), [self.pictures]
        for i, level in enumerate(LEVELS):
            columns.append(self._drawn(average, perturb(torch.from_numpy(self.embeddings), level, rng), size, i))
        columns.append(self._drawn(average, F.normalize(torch.from_numpy(self.captions), dim=1), size, 9))
        save_columns(columns, self.folder / f"{stage}-{row['kimg']:07.2f}.png")

    @torch.no_grad()
    def _drawn(self, average: Generator, conditions: Tensor, size: int, seed: int) -> np.ndarray:
        device = next(average.parameters()).device
        w = average.mapping(torch.randn(len(conditions), average.config.z_dim, generator=torch.Generator().manual_seed(seed)).to(device))
        ws = w[:, None].expand(-1, average.config.n_layers, -1)
        drawn = average.generate(ws, (conditions.to(device),), noise="const", size=size).cpu()
        drawn = F.interpolate(drawn, self.pictures.shape[1:3], mode="nearest")
        return ((drawn + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def pretrain(name: str, *, minutes: float | None = None, device: str = "cpu", threads: int | None = None, seed: int = 0,
             further: str = "", first: str = "", resume: bool = False, compiled: bool = False) -> dict:
    """Pretrain one of `ORIGINS` from nothing but this repository, save it as a shipped part, and give its card, still without scores.

    Parameters
    ----------
    name : str
        A key of `ORIGINS`.
    minutes : float, optional
        For all generators, of which this one takes its share; the recipe's own by default.
    device : str
        "cpu" or "cuda".
    threads : int, optional
        How many processes render; one for each processor by default.
    further : str
        A shipped generator to go on from, without the regression; "" begins as `ORIGINS` says.
    first : str
        The stage to begin with, where it is not the usual one; those before are left out.
    resume : bool
        Go on from an interrupted training.
    compiled : bool
        Compile the networks, which takes a minute or two in each stage.
    """
    origin, recipe = ORIGINS[name], GeneratorRecipe().on(device)
    recipe = dataclasses.replace(recipe, minutes=origin.share * (recipe.minutes if minutes is None else minutes))
    world, clip = _world(origin, seed, threads), load_clip(EmbedConfig()).on(device)
    folder = core.home() / "pretrain" / name
    rows, embeddings = _training_items(world, clip, origin.condition)
    truth, held_out = _held_out(world, clip, 10)
    folder.mkdir(parents=True, exist_ok=True)
    sheet = Sheet(truth, *held_out.values(), folder, min(SHEET_SECONDS, 60 * recipe.minutes / N_SHEETS))
    begin = further or origin.start
    first = first or ("regression" if not begin else "large" if origin.start else "small")
    start = TrainedGan.from_part(*weights.load_part(begin)) if begin else None
    generator = pretrain_generator(world.pictures, rows, embeddings, FrozenStages(clip, load_resnet().on(device)), recipe, folder,
                                   start=start, first=first, sheet=sheet, seed=seed, device=device, resume=resume, progress=progress,
                                   compiled=compiled)
    spent = generator.history.groupby("stage", sort=False)
    card = {"recipe": {name: dataclasses.asdict(recipe.stages[name].config) | {
        "share": recipe.stages[name].share, "cooling": recipe.stages[name].cooling, "kimg": round(float(part.kimg.max()), 3)}
        for name, part in spent},
            "conditions": origin.condition, "data": world.card_entry(), "seed": seed,
            "minutes": round(spent.seconds.max().sum() / 60, 1), "hardware": hardware(), "compiled": compiled,
            "clip": weights.part_checksum("clip"), "resnet": weights.part_checksum("resnet")}
    if begin:
        card["start"] = {begin: weights.part_checksum(begin)}
    return generator.save(weights.part_folder(name), card=card, dtype=torch.float16)


def score(name: str, *, device: str = "cpu", threads: int | None = None) -> dict:
    """Score a generator of `ORIGINS` as it is saved, and give its card, with the scores; on any machine."""
    folder, origin = weights.part_folder(name), ORIGINS[name]
    generator, card = TrainedGan.load(folder), weights.load_card(folder)
    world, clip = _world(origin, card["seed"], threads), load_clip(EmbedConfig()).on(device)
    truth, held_out = _held_out(world, clip, N_SCORED)
    generator = dataclasses.replace(generator, device=device)
    card["scores"] = _scores(generator, held_out, truth, world, origin, clip, card["seed"])
    return generator.save(folder, card=card, dtype=torch.float16)


def _world(origin: Origin, seed: int, threads: int | None) -> World:
    return load_world(origin.n_scenes, seed=seed, stream=origin.stream, processes=threads, progress=progress)


def _held_out(world: World, clip: ClipEmbedder, n: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The first n held-out pictures, and the embeddings of them and of their captions."""
    shown = world.held_out[:n]
    truth = np.ascontiguousarray(world.pictures[shown])
    return truth, {"image embeddings": clip.images(truth), "caption embeddings": clip.texts(_specific(world, shown, 1))}


def _scores(generator: TrainedGan, held_out: dict[str, np.ndarray], truth: np.ndarray, world: World, origin: Origin,
            clip: ClipEmbedder, seed: int) -> dict:
    """Scores from each kind of embedding of held-out pictures, and of what its distances are read beside, as cards keep them."""
    feature_net, later = load_feature_net(), range(origin.n_scenes, origin.n_scenes + 2 * N_SCORED)   # shown to no network
    judge = Naturalness(render_many(seed, origin.stream, later), load_segmenter(), seed=seed)
    found = {}
    for space, embeddings in held_out.items():
        pictures = generator.generate(embeddings, seed=seed)
        found[space] = card_scores(pd.concat([
            score_pictures(pictures, truth, feature_net, clip=clip),
            judge.rows(pictures, np.arange(len(pictures)), name="", origin="twin", seed=seed)]))
    others = np.ascontiguousarray(world.pictures[world.train[-N_SCORED:]])
    known = reference_distances(world.pictures[world.train[:-N_SCORED]], truth, others, feature_net)
    return found | {reference: card_scores(rows) for reference, rows in known.groupby("name")}


def _specific(world: World, rows: np.ndarray, n: int) -> list[str]:
    """The first n specific captions of each of these scenes, one scene after the other."""
    return [sentence for i in rows for sentence in [s for s, grade in world.captions[i] if grade == "specific"][:n]]


def _training_items(world: World, clip: ClipEmbedder, condition: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of pictures and their conditions: the picture's own embedding, or those of its two specific captions."""
    if condition == "picture":
        return world.train, clip.images(np.ascontiguousarray(world.pictures[world.train]))
    return np.repeat(world.train, 2), clip.texts(_specific(world, world.train, 2))
