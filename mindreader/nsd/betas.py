"""Read single-trial betas of a session and z-score them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..records import LayoutError
from .reading import dataset, is_written, open_hdf5
from .regions import Mask, read_header, read_volume, same_grid

__all__ = ["check_sessions", "read_betas", "standardise"]

_SCALE, _LARGEST = 300, 32768      # NSD stores percent signal change times 300, as int16


def check_sessions(files: dict[int, Path], mask: Mask, n_trials: dict[int, int]) -> None:
    """Raise LayoutError unless every session's file opens and has the shape of the mask and the design.

    Only headers are read, so what does not fit is known before gigabytes are read.
    """
    for session, path in files.items():
        n, zyx = n_trials[session], mask.voxels.T
        if path.name.endswith(".nii.gz"):
            _same_shape(path, read_header(path).shape[::-1], zyx, n)
        else:
            with open_hdf5(path, f"betas of {n} trials") as file:
                _same_shape(path, dataset(file, "betas", path).shape, zyx, n)


def read_betas(path: Path, mask: np.ndarray | Mask, n_trials: int) -> np.ndarray:
    """Read one session's betas of the voxels in `mask`, (n_trials, n_voxels) float32 in percent signal change.

    Voxels are in C order over (z, y, x) in every file format. The session is read as a whole, because a chunk of NSD's
    files holds one voxel over all trials.

    Parameters
    ----------
    path : Path
        betas_sessionBB.hdf5 or .mat, dataset `betas` (T, Z, Y, X), or .nii.gz (X, Y, Z, T).
    mask : (X, Y, Z) bool, or Mask
        A NIfTI file of betas must lie where a Mask does.
    n_trials : int
        Of the session, by the design.

    Raises LayoutError for a damaged file, another shape or place, a beta that is not finite or not NSD's, or betas that were
    never written.
    """
    zyx = (mask.voxels if isinstance(mask, Mask) else mask).T
    betas = (_from_nifti if path.name.endswith(".nii.gz") else _from_hdf5)(path, zyx, n_trials)
    if not np.isfinite(betas).all():
        trial, voxel = np.argwhere(~np.isfinite(betas))[0]
        raise LayoutError(f"{path} has a beta that is not a number (trial {trial}, voxel {voxel} of the mask), "
                          "expected finite values; download it again, or choose a mask within the brain")
    if betas.dtype.kind == "f" or betas.dtype.itemsize > 2 or betas.dtype.kind == "u":
        wrong = (np.abs(betas) > _LARGEST) | (betas != np.rint(betas))
        if wrong.any():
            trial, voxel = np.argwhere(wrong)[0]
            raise LayoutError(f"{path} has the beta {betas[trial, voxel]:g} (trial {trial}, voxel {voxel} of the mask), expected "
                              f"whole numbers from -32768 to 32767, which are percent signal change times {_SCALE}; take NSD's "
                              "own file")
    if isinstance(mask, Mask) and path.name.endswith(".nii.gz"):
        grid = read_header(path)
        same_grid(grid._replace(shape=grid.shape[:3]), mask)
    if n_trials > 1 and (betas == betas[:1]).all() and not _varies(path):
        raise LayoutError(f"{path} has the same value in all trials and voxels, expected betas that vary; a download that broke "
                          "off leaves such files, so download it again")
    return betas.astype(np.float32) / _SCALE


def standardise(psc: np.ndarray, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Z-score each voxel, (x - mean) / sd with ddof 0; a constant voxel becomes 0, never NaN, and is not valid.

    Parameters
    ----------
    psc : (n_trials, n_voxels)
        One session.
    rows : (n_trials,) bool, optional
        Trials for mean and sd; all by default, and where fewer than two are given.

    Returns
    -------
    z : (n_trials, n_voxels) float32
    valid : (n_voxels,) bool
        Whether the voxel varies.

    >>> standardise(np.array([[1.0, 5], [3, 5]]))[0].tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    base = psc if rows is None or rows.sum() < 2 else psc[rows]
    mean, sd = base.mean(0, dtype=np.float64), base.std(0, dtype=np.float64)
    valid = base.max(0) > base.min(0)
    z = (psc - mean) / np.where(valid, sd, 1)
    z[:, ~valid] = 0
    return z.astype(np.float32), valid


def _from_nifti(path: Path, zyx: np.ndarray, n_trials: int) -> np.ndarray:
    grid = read_header(path)
    _same_shape(path, grid.shape[::-1], zyx, n_trials)
    return read_volume(path, grid).T[:, zyx]


def _from_hdf5(path: Path, zyx: np.ndarray, n_trials: int) -> np.ndarray:
    with open_hdf5(path, f"betas of {n_trials} trials") as file:
        stored = dataset(file, "betas", path)
        _same_shape(path, stored.shape, zyx, n_trials)
        # A voxel without any is usual outside the brain; NSD's own chunks are whole voxels, which is quick to see.
        whole = stored.chunks is None or stored.chunks[0] >= n_trials
        written = np.ones((1, 1), bool) if whole else is_written(stored, np.argwhere(zyx))
        broken = written.any(0) & ~written.all(0)
        if broken.any():
            raise LayoutError(f"{path} has only some of the trials for {broken.sum()} of {zyx.sum()} voxels of the mask, expected "
                              f"all {n_trials}; a copy that broke off leaves such files, so download it again")
        _, ys, xs = zyx.nonzero()
        box = (slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1))
        out, at = np.empty((n_trials, zyx.sum()), stored.dtype), 0
        for z in np.flatnonzero(zyx.any((1, 2))):
            inside = zyx[z][box]
            out[:, at:at + inside.sum()] = stored[(slice(None), z, *box)][:, inside]
            at += inside.sum()
    return out


def _varies(path: Path) -> bool:
    """Whether anything at all in a session's file varies: a small region may lie outside the field of view."""
    if path.name.endswith(".nii.gz"):
        volume = read_volume(path)
        return bool((volume != volume.flat[0]).any())
    with open_hdf5(path, "betas") as file:
        stored = dataset(file, "betas", path)
        first = stored[(0,) * stored.ndim]
        return any((stored[:, z] != first).any() for z in range(stored.shape[1]))


def _same_shape(path: Path, shape: tuple[int, ...], zyx: np.ndarray, n_trials: int) -> None:
    """Raise unless betas as (T, Z, Y, X) fit the mask and the design."""
    if shape != (n_trials, *zyx.shape):
        raise LayoutError(f"{path} holds betas of shape {shape} (trials, z, y, x), expected {(n_trials, *zyx.shape)} "
                          "as the design and the mask say; check that both are func1pt8mm of the same subject")
