"""Trials per second of the mapper's training: ours beside the released order of layers, and the machine's peak."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from mindreader.fitting import new_network
from mindreader.losses import LOSSES, blend
from mindreader.mapping import MappingConfig, ResidualMapper

from .plain_mapper import PlainMapper
from .timing import Timing, by_turns

SIZES = ((2048, 128), (15744, 512))  # voxels and dimensions: the twin's at the default preset, the paper's


def learn(network: nn.Module, optimizer: torch.optim.Optimizer, betas: Tensor, points: Tensor, *,
          bfloat16: bool = False) -> float:
    """One training step as `mindreader.fitting` does it, down the loss of the first phase; gives the loss."""
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        predicted = network(betas)
    loss = blend(predicted.float(), points, LOSSES["mse+cos"][0])
    loss.backward()
    optimizer.step()
    return loss.item()


def work_of_a_step(n_voxels: int, n_dims: int, batch: int) -> int:
    """Multiplications and additions in the convolutions of one step, forward and backward, as torch counts them."""
    network = PlainMapper(n_voxels, n_dims)
    with FlopCounterMode(display=False) as counter:
        network(torch.randn(batch, n_voxels)).sum().backward()
    return counter.get_total_flops()


def measure(n_voxels: int, n_dims: int, config: MappingConfig, *, repeats: int) -> list[Timing]:
    """Time training steps of `config.batch` trials; the plain network comes first, all start from the same weights."""
    ours = new_network(lambda: ResidualMapper(n_voxels, n_dims), seed=0)
    rng = torch.Generator().manual_seed(0)
    betas = torch.randn(config.batch, n_voxels, generator=rng)
    points = F.normalize(torch.randn(config.batch, n_dims, generator=rng), dim=1)
    contenders = {}
    for name, kind, bfloat16 in (("plain float32", PlainMapper, False), ("mindreader float32", ResidualMapper, False),
                                 ("mindreader bfloat16", ResidualMapper, True)):
        network = kind(n_voxels, n_dims)
        network.load_state_dict(ours.state_dict())
        adam = torch.optim.Adam(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        contenders[name] = partial(learn, network, adam, betas, points, bfloat16=bfloat16)
    return by_turns(contenders, config.batch, repeats=repeats)
