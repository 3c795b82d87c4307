"""Make the pretrained parts from nothing but this repository, by `python -m mindreader.pretrain`.

Each part is trained on the invented world, which is painted first and kept outside the repository, and is
saved with a card that says how, and how well. Interrupted trainings go on with `--resume`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace

import torch

from . import weights
from .params import progress
from .world import World, load_world

log = logging.getLogger(__name__)
PARTS = ("clip", "feature", "resnet", "generator")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the parts that the command line names."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.set_num_threads(asked.threads)
    parts = PARTS if asked.part == "all" else (asked.part,)
    if parts == ("generator",):
        _generator(asked)
        return
    world = load_world(asked.n_scenes, seed=asked.seed, processes=asked.threads, progress=progress)
    for part in parts:
        card = _generator(asked) if part == "generator" else pretrain(
            part, world, minutes=asked.minutes, seed=asked.seed, resume=asked.resume)
        if card:
            log.info("%s: %s bytes, %s", part, f"{card['bytes']:,}", _numbers(card["scores"]))


def pretrain(part: str, world: World, *, minutes: float | None = None, seed: int = 0,
             resume: bool = False) -> dict:
    """Train one part ("clip", "feature" or "resnet") on a world, save it, and give its card.

    Parameters
    ----------
    part : str
    world : World
    minutes : float, optional
        Training time; by default the recipe's.
    seed : int
    resume : bool
        Go on from an interrupted training.
    """
    from .pretrain_clip import ClipRecipe, pretrain_clip
    from .pretrain_nets import FEATURE_RECIPE, RESNET_RECIPE, pretrain_feature, pretrain_resnet
    known = {"clip": (pretrain_clip, ClipRecipe()), "feature": (pretrain_feature, FEATURE_RECIPE),
             "resnet": (pretrain_resnet, RESNET_RECIPE)}
    if part not in known:
        raise ValueError(f"found part {part!r}, expected one of {', '.join(known)}; "
                         "the generator has its own module")
    train, recipe = known[part]
    recipe = replace(recipe, seed=seed, minutes=minutes or recipe.minutes)
    return train(world, weights.part_folder(part), recipe, resume=resume, progress=progress)


def _generator(asked: argparse.Namespace) -> None:
    from . import pretrain_generator
    given = ["--resume"] if asked.resume else []
    if asked.minutes:
        given += ["--minutes", str(asked.minutes)]
    pretrain_generator.main([*given, "--threads", str(asked.threads), "--seed", str(asked.seed)])


def _numbers(scores: dict) -> str:
    return ", ".join(f"{k} {v:.3f}" for k, v in scores.items() if isinstance(v, float))


def _parser() -> argparse.ArgumentParser:
    about = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m mindreader.pretrain", description=about)
    parser.add_argument("part", choices=(*PARTS, "all"))
    parser.add_argument("--minutes", type=float, help="training time for each part; by default its recipe's")
    parser.add_argument("--n-scenes", type=int, default=30_000, help="pictures in the world")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from an interrupted training")
    return parser


if __name__ == "__main__":
    main()
