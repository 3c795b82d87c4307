"""Embed pictures and captions by CLIP, and pictures by any network."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .. import checkpoints, clipfiles
from ..clipfiles import open_clip
from ..core import weights
from ..records import Embeddings, LayoutError, Reconstructions, Stimuli
from .augmentation import augment, checked_pixels
from .frozen import Frozen, in_batches, in_chunks, resize

LITTLE = "mini"  # the CLIP that is shipped
UNTRAINED = 50.0  # OpenAI's models have a logit scale of 100, untrained ones of 14


@dataclass(frozen=True)
class EmbedConfig:
    """Which CLIP, and its batch size.

    clip        "mini" (the one shipped here), "local-dir:/folder" (open_clip_config.json and safetensors),
                an open_clip model name and its weights, as in "ViT-B-32-quickgelu:/path/x.safetensors", or a name alone:
                then its weights are those in $MINDREADER_WEIGHTS or imported (`checkpoints`), e.g. OpenAI's ViT-B-32.pt
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


class ClipEmbedder(Frozen):
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
        return in_batches(self, lambda part: self.module.encode_image(self._prepare(part).to(self._device)),
                        checked_pixels(pixels))

    def texts(self, sentences: list[str]) -> np.ndarray:
        """n sentences -> (n, n_dims) float32, raw."""
        return in_batches(self, lambda part: self.module.encode_text(self.tokenizer(part).to(self._device)), list(sentences))

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        """Pictures N3HW in [-1, 1] -> (N, n_dims), differentiable in the pictures, raw.

        Resized (bicubic, antialiased like PIL), and brought to CLIP's mean and standard deviation.
        """
        x = resize(pictures, self.image_size)
        mean, std = self.mean.to(x), self.std.to(x)
        return self.module.encode_image(((x + 1) / 2 - mean) / std)

    def _prepare(self, pixels: np.ndarray) -> Tensor:
        if pixels.shape[1:3] == (self.image_size, self.image_size):
            x = torch.from_numpy(np.array(pixels)).to(self._device).permute(0, 3, 1, 2).float() / 255
            return (x - self.mean) / self.std
        from PIL import Image
        return torch.stack([self._to_input(Image.fromarray(p)) for p in pixels])


def load_clip(config: EmbedConfig | None = None) -> ClipEmbedder:
    """Load the CLIP of a config from local files, once file, name and activation agree (`clipfiles`).

    Raises
    ------
    LayoutError
        A file is missing, damaged, pickled, another model's, or says that it was trained with another activation.
    ValueError
        The name is unknown, is the variant without QuickGELU, or contradicts quick_gelu.
    """
    config = config or EmbedConfig()
    path = clip_path(config)
    return _from_folder(path.parent, config) if _in_folder(config) else _from_name(config.clip.partition(":")[0], path, config)


def clip_path(config: EmbedConfig) -> Path:
    """The file with the weights of a config's CLIP, found but not read; raises as `load_clip`."""
    name, _, rest = config.clip.partition(":")
    if config.clip == LITTLE:
        return weights.check_part("clip")[0]
    names = open_clip.list_models()
    if not rest and name in names:
        return _found(name)
    if not rest:
        raise ValueError(f"found clip={config.clip!r}, expected 'mini', 'local-dir:/folder', a name of open_clip's such as "
                         "'ViT-B-32-quickgelu', or one with a file, 'ViT-B-32-quickgelu:/path/x.safetensors'; nothing is downloaded")
    path = Path(rest).expanduser()
    if name == "local-dir":
        for needed in (path / clipfiles.CONFIG, path / clipfiles.WEIGHTS):
            if not needed.is_file():
                raise LayoutError(f"found no {needed.name} in {path}, expected an open_clip model there; "
                                  "check the path after 'local-dir:'")
        return path / clipfiles.WEIGHTS
    if name not in names:
        raise ValueError(f"found the CLIP model {name!r}, expected a name of open_clip's such as "
                         "'ViT-B-32-quickgelu'; see open_clip.list_models()")
    clipfiles.check_path(path, name)
    return path


