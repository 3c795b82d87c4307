"""Describe runs completely: the settings of all stages, and the presets smoke, book, paper and shared1000."""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing
from dataclasses import dataclass, field, fields, replace

from . import limits
from .core import ParameterError, as_meant, child_seed, choice, subject_meant
from .embedding import EmbedConfig, ScreenConfig
from .generator import GanConfig, PUBLISHED
from .mapping import EncoderConfig, MappingConfig
from .nsd import DataConfig
from .scoring import CategoryConfig
from .twin import TwinConfig

CONDITIONS = {"img": ("image",), "cap": ("caption",), "both": ("image", "caption")}
NOTHING = "none"  # a generator to start from that is not pretrained


@dataclass(frozen=True)
class EvaluateConfig:
    """How pictures and embeddings are scored."""

    n_retrieval: int = 300      # candidates in one retrieval batch (paper §3.2)
    n_bootstrap: int = 1000     # image-level resamples for each interval
    ways: tuple[int, ...] = (2, 5, 10, 50)  # n of n-way identification (Table 6)


@dataclass(frozen=True)
class GridConfig:
    """Tables 3 and 4: how often each variant of the mappers is fitted, and for how long; 1 and 5: of the generators, how often."""

    n_seeds: int = 3
    epochs: tuple[int, ...] = (2, 2)    # of each phase, instead of mapping.epochs, the same for every variant
    n_painter_seeds: int = 3            # of each finetuning, on mappers of its own
    painter_kimg: float = 2.0           # shown in each, instead of gan.kimg, the same for every variant
    n_pictures: int = 300               # reconstructed by the starting generator for each fit (0: none)


