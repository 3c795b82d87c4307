"""Check the settings of an experiment, so that an impossible one is refused before anything runs."""

from __future__ import annotations

import dataclasses
import math
import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from . import embedding, extractors
from .core import DEVICE, PRESETS, ParameterError, SUBJECT
from .core.weights import is_of_simulated_world, load_card, part_checksum
from .mapping import AUXILIARIES, CAPTION_CHOICES
from .nsd import ANNOTATIONS, SPLITS, ZSCORES
from .records import LayoutError, Unfit
from .training import LOSSES

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Limit:
    """What a setting may be, in words, and whether a value is so."""

    words: str
    holds: Callable[[object], bool]


def one_of(*names: str) -> Limit:
    """One of these names."""
    return Limit(f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names)


def whole(low: int, high: int | None = None) -> Limit:
    """A whole number from low, to high where that is given."""
    words = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"
    return Limit(words, lambda value: type(value) is int and low <= value <= (math.inf if high is None else high))


def number(low: float, high: float = math.inf, *, above: bool = False, below: bool = False, endless: bool = False) -> Limit:
    """A number from low to high; `above` and `below` leave the ends out, `endless` lets it be infinite."""
    words = f"a number {'above' if above else 'of at least'} {low:g}"
    words += f" and {'below' if below else 'at most'} {high:g}" if math.isfinite(high) else ""

    def holds(value) -> bool:
        real = isinstance(value, int | float) and not isinstance(value, bool) and (endless or abs(value) <= sys.float_info.max)
        return real and (value > low if above else value >= low) and (value < high if below else value <= high)

    return Limit(words, holds)


def optional(limit: Limit) -> Limit:
    """The same, or nothing (null)."""
    return Limit(f"{limit.words}, or null", lambda value: value is None or limit.holds(value))


def each(limit: Limit, length: int | None = None) -> Limit:
    """A list whose entries are all so, of the given length."""
    words = f"a list{f' of {length}' if length else ''}, each entry {limit.words}"
    return Limit(words, lambda value: isinstance(value, tuple) and len(value) == (length or len(value)) and all(
        map(limit.holds, value)))


def pair(limit: Limit) -> Limit:
    """Two entries that are both so, the smaller first."""
    both = each(limit, 2)
    return Limit(f"{both.words}, the smaller first", lambda value: both.holds(value) and value[0] <= value[1])


FLAG = Limit("true or false", lambda value: isinstance(value, bool))
TEXT = Limit("text", lambda value: isinstance(value, str))
SIZE, COUNT, PART, WEIGHT = whole(1), whole(0), number(0, 1), number(0)
RATE = number(0, above=True)
SCHEDULE = {"learning_rate": RATE, "lr_decay": number(0, 1, above=True), "decay_every": SIZE, "weight_decay": WEIGHT}

