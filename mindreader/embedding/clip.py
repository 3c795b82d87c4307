"""Embed pictures and captions by CLIP, and pictures by the low-level and evaluation networks."""

from __future__ import annotations

import copy
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..core import weights
from ..records import Embeddings, LayoutError, Reconstructions, Stimuli
from .augmentation import AugmentConfig, augment, checked_pixels
from .smallnets import FEATURE_NET, RESNET, Divisor, SmallNet, max_mean, resize, unit_range

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before open_clip's first import, so that nothing is downloaded
import open_clip  # noqa: E402

__all__ = ["AugmentConfig", "ClipEmbedder", "CompactTokenizer", "EmbedConfig", "FeatureNet", "LowLevelNet",
           "PixelEmbedder", "augment", "embed_captions", "embed_pictures", "embed_reconstructions",
           "load_clip", "load_feature_net", "load_resnet"]

log = logging.getLogger(__name__)
UNTRAINED = 50.0  # OpenAI's models have a logit scale of 100, untrained ones of 14


@dataclass(frozen=True)
class EmbedConfig:
    """Which CLIP, and its batch size.

    clip        "mini" (the one shipped here), "local-dir:/folder" (open_clip_config.json and safetensors),
                or "ViT-B-32-quickgelu:/path/x.safetensors" (an open_clip model name and its weights)
    batch       rows at once; changes results by rounding only
    quick_gelu  whether weights given with a model name were trained with QuickGELU, as all of OpenAI's were;
                False to load others, such as LAION's, under a plain name
    """

    clip: str = "mini"
    batch: int = 128
    quick_gelu: bool = True


class CompactTokenizer:
    """open_clip's byte-pair tokenizer, restricted to the tokens of the simulated world.

    Parameters
    ----------
    tokens : list of int
        Ids of open_clip's SimpleTokenizer that have an id here.
    context_length : int
        Length of every row.

    Notes
    -----
    Id 0 pads, 1 stands for every other token, 2 starts, then come `tokens` in ascending order; the highest id ends
    a sentence, because open_clip takes a sentence's features at its highest id.
    """

    PAD, UNKNOWN, START = 0, 1, 2

    def __init__(self, tokens: list[int], context_length: int):
        self.base = open_clip.SimpleTokenizer()
        self.tokens = sorted(set(int(t) for t in tokens))
        self.context_length = context_length
        self.ids = {token: i for i, token in enumerate(self.tokens, start=3)}
        self.end = len(self.tokens) + 3
        self.vocab_size = self.end + 1

    def __call__(self, sentences: str | list[str]) -> Tensor:
        """n sentences -> (n, context_length) int64; sentences that are too long are truncated."""
        sentences = [sentences] if isinstance(sentences, str) else sentences
        out = torch.zeros(len(sentences), self.context_length, dtype=torch.long)
        for row, sentence in enumerate(sentences):
            ids = [self.ids.get(t, self.UNKNOWN) for t in self.base.encode(sentence)]
            ids = [self.START, *ids[: self.context_length - 2], self.end]
            out[row, : len(ids)] = torch.tensor(ids)
        return out

    def decode(self, ids) -> str:
        """The words of one row; unknown tokens as '?'."""
        words = [self.base.decode([self.tokens[i - 3]]) if i >= 3 else "? "
                 for i in map(int, ids) if i not in (self.PAD, self.START, self.end)]
        return "".join(words).strip()

    @classmethod
    def known(cls, sentences) -> list[int]:
        """The SimpleTokenizer ids that occur in these sentences, ascending."""
        base = open_clip.SimpleTokenizer()
        return sorted({t for s in sentences for t in base.encode(s)})


class _Frozen:
    """A frozen network, on any device."""

    module: nn.Module

    def on(self, device: str) -> Self:
        """The same network on a device: itself where it is there already, else a copy."""
        if self._device.type == device:
            return self
        moved = copy.copy(self)
        moved.module = copy.deepcopy(self.module).to(device)
        return moved

    @property
    def _device(self) -> torch.device:
        return next(self.module.parameters()).device


