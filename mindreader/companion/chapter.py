"""Run a chapter's pipeline and save its figures, tables and numbers where the book takes them from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd

from .. import core
from ..clipfiles import CONFIG
from ..core import run_name
from ..core.weights import file_checksum
from ..doctor import check_chapter
from ..experiments import dotted, experiment
from ..pipeline import Pipeline
from ..studies.generator_grid import STARTS
from .plots import ORIGIN_LABEL
from .rendering import Shown, save_figure, unless_left_out

USUAL = {"preset": "book", "subject": "", "seed": 0, "overrides": {}}  # what the committed notebooks run with
OWN = {  # and the chapters' own parameters
    "02_mapping": {"ablation": "record", "n_seeds": 3},
    "03_gan": {"cond": "both", "start": "lf", "low_level": False, "end_to_end": 0.0, "kimg": 0.0, "device": "cpu",
               "ablation": "record", "n_seeds": 1},
    "04_microstimulation": {"value": 10.0, "region": "", "n_fits": 0}}
P_VALUES = ("p", "p_holm")  # columns of tables
FOLDER = "local-dir:"       # of a CLIP, before its path
NETWORKS = {"clip": "embed", "feature": "feature", "resnet": "low_level"}     # those that score photographs, as `missing` takes them
SETTINGS = {"start": "start", "low_level": "gan.low_level", "end_to_end": "end_to_end", "kimg": "gan.kimg", "device": "device"}


def start(name: str, preset: str, *, subject: str = "", seed: int = 0, overrides: dict | None = None, **own) -> Chapter:
    """Start the chapter's pipeline at this preset; parameters other than the committed ones write to a separate folder.

    A parameter of the chapter's own that names a setting (SETTINGS) changes it where it differs from the default;
    overrides take precedence. Raises ParameterError for an unknown or invalid override, LayoutError for a missing NSD.
    """
    core.require_checkout()
    settings = {"seed": seed, **({"subject": subject} if subject else {})}
    settings |= {SETTINGS[key]: STARTS[value] if key == "start" else value for key, value in own.items()
                 if key in SETTINGS and value != OWN[name][key]}
    settings |= dotted(overrides or {})
    given = {"preset": preset, "subject": subject, "seed": seed, "overrides": overrides or {}, **own}
    return Chapter(name, experiment(preset, settings), run_name(name, given, USUAL | OWN.get(name, {})))


class Chapter(Pipeline):
    """One experiment as one chapter presents it.

    name: the notebook's, e.g. "03_gan"; run: "" for the committed parameters, else a folder name under figures/runs.
    """

    def __init__(self, name: str, experiment, run: str = ""):
        super().__init__(experiment)
        for limit in ("rows", "columns", "colwidth"):
            pd.set_option(f"display.max_{limit}", None)  # print whole tables
        self.name = name
        self.root = core.output_root(run)
        check_chapter(self, name)  # what would stop it after an hour is said before gigabytes are read
        _ = self.subject

    def opening(self, **counts: int) -> str:
        """Whose data the chapter shows, and how much of what; counts are named by what is counted.

        For example "twin01 (simulated subject), preset book, seed 0: 6,000 trials, 1,024 voxels".
        """
        of = self.experiment
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
        return f"{of.subject} ({ORIGIN_LABEL[self.origin]}), preset {of.name}, seed {of.seed}: {told}"

    @unless_left_out
    def show(self, figure, slug: str, data: pd.DataFrame | None = None) -> Shown:
        """Save the figure (.svg or .webp, its numbers as .csv, its provenance as .json) and show it."""
        return Shown(figure, save_figure(figure, f"{self.name}/{slug}", origin=self.origin, data=data, meta=self._meta(),
                                         root=self.root))

    @unless_left_out
    def table(self, table: pd.DataFrame, slug: str, digits: int = 3) -> pd.DataFrame:
        """Save the table as .csv and return it for the page: rounded, nothing where a number is missing, no text cut off."""
        core.save_table(table, f"{self.name}/{slug}", origin=self.origin, meta=self._meta(), root=self.root)
        shown = table.copy()
        for column in shown.select_dtypes("float"):
            shown[column] = [rounded(v, digits, is_p=column in P_VALUES) for v in shown[column]]
        for column in shown.columns[shown.isna().any()]:
            shown[column] = shown[column].astype(object).where(shown[column].notna(), "")
        return shown

    def record(self, values: dict) -> None:
        """Write the numbers that the chapter's prose and scorecard quote; see `core.record`."""
        core.record(self.name, {"origin": self.origin, "preset": self.experiment.name, "values": values}, root=self.root)

    def _meta(self) -> dict:
        networks = {part: self.scored_by(part) for part, name in NETWORKS.items() if self.shows_photographs and not self.missing(name)}
        if self.experiment.embed.clip.startswith(FOLDER) and not self.missing("embed"):
            networks |= {"clip": self._clip_of_folder()}
        return {"experiment": dataclasses.asdict(self.experiment)} | ({"networks": networks} if networks else {})

    def _clip_of_folder(self) -> str:
        """Which CLIP lies in the folder that the experiment names, since its path does not say that."""
        config = Path(self.experiment.embed.clip.removeprefix(FOLDER)).expanduser() / CONFIG
        return f"CLIP of a folder, weights {self.weights_of('clip')[:8]}, config {file_checksum(config)[:8]}"


def rounded(value: float, digits: int, *, is_p: bool = False) -> str:
    """A number for a table: "" where it is missing, no sign before a zero; a p value that rounds to 0 is said to be smaller.

    >>> rounded(-0.0001, 3), rounded(0.0001, 3, is_p=True), rounded(float("nan"), 3)
    ('0.000', '< 0.001', '')
    """
    if pd.isna(value):
        return ""
    shown = f"{value:.{digits}f}"
    if float(shown):
        return shown
    return f"< {10 ** -digits:.{digits}f}" if is_p else shown.removeprefix("-")
