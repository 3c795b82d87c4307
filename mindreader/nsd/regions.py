"""Read brain regions of an NSD subject as masks over voxels."""

from __future__ import annotations

import gzip
import logging
import math
import re
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np

from ..records import LayoutError
from .reading import is_there, nearby, reading, refusal, require

__all__ = ["ATLASES", "Mask", "find_mask", "read_header", "read_labels", "read_mask", "read_marked", "read_ncsnr", "read_rois",
           "read_volume", "same_grid", "voxel_coords"]

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
_SAME_PLACE_MM, _WHOLE = 0.01, 1e-3     # headers hold float32; labels went through other programs
_MOST_PACKED = 1032                      # what gzip can pack into a byte at most
_LARGEST_NCSNR = 100                     # NSD's reach about 2
_BLOCK = 1 << 20
_LOG = logging.getLogger(__name__)


class VolumeGrid(NamedTuple):
    """Where the values of a NIfTI file lie: its path, (X, Y, Z) or (X, Y, Z, T), and the header's affine.

    is_placed  whether the header says where the volume lies at all, or the affine has voxel sizes alone
    form       nibabel's class for it
    """

    path: Path
    shape: tuple[int, ...]
    affine: np.ndarray
    is_placed: bool
    form: type


class Mask(NamedTuple):
    """Which voxels are taken, (X, Y, Z) bool, and the grid of the volume that says so."""

    voxels: np.ndarray
    grid: VolumeGrid


def read_header(path: Path) -> VolumeGrid:
    """Read the shape and the place of a NIfTI file.

    Raises LayoutError where the file is missing or damaged, holds no plain numbers, or promises more than it can hold.
    """
    path = Path(path)
    require(path, "a NIfTI volume of this subject")
    with reading(path, "a complete NIfTI file", "gzip" if path.suffix == ".gz" else ""):
        image = nib.load(path)
        header, shape, dtype = image.header, tuple(int(n) for n in image.shape), image.get_data_dtype()
        placed = bool(header["sform_code"] > 0 or header["qform_code"] > 0)
        affine = image.affine if placed else np.diag([*header.get_zooms()[:3], 1.0])
    promised, size = math.prod(shape) * dtype.itemsize, path.stat().st_size
    if promised > size * (_MOST_PACKED if path.suffix == ".gz" else 1):
        raise LayoutError(f"{path} promises {promised} bytes of shape {shape} in a file of {size}, expected a header that fits; "
                          "download it again")
    if dtype.kind not in "biuf":
        raise LayoutError(f"{path} holds {dtype}, expected one plain number for each voxel; download it again")
    return VolumeGrid(path, shape, np.asarray(affine, float), placed, type(image))


def read_volume(path: Path, grid: VolumeGrid | None = None) -> np.ndarray:
    """Read the values of a NIfTI file as stored, shape (X, Y, Z) or (X, Y, Z, T); its header may have been read before.

    Raises LayoutError as `read_header` does, and where the checksum of a gzip file is wrong.
    """
    path, is_packed = Path(path), Path(path).suffix == ".gz"
    form = (grid or read_header(path)).form
    with reading(path, "a complete NIfTI file", "gzip" if is_packed else ""):
        with (gzip.open if is_packed else open)(path, "rb") as stream:
            values = np.asarray(form.from_stream(stream).dataobj)
            while stream.read(_BLOCK):      # the checksum stands at the end, and nibabel stops before it
                pass
        return values


def same_grid(grid: VolumeGrid, mask: Mask) -> None:
    """Raise LayoutError unless a volume has the mask's shape and lies where it does."""
    shape, expected = grid.shape[:3] if math.prod(grid.shape[3:]) == 1 else grid.shape, mask.grid
    if shape != mask.voxels.shape:
        raise LayoutError(f"{grid.path} has shape {grid.shape}, expected {mask.voxels.shape} like the mask "
                          f"({expected.path.name}); use volumes of one subject and one resolution, here func1pt8mm")
    if grid.is_placed and expected.is_placed:
        if not np.allclose(grid.affine, expected.affine, rtol=0, atol=_SAME_PLACE_MM):
            raise LayoutError(f"{grid.path} lies elsewhere, by its affine {_rounded(grid.affine)}, expected that of the mask "
                              f"({expected.path.name}), {_rounded(expected.affine)}; use volumes of one subject and one "
                              "resolution, here func1pt8mm")
    elif not np.allclose(*(np.linalg.norm(g.affine[:3, :3], axis=0) for g in (grid, expected)), rtol=0, atol=_SAME_PLACE_MM):
        raise LayoutError(f"{grid.path} has voxels of another size than the mask ({expected.path.name}), expected the same; "
                          "use volumes of one subject and one resolution, here func1pt8mm")