class ClipEmbedder(_Frozen):
    """A frozen open_clip model: raw embeddings of pictures and sentences.

    Parameters
    ----------
    module : torch.nn.Module
        Any open_clip model; put into evaluation mode and frozen.
    tokenizer : callable
        n sentences -> (n, context length) int64.
    batch : int
        Rows at once.

    Attributes
    ----------
    n_dims : int
    logit_scale : float
        CLIP's factor on the cosine, about 100 when trained.
    module : torch.nn.Module
    image_size : int
        Height and width of the model's input, pixels.
    """

    space, source = "image", "clip"

    def __init__(self, module: nn.Module, tokenizer, *, batch: int = 128):
        self.module = module.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.batch = batch
        self.logit_scale = float(module.logit_scale.exp())
        shape = module.visual.image_size
        self.image_size = shape if isinstance(shape, int) else shape[0]
        known = open_clip.transform.PreprocessCfg(**module.visual.preprocess_cfg)
        self._to_input = open_clip.transform.image_transform_v2(known, is_train=False)
        self.mean = torch.tensor(known.mean).reshape(1, 3, 1, 1)
        self.std = torch.tensor(known.std).reshape(1, 3, 1, 1)
        with torch.no_grad():
            self.n_dims = module.encode_text(tokenizer(["a"])).shape[1]

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32, raw, through open_clip's own preprocessing."""
        return _batched(self, lambda part: self.module.encode_image(self._prepare(part).to(self._device)),
                        checked_pixels(pixels))

    def texts(self, sentences: list[str]) -> np.ndarray:
        """n sentences -> (n, n_dims) float32, raw."""
        return _batched(self, lambda part: self.module.encode_text(self.tokenizer(part).to(self._device)), list(sentences))

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        """Pictures N3HW in [-1, 1] -> (N, n_dims), differentiable in the pictures, raw.

        Resized (bicubic, antialiased like PIL), and brought to CLIP's mean and standard deviation.
        """
        x = resize(pictures, self.image_size)
        mean, std = self.mean.to(x), self.std.to(x)
        return self.module.encode_image(((x + 1) / 2 - mean) / std)

    def _prepare(self, pixels: np.ndarray) -> Tensor:
        if pixels.shape[1:3] == (self.image_size, self.image_size):
            x = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255
            return (x - self.mean) / self.std
        from PIL import Image
        return torch.stack([self._to_input(Image.fromarray(p)) for p in pixels])


class FeatureNet(_Frozen):
    """Features of the small network trained to predict the simulated world's factors; for distances, never for a loss.

    A Fréchet distance over them is `FD (twin features)`, not an FID.
    """

    space, source = "twin features", "pixels"

    def __init__(self, module: SmallNet, *, batch: int = 256):
        self.module = module.eval().requires_grad_(False)
        self.batch = batch
        self.n_dims = module.n_dims

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32, pooled."""
        return _batched(self, lambda part: self.module(unit_range(part).to(self._device)), checked_pixels(pixels))


class LowLevelNet(_Frozen):
    """Features of the small self-supervised network (VICReg, pictures alone).

    Parameters
    ----------
    level : "low" or "last"
        What `images` gives: `low_level` with each picture's own divisor, or `last_block`.

    Raises ValueError for another level.
    """

    source = "pixels"

    def __init__(self, module: SmallNet, *, level: Literal["low", "last"] = "low", batch: int = 256):
        if level not in ("low", "last"):
            raise ValueError(f"found level {level!r}, expected 'low' or 'last'; choose one of them")
        self.module = module.eval().requires_grad_(False)
        self.batch = batch
        self.level = level
        self.space = f"resnet {level}"
        self.n_dims = (module.config.size // 4) ** 2 if level == "low" else module.n_dims

    def low_level(self, pictures: Tensor, divisor: Divisor = "batch") -> Tensor:
        """Second-stage features of pictures N3HW in [-1, 1] -> (N, positions), by `max_mean`; differentiable."""
        return max_mean(self.module.maps(pictures, 2), divisor)

    def last_block(self, pictures: Tensor) -> Tensor:
        """Last-stage features of pictures N3HW in [-1, 1], pooled over positions -> (N, channels)."""
        return self.module.maps(pictures).mean((2, 3))

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32, of this network's level."""
        features = self.last_block if self.level == "last" else lambda x: self.low_level(x, "sample")
        return _batched(self, lambda part: features(unit_range(part).to(self._device)), checked_pixels(pixels))


