"""Read brain regions of an NSD subject as masks over voxels."""

from __future__ import annotations

import logging
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np

from ..records import LayoutError

__all__ = ["ATLASES", "read_labels", "read_mask", "read_rois", "read_volume", "voxel_coords"]

# NSD's labels in the order of their ids, from 1; used where the label table itself is not on disk.
ATLASES: dict[str, tuple[str, ...]] = {
    "prf-visualrois": ("V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "hV4"),
    "floc-faces": ("OFA", "FFA-1", "FFA-2", "mTL-faces", "aTL-faces"),
    "floc-bodies": ("EBA", "FBA-1", "FBA-2", "mTL-bodies"),
    "floc-places": ("OPA", "PPA", "RSC"),
    "floc-words": ("OWFA", "VWFA-1", "VWFA-2", "mfs-words", "mTL-words"),
    "streams": ("early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal"),
}
_AREAS = {"V1": ("V1v", "V1d"), "V2": ("V2v", "V2d"), "V3": ("V3v", "V3d")}
_LOG = logging.getLogger(__name__)


def read_volume(path: Path) -> np.ndarray:
    """Read the values of a NIfTI file as stored, shape (X, Y, Z) or (X, Y, Z, T).

    Raises LayoutError where the file is missing or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise LayoutError(f"no {path.name} in {path.parent}, expected a NIfTI volume of this subject; download it")
    try:
        return np.asarray(nib.load(path).dataobj)
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError, zlib.error) as problem:
        raise LayoutError(f"{path} cannot be read ({str(problem)[:120]}), expected a complete NIfTI file; download it "
                          "again") from problem


def read_mask(layout, roi: str) -> np.ndarray:
    """Read the mask of a region, (X, Y, Z) bool: its voxels have a label above 0.

    Parameters
    ----------
    layout : nsd.Layout
    roi : str
        A volume in NSD's roi folder ("nsdgeneral", "streams", "floc-faces", ...) or a label ("V1", "FFA-1",
        "streams/ventral").

    Raises
    ------
    ValueError
        No such region.
    LayoutError
        Its volume is missing, damaged or empty.
    """
    label = roi.removeprefix("streams/")
    labels = {a: (*names, *_AREAS) if a == "prf-visualrois" else names for a, names in ATLASES.items()}
    atlas = next((a for a, names in labels.items() if label in names), roi)
    if atlas == roi and roi not in ATLASES and roi != "nsdgeneral" and _volume(layout, roi) is None:
        known = ["nsdgeneral", *ATLASES, *_AREAS, *(_name(a, n) for a, names in ATLASES.items() for n in names)]
        raise ValueError(f"got roi {roi!r}, expected one of {', '.join(known)}, or a volume in {layout.roi}; set "
                         "data.roi to one of these")
    volume = _volume(layout, atlas)
    if volume is None:
        raise LayoutError(f"no {atlas}.nii.gz in {layout.roi}, expected the volume that marks {roi!r}; download it")
    if atlas == roi:
        mask = volume > 0
    else:
        ids = {name: i for i, name in read_labels(layout, atlas).items()}
        mask = np.isin(volume, [ids[n] for n in _AREAS.get(label, (label,)) if n in ids])
    if not mask.any():
        raise LayoutError(f"{layout.roi} marks no voxel as {roi!r}, expected at least one; this subject may lack the "
                          "region, or the volume is damaged")
    return mask


def read_rois(layout, mask: np.ndarray) -> dict[str, np.ndarray]:
    """Read which of the masked voxels are in each region.

    Names are NSD's labels ("V1v", "FFA-1"), those of streams with their atlas before them ("streams/early"), each
    atlas for all its labels together ("floc-faces"), "V1" to "V3", and the hemispheres "lh" and "rh" where they are
    on disk. A label or a volume that is absent gives an empty region and a warning, as not everyone has every region.

    Parameters
    ----------
    layout : nsd.Layout
    mask : (X, Y, Z) bool

    Returns
    -------
    dict of str to (n_voxels,) bool
        Voxels in C order over (z, y, x).
    """
    rois, zyx = {}, mask.T
    for atlas, names in ATLASES.items():
        volume = _volume(layout, atlas)
        if volume is None:
            _LOG.warning("no %s.nii.gz in %s; its regions are empty", atlas, layout.roi)
            volume = np.full(mask.shape, -1, np.int16)
        if volume.shape != mask.shape:
            raise LayoutError(f"{layout.roi}/{atlas}.nii.gz has shape {volume.shape}, expected {mask.shape} like "
                              "the mask; use volumes of one subject and one resolution")
        values, table = volume.T[zyx], read_labels(layout, atlas)
        rois[atlas] = values > 0
        for number, name in table.items():
            rois[_name(atlas, name)] = values == number
        for name in names:
            if not rois.setdefault(_name(atlas, name), np.zeros(len(values), bool)).any():
                _LOG.warning("%s has no voxel of %s in this mask; the region is empty", layout.name, name)
    for area, parts in _AREAS.items():
        rois[area] = np.logical_or.reduce([rois[p] for p in parts])
    for side in ("lh", "rh"):
        if (path := layout.roi / f"{side}.nsdgeneral.nii.gz").is_file():
            rois[side] = _labels(path).T[zyx] >= 0
    return rois


def read_labels(layout, atlas: str) -> dict[int, str]:
    """Read id -> name of an atlas, without 0 ("Unknown"): the subject's own table, else fsaverage's, else the built-in one.

    Raises LayoutError for a table with a line that is not an id and a name.
    """
    path = next((p for folder in layout.labels if (p := folder / f"{atlas}.mgz.ctab").is_file()), None)
    if path is None:
        return dict(enumerate(ATLASES.get(atlas, ()), 1))
    table = {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        if len(parts) < 2 or not parts[0].lstrip("-").isdigit():
            raise LayoutError(f"line {number} of {path} reads {line.strip()!r}, expected an id and a name such as "
                              "'1 V1v'; get the table again, or delete it to use the built-in one")
        table[int(parts[0])] = parts[1]
    return {i: name for i, name in sorted(table.items()) if i > 0}


def voxel_coords(mask: np.ndarray) -> np.ndarray:
    """(x, y, z) of each voxel in an (X, Y, Z) mask, in C order over (z, y, x), (n_voxels, 3) int64.

    >>> voxel_coords(np.ones((1, 2, 2), bool)).tolist()
    [[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]]
    """
    return np.argwhere(mask.T)[:, ::-1].copy()


def _name(atlas: str, label: str) -> str:
    return f"streams/{label}" if atlas == "streams" else label


def _labels(path: Path) -> np.ndarray:
    """A label volume as integers, whatever it was stored as."""
    return np.rint(read_volume(path)).astype(np.int16)


def _volume(layout, atlas: str) -> np.ndarray | None:
    """An atlas over both hemispheres, from its combined file or from its two halves; None where there is neither."""
    whole, left, right = (layout.roi / f"{side}{atlas}.nii.gz" for side in ("", "lh.", "rh."))
    if whole.is_file():
        return _labels(whole)
    if left.is_file() and right.is_file():
        lh, rh = _labels(left), _labels(right)
        return np.where(lh != -1, lh, rh)
    return None