def read_ncsnr(path: Path, mask: Mask) -> np.ndarray:
    """Read the noise-ceiling signal-to-noise ratio of the masked voxels, (n_voxels,) float32, NaN where it is undefined.

    Without the file all are NaN, and a warning says so. Raises LayoutError for another grid, and for values that are none.
    """
    if not is_there(path):
        _LOG.warning("no %s in %s: noise ceilings are not known, and what needs one will stop; download it", path.name,
                     path.parent)
        return np.full(mask.voxels.sum(), np.nan, np.float32)
    values = _on_grid(path, mask)[0][mask.voxels.T.nonzero()[::-1]]
    wrong = ~np.isnan(values) & ~((values >= 0) & (values <= _LARGEST_NCSNR))
    if wrong.any():
        raise LayoutError(f"{path} has {values[wrong][0]:g} for {wrong.sum()} voxels of the mask, expected a signal-to-noise ratio, "
                          "0 to about 2, or NaN; it may be in percent or another map, so download it again")
    if np.isnan(values).all():
        _LOG.warning("%s has no value for any voxel of the mask: noise ceilings are not known, and what needs one will stop; "
                     "download it again", path)
    return values.astype(np.float32)


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
    return find_mask(layout, roi).voxels


def find_mask(layout, roi: str) -> Mask:
    """Read the mask of a region as `read_mask` does, with the grid of its volume."""
    label = roi.removeprefix("streams/")
    labels = {a: (*names, *_AREAS) if a == "prf-visualrois" else names for a, names in ATLASES.items()}
    atlas = next((a for a, names in labels.items() if label in names), roi)
    found = _volume(layout, atlas) if re.fullmatch(r"[\w.+-]+", atlas) else None
    if found is None and atlas == roi and roi not in ATLASES and roi != "nsdgeneral":
        known = ["nsdgeneral", *ATLASES, *_AREAS, *(_name(a, n) for a, names in ATLASES.items() for n in names)]
        raise ValueError(f"got roi {roi!r}, expected one of {', '.join(known)}, or a volume in {layout.roi}; set "
                         "data.roi to one of these")
    if found is None:
        raise LayoutError(f"no {atlas}.nii.gz in {layout.roi}{nearby(layout.roi / f'{atlas}.nii.gz')}, expected the volume that "
                          f"marks {roi!r}; download it")
    volume, grid = found
    if atlas == roi:
        voxels = volume > 0
    else:
        ids = {name: i for i, name in read_labels(layout, atlas).items()}
        voxels = np.isin(volume, [ids[n] for n in _AREAS.get(label, (label,)) if n in ids])
    if not voxels.any():
        raise LayoutError(f"{layout.roi} marks no voxel as {roi!r}, expected at least one; this subject may lack the "
                          "region, or the volume is damaged")
    return Mask(voxels, grid)


def read_rois(layout, mask: Mask) -> dict[str, np.ndarray]:
    """Read which of the masked voxels are in each region.

    Names are NSD's labels ("V1v", "FFA-1"), those of streams with their atlas before them ("streams/early"), each
    atlas for all its labels together ("floc-faces"), "V1" to "V3", and the hemispheres "lh" and "rh" where they are
    on disk. A label or a volume that is absent gives an empty region and a warning, as not everyone has every region.

    Parameters
    ----------
    layout : nsd.Layout
    mask : Mask

    Returns
    -------
    dict of str to (n_voxels,) bool
        Voxels in C order over (z, y, x).
    """
    rois, zyx = {}, mask.voxels.T
    for atlas, names in ATLASES.items():
        table = read_labels(layout, atlas)
        found = _volume(layout, atlas, mask)
        if found is None:
            _LOG.warning("no %s.nii.gz in %s; its regions are empty", atlas, layout.roi)
        values = np.full(zyx.sum(), -1, np.int16) if found is None else found[0].T[zyx]
        rois[atlas] = values > 0
        for number, name in table.items():
            rois[_name(atlas, name)] = values == number
        for name in names:
            if name not in table.values():
                _LOG.warning("the table of labels %s.mgz.ctab has no %s; the region is empty", atlas, name)
                rois[_name(atlas, name)] = np.zeros(len(values), bool)
            elif not rois[_name(atlas, name)].any():
                _LOG.warning("%s has no voxel of %s in this mask; the region is empty", layout.name, name)
    for area, parts in _AREAS.items():
        rois[area] = np.logical_or.reduce([rois[p] for p in parts])
    for side in ("lh", "rh"):
        if is_there(path := layout.roi / f"{side}.nsdgeneral.nii.gz"):
            rois[side] = _labels(path, {1: ""}, mask)[0].T[zyx] >= 0
        else:
            _LOG.warning("no %s in %s; there is no region %r", path.name, layout.roi, side)
    return rois


