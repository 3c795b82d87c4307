"""The auxiliary networks: their own losses and steps, the mapper's gradient, and the published bug."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mindreader.mapping.auxiliary import AUXILIARY_NETWORKS, new_auxiliary
from mindreader.training.losses import vicreg

N_DIMS = 12


def embeddings(seed, n=40):
    return F.normalize(torch.randn(n, N_DIMS, generator=torch.Generator().manual_seed(seed)), dim=1)


def begun(kind, learning_rate=1e-3):
    net = new_auxiliary(kind, N_DIMS, seed=3)
    net.begin(learning_rate, 1e-5)
    return net.train()


def own_loss(net, target, predicted):
    """The discriminator's loss as binary cross-entropy of real against fake."""
    real, fake = net(target), net(predicted)
    return (F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
            + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))).item()


def test_sizes_are_the_released_ones_at_512_dimensions():
    linear = {kind: [(m.in_features, m.out_features, m.bias is not None) for m in AUXILIARY_NETWORKS[kind](512).modules()
                     if isinstance(m, nn.Linear)] for kind in AUXILIARY_NETWORKS}
    assert linear["gan"] == [(512, 256, True), (256, 128, True), (128, 1, True)]
    assert linear["vicreg"] == [(512, 2048, True), (2048, 2048, True), (2048, 2048, False)]


@pytest.mark.parametrize("kind", AUXILIARY_NETWORKS)
def test_an_auxiliary_network_depends_on_its_seed_alone(kind):
    torch.rand(3)
    a, b, c = new_auxiliary(kind, N_DIMS, 1), new_auxiliary(kind, N_DIMS, 1), new_auxiliary(kind, N_DIMS, 2)
    weight = [net.layers[0].weight for net in (a, b, c)]
    assert torch.equal(weight[0], weight[1]) and not torch.equal(weight[0], weight[2])


@pytest.mark.parametrize("kind", AUXILIARY_NETWORKS)
def test_the_term_has_a_gradient_in_the_mapped_embeddings(kind):
    predicted = embeddings(1).requires_grad_()
    begun(kind).term(predicted, embeddings(2)).backward()
    assert predicted.grad.isfinite().all() and (predicted.grad.abs().sum(1) > 0).all()


def test_the_discriminators_term_is_cross_entropy_after_its_own_step():
    net, target, predicted = begun("gan"), embeddings(1), embeddings(2)
    before = copy.deepcopy(net)
    term = net.term(predicted, target).item()
    by_hand = torch.optim.Adam(before.parameters(), 1e-3, betas=(0.5, 0.999))
    real, fake = before(target), before(predicted)
    (F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
     + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))).backward()
    by_hand.step()
    logits = before(predicted)
    assert term == pytest.approx(F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)).item(), abs=1e-6)


def test_a_mappers_step_does_not_move_the_discriminator():
    net = begun("gan")
    predicted = embeddings(1).requires_grad_()
    term = net.term(predicted, embeddings(2))
    weights = copy.deepcopy(net.state_dict())
    term.backward()
    net.finish()
    assert all(torch.equal(weights[name], value) for name, value in net.state_dict().items())


def test_with_the_target_in_place_of_the_prediction_nothing_is_trained():
    target, predicted = embeddings(1), (0.3 * embeddings(2)).requires_grad_()
    meant, bug = begun("gan"), begun("gan")
    for _ in range(100):
        meant.term(predicted, target)
        wrong = bug.term(target, target)
    assert own_loss(meant, target, predicted) < 0.5
    assert own_loss(bug, target, target) >= 2 * math.log(2) - 1e-6, "no discriminator tells a thing from itself"
    wrong.backward()
    assert predicted.grad is None


def test_the_expanders_term_is_vicreg_of_both_expanded_and_both_networks_minimize_it():
    net = begun("vicreg", 1e-2)
    predicted = embeddings(1).requires_grad_()
    expected = sum(vicreg(net.layers(predicted), net.layers(embeddings(2))).values())
    weights = copy.deepcopy(net.state_dict())
    term = net.term(predicted, embeddings(2))
    assert torch.allclose(term, expected)
    term.backward()
    net.finish()
    assert predicted.grad.abs().sum() > 0
    assert all(not torch.equal(weights[name], value) for name, value in net.named_parameters()
               if not name.endswith("bias"))


def test_a_last_batch_of_one_row_has_no_vicreg_term():
    net = begun("vicreg")
    weights = copy.deepcopy(net.state_dict())
    assert net.term(embeddings(1, n=1), embeddings(2, n=1)).item() == 0
    net.finish()
    assert all(torch.equal(weights[name], value) for name, value in net.state_dict().items())
    assert math.isfinite(begun("gan").term(embeddings(1, n=1), embeddings(2, n=1)).item())
