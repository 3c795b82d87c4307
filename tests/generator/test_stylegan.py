"""stylegan: every part against a slow way of computing the same thing, and its names against the published ones."""

from __future__ import annotations

import ast
import dataclasses
import math

import pytest
import torch
from torch.nn import functional as F

from mindreader.core import paths
from mindreader.generator.layers import kernel_norm, modulated_conv
from mindreader.generator.stylegan import PUBLISHED, Discriminator, Generator, StyleGanConfig, widen, without_filters
from mindreader.studies.grids import one_thread

TINY = StyleGanConfig(resolution=16, z_dim=6, w_dim=10, condition_dim=8, channel_base=128, channel_max=12,
                      mapping_layers=2)
SHAPES = paths.ROOT.parent / "shared" / "design" / "lafite_shapes.txt"


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(sum(map(ord, "mind reader")))


def network(kind, config=TINY, seed=0, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind(config, **options)


def normal(rng, *shape):
    return torch.randn(*shape, generator=rng)


def test_mapping_normalises_z_and_tracks_the_mean_w(rng):
    mapping = network(Generator).mapping
    z = normal(rng, 5, 6)
    torch.testing.assert_close(mapping(z), mapping(7 * z), rtol=1e-4, atol=1e-6)
    w = mapping(z)
    mapping.update_mean(w)
    torch.testing.assert_close(mapping.w_avg, 0.005 * w.mean(0), rtol=1e-3, atol=1e-8)


def test_truncation_pulls_w_to_its_mean(rng):
    generator = network(Generator)
    generator.mapping.w_avg.normal_(generator=rng)
    z, c = normal(rng, 2, 6), normal(rng, 2, 8)
    ws = generator.mapping.w_avg.expand(2, generator.config.n_layers, -1)
    assert torch.equal(generator(z, c, noise="none", truncation=0.0), generator.generate(ws, (c,), noise="none"))


def test_style_takes_the_larger_of_two_conditions_in_each_place(rng):
    layer = network(Generator, dataclasses.replace(TINY, heads=2)).synthesis.b8.conv1
    w, a, b = normal(rng, 2, 10), normal(rng, 2, 8), normal(rng, 2, 8)
    condition = torch.maximum(layer.pre_1(layer.pre_0(a)), layer.pre_11(layer.pre_01(b)))
    torch.testing.assert_close(layer.style(w, (a, b)), layer.affine_0(torch.cat([condition, w], 1)))
    assert torch.equal(layer.affine_0.bias, torch.ones_like(layer.affine_0.bias))


def test_a_styled_layer_adds_noise_and_bias_before_its_activation(rng):
    layer = network(Generator).synthesis.b8.conv1
    layer.noise_strength.data.fill_(0.3)
    torch.nn.init.normal_(layer.bias, generator=rng)
    x, w, c = normal(rng, 2, 12, 8, 8), normal(rng, 2, 10), (normal(rng, 2, 8),)
    style = layer.style(w, c)
    plain = modulated_conv(x, layer.weight, style) * kernel_norm(layer.weight, style)[:, :, None, None]
    expected = F.leaky_relu(plain + layer.noise_const * 0.3 + layer.bias[:, None, None], 0.2) * math.sqrt(2)
    torch.testing.assert_close(layer(x, w, c, layer.drawn(2, "const", None)), expected, rtol=1e-4, atol=1e-5)
    drawn = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(5))
    expected = F.leaky_relu(plain + drawn * 0.3 + layer.bias[:, None, None], 0.2) * math.sqrt(2)
    given = layer(x, w, c, layer.drawn(2, "random", torch.Generator().manual_seed(5)))
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-5)
    silent = F.leaky_relu(plain + layer.bias[:, None, None], 0.2) * math.sqrt(2)
    torch.testing.assert_close(layer(x, w, c, layer.drawn(2, "none", None)), silent, rtol=1e-4, atol=1e-5)


def test_picture_layer_is_not_demodulated_and_scaled_by_its_width(rng):
    layer = network(Generator).synthesis.b16.torgb
    x, w, c = normal(rng, 1, 8, 16, 16), normal(rng, 1, 10), (normal(rng, 1, 8),)
    style = layer.style(w, c)[0] / math.sqrt(8)
    expected = torch.einsum("oi,i,ihw->ohw", layer.weight[:, :, 0, 0], style, x[0])
    torch.testing.assert_close(layer(x, w, c)[0], expected, rtol=1e-4, atol=1e-5)


