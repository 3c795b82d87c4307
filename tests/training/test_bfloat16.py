"""The mapper's layers in bfloat16 against torch: every bit pattern, integers without rounding, and float32."""

import pytest
import torch
from torch.nn import functional as F

from mindreader.training import bfloat16
from mindreader.training.fitting import new_network
from mindreader.mapping.network import ResidualMapper

WIDTH, POSITIONS, TRIALS = 8, 6, 3


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(5)


@pytest.fixture
def patterns():
    """Every bfloat16 there is but for those that are not a number."""
    every = torch.arange(-2 ** 15, 2 ** 15, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    return every[~every.isnan()].clone()


def test_rectified_is_the_larger_of_a_number_and_0(patterns):
    assert torch.equal(bfloat16.bfloat16_rectify(patterns.clone()), patterns.clamp_min(0))
    assert len(patterns) == 2 ** 16 - 2 * 127


def test_a_gradient_passes_where_the_number_is_positive(patterns, rng):
    inputs = patterns.clone().requires_grad_()
    incoming = torch.randn(len(patterns), generator=rng).bfloat16()
    before = incoming.clone()
    bfloat16.bfloat16_rectify(inputs * 1).backward(incoming)
    assert torch.equal(inputs.grad, torch.where(patterns > 0, incoming, 0.0))
    assert torch.equal(incoming, before)                            # it may be in use elsewhere


def whole_numbers(rng, *shape, zeros: float):
    """-1, 0 and 1; so few of them that all sums stay whole and below 256, where bfloat16 does not round."""
    signs = torch.randint(0, 2, shape, generator=rng) * 2.0 - 1
    return signs * (torch.rand(shape, generator=rng) >= zeros)


def leaves(tensors):
    return [tensor.clone().requires_grad_() for tensor in tensors]


def same(make, reference, x, parameters, incoming):
    """Results and all gradients of both, which must be equal; the largest number there is."""
    found = []
    for way, start in ((make, x.bfloat16()), (reference, x)):
        start, *weights = leaves([start, *parameters])
        y = way(start * 1, *weights)
        y.backward(incoming.to(y.dtype))
        found.append([y, start.grad, *(weight.grad for weight in weights)])
    for ours, theirs in zip(*found):
        assert torch.equal(ours.float(), theirs)
    assert all(weight.dtype == torch.float32 for weight in found[0][2:])
    return max(float(tensor.detach().abs().max()) for tensor in found[1])


def blocks_by_torch(x, *parameters):
    for i in range(0, len(parameters), 6):
        w1, b1, w2, b2, w3, b3 = parameters[i:i + 6]
        y = F.relu(F.conv1d(x.squeeze(2), w1, b1, padding=1))
        y = F.relu(F.conv1d(y, w2, b2, padding=1))
        x = F.relu(F.conv1d(y, w3, b3).unsqueeze(2) + x)
    return x


def head_by_torch(x, channels, channels_bias, positions, positions_bias, out, out_bias):
    x = F.relu(F.conv1d(x.squeeze(2), channels, channels_bias)).transpose(1, 2)
    return F.conv1d(F.relu(F.conv1d(x, positions, positions_bias)), out, out_bias)[:, 0]


def pictures(rng, n_trials=TRIALS, positions=POSITIONS):
    x = whole_numbers(rng, n_trials, WIDTH, 1, positions, zeros=0.5).abs()
    return x.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("n_blocks", [1, 2])
def test_in_whole_numbers_the_blocks_are_torchs_convolutions(rng, n_blocks):
    shapes = [(WIDTH, WIDTH, 3), (WIDTH,), (WIDTH, WIDTH, 3), (WIDTH,), (WIDTH, WIDTH, 1), (WIDTH,)] * n_blocks
    parameters = [whole_numbers(rng, *shape, zeros=0.85) for shape in shapes]
    incoming = whole_numbers(rng, TRIALS, WIDTH, 1, POSITIONS, zeros=0.7)
    assert 4 < same(bfloat16.bfloat16_trunk, blocks_by_torch, pictures(rng), parameters, incoming) < 256


@pytest.mark.parametrize("n_dims", [16, bfloat16.NARROW, bfloat16.NARROW + 8])
def test_in_whole_numbers_the_last_layers_are_torchs_convolutions(rng, n_dims):
    hidden = 12
    shapes = [(n_dims, WIDTH, 1), (n_dims,), (hidden, POSITIONS, 1), (hidden,), (1, hidden, 1), (1,)]
    parameters = [whole_numbers(rng, *shape, zeros=0.5) for shape in shapes]
    incoming = whole_numbers(rng, TRIALS, n_dims, zeros=0.9)
    assert 4 < same(bfloat16.bfloat16_head, head_by_torch, pictures(rng), parameters, incoming) < 256


def test_without_onednn_the_last_layers_are_the_same(rng, monkeypatch):
    shapes = [(16, WIDTH, 1), (16,), (4, POSITIONS, 1), (4,), (1, 4, 1), (1,)]
    x, parameters = pictures(rng).bfloat16(), [torch.randn(shape, generator=rng) for shape in shapes]
    before = bfloat16.bfloat16_head(x, *parameters)
    monkeypatch.setattr(bfloat16, "_has_onednn", lambda: False)
    torch.testing.assert_close(bfloat16.bfloat16_head(x, *parameters), before, rtol=0.02, atol=0.02)


def in_bfloat16(network, betas):
    with torch.autocast("cpu", torch.bfloat16):
        return network(betas)


@pytest.mark.parametrize("n_dims", [64, 192])
@pytest.mark.parametrize("n_layers, sigmoid", [(1, False), (2, True)])
def test_the_whole_mapper_and_its_gradients_are_those_of_float32_but_for_rounding(rng, n_dims, n_layers, sigmoid):
    network = new_network(lambda: ResidualMapper(256, n_dims, n_layers=n_layers, sigmoid=sigmoid), seed=0)
    betas = torch.randn(6, 256, generator=rng)
    exact, rounded = network(betas), in_bfloat16(network, betas).float()
    assert 0 < (rounded - exact).abs().max() < 0.02 * exact.abs().max()
    wanted, found = (torch.autograd.grad(embeddings.square().sum(), network.parameters()) for embeddings in (exact, rounded))
    for theirs, ours in zip(wanted, found):
        assert F.cosine_similarity(theirs.flatten(), ours.flatten(), 0) > 0.99


def test_backward_can_run_twice(rng):
    """Gradients are masked in place; what the first time found must not depend on whether there is a second."""
    network = new_network(lambda: ResidualMapper(64, 16), seed=0)
    loss = in_bfloat16(network, torch.randn(4, 64, generator=rng)).float().square().sum()
    first, second = (torch.autograd.grad(loss, network.parameters(), retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second))
