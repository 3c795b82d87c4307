"""Score how natural a set of pictures is, beside a set of real ones: by structure, by surface, by neighbours, by a classifier.

Every score is little for real pictures and grows with what is wrong. Which of them may be used is for `exam` to say; none is in
a loss of any network.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from ..embedding import unit_range
from ..extractors import FeatureNet
from ..scoring import CONFIDENCE, distance_rows, image_weights, score_row
from .segmenter import Reading, Segmenter

STRUCTURE, SURFACE, NATURALNESS = "out of place", "sliced Wasserstein", "structure or surface"
LEAST_UNIT = 0.01   # of either: below, the haze changes nothing that could be a unit
NEIGHBOURS = 5      # of a real picture: how far its own stretch of feature space reaches
WORST = 16          # of 1024 places: those that look most out of place in a picture


class Naturalness:
    """Scores of a set of pictures beside real ones, by name.

    Parameters
    ----------
    reference : uint8 array (m, height, width, 3)
        Real pictures, none of them in the sets that are scored. These are compared with the second half; the first gives units.
    segmenter : Segmenter
    feature_net : FeatureNet, optional
        For today's distances, which stand beside the others.
    seed : int
        Of the classifier and of directions of projection.
    """

    def __init__(self, reference: np.ndarray, segmenter: Segmenter, feature_net: FeatureNet | None = None, *, seed: int = 0):
        hidden, self.reference = np.array_split(reference, 2)
        self.segmenter, self.feature_net, self.seed = segmenter, feature_net, seed
        self._read = segmenter.read(self.reference)
        self._axes = principal_axes(self._read.features)
        self._features = feature_net.images(self.reference) if feature_net else None
        self._unit = {name: max(value, LEAST_UNIT) for name, value in self._both(_hazed(hidden, seed)).items()}

    def __call__(self, pictures: np.ndarray) -> dict[str, float]:
        """The value of each score for a set of pictures (n, height, width, 3) uint8.

        "structure or surface" is the larger of "out of place" and "sliced Wasserstein", each over what it is for other real
        pictures behind a `haze` that a person hardly sees.
        """
        read, real = self.segmenter.read(pictures), self._read
        a, b = (project(some.features, self._axes) for some in (read, real))
        found = {} if self.feature_net is None else _distances(self.feature_net.images(pictures), self._features, "twin features")
        found |= _distances(a, b, "segmenter")
        found |= {f"1 - {name}": 1 - value for name, value in neighbours(a, b).items()}
        both = self._both(pictures, read)
        return found | both | {NATURALNESS: self._worse(both), "classifier": told_apart(pictures, self.reference, seed=self.seed)}

    def rows(self, pictures: np.ndarray, image_ids: np.ndarray, *, name: str, origin: str, seed: int = 0,
             n_bootstrap: int = 30) -> pd.DataFrame:
        """"structure or surface" of a set of pictures, a tidy row; 1 is what other real pictures behind the haze have.

        image_ids: of each row, by which trials are kept together. The interval has the spread of resampled pictures around the
        value: resampled sets repeat pictures, which by itself moves a distance of distributions.
        """
        read = self.segmenter.read(pictures)
        value = self._worse(self._both(pictures, read))
        weights, picture = image_weights(image_ids, seed, n_bootstrap)
        drawn = []
        for times in weights.astype(int):
            rows = np.repeat(np.arange(len(pictures)), times[picture])
            drawn.append(self._worse(self._both(pictures[rows], Reading(*(part[rows] for part in read)))))
        half = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * np.std(drawn, ddof=1)
        return score_row(name, NATURALNESS, value, max(0.0, value - half), value + half, len(pictures), np.nan, seed, origin)

    def _worse(self, both: dict[str, float]) -> float:
        return max(value / self._unit[name] for name, value in both.items())

    def _both(self, pictures: np.ndarray, read: Reading | None = None) -> dict[str, float]:
        """The scores of structure and of surface."""
        read = self.segmenter.read(pictures) if read is None else read
        return {STRUCTURE: out_of_place(read, self._read),
                SURFACE: sliced_wasserstein(pictures, self.reference, seed=self.seed)}


def _distances(a: np.ndarray, b: np.ndarray, features: str) -> dict[str, float]:
    rows = distance_rows(a, b, features=features)
    return dict(zip(rows.metric, rows.value))


# ── structure ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def principal_axes(features: np.ndarray, n_axes: int = 64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, directions and spreads of the leading components of real features (n, d), for `project`."""
    mean = features.mean(0)
    _, spreads, axes = np.linalg.svd(features - mean, full_matrices=False)
    return mean, axes[:n_axes], spreads[:n_axes] / np.sqrt(len(features) - 1)


