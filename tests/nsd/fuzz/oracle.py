"""The rule for a damaged tree, and one case of it.

A case is one damage to one file of a copy of a small sound tree, drawn from (seed, number), which is all that is needed to
see it again. What `load_subject` makes of the copy must be one of these:

1. refused: LayoutError, ParameterError or ValueError of ours, one line, that names the damaged file or one that it
   contradicts; never for a damage that leaves the values as they were (SAME);
2. the same: every value of the record equals the sound tree's to the last bit; never for a damage that no reader may take
   (REFUSED);
3. other, by right: only fields of which the damaged file is the only holder (`Kind.fields`: betas of a session, pixels,
   captions ...) differ, and every field of the record is what `reference.py` finds in the damaged tree with other libraries.
   So a flipped bit in a beta may change that beta, and nothing else. Of a file that is absent, the loader must have said so in
   a warning.

Any other exception, a second line, other values, more than `MEMORY` bytes, more than `SECONDS`, or the death of the process
is a failure.
"""

from __future__ import annotations

import logging
import os
import resource
import shutil
import signal
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from mindreader.core import ParameterError
from mindreader.nsd import DataConfig, Layout, load_subject
from mindreader.records import LayoutError

from . import reference
from .damage import ABSENT, EITHER, REFUSED, SAME, Damage

MEMORY, SECONDS = 1 << 30, 30
CONFIGS = (DataConfig(image_size=8), DataConfig(image_size=8, split="shared1000", annotations="crop", zscore="none"),
           DataConfig(image_size=8, split="random", zscore="session-train", roi="V1"))


@dataclass(frozen=True)
class Kind:
    """Files that hold the same: where they are, what may happen to them, the fields that they alone hold, and the settings
    of CONFIGS that read them."""

    glob: str
    damages: tuple[Damage, ...]
    fields: frozenset[str] = frozenset()
    settings: tuple[int, ...] = tuple(range(len(CONFIGS)))


@dataclass(frozen=True)
class Outcome:
    """What came of one case; `failure` says what was wrong, "" if nothing was."""

    number: int
    what: str
    result: str
    failure: str = ""


class Hung(BaseException):
    """A case took too long."""


def sound_tree(folder: Path) -> Path:
    """Write a small tree: 2 sessions of 24 trials, 40 voxels, 24 pictures of 24 pixels; session 1 as MATLAB writes it."""
    from mindreader.twin.subject import TwinConfig, write_twin

    root = write_twin(folder / "sound", TwinConfig(40, 2, 24), seed=7, progress=_silent)
    layout = Layout(root, "subj01")
    with h5py.File(layout.stimuli) as file:
        small = file["imgBrick"][:, 8::17, 8::17]
    layout.stimuli.unlink()
    with h5py.File(layout.stimuli, "w") as file:
        file["imgBrick"] = small
    with h5py.File(layout.session(1)) as file:
        betas = file["betas"][:]
    layout.session(1).unlink()
    with h5py.File(layout.betas / "betas_session01.hdf5", "w", libver="earliest") as file:
        file.create_dataset("betas", data=betas, chunks=(len(betas), 1, 1, 1))
    return root


def _silent(items, **_):
    return items


def values(subject, *, classes: bool = True) -> dict:
    """Everything that a subject holds, by name; its classes, which take longest, if wanted."""
    rois = dict(subject.rois)
    s, t = subject.stimuli, subject.trials
    return {"betas": t.betas, "image_ids": t.image_ids, "trial_ids": t.trial_ids, "sessions": t.sessions, "ids": s.ids,
            "images": s.images, "captions": s.captions, "coords": subject.coords, "ncsnr": subject.ncsnr,
            "train": subject.split.train, "validation": subject.split.validation, "origin": subject.origin,
            "valid": rois.pop("valid"), "rois": rois} | ({"annotations": s.annotations} if classes else {})


def differing(a: dict, b: dict, *, exact: bool) -> list[str]:
    """Names of the values that two records do not share; other readers round otherwise, so those need not be exact."""
    def same(x, y):
        if isinstance(x, dict):
            return x.keys() == y.keys() and all(same(x[k], y[k]) for k in x)
        if isinstance(x, pd.DataFrame):
            return x.shape == y.shape and all((x[c].to_numpy() == y[c].to_numpy()).all() for c in x)
        if isinstance(x, str):
            return x == y
        x, y = np.asarray(x), np.asarray(y)
        if x.shape != y.shape or exact and x.dtype != y.dtype:
            return False
        return np.array_equal(x, y, equal_nan=True) if exact or x.dtype.kind != "f" else \
            np.allclose(x, y, rtol=1e-4, atol=1e-4, equal_nan=True)

    return [name for name in a if not same(a[name], b[name])]


