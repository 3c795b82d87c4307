"""Read the sequence of stimuli of an NSD experiment and verify it against every file that lists it."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import loadmat

from ..records import LayoutError
from .reading import is_there, reading, refusal, require

__all__ = ["shared_ids", "stim_info", "trial_table"]

PARTS = ("train2017", "val2017")     # of COCO, where NSD's pictures are from
_LARGEST = 2**53                     # up to here floats hold every whole number

_LOG = logging.getLogger(__name__)


def trial_table(layout) -> pd.DataFrame:
    """Tabulate the picture of each trial of the whole experiment, verified against every file that lists it.

    Returns
    -------
    DataFrame with columns trial_id, image_id (both from 0), session (from 1), row (from 0, within session), logged (whether
    the responses have its session; True for all without them)

    Raises
    ------
    LayoutError
        The design is missing or damaged, or the responses or the stimulus table contradict it.

    Source: NSD Data Manual, nsd_expdesign.mat; `nsdId = subjectim[subject, masterordering[trial] - 1] - 1`.
    """
    design = _design(layout)
    order, pictures = _whole(design, "masterordering", layout).ravel(), _whole(design, "subjectim", layout)
    sessions = len(design["stimpattern"]) if np.ndim(design.get("stimpattern")) == 3 else len(order) // 750
    if not sessions or len(order) % sessions:
        raise LayoutError(f"{layout.expdesign} plans {len(order)} trials in {sessions} sessions, expected as many in "
                          "each; get the file again")
    if not pictures.size or len(pictures) < layout.number:
        raise LayoutError(f"{layout.expdesign} lists pictures of {len(pictures)} subjects, expected 8 rows in 'subjectim'; get "
                          "the file again")
    if order.min() < 1 or order.max() > pictures.shape[1] or pictures.min() < 1:
        raise LayoutError(f"{layout.expdesign} counts from {min(order.min(), pictures.min())} up to {order.max()} of "
                          f"{pictures.shape[1]} images, expected ids from 1; get the file again")
    trial = np.arange(len(order))
    per_session = len(order) // sessions
    table = pd.DataFrame({"trial_id": trial, "image_id": pictures[layout.number - 1, order - 1] - 1,
                          "session": trial // per_session + 1, "row": trial % per_session})
    table["logged"] = table.session.isin(_check_responses(layout, table, order))
    _check_stim_info(layout, table)
    return table


def shared_ids(layout) -> np.ndarray:
    """0-based ids of the images shown to all subjects.

    Raises LayoutError where the table of stimuli marks others.
    """
    design = _design(layout)
    shared = _whole(design, "sharedix", layout).ravel() - 1 if "sharedix" in design else \
        _whole(design, "subjectim", layout)[layout.number - 1, :1000] - 1
    info = stim_info(layout)
    if "shared1000" in info:
        marked = info.index[info.shared1000.astype(str).str.strip().isin(["True", "TRUE", "true", "1", "1.0"])]
        other = np.setxor1d(marked, shared)
        if len(np.unique(shared)) < len(shared) or len(other):
            raise LayoutError(f"{layout.expdesign} has {len(shared)} shared pictures and {layout.stim_info} {len(marked)}, of which "
                              f"{len(other)} are not the same (such as {other[:1].tolist()}, counted from 0), expected the same; "
                              "ids may be off by one, so get both files from one release")
    return shared


def stim_info(layout) -> pd.DataFrame:
    """Read nsd_stim_info_merged.csv, indexed by nsdId; ids are whole numbers, and parts of COCO are those of 2017."""
    path = layout.stim_info
    require(path, "the table that links NSD to COCO", "download it (the .pkl beside it is not read, as pickles run code)")
    ids = ["nsdId", "cocoId", *(f"subject{layout.number}_rep{n}" for n in range(3))]
    info = _table(path, "NSD's table of 41 columns", ids)
    lacking = {*ids, "cocoSplit", "cropBox"} - set(info.columns)
    if lacking:
        raise refusal(path, f"{path} lacks the columns {sorted(lacking)}", "NSD's 41", "get it again")
    for column in ids:
        info[column] = _whole_column(path, info, column, least=1 if column == "cocoId" else 0)
    if not info.nsdId.is_unique:
        raise LayoutError(f"{path} has the nsdId {info.nsdId[info.nsdId.duplicated()].iloc[0]} twice, expected one row for each "
                          "picture; get it again")
    other = info.cocoSplit[~info.cocoSplit.isin(PARTS)]
    if len(other):
        raise LayoutError(f"{path} has {str(other.iloc[0])[:40]!r} as cocoSplit of picture {info.nsdId[other.index[0]]}, expected "
                          f"{' or '.join(PARTS)}; get it again")
    return info.set_index("nsdId")


def _design(layout) -> dict:
    """nsd_expdesign.mat as it is."""
    require(layout.expdesign, "the experiment's design",
            "real NSD needs access (see README), or use subject='twin01'")
    with reading(layout.expdesign, "the experiment's design in MATLAB 5's format", "mat"):
        return loadmat(layout.expdesign)


def _whole(design: dict, key: str, layout) -> np.ndarray:
    """One matrix of ids of the design as int64; MATLAB's types vary, and unsigned ones would wrap at 0 - 1."""
    if key not in design:
        others = ", ".join(sorted(k for k in design if k[0] != "_"))
        raise LayoutError(f"{layout.expdesign} has no {key!r}, expected it beside {others[:200]}; get the file again")
    found = design[key]
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iuf" or found.ndim != 2 or not found.size:
        what = f"{found.dtype} of shape {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
        raise LayoutError(f"{layout.expdesign} has {what[:80]} in {key!r}, expected a matrix of numbers; get the file again")
    wrong = _not_whole(found)
    if wrong.any():
        raise LayoutError(f"{layout.expdesign} has {found[wrong][0]:g} in {key!r}, expected whole numbers, as they are ids; get the "
                          "file again")
    return found.astype(np.int64)


