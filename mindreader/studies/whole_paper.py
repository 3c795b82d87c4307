"""Count what the whole paper costs at NSD's sizes: the operations of every part, and its hours at a machine's rate.

    python -m mindreader.studies whole_paper                  of the preset paper, at rates that were measured elsewhere
    python -m mindreader.studies whole_paper --rate 1.5       at so many TFLOP/s of yours too

Nothing is run: operations are counted on tensors that hold no numbers, and the hours follow from a rate. They are marked as
computed wherever they are shown; `python -m mindreader.companion.rehearsal --device cuda` measures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import ceil

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from .. import generator, training
from ..experiments import CONDITIONS, Experiment, experiment
from ..generator import GanConfig
from ..mapping import MappingConfig, low_level_recipe
from . import costs, generator_grid, mapping_grid

# NSD's subject 1 in 37 sessions; reconstructions are sets of pictures of all validation trials
NSD = {"pictures": 9_841, "captions": 49_205, "training": 23_715, "validation": 4_035, "voxels": 15_724, "dims": 512,
       "low_level": 256}
N_VERSIONS = 4          # augmented versions of each picture
N_FOLDS = 3             # of the ridge regression
SETS = 11               # of chapter 03: each condition before and after finetuning, and five other sources of embeddings
MEASURED = "at the rate at which the mapper's step was measured on "
COMPUTED = "computed from operations, not measured"


@dataclass(frozen=True)
class Part:
    """A part of the paper: what it is, how often it is done, and the operations of one time, a function without arguments."""

    chapter: str
    name: str
    times: int
    operations: Callable[[], float]


def parts_of(config: Experiment, sizes: Mapping[str, int] = NSD) -> list[Part]:
    """All parts that take more than minutes, in the order in which they are done."""
    n, e = sizes, config
    both = 2        # spaces: pictures and captions
    recipe = replace(e.mapping, epochs=e.mapping.epochs[:len(e.mapping.phases)])
    trials = n["training"] + n["validation"]
    found = [
        Part("01", "embed pictures and their augmented versions by CLIP", n["pictures"] * (1 + N_VERSIONS * e.mapping.augment),
             partial(_clip, e, "picture")),
        Part("01", "embed captions by CLIP", n["captions"], partial(_clip, e, "caption")),
        Part("02", "low-level features of the pictures", n["pictures"], partial(_forward, "resnet50", 128)),
        *(Part("02", f"train the mappers, batches of {batch}", both * count, partial(
            _mapper, recipe, n["voxels"], n["dims"], batch))
          for batch, count in _batches(recipe, n["training"])),
        *(Part("02", f"train the low-level mapper, batches of {batch}", count, partial(
            _mapper, low_level_recipe(recipe), n["voxels"], n["low_level"], batch))
          for batch, count in _batches(low_level_recipe(recipe), n["training"])),
        Part("02", "predict all trials by the mappers", both * trials, lambda: _mapper(recipe, n["voxels"], n["dims"], 1) / 3),
        Part("02", "ridge regression", both, partial(_ridge, n["training"], n["voxels"])),
        Part("02", "Tables 3 and 4", 1, lambda: costs.cost(
            e, (*mapping_grid.TABLE3, *mapping_grid.TABLE4), n_trials=n["training"], n_voxels=n["voxels"], n_dims=n["dims"],
            n_low_level=n["low_level"])),
        *(Part("03", f"finetune the generator on {cond}", _steps(e.gan), partial(_finetune, e, len(heads)))
          for cond, heads in CONDITIONS.items()),
        Part("03", "reconstruct the validation trials", SETS * n["validation"], partial(_reconstruct, e)),
        Part("03", "their features by the Inception of FID", SETS * n["validation"] + n["pictures"],
             partial(_forward, "inception_v3", 299)),
        Part("03", "their embeddings by CLIP", SETS * n["validation"], partial(_clip, e, "picture"))]
    short = replace(e.gan, kimg=e.grid.painter_kimg)
    for heads in (1, 2):
        rows = [row for row in generator_grid.ROWS if len(CONDITIONS[row.cond]) == heads]
        found.append(Part("03", f"Tables 1 and 5, {'one head' if heads == 1 else 'both heads'}",
                          e.grid.n_painter_seeds * len(rows) * _steps(short), partial(_finetune, e, heads)))
    found.append(Part("03", "reconstructions of Tables 1 and 5",
                      e.grid.n_painter_seeds * len(generator_grid.ROWS) * n["validation"],
                      lambda: _reconstruct(e) + _forward("inception_v3", 299)))
    found.append(Part("06", "train the encoder", e.encoder.epochs * ceil(n["training"] / e.encoder.batch),
                      partial(_encoder, e, n)))
    return found


def cost_table(config: Experiment, rates: Mapping[str, float], sizes: Mapping[str, int] = NSD) -> pd.DataFrame:
    """The parts with their operations: columns chapter, part, times, petaflop, hours at each of the rates; the last line sums.

    rates: from the name of a column to floating-point operations in a second.
    """
    rows = [{"chapter": part.chapter, "part": part.name, "times": part.times, "petaflop": part.times * part.operations() / 1e15}
            for part in parts_of(config, sizes)]
    table = pd.DataFrame(rows)
    whole = pd.DataFrame([{"chapter": "", "part": "the whole paper, one subject", "petaflop": table.petaflop.sum()}])
    table = pd.concat([table, whole], ignore_index=True).astype({"times": "Int64"})
    return table.assign(**{f"hours, {name}": table.petaflop * 1e15 / rate / 3600 for name, rate in rates.items()})


def measured_rate(dtype: str = "float32") -> tuple[str, float]:
    """The GPU of the record of `costs`, and its operations in a second while one process trains the mapper on it."""
    record = costs.read_record().query("dtype == @dtype and processes == 1 and n_layers == 1").sort_values("batch").iloc[-1]
    recipe = replace(experiment("paper").mapping, dtype=dtype)
    step = costs.Step(recipe, int(record.n_voxels), int(record.n_dims), int(record.batch))
    return record.device, costs.step_flops(step) / (record.milliseconds / 1e3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies whole_paper`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mindreader.studies whole_paper", description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, metavar="TFLOP/s", help="what a machine of yours sustains")
    chosen = parser.parse_args(arguments)
    if chosen.rate is not None and not chosen.rate > 0:
        parser.error(f"got --rate {chosen.rate}, expected a number above 0")
    device, rate = measured_rate()
    rates = {device: rate} | ({f"at {chosen.rate:g} TFLOP/s": 1e12 * chosen.rate} if chosen.rate else {})
    table = cost_table(experiment("paper"), rates)
    sys.stdout.write(f"{COMPUTED}; {MEASURED}{device}: {rate / 1e12:.1f} TFLOP/s\n"
                     f"{table.to_string(index=False, na_rep='', float_format='{:.3g}'.format)}\n")
    return 0


# ── operations of one time ─────────────────────────────────────────────────────────────────────────────────────────────
def _counted(work: Callable[[], None]) -> float:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


@cache
def _clip(config: Experiment, what: str) -> float:
    model = _clip_model(config)
    inputs = {"picture": (model.encode_image, lambda: torch.empty(1, 3, 224, 224)),
              "caption": (model.encode_text, lambda: torch.zeros(1, model.context_length, dtype=torch.long))}
    encode, one = inputs[what]
    return _counted(lambda: encode(one()))


@cache
def _clip_model(config: Experiment) -> nn.Module:
    import open_clip    # here and not above: other studies need none of it

    with torch.device("meta"):
        return open_clip.CLIP(**open_clip.get_model_config(config.embed.clip.partition(":")[0])).requires_grad_(False)


@cache
def _forward(architecture: str, size: int) -> float:
    """Of one picture through one of torchvision's networks."""
    from torchvision.models import get_model    # as above

    more = {"init_weights": False} if architecture == "inception_v3" else {}
    with torch.device("meta"):
        network = get_model(architecture, weights=None, **more).eval()
    return _counted(lambda: network(torch.empty(1, 3, size, size)))


