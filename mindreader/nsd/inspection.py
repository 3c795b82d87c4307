"""Look at every file of a subject as the loader would, and go on where the loader stops: what is there, and what is wrong.

Each file is read by the function that the loader reads it with, so that what is called sound here is loaded there. Without
`is_thorough` only headers and small files are read: seconds for 45 gigabytes.
"""

from __future__ import annotations

import copy
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..records import LayoutError
from .annotations import class_files, coco_pictures, read_captions, read_classes
from .betas import check_sessions, read_betas
from .design import PARTS, shared_ids, stim_info, trial_table
from .loader import DataConfig, Layout
from .pictures import read_pictures
from .reading import dataset, is_there, one_line, open_hdf5, require
from .regions import ATLASES, Mask, find_mask, read_header, read_labels, read_ncsnr, read_rois, same_grid
from .released import RELEASED, Fetch, PICTURES_BYTES, fetches, session_bytes
from .streaming import check_ends

__all__ = ["Inspected", "Inspection", "inspect_subject"]

_BATCH, _SMALL = 64, 8      # pictures that the loader reads at once; pixels to which they are shrunk, as none is kept
_ARCHIVES = {"captions": "annotations_trainval2017.zip", "instances": "annotations_trainval2017.zip", "stuff": "stuff_trainval2017.zip"}
_LOADED = ("design", "pictures", "regions", "betas", "captions")     # without which no subject is loaded


@dataclass(frozen=True)
class Inspected:
    """One file: where it belongs, what was found there.

    part     what it is of: design, responses, pictures, regions, betas, noise ceilings, captions or classes
    state    "sound", "damaged", "missing", or "left out": not there, and one can do without
    n_bytes  None where nothing is there
    problem  of a damaged or missing one, the loader's sentence
    archive  of COCO in which the file comes; "" for a file of NSD's release
    """

    part: str
    path: Path
    what: str
    state: str
    n_bytes: int | None = None
    problem: str = ""
    archive: str = ""


@dataclass(frozen=True)
class Inspection:
    """What there is of a subject in a folder.

    origin    "nsd", "twin" or "rehearsal"; "" where there is no such folder
    files     each that the loader reads, or would
    sessions  number -> whether its betas are there, of those that were released and are asked for
    counts    trials, images, voxels, regions (with a voxel), of the sessions that are there; captions and classes where they were
              counted. What could not be known is left out.
    notes     what is worth knowing and stops nothing
    problem   of the folder as a whole, one sentence; "" for none
    """

    root: Path
    subject: str
    origin: str
    files: tuple[Inspected, ...]
    sessions: dict[int, bool]
    counts: dict[str, int]
    notes: tuple[str, ...]
    is_thorough: bool
    problem: str = ""

    def stops(self, parts: tuple[str, ...] = ()) -> list[str]:
        """What the loader would stop at, or whoever needs these parts besides; one sentence each."""
        needed = {*_LOADED, *parts}
        found = [file.problem for file in self.files if file.state == "missing" and file.part in needed or
                 file.state == "damaged" and file.part in needed | {"responses", "noise ceilings"}]
        return [self.problem] if self.problem else found

    @property
    def fetches(self) -> list[Fetch]:
        """The commands that fetch what is not there or damaged, of NSD's own."""
        wanted = [(file.path, self._released_bytes(file), file.state == "damaged") for file in self.files
                  if file.state != "sound" and not file.archive]
        return fetches(self.root, wanted)

    @property
    def archives(self) -> dict[str, list[Path]]:
        """COCO's archives that are needed, and the files of each that belong here."""
        found: dict[str, list[Path]] = {}
        for file in self.files:
            if file.archive and file.state != "sound":
                found.setdefault(file.archive, []).append(file.path)
        return found

    def _released_bytes(self, file: Inspected) -> int | None:
        if file.part == "betas":
            return session_bytes(self.subject)
        return PICTURES_BYTES if file.part == "pictures" else None


