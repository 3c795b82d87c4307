"""Say which chapters can run on what there is, and stop one that cannot before it begins."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints import PUBLISHED, find_weights
from ..core.weights import load_card
from ..experiments import NOTHING, Experiment
from ..extractors import find_published
from ..limits import KnowsItsPictures
from ..nsd import Inspection, Layout, MARKER, inspect_subject
from ..records import LayoutError
from .networks import wrong_with

__all__ = ["Answer", "Asked", "CHAPTERS", "check_chapter", "Needs", "answer"]


@dataclass(frozen=True)
class Needs:
    """What a chapter needs beside what every subject is loaded from.

    parts     of a folder of NSD (`nsd.Inspected.part`)
    networks  without which it does not begin (names of `limits.KnowsItsPictures.check_networks`)
    scored_by networks without which it goes on, and says which of its numbers are not computed
    stages    that it computes (`duration.STAGES`)
    only_simulated  whether it is about the simulated world alone
    """

    parts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    scored_by: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    only_simulated: bool = False


_PARTS = {"feature": "feature", "low_level": "resnet"}     # as `extractors` calls them
_EMBEDDED, _MAPPED = ("pictures", "captions"), ("pictures", "captions", "mappers")
CHAPTERS: dict[str, Needs] = {
    "00_subject": Needs(("classes",), (), ("embed",), ("pictures",)),
    "01_screening": Needs((), ("embed",), (), _EMBEDDED),
    "02_mapping": Needs(("classes",), ("embed",), ("low_level",), _MAPPED),
    "03_gan": Needs(("classes",), ("embed", "start"), ("feature",), (*_MAPPED, "generator")),
    "04_microstimulation": Needs(("classes",), ("embed", "start"), ("feature",), (*_MAPPED, "generator")),
    "05_category_auc": Needs(("classes",), ("embed",), ("low_level",), _MAPPED),
    "06_encoding_cycle": Needs(("noise ceilings",), ("embed", "start"), ("feature",), (*_MAPPED, "generator", "encoder")),
    "07_pretrained": Needs(only_simulated=True),
}


@dataclass(frozen=True)
class Answer:
    """Whether a chapter runs, what stops it, and what it goes on without: one sentence each."""

    chapter: str
    runs: bool
    stops: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


class _AnyFolder:
    """Stands for a folder of NSD's pictures that may not be there yet."""

    root, marker = Path(os.sep), Path(os.sep, MARKER)


class Asked(KnowsItsPictures):
    """An experiment on what a folder has, or will have: for photographs where nothing is there yet."""

    def __init__(self, experiment: Experiment, found: Inspection | None = None):
        self.experiment = experiment
        self.layout = Layout(found.root, found.subject) if found and found.origin else _AnyFolder()

    def without(self, network: str) -> str:
        """Why this network cannot be used, one sentence; "" where it can."""
        try:
            self.check_networks((network,))
            return _unfit(self, network)
        except (LayoutError, ValueError) as reason:
            return str(reason)


def answer(name: str, asked: Asked, found: Inspection | None) -> Answer:
    """Whether a chapter (a name of CHAPTERS) runs; found: of the subject's files, None for a simulated subject."""
    needs = CHAPTERS[name]
    if needs.only_simulated:
        return Answer(name, found is None, () if found is None else (
            f"{name} is about the simulated world alone, expected subject twin01; run it without a subject",))
    files = found.stops(needs.parts) if found else []
    networks = [sentence for network in needs.networks if (sentence := asked.without(network))]
    without = [sentence for network in needs.scored_by if (sentence := asked.without(network))]
    return Answer(name, not (files or networks), (*files, *networks), tuple(without))


def check_chapter(run: KnowsItsPictures, name: str) -> None:
    """Refuse a chapter that would stop later, before anything large is read; costs nothing for a simulated subject.

    Headers and small files of NSD are looked at, and cards of networks: seconds. Raises what `check_networks` does, and LayoutError
    with the first thing that is wrong and the command that names all.
    """
    needs = CHAPTERS.get(name, Needs())
    run.check_networks(needs.networks)
    if run.experiment.subject.startswith("twin") or needs.only_simulated:
        return
    found = inspect_subject(run.layout.root, run.layout.name, run.experiment.data)
    unfit = [sentence for network in needs.networks if (sentence := _unfit(run, network))]
    if stops := found.stops(needs.parts) + unfit:
        more = f" (the first of {len(stops)}: `python -m mindreader.doctor {shlex.quote(str(found.root))} --subject {found.subject} " \
               f"--chapter {name[:2]}` names all)" if len(stops) > 1 else ""
        raise LayoutError(stops[0] + more)


def _unfit(run: KnowsItsPictures, network: str) -> str:
    """Why a network for photographs that is there would be refused once it is loaded, one sentence; "" for none."""
    chosen, wants = run.experiment, run.experiment.data.image_size
    if not run.shows_photographs:
        return ""
    if network == "start":
        if chosen.start == NOTHING:
            return ""
        has = load_card(chosen.start)["architecture"].get("resolution")
        return "" if has == wants else (f"the generator {chosen.start!r} makes pictures of {has} px, expected {wants} px, as "
                                        "data.image_size says; name one that fits by the override start, or set data.image_size")
    if network == "embed":
        name, _, given = chosen.embed.clip.partition(":")
        path = None if given else find_weights(name) or find_weights(name.removesuffix("-quickgelu"))
    else:
        path = find_published(_PARTS[network])
    kind = next((one.kind for one in PUBLISHED if path and find_weights(one.name) == path), "")
    return wrong_with(path, kind) if path else ""
