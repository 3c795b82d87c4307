"""The training loop: its steps, its auxiliary network, and continuing where an earlier fit stopped."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mindreader.mapping.auxiliary import AUXILIARY_NETWORKS, new_auxiliary
from mindreader.training.fitting import Phase, Schedule, Task, fit, new_network
from mindreader.records import Diverged

N_DIMS = 12


def embeddings(seed, n=40):
    return F.normalize(torch.randn(n, N_DIMS, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_adam_is_made_anew_at_each_decay():
    made = []
    original = torch.optim.Adam

    class Counting(original):
        def __init__(self, *args, **kwargs):
            made.append(args[1])
            super().__init__(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "Adam", Counting)
        x = torch.ones(4, 2)
        fit(nn.Linear(2, 1), Task(x, lambda rng: x[:, :1], x, x[:, :1]),
            [Phase("mse", F.mse_loss, 5, 2)], Schedule(1.0, 0.5, 2, 0.0), seed=0)
    assert made == [1.0, 0.5, 0.25]


@pytest.mark.parametrize("kind", AUXILIARY_NETWORKS)
@pytest.mark.parametrize("killed_after", [1, 3])
def test_a_fit_with_an_auxiliary_network_continues_to_the_same_bits(tmp_path, kind, killed_after):
    x, y = embeddings(3, 33), embeddings(4, 33)  # 33 rows: the last batch has one
    task = Task(x, lambda rng: y, x, y)
    phases = [Phase("a", F.mse_loss, 2, 16), Phase("b", F.mse_loss, 3, 16, auxiliary=True)]
    schedule = Schedule(1e-2, 0.5, 2, 1e-5)

    def killing(iterable, **_):
        for i, item in enumerate(iterable):
            if i == killed_after:
                raise KeyboardInterrupt
            yield item

    def run(**how):
        torch.manual_seed(8)
        network, auxiliary = nn.Linear(N_DIMS, N_DIMS), new_auxiliary(kind, N_DIMS, 3)
        history = fit(network, task, phases, schedule, seed=2, auxiliary=auxiliary, **how)
        return history, network, auxiliary

    with pytest.raises(KeyboardInterrupt):
        run(checkpoint=tmp_path / "checkpoint.pt", progress=killing)
    resumed, whole = run(checkpoint=tmp_path / "checkpoint.pt"), run()
    assert resumed[0].equals(whole[0])
    for a, b in zip(resumed[1:], whole[1:]):
        assert all(torch.equal(a.state_dict()[name], value) for name, value in b.state_dict().items())


@pytest.mark.parametrize("kind", AUXILIARY_NETWORKS)
def test_an_auxiliary_network_is_unchanged_in_phases_without_it_and_affects_those_with_it(kind):
    x, y = embeddings(3), embeddings(4)
    task = Task(x, lambda rng: y, x, y)

    def run(with_it, auxiliary):
        torch.manual_seed(8)
        network = nn.Linear(N_DIMS, N_DIMS)
        fit(network, task, [Phase("a", F.mse_loss, 2, 16, auxiliary=with_it)], Schedule(1e-2, 0.5, 2, 0.0), seed=2,
            auxiliary=auxiliary)
        return network.weight

    auxiliary = new_auxiliary(kind, N_DIMS, 3)
    weights = copy.deepcopy(auxiliary.state_dict())
    alone, idle = run(False, None), run(False, auxiliary)
    assert torch.equal(alone, idle)
    assert all(torch.equal(weights[name], value) for name, value in auxiliary.state_dict().items())
    assert not torch.equal(alone, run(True, auxiliary))
    assert not np.allclose(weights["layers.0.weight"], auxiliary.state_dict()["layers.0.weight"])


def test_a_fit_continues_after_the_phases_of_an_earlier_one():
    x, y = embeddings(3), embeddings(4)
    task, schedule = Task(x, lambda rng: y, x, y), Schedule(1e-2, 0.5, 2, 0.0)
    first, second = Phase("a", F.mse_loss, 3, 16), Phase("b", F.l1_loss, 2, 8)

    def linear():
        torch.manual_seed(8)
        return nn.Linear(N_DIMS, N_DIMS)

    shared, whole = linear(), linear()
    trained = fit(shared, task, [first], schedule, seed=2)
    continued = fit(shared, task, [first, second], schedule, seed=2, trained=trained)
    assert continued.equals(fit(whole, task, [first, second], schedule, seed=2))
    assert torch.equal(shared.weight, whole.weight)
    weights = copy.deepcopy(shared.weight)
    assert fit(shared, task, [first, second], schedule, seed=2, trained=continued).equals(continued)
    assert torch.equal(shared.weight, weights), "nothing was left to do"
    with pytest.raises(ValueError, match="earlier fit of 2 epochs, expected .* one of 0, 3, 5 epochs"):
        fit(linear(), task, [first, second], schedule, seed=2, trained=trained.iloc[:2])
    assert fit(linear(), task, [first], schedule, seed=2, trained=pd.DataFrame()).equals(trained)


def classified(scale=1.0):
    """Inputs and three labels each, the last 20 for validation; a network for them, the same each time."""
    x = torch.randn(70, 6, generator=torch.Generator().manual_seed(1)) * scale
    y = (x[:, :3] + x[:, 3:] > 0).float()
    network = new_network(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), 4)
    return Task(x[:50], lambda rng: y[:50], x[50:], y[50:]), network


def test_a_fused_adam_gives_the_same_but_for_rounding():
    found, before = [], classified()[1].state_dict()
    for fused in (False, True):
        task, network = classified()
        table = fit(network, task, [Phase("bce", F.binary_cross_entropy_with_logits, 5, 16)], Schedule(1e-2, 0.5, 2, 1e-3, fused), seed=3)
        found.append((table, network.state_dict()))
    (table, weights), (other, fused_weights) = found
    pd.testing.assert_frame_equal(table, other, rtol=1e-5)
    for name, weight in weights.items():
        torch.testing.assert_close(weight, fused_weights[name], rtol=1e-4, atol=1e-6)
        assert not torch.allclose(weight, before[name], atol=1e-3), "it has learned"


def test_it_ends_with_the_weights_of_the_lowest_validation_loss():
    after = {}
    for epochs in (0, 1, 4):
        given, network = classified()
        task = Task(given.inputs, given.draw, given.validation_inputs, 1 - given.validation_targets)      # each epoch makes it worse
        table = fit(network, task, [Phase("bce", F.binary_cross_entropy_with_logits, epochs, 16)], Schedule(1e-2, 0.5, 2, 0.0), seed=3)
        after[epochs] = network.state_dict()
        assert table.best.tolist() == [True, False, False, False][:epochs]
    assert all(torch.equal(value, after[1][name]) for name, value in after[4].items())
    assert all(torch.equal(value, classified()[1].state_dict()[name]) for name, value in after[0].items())


def test_a_loss_that_is_not_finite_stops_it():
    task, network = classified(scale=float("inf"))
    with pytest.raises(Diverged, match="step 1 of epoch 1"):
        fit(network, task, [Phase("bce", F.binary_cross_entropy_with_logits, 1, 16)], Schedule(1e-2, 0.5, 2, 1e-3, fused=True), seed=3)


class Hides(nn.Module):
    """Its output stays finite whatever its weight becomes, as where ReLU works on a number's bits."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + (self.weight.sqrt() * x).nan_to_num()           # the slope of the root at 0 is infinite


def test_weights_that_are_not_finite_are_named_with_their_epoch():
    x = torch.tensor([[0.0], [1.0]])
    task = Task(x, lambda rng: x + 1, x, x + 1)
    with pytest.raises(Diverged, match="'shift' left weights that are not finite in epoch 1, expected numbers; lower"):
        fit(Hides(), task, [Phase("shift", F.mse_loss, 3, 2)], Schedule(1e-3, 1.0, 10, 0.0), seed=0)
