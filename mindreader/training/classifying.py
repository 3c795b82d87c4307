"""Fit classifiers: one phase, without checkpoints, by an Adam that goes over the weights once in each step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import torch
from torch import nn

from .fitting import Phase, Schedule, Task, _one_epoch, _validation_loss
from .memory import keep_freed_memory


def fit_in_one_phase(network: nn.Module, task: Task, phase: Phase, schedule: Schedule, *, seed: int, device: str = "cpu",
                     progress: Callable[..., Iterable] | None = None, desc: str = "fit") -> pd.DataFrame:
    """Train `network` in place as `fit` does, to the same numbers but for rounding; it ends with the weights of the lowest validation loss.

    In a network of few large matrices more than half of a step is Adam's, if that goes over them a dozen times: once is enough.

    Returns
    -------
    table
        epoch, learning_rate, train_loss, validation_loss, best; one row per epoch. Raises Diverged where a loss is not finite.
    """
    keep_freed_memory()
    network.to(device)
    task = Task(task.inputs.to(device), task.draw, task.validation_inputs.to(device), task.validation_targets.to(device))
    best, lowest, history, optimizer = copy.deepcopy(network.state_dict()), float("inf"), [], None
    for epoch in progress(range(phase.epochs), desc=desc, total=phase.epochs) if progress else range(phase.epochs):
        rate = schedule.learning_rate * schedule.lr_decay ** (epoch // schedule.decay_every)
        if epoch % schedule.decay_every == 0:
            optimizer = torch.optim.Adam(network.parameters(), rate, weight_decay=schedule.weight_decay, fused=True)
        train_loss = _one_epoch(network, optimizer, task, phase, np.random.default_rng([seed, 0, epoch]), "float32", epoch, None)
        loss = _validation_loss(network, task, phase, "float32", epoch)
        better = loss < lowest
        if better:
            lowest, best = loss, copy.deepcopy(network.state_dict())
        history.append({"epoch": epoch + 1, "learning_rate": rate, "train_loss": train_loss, "validation_loss": loss, "best": better})
    network.load_state_dict(best)
    return pd.DataFrame(history, columns=["epoch", "learning_rate", "train_loss", "validation_loss", "best"])
