"""Load one subject of the Natural Scenes Dataset, or a simulated one: z-scored betas, pictures, captions, regions, split."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, ward

from ..core import RowCache
from ..records import LayoutError, Origin, Split, Stimuli, Subject, Trials
from .annotations import CocoPictures, class_files, coco_pictures, read_captions, read_classes
from .betas import check_sessions, read_betas, standardise
from .design import shared_ids, stim_info, trial_table
from .pictures import read_pictures
from .reading import is_there, nearby, require
from .regions import find_mask, read_ncsnr, read_rois, voxel_coords

__all__ = ["DataConfig", "Layout", "MARKER", "REHEARSAL", "cluster_by_category", "load_subject", "read_betas", "read_pictures",
           "split_images", "standardise"]

MARKER = "SIMULATED.json"   # at the root of a simulated tree only
REHEARSAL = "REHEARSAL.json"    # at the root of a tree that is treated as NSD's, but of which nothing may be taken for a result
SPLITS = ("first_appearance", "random", "shared1000", "clusters")
ZSCORES = ("session", "session-train", "none")
ANNOTATIONS = ("image", "crop")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class DataConfig:
    """Selection and preprocessing of one subject's data.

    max_sessions         sessions 1 to this one only (the paper: 37); None takes all that are on disk
    betas                which of NSD's three beta versions (the paper: b3)
    roi                  region whose voxels are loaded: nsdgeneral, another atlas, or one of its labels
    split                "first_appearance" (the paper), "random" by image, "shared1000" (validate on NSD's shared
                         images), or "clusters" (validate on whole clusters of categories, see `cluster_by_category`)
    validation_fraction  of the images; "shared1000" has its own, "clusters" comes as near as its clusters allow
    split_seed           for "random" and "clusters" only
    n_clusters           for "clusters" only
    image_size           side in pixels of the pictures
    zscore               per voxel within session: "session" over all its trials (the paper), "session-train" over its
                         training trials, "none" keeps percent signal change
    annotations          "image": classes of the whole COCO picture (the paper); "crop": of what NSD shows of it
    coco_folder          where the COCO JSON files are; "" for nsddata_stimuli/stimuli/nsd/annotations
    """

    max_sessions: int | None = None
    betas: str = "betas_fithrf_GLMdenoise_RR"
    roi: str = "nsdgeneral"
    split: str = "first_appearance"
    validation_fraction: float = 0.15
    split_seed: int = 0
    n_clusters: int = 40
    image_size: int = 64
    zscore: str = "session"
    annotations: str = "image"
    coco_folder: str = ""


class Layout:
    """Paths of one subject's files ("subj01" to "subj08") in an NSD folder.

    Raises LayoutError where the folder does not exist, ValueError for another name.
    """

    def __init__(self, root: Path, name: str, betas: str = DataConfig.betas):
        if not re.fullmatch(r"subj0[1-8]", name):
            raise ValueError(f"got subject {name!r}, expected subj01 to subj08; name one of NSD's eight subjects")
        self.root, self.name, self.number = Path(root), name, int(name[-2:])
        try:
            found = (self.root / "nsddata").is_dir()
        except PermissionError as problem:
            raise LayoutError(f"you may not look into {self.root}, expected a folder that holds nsddata/; ask its owner for "
                              "permission") from problem
        if not found:
            raise LayoutError(f"no NSD at {self.root}{_elsewhere(self.root)}; set MINDREADER_NSD or pass the folder that holds "
                              "nsddata/; access is given by the Natural Scenes Dataset's authors (see README), and "
                              "subject='twin01' needs none")
        data, stimuli = self.root / "nsddata", self.root / "nsddata_stimuli" / "stimuli" / "nsd"
        self.expdesign = data / "experiments" / "nsd" / "nsd_expdesign.mat"
        self.stim_info = data / "experiments" / "nsd" / "nsd_stim_info_merged.csv"
        self.responses = data / "ppdata" / name / "behav" / "responses.tsv"
        self.func = data / "ppdata" / name / "func1pt8mm"
        self.roi = self.func / "roi"
        self.labels = [data / "freesurfer" / who / "label" for who in (name, "fsaverage")]
        self.stimuli, self.coco = stimuli / "nsd_stimuli.hdf5", stimuli / "annotations"
        self.betas = self.root / "nsddata_betas" / "ppdata" / name / "func1pt8mm" / betas
        self.ncsnr, self.marker = self.betas / "ncsnr.nii.gz", self.root / MARKER

    @property
    def origin(self) -> Origin:
        """Whose responses these are, as figures and tables say it: by a marker at the root, else NSD's."""
        return "twin" if is_there(self.marker) else "rehearsal" if is_there(self.root / REHEARSAL) else "nsd"

    def session(self, number: int) -> Path | None:
        """The file with one session's betas (hdf5, else nii.gz, else mat), or None where it is not on disk."""
        paths = (self.betas / f"betas_session{number:02d}.{end}" for end in ("hdf5", "nii.gz", "mat"))
        return next((p for p in paths if is_there(p)), None)