def _whole_column(path: Path, table: pd.DataFrame, column: str, least: int | None = None) -> np.ndarray:
    """A column of ids as int64; LayoutError where one is no whole number, or less than the least."""
    written = table[column].str.strip()
    numbers = pd.to_numeric(written.where(written.str.fullmatch(r"[+-]?\d+(\.0*)?")), errors="coerce").to_numpy(float)
    wrong = _not_whole(numbers) | (False if least is None else numbers < least)
    if wrong.any():
        row = int(wrong.argmax())
        raise LayoutError(f"{path} has {str(table[column].iloc[row])[:40]!r} as {column} in row {row + 1} ({wrong.sum()} such rows "
                          f"in all), expected whole numbers{'' if least is None else f' from {least}'}; get it again")
    return numbers.astype(np.int64)


def _table(path: Path, expected: str, ids: list[str]) -> pd.DataFrame:
    """A table of text, whichever of NSD's separators and a spreadsheet's is between its columns; ids are as they are written.

    What a spreadsheet has shortened, such as 5.3E+05, has lost the id, and must not become another one.
    """
    with reading(path, expected):
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            head = file.readline()
        form = {"sep": max(",\t;", key=head.count), "skipinitialspace": True}
        plain = {name: name.strip() for name in pd.read_csv(path, nrows=0, **form).columns}
        table = pd.read_csv(path, low_memory=False, dtype={name: str for name in plain if plain[name] in ids}, **form)
    if len(set(plain.values())) < len(plain):
        raise LayoutError(f"{path} has two columns of one name, expected {expected}; get it again")
    return table.rename(columns=plain).dropna(how="all")


def _not_whole(values: np.ndarray) -> np.ndarray:
    """Where these are no whole numbers that an int64 and a float hold alike."""
    with np.errstate(invalid="ignore"):
        return ~((np.abs(values.astype(float)) < _LARGEST) & (values == np.rint(values)))


def _check_responses(layout, table: pd.DataFrame, order: np.ndarray) -> np.ndarray:
    """Verify that the behavioural log has the picture ids of the design; returns the sessions that it has."""
    path = layout.responses
    if not is_there(path):
        _LOG.warning("no %s; the order of trials is taken from the design alone", path)
        return table.session.unique()
    log = _table(path, "NSD's 19 columns", ["SESSION", "73KID", "10KID"])
    lacking = {"SESSION", "73KID", "10KID"} - set(log.columns)
    if lacking or not len(log):
        raise refusal(path, f"{path} has {len(log)} rows and lacks the columns {sorted(lacking)}",
                      "a row for each trial and NSD's 19 columns", "get it again")
    session, shown, in_order = (_whole_column(path, log, column, least) for column, least in
                                (("SESSION", 1), ("73KID", None), ("10KID", None)))
    within = pd.Series(session).groupby(session).cumcount().to_numpy()
    per_session = int(table.row.max()) + 1
    _agree(path, session <= len(table), session, "has a session that the design does not have", "session")
    trial = (session - 1) * per_session + within
    _agree(path, within < per_session, trial, "has more rows than the design has trials in a session")
    _agree(path, trial < len(table), trial, "goes on after the design ends")
    _agree(path, shown == table.image_id.to_numpy()[trial] + 1, trial, "logs another 73KID than the design")
    _agree(path, in_order == order[trial], trial, "logs another 10KID than the design")
    return np.unique(session)


def _check_stim_info(layout, table: pd.DataFrame) -> None:
    """Verify that the trials of each image are among the three (1-based) of the stimulus table."""
    info = stim_info(layout)
    columns = [f"subject{layout.number}_rep{n}" for n in range(3)]
    known = info.index.get_indexer(table.image_id)
    _agree(layout.stim_info, known >= 0, table.trial_id, "has no row for the image shown")
    listed = info[columns].to_numpy()[known] == table.trial_id.to_numpy()[:, None] + 1
    _agree(layout.stim_info, listed.any(1), table.trial_id, "lists the image for other trials than the design")


def _agree(path: Path, agrees: np.ndarray, at: np.ndarray, what: str, unit: str = "trial") -> None:
    """Raise where a file contradicts the design."""
    wrong = ~np.asarray(agrees)
    if wrong.any():
        place = f"{unit} {np.asarray(at)[wrong][0]}{' counted from 0' if unit == 'trial' else ''}"
        raise LayoutError(f"{path} {what} (first at {place}, {wrong.sum()} "
                          "in all), expected both to agree; ids may be off by one, or one file cut short, so get both from one release")
