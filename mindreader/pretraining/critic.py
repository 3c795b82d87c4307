"""Train a generator against heads on the features of frozen networks, and on pixels (Projected GANs).

A head has little to learn, as its networks can tell faces from clocks already; so a generator learns what things look like
from tens of times fewer pictures than against a discriminator that begins with nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import training
from ..embedding import ClipEmbedder
from ..generator import GanConfig, TrainedGan, TrainingState, contrastive_losses, mixed_styles, r1_losses

REAL, GENERATED, MISMATCHED = 1.0, 0.7, 0.3   # shares of the heads' loss; the last: real with another picture's condition
WIDTHS = {4: 96, 8: 64, 16: 48}               # channels of a head's layers at so many pixels, and at fewer than the least
WIDTH_ABOVE = 32                              # at more than the most; of equal width the heads took half of a step
LEARNING_RATE = 0.002                         # of the heads; their weights are small ones, not of unit variance as the generator's
SHIFT_PX = 3                                  # at 32 px; the networks halve the size on a fixed grid, which is learned otherwise


class FrozenStages:
    """Feature maps of CLIP's residual trunk and of the VICReg net, three stages each, differentiable in the pictures.

    Parameters
    ----------
    clip : ClipEmbedder
        Its module is open_clip's `ModifiedResNet`.
    low_level : LowLevelNet, optional
        The VICReg net; left out without it.
    """

    def __init__(self, clip: ClipEmbedder, low_level=None):
        self.clip, self.low_level = clip, low_level
        for net in self.modules:
            net.to(memory_format=torch.channels_last)

    @property
    def modules(self) -> list[nn.Module]:
        """The networks themselves, which are never trained here."""
        return [self.clip.module.visual] + ([self.low_level.module] if self.low_level else [])

    def __call__(self, pictures: Tensor) -> list[Tensor]:
        """Pictures (N, 3, H, W) in [-1, 1] -> maps (N, C, h, w) at 1/2, 1/4 and 1/8 of the side, of each network."""
        with training.mixed_precision("bfloat16", pictures.device):
            return self._of_clip(pictures) + (self._of_low_level(pictures) if self.low_level else [])

    def compiled_by(self, compiler: training.Compiler) -> FrozenStages:
        """The same stages, compiled."""
        other = copy.copy(self)
        other._of_clip, other._of_low_level = compiler.function(self._of_clip), compiler.function(self._of_low_level)
        return other

    def _of_clip(self, pictures: Tensor) -> list[Tensor]:
        trunk = self.clip.module.visual
        x = ((pictures + 1) / 2 - self.clip.mean.to(pictures)) / self.clip.std.to(pictures)
        for i in "123":
            x = trunk.get_submodule(f"act{i}")(trunk.get_submodule(f"bn{i}")(trunk.get_submodule(f"conv{i}")(x)))
        first = trunk.layer1(trunk.avgpool(x))
        return [x, first, trunk.layer2(first)]

    def _of_low_level(self, pictures: Tensor) -> list[Tensor]:
        x, found = self.low_level.module.stem(pictures), []
        for stage in self.low_level.module.stages[:3]:
            x = stage(x)
            found.append(x)
        return found


def content_distance(generated: Tensor, real: Tensor, frozen: FrozenStages) -> Tensor:
    """Distance of generated from target pictures: pixels at four sizes, and the frozen networks' stages.

        4 * mean over sizes of mean |x - y|  +  1/2 * mean over stages of the mean over positions of |f/|f| - g/|g||^2
    """
    sizes = [(generated, real)]
    for _ in range(3):
        sizes.append(tuple(F.avg_pool2d(x, 2) for x in sizes[-1]))
    pixels = sum((x - y).abs().mean() for x, y in sizes) / len(sizes)
    with torch.no_grad():
        wanted = frozen(real)
    distances = [(F.normalize(x.float(), dim=1) - F.normalize(y.float(), dim=1)).square().sum(1).mean()
                 for x, y in zip(frozen(generated), wanted)]
    return 4 * pixels + sum(distances) / len(distances) / 2


class PictureNorm(nn.Module):
    """Each picture's map at zero mean and unit variance over all channels and places; without a norm the heads stay weak.

    GroupNorm of one group, without its scale and shift. Torch's own takes as long as the convolution before it, where
    channels are innermost.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        innermost = x.permute(0, 2, 3, 1)
        return F.layer_norm(innermost, innermost.shape[1:]).permute(0, 3, 1, 2)


def _width(size: int) -> int:
    return WIDTHS.get(max(size, 4), WIDTH_ABOVE)


def _halvings(channels: int, size: int) -> list[nn.Module]:
    """Layers that halve a map's size down to 4 px."""
    layers = []
    while size > 4:
        size //= 2
        layers += _layer(channels, _width(size), 2)
        channels = _width(size)
    return layers


