"""Train a generator against a critic on CLIP's features, beside the discriminator on pixels (Projected GANs)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .. import training
from ..embedding import ClipEmbedder
from ..generator import GanConfig, TrainedGan, TrainingState, contrastive_losses, mixed_styles, r1_losses


class Features(NamedTuple):
    """CLIP's features of a batch: the pictures, four maps at falling resolution, and the embeddings."""

    stages: list[Tensor]
    embeddings: Tensor | None


class FeatureExtractor:
    """CLIP's residual trunk (open_clip's `ModifiedResNet`), stage by stage, differentiable in the pictures."""

    def __init__(self, clip: ClipEmbedder):
        self.trunk, self.mean, self.std = clip.module.visual, clip.mean, clip.std

    def __call__(self, pictures: Tensor, n_layers: int = 4) -> Features:
        """Pictures (N, 3, H, W) in [-1, 1] -> Features; with fewer than four layers, not the later ones."""
        trunk, embeddings = self.trunk, None
        with training.mixed_precision("bfloat16", pictures.device):
            x = ((pictures + 1) / 2 - self.mean) / self.std
            for i in "123":
                x = trunk.get_submodule(f"act{i}")(trunk.get_submodule(f"bn{i}")(trunk.get_submodule(f"conv{i}")(x)))
            stages = [pictures, x]
            x = trunk.avgpool(x)
            for layer in (trunk.layer1, trunk.layer2, trunk.layer3)[:n_layers]:
                x = layer(x)
                stages.append(x)
            if n_layers == 4:
                embeddings = trunk.attnpool(trunk.layer4(x)).float()
        return Features(stages, embeddings)


def content_distance(generated: Features, real: Features, n_stages: int = 3) -> Tensor:
    """Distance of generated from target pictures: pixels at four sizes, and features of CLIP's first stages.

        4 * mean over sizes of mean |x - y|  +  1/2 * mean over stages of the mean over positions of |f/|f| - g/|g||^2
    """
    sizes = [(generated.stages[0], real.stages[0])]
    for _ in range(3):
        sizes.append(tuple(F.avg_pool2d(x, 2) for x in sizes[-1]))
    pixels = sum((x - y).abs().mean() for x, y in sizes) / len(sizes)
    pairs = list(zip(generated.stages, real.stages))[1:1 + n_stages]
    maps = sum((F.normalize(x.float(), dim=1) - F.normalize(y.float(), dim=1)).square().sum(1).mean() for x, y in pairs)
    return 4 * pixels + maps / n_stages / 2


class FeatureCritic(nn.Module):
    """Classifies every position of every stage: of a real picture that fits its condition, or not.

    Source: Projected GANs (Sauer et al. 2021), without their mixing of stages; conditions by projection (Miyato 2018).
    `statistics` are means and standard deviations of the stages' channels over real pictures, lists of (C,).
    """

    def __init__(self, statistics: Sequence[tuple[Tensor, Tensor]], condition_dim: int, width: int = 64):
        super().__init__()
        self.heads, self.outs, self.projections = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i, (mean, std) in enumerate(statistics):
            self.register_buffer(f"mean{i}", mean.reshape(1, -1, 1, 1))
            self.register_buffer(f"std{i}", std.reshape(1, -1, 1, 1))
            steps = max(0, 2 - i)  # how often the map is halved: 32 and 16 pixels become 8
            widths = [len(mean)] + [width] * max(1, steps)
            layers = []
            for n_in, n_out in zip(widths, widths[1:]):
                conv = nn.Conv2d(n_in, n_out, 4, 2, 1) if steps else nn.Conv2d(n_in, n_out, 3, 1, 1)
                layers += [spectral_norm(conv), nn.LeakyReLU(0.2)]
            self.heads.append(nn.Sequential(*layers))
            self.outs.append(spectral_norm(nn.Conv2d(width, 1, 1)))
            self.projections.append(spectral_norm(nn.Linear(condition_dim, width)))

    def forward(self, stages: list[Tensor], condition: Tensor) -> list[Tensor]:
        """Maps of logits, one for each stage."""
        logits = []
        with training.mixed_precision("bfloat16", condition.device):
            for i, x in enumerate(stages):
                x = self.heads[i]((x - self.get_buffer(f"mean{i}")) / self.get_buffer(f"std{i}"))
                fit = (x * self.projections[i](condition)[:, :, None, None]).sum(1, keepdim=True)
                logits.append((self.outs[i](x) + fit).float())
        return logits