def load_subject(root: Path, name: str, config: DataConfig = DataConfig(), *, cache: Path | None = None,
                 progress=None) -> Subject:
    """Load one subject's stimuli, single-trial betas, regions and split.

    Betas are percent signal change (int16 / 300), z-scored per voxel within session; voxels are those of `config.roi`
    in C order over (z, y, x). Nothing is written below `root`.

    Parameters
    ----------
    root : Path
        The folder that holds nsddata/, nsddata_betas/ and nsddata_stimuli/.
    name : str
        "subj01" to "subj08".
    config : DataConfig
    cache : Path, optional
        Folder for the gathered betas, resized pictures, captions and classes, reused while their source files keep size
        and time; betas and pictures are then memory-mapped.
    progress : callable, optional
        Wraps an iterable as tqdm does; called with desc and total.

    Returns
    -------
    Subject

    Raises
    ------
    LayoutError
        A file is missing, damaged, or at odds with another.
    ValueError
        A name in `config` does not exist, or NSD has no such subject.
    """
    _check(config)
    layout, progress = Layout(root, name, config.betas), progress or _silent
    mask, table, shared = find_mask(layout, config.roi), trial_table(layout), shared_ids(layout)
    table = table[table.session <= (config.max_sessions or table.session.max())]
    files = {int(s): layout.session(s) for s in table.session.unique()}
    lacking = [s for s in table.session[table.logged].unique() if files[s] is None]
    files = {s: path for s, path in files.items() if path is not None}
    table = table[table.session.isin(list(files))].reset_index(drop=True)
    if not len(table):
        raise LayoutError(f"no betas_session01.hdf5, .nii.gz or .mat, nor of a later session, in {layout.betas}"
                          f"{nearby(layout.betas / 'betas_session01.hdf5')}, expected at least one session; download some, or "
                          "name another version in data.betas")
    if lacking:
        _LOG.warning("no %s in %s: %d of the sessions that %s took part in are left out", ", ".join(
            f"betas_session{s:02d}" for s in lacking), layout.betas, len(lacking), layout.name)
    check_sessions(files, mask, table.session.value_counts().to_dict())
    rois, ncsnr = read_rois(layout, mask), read_ncsnr(layout.ncsnr, mask)
    cached = RowCache(cache)
    stimuli = _stimuli(layout, config, np.unique(table.image_id), cached, progress)
    clusters = cluster_by_category(stimuli, config.n_clusters) if config.split == "clusters" else None
    split = split_images(table.image_id.to_numpy(), config.split, fraction=config.validation_fraction, shared=shared,
                         clusters=clusters, seed=config.split_seed)
    betas, valid = _betas(layout, config, mask, table, files, split, cached, progress)
    return Subject(
        name, stimuli,
        Trials(betas, *(table[c].to_numpy(np.int64) for c in ("image_id", "trial_id", "session"))),
        rois | {"valid": valid}, voxel_coords(mask.voxels), ncsnr, split, layout.origin)