def all_pairs(kinds: tuple[Kind, ...]) -> list[tuple[Kind, Damage]]:
    """Every kind of file with every damage to it."""
    return [(kind, damage) for kind in kinds for damage in kind.damages]


def try_case(number: int, seed: int, root: Path, scratch: Path, kinds: tuple[Kind, ...], sound: list[dict]) -> Outcome:
    """Damage a copy of the tree at `root` as case `number` says, load it, and judge what came of it by the rule above."""
    rng = np.random.default_rng([seed, number])
    pairs = all_pairs(kinds)
    kind, damage = pairs[(number + seed) % len(pairs)]
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(root, scratch, copy_function=os.link)
    files = sorted(scratch.glob(kind.glob))
    path = files[rng.integers(len(files))]
    which = int(rng.choice(kind.settings))
    what = f"{damage.name} of {path.name} with settings {which}"
    with open(path, "rb") as file:
        before = file.read()
    damage.apply(path, rng)
    untouched = path.is_file() and not path.is_symlink() and path.read_bytes() == before
    effect = SAME if untouched and damage.effect == EITHER else damage.effect
    try:
        with _said() as warnings, _at_most(SECONDS):
            found = values(load_subject(scratch, "subj01", CONFIGS[which]), classes="annotations" in kind.fields)
    except (LayoutError, ParameterError, ValueError) as problem:
        return Outcome(number, what, "refused", _wrong_sentence(problem, effect))
    except Hung:
        return Outcome(number, what, "hung", f"took more than {SECONDS} s")
    except BaseException as problem:    # whatever it is, it is what we look for
        return Outcome(number, what, type(problem).__name__, traceback.format_exc(limit=-4))
    return _judged(number, what, effect, kind, found, sound[which], scratch, CONFIGS[which], warnings, path)


def _judged(number, what, effect, kind, found, sound, root, config, warnings, path) -> Outcome:
    """The outcome of a case that loaded."""
    other = differing(found, sound, exact=True)
    if not other:
        return Outcome(number, what, "same", "loaded, though no reader may take it" if effect == REFUSED else "")
    if effect in (SAME, REFUSED):
        return Outcome(number, what, "other values", f"other {', '.join(other)} where none may be")
    if effect == ABSENT and not any(path.name.split(".")[0] in text for text in warnings):
        return Outcome(number, what, "silent", f"other {', '.join(other)}, and no warning names {path.name}")
    allowed = set(found) if effect == ABSENT else kind.fields
    if set(other) - allowed:
        return Outcome(number, what, "other values", f"other {', '.join(other)}, of which the file holds {sorted(allowed)}")
    try:
        wrong = differing(found, reference.values(root, config), exact=False)
    except Exception:
        return Outcome(number, what, "other values", f"no other reader takes it: {traceback.format_exc(limit=-2)}")
    return Outcome(number, what, "other, by right", f"other readers find other {', '.join(wrong)}" if wrong else "")


def _wrong_sentence(problem: Exception, effect: str) -> str:
    """What is wrong with a refusal, or ""."""
    text = str(problem)
    if effect == SAME:
        return f"the same values are refused: {text}"
    deepest = traceback.extract_tb(problem.__traceback__)[-1].filename
    if os.sep + "mindreader" + os.sep not in deepest:
        return f"not ours: {traceback.format_exc(limit=-4)}"
    if "\n" in text or "expected" not in text or ";" not in text or len(text) > 900:
        return f"not one sentence of what came, what was expected and what to do: {text}"
    return ""


@contextmanager
def _said():
    """The warnings that the library logs meanwhile."""
    lines, logger = [], logging.getLogger("mindreader")
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


@contextmanager
def _at_most(seconds: int):
    """Raise Hung after so many seconds."""
    def stop(*_):
        raise Hung

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def limit_memory() -> None:
    """Let this process take no more than MEMORY bytes beyond what it has, where the system tells how much that is."""
    if (known := Path("/proc/self/statm")).is_file():
        most = int(known.read_text().split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