def _layer(before: int, after: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, 1), PictureNorm(), nn.LeakyReLU(0.2)]


class Head(nn.Module):
    """Classifies every place of a feature map, down to 4 px: of a real picture that fits its condition, or not.

        logit = out(x) + <x, projection(sqrt(n_dims) * condition)> / sqrt(channels)    at each place

    Source: Projected GANs (Sauer et al. 2021), without their mixing of stages and without spectral norms, which hold the
    logits near zero (hinge loss after 12,000 pictures, of 2: 1.93 with them, 1.79 without, 1.72 with conditions of unit
    variance, too); conditions by projection (Miyato 2018).
    `mean` and `std` (C,) are of the map's channels over real pictures.
    """

    def __init__(self, mean: Tensor, std: Tensor, size: int, condition_dim: int):
        super().__init__()
        self.register_buffer("mean", mean.reshape(1, -1, 1, 1))
        self.register_buffer("std", std.reshape(1, -1, 1, 1))
        n_out = _width(4)
        width = max(_width(size), min(len(mean), n_out))
        self.mixed = nn.Conv2d(len(mean), width, 1, bias=False).requires_grad_(False)
        self.layers = nn.Sequential(*_halvings(width, size), *_layer(n_out, n_out, 1))
        self.out = nn.Conv2d(n_out, 1, 1)
        self.projection = nn.Linear(condition_dim, n_out)

    def forward(self, x: Tensor) -> Tensor:
        """The map's places, (N, channels, 4, 4), for `logits`; so that several conditions are asked of one map."""
        return self.layers(self.mixed((x - self.mean) / self.std))

    def logits(self, places: Tensor, condition: Tensor) -> Tensor:
        """Logits of the places for unit-length conditions (N, condition_dim), (N, 1, 4, 4)."""
        direction = self.projection(condition * condition.shape[1]**0.5)
        fit = (places * direction[:, :, None, None]).sum(1, keepdim=True)
        return (self.out(places) + fit / places.shape[1]**0.5).float()


class PixelHead(Head):
    """The same on pixels, which are no features yet: layers of half the size each, and nothing mixed."""

    def __init__(self, mean: Tensor, std: Tensor, size: int, condition_dim: int):
        super().__init__(mean, std, 4, condition_dim)
        self.mixed, self.layers = nn.Identity(), nn.Sequential(*_halvings(len(mean), size))


class Critic(nn.Module):
    """A head on each frozen stage and one on pixels.

    Parameters
    ----------
    real : Tensor (N, 3, H, W)
        Real pictures of the size that is judged; channels are standardised by these.
    """

    def __init__(self, frozen: FrozenStages, real: Tensor, condition_dim: int):
        super().__init__()
        with torch.no_grad():
            maps = [real, *(x.float() for x in frozen(real))]
        kinds = [PixelHead, *[Head] * (len(maps) - 1)]
        self.heads = nn.ModuleList(kind(x.mean((0, 2, 3)), x.std((0, 2, 3)) + 1e-3, x.shape[-1], condition_dim)
                                   for kind, x in zip(kinds, maps))

    def forward(self, maps: Sequence[Tensor], *conditions: Tensor) -> list[list[Tensor]]:
        """Maps of logits: for each condition (N, condition_dim), one of each head."""
        with training.mixed_precision("bfloat16", conditions[0].device):
            places = [head(x) for head, x in zip(self.heads, maps)]
            return [[head.logits(x, condition) for head, x in zip(self.heads, places)] for condition in conditions]


def augmented(sets: tuple[Tensor, ...], rng: torch.Generator) -> tuple[Tensor, ...]:
    """Sets of pictures, each (N, 3, H, W), shifted (mirrored at the border) and with other brightness, saturation and contrast.

    The n-th picture of every set in the same way, so that they stay comparable; real and generated ones alike, so that heads
    learn neither by heart and nothing that is augmented away is punished. Source: Zhao et al. 2020 (DiffAugment).
    """
    n, k, size = len(sets[0]), len(sets), sets[0].shape[-1]
    most, device = SHIFT_PX * size // 32, sets[0].device
    x = F.pad(torch.cat(sets), (most,) * 4, mode="reflect")
    top, left = training.sent(torch.randint(0, 2 * most + 1, (2, n), generator=rng), device).repeat(1, k)
    across = torch.arange(size, device=device)
    rows, columns = (top[:, None] + across)[:, :, None], (left[:, None] + across)[:, None, :]
    x = x.permute(0, 2, 3, 1)[torch.arange(n * k, device=device)[:, None, None], rows, columns].permute(0, 3, 1, 2)
    drawn = (torch.rand(3, n, 1, 1, 1, generator=rng) * 2 - 1) * torch.tensor([0.1, 0.2, 0.1])[:, None, None, None, None]
    bright, saturated, contrast = training.sent(drawn, device).repeat(1, k, 1, 1, 1)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (1 + saturated)
    level = x.mean((1, 2, 3), keepdim=True)
    return (level + (x - level) * (1 + contrast) + bright).chunk(k)