def split_images(shown: np.ndarray, preset: str, *, fraction: float = 0.15, shared: np.ndarray = (),
                 clusters: pd.Series | None = None, seed: int = 0) -> Split:
    """Split images into training and validation images.

    "first_appearance" trains on the first int((1 - fraction) * n) images in the order in which they were first shown,
    "random" on as many at random, "shared1000" on all but the `shared` ones, "clusters" on all but some whole clusters,
    sampled until the share of validation images is as near to the fraction as possible.

    Parameters
    ----------
    shown : (n_trials,) int
        Image id on each trial, in the order of the trials.
    preset : str
    fraction : float
        Share of validation images, between 0 and 1.
    shared : array of int
        Ids of the images that all subjects saw.
    clusters : Series, index image id
        Cluster of each image.
    seed : int
        For "random" and "clusters".

    Raises ValueError for an unknown preset or a fraction outside (0, 1).

    Source: the paper's released code, nsd_utils.py: 8,364 of 9,841 images train.

    >>> split_images(np.array([7, 3, 7, 5]), "first_appearance", fraction=0.3)
    Split(train=array([7, 3]), validation=array([5]))
    """
    if preset not in SPLITS:
        raise ValueError(f"got split {preset!r}, expected one of {', '.join(SPLITS)}; set data.split to one of these")
    if not 0 < fraction < 1:
        raise ValueError(f"got validation_fraction {fraction}, expected a number between 0 and 1; the paper has 0.15")
    ids, first = np.unique(shown, return_index=True)
    ids = ids[np.argsort(first)]
    if preset == "shared1000":
        return Split(ids[~np.isin(ids, shared)], ids[np.isin(ids, shared)])
    if preset == "random":
        ids = np.random.default_rng(seed).permutation(ids)
    if preset == "clusters":
        sizes = clusters.loc[ids].value_counts().sort_index()
        order = np.random.default_rng(seed).permutation(sizes.index)
        taken = np.abs(sizes.loc[order].cumsum() - fraction * len(ids))[:-1].to_numpy().argmin() + 1
        out = clusters.loc[ids].isin(order[:taken]).to_numpy()
        return Split(ids[~out], ids[out])
    n_train = int((1 - fraction) * len(ids))
    return Split(ids[:n_train], ids[n_train:])


def cluster_by_category(stimuli: Stimuli, n_clusters: int = 40) -> pd.Series:
    """Cluster pictures by the categories they contain: number of the cluster (from 1) by image id.

    Ward's method on the binary picture-by-category table, deterministic; pictures with the same categories share a
    cluster. Holding out whole clusters tests generalisation to unfamiliar combinations of categories, where a split by
    image leaves similar pictures in the training set. There are fewer clusters where fewer pictures differ.
    """
    table = stimuli.annotations
    holds = pd.crosstab(table.image_id, [table.kind, table.category]).clip(upper=1)
    holds = holds.reindex(np.sort(stimuli.ids), fill_value=0)
    if len(holds) < 2:
        raise ValueError(f"got {len(holds)} picture, expected at least two to make clusters of; choose another data.split")
    return pd.Series(fcluster(ward(holds.to_numpy(float)), n_clusters, "maxclust"), holds.index, name="cluster")


def _elsewhere(root: Path) -> str:
    """Where else than at `root` there may be an NSD: in a folder above it, or as `nearby` says."""
    above = next((folder for folder in root.absolute().parents if (folder / "nsddata").is_dir()), None)
    return f" ({above} holds nsddata/)" if above else nearby(root / "nsddata")


def _silent(items, desc=None, total=None):
    """No progress bar."""
    return items


def _check(config: DataConfig) -> None:
    """Raise ValueError for settings that do not exist, before anything is read."""
    for what, got, allowed in (("split", config.split, SPLITS), ("zscore", config.zscore, ZSCORES),
                               ("annotations", config.annotations, ANNOTATIONS)):
        if got not in allowed:
            raise ValueError(f"got {what} {got!r}, expected one of {', '.join(allowed)}; set data.{what} to one "
                             "of these")
    if config.max_sessions is not None and config.max_sessions < 1:
        raise ValueError(f"got max_sessions {config.max_sessions}, expected at least 1; use None for all sessions")
    if config.image_size < 8:
        raise ValueError(f"got image_size {config.image_size}, expected at least 8 pixels; the presets use 64 and 256")


