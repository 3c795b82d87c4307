"""Pretrain the shipped parts from nothing but this repository, by `python -m mindreader.pretraining`.

Each part is trained on the simulated world, which is rendered first and kept outside the repository, and is saved with
a card that states how, and how well. Interrupted trainings go on with `--resume`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace

import torch

from ..core import progress, weights
from ..world import World, load_world
from . import generator as pretrain_generator
from .generator import ORIGINS

log = logging.getLogger(__name__)
PARTS = ("clip", "feature", "resnet", "segmenter", *ORIGINS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the parts that the command line names."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    parts = {"all": PARTS, "generators": tuple(ORIGINS)}.get(asked.part, (asked.part,))
    generators = [part for part in parts if part in ORIGINS]
    if asked.only == "score" and not generators:
        parser.error(f"--only score: found the part {asked.part}, whose scores are made with it, expected a generator")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.backends.cudnn.benchmark = asked.device != "cpu"     # batches of a stage are all of one size
    if asked.threads:
        torch.set_num_threads(asked.threads)
    for part in parts if asked.only != "score" else ():
        if part in ORIGINS:
            card = pretrain_generator.pretrain(part, minutes=asked.minutes, device=asked.device, threads=asked.threads,
                                               seed=asked.seed, further=part if asked.further == "itself" else asked.further,
                                               first=asked.first, resume=asked.resume, compiled=asked.compiled)
        else:
            world = load_world(seed=asked.seed, processes=asked.threads, progress=progress)
            card = pretrain(part, world, share=asked.share, seed=asked.seed, resume=asked.resume)
        log.info("%s: %s bytes, %s", part, f"{card['bytes']:,}", _numbers(card.get("scores", {})))
    for part in generators if asked.only != "train" else ():
        card = pretrain_generator.score(part, device=asked.device, threads=asked.threads)
        log.info("%s: %s", part, _numbers(card["scores"]))


def pretrain(part: str, world: World, *, share: float = 1.0, seed: int = 0, resume: bool = False) -> dict:
    """Train one part ("clip", "feature", "resnet" or "segmenter") on a world, save it, and give its card.

    Parameters
    ----------
    part : str
    world : World
    share : float
        Of the recipe's minutes.
    seed : int
    resume : bool
        Go on from an interrupted training.
    """
    from .clip import ClipRecipe, pretrain_clip
    from .nets import FEATURE_RECIPE, RESNET_RECIPE, pretrain_feature, pretrain_resnet
    from .segmenter import SEGMENTER_RECIPE, pretrain_segmenter
    known = {"clip": (pretrain_clip, ClipRecipe()), "feature": (pretrain_feature, FEATURE_RECIPE),
             "resnet": (pretrain_resnet, RESNET_RECIPE), "segmenter": (pretrain_segmenter, SEGMENTER_RECIPE)}
    if part not in known:
        raise ValueError(f"found part {part!r}, expected one of {', '.join(known)}; the generators have their own module")
    train, recipe = known[part]
    recipe = replace(recipe, seed=seed, minutes=recipe.minutes * share)
    return train(world, weights.part_folder(part), recipe, resume=resume, progress=progress)


def _numbers(scores: dict) -> str:
    """The numbers of a card's scores, those of each set after its name."""
    parts = (f"{k} ({_numbers(v)})" if isinstance(v, dict) else f"{k} {v:.3f}" for k, v in scores.items()
            if isinstance(v, float | dict) and not k.endswith("_each"))
    return ", ".join(parts)


def _parser() -> argparse.ArgumentParser:
    about = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m mindreader.pretraining", description=about)
    parser.add_argument("part", choices=(*PARTS, "generators", "all"))
    parser.add_argument("--share", type=float, default=1.0, help="train for this share of the recipe's length (not a generator)")
    parser.add_argument("--minutes", type=float, help="for all generators together, of which each takes its share")
    parser.add_argument("--device", default="cpu", help="of the generators: cpu, or cuda")
    parser.add_argument("--further", nargs="?", const="itself", default="", metavar="PART",
                        help="go on from a shipped generator, by default that of the same name, instead of from nothing")
    parser.add_argument("--first", default="", help="stage of the generator's recipe to begin with: regression, small, large or discriminator")
    parser.add_argument("--only", choices=("train", "score"), default="",
                        help="of generators: train leaves their scores, which no GPU is needed for, to a later score, on any machine")
    parser.add_argument("--threads", type=int, help="by default one for each processor")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compiled", action="store_true",
                        help="compile the generators' networks, which takes a C++ compiler and minutes in each stage; later steps may be quicker")
    parser.add_argument("--resume", action="store_true", help="go on from an interrupted training")
    return parser


if __name__ == "__main__":
    main()