class PixelEmbedder:
    """The picture's pixels, downsampled, as its embedding: a baseline space.

    Parameters
    ----------
    size : int
        Height and width after shrinking, pixels; n_dims = 3 * size^2, values in [0, 1].
    """

    space, source = "pixels", "pixels"

    def __init__(self, size: int = 16, *, batch: int = 256):
        self.size, self.batch, self.n_dims = size, batch, 3 * size * size

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32."""
        def shrink(part):
            return ((resize(unit_range(part), self.size) + 1) / 2).flatten(1)

        return _batched(self, shrink, checked_pixels(pixels))


def load_clip(config: EmbedConfig | None = None) -> ClipEmbedder:
    """Load the CLIP of a config from local files, by open_clip's own loader.

    Raises
    ------
    LayoutError
        A file is missing, damaged, pickled, or not CLIP's.
    ValueError
        The name is unknown, or is the variant without QuickGELU.
    """
    config = config or EmbedConfig()
    name, _, rest = config.clip.partition(":")
    if config.clip == "mini":
        weights.check_part("clip")
        return _from_folder(weights.part_folder("clip"), config)
    if name == "local-dir" and rest:
        return _from_folder(Path(rest).expanduser(), config)
    if rest:
        return _from_name(name, Path(rest).expanduser(), config)
    raise ValueError(f"found clip={config.clip!r}, expected 'mini', 'local-dir:/folder' or "
                     "'ViT-B-32-quickgelu:/path/x.safetensors'; nothing is downloaded, so give a path")


def load_feature_net(path: str | Path | None = None) -> FeatureNet:
    """Load the evaluation network of `FD (twin features)`; `path`: another folder written by `weights.save_part`.

    Raises LayoutError for a file, such as the Inception-v3 of a real FID, which is not supported.
    """
    if path is not None and Path(path).is_file():
        raise LayoutError(f"found the file {path}, expected a folder with card.json and weights.safetensors; "
                          "an Inception for a real FID is not supported, so use torch-fidelity for one")
    return FeatureNet(_small_net("feature" if path is None else Path(path), FEATURE_NET))


def load_resnet(level: Literal["low", "last"] = "low") -> LowLevelNet:
    """Load the self-supervised network that stands in for the VICReg ResNet-50 of the released code."""
    return LowLevelNet(_small_net("resnet", RESNET), level=level)


def embed_pictures(stimuli: Stimuli, embedder) -> Embeddings:
    """One embedding for each picture, key 0; CLIP's are of space "image"."""
    keys = np.zeros(len(stimuli.ids), np.int64)
    return Embeddings(embedder.images(stimuli.images), stimuli.ids, keys, embedder.space, embedder.source)


def embed_captions(stimuli: Stimuli, embedder) -> Embeddings:
    """One embedding for each caption, in the table's order, keyed by caption id; space "caption"."""
    table = stimuli.captions
    return Embeddings(embedder.texts(table.caption.tolist()), table.image_id.to_numpy(np.int64),
                      table.caption_id.to_numpy(np.int64), "caption", "clip")


