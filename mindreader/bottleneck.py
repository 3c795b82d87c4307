"""Brain readings squeezed through few directions: how little of a reading carries how much of a score.

Source: BrainBits (Mayo et al. 2024), there with a bottleneck that is trained; here the principal directions of the
readings themselves, so that a curve over all ranks costs no training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .records import Embeddings


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """Where readings lie on average, (n_dims,), and the directions they vary in, most first, (n_directions, n_dims)."""

    mean: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, readings: Embeddings) -> Bottleneck:
        """The principal directions of these points: training readings, so that no scored trial shapes its own bottleneck."""
        if len(readings) < 2:
            raise ValueError(f"got {len(readings)} readings, expected at least two to find directions in")
        vectors = readings.vectors.astype(float)
        mean = vectors.mean(0)
        return cls(mean, np.linalg.svd(vectors - mean, full_matrices=False)[2])

    @property
    def max_rank(self) -> int:
        return len(self.directions)

    def squeeze(self, points: Embeddings, rank: int) -> Embeddings:
        """The same points with only what the first `rank` directions carry; with rank 0 all become the mean."""
        if not 0 <= rank <= self.max_rank:
            raise ValueError(f"got rank {rank}, expected 0 to {self.max_rank}, the directions there are")
        kept = self.directions[:rank]
        vectors = self.mean + (points.vectors - self.mean) @ kept.T @ kept
        return Embeddings(vectors.astype(np.float32), points.image_ids, points.keys, points.space, points.source)
