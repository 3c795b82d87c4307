"""Put together what was found: data, weights, machine, and for each chapter whether it runs and how long it takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core import home, ParameterError
from ..experiments import Experiment
from ..nsd import Inspection, RELEASED, inspect_subject
from .chapters import CHAPTERS, Answer, Asked, answer
from .duration import Duration, Sizes, durations, recorded_gpu
from .machine import Machine, look_at_machine
from .networks import Weights, look_for_weights

__all__ = ["examine", "kept_bytes", "Report", "sizes_of"]

_TRIALS = 750           # of a session
_IMAGES = 10_000        # on a subject's list, each for three trials; the most that may have been shown


@dataclass(frozen=True)
class Report:
    """All that was found, for one experiment.

    data      of the subject's files; None for a simulated subject, whose files are made when it is first used
    weights   published files, and in `weights_problem` what is wrong with their folder
    kept_bytes  about as many as a run keeps in the home of its subject
    answers   a chapter each
    durations of the stages that these chapters compute, each counted once; `gpu` is what their seconds_gpu are of
    """

    experiment: Experiment
    data: Inspection | None
    weights: tuple[Weights, ...]
    weights_problem: str
    machine: Machine
    home: Path
    kept_bytes: int
    answers: tuple[Answer, ...]
    durations: tuple[Duration, ...]
    gpu: str

    @property
    def can_run(self) -> bool:
        """Whether every chapter of the report runs that is not about another kind of subject."""
        return all(one.runs for one in self.answers if not CHAPTERS[one.chapter].only_simulated or self.data is None
                   or len(self.answers) == 1)

    def seconds(self, chapter: str) -> tuple[float, float]:
        """What a chapter's stages take on the GPU of the record, and here, if none was made before; computed."""
        mine = [one for one in self.durations if one.stage in CHAPTERS[chapter].stages]
        return sum(one.seconds_gpu for one in mine), sum(one.seconds_here for one in mine)

    def as_dict(self) -> dict:
        """The same as plain values, for JSON."""
        found = _plain(dataclasses.asdict(self))
        if self.data is not None:
            found["data"] |= {"fetches": [dataclasses.asdict(one) for one in self.data.fetches], "archives": _plain(self.data.archives)}
        found["chapters"] = {one.pop("chapter"): one for one in found.pop("answers")}
        for chapter, one in found["chapters"].items():
            one["seconds_gpu"], one["seconds_here"] = map(_plain, self.seconds(chapter))
        return found | {"preset": self.experiment.name, "subject": self.experiment.subject, "can_run": self.can_run,
                        "durations_are": "computed"}


def examine(root: Path, experiment: Experiment, chapter: str = "", *, is_thorough: bool = False,
            progress: Callable | None = None) -> Report:
    """Look at a folder of NSD, the weights and the machine, for an experiment.

    Parameters
    ----------
    root : Path
        That holds nsddata/, or should; of no account for a simulated subject.
    experiment : Experiment
        Which subject, sessions, region, networks and settings.
    chapter : str
        A name of CHAPTERS, or its first letters, such as "03"; "" for all. ParameterError for none of them.
    is_thorough, progress
        As of `nsd.inspect_subject`.
    """
    chosen = [name for name in CHAPTERS if name.startswith(chapter)]
    if not chosen:
        raise ParameterError(f"got chapter {chapter!r}, expected one of {', '.join(CHAPTERS)}, or its number")
    is_simulated = experiment.subject.startswith("twin")
    data = None if is_simulated else inspect_subject(Path(root), experiment.subject, experiment.data, is_thorough=is_thorough,
                                                     progress=progress)
    weights, problem = look_for_weights()
    asked = Asked(experiment, data)
    stages = [stage for name in chosen for stage in CHAPTERS[name].stages]
    sizes = sizes_of(experiment, data)
    return Report(
        experiment, data, weights, problem, look_at_machine([home()] + ([data.root] if data else [])), home(),
        kept_bytes(experiment, sizes), tuple(answer(name, asked, data) for name in chosen),
        () if is_simulated else tuple(durations(dict.fromkeys(stages), experiment, sizes)), recorded_gpu())


def sizes_of(experiment: Experiment, data: Inspection | None = None) -> Sizes:
    """Of the subject as it is there, or as it was released where it is not; for a simulated one as it will be made."""
    counts = data.counts if data else {}
    if released := RELEASED.get(experiment.subject):
        n_sessions = min(experiment.data.max_sessions or released.n_sessions, released.n_sessions)
        n_trials, n_voxels = counts.get("trials") or n_sessions * _TRIALS, counts.get("voxels") or released.n_voxels
    else:
        twin = experiment.twin
        n_trials, n_voxels = twin.n_sessions * twin.trials_per_session, twin.n_voxels
    n_training = int((1 - experiment.data.validation_fraction) * n_trials)
    return Sizes(n_trials, counts.get("images") or min(n_trials, _IMAGES), n_training, n_voxels)


def kept_bytes(experiment: Experiment, sizes: Sizes) -> int:
    """About as many as a run keeps in the home of its subject: betas of the chosen voxels, and pictures."""
    return 4 * sizes.n_trials * sizes.n_voxels + 3 * sizes.n_images * experiment.data.image_size**2


def _plain(value):
    """A value as JSON can hold it, which has no infinity."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