def _betas(layout, config, mask, table, files, split, cached, progress) -> tuple[np.ndarray, np.ndarray]:
    """Betas over all sessions, (n_trials, n_voxels), from the cache or the files, and which voxels vary in each session."""
    sessions = list(dict.fromkeys(table.session))
    training = np.isin(table.image_id, split.train)

    def chunks():
        for session in progress(sessions, desc="betas, session by session", total=len(sessions)):
            here = (table.session == session).to_numpy()
            psc = read_betas(files[session], mask, int(here.sum()))
            if config.zscore == "none":
                yield psc
                continue
            z, valid = standardise(psc, training[here] if config.zscore == "session-train" else None)
            if not valid.all():
                _LOG.warning("session %d: %d of %d voxels do not vary; their betas are 0", session, (~valid).sum(),
                             len(valid))
            yield z

    def vary():
        for session in sessions:
            here = betas[(table.session == session).to_numpy()]
            yield (here.max(0) > here.min(0))[None]

    key = {"betas": config.betas, "zscore": config.zscore, "mask": mask.voxels,
           "training": training if config.zscore == "session-train" else None}
    sources, n_voxels = [files[s] for s in sessions], int(mask.voxels.sum())
    betas = cached.rows(f"{layout.name}-betas", key, sources, chunks, (len(table), n_voxels), np.float32)
    valid = cached.rows(f"{layout.name}-valid", key, sources, vary, (len(sessions), n_voxels), bool)
    return betas, valid.all(0)


def _stimuli(layout, config, ids, cached, progress) -> Stimuli:
    """Pictures, captions and classes of the images that were shown."""
    info = stim_info(layout).loc[ids]
    size, at = config.image_size, range(0, len(ids), 64)
    require(layout.stimuli, "the pictures")

    def chunks():
        for start in progress(at, desc=f"pictures at {size} px", total=len(at)):
            yield read_pictures(layout.stimuli, ids[start:start + 64], size)

    images = cached.rows(f"{layout.name}-pictures", {"ids": ids, "size": size}, [layout.stimuli], chunks,
                         (len(ids), size, size, 3), np.uint8)
    folder = Path(os.path.expanduser(config.coco_folder)) if config.coco_folder else layout.coco
    coco, parts = list(coco_pictures(info, layout.stim_info)), info.cocoSplit.unique()
    key = {"coco": info.cocoId.to_numpy(np.int64), "parts": info.cocoSplit.tolist()}

    def captions() -> pd.DataFrame:
        return _of_images([(read_captions(folder, some.ids), some) for some in coco], ["image_id", "caption_id"])

    def classes() -> pd.DataFrame:
        crop = config.annotations == "crop"
        masks = [info.cropBox.astype(str).tolist(), "masks"] if crop else None

        def read() -> pd.DataFrame:
            found = [(read_classes(folder, some.ids, some.crops if crop else None), some) for some in coco]
            return _of_images(found, ["image_id", "kind", "category"])

        return cached.table(f"{layout.name}-classes", key | {"crops": masks}, class_files(folder, parts), read)

    return Stimuli(ids, images, cached.table(f"{layout.name}-captions", key,
                                             [folder / f"captions_{part}.json" for part in parts], captions), classes)


def _of_images(tables: list[tuple[pd.DataFrame, CocoPictures]], by: list[str]) -> pd.DataFrame:
    """Tables of COCO pictures as one of NSD images, in order."""
    for table, pictures in tables:
        table.insert(0, "image_id", pictures.image_id.loc[table.pop("coco_id")].to_numpy(np.int64))
    return pd.concat([table for table, _ in tables]).sort_values(by, kind="stable").reset_index(drop=True)
