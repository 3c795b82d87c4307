"""Describe the subject: stimuli, cortex, reliability over repeats, drift over sessions (chapter 00)."""

from __future__ import annotations

from functools import wraps

import numpy as np
import pandas as pd

from ... import nsd, twin
from ...nsd import ATLASES, Outline, coco_pictures, read_mask, read_outlines, stim_info
from ...pipeline import Pipeline
from ...records import Trials
from ..plots.flatmap import flatten
from ..rendering import LeftOut

# families of regions, one colour each -> the regions of a family
FAMILIES = {"V1": ("V1",), "V2": ("V2",), "V3": ("V3",), "hV4": ("hV4",), "faces": ("floc-faces",),
            "bodies": ("floc-bodies",), "places": ("floc-places",), "words": ("floc-words",)}
NO_PLANT = LeftOut("Left out: real data has no planted truth to compare with.")
GRADES = ("specific", "partial", "vague", "off", "")


def of_the_plant(make):
    """Compute the table of `make` once for each run; an empty one for real data, which has no planted ground truth."""
    @wraps(make)
    def table(run: Pipeline, *args, **kwargs) -> pd.DataFrame:
        if run.origin != "twin":
            return pd.DataFrame()
        if run.experiment.data.roi != "nsdgeneral":
            raise ValueError(f"got data.roi {run.experiment.data.roi!r}, expected 'nsdgeneral', whose voxels were "
                             "planted; leave data.roi as it is in this chapter")
        key = (make.__name__, args, tuple(kwargs.items()))
        if key not in run.memo:
            run.memo[key] = make(run, *args, **kwargs)
        return run.memo[key]
    return table


def annotated_scenes(run: Pipeline, n: int = 4) -> tuple[np.ndarray, list[list[Outline]], pd.DataFrame]:
    """Take the first n pictures (n, H, W, 3), their outlines from COCO's files, and their captions.

    The captions are a table image, caption, grade; best grade first, no grade where none was planted.
    """
    ids = run.subject.stimuli.ids[:n]
    table = run.subject.stimuli.captions.merge(_grades(run), on=["image_id", "caption_id"], how="left")
    table = table.fillna({"grade": ""})
    table = table[table.image_id.isin(ids)].assign(image=lambda t: pd.Index(ids).get_indexer(t.image_id))
    table = table.sort_values(["image", "grade"], key=lambda c: c.map(GRADES.index) if c.name == "grade" else c,
                              kind="stable")
    marked = outlines_of(run, ids)
    return run.subject.stimuli.images[:n], [marked[i] for i in ids], table[["image", "caption", "grade"]]


def outlines_of(run: Pipeline, ids: np.ndarray) -> dict[int, list[Outline]]:
    """Read the outlines in these pictures, at the pictures' own size and crop, by image id."""
    layout, size, marked = run.layout, run.subject.stimuli.images.shape[1], {}
    for pictures in coco_pictures(stim_info(layout).loc[ids], layout.stim_info):
        found = read_outlines(run.experiment.data.coco_folder or layout.coco, pictures.ids, size=size, crops=pictures.crops)
        marked |= {int(image): found[coco] for coco, image in pictures.image_id.items()}
    return {int(image): marked[image] for image in ids}


