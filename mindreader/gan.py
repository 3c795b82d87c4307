"""Teach the painter: four steps (paint, smooth the way there, tell real from fake, stay calm on real) and their loop."""

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

from . import losses, store, weights
from .records import Diverged, LayoutError
from .stylegan import Discriminator, Generator, StyleGanConfig, widen

BUGS = ("zero_z", "batch_summed_logit", "first_sample_cached")


@dataclass(frozen=True)
class GanConfig:
    """How the painter is trained. Numbers of the released code unless the comment says otherwise."""

    network: StyleGanConfig = field(default_factory=StyleGanConfig)  # used when training starts from nothing
    kimg: float = 12.0                  # thousands of real pictures shown to the discriminator (book)
    batch: int = 32
    learning_rate: float = 0.0025       # of both networks
    adam_betas: tuple[float, float] = (0.0, 0.99)
    adversarial_weight: float = 1.0     # 0 leaves the discriminator out altogether (the warm-up of pretraining)
    clip_weight: float = 10.0           # painted picture, seen by CLIP, against its condition
    feature_weight: float = 10.0        # picture, seen by the discriminator, against its condition
    low_level_weight: float = 10.0      # painted against real picture, seen by a low-level net (if one is given)
    content_weight: float = 0.0         # any further distance of painted from real picture (pretraining)
    content_half_kimg: float = math.inf  # after so many kimg the content weight is halved, and so on
    temperature: float = losses.TEMPERATURE
    noise_levels: tuple[float, float] = (0.1, 0.1)  # share of noise in a condition, uniform between these; 0.75 = LF
    r1_gamma: float = 1.0               # book; the released default is 0.0002 resolution^2 / batch
    r1_every: int = 16
    path_weight: float = 2.0            # 0 leaves the path-length step out
    path_decay: float = 0.01
    path_every: int = 4
    path_shrink: int = 2                # the path-length step uses batch / path_shrink pictures
    style_mixing: float = 0.9           # chance that later layers get another z
    ema_kimg: float = 2.0               # half-life of the averaged painter (book; 10 in the released code)
    ema_rampup: float | None = None     # half-life at most this share of what was shown; 0.05 from scratch
    precision: str = "bfloat16"         # of the convolutions in training; "float32" is the other
    published_bugs: tuple[str, ...] = ()  # any of BUGS, to see what they change (book/departures)
    tick_kimg: float = 1.0              # one row of history
    checkpoint_seconds: float = 180.0

    def __post_init__(self):
        if not self.adversarial_weight and self.feature_weight:
            raise ValueError(f"feature_weight {self.feature_weight} without a discriminator (adversarial_weight 0); expected "
                             "feature_weight 0")
        unknown = [bug for bug in self.published_bugs if bug not in BUGS]
        if unknown:
            raise ValueError(f"no published bug {unknown[0]!r}; there is {', '.join(BUGS)}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision {self.precision!r}; expected 'float32' or 'bfloat16'")

    @property
    def n_steps(self) -> int:
        """Batches until `kimg` thousand pictures have been shown."""
        return max(1, math.ceil(self.kimg * 1000 / self.batch - 1e-9))


