"""Losses against other people's implementations and closed forms."""

import math

import pytest
import torch
from open_clip.loss import ClipLoss
from torch.nn import functional as F

from mindreader.training import losses


@pytest.fixture
def pair():
    rng = torch.Generator().manual_seed(3)
    return torch.randn(9, 16, generator=rng), torch.randn(9, 16, generator=rng)


def test_symmetric_contrastive_is_open_clips_loss(pair):
    a, b = (F.normalize(x, dim=1) for x in pair)
    theirs = ClipLoss()(a, b, logit_scale=torch.tensor(1 / losses.TEMPERATURE))
    assert torch.allclose(losses.contrastive(*pair), theirs, atol=1e-6)


def test_contrastive_does_not_care_about_length(pair):
    a, b = pair
    assert torch.allclose(losses.contrastive(7 * a, b / 3), losses.contrastive(a, b), atol=1e-6)


def test_generator_form_is_softmax_over_pictures_for_each_condition(pair):
    pictures, conditions = pair
    expected = 0.0
    for j in range(len(conditions)):
        row = torch.stack([F.cosine_similarity(p, conditions[j], dim=0) for p in pictures]) / losses.TEMPERATURE
        expected -= torch.log_softmax(row, 0)[j] / len(conditions)
    assert torch.allclose(losses.contrastive(pictures, conditions, rows=0), expected, atol=1e-6)


def test_a_blind_guess_costs_the_logarithm_of_the_batch():
    same, other = torch.ones(128, 4), torch.randn(128, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(losses.contrastive(same, other, rows=0), torch.tensor(128.0).log(), atol=1e-5)


def test_cosine_distance_is_pytorchs_embedding_loss(pair):
    theirs = F.cosine_embedding_loss(*pair, torch.ones(len(pair[0])))
    assert torch.allclose(losses.cosine_distance(*pair), theirs, atol=1e-6)


def test_blend_weighs_its_three_terms(pair):
    by_hand = 0.2 * losses.squared_error(*pair) + 0.3 * losses.cosine_distance(*pair) + 0.5 * losses.contrastive(*pair)
    assert torch.allclose(losses.blend(*pair, (0.2, 0.3, 0.5)), by_hand)
    assert torch.allclose(losses.blend(*pair, (1, 0, 0)), F.mse_loss(*pair))


def test_gan_losses_are_binary_cross_entropies():
    real, fake = torch.tensor([1.5, -0.3]), torch.tensor([0.2, -2.0])
    ones, zeros = torch.ones(2), torch.zeros(2)
    expected = F.binary_cross_entropy_with_logits(real, ones) + F.binary_cross_entropy_with_logits(fake, zeros)
    assert torch.allclose(losses.logistic_discriminator(real, fake), expected)
    assert torch.allclose(losses.logistic_generator(fake), F.binary_cross_entropy_with_logits(fake, ones))


def test_r1_of_a_linear_critic_is_the_square_of_its_weights():
    rng = torch.Generator().manual_seed(1)
    weight = torch.randn(3, 4, 4, generator=rng)
    pictures = torch.randn(5, 3, 4, 4, generator=rng, requires_grad=True)
    logits = (pictures * weight).sum((1, 2, 3))
    assert torch.allclose(losses.r1_penalty(logits, pictures), weight.square().sum())


@pytest.mark.parametrize("name", losses.LOSSES)
def test_every_recipe_has_weights_that_sum_to_one_in_each_phase(name):
    for weights in losses.LOSSES[name]:
        assert len(weights) == 3 and sum(weights) == pytest.approx(1)


def test_vicreg_is_nothing_for_equal_unit_white_views_and_punishes_the_rest(rng):
    z = torch.linalg.qr(torch.from_numpy(rng.standard_normal((64, 5))))[0]
    z = z - z.mean(0)
    z = torch.linalg.qr(z)[0] * math.sqrt(63)
    assert float(sum(losses.vicreg(z, z).values())) < 1e-2
    dead = losses.vicreg(z * 0, z * 0)
    assert float(dead["spread"]) == pytest.approx(25 * 0.99, rel=1e-3) and float(dead["agree"]) == 0
    same = z[:, :1].repeat(1, 5)
    assert float(losses.vicreg(same, same)["double"]) == pytest.approx(2 * 4, rel=0.01)
    assert float(losses.vicreg(z, z + 1)["agree"]) == pytest.approx(25)
