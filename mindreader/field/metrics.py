"""Compute the eight metrics of later reconstruction papers: PixCorr, SSIM, AlexNet 2 and 5, Inception, CLIP, EffNet, SwAV.

PixCorr and SSIM compare pixels. Each of the others is a protocol (`protocols`) on the features of a network up to one
layer, at one picture size. Papers differ in sizes and weights, so `EIGHT` has a table for each, with a name and a version.
Weights of the published networks are read from a folder and never downloaded (`networks`). Where one is missing, a small
network of the simulated world replaces it, and the name of the metric ends in "(twin)"; it is not asked about photographs.
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
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import checkpoints, embedding, scoring
from ..core.weights import part_checksum
from ..extractors import load_feature_net, load_resnet
from ..records import Embeddings, LayoutError, Origin, Reconstructions, Stimuli
from . import networks, protocols
from .networks import Published

WEIGHTS = "MINDREADER_METRICS"  # the environment variable that names the folder of published weights
TWO_WAY, DISTANCE = "twoway/brain-diffuser", "distance/effnet-swav"
PIXELS = 425  # height and width of NSD's pictures, at which pixels are compared


@dataclass(frozen=True)
class FeatureExtractor:
    """The features of one metric: a network up to a layer, and how its features are compared.

    metric    e.g. "AlexNet 2", or "AlexNet 2 (twin)" for a stand-in
    network   which network and layer, in words
    protocol  how features are compared, a name of `protocols`
    size      height and width that pictures are resized to, pixels
    extract   pictures N3HW in [0, 1] -> features (N, n_dims)
    table     the stamp of its table of the eight, e.g. "eight/mindeye@1"
    weights   the first digits of the sha256 of its weights, or of a stand-in's card
    origin    "nsd" for a network of photographs, "twin" for a stand-in
    """

    metric: str
    network: str
    protocol: str
    size: int
    extract: Callable[[Tensor], Tensor]
    table: str = ""
    weights: str = ""
    origin: Origin = "nsd"

    def stamp(self, protocol: str) -> str:
        """What a score carries: the table of the eight, the protocol, and the weights that made the features."""
        return "; ".join(filter(None, (self.table, protocol, f"weights {self.weights}" * bool(self.weights))))

    def features(self, pixels: np.ndarray, *, batch: int = 64) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32."""
        with torch.no_grad():
            return np.concatenate([self.extract(_resized(pixels[i:i + batch], self.size)).flatten(1).float().numpy()
                                   for i in range(0, len(pixels), batch)])


@dataclass(frozen=True)
class Eight:
    """The eight metrics as one paper takes them.

    name, version   as of a protocol
    networks        of six of the eight; PixCorr and SSIM are taken alike for all tables, bilinear at 425 px
    source          whose evaluation code it is
    differs         how it differs from the other tables
    """

    name: str
    version: int
    networks: tuple[Published, ...]
    source: str
    differs: str

    @property
    def stamp(self) -> str:
        """Name and version, as in "eight/mindeye@1"."""
        return f"{self.name}@{self.version}"


def _table(alexnet: int, inception: int, clip: int, effnet: int, swav: int, effnet_weights: str) -> tuple[Published, ...]:
    return (Published("AlexNet 2", "alexnet", "alexnet", "features.4", alexnet, TWO_WAY, "AlexNet_Weights.IMAGENET1K_V1"),
            Published("AlexNet 5", "alexnet", "alexnet", "features.11", alexnet, TWO_WAY, "AlexNet_Weights.IMAGENET1K_V1"),
            Published("Inception", "inception_v3", "inception_v3", "avgpool", inception, TWO_WAY,
                      "Inception_V3_Weights.IMAGENET1K_V1"),
            Published("CLIP", "ViT-L-14", "ViT-L-14-quickgelu", "", clip, TWO_WAY),
            Published("EffNet", "efficientnet_b1", "efficientnet_b1", "avgpool", effnet, DISTANCE, effnet_weights),
            Published("SwAV", "swav", "resnet50", "avgpool", swav, DISTANCE))


