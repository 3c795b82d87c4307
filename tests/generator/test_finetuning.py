"""finetuning: each step's loss against the same number worked out by hand, and a loop that can be interrupted."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from small_gan import CONFIG, NETWORK, FakeClip, contra, rng, same_states
from torch.nn import functional as F

from mindreader.generator.finetuning import TrainedGan, train_gan
from mindreader.generator.steps import (discriminator_losses, generator_losses, mixed_styles, path_length_losses,
                                        perturb, r1_losses, random_crop)
from mindreader.records import Diverged, LayoutError
from mindreader.generator.stylegan import Discriminator, Generator

@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(sum(map(ord, "mind reader")))
    pictures = rng.integers(0, 256, (10, 16, 16, 3), dtype=np.uint8)
    return pictures, rng.integers(0, 10, 14), rng.standard_normal((14, 8)).astype(np.float32)


def train(data, config=CONFIG, heads=1, seed=3, **options):
    pictures, rows, embeddings = data
    return train_gan(pictures, rows, (embeddings,) * heads, config, seed=seed, clip=FakeClip(), **options)


def networks(heads=1, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = dataclasses.replace(NETWORK, heads=heads)
        generator, discriminator = Generator(network), Discriminator(network)
        for p in generator.parameters():  # noise strengths and biases start at zero; nothing may stay there
            p.data += 0.1 * torch.randn(p.shape)
        real = torch.rand(4, 3, 16, 16) * 2 - 1
        conditions = tuple(F.normalize(torch.randn(4, 8), dim=1) for _ in range(heads))
    return generator, discriminator, real, conditions


def generated(generator, n, conditions, config, seed):
    draw = rng(seed)
    ws, _ = mixed_styles(generator, n, config, draw)
    return generator.generate(ws, conditions, rng=draw), draw


@pytest.mark.parametrize("heads", [1, 2])
def test_generator_losses_are_those_of_the_paper(heads):
    generator, discriminator, real, conditions = networks(heads)
    x, draw = generated(generator, 4, conditions, CONFIG, 7)
    output = discriminator(x, *conditions)
    square = F.interpolate(random_crop(x, draw), size=(16, 16), mode="bicubic", align_corners=False)
    seen = FakeClip().encode_pictures(square)
    terms = generator_losses(generator, discriminator, real, conditions, CONFIG, rng(7), clip=FakeClip(),
                             low_level=lambda y: y.mean(3).flatten(1))
    logit = output.logit.detach().double().numpy()
    expected = {
        "adversarial": -np.log(1 / (1 + np.exp(-logit))).mean(),
        "clip": sum(10 / heads * contra(seen, c) for c in conditions),
        "feature": sum(10 / heads * contra(f, c) for f, c in zip(output.features, conditions)),
        "low_level": 10 * contra(real.mean(3).flatten(1), x.mean(3).flatten(1)),
    }
    assert {k: v.item() for k, v in terms.items()} == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("heads", [1, 2])
def test_discriminator_losses_embed_real_pictures_only(heads):
    generator, discriminator, real, conditions = networks(heads)
    x, _ = generated(generator, 4, conditions, CONFIG, 7)
    fake, true = (discriminator(y, *conditions).logit.detach().double().numpy() for y in (x, real))
    terms = discriminator_losses(generator, discriminator, real, conditions, CONFIG, rng(7))
    shares = np.log(1 / (1 + np.exp(-true))).mean() + np.log(1 - 1 / (1 + np.exp(-fake))).mean()
    assert terms["adversarial"].item() == pytest.approx(-shares, rel=1e-4)
    features = discriminator(real, *conditions).features
    by_hand = sum(10 / heads * contra(f, c) for f, c in zip(features, conditions))
    assert terms["feature"].item() == pytest.approx(by_hand, rel=1e-4)


def test_r1_is_the_slope_measured_by_small_steps():
    _, discriminator, real, conditions = networks()
    discriminator.double()
    discriminator.compute = torch.float64
    real, conditions = real[:1].double(), tuple(c[:1].double() for c in conditions)

    def logit(x):  # one picture at a time has no minibatch spread that could be written in float32
        x = x.contiguous(memory_format=torch.channels_last)
        for resolution in (16, 8):
            x = discriminator.get_submodule(f"b{resolution}")(x)
        out, (features,) = discriminator.b4(x)
        return out + (features * conditions[0]).sum(1, keepdim=True)

    slopes = []
    with torch.no_grad():
        for i in range(0, real.numel(), 7):
            step = torch.zeros(real.numel(), dtype=torch.float64)
            step[i] = 1e-6
            step = step.reshape(real.shape)
            slopes.append(float(logit(real + step) - logit(real - step)) / 2e-6)
    x = real.clone().requires_grad_()
    (exact,) = torch.autograd.grad(logit(x).sum(), x)
    np.testing.assert_allclose(exact.flatten()[::7], slopes, rtol=1e-3, atol=1e-6)
    discriminator.float()
    discriminator.compute = torch.float32
    term = r1_losses(discriminator, real.float(), tuple(c.float() for c in conditions), CONFIG)["r1"]
    assert term.item() == pytest.approx(CONFIG.r1_gamma / 2 * exact.square().sum().item(), rel=1e-3)


def test_path_length_is_pulled_towards_the_running_mean():
    generator, _, _, conditions = networks()
    draw = rng(5)
    ws, _ = mixed_styles(generator, 2, CONFIG, draw)
    ws = ws.detach().requires_grad_()
    x = generator.generate(ws, (conditions[0][:2],), rng=draw)
    direction = torch.randn(x.shape, generator=draw) / 16
    slope = torch.autograd.grad((x * direction).sum(), ws)[0].numpy()
    lengths = np.sqrt((slope**2).sum(2).mean(1))
    terms, mean = path_length_losses(generator, conditions, torch.tensor(0.5), CONFIG, rng(5))
    assert mean.item() == pytest.approx(0.99 * 0.5 + 0.01 * lengths.mean(), rel=1e-4)
    assert terms["path"].item() == pytest.approx(2 * ((lengths - mean.item()) ** 2).mean(), rel=1e-3)


def test_content_weight_halves_on_schedule():
    generator, discriminator, real, conditions = networks()
    config = dataclasses.replace(CONFIG, content_weight=8.0, content_half_kimg=2.0)
    terms = generator_losses(generator, discriminator, real, conditions, config, rng(), content=lambda a, b: torch.tensor(3.0),
                             kimg=4.0)
    assert terms["content"].item() == pytest.approx(6.0)


def test_gradients_reach_every_parameter():
    generator, discriminator, real, conditions = networks(2)
    sum(generator_losses(generator, discriminator, real, conditions, CONFIG, rng(1), clip=FakeClip()).values()).backward()
    discriminator.zero_grad()
    sum(discriminator_losses(generator, discriminator, real, conditions, CONFIG, rng(1)).values()).backward()
    for net in (generator, discriminator):
        silent = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert silent == []


def test_perturbation_follows_the_formula_and_ends_on_the_sphere():
    embeddings = 3 * torch.randn(5, 8, generator=rng(1))
    noise = torch.randn(5, 8, generator=rng(2))
    expected = 0.9 * embeddings / embeddings.norm(dim=1, keepdim=True) + 0.1 * noise / noise.norm(dim=1, keepdim=True)
    moved = perturb(embeddings, 0.1, rng(2))
    torch.testing.assert_close(moved, expected / expected.norm(dim=1, keepdim=True))
    torch.testing.assert_close(perturb(embeddings, 0.0, rng(2)), F.normalize(embeddings, dim=1))


def test_crop_is_a_square_of_at_least_half_the_width_within_the_picture():
    x = torch.arange(16.0).expand(1, 1, 16, 16)
    draw = rng()
    crops = [random_crop(x, draw) for _ in range(200)]
    sides = {c.shape[-1] for c in crops}
    assert all(c.shape[-1] == c.shape[-2] for c in crops)
    assert sides == set(range(8, 16))
    assert max(c.max().item() for c in crops) <= 15


def test_styles_are_mixed_from_one_layer_on():
    generator, *_ = networks()
    config = dataclasses.replace(CONFIG, style_mixing=1.0)
    ws, w = mixed_styles(generator, 3, config, rng(1))
    own = [torch.equal(ws[:, i], w) for i in range(generator.config.n_layers)]
    assert own[0] and not own[-1]
    assert own == sorted(own, reverse=True)
    ws, w = mixed_styles(generator, 3, dataclasses.replace(CONFIG, style_mixing=0.0), rng(1))
    assert torch.equal(ws, w[:, None].expand_as(ws))


def test_same_seed_gives_the_same_weights_to_the_bit(data):
    state = torch.get_rng_state()
    a, b, other = train(data), train(data), train(data, seed=4)
    assert same_states(a, b)
    assert not same_states(a, other)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("heads", [1, 2])
def test_an_interrupted_training_goes_on_to_the_bit(data, heads, tmp_path):
    config = dataclasses.replace(CONFIG, tick_kimg=0.016, precision="bfloat16")
    whole = train(data, config, heads)
    train(data, dataclasses.replace(config, kimg=0.012), heads, checkpoint=tmp_path / "c.pt")
    resumed = train(data, config, heads, checkpoint=tmp_path / "c.pt")
    assert same_states(whole, resumed)
    assert whole.history.drop(columns="seconds").equals(resumed.history.drop(columns="seconds"))
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_a_checkpoint_of_other_settings_is_refused(data, tmp_path):
    train(data, dataclasses.replace(CONFIG, kimg=0.004), checkpoint=tmp_path / "c.pt")
    with pytest.raises(LayoutError, match="other settings, expected the same"):
        train(data, dataclasses.replace(CONFIG, clip_weight=1.0), checkpoint=tmp_path / "c.pt")


def test_a_loss_that_is_not_finite_is_named_with_its_step(data):
    class Broken(FakeClip):
        seen = 0

        def encode_pictures(self, x):
            self.seen += 1
            return super().encode_pictures(x) * (math.nan if self.seen == 3 else 1.0)

    pictures, rows, embeddings = data
    with pytest.raises(Diverged, match=r"the generator's loss 'clip' is nan at step 2 \(0.008 kimg\)"):
        train_gan(pictures, rows, (embeddings,), CONFIG, seed=0, clip=Broken())


def test_the_average_follows_with_its_half_life(data):
    config = dataclasses.replace(CONFIG, kimg=0.004, ema_kimg=0.002)
    trained = train(data, config)  # one step of 4 pictures is two half-lives: a quarter of the start is kept
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        start = Generator(NETWORK).state_dict()
    name = "synthesis.b8.conv1.weight"
    expected = 0.25 * start[name] + 0.75 * trained.states["G"][name]
    torch.testing.assert_close(trained.states["G_ema"][name], expected, rtol=1e-4, atol=1e-5)


def test_history_has_one_row_for_each_tick_and_every_loss(data):
    history = train(data).history
    assert history.kimg.tolist() == pytest.approx([0.008, 0.016, 0.024])
    for name in ("generator adversarial", "generator clip", "generator feature", "generator path",
                 "discriminator adversarial", "discriminator feature", "discriminator r1"):
        assert np.isfinite(history[name]).all()
    assert (history.seconds.diff()[1:] > 0).all()


def test_published_bug_zero_z_leaves_the_first_style_without_z():
    generator, *_ = networks()
    _, w = mixed_styles(generator, 3, dataclasses.replace(CONFIG, published_bugs=("zero_z",)), rng(1))
    assert torch.equal(w[0], w[1])
    _, w = mixed_styles(generator, 3, CONFIG, rng(1))
    assert not torch.equal(w[0], w[1])


def test_published_bug_first_sample_cached_makes_every_condition_the_first(data):
    pictures, rows, embeddings = data
    bug = dataclasses.replace(CONFIG, published_bugs=("first_sample_cached",))
    constant = np.repeat(embeddings[:1], len(embeddings), 0)
    assert same_states(train(data, bug), train((pictures, rows, constant)))
    assert not same_states(train(data, bug), train(data))


def test_published_bug_batch_summed_logit_changes_the_discriminator(data):
    bug = dataclasses.replace(CONFIG, published_bugs=("batch_summed_logit",))
    assert not same_states(train(data, bug), train(data))


def test_warm_up_without_a_discriminator_leaves_it_as_it_was(data):
    config = dataclasses.replace(CONFIG, adversarial_weight=0.0, feature_weight=0.0, content_weight=1.0)
    trained = train(data, config, content=lambda a, b: (a - b).abs().mean())
    again = train(data, dataclasses.replace(config, kimg=0.004), content=lambda a, b: (a - b).abs().mean())
    assert all(torch.equal(t, again.states["D"][k]) for k, t in trained.states["D"].items())
    assert not any("discriminator" in name for name in trained.history)


def test_widened_generator_starts_from_the_same_pictures(data):
    trained, embeddings = train(data), data[2]
    wide = trained.widened()
    assert (trained.generate(embeddings, None, seed=1) == wide.generate(embeddings, embeddings, seed=1)).all()
    assert (train(data, heads=2, start=wide).network.heads) == 2


def test_pictures_depend_on_the_seed_not_on_the_batch(data):
    trained, embeddings = train(data), data[2]
    a = trained.generate(embeddings, seed=1, n_draws=2)
    assert a.shape == (14, 2, 16, 16, 3) and a.dtype == np.uint8
    b = trained.generate(embeddings, seed=1, n_draws=2, batch=3)
    assert np.abs(a.astype(int) - b).max() <= 1  # other batches round otherwise
    assert (trained.generate(5 * embeddings, seed=1) == trained.generate(embeddings, seed=1)).all()
    assert (trained.generate(embeddings, seed=2) != trained.generate(embeddings, seed=1)).any()
    assert trained.generate(embeddings[:0], seed=1).shape == (0, 16, 16, 3)


def test_large_pictures_are_generated_fewer_at_once_and_a_bar_counts_the_batches(monkeypatch):
    counted = []

    def sizes_at(resolution):
        config = dataclasses.replace(NETWORK, resolution=resolution, channel_base=1024, channel_max=4)
        trained = TrainedGan(config, {"G_ema": Generator(config).state_dict()})
        trained.generate(np.ones((70, config.condition_dim), np.float32), seed=1,
                         progress=lambda batches, desc: counted.append([len(part) for part in batches]) or batches)
        return counted.pop()

    monkeypatch.setattr(Generator, "forward", lambda self, z, *conditions, **how: torch.zeros(len(z), 3, 1, 1))
    assert sizes_at(128) == [64, 6] and sizes_at(256) == [16, 16, 16, 16, 6]


def test_generating_in_the_format_of_training_changes_a_level_or_two(data, monkeypatch):
    monkeypatch.setattr("mindreader.training.precision.has_bfloat16", lambda kind: True)
    trained, embeddings = train(data), data[2]
    exact, quick = (dataclasses.replace(trained, precision=name).generate(embeddings, seed=1).astype(int)
                    for name in ("float32", "bfloat16"))
    assert 0 < np.abs(exact - quick).mean() < 1.5 < 0.1 * np.abs(exact - exact[::-1]).mean()


def test_a_saved_generator_gives_the_same_pictures(data, tmp_path):
    trained, embeddings = train(data), data[2]
    trained.save(tmp_path / "generator")
    loaded = TrainedGan.load(tmp_path / "generator")
    assert (loaded.generate(embeddings, seed=1) == trained.generate(embeddings, seed=1)).all()
    assert loaded.history.kimg.tolist() == pytest.approx(trained.history.kimg.tolist())
    assert train(data, start=loaded).network == NETWORK


@pytest.mark.parametrize("change, message", [
    ({"published_bugs": ("zero_zz",)}, "no published bug 'zero_zz'; there is zero_z"),
    ({"precision": "half"}, "precision 'half'; expected 'float32' or 'bfloat16'"),
    ({"adversarial_weight": 0.0}, "without a discriminator"),
])
def test_impossible_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **change)


def test_what_does_not_fit_is_refused_in_words(data):
    pictures, rows, embeddings = data
    with pytest.raises(ValueError, match=r"expected uint8 \(n, 16, 16, 3\)"):
        train((pictures[:, :8], rows, embeddings))
    with pytest.raises(ValueError, match="conditions of shapes"):
        train((pictures, rows, embeddings[:, :7]))
    with pytest.raises(ValueError, match="3 training items for batches of 4"):
        train((pictures, rows[:3], embeddings[:3]))
    with pytest.raises(ValueError, match="see TrainedGan.widened"):
        train(data, heads=2, start=train(data))
    with pytest.raises(ValueError, match="2 kinds of embeddings for a generator with 1 head"):
        train(data).generate(embeddings, embeddings, seed=0)