def inspect_subject(root: Path, name: str, config: DataConfig = DataConfig(), *, is_thorough: bool = False,
                    progress: Callable | None = None) -> Inspection:
    """Look at the files of one subject in a folder, whatever state it is in.

    Parameters
    ----------
    root : Path
        That holds nsddata/, or should.
    name : str
        "subj01" to "subj08"; ValueError for another.
    config : DataConfig
        Of which the sessions, the version of the betas, the region and the folder of COCO's files count.
    is_thorough : bool
        Whether every beta, picture and record of COCO's is read, which takes minutes. Else a file of betas, pictures or COCO's
        counts as sound by its header, its last pictures, its two ends.
    progress : callable, optional
        Wraps an iterable as tqdm does; called with desc and total.
    """
    root, progress = Path(root).absolute(), progress if progress and is_thorough else lambda items, **_: items
    try:
        layout, problem = Layout(root, name, config.betas), ""
    except LayoutError as missing:
        layout, problem = _planned(root, name, config.betas), str(missing)
    look = _Look(layout, config, is_thorough, progress)
    with _said() as warnings:
        look.at_all()
    notes = [*look.notes, *(text for text in warnings if not re.match("no |.*region", text))]    # which states and counts say
    origin = "" if problem else look.attempt(layout.marker, getattr, layout, "origin") or ""
    released, n = RELEASED[name], look.counts.get("voxels")
    if origin == "nsd" and config.roi == "nsdgeneral" and n not in (None, released.n_voxels):
        notes.append(f"nsdgeneral has {n:,} voxels, and {released.n_voxels:,} in NSD's release for {name}; it may be another subject's")
    others = _others(root, name, config.betas)
    if others and not any(look.sessions.values()):
        notes.append(f"the folder has betas of {', '.join(others)}, and none of {name}")
    return Inspection(root, name, origin, look.files(), look.sessions, look.counts, tuple(dict.fromkeys(notes)), is_thorough, problem)