MINDEYE, BRAIN_DIFFUSER = "eight/mindeye", "eight/brain-diffuser"
_TABLES = (
    Eight(MINDEYE, 1, _table(256, 342, 224, 255, 224, "EfficientNet_B1_Weights.IMAGENET1K_V2"), "MindEye, released code",
          "pictures at the size of each network's own recipe, and torchvision's second weights of EfficientNet-B1"),
    Eight(BRAIN_DIFFUSER, 1, _table(224, 224, 224, 224, 224, "EfficientNet_B1_Weights.IMAGENET1K_V1"),
          "Brain-Diffuser, released code", "all pictures at 224 px, and torchvision's first weights of EfficientNet-B1"),
)
EIGHT: dict[str, Eight] = {table.name: table for table in _TABLES}


def eight_table(name: str) -> Eight:
    """The table of the eight with this name, with or without its version; ValueError for an unknown one."""
    found = EIGHT.get(name) or next((table for table in _TABLES if table.stamp == name), None)
    if found is None:
        raise ValueError(f"got the eight numbers {name!r}, expected {' or '.join(table.stamp for table in _TABLES)}; choose one")
    return found


def feature_extractors(folder: str | Path | None = None, table: str = MINDEYE, *,
                       photographs: bool = False) -> tuple[FeatureExtractor, ...]:
    """The networks of six of the eight metrics, each as published if its weights are in `folder`, else a stand-in.

    Parameters
    ----------
    folder : path, optional
        By default $MINDREADER_METRICS; without either, stand-ins only, but see `photographs`. Files are found by how their name begins:
        alexnet, inception_v3, efficientnet_b1, swav (state dicts as torchvision and SwAV's authors publish them, .pth or
        .safetensors; nothing in them is run) and ViT-L-14 (OpenAI's archive, or .safetensors for open_clip). A file whose checksum is
        torchvision's is known by it, so both weights of EfficientNet-B1 may lie there, and each table takes its own.
    table : str
        A key of `EIGHT`, with or without "@version": whose sizes and weights.
    photographs : bool
        Whether the pictures are photographs: then, without a folder, the networks are those among all published weights
        (`checkpoints`). Drawings of the simulated world are left to the stand-ins.

    Raises
    ------
    LayoutError
        The folder does not exist, holds a file that is no network's, two for one network, one that is known to be another
        table's, or one that does not fit its network.
    """
    eight = eight_table(table)
    folder = folder or os.environ.get(WEIGHTS) or None
    if folder is not None and not (folder := Path(folder).expanduser()).is_dir():
        raise LayoutError(f"found no folder {folder}, expected the weights of the published metrics there; "
                          f"correct or unset ${WEIGHTS}")
    files = networks.find_files(folder, eight.networks, eight.stamp) if folder is not None or photographs else {}
    stand_ins = {} if set(files) == {each.metric for each in eight.networks} else _stand_ins(eight)
    return tuple(_published(each, files[each.metric], eight) if each.metric in files else stand_ins[each.metric]
                 for each in eight.networks)