def _mapper(recipe: MappingConfig, n_voxels: int, n_dims: int, batch: int) -> float:
    return float(costs.step_flops(costs.Step(recipe, n_voxels, n_dims, batch)))


def _batches(recipe: MappingConfig, n_trials: int) -> Iterator[tuple[int, int]]:
    """Size of the batches of each phase, and how many of them it has."""
    for phase in recipe.phases:
        yield phase.batch, phase.epochs * ceil(n_trials / phase.batch)


def _ridge(n_trials: int, n_voxels: int) -> float:
    """The decompositions of every fold and of all trials, 6 m n^2 + 20 n^3 each (Golub and Van Loan, R-SVD with vectors)."""
    def decomposition(m: float, n: float) -> float:
        return 6 * m * n**2 + 20 * n**3

    sides = [sorted((rows, n_voxels), reverse=True) for rows in [n_trials * (1 - 1 / N_FOLDS)] * N_FOLDS + [n_trials]]
    return sum(decomposition(*side) for side in sides)


def _steps(config: GanConfig) -> int:
    return config.n_steps


@cache
def _finetune(config: Experiment, heads: int) -> float:
    """One batch through both networks' losses and their gradients; those that are not taken every time count in proportion."""
    gan, n = config.gan, config.gan.batch
    network, clip = replace(gan.network, heads=heads), _clip_model(config)
    with torch.device("meta"):
        nets = generator.Generator(network), generator.Discriminator(network)
        real, square = torch.empty(n, 3, network.resolution, network.resolution), torch.empty(n, 3, 224, 224, requires_grad=True)
        conditions = tuple(torch.empty(n, network.condition_dim) for _ in range(heads))

    def told_apart(pictures: Tensor) -> Tensor:
        return nets[1](pictures, *conditions).logit.sum()

    def flat() -> None:
        pictures = 1.0 * real.requires_grad_()      # no leaf, for the sake of the counter
        training.r1_penalty(told_apart(pictures), pictures).backward()

    def without_gradient() -> None:
        with torch.no_grad():
            _pictures(nets[0], n)

    nets[1].requires_grad_(False)       # in the generator's step
    generated = _counted(lambda: told_apart(_pictures(nets[0], n)).backward())
    nets[1].requires_grad_(True)
    return (generated + _counted(lambda: clip.encode_image(square).sum().backward())
            + _counted(partial(_path, nets[0], max(1, n // gan.path_shrink))) / gan.path_every
            + _counted(without_gradient) + 2 * _counted(lambda: told_apart(real).backward())
            + _counted(flat) / gan.r1_every)


def _pictures(net: generator.Generator, n: int, styles: list | None = None) -> Tensor:
    """Pictures of n styles; `styles` takes what they are made from."""
    sizes = net.config
    ws = net.mapping(torch.empty(n, sizes.z_dim))[:, None].expand(-1, sizes.n_layers, -1)
    if styles is not None:
        styles.append(ws)
    return net.generate(ws, tuple(torch.empty(n, sizes.condition_dim) for _ in range(sizes.heads)), noise="const")


def _path(net: generator.Generator, n: int) -> None:
    """The length of a picture's slope in its styles, and its gradient."""
    styles: list[Tensor] = []
    picture = _pictures(net, n, styles)
    (slope,) = torch.autograd.grad(picture.sum(), styles, create_graph=True)
    slope.square().sum().backward()


@cache
def _reconstruct(config: Experiment) -> float:
    with torch.device("meta"):
        net = generator.Generator(replace(config.gan.network, heads=2))
    return _counted(lambda: _pictures(net, 1))


def _encoder(config: Experiment, sizes: Mapping[str, int]) -> float:
    with torch.device("meta"):
        network = config.encoder.network(sizes["voxels"], sizes["dims"])
    return _counted(lambda: network(torch.empty(config.encoder.batch, sizes["dims"])).sum().backward())
