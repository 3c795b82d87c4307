"""Compute the eight metrics of later reconstruction papers: PixCorr, SSIM, AlexNet 2 and 5, Inception, CLIP, EffNet, SwAV.

PixCorr and SSIM compare pixels. Each of the others is a protocol (`protocols`) on the features of a network up to one
layer, at one picture size. Weights of the published networks are read from a folder and never downloaded. Where one is
missing, a small network of the simulated world replaces it, and the name of the metric ends in "(twin)".
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import embedding, scoring
from ..records import Embeddings, LayoutError, Reconstructions, Stimuli
from . import protocols

WEIGHTS = "MINDREADER_METRICS"  # the environment variable that names the folder of published weights
TWO_WAY, DISTANCE = "twoway/brain-diffuser", "distance/effnet-swav"
PIXELS = 425  # height and width of NSD's pictures, at which pixels are compared
_SUFFIXES = (".safetensors", ".pth", ".pth.tar", ".pt")
_MEAN, _STD = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))  # ImageNet's


@dataclass(frozen=True)
class FeatureExtractor:
    """The features of one metric: a network up to a layer, and how its features are compared.

    metric    e.g. "AlexNet 2", or "AlexNet 2 (twin)" for a stand-in
    network   which network and layer, in words
    protocol  how features are compared, a name of `protocols`
    size      height and width that pictures are resized to, pixels
    extract   pictures N3HW in [0, 1] -> features (N, n_dims)
    """

    metric: str
    network: str
    protocol: str
    size: int
    extract: Callable[[Tensor], Tensor]

    def features(self, pixels: np.ndarray, *, batch: int = 64) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32."""
        with torch.no_grad():
            return np.concatenate([self.extract(_resized(pixels[i:i + batch], self.size)).flatten(1).float().numpy()
                                   for i in range(0, len(pixels), batch)])


@dataclass(frozen=True)
class _Published:
    metric: str
    stem: str           # how the name of the file with its weights begins
    architecture: str   # torchvision's name
    node: str
    size: int
    protocol: str


# Source: the evaluation code of Brain-Diffuser and MindEye; sizes and layers are theirs.
_PUBLISHED = (
    _Published("AlexNet 2", "alexnet", "alexnet", "features.4", 256, TWO_WAY),
    _Published("AlexNet 5", "alexnet", "alexnet", "features.11", 256, TWO_WAY),
    _Published("Inception", "inception_v3", "inception_v3", "avgpool", 342, TWO_WAY),
    _Published("CLIP", "ViT-L-14", "ViT-L-14-quickgelu", "", 224, TWO_WAY),
    _Published("EffNet", "efficientnet_b1", "efficientnet_b1", "avgpool", 255, DISTANCE),
    _Published("SwAV", "swav", "resnet50", "avgpool", 224, DISTANCE),
)


def feature_extractors(folder: str | Path | None = None) -> tuple[FeatureExtractor, ...]:
    """The networks of six of the eight metrics, each as published if its weights are in `folder`, else a stand-in.

    Parameters
    ----------
    folder : path, optional
        By default $MINDREADER_METRICS; without either, stand-ins only. Files are found by how their name begins:
        alexnet, inception_v3, efficientnet_b1, swav (state dicts as torchvision and SwAV's authors publish them, .pth or
        .safetensors; nothing in them is run) and ViT-L-14 (.safetensors for open_clip).

    Raises
    ------
    LayoutError
        The folder does not exist, holds two files for one network, or a file that does not fit its network.
    """
    folder = folder or os.environ.get(WEIGHTS) or None
    if folder is not None and not (folder := Path(folder).expanduser()).is_dir():
        raise LayoutError(f"found no folder {folder}, expected the weights of the published metrics there; "
                          f"correct or unset ${WEIGHTS}")
    stand_ins = _stand_ins()
    found = []
    for published in _PUBLISHED:
        path = None if folder is None else _file(folder, published.stem)
        found.append(stand_ins[published.metric] if path is None else _published(published, path))
    return tuple(found)


