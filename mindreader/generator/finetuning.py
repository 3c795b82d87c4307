"""Train the conditional GAN: the training loop, its checkpoints, and the trained generator."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import core
from ..core import weights
from ..records import Diverged, LayoutError
from ..training import EAGER, SINGLE, Compiler, ProcessGroup, compute_dtype, keep_freed_memory, sent
from .steps import GanConfig, discriminator_losses, generator_losses, path_length_losses, perturb, r1_losses
from .stylegan import Discriminator, Generator, StyleGanConfig, widen


@dataclass(frozen=True, eq=False)
class TrainedGan:
    """A trained generator, with what training needs to go on from it.

    network   sizes of the two networks
    states    state dicts, float32: "G_ema" (running average, which generates), "D", and "G" when training can go on
    history   one row per tick: kimg, seconds, then the mean of every loss since the row before
    device    where it generates
    precision of the generating convolutions: "float32", or "bfloat16", twice as fast on processors that have it
    """

    network: StyleGanConfig
    states: dict[str, dict[str, Tensor]]
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    device: str = "cpu"
    precision: str = "float32"

    def generate(self, image_embeddings: np.ndarray, caption_embeddings: np.ndarray | None = None, *, seed: int,
                 n_draws: int = 1, truncation: float = 1.0, batch: int | None = None,
                 progress: Callable[..., Iterable] | None = None) -> np.ndarray:
        """Generate pictures conditioned on embeddings.

        Parameters
        ----------
        image_embeddings, caption_embeddings : arrays (n, n_dims)
            Scaled to unit length here. A one-head generator takes one of the two; the other is None.
        seed : int
            Of z, drawn for all rows at once, whatever the `batch`; pixel noise is constant.
        n_draws : int
            Pictures for each row, each from its own z.
        truncation : float
            Below 1, w is pulled to its mean: less varied pictures.
        batch : int, optional
            Pictures at once; 64, or fewer where they are larger than 128 px, which take 2 GB a layer at 256.
        progress : callable, optional
            Wraps the batches in a bar; see `core.progress`.

        Returns
        -------
        uint8 array (n, height, width, 3), or (n, n_draws, height, width, 3) when n_draws > 1

        Raises ValueError for another number of conditions than the generator has heads.
        """
        embeddings = [p for p in (image_embeddings, caption_embeddings) if p is not None]
        if len(embeddings) != self.network.heads:
            raise ValueError(f"{len(embeddings)} kinds of embeddings for a generator with {self.network.heads} "
                             "head(s); expected as many; widen the generator, or leave one kind out")
        conditions = [F.normalize(torch.tensor(np.asarray(p, np.float32)), dim=1) for p in embeddings]
        generator = _network(Generator, self.network, self.states["G_ema"]).to(self.device).eval()
        generator.compute = compute_dtype(self.precision, self.device)
        n, size = len(conditions[0]), self.network.resolution
        batches = torch.arange(n * n_draws).split(batch or max(1, min(64, 64 * 128**2 // size**2)))
        rng = torch.Generator().manual_seed(seed)
        z = torch.randn(n, n_draws, self.network.z_dim, generator=rng).flatten(0, 1)
        rows = torch.arange(n).repeat_interleave(n_draws)
        parts = []
        with torch.no_grad():
            for part in progress(batches, desc="pictures") if progress and len(batches) > 1 else batches:
                inputs = (x.to(self.device) for x in (z[part], *(c[rows[part]] for c in conditions)))
                x = generator(*inputs, noise="const", truncation=truncation)
                parts.append(((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu())
        pictures = torch.cat(parts).numpy() if parts else np.zeros((0, size, size, 3), np.uint8)
        return pictures if n_draws == 1 else pictures.reshape(n, n_draws, size, size, 3)

    def widened(self) -> TrainedGan:
        """A second head copied from the first: equal conditions give the same pictures (paper §2.3)."""
        network = dataclasses.replace(self.network, heads=2)
        states = {name: widen(state) for name, state in self.states.items()}
        return dataclasses.replace(self, network=network, states=states)

    @classmethod
    def from_part(cls, state: dict[str, Tensor], card: dict) -> TrainedGan:
        """From what `weights.load_part` gives; LayoutError for a part that is no generator."""
        if {field.name for field in dataclasses.fields(StyleGanConfig)} != set(card["architecture"]):
            raise LayoutError(f"found the part {card.get('name', '')!r}, which is no generator, expected one; name another")
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
        """Read what `save` wrote."""
        trained = cls.from_part(*weights.load_part(Path(folder)))
        path = Path(folder) / "history.csv"
        history = pd.read_csv(path) if path.exists() and path.stat().st_size > 1 else pd.DataFrame()
        return cls(trained.network, trained.states, history)


def train_gan(pictures: np.ndarray, rows: np.ndarray, conditions: tuple[np.ndarray, ...], config: GanConfig, *,
              start: TrainedGan | None = None, clip=None, low_level: Callable | None = None,
              content: Callable | None = None, seed: int, device: str = "cpu", checkpoint: Path | None = None,
              progress: Callable | None = None, on_tick: Callable | None = None,
              processes: ProcessGroup = SINGLE, compiled: bool = False) -> TrainedGan:
    """Train generator and discriminator on pictures and their conditions, from nothing or from `start` (paper §2.3).

    Parameters
    ----------
    pictures : uint8 array (n_images, height, width, 3)
    rows : int array (n_items,)
        Picture of each training item (a trial, when finetuning on a brain).
    conditions : one or two arrays (n_items, d)
        Embeddings of each item, one array for each head; scaled to unit length here.
    config : GanConfig
    start : TrainedGan, optional
        Must have as many heads as there are conditions (`TrainedGan.widened`).
    clip : ClipEmbedder, optional
        Of the CLIP-semantic loss, which is left out without it.
    low_level : callable, optional
        Pictures (N, 3, H, W) -> (N, features), of the low-level loss, likewise.
    content : callable, optional
        (generated, real) -> number, weighted by `config.content_weight`.
    seed : int
        Same seed, machine and versions: the same weights to the bit (CPU).
    checkpoint : Path, optional
        File of an unfinished training; if it exists, training goes on from it, with the same result to the bit.
    progress, on_tick : callables, optional
        `params.progress`; and on_tick(row of history, averaged generator).
    processes : ProcessGroup
        The processes that train together, all called with the same arguments; one of them by default.
    compiled : bool
        Compile both networks (torch.compile) in the first step, which then takes a minute or two; whether later steps are quicker
        depends on the processor (`benchmarks`). Regularization computes as it is written. Other last bits, so not the record's numbers.

    Raises
    ------
    ValueError
        Something does not fit: pictures, conditions, start and batch with each other, or the batch with the processes;
        or `compiled` where no compiler is.
    Diverged
        A loss is not finite; says which, and at which step.
    """
    rows = np.asarray(rows)
    _check(pictures, rows, conditions, config, start)
    _check_shares(config, start.network if start else config.network, processes)
    embeddings = tuple(torch.tensor(np.asarray(c, np.float32)) for c in conditions)
    if "first_sample_cached" in config.published_bugs:
        embeddings = tuple(p[:1].expand_as(p) for p in embeddings)
    state = TrainingState(config, start, len(conditions), seed, device,
                helpers={"clip": clip, "low_level": low_level, "content": content}, processes=processes,
                compiler=Compiler(compiled, device))
    return run(state, pictures, rows, embeddings, checkpoint=checkpoint, progress=progress, on_tick=on_tick)


def run(state: TrainingState, pictures: np.ndarray, rows: np.ndarray, embeddings: tuple[Tensor, ...], *,
        checkpoint: Path | None, progress: Callable | None, on_tick: Callable | None) -> TrainedGan:
    """Train to the end, from the checkpoint if there is one; arguments as for `train_gan`."""
    keep_freed_memory()
    config, processes = state.config, state.processes
    if checkpoint is not None and Path(checkpoint).exists():
        state.resume(Path(checkpoint))
    if len(begun := set(processes.exchange(state.step))) > 1:
        raise LayoutError(f"found the processes of one training at steps {sorted(begun)}, expected all at the same; give "
                          "them one folder for their checkpoint")
    if not processes.is_main:
        checkpoint = progress = on_tick = None
    steps = range(state.step, config.n_steps)
    saved = began = time.monotonic()
    for _ in progress(steps, desc="generator", total=len(steps)) if progress else steps:
        items = torch.randperm(len(rows), generator=state.rng)[: config.batch]
        batch = np.ascontiguousarray(pictures[rows[processes.own_rows(items).numpy()]])
        real = sent(torch.from_numpy(batch), state.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        state.train_step(real, tuple(p[items] for p in embeddings))
        if state.step == steps[0]:
            state.compiler.tell(time.monotonic() - began)
        state.step += 1
        state.update_average()
        row = state.tick()
        if row is not None and on_tick is not None:
            on_tick(row, state.average)
        if checkpoint is not None and time.monotonic() - saved > config.checkpoint_seconds:
            state.save(Path(checkpoint))
            saved = time.monotonic()
    if checkpoint is not None:
        state.save(Path(checkpoint))
    return state.result()


class TrainingState:
    """All that a checkpoint holds: both networks, the averaged generator, optimizers, random state and history."""

    def __init__(self, config: GanConfig, start: TrainedGan | None, heads: int, seed: int, device: str, *,
                 helpers: dict, processes: ProcessGroup = SINGLE, compiler: Compiler = EAGER):
        self.config, self.device, self.helpers, self.processes, self.compiler = config, device, helpers, processes, compiler
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
            net.compute = compute_dtype(config.precision, device)
        compiler.module(self.generator.synthesis)
        compiler.module(self.discriminator)
        self.average.to(device)
        self.call_generator = processes.data_parallel(self.generator)
        self.call_discriminator = processes.data_parallel(self.discriminator)
        self.generator_optimizer = _adam(self.generator, config, config.path_every if config.path_weight else None)
        self.discriminator_optimizer = _adam(self.discriminator, config, config.r1_every if config.r1_gamma else None)
        self.parts = {"generator": self.generator, "discriminator": self.discriminator, "average": self.average,
                      "generator_optimizer": self.generator_optimizer,
                      "discriminator_optimizer": self.discriminator_optimizer}
        self.path_mean = torch.zeros((), device=device)
        self.step, self.seconds, self.started = 0, 0.0, time.monotonic()
        self.sums: dict[str, float | Tensor] = {}    # of each loss since the last row of history
        self.counts: dict[str, int] = {}
        self.table: list[dict] = []

    @property
    def kimg(self) -> float:
        return self.step * self.config.batch / 1000

    def train_step(self, real: Tensor, embeddings: tuple[Tensor, ...]) -> None:
        """Train on one batch (this process's pictures, all embeddings): both networks' steps, lazily regularized."""
        config, processes, nets = self.config, self.processes, (self.generator, self.discriminator)
        nets[1].requires_grad_(False)
        terms = self.call_generator(generator_losses, *nets, real, self.perturbed(embeddings), config, self.rng,
                                    **self.helpers, kimg=self.kimg, processes=processes)
        self.descend(self.generator_optimizer, "generator", terms)
        if config.path_weight and self.step % config.path_every == 0:
            with self.compiler.as_written():
                terms, mean = self.call_generator(path_length_losses, nets[0], self.perturbed(embeddings), self.path_mean,
                                                  config, self.rng, processes)
            self.descend(self.generator_optimizer, "generator", terms, config.path_every)
            self.path_mean = mean
        nets[1].requires_grad_(True)
        if config.adversarial_weight:
            terms = self.call_discriminator(discriminator_losses, *nets, real, self.perturbed(embeddings), config,
                                            self.rng, processes)
            self.descend(self.discriminator_optimizer, "discriminator", terms)
        if config.adversarial_weight and config.r1_gamma and self.step % config.r1_every == 0:
            with self.compiler.as_written():
                terms = self.call_discriminator(r1_losses, nets[1], real, self.perturbed(embeddings), config, processes)
            self.descend(self.discriminator_optimizer, "discriminator", terms, config.r1_every)

    def perturbed(self, embeddings: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Conditions: the embeddings perturbed by fresh noise, each row at its own level."""
        low, high = self.config.noise_levels
        return tuple(perturb(sent(p, self.device), sent(low + (high - low) * torch.rand(len(p), 1, generator=self.rng), self.device),
                             self.rng) for p in embeddings)

    def descend(self, optimizer: torch.optim.Optimizer, who: str, terms: dict[str, Tensor], scale: int = 1) -> None:
        """One step down the sum of the losses times `scale`; a loss that is not finite is a Diverged.

        A GPU is asked for its losses with the next row of history or checkpoint, since each answer has to be waited for.
        """
        for name, term in terms.items():
            key = f"{who} {name}"
            self.sums[key] = self.sums.get(key, 0.0) + term.detach().double()
            self.counts[key] = self.counts.get(key, 0) + 1
        if self.device == "cpu":
            self._settle()
        optimizer.zero_grad(set_to_none=True)
        # Each process has the gradient by its own rows; DDP gives their mean where their sum is wanted.
        (sum(terms.values()) * (scale * self.processes.size)).backward()
        optimizer.step()

    def update_average(self) -> None:
        """Update the exponential moving average of the generator's weights."""
        half_life = self.config.ema_kimg
        if self.config.ema_rampup is not None:
            half_life = min(half_life, self.kimg * self.config.ema_rampup)
        keep = 0.5 ** (self.config.batch / 1000 / max(half_life, 1e-8))
        with torch.no_grad():
            for average, now in zip(self.average.parameters(), self.generator.parameters()):
                average.copy_(now.lerp(average, keep))
            for average, now in zip(self.average.buffers(), self.generator.buffers()):
                average.copy_(now)

    def tick(self) -> dict | None:
        """A row of history when `tick_kimg` more have been shown, or at the end."""
        done = math.floor(self.kimg / self.config.tick_kimg + 1e-9)
        before = math.floor((self.step - 1) * self.config.batch / 1000 / self.config.tick_kimg + 1e-9)
        if done == before:
            return None
        self.table.append(self._row())
        self.sums, self.counts = {}, {}
        return self.table[-1]

    def _settle(self) -> None:
        """Have the sums of the losses as numbers; Diverged where one is none."""
        self.sums = {name: float(total) for name, total in self.sums.items()}
        for name, total in self.sums.items():
            if not math.isfinite(total):
                who, _, what = name.partition(" ")
                raise Diverged(f"the {who}'s loss '{what}' is {total} {'at' if self.device == 'cpu' else 'by'} step {self.step} ({self.kimg:.3f} "
                               "kimg); expected a finite number; lower the learning rate or raise r1_gamma, and go on from the last checkpoint")

    def _row(self) -> dict:
        self._settle()
        means = {name: total / self.counts[name] for name, total in self.sums.items()}
        return {"kimg": self.kimg, "seconds": self._elapsed()} | means

    def _elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.started

    def save(self, path: Path) -> None:
        """Write the checkpoint atomically: an interruption leaves the old one or the new one; none of losses that are not finite."""
        self._settle()
        progress = {"step": self.step, "seconds": self._elapsed(), "sums": self.sums, "counts": self.counts,
                    "table": self.table, "settings": self._settings()}
        whole = {name: part.state_dict() for name, part in self.parts.items()}
        whole |= {"path_mean": self.path_mean, "rng": self.rng.get_state(), "progress": json.dumps(progress)}
        path.parent.mkdir(parents=True, exist_ok=True)
        with core.atomic_write(path) as temporary:
            torch.save(whole, temporary)

    def resume(self, path: Path) -> None:
        """Load a checkpoint; LayoutError if made with other settings (only `kimg` may differ)."""
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
        """Copies of all weights, and the history including the steps since its last row."""
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
    """Adam for a network with a regularization step every so many batches; rates scaled as in StyleGAN2."""
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
        raise ValueError(f"{len(conditions)} condition(s) for a generator with {start.network.heads} head(s); "
                         "expected as many; see TrainedGan.widened")
    if len(rows) < config.batch:
        raise ValueError(f"{len(rows)} training items for batches of {config.batch}; expected at least one batch")


def _check_shares(config: GanConfig, network: StyleGanConfig, processes: ProcessGroup) -> None:
    if processes.size == 1:
        return
    group, slopes = math.gcd(config.batch, network.minibatch_group), max(1, config.batch // config.path_shrink)
    if config.batch % (group * processes.size) or (config.path_weight and slopes % processes.size):
        raise ValueError(f"batches of {config.batch}, and of {slopes} for the path length, for {processes.size} processes; "
                         f"expected a multiple of {group * processes.size} (pictures are compared in groups of {group}), and "
                         f"of {processes.size}")
    if "batch_summed_logit" in config.published_bugs:
        raise ValueError(f"the published bug 'batch_summed_logit' with {processes.size} processes, none of which sees a whole "
                         "batch; expected a single process")
