"""Write the files of an NSD folder: design, stimulus table, behavioural log, label volumes and tables, betas."""

from __future__ import annotations

from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pandas as pd
from scipy.io import savemat

from ..nsd import ATLASES, Layout
from .cortex import Cortex

__all__ = ["RESPONSE_COLUMNS", "coco_ids", "write_betas", "write_design", "write_regions", "write_responses",
           "write_volume"]

RESPONSE_COLUMNS = ("SUBJECT SESSION RUN TRIAL 73KID 10KID TIME ISOLD ISCORRECT RT CHANGEMIND MEMORYRECENT MEMORYFIRST "
                    "ISOLDCURRENT ISCORRECTCURRENT TOTAL1 TOTAL2 BUTTON MISSINGDATA").split()
_RUNS, _SLOTS = 12, 75   # runs of a session, four-second slots of a run
_VOXEL_MM = 1.8
_TEXT = 116              # bytes of descriptive text at the start of a MAT-file of version 5


def coco_ids(n_pictures: int) -> np.ndarray:
    """COCO id of each picture, ascending and with gaps as in NSD."""
    return 9 + 7 * np.arange(n_pictures, dtype=np.int64)


def write_design(layout: Layout, order: np.ndarray, pictures: np.ndarray, shared: np.ndarray, n_sessions: int) -> None:
    """Write nsd_expdesign.mat, nsd_stim_info_merged.csv and shared1000.tsv, with ids from 1.

    Parameters
    ----------
    order : (n_trials,) int
        Index of the subject's picture on each planned trial, from 0.
    pictures : (8, n_pictures) int
        Row of the stimulus file for each of the eight subjects' pictures, from 0; the shared ones stand first.
    shared : (n_shared,) int
        Rows of the shared pictures, ascending.
    n_sessions : int
        Planned.
    """
    layout.expdesign.parent.mkdir(parents=True, exist_ok=True)
    per_session = len(order) // n_sessions
    slots = np.zeros((n_sessions, _RUNS, _SLOTS))
    for run, n in enumerate(_per_run(per_session)):
        slots[:, run, :n] = 1
    counts = [np.unique(part, return_counts=True)[1] for part in order.reshape(n_sessions, -1)]
    basic = np.array([[np.sum(c == times) for c in counts] for times in (1, 2, 3)])
    savemat(layout.expdesign, {
        "masterordering": order[None] + 1.0, "subjectim": pictures + 1.0, "sharedix": shared[None] + 1.0,
        "stimpattern": slots, "basiccnt": basic.astype(float)}, format="5")
    with open(layout.expdesign, "r+b") as file:  # scipy begins with the time of writing; the same design, the same bytes
        file.write(b"MATLAB 5.0 MAT-file, a simulated subject".ljust(_TEXT))
    _stim_info(order, pictures, shared).to_csv(layout.stim_info)
    tsv = layout.root / "nsddata" / "stimuli" / "nsd" / "shared1000.tsv"
    tsv.parent.mkdir(parents=True, exist_ok=True)
    tsv.write_text("".join(f"{i + 1}\n" for i in shared))


def write_responses(layout: Layout, order: np.ndarray, pictures: np.ndarray, per_session: int, seed: int) -> None:
    """Write responses.tsv: the picture of each trial, and simulated responses of the recognition task."""
    rng = np.random.default_rng([seed, 17])
    n = len(order)
    trial = np.arange(n)
    session, row = trial // per_session, trial % per_session
    runs = _per_run(per_session)
    starts = np.cumsum([0, *runs[:-1]])
    run = np.searchsorted(starts, row, side="right") - 1
    table = pd.DataFrame({"k": order, "t": trial, "s": session})
    last = table.groupby("k").t.shift()
    first = table.groupby("k").t.transform("first")
    last_here = table.groupby(["k", "s"]).t.shift()
    old, old_here = last.notna().to_numpy(float), last_here.notna().to_numpy(float)
    right = (rng.random(n) < 0.85).astype(float)
    button = np.where((old > 0) == (right > 0), 2.0, 1.0)
    silent = rng.random(n) < 0.003
    log = pd.DataFrame({
        "SUBJECT": layout.number, "SESSION": session + 1, "RUN": run + 1, "TRIAL": row - starts[run] + 1,
        "73KID": pictures[order] + 1, "10KID": order + 1,
        "TIME": session * 7 + 0.4 + (run * 300 + (row - starts[run]) * 4) / 86400, "ISOLD": old, "ISCORRECT": right,
        "RT": rng.normal(950, 220, n).clip(250, 3800), "CHANGEMIND": (rng.random(n) < 0.02).astype(float),
        "MEMORYRECENT": trial - last - 1, "MEMORYFIRST": np.where(old > 0, trial - first - 1, np.nan),
        "ISOLDCURRENT": old_here, "ISCORRECTCURRENT": (button == np.where(old_here > 0, 2, 1)).astype(float),
        "TOTAL1": (button == 1).astype(float), "TOTAL2": (button == 2).astype(float), "BUTTON": button,
        "MISSINGDATA": 0})
    log.loc[silent, ["ISCORRECT", "RT", "CHANGEMIND", "ISCORRECTCURRENT", "BUTTON"]] = np.nan
    log.loc[silent, ["TOTAL1", "TOTAL2"]] = 0
    layout.responses.parent.mkdir(parents=True, exist_ok=True)
    log[RESPONSE_COLUMNS].to_csv(layout.responses, sep="\t", index=False, na_rep="NaN", float_format="%.6f")


