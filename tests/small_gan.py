"""A generator small enough to train in a test, and helpers that several tests share."""

import numpy as np
import torch
from torch.nn import functional as F

from mindreader.generator import GanConfig, StyleGanConfig, TrainedGan

NETWORK = StyleGanConfig(resolution=16, z_dim=6, w_dim=8, condition_dim=8, channel_base=64, channel_max=8,
                         mapping_layers=2)
CONFIG = GanConfig(network=NETWORK, kimg=0.024, batch=4, tick_kimg=0.008, r1_every=2, path_every=2, ema_kimg=0.01,
                   precision="float32")


class FakeClip:
    """Encodes the mean colours of the quarters of a picture."""

    image_size = 16

    def encode_pictures(self, x):
        return F.adaptive_avg_pool2d(x, 2).flatten(1)[:, :8]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def contra(embeddings, conditions):
    """For each condition: minus the log share of its own picture among all pictures, at temperature one half."""
    a, b = (np.asarray(x.detach().double()) for x in (embeddings, conditions))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    s = np.exp(a @ b.T / 0.5)
    return -np.log(np.diag(s) / s.sum(0)).mean()


def same_states(a: TrainedGan, b: TrainedGan) -> bool:
    return all(torch.equal(a.states[w][k], b.states[w][k]) for w in ("G", "D", "G_ema") for k in a.states[w])
