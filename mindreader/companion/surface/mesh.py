"""Read the surfaces of fsaverage5 that the package nilearn holds, without importing nilearn or asking a network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import sparse

SIDES = {"lh": "left", "rh": "right"}
_FILES = {"pial": "pial", "inflated": "infl", "white": "white", "sphere": "sphere"}


@dataclass(frozen=True, eq=False)
class Hemisphere:
    """One hemisphere of fsaverage5: 10,242 vertices, 20,480 triangles; x to the right, y to the front, z up, in mm.

    side      "lh" or "rh"
    pial, inflated, white, sphere   (n_vertices, 3) float64, the same vertices on four surfaces
    sulc      (n_vertices,)   how deep each lies in a sulcus, below 0 on a gyrus
    faces     (n_faces, 3) int   vertices of each triangle, anticlockwise from outside
    """

    side: str
    pial: np.ndarray
    inflated: np.ndarray
    white: np.ndarray
    sphere: np.ndarray
    sulc: np.ndarray
    faces: np.ndarray

    @property
    def between(self) -> np.ndarray:
        """The surface half-way between white matter and pia, on which distances and areas are measured, (n_vertices, 3)."""
        return (self.pial + self.white) / 2

    @cached_property
    def area(self) -> np.ndarray:
        """Each vertex's share of the surface, mm², (n_vertices,)."""
        a, b, c = (self.between[self.faces[:, corner]] for corner in range(3))
        each = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
        return np.bincount(self.faces.ravel(), np.repeat(each / 3, 3), len(self.pial))

    @cached_property
    def edges(self) -> sparse.csr_array:
        """Lengths of the edges between neighbours, mm, (n_vertices, n_vertices), in both directions."""
        pairs = np.sort(self.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        a, b = np.unique(pairs, axis=0).T
        length = np.linalg.norm(self.between[a] - self.between[b], axis=1)
        return sparse.csr_array((np.r_[length, length], (np.r_[a, b], np.r_[b, a])), shape=(len(self.pial),) * 2)


@cache
def read_hemisphere(side: str) -> Hemisphere:
    """Read one hemisphere, "lh" or "rh".

    Raises FileNotFoundError where nilearn is not installed, or no longer brings these surfaces.

    >>> read_hemisphere("lh").pial.shape
    (10242, 3)
    """
    import nibabel as nib  # here: Sphinx imports this module before it knows of a page to draw

    folder = _folder()
    points = {}
    for name, file in _FILES.items():
        points[name], faces = nib.load(folder / f"{file}_{SIDES[side]}.gii.gz").agg_data()
    sulc = nib.load(folder / f"sulc_{SIDES[side]}.gii.gz").agg_data()
    return Hemisphere(side, **{name: np.asarray(each, float) for name, each in points.items()}, sulc=np.asarray(sulc, float),
                      faces=np.asarray(faces, np.int64))


def smooth(brain: Hemisphere, values: np.ndarray) -> np.ndarray:
    """Each vertex's value averaged with those of its neighbours that have one, (n_vertices,); NaN stays NaN."""
    known = np.isfinite(values)
    near = brain.edges.astype(bool).astype(float) + sparse.eye_array(len(values), format="csr")
    mean = near @ np.where(known, values, 0.0) / np.maximum(near @ known.astype(float), 1)
    return np.where(known, mean, np.nan)


def _folder() -> Path:
    found = find_spec("nilearn")
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "data" / "fsaverage5" if found else None
    if folder is None or not folder.is_dir():
        raise FileNotFoundError(f"no surfaces of fsaverage5 in {folder or 'nilearn, which is not installed'}; "
                                "install what requirements.txt names")
    return folder
