"""The losses of the GAN's four training steps: generator, path length, discriminator, R1.

With several processes (`processes`), pictures are this process's, conditions and losses the whole batch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from .. import training
from ..training import SINGLE, ProcessGroup
from .stylegan import Discriminator, Generator, StyleGanConfig

# "second_on_first" is one of the training end to end: the second mapper's loss is of the first one's output
PSEUDO_NOISE = 0.75  # share of noise that makes a picture's embedding a pseudo condition (released code, `aug_level_2`)
BUGS = ("zero_z", "batch_summed_logit", "first_sample_cached", "second_on_first")


@dataclass(frozen=True)
class GanConfig:
    """How the generator is trained. Numbers of the released code unless the comment says otherwise."""

    network: StyleGanConfig = field(default_factory=StyleGanConfig)  # used when training starts from nothing
    kimg: float = 12.0                  # thousands of real pictures shown to the discriminator (book)
    pseudo_kimg: float = 4.0            # before that, from pseudo conditions, where nothing pretrained is at hand (book)
    batch: int = 32
    learning_rate: float = 0.0025       # of both networks
    adam_betas: tuple[float, float] = (0.0, 0.99)
    adversarial_weight: float = 1.0     # 0: no discriminator (the regression stages of pretraining)
    clip_weight: float = 10.0           # generated picture's CLIP embedding against its condition
    feature_weight: float = 10.0        # discriminator's features of the picture against its condition
    low_level: bool = False             # whether a low-level net compares generated and real picture (Tables 1 and 5)
    low_level_weight: float = 10.0      # of that comparison
    content_weight: float = 0.0         # any further distance of generated from real picture (pretraining)
    content_half_kimg: float = math.inf  # after so many kimg the content weight is halved, and so on
    sketch_size: int = 0                # generate only up to so many pixels (0: all); pretraining begins small
    temperature: float = training.TEMPERATURE
    noise_levels: tuple[float, float] = (0.1, 0.1)  # share of noise in a condition, uniform between these
    r1_gamma: float = 1.0               # book; the released default is 0.0002 resolution^2 / batch
    r1_every: int = 16
    path_weight: float = 2.0            # 0 leaves the path-length step out
    path_decay: float = 0.01
    path_every: int = 4
    path_shrink: int = 2                # the path-length step uses batch / path_shrink pictures
    style_mixing: float = 0.9           # chance that later layers get another z
    ema_kimg: float = 2.0               # half-life of the averaged generator (book; 10 in the released code)
    ema_rampup: float | None = None     # half-life at most this share of what was shown; 0.05 from scratch
    precision: str = "bfloat16"         # of the convolutions; "float32" is the other
    repeat: int = 0                     # the same recipe from another seed
    published_bugs: tuple[str, ...] = ()  # any of BUGS, to see what they change (book/departures)
    tick_kimg: float = 1.0              # one row of history
    checkpoint_seconds: float = 180.0

    def __post_init__(self):
        if not self.adversarial_weight and self.feature_weight:
            raise ValueError(f"feature_weight {self.feature_weight} without a discriminator (adversarial_weight 0); "
                             "expected feature_weight 0")
        if self.adversarial_weight and self.sketch_size:
            raise ValueError(f"sketch_size {self.sketch_size} with a discriminator, which takes whole pictures only; "
                             "expected sketch_size 0 or adversarial_weight 0")
        unknown = [bug for bug in self.published_bugs if bug not in BUGS]
        if unknown:
            raise ValueError(f"no published bug {unknown[0]!r}; there is {', '.join(BUGS)}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision {self.precision!r}; expected 'float32' or 'bfloat16'")

    def content_weight_at(self, kimg: float) -> float:
        """The content weight after so many thousand pictures."""
        return self.content_weight * 0.5 ** (kimg / self.content_half_kimg)

    @property
    def n_steps(self) -> int:
        """Batches until `kimg` thousand pictures have been shown."""
        return max(1, math.ceil(self.kimg * 1000 / self.batch - 1e-9))


def perturb(embeddings: Tensor, levels: Tensor | float, rng: torch.Generator) -> Tensor:
    """Perturb embeddings on the unit sphere: normalise((1 - level) * p / |p| + level * e / |e|), e Gaussian.

    Level 0.1 is what finetuning uses, 0.75 is Lafite's language-free stand-in for a caption. embeddings (N, d),
    levels a number or (N, 1). Released code, `aug_level_1` and `_2`. Departs: D-16 (embeddings are normalised first).

    >>> perturb(torch.tensor([[3.0, 4.0]]), 0.0, torch.Generator())
    tensor([[0.6000, 0.8000]])
    """
    noise = F.normalize(training.normal(embeddings.shape, rng, embeddings.device), dim=1)
    return F.normalize((1 - levels) * F.normalize(embeddings, dim=1) + levels * noise, dim=1)


def mixed_styles(generator: Generator, n: int, config: GanConfig, rng: torch.Generator,
                 processes: ProcessGroup = SINGLE) -> tuple[Tensor, Tensor]:
    """Draw one w for each layer of n pictures (N, n_layers, w_dim); gives the first (N, w_dim) too; own rows of each.

    With chance `style_mixing` the layers from a random place on get the w of another z. With the published bug "zero_z"
    the first z is zero.
    """
    n_layers = generator.config.n_layers
    device = next(generator.parameters()).device
    z = processes.own_rows(training.normal((2, n, generator.config.z_dim), rng, device), dim=1)
    cut = int(torch.randint(1, n_layers, (), generator=rng))
    mix = float(torch.rand((), generator=rng)) < config.style_mixing
    w = generator.mapping(torch.zeros_like(z[0]) if "zero_z" in config.published_bugs else z[0])
    ws = w[:, None].expand(-1, n_layers, -1)
    if mix:
        other = generator.mapping(z[1])[:, None].expand(-1, n_layers - cut, -1)
        ws = torch.cat([ws[:, :cut], other], 1)
    return ws, w


def generate_batch(generator: Generator, conditions: tuple[Tensor, ...], config: GanConfig, rng: torch.Generator,
                   processes: ProcessGroup = SINGLE, *, size: int = 0) -> tuple[Tensor, Tensor]:
    """Pictures of a batch's conditions (N, d), from random styles, and their first w; this process's rows of both."""
    ws, w = mixed_styles(generator, len(conditions[0]), config, rng, processes)
    own = tuple(processes.own_rows(c) for c in conditions)
    return generator.generate(ws, own, rng=processes.sharded(rng), size=size), w


def random_crop(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Crop one random square, the same for all pictures: side from half the width to one less, any place (released code)."""
    size = pictures.shape[-1]
    side = int(torch.randint(size // 2, size, (), generator=rng))
    top, left = (int(i) for i in torch.randint(0, size - side, (2,), generator=rng))
    return pictures[:, :, top:top + side, left:left + side]


def generator_losses(generator: Generator, discriminator: Discriminator, real: Tensor, conditions: tuple[Tensor, ...],
                     config: GanConfig, rng: torch.Generator, *, clip=None, low_level: Callable | None = None,
                     content: Callable | None = None, kimg: float = 0.0,
                     processes: ProcessGroup = SINGLE) -> dict[str, Tensor]:
    """The generator's losses: its pictures pass for real and match their conditions. Paper §2.3, eq. 4 and 5.

        softplus(-D(x)) + sum over heads k of [clip/K * Contra(CLIP(x), c_k) + feature/K * Contra(D_k(x), c_k)]
        + low_level * Contra(R(real), R(x)) + content weight * content(x, real)

    real (N, 3, H, W) in [-1, 1]; conditions: K of (N, d); `clip` a ClipEmbedder; Contra: losses.contrastive, rows=0.
    """
    gather = processes.all_gather
    generated, w = generate_batch(generator, conditions, config, rng, processes, size=config.sketch_size)
    generator.mapping.update_mean(gather(w))
    terms = {}
    if config.adversarial_weight:
        output = discriminator(generated, *(processes.own_rows(c) for c in conditions))
        terms["adversarial"] = config.adversarial_weight * training.logistic_generator(gather(output.logit))
    if clip is not None and config.clip_weight:
        square = random_crop(generated, rng)
        size = getattr(clip, "image_size", generated.shape[-1])
        square = F.interpolate(square, size=(size, size), mode="bicubic", align_corners=False)
        with training.mixed_precision(config.precision, square.device):
            encoded = clip.encode_pictures(square)
        terms["clip"] = contrastive_losses([gather(encoded.float())] * len(conditions), conditions, config.clip_weight,
                                           config)
    if config.feature_weight:
        terms["feature"] = contrastive_losses([gather(f) for f in output.features], conditions,
                                              config.feature_weight, config)
    if low_level is not None and config.low_level_weight:  # it divides by the largest value of a batch
        terms["low_level"] = config.low_level_weight * training.contrastive(
            low_level(gather(real)).detach(), low_level(gather(generated)),
            temperature=config.temperature, rows=0)
    if content is not None and config.content_weight:
        terms["content"] = config.content_weight_at(kimg) * content(gather(generated), gather(real))
    return terms


def path_length_losses(generator: Generator, conditions: tuple[Tensor, ...], mean: Tensor, config: GanConfig,
                       rng: torch.Generator, processes: ProcessGroup = SINGLE) -> tuple[dict[str, Tensor], Tensor]:
    """Path-length regularization (StyleGAN2): the picture's slope in w at a constant length; gives the new mean too.

        path_weight * mean_n (|d <x_n, y_n> / d ws_n| - mean)^2,  y Gaussian / sqrt(H W)
    """
    n = max(1, len(conditions[0]) // config.path_shrink)
    ws, _ = mixed_styles(generator, n, config, rng, processes)
    ws = ws if ws.requires_grad else ws.requires_grad_()
    generated = generator.generate(ws, tuple(processes.own_rows(c[:n]) for c in conditions), rng=processes.sharded(rng))
    direction = training.normal(generated.shape, processes.sharded(rng), generated.device)
    direction = direction / math.sqrt(generated.shape[2] * generated.shape[3])
    (slope,) = torch.autograd.grad((generated * direction).sum(), ws, create_graph=True)
    lengths = processes.all_gather(slope.square().sum(2).mean(1).sqrt())
    mean = mean.lerp(lengths.detach().mean(), config.path_decay)
    return {"path": config.path_weight * (lengths - mean).square().mean()}, mean


def discriminator_losses(generator: Generator, discriminator: Discriminator, real: Tensor,
                         conditions: tuple[Tensor, ...], config: GanConfig, rng: torch.Generator,
                         processes: ProcessGroup = SINGLE) -> dict[str, Tensor]:
    """The discriminator's losses: classify real and generated, match real to its conditions. Paper §2.3, eq. 4 and 5.

        softplus(-D(real)) + softplus(D(generated)) + sum over heads k of feature/K * Contra(D_k(real), c_k)
    """
    gather = processes.all_gather
    mine = tuple(processes.own_rows(c) for c in conditions)
    with torch.no_grad():
        generated, _ = generate_batch(generator, conditions, config, rng, processes)
    fake, true = discriminator(generated, *mine), discriminator(real, *mine)
    terms = {"adversarial": training.logistic_discriminator(gather(true.logit),
                                                             gather(fake.logit))}
    if config.feature_weight:
        terms["feature"] = contrastive_losses([gather(f) for f in true.features], conditions,
                                              config.feature_weight, config)
    return terms


def r1_losses(discriminator: Discriminator, real: Tensor, conditions: tuple[Tensor, ...],
              config: GanConfig, processes: ProcessGroup = SINGLE) -> dict[str, Tensor]:
    """R1 regularization (StyleGAN2), a flat logit around real pictures: gamma / 2 * mean |d logit / d picture|^2."""
    real = real.detach().clone().requires_grad_()
    penalty = training.r1_penalty(discriminator(real, *(processes.own_rows(c) for c in conditions)).logit, real)
    return {"r1": config.r1_gamma / 2 * processes.mean(penalty)}


def contrastive_losses(embeddings: Sequence[Tensor], conditions: Sequence[Tensor], weight: float,
                       config: GanConfig) -> Tensor:
    """The contrastive losses of each head's embeddings and conditions (N, d), summed; the heads share the weight."""
    return sum(weight / len(conditions) * training.contrastive(e, c, temperature=config.temperature, rows=0)
               for e, c in zip(embeddings, conditions))
