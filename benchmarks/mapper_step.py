"""Trials per second of the mapper's training: ours beside the released order of layers, and the machine's peak."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from mindreader.studies.costs import train_step
from mindreader.mapping import MappingConfig, ResidualMapper
from mindreader.training import keep_freed_memory, new_network

from .plain_mapper import PlainMapper
from .timing import Timing, by_turns_apart, formats

# Voxels and dimensions: the twin's at the default preset, two between, the paper's.
SIZES = ((1024, 128), (2048, 128), (2048, 512), (15744, 512))


def work_of_a_step(n_voxels: int, n_dims: int, batch: int) -> int:
    """Multiplications and additions in the convolutions of one step, forward and backward, as torch counts them."""
    network = PlainMapper(n_voxels, n_dims)
    with FlopCounterMode(display=False) as counter:
        network(torch.randn(batch, n_voxels)).sum().backward()
    return counter.get_total_flops()


def prepare(kind: type[nn.Module], n_voxels: int, n_dims: int, config: MappingConfig, precision: str,
            keep: bool) -> Callable[[], float]:
    """A training step of `config.batch` trials, ready to be called; with `keep`, in this library's way with memory."""
    if keep:
        keep_freed_memory()
    network = kind(n_voxels, n_dims)
    network.load_state_dict(new_network(lambda: ResidualMapper(n_voxels, n_dims), seed=0).state_dict())
    adam = torch.optim.Adam(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    rng = torch.Generator().manual_seed(0)
    betas = torch.randn(config.batch, n_voxels, generator=rng)
    embeddings = F.normalize(torch.randn(config.batch, n_dims, generator=rng), dim=1)
    return partial(train_step, network, adam, betas, embeddings, precision=precision)


def measure(n_voxels: int, n_dims: int, config: MappingConfig, *, repeats: int) -> list[Timing]:
    """Time training steps, each contender in its own process; the plain network comes first, from the same weights."""
    contenders = {name: partial(prepare, kind, n_voxels, n_dims, config, precision, keep)
                  for name, kind, precision, keep in (("plain float32", PlainMapper, "float32", False),
                                                     ("plain float32, memory kept", PlainMapper, "float32", True),
                                                     *((f"mindreader {each}", ResidualMapper, each, True) for each in formats()))}
    return by_turns_apart(contenders, config.batch, repeats=repeats)
