"""joint: the end-to-end training, against its parts worked out one by one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from small_gan import CONFIG, NETWORK, FakeClip, contra, rng, same_states
from torch import nn
from torch.nn import functional as F

from mindreader.generator.finetuning import TrainedGan, train_gan
from mindreader.generator.steps import mixed_styles, perturb
from mindreader.generator.joint import JointTrainingState, silent_positions, train_jointly
from mindreader.records import LayoutError
from mindreader.generator.stylegan import Discriminator, Generator

HELPERS = {"clip": FakeClip(), "low_level": None, "content": None}
CALM = dataclasses.replace(CONFIG, kimg=0.012, learning_rate=1e-3)


def network(seed, n_voxels=5):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(n_voxels, NETWORK.condition_dim)


@pytest.fixture(scope="module")
def data():
    draw = np.random.default_rng(5)
    wanted = [draw.standard_normal((14, NETWORK.condition_dim)).astype(np.float32) for _ in range(2)]
    wanted = [w / np.linalg.norm(w, axis=1, keepdims=True) for w in wanted]
    return (draw.integers(0, 256, (10, 16, 16, 3), dtype=np.uint8), draw.integers(0, 10, 14),
            draw.standard_normal((14, 5)).astype(np.float32), wanted)


def start(heads):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        sizes = dataclasses.replace(NETWORK, heads=heads)
        generator, discriminator = Generator(sizes), Discriminator(sizes)
        for p in discriminator.parameters():
            p.data += 0.1 * torch.randn(p.shape)
    return TrainedGan(sizes, {"G": generator.state_dict(), "G_ema": generator.state_dict(), "D": discriminator.state_dict()})


def train(data, heads=2, config=CALM, weight=0.1, networks=None, **options):
    pictures, rows, betas, wanted = data
    networks = networks or [network(k) for k in range(heads)]
    return train_jointly(pictures, rows, betas, wanted[:heads], networks, config, weight=weight, start=start(heads),
                         clip=FakeClip(), seed=3, **options)


def test_losses_are_the_regression_of_each_mappers_own_output_and_the_adversarial_loss(data):
    state = JointTrainingState(CALM, start(2), [network(0), network(1)], 0.25, 3, "cpu", helpers=HELPERS)
    betas, wanted = torch.from_numpy(data[2][:4]), [torch.from_numpy(w[:4]) for w in data[3]]
    state.rng = rng(7)
    terms = state.mapper_losses(betas, wanted)
    predicted = [state.networks[k](betas) for k in range(2)]
    for name, embeddings, target in zip(("first", "second"), predicted, wanted):
        by_hand = (0.2 * (embeddings - target).square().mean() + 0.3 * (1 - F.cosine_similarity(embeddings, target)).mean()
                   + 0.5 * contra(embeddings, target))
        assert terms[f"{name} regression"].item() == pytest.approx(by_hand.item(), rel=1e-5)
    low, high = CALM.noise_levels
    draw = rng(7)
    conditions = [perturb(p, low + (high - low) * torch.rand(4, 1, generator=draw), draw) for p in predicted]
    ws, _ = mixed_styles(state.generator, 4, CALM, draw)
    logit = state.discriminator(state.generator.generate(ws, tuple(conditions), rng=draw), *conditions).logit
    assert terms["adversarial"].item() == pytest.approx(0.25 * F.softplus(-logit).mean().item(), rel=1e-5)


def test_the_published_bug_regresses_the_first_mappers_output_on_the_seconds_targets(data):
    betas, wanted = torch.from_numpy(data[2][:4]), [torch.from_numpy(w[:4]) for w in data[3]]
    bug = dataclasses.replace(CALM, published_bugs=("second_on_first",))
    state = JointTrainingState(bug, start(2), [network(0), network(1)], 0.0, 3, "cpu", helpers=HELPERS)
    terms = state.mapper_losses(betas, wanted)
    swapped = JointTrainingState(CALM, start(2), [network(1), network(0)], 0.0, 3, "cpu", helpers=HELPERS).mapper_losses(betas, wanted)
    assert terms["second regression"].item() == pytest.approx(swapped["second regression"].item())
    sum(terms.values()).backward()
    assert state.networks[0].weight.grad.abs().sum() > 0 and state.networks[1].weight.grad is None


def test_the_adversarial_loss_reaches_both_mappers_but_not_the_generator(data):
    state = JointTrainingState(CALM, start(2), [network(0), network(1)], 1.0, 3, "cpu", helpers=HELPERS)
    for net in (state.generator, state.discriminator):
        net.requires_grad_(False)
    betas, wanted = torch.from_numpy(data[2][:4]), [torch.from_numpy(w[:4]) for w in data[3]]
    state.mapper_losses(betas, wanted)["adversarial"].backward()
    assert all(n.weight.grad.abs().sum() > 0 for n in state.networks)
    assert all(p.grad is None for p in state.generator.parameters())


def test_mappers_that_stand_still_leave_the_generator_as_frozen_ones_do(data):
    pictures, rows, betas, wanted = data
    still = dataclasses.replace(CALM, noise_levels=(0.0, 0.0))
    one = network(0)
    with torch.no_grad():
        embeddings = one(torch.from_numpy(betas)).numpy()

    class Frozen(nn.Module):
        def forward(self, x):
            return one(x) + 0 * self.idle

        def __init__(self):
            super().__init__()
            self.idle = nn.Parameter(torch.zeros(()))

    frozen = train_gan(pictures, rows, (embeddings,), still, start=start(1), clip=FakeClip(), seed=3)
    together = train(data, heads=1, config=still, weight=0.0, networks=[Frozen()]).generator
    assert all(torch.allclose(t, together.states["G_ema"][k], atol=1e-5) for k, t in frozen.states["G_ema"].items())


def test_training_moves_mappers_towards_their_targets_and_leaves_the_given_ones_alone(data):
    given = [network(0), network(1)]
    before = [n.weight.clone() for n in given]
    longer = dataclasses.replace(CALM, kimg=0.16, learning_rate=0.01)
    after = train(data, config=longer, weight=0.0, networks=given).networks
    betas = torch.from_numpy(data[2])
    for old, new, kept, target in zip(given, after, before, data[3]):
        assert torch.equal(old.weight, kept) and not torch.equal(new.weight, kept)
        score = [F.cosine_similarity(n(betas), torch.from_numpy(target)).mean().item() for n in (old, new)]
        assert score[1] > score[0] + 0.1


def test_an_interrupted_training_goes_on_to_the_bit(data, tmp_path):
    whole = train(data)
    train(data, config=dataclasses.replace(CALM, kimg=0.008), checkpoint=tmp_path / "c.pt")
    resumed = train(data, checkpoint=tmp_path / "c.pt")
    assert same_states(whole.generator, resumed.generator)
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(whole.networks, resumed.networks))
    with pytest.raises(LayoutError, match="other settings"):
        train(data, weight=0.2, checkpoint=tmp_path / "c.pt")


def test_wrong_numbers_of_mappers_and_negative_weights_are_refused(data):
    with pytest.raises(ValueError, match="1 mappers and 2 kinds of targets for a generator with 2"):
        train(data, networks=[network(0)])
    with pytest.raises(ValueError, match="weight of -1, expected 0 or more"):
        train(data, weight=-1)


def test_silent_positions_are_those_whose_spread_is_gone():
    embeddings = np.random.default_rng(0).standard_normal((200, 8))
    assert silent_positions(embeddings) == 0
    embeddings[:, :3] = 0
    assert silent_positions(embeddings) == 3 / 8
    assert silent_positions(np.ones((5, 4))) == 1
    with pytest.raises(ValueError, match="at least two rows"):
        silent_positions(embeddings[:1])