def project(features: np.ndarray, axes: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Features (n, d) on such axes, each in units of its spread over real pictures, so that none outweighs another."""
    mean, directions, spreads = axes
    return (features - mean) @ directions.T / spreads


def out_of_place(read: Reading, real: Reading, worst: int = WORST) -> float:
    """How much more out of place the worst places of a picture look than those of real ones, in log-odds."""
    def level(some: Reading) -> float:
        odd = np.sort(some.odd.reshape(len(some.odd), -1), 1)[:, -worst:].clip(1e-6, 1 - 1e-6)
        return float(np.log(odd / (1 - odd)).mean())

    return level(read) - level(real)


# ── neighbours ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def neighbours(a: np.ndarray, b: np.ndarray, k: int = NEIGHBOURS) -> dict[str, float]:
    """Precision, recall, density and coverage of features a (n, d) beside real ones b (m, d).

    Precision: share of a within the reach of any real picture, the distance to its k-th nearest real one. Recall: the same
    with the sets exchanged. Density: in the reach of how many real pictures each of a lies, over k. Coverage: share of real
    pictures with one of a within their reach. Source: Kynkäänniemi et al. 2019, Naeem et al. 2020.
    """
    across = _apart(a, b)
    reach_a, reach_b = (np.partition(_apart(x, x), k, 1)[:, k] for x in (a, b))
    within = across < reach_b
    return {"precision": within.any(1).mean(), "recall": (across < reach_a[:, None]).any(0).mean(),
            "density": within.sum(1).mean() / k, "coverage": within.any(0).mean()}


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances of rows, (n, m)."""
    squares = (a ** 2).sum(1)[:, None] + (b ** 2).sum(1) - 2 * a @ b.T
    return np.sqrt(squares.clip(0))


# ── surface ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def sliced_wasserstein(pixels: np.ndarray, reference: np.ndarray, *, n_levels: int = 3, n_directions: int = 64,
                       seed: int = 0) -> float:
    """How far patches of the levels of a Laplacian pyramid have to be moved, over random directions, in levels of 255.

    Source: Karras et al. 2018; with the mean absolute difference of 200 quantiles, so that sets may differ in size.
    """
    rng, distances, share = np.random.default_rng(seed), [], (np.arange(200) + 0.5) / 200
    for a, b in zip(_patches(pixels, n_levels, seed), _patches(reference, n_levels, seed)):
        way = rng.standard_normal((a.shape[1], n_directions)).astype(np.float32)
        way /= np.linalg.norm(way, axis=0)
        distances.append(np.abs(np.quantile(a @ way, share, axis=0) - np.quantile(b @ way, share, axis=0)).mean())
    return float(np.mean(distances))


def _patches(pixels: np.ndarray, n_levels: int, seed: int, patch_px: int = 7, n_patches: int = 16) -> list[np.ndarray]:
    """Patches of each level, the finest first, (n * n_patches, 3 * patch_px^2) each; at the same places in every set."""
    x, rng, found = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float(), np.random.default_rng(seed), []
    for _ in range(n_levels):
        half = F.avg_pool2d(x, 2)
        detail = x - F.interpolate(half, scale_factor=2, mode="bilinear", align_corners=False)
        rows, columns = rng.integers(0, x.shape[2] - patch_px + 1, (2, n_patches))
        found.append(torch.cat([detail[:, :, r:r + patch_px, c:c + patch_px].flatten(1) for r, c in zip(rows, columns)]).numpy())
        x = half
    return found


def haze(pictures: torch.Tensor, rng: np.random.Generator, *, strength: float = 1.0) -> torch.Tensor:
    """Pictures N3HW in [-1, 1] with a little blur, grain and tint, each of a random strength that a person hardly sees at 1.

    At 1 they reach what `placements` has as invisible, so that a network trained behind the haze need not see it either.
    """
    n = len(pictures)
    soft = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.from_numpy(rng.uniform(0, 0.35 * strength, (n, 1, 1, 1)).astype(np.float32)).clamp(max=1)
    gain = 1 + strength * (0.03 * rng.uniform(-1, 1, (n, 1, 1, 1)) + 0.015 * rng.uniform(-1, 1, (n, 3, 1, 1)))
    grain = strength * rng.uniform(0, 0.03, (n, 1, 1, 1)) * rng.standard_normal(tuple(pictures.shape), dtype=np.float32)
    tint = rng.uniform(-1, 1, (n, 3, 1, 1))
    tint = 0.06 * strength * (tint - tint.mean(1, keepdims=True))
    out = (pictures + (soft - pictures) * share + 1) * torch.from_numpy(gain.astype(np.float32)) - 1
    return out + torch.from_numpy((grain + tint).astype(np.float32))


def _hazed(pixels: np.ndarray, seed: int) -> np.ndarray:
    pictures = haze(unit_range(pixels), np.random.default_rng(seed))
    return ((pictures + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


# ── a classifier ───────────────────────────────────────────────────────────────────────────────────────────────────────
def told_apart(pictures: np.ndarray, real: np.ndarray, *, n_epochs: int = 6, seed: int = 0) -> float:
    """Share of held-out pictures that a small network tells rightly as one of the set or as real; chance 0.5.

    Five layers, trained for half a minute on half of the set and as many real pictures, and asked for the other half and as many
    others. Source: Lopez-Paz and Oquab 2017, classifier two-sample tests.
    """
    n = min(len(pictures), len(real)) // 2
    rng = np.random.default_rng(seed)
    sides = [some[rng.permutation(len(some))[:2 * n]] for some in (pictures, real)]
    x, y = torch.cat([unit_range(side) for side in sides]), torch.arange(2).repeat_interleave(2 * n).float()
    train = torch.cat([torch.arange(n), 2 * n + torch.arange(n)])
    test = torch.cat([n + torch.arange(n), 3 * n + torch.arange(n)])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [layer for before, after in ((3, 24), (24, 48), (48, 64), (64, 96)) for layer in
                  (nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.LeakyReLU(0.2))]
        net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(96 * (x.shape[2] // 16) * (x.shape[3] // 16), 1))
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.01)
    for _ in range(n_epochs):
        for rows in train[torch.from_numpy(rng.permutation(len(train)))].split(32):
            flipped = torch.where(torch.from_numpy(rng.random((len(rows), 1, 1, 1)) < 0.5), x[rows].flip(3), x[rows])
            loss = F.binary_cross_entropy_with_logits(net(flipped)[:, 0], y[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        logits = torch.cat([net(x[rows])[:, 0] for rows in test.split(256)])
    return float(((logits > 0) == (y[test] > 0)).float().mean())