def _found(name: str) -> Path:
    """The weights of a model of open_clip's by its name alone, or by that of its weights as OpenAI publishes them."""
    base = name.removesuffix("-quickgelu")
    path = checkpoints.find_weights(name) or checkpoints.find_weights(base)
    if path is None:
        raise LayoutError(f"found no weights of {name} in {checkpoints.imported_folder(base).parent} or in the folder that "
                          f"${checkpoints.VARIABLE} names, expected a file such as {base}.pt there; nothing is downloaded, so put it "
                          f"there, or give it as '{name}:/path/x.safetensors'")
    return path


def clip_checksum(config: EmbedConfig) -> str:
    """sha256 of the weights of a config's CLIP as published, followed by that of its config where a folder brings one.

    It changes whenever they do. Raises as `load_clip`.
    """
    if config.clip == LITTLE:
        return weights.part_checksum("clip")
    path = clip_path(config)
    return checkpoints.published_digest(path) + (weights.checksum(path.parent / clipfiles.CONFIG) if _in_folder(config) else "")


def is_of_simulated_world(config: EmbedConfig) -> bool:
    """Whether a config's CLIP knows only pictures and words of the simulated world: the one shipped here, or a copy of it."""
    if config.clip == LITTLE:
        return True
    path = clip_path(config)
    return config.clip.startswith("local-dir:") and "vocabulary" in clipfiles.read_config(path.parent) or \
        (path.parent / weights.CARD).is_file() and weights.is_of_simulated_world(weights.load_card(path.parent))


def embed_pictures(stimuli: Stimuli, embedder, **how) -> Embeddings:
    """One embedding for each picture, key 0; CLIP's are of space "image". how: kept and progress, as in `in_chunks`."""
    keys = np.zeros(len(stimuli.ids), np.int64)
    vectors = in_chunks(embedder.images, stimuli.images, embedder.batch, name="pictures", **how)
    return Embeddings(vectors, stimuli.ids, keys, embedder.space, embedder.source)


def embed_augmented(stimuli: Stimuli, embedder, n_versions: int, *, seed: int, **how) -> np.ndarray:
    """Embeddings of augmented versions of the pictures, (n_versions, n_images, n_dims) in their order; how: as `embed_pictures`."""
    def version(seed: int, rows: range) -> np.ndarray:
        return embedder.images(augment(stimuli.images[rows.start:rows.stop], seed=seed, first_row=rows.start))

    return np.stack([in_chunks(partial(version, seed + v), range(len(stimuli.ids)), embedder.batch, name=f"augmented-{v}-", **how)
                     for v in range(n_versions)])


def embed_captions(stimuli: Stimuli, embedder, **how) -> Embeddings:
    """One embedding for each caption, in the table's order, keyed by caption id; space "caption". how: as `embed_pictures`."""
    table = stimuli.captions
    vectors = in_chunks(embedder.texts, table.caption.tolist(), embedder.batch, name="captions", **how)
    return Embeddings(vectors, table.image_id.to_numpy(np.int64), table.caption_id.to_numpy(np.int64), "caption", "clip")


def embed_reconstructions(reconstructions: Reconstructions, embedder, draw: int = 0, **how) -> Embeddings:
    """One embedding for each reconstruction (of one draw of z), with its ids and keys; ValueError for another draw.

    how: as `embed_pictures`.
    """
    n_draws = reconstructions.images.shape[1]
    if not 0 <= draw < n_draws:
        raise ValueError(f"found draw {draw}, expected 0 to {n_draws - 1}; choose one of the draws of z")
    vectors = in_chunks(embedder.images, reconstructions.images[:, draw], embedder.batch, name="reconstructions", **how)
    return Embeddings(vectors, reconstructions.image_ids, reconstructions.keys, embedder.space, "fmri")