def embed_reconstructions(reconstructions: Reconstructions, embedder, draw: int = 0) -> Embeddings:
    """One embedding for each reconstruction (of one draw of z), with its ids and keys; ValueError for another draw."""
    n_draws = reconstructions.images.shape[1]
    if not 0 <= draw < n_draws:
        raise ValueError(f"found draw {draw}, expected 0 to {n_draws - 1}; choose one of the draws of z")
    return Embeddings(embedder.images(reconstructions.images[:, draw]), reconstructions.image_ids,
                      reconstructions.keys, embedder.space, "fmri")


def _from_folder(folder: Path, config: EmbedConfig) -> ClipEmbedder:
    path = folder / "open_clip_config.json"
    for needed in (path, folder / "open_clip_model.safetensors"):
        if not needed.is_file():
            raise LayoutError(f"found no {needed.name} in {folder}, expected an open_clip model there; "
                              "check the path after 'local-dir:'")
    settings = json.loads(path.read_text(encoding="utf-8"))
    name = f"local-dir:{folder}"
    module = _open_clip(name, folder)
    if "vocabulary" in settings:
        length = settings["model_cfg"]["text_cfg"]["context_length"]
        tokenizer = CompactTokenizer(settings["vocabulary"], length)
    else:
        tokenizer = open_clip.get_tokenizer(name)
    return ClipEmbedder(module, tokenizer, batch=config.batch)


def _from_name(name: str, path: Path, config: EmbedConfig) -> ClipEmbedder:
    names = open_clip.list_models()
    if name not in names:
        raise ValueError(f"found the CLIP model {name!r}, expected a name of open_clip's such as "
                         "'ViT-B-32-quickgelu'; see open_clip.list_models()")
    quick = open_clip.get_model_config(name).get("quick_gelu", False)
    if config.quick_gelu and not quick and f"{name}-quickgelu" in names:
        raise ValueError(f"found the CLIP model {name!r}, expected '{name}-quickgelu', for OpenAI's weights "
                         "are silently wrong without QuickGELU; use that, or quick_gelu=False for others")
    if path.suffix != ".safetensors":
        raise LayoutError(f"found {path.name!r}, expected a .safetensors file, for others can run code when "
                          "read; convert the weights once")
    if not path.is_file():
        raise LayoutError(f"found no file {path}, expected the weights of {name}; check the path given")
    embedder = ClipEmbedder(_open_clip(name, path), open_clip.get_tokenizer(name), batch=config.batch)
    if embedder.logit_scale < UNTRAINED:
        raise LayoutError(f"found a logit scale of {embedder.logit_scale:.1f} in {path.name}, expected about "
                          f"100; these are no trained weights of {name}, so give others")
    return embedder


def _open_clip(name: str, path: Path) -> nn.Module:
    """The model by open_clip's loader; LayoutError for weights that do not fit."""
    pretrained = None if name.startswith("local-dir:") else str(path)
    try:
        with torch.random.fork_rng(devices=[]):
            return open_clip.create_model(name, pretrained=pretrained)
    except Exception as error:  # open_clip and safetensors raise what they like for a bad file
        reason = str(error).strip().splitlines()[0]
        raise LayoutError(f"found weights in {path} that open_clip cannot load ({reason}), expected those of "
                          f"{name}; check that file and model belong together") from error


def _small_net(part: str | Path, config) -> SmallNet:
    state, _ = weights.load_part(part, architecture=config.asdict())
    with torch.random.fork_rng(devices=[]):
        net = SmallNet(config)
    net.load_state_dict(state)
    return net


def _batched(embedder, embed, rows) -> np.ndarray:
    """embed() over slices of rows, as one float32 array."""
    with torch.no_grad():
        parts = [embed(rows[i:i + embedder.batch]).float().cpu().numpy() for i in range(0, len(rows), embedder.batch)]
    return np.concatenate(parts) if parts else np.zeros((0, embedder.n_dims), np.float32)