def channel_statistics(extractor: FeatureExtractor, real: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Mean and standard deviation of each stage's channels over these pictures."""
    with torch.no_grad():
        stages = [x.float() for x in extractor(real).stages]
    return [(x.mean((0, 2, 3)), x.std((0, 2, 3)) + 1e-3) for x in stages]


def random_shift(pictures: Tensor, rng: torch.Generator, most: int = 4) -> Tensor:
    """Shift pictures together by up to `most` pixels, mirrored at the border.

    The networks of the losses halve the size on a fixed grid, which an unshifted generator learns to draw.
    """
    top, left = (int(i) for i in torch.randint(0, 2 * most + 1, (2,), generator=rng))
    height, width = pictures.shape[-2:]
    return F.pad(pictures, (most,) * 4, mode="reflect")[:, :, top:top + height, left:left + width]


class CriticTrainingState(TrainingState):
    """A training state with two adversaries: the discriminator on pixels, and the critic on CLIP's features.

    A batch is generated once, for all losses, among them the distance to the pictures it should reproduce.
    """

    def __init__(self, config: GanConfig, start: TrainedGan, extractor: FeatureExtractor, real: Tensor, seed: int):
        super().__init__(config, start, 1, seed, "cpu", helpers={})
        self.extractor = extractor
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.critic = FeatureCritic(channel_statistics(extractor, real)[1:], self.network.condition_dim)
        self.critic.to(memory_format=torch.channels_last)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=config.learning_rate, betas=(0.0, 0.99))
        self.parts |= {"critic": self.critic, "critic_optimizer": self.critic_optimizer}

    def train_step(self, real: Tensor, embeddings: tuple[Tensor, ...]) -> None:
        """Train on one batch: one step each of generator, critic and discriminator."""
        config, discriminator = self.config, self.discriminator
        (condition,) = self.perturbed(embeddings)
        ws, w = mixed_styles(self.generator, len(real), config, self.rng)
        self.generator.mapping.update_mean(w)
        both = torch.cat([self.generator.generate(ws, (condition,), rng=self.rng), real])
        generated, real = random_shift(both, self.rng).chunk(2)
        real = real.detach()  # shifted together with the generated ones; needs no gradient
        features = self.extractor(generated)
        with torch.no_grad():
            true = self.extractor(real)
        adversaries = nn.ModuleList([self.critic, discriminator]).requires_grad_(False)
        critic_logits, output = self.critic(features.stages[1:], condition), discriminator(generated, condition)
        self.descend(self.generator_optimizer, "generator", {
            "adversarial": config.adversarial_weight * training.logistic_generator(output.logit),
            "critic": -sum(x.mean() for x in critic_logits) / len(critic_logits),
            "content": config.content_weight_at(self.kimg) * content_distance(features, true),
            "feature": contrastive_losses(output.features, (condition,), config.feature_weight, config),
            "clip": contrastive_losses((features.embeddings,), (condition,), config.clip_weight, config)})
        adversaries.requires_grad_(True)
        fake = self.critic([x.detach() for x in features.stages[1:]], condition)
        kept = self.critic(true.stages[1:], condition)
        self.descend(self.critic_optimizer, "critic", {
            "hinge": sum(F.relu(1 - x).mean() + F.relu(1 + y).mean() for x, y in zip(kept, fake)) / len(fake)})
        fake, kept = discriminator(generated.detach(), condition), discriminator(real, condition)
        self.descend(self.discriminator_optimizer, "discriminator", {
            "adversarial": training.logistic_discriminator(kept.logit, fake.logit),
            "feature": contrastive_losses(kept.features, (condition,), config.feature_weight, config)})
        if config.r1_gamma and self.step % config.r1_every == 0:
            self.descend(self.discriminator_optimizer, "discriminator", r1_losses(discriminator, real, (condition,), config),
                         config.r1_every)