def _in_folder(config: EmbedConfig) -> bool:
    return config.clip == LITTLE or config.clip.startswith("local-dir:")


def _from_folder(folder: Path, config: EmbedConfig) -> ClipEmbedder:
    settings, name, path = clipfiles.read_config(folder), f"local-dir:{folder}", folder / clipfiles.WEIGHTS
    model = settings["model_cfg"]
    if model.get("quick_gelu", False) and not config.quick_gelu:
        raise ValueError(f"found embed.quick_gelu=False and quick_gelu true in {folder / clipfiles.CONFIG}, expected them to "
                         "agree; leave embed.quick_gelu true, for a folder's config says what its weights were trained with")
    found = clipfiles.ClipFile(path, name)
    module = _built(name, load_weights=False)
    found.load_into(module, model.get("quick_gelu", False))
    if "vocabulary" in settings:
        tokenizer = CompactTokenizer(settings["vocabulary"], model["text_cfg"]["context_length"])
    else:
        tokenizer = _tokenizer(name)
    return ClipEmbedder(module, tokenizer, batch=config.batch)


def _from_name(name: str, path: Path, config: EmbedConfig) -> ClipEmbedder:
    quick, found = open_clip.get_model_config(name).get("quick_gelu", False), clipfiles.ClipFile(path, name)
    if config.quick_gelu != quick and (quick or f"{name}-quickgelu" in open_clip.list_models()):
        if found.quick is not None:
            raise ValueError(f"found embed.quick_gelu={config.quick_gelu} and the CLIP model {name!r} for {path.name}, trained with "
                             f"{clipfiles.QUICK[found.quick]} as {found.why}, expected both to say that; {found.advice}")
        if quick:
            raise ValueError(f"found embed.quick_gelu=False and the CLIP model {name!r}, which has QuickGELU, expected them to "
                             f"agree; leave embed.quick_gelu true, or name '{name.removesuffix('-quickgelu')}' for weights that "
                             "were trained with GELU")
        raise ValueError(f"found the CLIP model {name!r}, expected '{name}-quickgelu', for OpenAI's weights "
                         "are silently wrong without QuickGELU; use that, or quick_gelu=False for others")
    module = _built(name)
    found.load_into(module, quick)
    embedder = ClipEmbedder(module, _tokenizer(name), batch=config.batch)
    if embedder.logit_scale < UNTRAINED:
        raise LayoutError(f"found a logit scale of {embedder.logit_scale:.1f} in {path.name}, expected about "
                          f"100; these are no trained weights of {name}, so give others")
    return embedder


def _built(name: str, **how) -> nn.Module:
    """The model by open_clip, without weights; LayoutError for a config that it cannot build."""
    def is_news(line: logging.LogRecord) -> bool:  # that there are no weights is known, for they come next
        return "initialized randomly" not in line.getMessage()

    logging.getLogger().addFilter(is_news)
    try:
        with torch.random.fork_rng(devices=[]):
            return open_clip.create_model(name, **how)
    except Exception as error:  # open_clip raises what it likes for a bad config
        raise LayoutError(f"found a model that open_clip cannot build ({str(error).strip().splitlines()[0]}), expected the "
                          f"config of {name}; copy it again") from error
    finally:
        logging.getLogger().removeFilter(is_news)


def _tokenizer(name: str):
    """open_clip's tokenizer of this model; LayoutError where it is not part of open_clip and would have to be downloaded."""
    try:
        return open_clip.get_tokenizer(name)
    except Exception as error:  # transformers and its hub raise what they like
        raise LayoutError(f"found no tokenizer of {name} on this machine ({str(error).strip().splitlines()[0]}), expected one that "
                          "open_clip brings along, for nothing is downloaded; name another model, or put its tokenizer's files "
                          "beside the weights and use 'local-dir:/folder'") from error
