"""Work out about how long the stages of a run take: operations of its settings, at the speed that was measured of one of them.

Nothing is run for it but a product of two matrices. The GPU's seconds of the mappers are those of its recorded steps
(`studies.costs`), those of other stages the same steps' operations in a second; the processor's speed is that of the product,
here and now, which no training reaches. Left out are reading, the lazy regularizers, validation and scoring.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from math import ceil

import open_clip
import torch
from torch.utils.flop_counter import FlopCounterMode

from ..experiments import CONDITIONS, NOTHING, Experiment, experiment
from ..generator import Discriminator, Generator, StyleGanConfig
from ..records import SPACES
from ..studies import costs

__all__ = ["Duration", "durations", "recorded_gpu", "Sizes", "STAGES"]

_PRODUCT = 1536                 # rows and columns of the product that is timed
_CAPTIONS = 5                   # of a picture, at least
_TRAINED = 3                    # a pass on and back, in passes on
_PICTURES_G, _PICTURES_D = 4, 9     # passes of a training step: G there and back and once for D; D thrice there and back


@dataclass(frozen=True)
class Sizes:
    """Of the subject: trials and pictures in all and on the training side, voxels."""

    n_trials: int
    n_images: int
    n_training: int
    n_voxels: int


@dataclass(frozen=True)
class Duration:
    """One stage: its operations, and the seconds that they take on the GPU of the record and on the processor here, computed."""

    stage: str
    operations: float
    seconds_gpu: float
    seconds_here: float


def durations(stages: Iterable[str], run: Experiment, sizes: Sizes) -> list[Duration]:
    """What each of these STAGES takes; seconds are NaN where the CLIP is none whose operations can be counted."""
    found = []
    for stage in stages:
        operations = STAGES[stage](run, sizes)
        recorded = sum(n * _recorded(step) for step, n in _mapper_steps(run, sizes).items()) if stage == "mappers" else math.nan
        on_gpu = operations / _gpu_rate() if math.isnan(recorded) else recorded
        found.append(Duration(stage, operations, on_gpu, operations / _rate_here()))
    return found


def recorded_gpu() -> str:
    """The GPU whose steps were measured."""
    return str(costs.read_record().device.iloc[0])


# ── operations ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _pictures(run: Experiment, sizes: Sizes) -> float:
    return sizes.n_images * (1 + 4 * run.mapping.augment) * _clip_operations(run.embed.clip)[0]


def _captions(run: Experiment, sizes: Sizes) -> float:
    return sizes.n_images * _CAPTIONS * _clip_operations(run.embed.clip)[1]


def _mappers(run: Experiment, sizes: Sizes) -> float:
    return float(sum(n * costs.step_flops(step) for step, n in _mapper_steps(run, sizes).items()))


def _mapper_steps(run: Experiment, sizes: Sizes) -> dict[costs.Step, int]:
    steps: dict[costs.Step, int] = {}
    for phase in run.mapping.phases:
        kind = costs.Step(run.mapping, sizes.n_voxels, run.gan.network.condition_dim, phase.batch)
        steps[kind] = steps.get(kind, 0) + len(SPACES) * phase.epochs * ceil(sizes.n_training / phase.batch)
    return steps


def _generator(run: Experiment, sizes: Sizes) -> float:
    of_generator, of_discriminator = _gan_operations(replace(run.gan.network, heads=len(CONDITIONS["both"]),
                                                             resolution=run.data.image_size))
    n_pictures = 1000 * (run.gan.kimg + run.gan.pseudo_kimg * (run.start == NOTHING))
    of_clip = _TRAINED * _clip_operations(run.embed.clip)[0] if run.gan.clip_weight else 0
    return n_pictures * (_PICTURES_G * of_generator + _PICTURES_D * of_discriminator + of_clip)


def _encoder(run: Experiment, sizes: Sizes) -> float:
    n_dims = run.gan.network.condition_dim
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        run.encoder.network(sizes.n_voxels, n_dims)(torch.empty(1, n_dims))
    return float(run.encoder.epochs * sizes.n_training * _TRAINED * counter.get_total_flops())


# A stage -> the operations that it takes, of an experiment and the sizes of its subject.
STAGES: dict[str, Callable[[Experiment, Sizes], float]] = {
    "pictures": _pictures, "captions": _captions, "mappers": _mappers, "generator": _generator, "encoder": _encoder}


@cache
def _clip_operations(clip: str) -> tuple[float, float]:
    """Of one picture and of one sentence, counted on tensors that hold no numbers; NaN for a CLIP that open_clip has no name for."""
    name = clip.partition(":")[0]
    config = open_clip.get_model_config(name)
    if config is None:
        return math.nan, math.nan
    size, length = config["vision_cfg"]["image_size"], config["text_cfg"]["context_length"]
    logging.disable(logging.WARNING)        # that it has no weights
    try:
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            model = open_clip.create_model(name, device="meta")
            model.encode_image(torch.empty(1, 3, size, size))
            picture = counter.get_total_flops()
            model.encode_text(torch.zeros(1, length, dtype=torch.long))
    finally:
        logging.disable(logging.NOTSET)
    return float(picture), float(counter.get_total_flops() - picture)


@cache
def _gan_operations(network: StyleGanConfig) -> tuple[float, float]:
    """Of one picture, by the generator and by the discriminator."""
    group = network.minibatch_group
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        conditions = [torch.empty(group, network.condition_dim)] * network.heads
        Generator(network)(torch.empty(group, network.z_dim), *conditions, noise="const")
        generator = counter.get_total_flops()
        Discriminator(network)(torch.empty(group, 3, network.resolution, network.resolution), *conditions)
    return generator / group, (counter.get_total_flops() - generator) / group


# ── speed ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _recorded(step: costs.Step) -> float:
    """Seconds of one step of this kind on the recorded GPU, alone there; NaN for a kind that was not measured."""
    return costs.gpu_clocks()[costs.gpu_columns()[step.recipe.dtype, 1]](step)


@cache
def _gpu_rate() -> float:
    """Operations in a second: the fewest that the recorded steps of the paper's mappers reach in float32."""
    recipe, sizes = experiment("paper").mapping, costs.NSD
    kinds = [costs.Step(recipe, sizes["n_voxels"], sizes["n_dims"], phase.batch) for phase in recipe.phases]
    return min(costs.step_flops(kind) / _recorded(kind) for kind in kinds)


@cache
def _rate_here() -> float:
    """Operations in a second of a product of two matrices in float32, the best of three."""
    a, taken = torch.ones(_PRODUCT, _PRODUCT), []
    for _ in range(3):
        began = time.perf_counter()
        a @ a
        taken.append(time.perf_counter() - began)
    return 2 * _PRODUCT**3 / min(taken)
