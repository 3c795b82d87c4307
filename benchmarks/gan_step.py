"""Pictures per second of the GAN's training: our step beside the plain one, at equal architecture and batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from mindreader.generator import GanConfig, TrainingState
from mindreader.training import Compiler, keep_freed_memory

from .plain_stylegan import PlainDiscriminator, PlainGenerator
from .timing import Timing, by_turns_apart, formats

PLAIN = {"plain float32, shared kernel": False, "plain float32, grouped kernels": True}


class PlainTrainingState(TrainingState):
    """The same training, from the same weights, of plain networks, with Adam as torch makes it by default."""

    def __init__(self, config: GanConfig, heads: int, seed: int, *, grouped: bool):
        super().__init__(dataclasses.replace(config, precision="float32"), None, heads, seed, "cpu", helpers={})
        plain = PlainGenerator(self.network, grouped=grouped), PlainDiscriminator(self.network)
        for net, ours in zip(plain, (self.generator, self.discriminator)):
            net.load_state_dict(ours.state_dict())
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam(net.parameters(), **{key: theirs.defaults[key] for key in ("lr", "betas", "eps")})
            for net, theirs in zip(plain, (self.generator_optimizer, self.discriminator_optimizer)))
        self.generator, self.discriminator = plain


def without_regularization(config: GanConfig) -> GanConfig:
    """Only the step of the generator and the step of the discriminator, every time."""
    return dataclasses.replace(config, path_weight=0.0, r1_gamma=0.0)


def batch_of(config: GanConfig, heads: int, seed: int = 0) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Noise for pictures (N, 3, H, W) in [-1, 1] and unit-length conditions; a step takes as long as with real ones."""
    rng = torch.Generator().manual_seed(seed)
    size, n = config.network.resolution, config.batch
    pictures = torch.rand(n, 3, size, size, generator=rng) * 2 - 1
    return pictures, tuple(F.normalize(torch.randn(n, config.network.condition_dim, generator=rng), dim=1)
                           for _ in range(heads))


def prepare(make: Callable[[], TrainingState], config: GanConfig, heads: int, keep: bool) -> Callable[[], None]:
    """Both training steps, ready to be called; with `keep`, in this library's way with memory."""
    if keep:
        keep_freed_memory()
    return partial(make().train_step, *batch_of(config, heads))


def ours(config: GanConfig, heads: int, compiled: bool) -> TrainingState:
    """Our training's state, in its own process: what is compiled cannot be sent to another."""
    return TrainingState(config, None, heads, 0, "cpu", helpers={}, compiler=Compiler(compiled))


def measure(config: GanConfig, *, repeats: int, heads: int = 2, compiled: bool = False) -> list[Timing]:
    """Time one generator and one discriminator step of each kind, each in its own process, the plain ones first.

    `compiled` times ours compiled, too.
    """
    config = without_regularization(config)
    contenders = {name: partial(prepare, partial(PlainTrainingState, config, heads, 0, grouped=grouped), config, heads, False)
                  for name, grouped in PLAIN.items()}
    for precision, compiles in product(formats(), (False, True) if compiled else (False,)):
        state = partial(ours, dataclasses.replace(config, precision=precision), heads, compiles)
        contenders[f"mindreader {precision}{', compiled' * compiles}"] = partial(prepare, state, config, heads, True)
    return by_turns_apart(contenders, config.batch, repeats=repeats)