def read_marked(path: Path, layout, roi: str) -> np.ndarray:
    """Which voxels of a region a NIfTI file of your own marks, (n_voxels,) bool in the order of the subject's voxels.

    Parameters
    ----------
    path : Path
        A volume of the subject, on the same grid; a voxel is marked where its value is above 0.
    layout : nsd.Layout
    roi : str
        The region whose voxels were loaded (`data.roi`).

    Raises LayoutError for a file that is missing or damaged, of another shape or place, or that marks none of these voxels.
    """
    mask = find_mask(layout, roi)
    values = _on_grid(Path(path), mask)[0]
    with np.errstate(invalid="ignore"):
        marked = (values > 0).T[mask.voxels.T]
    if not marked.any():
        raise LayoutError(f"{path} marks {int((values > 0).sum())} voxels, and none of the {len(marked)} of {roi}; expected at least "
                          "one, above 0")
    return marked


def read_labels(layout, atlas: str) -> dict[int, str]:
    """Read id -> name of an atlas, without 0 ("Unknown"): the subject's own table, else fsaverage's, else the built-in one.

    Raises LayoutError for a table with a line that is not an id and a name, with an id or a name twice, or with another id
    for a name than NSD has.
    """
    known = {name: i for i, name in enumerate(ATLASES.get(atlas, ()), 1)} | {"Unknown": 0}
    path = next((p for folder in layout.labels if is_there(p := folder / f"{atlas}.mgz.ctab")), None)
    if path is None:
        return {i: name for name, i in known.items() if i > 0}
    table, again = {}, "get the table again, or delete it to use the built-in one"
    with reading(path, "lines with an id and a name"):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        if len(parts) < 2 or not re.fullmatch(r"-?[0-9]{1,9}", parts[0]) or not parts[1].isprintable():
            raise refusal(path, f"line {number} of {path} reads {line.strip()[:60]!r}", "an id and a name such as '1 V1v'", again)
        label, name = int(parts[0]), parts[1]
        if label in table or name in table.values() or known.get(name, label) != label:
            raise refusal(path, f"line {number} of {path} gives {name!r} the id {label}", "each id and name once"
                          + (f", and {known[name]} as NSD has it" if name in known else ""), again)
        table[label] = name
    if not any(i > 0 for i in table):
        raise refusal(path, f"{path} has no label", "an id and a name on each line, such as '1 V1v'", again)
    return {i: name for i, name in sorted(table.items()) if i > 0}


def voxel_coords(mask: np.ndarray) -> np.ndarray:
    """(x, y, z) of each voxel in an (X, Y, Z) mask, in C order over (z, y, x), (n_voxels, 3) int64.

    >>> voxel_coords(np.ones((1, 2, 2), bool)).tolist()
    [[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]]
    """
    return np.argwhere(mask.T)[:, ::-1].copy()


def _name(atlas: str, label: str) -> str:
    return f"streams/{label}" if atlas == "streams" else label


def _rounded(affine: np.ndarray) -> list:
    return np.round(affine[:3], 3).tolist()


def _on_grid(path: Path, mask: Mask | None) -> tuple[np.ndarray, VolumeGrid]:
    """One volume, (X, Y, Z), and its grid; LayoutError unless it is one, on the grid of the mask if that is known."""
    grid = read_header(path)
    if mask is not None:
        same_grid(grid, mask)
    if len(grid.shape) < 3 or math.prod(grid.shape[3:]) != 1:
        raise LayoutError(f"{path} has shape {grid.shape}, expected one volume (x, y, z); download it again")
    return read_volume(path, grid).reshape(grid.shape[:3]), grid


def _labels(path: Path, table: dict[int, str], mask: Mask | None = None) -> tuple[np.ndarray, VolumeGrid]:
    """Labels as integers, whatever they were stored as, and their grid; LayoutError where they are none, or not in the table."""
    values, grid = _on_grid(path, mask)
    with np.errstate(invalid="ignore"):
        whole = (np.abs(values.astype(float)) < 2**31) & (np.abs(values - np.rint(values)) <= _WHOLE)
    labels = np.rint(np.where(whole, values, -2)).astype(np.int64)
    wrong = (labels < -1) | (bool(table) & ~np.isin(labels, [-1, 0, *table]))
    if wrong.any():
        raise LayoutError(f"{path} has {values[wrong][0]:g} in {wrong.sum()} voxels, expected -1 (no cortex), 0, and labels from 1 "
                          f"{f'to {max(table)}' if table else 'on'}; download it again, with its table of labels")
    return labels, grid


def _volume(layout, atlas: str, mask: Mask | None = None) -> tuple[np.ndarray, VolumeGrid] | None:
    """An atlas over both hemispheres, from its combined file or from its two halves; None where there is neither."""
    table = {1: ""} if atlas == "nsdgeneral" else read_labels(layout, atlas)
    whole, left, right = (layout.roi / f"{side}{atlas}.nii.gz" for side in ("", "lh.", "rh."))
    if is_there(whole):
        return _labels(whole, table, mask)
    if is_there(left) and is_there(right):
        lh, grid = _labels(left, table, mask)
        rh, _ = _labels(right, table, mask or Mask(lh > 0, grid))
        return np.where(lh != -1, lh, rh), grid
    return None