def eight_metrics(pictures: Reconstructions, stimuli: Stimuli, extractors: Sequence[FeatureExtractor], *, seed: int = 0, name: str = "",
          origin: str = "", n_bootstrap: int = 1000) -> pd.DataFrame:
    """Score one set of reconstructions (first draw) by the eight metrics: a row each, with a 95 % interval over pictures.

    Columns: `SCORE_COLUMNS`, protocol, better ("higher" or "lower") and network. PixCorr and SSIM have no chance level.
    The published protocols take one reconstruction for each picture; here all repeats count.
    """
    images = pictures.images[:, 0]
    originals = stimuli.take(np.unique(pictures.image_ids))
    shown = originals.images[pd.Index(originals.ids).get_indexer(pictures.image_ids)]
    rows = []
    for metric, compare in (("PixCorr", pixel_correlation), ("SSIM", structural_similarity)):
        values = compare(images, shown)
        low, high = scoring.bootstrap_interval(values, pictures.image_ids, seed=seed, n_bootstrap=n_bootstrap)
        rows.append(scoring.score_row(name, metric, values.mean(), low, high, len(values), np.nan, seed, origin, protocol=metric,
                                  better="higher", network="none"))
    for extractor in extractors:
        guess = Embeddings(extractor.features(images), pictures.image_ids, pictures.keys, extractor.metric, "fmri")
        truth = Embeddings(extractor.features(originals.images), originals.ids, np.zeros_like(originals.ids), extractor.metric, "pixels")
        row = protocols.score_protocol(extractor.protocol, guess, truth, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap)
        rows.append(row.assign(metric=extractor.metric, network=extractor.network))
    return pd.concat(rows, ignore_index=True)