def test_widened_generator_gives_exactly_the_same_picture(rng):
    one, two = network(Generator), network(Generator, dataclasses.replace(TINY, heads=2), seed=1)
    two.load_state_dict(widen(one.state_dict()))
    z, c = normal(rng, 3, 6), normal(rng, 3, 8)
    assert torch.equal(one(z, c, noise="const"), two(z, c, c, noise="const"))


def test_widened_discriminator_gives_exactly_the_same_logit(rng):
    """On one thread: several may share the wider sums out in another way."""
    one = network(Discriminator)
    two = network(Discriminator, dataclasses.replace(TINY, heads=2), seed=1)
    two.load_state_dict(widen(one.state_dict()))
    x, c = normal(rng, 4, 3, 16, 16), normal(rng, 4, 8)
    with one_thread():
        a, b = one(x, c), two(x, c, c)
    assert torch.equal(a.logit, b.logit)
    assert torch.equal(a.features[0], b.features[1])


def test_weights_are_widened_only_once():
    with pytest.raises(ValueError, match="two heads already"):
        widen(widen(network(Discriminator).state_dict()))


def test_conditional_logit_is_a_dot_product_for_each_picture(rng):
    discriminator = network(Discriminator)
    x, c = normal(rng, 4, 3, 16, 16), normal(rng, 4, 8)
    plain = discriminator(x, torch.zeros(4, 8)).logit
    fits = (discriminator(x, c).features[0] * c).sum(1, keepdim=True)
    torch.testing.assert_close(discriminator(x, c).logit, plain + fits)
    discriminator.batch_summed_logit = True
    torch.testing.assert_close(discriminator(x, c).logit, plain + fits.sum())


def test_bfloat16_gives_nearly_the_same_picture(rng):
    generator = network(Generator)
    z, c = normal(rng, 3, 6), normal(rng, 3, 8)
    exact = generator(z, c, noise="none")
    generator.compute = torch.bfloat16
    rough = generator(z, c, noise="none")
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max().item() < 0.05 * exact.abs().max().item()


def test_every_parameter_is_used(rng):
    config = dataclasses.replace(TINY, heads=2)
    generator, discriminator = network(Generator, config), network(Discriminator, config)
    conditions = normal(rng, 4, 8), normal(rng, 4, 8)
    output = discriminator(generator(normal(rng, 4, 6), *conditions), *conditions)
    output.logit.square().sum().backward()
    for net in (generator, discriminator):
        silent = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert silent == []


def test_names_and_shapes_are_those_of_the_published_checkpoint():
    if not SHAPES.exists():
        pytest.skip(f"the list of published names is not here: {SHAPES}")
    published: dict[str, dict] = {}
    for line in SHAPES.read_text().splitlines():
        if not line.startswith("##"):
            which, name, rest = line.split(" ", 2)
            published.setdefault(which, {})[name] = ast.literal_eval(rest[: rest.index(")") + 1])
    with torch.device("meta"):
        nets = {"G": Generator(PUBLISHED), "D": Discriminator(PUBLISHED)}
    for which, net in nets.items():
        ours = {name: tuple(t.shape) for name, t in net.state_dict().items()}
        assert ours == without_filters(published[which])


def test_number_of_layers_is_the_papers_fourteen():
    assert PUBLISHED.n_layers == 14
    assert [PUBLISHED.channels(r) for r in PUBLISHED.resolutions] == [512] * 5 + [256, 128]


@pytest.mark.parametrize("options, message", [
    ({"resolution": 48}, "resolution 48; expected a power of two"),
    ({"heads": 3}, "heads=3; expected 1"),
])
def test_impossible_sizes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        StyleGanConfig(**options)


def test_conditions_of_another_width_are_refused(rng):
    with pytest.raises(ValueError, match=r"conditions of shapes \[\(2, 7\)\]; expected 1 of \(n, 8\)"):
        network(Generator)(normal(rng, 2, 6), normal(rng, 2, 7))
