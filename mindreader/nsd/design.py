"""Read the sequence of stimuli of an NSD experiment and verify it against every file that lists it."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import loadmat

from ..records import LayoutError

__all__ = ["one_line", "shared_ids", "stim_info", "trial_table"]

_LOG = logging.getLogger(__name__)


def trial_table(layout) -> pd.DataFrame:
    """Tabulate the picture of each trial of the whole experiment, verified against every file that lists it.

    Returns
    -------
    DataFrame with columns trial_id, image_id (both from 0), session (from 1), row (from 0, within session)

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
    if order.min() < 1 or order.max() > pictures.shape[1] or pictures.min() < 1:
        raise LayoutError(f"{layout.expdesign} counts from {min(order.min(), pictures.min())} up to {order.max()} of "
                          f"{pictures.shape[1]} images, expected ids from 1; get the file again")
    trial = np.arange(len(order))
    per_session = len(order) // sessions
    table = pd.DataFrame({"trial_id": trial, "image_id": pictures[layout.number - 1, order - 1] - 1,
                          "session": trial // per_session + 1, "row": trial % per_session})
    _check_responses(layout, table, order)
    _check_stim_info(layout, table)
    return table


def shared_ids(layout) -> np.ndarray:
    """0-based ids of the images shown to all subjects."""
    design = _design(layout)
    return _whole(design, "sharedix", layout).ravel() - 1 if "sharedix" in design else \
        _whole(design, "subjectim", layout)[layout.number - 1, :1000] - 1


def stim_info(layout) -> pd.DataFrame:
    """Read nsd_stim_info_merged.csv, indexed by nsdId."""
    if not layout.stim_info.is_file():
        raise LayoutError(f"no {layout.stim_info.name} in {layout.stim_info.parent}, expected the table that links NSD "
                          "to COCO; download it (the .pkl beside it is not read, as pickles run code)")
    info = pd.read_csv(layout.stim_info)
    lacking = {"nsdId", "cocoId", "cocoSplit", "cropBox", f"subject{layout.number}_rep0"} - set(info.columns)
    if lacking:
        raise LayoutError(f"{layout.stim_info} lacks the columns {sorted(lacking)}, expected NSD's 41; get it again")
    return info.set_index("nsdId")


def _design(layout) -> dict:
    """nsd_expdesign.mat as it is."""
    if not layout.expdesign.is_file():
        raise LayoutError(f"no {layout.expdesign.name} in {layout.expdesign.parent}, expected the experiment's design; "
                          "real NSD needs access (see README), or use subject='twin01'")
    try:
        return loadmat(layout.expdesign)
    except Exception as problem:  # scipy raises a dozen types on damaged files
        raise LayoutError(f"{layout.expdesign} cannot be read ({one_line(problem)}), expected a MATLAB 5 file; "
                          "download it again") from problem


def _whole(design: dict, key: str, layout) -> np.ndarray:
    """One matrix of the design as int64; MATLAB's types vary, and unsigned ones would wrap at 0 - 1."""
    if key not in design:
        others = ", ".join(sorted(k for k in design if k[0] != "_"))
        raise LayoutError(f"{layout.expdesign} has no {key!r}, expected it beside {others}; get the file again")
    return np.asarray(design[key]).astype(np.int64)


def _check_responses(layout, table: pd.DataFrame, order: np.ndarray) -> None:
    """Verify that the behavioural log has the picture ids of the design."""
    if not layout.responses.is_file():
        _LOG.warning("no %s; the order of trials is taken from the design alone", layout.responses)
        return
    try:
        log = pd.read_csv(layout.responses, sep="\t", usecols=["SESSION", "73KID", "10KID"])
    except (ValueError, pd.errors.ParserError) as problem:
        raise LayoutError(f"{layout.responses} cannot be read ({one_line(problem)}), expected NSD's 19 columns; get it "
                          "again") from problem
    within = log.groupby("SESSION").cumcount().to_numpy()
    per_session = int(table.row.max()) + 1
    trial = (log.SESSION.to_numpy(np.int64) - 1) * per_session + within
    _agree(layout.responses, within < per_session, trial, "has more rows than the design has trials in a session")
    _agree(layout.responses, trial < len(table), trial, "goes on after the design ends")
    shown = table.image_id.to_numpy()[trial] + 1
    _agree(layout.responses, log["73KID"].to_numpy() == shown, trial, "logs another 73KID than the design")
    _agree(layout.responses, log["10KID"].to_numpy() == order[trial], trial, "logs another 10KID than the design")


def _check_stim_info(layout, table: pd.DataFrame) -> None:
    """Verify that the trials of each image are among the three (1-based) of the stimulus table."""
    info = stim_info(layout)
    columns = [f"subject{layout.number}_rep{n}" for n in range(3)]
    known = info.index.get_indexer(table.image_id)
    _agree(layout.stim_info, known >= 0, table.trial_id, "has no row for the image shown")
    listed = info[columns].to_numpy()[known] == table.trial_id.to_numpy()[:, None] + 1
    _agree(layout.stim_info, listed.any(1), table.trial_id, "lists the image for other trials than the design")


def _agree(path: Path, agrees: np.ndarray, trial: np.ndarray, what: str) -> None:
    """Raise where a file contradicts the design."""
    wrong = ~np.asarray(agrees)
    if wrong.any():
        raise LayoutError(f"{path} {what} (first at trial {np.asarray(trial)[wrong][0]} counted from 0, {wrong.sum()} "
                          "in all), expected both to agree; ids may be off by one, so get both files from one release")


def one_line(problem: Exception) -> str:
    """The first line of a library's error message."""
    return str(problem).splitlines()[0][:120] if str(problem) else type(problem).__name__