class _Look:
    """One look at one layout: the files that it should have, and the first sentence about each."""

    def __init__(self, layout: Layout, config: DataConfig, is_thorough: bool, progress: Callable):
        self.layout, self.config, self.is_thorough, self.progress = layout, config, is_thorough, progress
        self.known: dict[Path, Inspected] = {}
        self.wrong: dict[Path, str] = {}
        self.sessions: dict[int, bool] = {}
        self.counts: dict[str, int] = {}
        self.notes: list[str] = []
        self.folder = Path(os.path.expanduser(config.coco_folder)).absolute() if config.coco_folder else layout.coco

    def at_all(self) -> None:
        """Look at everything, in the loader's order."""
        table, info = self._trials()
        table = self._betas(table, self._regions())
        ids = None if table is None or not len(table) else np.unique(table.image_id)
        self._pictures(ids)
        self._coco(info, ids)
        if ids is not None:
            self.counts |= {"trials": len(table), "images": len(ids)}

    def files(self) -> tuple[Inspected, ...]:
        """Each file with what was found, and what else the loader would stop at."""
        others = [Inspected("design", path, path.name, "damaged", problem=self.wrong[path]) for path in self.wrong if path not in self.known]
        return (*map(self._judged, self.known.values()), *others)

    def register(self, part: str, path: Path, what: str, *, is_needed: bool = True, archive: str = "") -> Path:
        """A file that the loader reads, if it is there or if it is needed."""
        self.known.setdefault(path, Inspected(part, path, what, "missing" if is_needed else "left out", archive=archive))
        return path

    def attempt(self, path: Path, read: Callable, *arguments):
        """What a function of the loader's gives; None where it refuses, and then its sentence is kept for the file that it names."""
        try:
            return read(*arguments)
        except (LayoutError, ValueError) as problem:
            sentence = str(problem)
        except (OSError, MemoryError) as problem:
            sentence = f"{path} cannot be read ({one_line(problem)}), expected a file of NSD's; see whether its disk is well"
        places = {known: place for known in self.known if (place := sentence.find(str(known))) >= 0}
        self.wrong.setdefault(min(places, key=places.get, default=path), sentence)
        return None

    # ── one kind of file after another ─────────────────────────────────────────────────────────────────────────────
    def _trials(self) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
        """The table of trials and that of stimuli, each where it can be read."""
        at = self.layout
        self.register("design", at.expdesign, "which picture was shown on which trial")
        self.register("design", at.stim_info, "which picture is which of COCO's")
        self.register("responses", at.responses, "the order of trials as it was run", is_needed=False)
        info, table = self.attempt(at.stim_info, stim_info, at), self.attempt(at.expdesign, trial_table, at)
        if table is None and not {at.expdesign, at.stim_info} & set(self.wrong):
            without = copy.copy(at)         # the log alone is damaged, and what is left may be looked at all the same
            without.responses = at.responses / "none"
            table = self.attempt(at.expdesign, trial_table, without)
        if table is not None:
            self.attempt(at.expdesign, shared_ids, at)
        return table, info

    def _regions(self) -> Mask | None:
        """The mask of the voxels that are asked for; and all regions."""
        at, roi = self.layout, self.config.roi
        atlas = next((atlas for atlas, names in ATLASES.items() if roi.removeprefix("streams/") in names), roi)
        mask = self.attempt(at.roi / f"{atlas}.nii.gz", find_mask, at, roi)
        self.register("regions", mask.grid.path if mask else at.roi / f"{atlas}.nii.gz", f"which voxels are {roi}")
        for name in (*ATLASES, "lh.nsdgeneral", "rh.nsdgeneral"):
            self.register("regions", at.roi / f"{name}.nii.gz", "regions", is_needed=False)
        for name in ATLASES:
            self.register("regions", _names(at, name), "names of regions", is_needed=False)
        self.register("noise ceilings", at.ncsnr, "noise ceilings of voxels")
        rois = None if mask is None else self.attempt(at.roi, read_rois, at, mask)
        if rois is None:
            for name in (*ATLASES, "lh.nsdgeneral", "rh.nsdgeneral"):       # it may be more than the first that is damaged
                self.attempt(at.roi / f"{name}.nii.gz", _check_atlas, at, name, mask)
        else:
            self.counts |= {"voxels": int(mask.voxels.sum()), "regions": sum(bool(inside.any()) for inside in rois.values())}
            if empty := [region for region, inside in rois.items() if not inside.any()]:
                self.notes.append(f"{len(empty)} of {len(rois)} regions have no voxel here: {', '.join(empty)}")
        if mask is not None and self._is_there(at.ncsnr):
            self.attempt(at.ncsnr, read_ncsnr, at.ncsnr, mask)
        return mask

    def _betas(self, table: pd.DataFrame | None, mask: Mask | None) -> pd.DataFrame | None:
        """Look at the sessions; gives the trials of those that are there."""
        at, last = self.layout, self.config.max_sessions or RELEASED[self.layout.name].n_sessions
        sizes = {} if table is None else table.session.value_counts().to_dict()
        expected = set(range(1, RELEASED[at.name].n_sessions + 1))
        if table is not None and self.attempt(at.marker, getattr, at, "origin") != "nsd":
            expected = set(table.session[table.logged])
        there: dict[int, Path] = {}
        for session in sorted(s for s in expected | set(sizes) if s <= last):
            path = self.attempt(usual := at.betas / f"betas_session{session:02d}.hdf5", at.session, session)
            if path or session in expected:
                self.register("betas", path or usual, f"session {session}", is_needed=False)
                self.sessions[session] = path is not None
            there |= {session: path} if path else {}
        if not there:                       # one is needed, and the first is as good as any
            first = at.betas / f"betas_session{min(self.sessions, default=1):02d}.hdf5"
            self.known[first] = Inspected("betas", first, "at least one session", "missing")
        for session, path in there.items():
            fits = mask is not None and session in sizes
            self.attempt(path, *((check_sessions, {session: path}, mask, sizes) if fits else (_open_betas, path)))
        sound = [s for s, path in there.items() if path not in self.wrong and mask is not None and s in sizes] if self.is_thorough else []
        for session in self.progress(sound, desc="betas, session by session", total=len(sound)):
            self.attempt(there[session], read_betas, there[session], mask, sizes[session])
        return None if table is None else table[table.session.isin(list(there))]

    def _pictures(self, ids: np.ndarray | None) -> None:
        path = self.register("pictures", self.layout.stimuli, "the pictures")
        if not self._is_there(path):
            return
        if ids is None:
            self.attempt(path, _open_pictures, path)
            return
        starts = range(0, len(ids), _BATCH)
        for start in self.progress(starts, desc="pictures", total=len(starts)) if self.is_thorough else starts[-1:]:
            self.attempt(path, read_pictures, path, ids[start:start + _BATCH], _SMALL)
            if path in self.wrong:
                return

    def _coco(self, info: pd.DataFrame | None, ids: np.ndarray | None) -> None:
        """Captions and classes of the pictures with these ids, or of whichever, where they are not known."""
        known = info is not None and ids is not None
        info = info.loc[ids] if known else info     # the design's pictures are all in it, or there would be no ids
        parts = PARTS if info is None else info.cocoSplit.unique().tolist()
        files = {self.folder / f"captions_{part}.json": "captions" for part in parts}
        files |= dict.fromkeys(class_files(self.folder, parts), "classes")
        groups = self.attempt(self.layout.stim_info, list, coco_pictures(info, self.layout.stim_info)) or [] if known else []
        for path, part in files.items():
            self.register(part, path, part, archive=_ARCHIVES[path.name.partition("_")[0]])
            if self._is_there(path) and not (self.is_thorough and groups):
                self.attempt(path, check_ends, path)
        jobs = [(what, part, {part: group.ids[part]}) for part in parts for group in groups for what in ("captions", "classes")
                if part in group.ids] if self.is_thorough else []
        for what, part, ids in self.progress(jobs, desc="captions and classes", total=len(jobs)):
            paths = [path for path in files if files[path] == what and path.stem.endswith(part)]
            if all(map(self._is_there, paths)) and not set(paths) & set(self.wrong):
                found = self.attempt(paths[0], read_captions if what == "captions" else read_classes, self.folder, ids)
                if found is not None:
                    self.counts[what] = self.counts.get(what, 0) + len(found)
                    known = f"images with {what}"
                    self.counts[known] = self.counts.get(known, 0) + found.coco_id.nunique()

    # ── what was found ─────────────────────────────────────────────────────────────────────────────────────────────
    def _is_there(self, path: Path) -> bool:
        return bool(self.attempt(path, is_there, path))

    def _judged(self, file: Inspected) -> Inspected:
        try:
            n_bytes = file.path.stat().st_size if is_there(file.path) else None
        except (LayoutError, OSError) as problem:       # something else than a file, or behind a closed door
            return replace(file, state="damaged", problem=str(problem))
        sentence = self.wrong.get(file.path, "")
        if n_bytes is not None:
            return replace(file, state="damaged" if sentence else "sound", n_bytes=n_bytes, problem=sentence)
        if file.state == "missing" and not sentence:
            self.attempt(file.path, require, file.path, file.what, f"it comes in {file.archive}" if file.archive else "download it")
            sentence = self.wrong[file.path]
        return replace(file, state="missing" if sentence else file.state, problem=sentence)


