"""Teach the painter to paint what a point of CLIP's space says: the loop, and what comes out."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import core
from ..training import ALONE, Crew
from ..core import weights
from ..training import keep_freed_memory
from ..records import Diverged, LayoutError
from .steps import BUGS, GanConfig, discriminator_losses, generator_losses, path_length_losses, perturb, r1_losses
from .stylegan import Discriminator, Generator, StyleGanConfig, widen

__all__ = ["BUGS", "Game", "GanConfig", "TrainedGan", "run", "train_gan"]


@dataclass(frozen=True, eq=False)
class TrainedGan:
    """A painter (records.Painter) with what it was trained from.

    network   sizes of the two networks
    states    "G_ema" (what paints), "D", and "G" when training can go on: state dicts, float32
    history   one row per tick: kimg, seconds, then the mean of every loss since the row before
    device    where it paints
    precision of the convolutions that paint: "float32" or, in less than half the time on a processor that has it, "bfloat16"
    """

    network: StyleGanConfig
    states: dict[str, dict[str, Tensor]]
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    device: str = "cpu"
    precision: str = "float32"

    def generate(self, image_embeddings: np.ndarray, caption_embeddings: np.ndarray | None = None, *, seed: int, n_draws: int = 1,
              truncation: float = 1.0, batch: int = 64) -> np.ndarray:
        """Pictures of points.

        Parameters
        ----------
        image_points, caption_points : arrays (n, n_dims)
            Scaled to unit length here. A one-head painter takes one of the two; the other is None.
        seed : int
            Of z, drawn for all rows at once, so `batch` changes nothing; pixel noise is constant.
        n_draws : int
            Pictures for each row, each from its own z.

        Returns
        -------
        uint8 array (n, height, width, 3), or (n, n_draws, height, width, 3) when n_draws > 1
        """
        embeddings = [p for p in (image_embeddings, caption_embeddings) if p is not None]
        if len(embeddings) != self.network.heads:
            raise ValueError(f"{len(embeddings)} kinds of points for a painter with {self.network.heads} head(s); expected "
                             "as many; widen the painter, or leave one kind out")
        conditions = [F.normalize(torch.tensor(np.asarray(p, np.float32)), dim=1) for p in embeddings]
        painter = _network(Generator, self.network, self.states["G_ema"]).to(self.device).eval()
        painter.compute = getattr(torch, self.precision)
        n = len(conditions[0])
        rng = torch.Generator().manual_seed(seed)
        z = torch.randn(n, n_draws, self.network.z_dim, generator=rng).flatten(0, 1)
        rows = torch.arange(n).repeat_interleave(n_draws)
        parts = []
        with torch.no_grad():
            for part in torch.arange(n * n_draws).split(batch):
                given = (part_of.to(self.device) for part_of in (z[part], *(c[rows[part]] for c in conditions)))
                x = painter(*given, noise="const", truncation=truncation)
                parts.append(((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu())
        size = self.network.resolution
        pictures = torch.cat(parts).numpy() if parts else np.zeros((0, size, size, 3), np.uint8)
        return pictures if n_draws == 1 else pictures.reshape(n, n_draws, size, size, 3)

    def widened(self) -> TrainedGan:
        """The same painter with a second head that copies the first; equal points give equal pictures (paper §2.3)."""
        network = dataclasses.replace(self.network, heads=2)
        return dataclasses.replace(self, network=network, states={name: widen(state) for name, state in self.states.items()})

    @classmethod
    def from_part(cls, state: dict[str, Tensor], card: dict) -> TrainedGan:
        """What `weights.load_part` gives -> a painter."""
        states: dict[str, dict[str, Tensor]] = {}
        for name, tensor in state.items():
            which, _, rest = name.partition(".")
            states.setdefault(which, {})[rest] = tensor
        return cls(StyleGanConfig(**card["architecture"]), states)

    def save(self, folder: Path, *, card: dict | None = None, dtype: torch.dtype = torch.float32) -> dict:
        """Write G_ema and D as a part (`weights.save_part`), and the history as history.csv; gives the card."""
        state = {f"{which}.{name}": t for which in ("G_ema", "D") for name, t in self.states[which].items()}
        card = weights.save_part(folder, state, {"architecture": dataclasses.asdict(self.network), **(card or {})},
                                 dtype=dtype)
        self.history.to_csv(Path(folder) / "history.csv", index=False)
        return card

    @classmethod
    def load(cls, folder: Path) -> TrainedGan:
        """What `save` wrote."""
        trained = cls.from_part(*weights.load_part(Path(folder)))
        path = Path(folder) / "history.csv"
        history = pd.read_csv(path) if path.exists() and path.stat().st_size > 1 else pd.DataFrame()
        return cls(trained.network, trained.states, history)


def train_gan(pictures: np.ndarray, rows: np.ndarray, conditions: tuple[np.ndarray, ...], config: GanConfig, *,
              start: TrainedGan | None = None, clip=None, low_level: Callable | None = None,
              content: Callable | None = None, seed: int, device: str = "cpu", checkpoint: Path | None = None,
              progress: Callable | None = None, on_tick: Callable | None = None, crew: Crew = ALONE) -> TrainedGan:
    """Train the painter on pictures and their points, from nothing or from `start`.

    Parameters
    ----------
    pictures : uint8 array (n_images, height, width, 3)
    rows : int array (n_items,)
        Picture of each training item (a trial, when finetuning on a brain).
    conditions : one or two arrays (n_items, d)
        Points of each item, one array for each head; scaled to unit length here.
    config : GanConfig
    start : TrainedGan, optional
        Must have as many heads as there are conditions (`TrainedGan.widened`).
    clip : ClipEmbedder, optional
        Without it the CLIP-semantic loss is left out. `low_level`: pictures (N, 3, H, W) -> (N, features), likewise.
    content : callable, optional
        (painted, real) -> number, weighted by `config.content_weight`.
    seed : int
        Same seed, machine and versions: the same painter to the bit (CPU).
    checkpoint : Path, optional
        File for an unfinished training; if it is there, training goes on from it to the bit.
    progress, on_tick : callables, optional
        `params.progress`; and on_tick(row of history, averaged generator).
    crew : Crew
        The processes that train together, all called with the same arguments; one of them by default.

    Raises
    ------
    ValueError
        Something does not fit: pictures, conditions, start and batch with each other, or the batch with the crew.
    Diverged
        A loss is not finite; says which, and at which step.
    """
    rows = np.asarray(rows)
    _check(pictures, rows, conditions, config, start)
    _check_shares(config, start.network if start else config.network, crew)
    embeddings = tuple(torch.tensor(np.asarray(c, np.float32)) for c in conditions)
    if "first_sample_cached" in config.published_bugs:
        embeddings = tuple(p[:1].expand_as(p) for p in embeddings)
    game = Game(config, start, len(conditions), seed, device,
                helpers={"clip": clip, "low_level": low_level, "content": content}, crew=crew)
    return run(game, pictures, rows, embeddings, checkpoint=checkpoint, progress=progress, on_tick=on_tick)


def run(game: Game, pictures: np.ndarray, rows: np.ndarray, embeddings: tuple[Tensor, ...], *, checkpoint: Path | None,
        progress: Callable | None, on_tick: Callable | None) -> TrainedGan:
    """Play a game to its end, from its checkpoint if there is one; arguments as for `train_gan`."""
    keep_freed_memory()
    config, crew = game.config, game.crew
    if checkpoint is not None and Path(checkpoint).exists():
        game.resume(Path(checkpoint))
    if len(begun := set(crew.say(game.step))) > 1:
        raise LayoutError(f"found the processes of one training at steps {sorted(begun)}, expected all at the same; give "
                          "them one folder for their checkpoint")
    if not crew.leads:
        checkpoint = progress = on_tick = None
    steps = range(game.step, config.n_steps)
    saved = time.monotonic()
    for _ in progress(steps, desc="painter", total=len(steps)) if progress else steps:
        items = torch.randperm(len(rows), generator=game.rng)[: config.batch]
        batch = np.ascontiguousarray(pictures[rows[crew.mine(items).numpy()]])
        real = torch.from_numpy(batch).permute(0, 3, 1, 2).float().to(game.device) / 127.5 - 1
        game.play(real, tuple(p[items] for p in embeddings))
        game.step += 1
        game.follow()
        row = game.tick()
        if row is not None and on_tick is not None:
            on_tick(row, game.average)
        if checkpoint is not None and time.monotonic() - saved > config.checkpoint_seconds:
            game.save(Path(checkpoint))
            saved = time.monotonic()
    if checkpoint is not None:
        game.save(Path(checkpoint))
    return game.result()


class Game:
    """Both networks, their optimizers, the averaged painter, the random numbers and the history: all that is saved."""

    def __init__(self, config: GanConfig, start: TrainedGan | None, heads: int, seed: int, device: str, *,
                 helpers: dict, crew: Crew = ALONE):
        self.config, self.device, self.helpers, self.crew = config, device, helpers, crew
        self.network = start.network if start else dataclasses.replace(config.network, heads=heads)
        self.rng = torch.Generator().manual_seed(seed)
        states = start.states if start else {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.generator = _network(Generator, self.network, states.get("G", states.get("G_ema")))
            self.discriminator = _network(Discriminator, self.network, states.get("D"))
        self.average = _network(Generator, self.network, states.get("G_ema", self.generator.state_dict()))
        self.average.requires_grad_(False)
        self.discriminator.batch_summed_logit = "batch_summed_logit" in config.published_bugs
        for net in (self.generator, self.discriminator):
            net.to(device=device, memory_format=torch.channels_last)
            net.compute = getattr(torch, config.precision)
        self.average.to(device)
        self.generate, self.discriminate = crew.averaging(self.generator), crew.averaging(self.discriminator)
        lazy = config.path_every if config.path_weight else None
        self.generator_optimizer = _adam(self.generator, config, lazy)
        self.discriminator_optimizer = _adam(self.discriminator, config, config.r1_every if config.r1_gamma else None)
        self.parts = {"generator": self.generator, "discriminator": self.discriminator, "average": self.average,
                      "paint_optimizer": self.generator_optimizer, "tell_optimizer": self.discriminator_optimizer}
        self.path_mean = torch.zeros((), device=device)
        self.step, self.seconds, self.started = 0, 0.0, time.monotonic()
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.table: list[dict] = []

    @property
    def kimg(self) -> float:
        return self.step * self.config.batch / 1000

    def play(self, real: Tensor, embeddings: tuple[Tensor, ...]) -> None:
        """One batch, of a crew this process's pictures and everyone's points: four steps, two of them only now and then."""
        config, crew, nets = self.config, self.crew, (self.generator, self.discriminator)
        nets[1].requires_grad_(False)
        terms = self.generate(generator_losses, *nets, real, self.near(embeddings), config, self.rng, **self.helpers,
                           kimg=self.kimg, crew=crew)
        self.descend(self.generator_optimizer, "generator", terms)
        if config.path_weight and self.step % config.path_every == 0:
            terms, mean = self.generate(path_length_losses, nets[0], self.near(embeddings), self.path_mean, config, self.rng, crew)
            self.descend(self.generator_optimizer, "generator", terms, config.path_every)
            self.path_mean = mean
        nets[1].requires_grad_(True)
        if config.adversarial_weight:
            terms = self.discriminate(discriminator_losses, *nets, real, self.near(embeddings), config, self.rng, crew)
            self.descend(self.discriminator_optimizer, "discriminator", terms)
        if config.adversarial_weight and config.r1_gamma and self.step % config.r1_every == 0:
            terms = self.discriminate(r1_losses, nets[1], real, self.near(embeddings), config, crew)
            self.descend(self.discriminator_optimizer, "discriminator", terms, config.r1_every)

    def near(self, embeddings: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Conditions: the points moved by fresh noise, each row at its own level."""
        low, high = self.config.noise_levels
        return tuple(perturb(p, low + (high - low) * torch.rand(len(p), 1, generator=self.rng), self.rng)
                     .to(self.device) for p in embeddings)

    def descend(self, optimizer: torch.optim.Optimizer, who: str, terms: dict[str, Tensor], scale: int = 1) -> None:
        """One step down the sum of the losses times `scale`; a loss that is not finite is a Diverged."""
        for name, term in terms.items():
            value = float(term.detach())
            if not math.isfinite(value):
                raise Diverged(f"the {who}'s loss '{name}' is {value} at step {self.step} ({self.kimg:.3f} kimg); "
                               "expected a finite number; lower the learning rate or raise r1_gamma")
            key = f"{who} {name}"
            self.sums[key] = self.sums.get(key, 0.0) + value
            self.counts[key] = self.counts.get(key, 0) + 1
        optimizer.zero_grad(set_to_none=True)
        # Each process of a crew has the gradient by its own rows; DDP gives their mean where their sum is wanted.
        (sum(terms.values()) * (scale * self.crew.size)).backward()
        optimizer.step()

    def follow(self) -> None:
        """Move the averaged painter."""
        half_life = self.config.ema_kimg
        if self.config.ema_rampup is not None:
            half_life = min(half_life, self.kimg * self.config.ema_rampup)
        keep = 0.5 ** (self.config.batch / 1000 / max(half_life, 1e-8))
        with torch.no_grad():
            for mine, theirs in zip(self.average.parameters(), self.generator.parameters()):
                mine.copy_(theirs.lerp(mine, keep))
            for mine, theirs in zip(self.average.buffers(), self.generator.buffers()):
                mine.copy_(theirs)

    def tick(self) -> dict | None:
        """A row of history when `tick_kimg` more have been shown, or at the end."""
        done = math.floor(self.kimg / self.config.tick_kimg + 1e-9)
        before = math.floor((self.step - 1) * self.config.batch / 1000 / self.config.tick_kimg + 1e-9)
        if done == before:
            return None
        self.table.append(self._row())
        self.sums, self.counts = {}, {}
        return self.table[-1]

    def _row(self) -> dict:
        means = {name: total / self.counts[name] for name, total in self.sums.items()}
        return {"kimg": self.kimg, "seconds": self._elapsed()} | means

    def _elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.started

    def save(self, path: Path) -> None:
        """Everything, by one rename, so that an interruption leaves the old checkpoint or the new one."""
        progress = {"step": self.step, "seconds": self._elapsed(), "sums": self.sums, "counts": self.counts,
                    "table": self.table, "settings": self._settings()}
        whole = {name: part.state_dict() for name, part in self.parts.items()}
        whole |= {"path_mean": self.path_mean, "rng": self.rng.get_state(), "progress": json.dumps(progress)}
        path.parent.mkdir(parents=True, exist_ok=True)
        with core.atomic_write(path) as temporary:
            torch.save(whole, temporary)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint made with the same settings (only `kimg` may differ), else LayoutError."""
        whole = torch.load(path, weights_only=True, map_location="cpu")
        progress = json.loads(whole["progress"])
        if progress["settings"] != self._settings():
            raise LayoutError(f"found the checkpoint {path} of a training with other settings, expected the same; "
                              "delete it, or give another path")
        for name, part in self.parts.items():
            part.load_state_dict(whole[name])
        self.rng.set_state(whole["rng"])
        self.path_mean = whole["path_mean"].to(self.device)
        for name in ("step", "seconds", "sums", "counts", "table"):
            setattr(self, name, progress[name])

    def _settings(self) -> dict:
        shown = dataclasses.asdict(dataclasses.replace(self.config, kimg=0.0, checkpoint_seconds=0.0))
        return json.loads(json.dumps(shown | {"network": dataclasses.asdict(self.network)}))

    def result(self) -> TrainedGan:
        """Copies of all weights, and the history with what was seen since its last row."""
        rows = self.table + ([self._row()] if self.sums else [])
        states = {name: {k: v.detach().cpu().clone() for k, v in net.state_dict().items()} for name, net in
                  (("G", self.generator), ("D", self.discriminator), ("G_ema", self.average))}
        return TrainedGan(self.network, states, pd.DataFrame(rows))


def _network(kind, config: StyleGanConfig, state: dict[str, Tensor] | None):
    """A generator or discriminator with these weights, or fresh ones."""
    if state is None:
        return kind(config)
    with torch.random.fork_rng(devices=[]):
        net = kind(config)
    net.load_state_dict(state)
    return net


def _adam(net: torch.nn.Module, config: GanConfig, every: int | None) -> torch.optim.Adam:
    """Adam for a network with a step only every so many batches: rates and memory as if it were spread evenly."""
    share = 1.0 if every is None else every / (every + 1)
    betas = tuple(beta**share for beta in config.adam_betas)
    return torch.optim.Adam(net.parameters(), lr=config.learning_rate * share, betas=betas, eps=1e-8, fused=True)


def _check(pictures: np.ndarray, rows: np.ndarray, conditions, config: GanConfig, start: TrainedGan | None) -> None:
    network = start.network if start else config.network
    size = network.resolution
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (size, size, 3):
        raise ValueError(f"pictures {pictures.dtype} {pictures.shape}; expected uint8 (n, {size}, {size}, 3)")
    if len(conditions) not in (1, 2) or any(np.shape(c) != (len(rows), network.condition_dim) for c in conditions):
        raise ValueError(f"conditions of shapes {[np.shape(c) for c in conditions]} for {len(rows)} items; expected "
                         f"one or two of ({len(rows)}, {network.condition_dim})")
    if start and start.network.heads != len(conditions):
        raise ValueError(f"{len(conditions)} condition(s) for a painter with {start.network.heads} head(s); expected "
                         "as many; see TrainedGan.widened")
    if len(rows) < config.batch:
        raise ValueError(f"{len(rows)} training items for batches of {config.batch}; expected at least one batch")


def _check_shares(config: GanConfig, network: StyleGanConfig, crew: Crew) -> None:
    if crew.size == 1:
        return
    group, slopes = math.gcd(config.batch, network.minibatch_group), max(1, config.batch // config.path_shrink)
    if config.batch % (group * crew.size) or (config.path_weight and slopes % crew.size):
        raise ValueError(f"batches of {config.batch}, and of {slopes} for the path length, for {crew.size} processes; "
                         f"expected a multiple of {group * crew.size} (pictures are compared in groups of {group}), and "
                         f"of {crew.size}")
    if "batch_summed_logit" in config.published_bugs:
        raise ValueError(f"the published bug 'batch_summed_logit' with {crew.size} processes, none of which sees a whole "
                         "batch; expected a single process")