class AdversarialState(TrainingState):
    """A training state with heads on frozen features, and, where `adversarial_weight` asks for it, the discriminator.

    A batch is generated once, for all losses.
    """

    def __init__(self, config: GanConfig, start: TrainedGan, frozen: FrozenStages, real: Tensor, seed: int, device: str = "cpu", *,
                 compiler: training.Compiler = training.EAGER):
        super().__init__(config, start, 1, seed, device, helpers={}, compiler=compiler)
        self.frozen, self._encode = frozen.compiled_by(compiler), compiler.function(frozen.clip.encode_pictures)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.critic = Critic(frozen, self._sized(real).to(device), self.network.condition_dim)
        self.critic.to(device=device, memory_format=torch.channels_last)
        compiler.module(self.critic)
        self.trained = [p for p in self.critic.parameters() if p.requires_grad]
        self.critic_optimizer = torch.optim.Adam(self.trained, lr=LEARNING_RATE, betas=(0.0, 0.99), fused=True)
        self.parts |= {"critic": self.critic, "critic_optimizer": self.critic_optimizer}

    def take_heads(self, other: AdversarialState) -> None:
        """Begin with what the heads of another state have learned, which saw pictures of the same size."""
        self.critic.load_state_dict(other.critic.state_dict())

    def train_step(self, real: Tensor, embeddings: tuple[Tensor, ...]) -> None:
        """Train on one batch: one step each of generator, heads and, where there is one, discriminator."""
        config, real = self.config, self._sized(real)
        (condition,) = self.perturbed(embeddings)
        ws, w = mixed_styles(self.generator, len(real), config, self.rng)
        self.generator.mapping.update_mean(w)
        generated = self.generator.generate(ws, (condition,), rng=self.rng, size=config.sketch_size)
        shown, kept = augmented((generated, real), self.rng)
        of_generated = [shown, *self.frozen(shown)]
        with torch.no_grad():
            of_real = [kept.detach(), *self.frozen(kept)]
        self._adversaries_learn(False)
        (logits,) = self.critic(of_generated, condition)
        terms = {"heads": -sum(x.mean() for x in logits) / len(logits)}
        if config.clip_weight:
            terms["clip"] = contrastive_losses((self._embedded(generated),), (condition,), config.clip_weight, config)
        if config.adversarial_weight:
            output = self.discriminator(generated, condition)
            terms["adversarial"] = config.adversarial_weight * training.logistic_generator(output.logit)
            terms["feature"] = contrastive_losses(output.features, (condition,), config.feature_weight, config)
        self.descend(self.generator_optimizer, "generator", terms)
        self._adversaries_learn(True)
        (fake,) = self.critic([x.detach() for x in of_generated], condition)
        true, others = self.critic(of_real, condition, condition.roll(1, 0))
        self.descend(self.critic_optimizer, "heads", {"hinge": sum(
            REAL * F.relu(1 - a).mean() + GENERATED * F.relu(1 + b).mean() + MISMATCHED * F.relu(1 + c).mean()
            for a, b, c in zip(true, fake, others)) / len(fake)})
        if config.adversarial_weight:
            self._train_discriminator(generated.detach(), real, condition)

    def _train_discriminator(self, generated: Tensor, real: Tensor, condition: Tensor) -> None:
        config, net = self.config, self.discriminator
        fake, true = net(generated, condition), net(real, condition)
        self.descend(self.discriminator_optimizer, "discriminator", {
            "adversarial": training.logistic_discriminator(true.logit, fake.logit),
            "feature": contrastive_losses(true.features, (condition,), config.feature_weight, config)})
        if config.r1_gamma and self.step % config.r1_every == 0:
            with self.compiler.as_written():
                terms = r1_losses(net, real, (condition,), config)
            self.descend(self.discriminator_optimizer, "discriminator", terms, config.r1_every)

    def _sized(self, pictures: Tensor) -> Tensor:
        size = self.config.sketch_size
        return F.interpolate(pictures, (size, size), mode="area") if size else pictures

    def _embedded(self, generated: Tensor) -> Tensor:
        size = self.frozen.clip.image_size
        if generated.shape[-1] != size:
            generated = F.interpolate(generated, (size, size), mode="bilinear", align_corners=False)
        with training.mixed_precision("bfloat16", generated.device):
            return self._encode(generated).float()

    def _adversaries_learn(self, learn: bool) -> None:
        """Whether gradients reach them."""
        self.discriminator.requires_grad_(learn)
        for parameter in self.trained:
            parameter.requires_grad_(learn)