def brain_map(run: Pipeline) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Place each voxel on the flat map, with its family of regions and its ncsnr; and the single regions, by name.

    Table voxel, x, y (flat), family ("" for none), ncsnr; regions are (n_voxels,) bool.
    """
    subject = run.subject
    family = np.full(subject.n_voxels, "", dtype=object)
    for name, regions in FAMILIES.items():
        family[np.any([subject.rois[r] for r in regions], axis=0)] = name
    flat = flatten(subject.coords, read_mask(run.layout, run.experiment.data.roi).shape)
    names = ["V1", "V2", "V3", "hV4", *(n for a, labels in ATLASES.items() if a.startswith("floc") for n in labels)]
    table = pd.DataFrame({"voxel": np.arange(subject.n_voxels), "x": flat[:, 0], "y": flat[:, 1], "family": family,
                          "ncsnr": subject.ncsnr})
    return table, {n: subject.rois[n] for n in names if subject.rois[n].any()}


def valid_voxels(run: Pipeline) -> Trials:
    """All trials, restricted to the voxels that varied in every session."""
    return run.subject.trials.replace(run.subject.trials.betas[:, run.subject.rois["valid"]])


def repeat_matrix(run: Pipeline, n: int = 8) -> pd.DataFrame:
    """Correlate response patterns between all trials of the first n pictures with three repeats.

    A square table; rows and columns are named "picture · trial", both from 1.
    """
    trials = valid_voxels(run)
    ids, counts = np.unique(trials.image_ids, return_counts=True)
    rows = np.concatenate([np.flatnonzero(trials.image_ids == i) for i in ids[counts >= 3][:n]])
    names = [f"{place // 3 + 1} · {place % 3 + 1}" for place in range(len(rows))]
    return pd.DataFrame(np.corrcoef(trials.betas[rows]), index=names, columns=names)


def repeat_reliability(run: Pipeline) -> pd.DataFrame:
    """Correlate each picture's trials among themselves, and with other pictures'; see `twin.pattern_reliability`."""
    if "reliability" not in run.memo:
        seed = run.experiment.child_seed("strangers")
        run.memo["reliability"] = twin.pattern_reliability(valid_voxels(run), seed=seed)
    return run.memo["reliability"]


def session_drift(run: Pipeline, n_voxels: int = 60) -> pd.DataFrame:
    """Session means of some voxels, minus the voxel's mean over sessions, before and after z-scoring within session.

    Table voxel, session, before (percent signal change), after (z), planted (percent signal change, NaN where nothing
    was planted).
    """
    moments = session_moments(run)
    chosen = np.unique(np.linspace(0, moments["before"].shape[1] - 1, n_voxels).astype(int))
    voxels = np.flatnonzero(run.subject.rois["valid"])[chosen]
    parts = [pd.DataFrame({"voxel": voxels, "session": number} | {k: moments[k][s, chosen] for k in
                                                                  ("before", "after", "planted")})
             for s, number in enumerate(moments["sessions"])]
    return pd.concat(parts, ignore_index=True).sort_values(["voxel", "session"], ignore_index=True)


def session_moments(run: Pipeline) -> dict[str, np.ndarray]:
    """Mean of every valid voxel in each session, before and after z-scoring, and the planted offset.

    before, after, planted  (n_sessions, n_voxels), minus their mean over sessions; planted is NaN for real data
    share_before, share_after  (n_voxels,)  share of the variance between sessions
    sessions  (n_sessions,)
    """
    if "sessions" in run.memo:
        return run.memo["sessions"]
    trials, valid = run.subject.trials, run.subject.rois["valid"]
    sessions = np.unique(trials.sessions)
    layout = run.layout
    mask = read_mask(layout, run.experiment.data.roi)
    raw = (nsd.read_betas(layout.session(s), mask, int((trials.sessions == s).sum()))[:, valid] for s in sessions)
    found = {"sessions": sessions}
    for name, blocks in (("before", raw), ("after", (trials.betas[trials.sessions == s][:, valid] for s in sessions))):
        means, sds = twin.session_moments(blocks)
        found[name] = means - means.mean(0)
        found[f"share_{name}"] = means.var(0) / (means.var(0) + (sds**2).mean(0))
    offset = run.plant.offset[sessions - 1][:, valid] if run.origin == "twin" else np.full_like(found["before"], np.nan)
    run.memo["sessions"] = found | {"planted": offset - offset.mean(0)}
    return run.memo["sessions"]


def _grades(run: Pipeline) -> pd.DataFrame:
    """Table image_id, caption_id, grade; empty for real data."""
    if run.origin == "twin":
        return run.plant.captions
    types = {"image_id": np.int64, "caption_id": np.int64, "grade": object}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})