def _planned(root: Path, name: str, betas: str) -> Layout:
    """Where the files of a subject would be in a folder that is none of NSD's yet."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "nsddata").mkdir()
        layout = Layout(Path(folder), name, betas)

    def moved(value):
        if isinstance(value, list):
            return [moved(one) for one in value]
        return root / value.relative_to(folder) if isinstance(value, Path) else value

    for attribute, value in vars(layout).items():
        setattr(layout, attribute, moved(value))
    return layout


def _names(layout: Layout, atlas: str) -> Path:
    """The table of an atlas's labels that is read: the subject's, or fsaverage's where that alone is there."""
    tables = [folder / f"{atlas}.mgz.ctab" for folder in layout.labels]
    return next((path for path in tables if os.path.lexists(path)), tables[0])


def _check_atlas(layout: Layout, name: str, mask: Mask | None) -> None:
    """Raise LayoutError where an atlas that is there is damaged or lies elsewhere than the mask; nothing where it is empty."""
    if name in ATLASES:
        read_labels(layout, name)
    if not is_there(layout.roi / f"{name}.nii.gz"):
        return
    try:
        found = find_mask(layout, name)
    except LayoutError as problem:
        if "marks no voxel" in str(problem):
            return
        raise
    if mask is not None:
        same_grid(found.grid, mask)


def _open_betas(path: Path) -> None:
    """Raise LayoutError unless the file opens; what it should hold is not known."""
    if path.name.endswith(".nii.gz"):
        read_header(path)
    else:
        with open_hdf5(path, "betas of a session") as file:
            dataset(file, "betas", path)


def _open_pictures(path: Path) -> None:
    """The same for the pictures."""
    with open_hdf5(path, "its dataset imgBrick") as file:
        dataset(file, "imgBrick", path)


def _others(root: Path, name: str, betas: str) -> list[str]:
    """Other subjects of whom there are betas."""
    try:
        return [other for other in sorted(RELEASED) if other != name and
                (root / "nsddata_betas" / "ppdata" / other / "func1pt8mm" / betas).is_dir()]
    except OSError:
        return []


@contextmanager
def _said() -> Iterator[list[str]]:
    """What the loader warns of meanwhile, line by line, instead of its log."""
    lines: list[str] = []
    logger, handler = logging.getLogger(__package__), logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    before, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