def write_regions(layout: Layout, cortex: Cortex) -> None:
    """Write label volumes (both hemispheres and each), the brain mask, and label tables with trailing blanks."""
    write_volume(layout.func / "brainmask.nii.gz", cortex.brain.astype(np.float64))
    for atlas in ("nsdgeneral", *ATLASES):
        for side in ("", "lh", "rh"):
            write_volume(layout.roi / f"{side + '.' if side else ''}{atlas}.nii.gz", cortex.volume(atlas, side))
        shared = atlas in ("nsdgeneral", "streams")     # as in NSD, the others exist for the subject only
        folder = layout.labels[1] if shared else layout.labels[0]
        folder.mkdir(parents=True, exist_ok=True)
        names = ("Unknown", *ATLASES.get(atlas, (atlas,)))
        (folder / f"{atlas}.mgz.ctab").write_text("".join(f"{i} {name}\t \n" for i, name in enumerate(names)))


def write_volume(path: Path, volume: np.ndarray) -> None:
    """Write a NIfTI volume with NSD's header: 1.8 mm voxels centred on the middle of the volume."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([_VOXEL_MM] * 3 + [1.0])
    affine[:3, 3] = [-(n - 1) / 2 * _VOXEL_MM for n in volume.shape[:3]]
    image = nib.Nifti1Image(volume, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 0)
    nib.save(image, path)


def write_betas(path: Path, stored: np.ndarray, coords: np.ndarray, shape: tuple[int, int, int]) -> None:
    """Write one session's betas as NSD stores them: dataset `betas` (T, Z, Y, X) int16, one chunk per voxel.

    Parameters
    ----------
    stored : (n_trials, n_voxels) int16
    coords : (n_voxels, 3)
        (x, y, z); all other voxels are 0, and their chunks take no space.
    shape : (X, Y, Z)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = np.ascontiguousarray(stored.T)
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset("betas", (len(stored), *shape[::-1]), "<i2", chunks=(len(stored), 1, 1, 1))
        for column, (x, y, z) in zip(columns, coords):
            data.id.write_direct_chunk((0, int(z), int(y), int(x)), column.tobytes())


def _per_run(per_session: int) -> list[int]:
    """Trials in each of the 12 runs; 63 and 62 in turn for a session of 750."""
    edges = np.ceil(np.linspace(0, per_session, _RUNS + 1)).astype(int)
    return np.diff(edges).tolist()


def _stim_info(order: np.ndarray, pictures: np.ndarray, shared: np.ndarray) -> pd.DataFrame:
    """nsd_stim_info_merged.csv: one row per picture, and its planned trials (from 1) for each of eight subjects."""
    n = pictures.shape[1]
    table = pd.DataFrame({"cocoId": coco_ids(n), "cocoSplit": "train2017", "cropBox": "(0, 0, 0, 0)", "loss": 0.0,
                          "nsdId": np.arange(n), "flagged": False, "BOLD5000": False,
                          "shared1000": np.isin(np.arange(n), shared)})
    trials = np.argsort(order, kind="stable").reshape(n, 3) + 1       # of each picture number, ascending
    where = np.argsort(pictures, axis=1)                              # picture number of each row of the stimulus file
    for subject in range(8):
        table[f"subject{subject + 1}"] = 1
    for subject in range(8):
        for repeat in range(3):
            table[f"subject{subject + 1}_rep{repeat}"] = trials[where[subject], repeat]
    table.index.name = None
    return table