LIMITS: dict[str, Limit] = {
    "name": one_of(*PRESETS),
    "subject": Limit("twin01 (simulated) or one of subj01 to subj08 (your copy of NSD)",
                     lambda value: isinstance(value, str) and re.fullmatch(SUBJECT, value) is not None),
    "seed": COUNT,
    "start": Limit("the name of a shipped or imported generator, the folder of another, or 'none'",
                   lambda value: isinstance(value, str) and value),
    "end_to_end": WEIGHT,
    "device": Limit("'cpu', 'cuda' or 'cuda:N'", lambda value: isinstance(value, str) and re.fullmatch(DEVICE, value) is not None),
    **{f"twin.{name}": limit for name, limit in {
        "n_voxels": SIZE, "n_sessions": whole(1, 37), "trials_per_session": whole(3, 900),
        "median_ncsnr": number(0, 0.9, above=True, below=True), "stray_thoughts": WEIGHT}.items()},
    **{f"data.{name}": limit for name, limit in {
        "max_sessions": optional(SIZE), "betas": TEXT, "roi": TEXT, "split": one_of(*SPLITS),
        "validation_fraction": number(0, 1, above=True, below=True), "split_seed": COUNT, "n_clusters": whole(2),
        "image_size": whole(8), "zscore": one_of(*ZSCORES), "annotations": one_of(*ANNOTATIONS),
        "coco_folder": TEXT}.items()},
    **{f"embed.{name}": limit for name, limit in {
        "clip": Limit("'mini', 'local-dir:/folder', 'ViT-B-32-quickgelu' or 'ViT-B-32-quickgelu:/path/x.pt'", lambda value: isinstance(
            value, str) and (value == "mini" or re.match(r"local-dir:.|(?!local-dir)\w+-[\w-]+(:.|$)", value) is not None)),
        "batch": SIZE, "quick_gelu": FLAG}.items()},
    "screen.threshold": PART,
    **{f"mapping.{name}": limit for name, limit in SCHEDULE.items()},
    **{f"mapping.{name}": limit for name, limit in {
        "n_blocks": COUNT, "hidden": SIZE, "fc_hidden": SIZE, "n_layers": SIZE, "pad_to": optional(SIZE),
        "loss": one_of(*LOSSES), "epochs": each(SIZE), "clamp": optional(RATE), "unit": FLAG, "sigmoid": FLAG,
        "augment": FLAG, "caption_choice": one_of(*CAPTION_CHOICES), "batch": SIZE, "batch_contrastive": whole(2),
        "dtype": one_of(*PRECISIONS), "auxiliary": one_of(*AUXILIARIES), "auxiliary_weight": WEIGHT}.items()},
    **{f"gan.network.{name}": limit for name, limit in {
        "resolution": whole(8), "z_dim": SIZE, "w_dim": SIZE, "condition_dim": SIZE, "channel_base": whole(8),
        "channel_max": SIZE, "mapping_layers": SIZE, "unit_variance_conditions": FLAG, "condition_lr": WEIGHT,
        "heads": whole(1, 2), "conv_clamp": RATE, "minibatch_group": SIZE}.items()},
    **{f"gan.{name}": limit for name, limit in {
        "kimg": RATE, "pseudo_kimg": RATE, "low_level": FLAG, "repeat": COUNT, "batch": whole(2), "learning_rate": RATE, "adam_betas": each(number(0, 1, below=True), 2),
        "adversarial_weight": WEIGHT, "clip_weight": WEIGHT, "feature_weight": WEIGHT, "low_level_weight": WEIGHT,
        "content_weight": WEIGHT, "content_half_kimg": number(0, above=True, endless=True), "sketch_size": COUNT,
        "temperature": RATE, "noise_levels": pair(PART), "r1_gamma": WEIGHT, "r1_every": SIZE, "path_weight": WEIGHT,
        "path_decay": PART, "path_every": SIZE, "path_shrink": SIZE, "style_mixing": PART, "ema_kimg": WEIGHT,
        "ema_rampup": optional(RATE), "precision": one_of(*PRECISIONS), "published_bugs": each(TEXT), "tick_kimg": RATE,
        "checkpoint_seconds": WEIGHT}.items()},
    "evaluate.n_retrieval": whole(2), "evaluate.n_bootstrap": SIZE, "evaluate.ways": each(whole(2)),
    "grid.n_seeds": SIZE, "grid.epochs": each(SIZE, 2), "grid.n_pictures": COUNT, "grid.n_painter_seeds": SIZE,
    "grid.painter_kimg": RATE,
    **{f"category.{name}": limit for name, limit in SCHEDULE.items()},
    **{f"category.hidden_{kind}": each(SIZE, 2) for kind in ("fmri", "clip", "resnet")},
    "category.epochs": COUNT, "category.batch": SIZE,
    **{f"encoder.{name}": limit for name, limit in SCHEDULE.items()},
    **{f"encoder.{name}": limit for name, limit in {
        "n_blocks": COUNT, "hidden": SIZE, "fc_hidden": SIZE, "epochs": COUNT, "batch": SIZE,
        "dtype": one_of(*PRECISIONS)}.items()},
}


