"""Training in one phase: the numbers of `fit` but for rounding, the best weights, a decaying rate, and no loss that is not finite."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mindreader.records import Diverged
from mindreader.training import Phase, Schedule, Task, fit, fit_in_one_phase, new_network

SCHEDULE = Schedule(1e-2, 0.5, 2, 1e-3)


def task(scale=1.0):
    x = torch.randn(70, 6, generator=torch.Generator().manual_seed(1)) * scale
    y = (x[:, :3] + x[:, 3:] > 0).float()
    return Task(x[:50], lambda rng: y[:50], x[50:], y[50:])


def network():
    return new_network(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), 4)


def phase(epochs):
    return Phase("binary cross-entropy", F.binary_cross_entropy_with_logits, epochs, 16)


def test_it_is_fit_but_for_rounding():
    one, other = network(), network()
    history = fit_in_one_phase(one, task(), phase(5), SCHEDULE, seed=3)
    expected = fit(other, task(), [phase(5)], SCHEDULE, seed=3)
    np.testing.assert_allclose(history.drop(columns="best"), expected[["epoch", "learning_rate", "train_loss", "validation_loss"]], rtol=1e-5)
    for mine, theirs in zip(one.parameters(), other.parameters()):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_it_ends_with_the_weights_of_the_lowest_validation_loss():
    given, fitted = task(), network()
    given = Task(given.inputs, given.draw, given.validation_inputs, 1 - given.validation_targets)     # each epoch makes it worse
    history = fit_in_one_phase(fitted, given, phase(4), SCHEDULE, seed=3)
    first = network()
    fit_in_one_phase(first, given, phase(1), SCHEDULE, seed=3)
    assert history.best.tolist() == [True, False, False, False]
    assert all(torch.equal(*pair) for pair in zip(fitted.parameters(), first.parameters()))


def test_without_an_epoch_nothing_changes():
    fitted, before = network(), copy.deepcopy(network().state_dict())
    assert len(fit_in_one_phase(fitted, task(), phase(0), SCHEDULE, seed=3)) == 0
    assert all(torch.equal(value, before[name]) for name, value in fitted.state_dict().items())


def test_a_loss_that_is_not_finite_stops_it():
    with pytest.raises(Diverged, match="step 1 of epoch 1"):
        fit_in_one_phase(network(), task(scale=float("inf")), phase(1), SCHEDULE, seed=3)