def pixel_correlation(pictures: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Pearson's r of all pixels and channels of each picture with its original's at 425 px, (n,) in [-1, 1].

    Both (n, height, width, 3) uint8; a picture of one tone gives NaN. Source: Brain-Diffuser's evaluation code.
    """
    # Resizing is a product with a matrix on each side, so the sums and products over all pixels at 425 px follow from the
    # small pictures and the products of these matrices: the same r without making a large picture.
    def compare(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        sides = [(_stretch(x.shape[1]), _stretch(x.shape[2])) for x in (a, b)]
        # r does not depend on the mean, and without it a picture of one tone is exactly zero
        a, b = (x.astype(float) - x.mean((1, 2, 3), keepdims=True) for x in (a, b))

        def total(x: np.ndarray, side: tuple) -> np.ndarray:
            return np.einsum("nhwc,h,w->n", x, side[0].sum(0), side[1].sum(0), optimize=True)

        def product(x: np.ndarray, y: np.ndarray, side_x: tuple, side_y: tuple) -> np.ndarray:
            stretched = np.einsum("nijc,hi,wj->nhwc", y, *(p.T @ q for p, q in zip(side_x, side_y)), optimize=True)
            return (x * stretched).sum((1, 2, 3)) - total(x, side_x) * total(y, side_y) / (3 * PIXELS**2)

        with np.errstate(invalid="ignore"):
            return product(a, b, *sides) / np.sqrt(product(a, a, sides[0], sides[0]) * product(b, b, sides[1], sides[1]))

    return _paired(compare, pictures, originals)


def structural_similarity(pictures: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """SSIM of each picture with its original, in grey at 425 px, with Gaussian windows of sigma 1.5, (n,) in [-1, 1].

    Other windows, sample covariances or colour give other values. Source: the settings that the field took over from
    meshconv-decoding; computed by scikit-image.
    """
    from skimage.color import rgb2gray  # here and not above: only this metric needs it
    from skimage.metrics import structural_similarity as ssim

    def large(x: np.ndarray) -> np.ndarray:  # grey first: one channel to resize, and the same picture
        rows, columns = (_stretch(n).astype(np.float32) for n in x.shape[1:3])
        return np.clip(rows @ rgb2gray(x.astype(np.float32) / 255) @ columns.T, 0, 1)

    def compare(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([ssim(x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)
                         for x, y in zip(large(a), large(b))])

    return _paired(compare, pictures, originals)


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
_bilinear = functools.partial(F.interpolate, mode="bilinear", antialias=True, align_corners=False)


def _paired(compare, pictures: np.ndarray, originals: np.ndarray, batch: int = 32) -> np.ndarray:
    if len(pictures) != len(originals):
        raise ValueError(f"got {len(pictures)} pictures and {len(originals)} originals, expected one original for each")

    def part(start: int) -> np.ndarray:
        return compare(pictures[start:start + batch], originals[start:start + batch])

    with ThreadPoolExecutor() as pool:  # filters and products of large arrays let other threads run
        return np.concatenate(list(pool.map(part, range(0, len(pictures), batch))))


@functools.cache
def _stretch(n: int) -> np.ndarray:
    """The (425, n) matrix by which `_resized` brings a side of n pixels to 425."""
    unit = torch.eye(n, dtype=torch.float64)[None, None]
    return _bilinear(unit, (PIXELS, n))[0, 0].numpy()


def _resized(pixels: np.ndarray, size: int) -> Tensor:
    """Pixels (n, height, width, 3) uint8 -> N3HW in [0, 1] at size x size, bilinear."""
    x = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255
    if x.shape[2:] == (size, size):
        return x
    return _bilinear(x, (size, size)).clamp(0, 1)


def _stand_ins() -> dict[str, FeatureExtractor]:
    supervised, selfsupervised, clip = embedding.load_feature_net().module, embedding.load_resnet().module, embedding.load_clip()
    size = supervised.config.size
    networks = {
        "AlexNet 2": ("self-supervised net, stage 2 of 4", lambda x: selfsupervised.maps(2 * x - 1, 2)),
        "AlexNet 5": ("self-supervised net, stage 4 of 4", lambda x: selfsupervised.maps(2 * x - 1, 4)),
        "Inception": ("net trained on the world's factors, pooled", lambda x: supervised(2 * x - 1)),
        "CLIP": ("the small CLIP, which the loss also uses", lambda x: clip.encode_pictures(2 * x - 1)),
        "EffNet": ("net trained on the world's factors, pooled", lambda x: supervised(2 * x - 1)),
        "SwAV": ("self-supervised net, pooled", lambda x: selfsupervised(2 * x - 1)),
    }
    how = {published.metric: published.protocol for published in _PUBLISHED}
    return {metric: FeatureExtractor(f"{metric} (twin)", network, how[metric], size, extract)
            for metric, (network, extract) in networks.items()}


def _file(folder: Path, stem: str) -> Path | None:
    found = [p for p in sorted(folder.glob(f"{stem}*")) if p.name.endswith(_SUFFIXES)]
    if len(found) > 1:
        raise LayoutError(f"found {' and '.join(p.name for p in found)} in {folder}, expected one file whose name begins "
                          f"with {stem}; take the others away")
    return found[0] if found else None


def _published(published: _Published, path: Path) -> FeatureExtractor:
    label = f"{published.architecture} {published.node}".strip()
    if published.metric == "CLIP":
        clip = embedding.load_clip(embedding.EmbedConfig(clip=f"{published.architecture}:{path}"))
        return FeatureExtractor(published.metric, label, published.protocol, published.size,
                                lambda x: clip.encode_pictures(2 * x - 1))
    net = _network(published, path)
    return FeatureExtractor(published.metric, label, published.protocol, published.size,
                            lambda x: net((x - _MEAN) / _STD)["features"])


def _network(published: _Published, path: Path) -> torch.nn.Module:
    """torchvision's architecture up to the layer, with the weights of the file."""
    from torchvision.models import get_model  # here and not above: stand-ins need none of it
    from torchvision.models.feature_extraction import create_feature_extractor

    # torchvision's weights expect pictures in Inception's own range; the network converts them
    more = {"transform_input": True, "init_weights": False} if published.architecture == "inception_v3" else {}
    with torch.random.fork_rng(devices=[]):
        net = get_model(published.architecture, weights=None, **more)
    try:
        state = safetensors.torch.load_file(path) if path.suffix == ".safetensors" else \
            torch.load(path, map_location="cpu", weights_only=True)
        state = {key.removeprefix("module."): value for key, value in state.get("state_dict", state).items()}
        if published.stem == "swav":  # projection head and prototypes are not used, and it has no classifier
            state = {key: value for key, value in state.items() if not key.startswith(("projection_head", "prototypes"))}
            state |= {key: value for key, value in net.state_dict().items() if key.startswith("fc.")}
        net.load_state_dict(state)
    except Exception as error:  # torch and safetensors raise what they like for a bad file
        reason = str(error).strip().splitlines()[0]
        raise LayoutError(f"found weights in {path} that do not fit ({reason}), expected those of "
                          f"{published.architecture}; give the file that its authors publish") from error
    return create_feature_extractor(net.eval().requires_grad_(False), {published.node: "features"})