def check(name: str, value) -> None:
    """Refuse a value that the setting of this dotted name cannot have.

    Raises ParameterError, one sentence with the name, the value and what it may be.
    """
    if not LIMITS[name].holds(value):
        raise ParameterError(f"got {name}={_shown(value)}, expected {LIMITS[name].words}")


def settings(config, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every setting of an experiment with its dotted name."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from settings(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


# ── whether the networks fit the pictures ──────────────────────────────────────────────────────────────────────────────
class KnowsItsPictures:
    """What has an experiment and a layout of files, and refuses networks that know nothing of the subject's pictures."""

    @property
    def shows_photographs(self) -> bool:
        """Whether the pictures are NSD's, of which networks of the simulated world know nothing; no file is read for it."""
        return not self._is_simulated and self.layout.root.is_dir() and not self.layout.marker.exists()

    def check_networks(self, names: Collection[str] = ("embed",)) -> None:
        """Refuse networks of the simulated world where the pictures are photographs, before any picture is read.

        names: "embed" (the CLIP), "start" (the generator that finetuning starts from), "low_level" and "feature" (the low-level
        and the evaluation network, whose published files must be there for photographs); others are passed over. Raises Unfit,
        or, for any subject, LayoutError for a CLIP that is missing and ValueError for one that cannot be. A subject that is not
        there is left to its loader.
        """
        e = self.experiment
        if not self._is_simulated and not self.layout.root.is_dir():
            return
        if "embed" in names and embedding.is_of_simulated_world(e.embed):
            self._refuse(f"embed.clip {e.embed.clip!r}", "give the file of another CLIP by the override embed.clip, e.g. "
                         "{embed.clip: 'ViT-B-32-quickgelu:/path/x.safetensors'}")
        if "start" in names and e.start != "none" and self.shows_photographs and is_of_simulated_world(load_card(e.start)):
            self._refuse(f"the generator {e.start!r}", "name the folder of another by the override start, or 'none' to train one on "
                         "the subject's own training pictures first")
        for name, part in (("low_level", "resnet"), ("feature", "feature")):
            if name in names and self.shows_photographs:
                extractors.find_published(part)

    def missing(self, *names: str) -> str:
        """Why one of these networks (as in `check_networks`) cannot be used, in one sentence; "" where all can."""
        try:
            self.check_networks(names)
        except LayoutError as reason:
            return str(reason)
        return ""

    def weights_of(self, part: str) -> str:
        """The checksum of the weights that do this part's work for this subject; raises as `check_networks`."""
        if part == "clip":
            return embedding.clip_checksum(self.experiment.embed)
        if part in extractors.NETWORKS:
            return extractors.network_checksum(part, photographs=self.shows_photographs)
        return part_checksum(part)

    def scored_by(self, part: str = "feature") -> str:
        """For photographs, which network made the features of a score ("clip", "feature", "resnet"); "" for the simulated world.

        E.g. "Inception v3 of FID, weights 6726825d".
        """
        if not self.shows_photographs:
            return ""
        network = f"CLIP {self.experiment.embed.clip.partition(':')[0]}" if part == "clip" else extractors.NETWORKS[part]
        return f"{network}, weights {self.weights_of(part)[:8]}"

    @property
    def _is_simulated(self) -> bool:
        return self.experiment.subject.startswith("twin")

    def _refuse(self, network: str, advice: str) -> None:
        if self.shows_photographs:
            raise Unfit(f"found {network}, which was trained on the simulated world, for {self.experiment.subject}, whose "
                        f"pictures are photographs, expected a network that knows photographs; {advice}")


def _shown(value) -> str:
    return "null" if value is None else repr(list(value) if isinstance(value, tuple) else value)