def eight_metrics(pictures: Reconstructions, stimuli: Stimuli, extractors: Sequence[FeatureExtractor], *, seed: int = 0, name: str = "",
          origin: str = "", n_bootstrap: int = 1000) -> pd.DataFrame:
    """Score one set of reconstructions (first draw) by the eight metrics: a row each, with a 95 % interval over pictures.

    Columns: `SCORE_COLUMNS`, protocol (with the table of the eight and the checksum of the weights), better ("higher" or
    "lower") and network. PixCorr and SSIM have no chance level. The published protocols take one reconstruction for each
    picture; here all repeats count. Where the pictures are NSD's (origin "nsd"), the row of a stand-in has no value, and its
    name says what to give.
    """
    table = next((extractor.table for extractor in extractors if extractor.table), "")
    images = pictures.images[:, 0]
    originals = stimuli.take(np.unique(pictures.image_ids))
    shown = originals.images[pd.Index(originals.ids).get_indexer(pictures.image_ids)]
    rows = []
    for metric, compare in (("PixCorr", pixel_correlation), ("SSIM", structural_similarity)):
        values = compare(images, shown)
        low, high = scoring.bootstrap_interval(values, pictures.image_ids, seed=seed, n_bootstrap=n_bootstrap)
        rows.append(scoring.score_row(name, metric, values.mean(), low, high, len(values), np.nan, seed, origin,
                                       protocol="; ".join(filter(None, (table, metric))), better="higher", network="none"))
    for extractor in extractors:
        if origin not in ("", "twin") and extractor.origin == "twin":
            rows.append(_not_computed(extractor, seed, name, origin))
            continue
        guess = Embeddings(extractor.features(images), pictures.image_ids, pictures.keys, extractor.metric, "fmri")
        truth = Embeddings(extractor.features(originals.images), originals.ids, np.zeros_like(originals.ids), extractor.metric, "pixels")
        row = protocols.score_protocol(extractor.protocol, guess, truth, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap)
        rows.append(row.assign(metric=extractor.metric, network=extractor.network,
                               protocol=[extractor.stamp(p) for p in row.protocol]))
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


def _not_computed(extractor: FeatureExtractor, seed: int, name: str, origin: str) -> pd.DataFrame:
    """The row of a metric whose stand-in knows only pictures of the simulated world."""
    entry, metric = protocols.protocol(extractor.protocol), extractor.metric.removesuffix(" (twin)")
    stem = next((each.stem for each in _TABLES[0].networks if each.metric == metric), metric)
    words = f"{metric}, not computed: no weights {stem}* in ${WEIGHTS}"
    return scoring.score_row(name, words, np.nan, np.nan, np.nan, 0, np.nan, seed, origin, protocol=extractor.stamp(entry.stamp),
                             better=entry.better, network="none")


def _stand_ins(eight: Eight) -> dict[str, FeatureExtractor]:
    supervised, selfsupervised, clip = load_feature_net().module, load_resnet().module, embedding.load_clip()
    size = supervised.config.size
    stand_ins = {
        "AlexNet 2": ("resnet", "self-supervised net, stage 2 of 4", lambda x: selfsupervised.maps(2 * x - 1, 2)),
        "AlexNet 5": ("resnet", "self-supervised net, stage 4 of 4", lambda x: selfsupervised.maps(2 * x - 1, 4)),
        "Inception": ("feature", "net trained on the world's factors, pooled", lambda x: supervised(2 * x - 1)),
        "CLIP": ("clip", "the small CLIP, which the loss also uses", lambda x: clip.encode_pictures(2 * x - 1)),
        "EffNet": ("feature", "net trained on the world's factors, pooled", lambda x: supervised(2 * x - 1)),
        "SwAV": ("resnet", "self-supervised net, pooled", lambda x: selfsupervised(2 * x - 1)),
    }
    how = {each.metric: each.protocol for each in eight.networks}
    return {metric: FeatureExtractor(f"{metric} (twin)", network, how[metric], size, extract, eight.stamp,
                                     networks.short(part_checksum(part)), "twin")
            for metric, (part, network, extract) in stand_ins.items()}


def _published(published: Published, path: Path, eight: Eight) -> FeatureExtractor:
    label = f"{published.architecture} {published.node}".strip()
    digest = networks.short(checkpoints.published_digest(path))
    if published.metric == "CLIP":
        clip = embedding.load_clip(embedding.EmbedConfig(clip=f"{published.architecture}:{path}"))
        return FeatureExtractor(published.metric, label, published.protocol, published.size,
                                lambda x: clip.encode_pictures(2 * x - 1), eight.stamp, digest)
    net = networks.load_network(published, path)
    return FeatureExtractor(published.metric, label, published.protocol, published.size, net, eight.stamp, digest)