@dataclass(frozen=True, eq=False)
class TrainedGan:
    """A painter (records.Painter) with what it was trained from.

    network   sizes of the two networks
    states    "G_ema" (what paints), "D", and "G" when training can go on: state dicts, float32
    history   one row per tick: kimg, seconds, then the mean of every loss since the row before
    """

    network: StyleGanConfig
    states: dict[str, dict[str, Tensor]]
    history: pd.DataFrame = field(default_factory=pd.DataFrame)

    def paint(self, image_points: np.ndarray, caption_points: np.ndarray | None = None, *, seed: int, n_draws: int = 1,
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
        points = [p for p in (image_points, caption_points) if p is not None]
        if len(points) != self.network.heads:
            raise ValueError(f"{len(points)} kinds of points for a painter with {self.network.heads} head(s); expected "
                             "as many; widen the painter, or leave one kind out")
        conditions = [F.normalize(torch.tensor(np.asarray(p, np.float32)), dim=1) for p in points]
        painter = _network(Generator, self.network, self.states["G_ema"]).eval()
        n = len(conditions[0])
        rng = torch.Generator().manual_seed(seed)
        z = torch.randn(n, n_draws, self.network.z_dim, generator=rng).flatten(0, 1)
        rows = torch.arange(n).repeat_interleave(n_draws)
        parts = []
        with torch.no_grad():
            for part in torch.arange(n * n_draws).split(batch):
                x = painter(z[part], *(c[rows[part]] for c in conditions), noise="const", truncation=truncation)
                parts.append(((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1))
        size = self.network.resolution
        pictures = torch.cat(parts).numpy() if parts else np.zeros((0, size, size, 3), np.uint8)
        return pictures if n_draws == 1 else pictures.reshape(n, n_draws, size, size, 3)

    def widened(self) -> TrainedGan:
        """The same painter with a second head that copies the first; equal points give equal pictures (paper §2.3)."""
        network = dataclasses.replace(self.network, heads=2)
        return TrainedGan(network, {name: widen(state) for name, state in self.states.items()}, self.history)

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


# ---------------------------------------------------------------------------------------------------------------------
# Conditions and styles


def perturb(points: Tensor, levels: Tensor | float, rng: torch.Generator) -> Tensor:
    """Unit-length points moved by noise: normalise((1 - level) * p / |p| + level * e / |e|), e Gaussian.

    Level 0.1 is what finetuning uses, 0.75 is Lafite's language-free stand-in for a caption. points (N, d), levels a
    number or (N, 1). Released code, `aug_level_1` and `_2`. Departs: D-16 (points are normalised first).
    """
    noise = F.normalize(torch.randn(points.shape, generator=rng), dim=1)
    return F.normalize((1 - levels) * F.normalize(points, dim=1) + levels * noise, dim=1)


def mixed_styles(generator: Generator, n: int, config: GanConfig, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """One w for each layer of n pictures (N, n_layers, w_dim), and the first w (N, w_dim).

    With chance `style_mixing` the layers from a random place on get the w of another z. With the published bug "zero_z"
    the first z is zero.
    """
    n_layers = generator.config.n_layers
    z = torch.randn(2, n, generator.config.z_dim, generator=rng)
    cut = int(torch.randint(1, n_layers, (), generator=rng))
    mix = float(torch.rand((), generator=rng)) < config.style_mixing
    w = generator.mapping(torch.zeros_like(z[0]) if "zero_z" in config.published_bugs else z[0])
    ws = w[:, None].expand(-1, n_layers, -1)
    if mix:
        other = generator.mapping(z[1])[:, None].expand(-1, n_layers - cut, -1)
        ws = torch.cat([ws[:, :cut], other], 1)
    return ws, w


def random_crop(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """One random square, the same for all pictures: side from half the width to one less, any place (released code)."""
    size = pictures.shape[-1]
    side = int(torch.randint(size // 2, size, (), generator=rng))
    top, left = (int(i) for i in torch.randint(0, size - side, (2,), generator=rng))
    return pictures[:, :, top:top + side, left:left + side]


# ---------------------------------------------------------------------------------------------------------------------
# The four steps, each a dictionary of weighted losses whose sum is minimized


def generator_losses(generator: Generator, discriminator: Discriminator, real: Tensor, conditions: tuple[Tensor, ...],
                     config: GanConfig, rng: torch.Generator, *, clip=None, low_level: Callable | None = None,
                     content: Callable | None = None, kimg: float = 0.0) -> dict[str, Tensor]:
    """What a painted batch should be: taken for real, and near its conditions. Paper §2.3, eq. 4 and 5.

        softplus(-D(x)) + sum over heads k of [clip/K * Contra(CLIP(x), c_k) + feature/K * Contra(D_k(x), c_k)]
        + low_level * Contra(R(real), R(x)) + content weight * content(x, real)

    real (N, 3, H, W) in [-1, 1]; conditions: K of (N, d); `clip` a ClipEmbedder; Contra: losses.contrastive, rows=0.
    """
    ws, w = mixed_styles(generator, len(real), config, rng)
    generator.mapping.remember(w)
    painted = generator.paint(ws, conditions, rng=rng)
    terms = {}
    if config.adversarial_weight:
        verdict = discriminator(painted, *conditions)
        terms["adversarial"] = config.adversarial_weight * losses.logistic_generator(verdict.logit)
    if clip is not None and config.clip_weight:
        square = random_crop(painted, rng)
        size = getattr(clip, "image_size", painted.shape[-1])
        square = F.interpolate(square, size=(size, size), mode="bicubic", align_corners=False)
        with torch.autocast(square.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            seen = clip.encode_pictures(square)
        terms["clip"] = _contrasts([seen.float()] * len(conditions), conditions, config.clip_weight, config)
    if config.feature_weight:
        terms["feature"] = _contrasts(verdict.features, conditions, config.feature_weight, config)
    if low_level is not None and config.low_level_weight:
        terms["low_level"] = config.low_level_weight * losses.contrastive(
            low_level(real).detach(), low_level(painted), temperature=config.temperature, rows=0)
    if content is not None and config.content_weight:
        weight = config.content_weight * 0.5 ** (kimg / config.content_half_kimg)
        terms["content"] = weight * content(painted, real)
    return terms


def path_length_losses(generator: Generator, conditions: tuple[Tensor, ...], mean: Tensor, config: GanConfig,
                       rng: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
    """A step in w should change the picture by a constant length, the running mean; gives the new mean too (StyleGAN2).

        path_weight * mean_n (|d <x_n, y_n> / d ws_n| - mean)^2,  y Gaussian / sqrt(H W)
    """
    n = max(1, len(conditions[0]) // config.path_shrink)
    ws, _ = mixed_styles(generator, n, config, rng)
    ws = ws if ws.requires_grad else ws.requires_grad_()
    painted = generator.paint(ws, tuple(c[:n] for c in conditions), rng=rng)
    direction = torch.randn(painted.shape, generator=rng) / math.sqrt(painted.shape[2] * painted.shape[3])
    (slope,) = torch.autograd.grad((painted * direction).sum(), ws, create_graph=True)
    lengths = slope.square().sum(2).mean(1).sqrt()
    mean = mean.lerp(lengths.detach().mean(), config.path_decay)
    return {"path": config.path_weight * (lengths - mean).square().mean()}, mean


def discriminator_losses(generator: Generator, discriminator: Discriminator, real: Tensor,
                         conditions: tuple[Tensor, ...], config: GanConfig, rng: torch.Generator) -> dict[str, Tensor]:
    """Tell real pictures from painted ones, and place the real ones near their conditions. Paper §2.3, eq. 4 and 5.

        softplus(-D(real)) + softplus(D(painted)) + sum over heads k of feature/K * Contra(D_k(real), c_k)
    """
    with torch.no_grad():
        ws, _ = mixed_styles(generator, len(real), config, rng)
        painted = generator.paint(ws, conditions, rng=rng)
    fake, true = discriminator(painted, *conditions), discriminator(real, *conditions)
    terms = {"adversarial": losses.logistic_discriminator(true.logit, fake.logit)}
    if config.feature_weight:
        terms["feature"] = _contrasts(true.features, conditions, config.feature_weight, config)
    return terms


def r1_losses(discriminator: Discriminator, real: Tensor, conditions: tuple[Tensor, ...],
              config: GanConfig) -> dict[str, Tensor]:
    """The logit should be flat around real pictures: gamma / 2 * mean |d logit / d picture|^2 (StyleGAN2)."""
    real = real.detach().clone().requires_grad_()
    penalty = losses.r1_penalty(discriminator(real, *conditions).logit, real)
    return {"r1": config.r1_gamma / 2 * penalty}


def _contrasts(points, conditions, weight: float, config: GanConfig) -> Tensor:
    return sum(weight / len(conditions) * losses.contrastive(p, c, temperature=config.temperature, rows=0)
               for p, c in zip(points, conditions))


# ---------------------------------------------------------------------------------------------------------------------
# The loop


def train_gan(pictures: np.ndarray, rows: np.ndarray, conditions: tuple[np.ndarray, ...], config: GanConfig, *,
              start: TrainedGan | None = None, clip=None, low_level: Callable | None = None,
              content: Callable | None = None, seed: int, device: str = "cpu", checkpoint: Path | None = None,
              progress: Callable | None = None, on_tick: Callable | None = None) -> TrainedGan:
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

    Raises
    ------
    Diverged
        A loss is not finite; says which, and at which step.
    """
    rows = np.asarray(rows)
    _check(pictures, rows, conditions, config, start)
    points = tuple(torch.tensor(np.asarray(c, np.float32)) for c in conditions)
    if "first_sample_cached" in config.published_bugs:
        points = tuple(p[:1].expand_as(p) for p in points)
    game = _Game(config, start, len(conditions), seed, device)
    if checkpoint is not None and Path(checkpoint).exists():
        game.resume(Path(checkpoint))
    helpers = {"clip": clip, "low_level": low_level, "content": content}
    steps = range(game.step, config.n_steps)
    saved = time.monotonic()
    for _ in progress(steps, desc="painter", total=len(steps)) if progress else steps:
        items = torch.randperm(len(rows), generator=game.rng)[: config.batch]
        batch = np.ascontiguousarray(pictures[rows[items.numpy()]])
        real = torch.from_numpy(batch).permute(0, 3, 1, 2).float().to(device) / 127.5 - 1
        game.play(real, tuple(p[items] for p in points), helpers)
        row = game.tick()
        if row is not None and on_tick is not None:
            on_tick(row, game.average)
        if checkpoint is not None and time.monotonic() - saved > config.checkpoint_seconds:
            game.save(Path(checkpoint))
            saved = time.monotonic()
    if checkpoint is not None:
        game.save(Path(checkpoint))
    return game.result()


class _Game:
    """Both networks, their optimizers, the averaged painter, the random numbers and the history: all that is saved."""

    def __init__(self, config: GanConfig, start: TrainedGan | None, heads: int, seed: int, device: str):
        self.config, self.device = config, device
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
        lazy = config.path_every if config.path_weight else None
        self.paint_optimizer = _adam(self.generator, config, lazy)
        self.tell_optimizer = _adam(self.discriminator, config, config.r1_every if config.r1_gamma else None)
        self.path_mean = torch.zeros(())
        self.step, self.seconds, self.started = 0, 0.0, time.monotonic()
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.table: list[dict] = []

    @property
    def kimg(self) -> float:
        return self.step * self.config.batch / 1000

    def play(self, real: Tensor, points: tuple[Tensor, ...], helpers: dict) -> None:
        """One batch: the four steps, two of them only now and then, and the average."""
        config, nets = self.config, (self.generator, self.discriminator)
        nets[1].requires_grad_(False)
        terms = generator_losses(*nets, real, self._near(points), config, self.rng, **helpers, kimg=self.kimg)
        self._descend(self.paint_optimizer, "generator", terms)
        if config.path_weight and self.step % config.path_every == 0:
            terms, mean = path_length_losses(nets[0], self._near(points), self.path_mean, config, self.rng)
            self._descend(self.paint_optimizer, "generator", terms, config.path_every)
            self.path_mean = mean
        nets[1].requires_grad_(True)
        if config.adversarial_weight:
            terms = discriminator_losses(*nets, real, self._near(points), config, self.rng)
            self._descend(self.tell_optimizer, "discriminator", terms)
        if config.adversarial_weight and config.r1_gamma and self.step % config.r1_every == 0:
            terms = r1_losses(nets[1], real, self._near(points), config)
            self._descend(self.tell_optimizer, "discriminator", terms, config.r1_every)
        self.step += 1
        self._follow()

    def _near(self, points: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        low, high = self.config.noise_levels
        return tuple(perturb(p, low + (high - low) * torch.rand(len(p), 1, generator=self.rng), self.rng)
                     .to(self.device) for p in points)

    def _descend(self, optimizer: torch.optim.Optimizer, who: str, terms: dict[str, Tensor], scale: int = 1) -> None:
        for name, term in terms.items():
            value = float(term.detach())
            if not math.isfinite(value):
                raise Diverged(f"the {who}'s loss '{name}' is {value} at step {self.step} ({self.kimg:.3f} kimg); expected "
                               "a finite number; lower the learning rate or raise r1_gamma")
            key = f"{who} {name}"
            self.sums[key] = self.sums.get(key, 0.0) + value
            self.counts[key] = self.counts.get(key, 0) + 1
        optimizer.zero_grad(set_to_none=True)
        (sum(terms.values()) * scale).backward()
        optimizer.step()

    def _follow(self) -> None:
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
        whole = {"generator": self.generator.state_dict(), "discriminator": self.discriminator.state_dict(),
                 "average": self.average.state_dict(), "paint_optimizer": self.paint_optimizer.state_dict(),
                 "tell_optimizer": self.tell_optimizer.state_dict(), "path_mean": self.path_mean,
                 "rng": self.rng.get_state(), "progress": json.dumps(progress)}
        path.parent.mkdir(parents=True, exist_ok=True)
        with store.atomic_write(path) as temporary:
            torch.save(whole, temporary)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint made with the same settings (only `kimg` may differ), else LayoutError."""
        whole = torch.load(path, weights_only=True)
        progress = json.loads(whole["progress"])
        if progress["settings"] != self._settings():
            raise LayoutError(f"found the checkpoint {path} of a training with other settings, expected the same; delete "
                              "it, or give another path")
        for name in ("generator", "discriminator", "average", "paint_optimizer", "tell_optimizer"):
            getattr(self, name).load_state_dict(whole[name])
        self.rng.set_state(whole["rng"])
        self.path_mean = whole["path_mean"]
        for name in ("step", "seconds", "sums", "counts", "table"):
            setattr(self, name, progress[name])

    def _settings(self) -> dict:
        shown = dataclasses.asdict(dataclasses.replace(self.config, kimg=0.0, checkpoint_seconds=0.0))
        return json.loads(json.dumps(shown | {"network": dataclasses.asdict(self.network)}))

    def result(self) -> TrainedGan:
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
    return torch.optim.Adam(net.parameters(), lr=config.learning_rate * share, betas=betas, eps=1e-8)


def _check(pictures: np.ndarray, rows: np.ndarray, conditions, config: GanConfig, start: TrainedGan | None) -> None:
    network = start.network if start else config.network
    size = network.resolution
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (size, size, 3):
        raise ValueError(f"pictures {pictures.dtype} {pictures.shape}; expected uint8 (n, {size}, {size}, 3)")
    if len(conditions) not in (1, 2) or any(np.shape(c) != (len(rows), network.condition_dim) for c in conditions):
        raise ValueError(f"conditions of shapes {[np.shape(c) for c in conditions]} for {len(rows)} items; expected one "
                         f"or two of ({len(rows)}, {network.condition_dim})")
    if start and start.network.heads != len(conditions):
        raise ValueError(f"{len(conditions)} condition(s) for a painter with {start.network.heads} head(s); expected as "
                         "many; see TrainedGan.widened")
    if len(rows) < config.batch:
        raise ValueError(f"{len(rows)} training items for batches of {config.batch}; expected at least one batch")