@dataclass(frozen=True)
class Experiment:
    """Everything that could change a result, in one frozen value.

    subject: "twin01" (simulated, made on first use) or "subj01" .. "subj08" (your copy of NSD).
    start: the pretrained generator that finetuning starts from, a shipped part, the folder of another, or "none": then one is
    trained on the subject's own training pictures first, from pseudo conditions.
    end_to_end: 0 leaves the mappers frozen while the generator is finetuned; more lets both train together, with this
    weight of the discriminator's opinion in the mappers' loss.
    device: of trainings, embedding and the networks that score. A GPU sums in another order, and draws the generator's noise itself.
    """

    name: str
    subject: str = "twin01"
    seed: int = 0
    start: str = "generator_lf"
    end_to_end: float = 0.0
    device: str = "cpu"
    twin: TwinConfig = field(default_factory=TwinConfig)
    data: DataConfig = field(default_factory=DataConfig)
    embed: EmbedConfig = field(default_factory=EmbedConfig)
    screen: ScreenConfig = field(default_factory=ScreenConfig)
    mapping: MappingConfig = field(default_factory=MappingConfig)
    gan: GanConfig = field(default_factory=GanConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    grid: GridConfig = field(default_factory=GridConfig)
    category: CategoryConfig = field(default_factory=CategoryConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)

    def child_seed(self, name: str) -> int:
        """A seed for one stage, so that adding a stage moves nobody else's numbers."""
        return child_seed(self.seed, name)


def smoke() -> Experiment:
    """A real run, tiny: every line of every notebook in about a minute on two cores. What the tests run."""
    return Experiment(
        name="smoke",
        twin=TwinConfig(n_voxels=128, n_sessions=2, trials_per_session=180),
        mapping=MappingConfig(epochs=(2, 1), dtype="bfloat16", learning_rate=1e-3),
        gan=GanConfig(kimg=0.032, pseudo_kimg=0.032, batch=8, tick_kimg=0.008),
        evaluate=EvaluateConfig(n_retrieval=30, n_bootstrap=50, ways=(2, 5)),
        grid=GridConfig(n_seeds=2, epochs=(1, 1), n_painter_seeds=1, n_pictures=30, painter_kimg=0.016),
        category=CategoryConfig(epochs=2),
        encoder=EncoderConfig(epochs=2),
    )


def book() -> Experiment:
    """What the chapters show. Two CPU cores, no GPU; the README says how many minutes were measured.

    Fewer epochs than the paper's, so a larger step; finetuning sees thousands of pictures where the paper's sees millions.
    """
    return Experiment(
        name="book",
        mapping=MappingConfig(epochs=(8, 2), dtype="bfloat16", learning_rate=1e-3),
        gan=GanConfig(kimg=4.0, tick_kimg=0.5),
        category=CategoryConfig(epochs=15),
        encoder=EncoderConfig(epochs=12, dtype="bfloat16", learning_rate=1e-3),
    )


def paper() -> Experiment:
    """The paper's sizes: NSD's subject 1, 37 sessions, 15,724 voxels, ViT-B/32, 256 px. Needs your NSD and weights."""
    return Experiment(
        name="paper", subject="subj01",
        data=DataConfig(max_sessions=37, image_size=256),
        mapping=MappingConfig(pad_to=15744, epochs=(40, 40)),
        grid=GridConfig(epochs=(40, 40), painter_kimg=12.0),
        embed=EmbedConfig(clip="ViT-B-32-quickgelu"),
        gan=GanConfig(network=PUBLISHED),
    )


def shared1000(subject: str = "subj01") -> Experiment:
    """The later field's images: as `paper`, but validated on NSD's shared images, of which training sees nothing.

    Of the 1,000 images that all subjects saw, 982 were shown to subjects 1, 2, 5 and 7 within the 37 sessions that were released
    first, once to three times. z-scores are those of training trials alone. A simulated subject has the sizes and networks of `book`.
    """
    usual = book() if subject.startswith("twin") else paper()
    return replace(usual, name="shared1000", data=replace(usual.data, split="shared1000", zscore="session-train"))


EXPERIMENTS = {"smoke": smoke, "book": book, "paper": paper, "shared1000": shared1000}


def experiment(preset: str, overrides: dict | None = None) -> Experiment:
    """The named preset with overrides by dotted name, e.g. {"seed": 3, "gan.kimg": 1.0}, or by group, {"gan": {"kimg": 1.0}}.

    A value may be written as a person would, e.g. "4e-4" for a number that YAML takes for text (see `core.params.as_meant`).
    Raises ParameterError for a preset or a name that does not exist, a value of another type, or one that cannot be.
    """
    preset = choice(preset, EXPERIMENTS)
    if preset not in EXPERIMENTS:
        raise ParameterError(f"no preset {preset!r}; there is {', '.join(EXPERIMENTS)}")
    values = dotted(overrides or {})
    subject = subject_meant(values.get("subject"))
    usual = shared1000(subject) if preset == "shared1000" and isinstance(subject, str) else EXPERIMENTS[preset]()
    run = _override(usual, values)
    try:
        _ = run.mapping.phases
    except ValueError as refused:  # fewer entries in mapping.epochs than the loss has phases
        raise ParameterError(f"overrides: {refused}") from refused
    return run


def dotted(overrides: dict, prefix: str = "") -> dict:
    """Settings by dotted name, of those that are given by group too.

    Raises ParameterError where it is no mapping, or one setting is given two values.

    >>> dotted({"gan": {"kimg": 1.0, "network": {"heads": 1}}, "seed": 3})
    {'gan.kimg': 1.0, 'gan.network.heads': 1, 'seed': 3}
    """
    if not isinstance(overrides, dict):
        raise ParameterError(f"overrides={overrides!r}: expected a mapping such as {{'gan.kimg': 0.5}}")
    found = {}
    for name, value in overrides.items():
        full_name = f"{prefix}{str(name).strip()}"
        inner = dotted(value, f"{full_name}.") if isinstance(value, dict) and value else {full_name: value}
        for twice in (setting for setting in inner if setting in found and found[setting] != inner[setting]):
            raise ParameterError(f"overrides: got {twice}={found[twice]!r} and {twice}={inner[twice]!r}, expected one of the two")
        found |= inner
    return found


def _override(config, values: dict, prefix: str = ""):
    """All changes to one group at once, so that settings which only fit together can be given in any order."""
    hints = typing.get_type_hints(type(config))
    names, changes, within = [f.name for f in fields(config)], {}, {}
    for path, value in values.items():
        (name, _, rest), full_name = str(path).partition("."), f"{prefix}{path}"
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            near = near or _elsewhere(full_name)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(names)}"
            raise ParameterError(f"{type(config).__name__} has no {name!r} (override {full_name!r}){hint}")
        old = getattr(config, name)
        if not rest:
            changes[name] = _like(old, hints[name], value, full_name)
        elif dataclasses.is_dataclass(old):
            within.setdefault(name, {})[rest] = value
        else:
            raise ParameterError(f"override {full_name!r}: {name!r} is a value, not a group; expected a shorter name")
    changes |= {name: _override(getattr(config, name), inner, f"{prefix}{name}.") for name, inner in within.items()}
    try:
        return replace(config, **changes)
    except ValueError as refused:  # by the group itself, where settings do not fit together
        raise ParameterError(f"overrides: {refused}") from refused


def _elsewhere(name: str) -> list[str]:
    """Settings of any group that this name may stand for: kimg, GAN.kimg and gan_kimg for gan.kimg."""
    name = name.casefold()
    return [setting for setting in limits.LIMITS if setting.endswith(f".{name}")] or difflib.get_close_matches(name, limits.LIMITS, 1, 0.8)


def _like(old, hint, value, full_name: str):
    """The value as this setting takes it."""
    if dataclasses.is_dataclass(old):
        raise ParameterError(f"override {full_name!r} names a whole group; expected one of its fields, e.g. "
                             f"'{full_name.rstrip('.')}.{fields(old)[0].name}'")
    value, limit = as_meant(value, hint), limits.LIMITS[full_name]
    if value is None and not limit.holds(None) and re.search(r"\bnone\b", limit.words):  # as YAML reads it
        value = "none"
    value = subject_meant(value) if full_name == "subject" else value
    if isinstance(value, str) and not limit.holds(value) and limit.holds(value.casefold()):
        value = value.casefold()
    limits.check(full_name, value)
    return value
