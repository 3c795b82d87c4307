"""Tell which CLIP a file of weights holds, from its bytes, its tensors and what lies beside it, before it is used.

Weights trained with QuickGELU give other embeddings under GELU, and the reverse, without any error; so do those of a model
for another picture size, whose position embeddings are stretched. What the file says of itself is therefore compared with
what the experiment says. A file that says nothing is taken at the experiment's word, and a warning says so.
"""

from __future__ import annotations

import json
import logging
import os
from functools import cache
from pathlib import Path

import torch
from torch import nn

from . import checkpoints
from .core import weights
from .records import LayoutError

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before open_clip's first import, so that nothing is downloaded
import open_clip  # noqa: E402

log = logging.getLogger(__name__)
CLIP_MEAN, CLIP_STD = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD     # of the pictures that it was trained on
CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
OPENAI = frozenset({"input_resolution", "context_length", "vocab_size"})  # entries that only OpenAI's own archives have
IGNORED = OPENAI | {"text.transformer.embeddings.position_ids"}
SCALARS = ("logit_scale", "logit_bias")  # of shape () in some files, (1,) in others
QUICK = {True: "QuickGELU", False: "GELU"}


# ── what a file is ─────────────────────────────────────────────────────────────────────────────────────────────────────
def published_as(path: Path) -> tuple[str, str, bool] | None:
    """open_clip's name, tag and whether with QuickGELU, of a file whose checksum is a published one; else None."""
    try:
        digest = checkpoints.published_digest(path)
    except OSError:  # whoever reads it next says why
        return None
    return next((what for known, what in _published().items() if digest.startswith(known)), None)


@cache
def _published() -> dict[str, tuple[str, str, bool]]:
    """Checksums (or their first digits) in the addresses of open_clip's registry, by which it checks its downloads."""
    found = {}
    for name, tag in open_clip.list_pretrained():
        entry = open_clip.get_pretrained_cfg(name, tag)
        parts = entry.get("url", "").split("/")
        digits = parts[-2] if "openaipublic" in entry.get("url", "") else parts[-1].partition(".")[0].split("-")[-1]
        if len(digits) >= 8 and set(digits) <= set("0123456789abcdef"):
            found[digits] = (name.removesuffix("-quickgelu"), tag, entry.get("quick_gelu", False))
    return found


def _activation(path: Path, names: set[str], metadata: dict[str, str]) -> tuple[bool, str] | None:
    """Whether the weights were trained with QuickGELU, and what says so; None where nothing does.

    In this order: a published checksum, OpenAI's own entries, the file's metadata, a config of the same folder.
    """
    if known := published_as(path):
        return known[2], f"its checksum, that of {known[1]!r} for {known[0]}, says"
    if names >= OPENAI:
        return True, "the entries of OpenAI's archives in it say"
    said = {key.lower(): str(value).lower() for key, value in metadata.items()}
    if said.get("quick_gelu") in ("true", "1", "false", "0"):
        return said["quick_gelu"] in ("true", "1"), "its metadata say"
    if said.get("hidden_act") in ("quick_gelu", "gelu"):
        return said["hidden_act"] == "quick_gelu", "its metadata say"
    if beside := _config_beside(path):
        return bool(beside["model_cfg"].get("quick_gelu", False)), f"{CONFIG} beside it says"
    return None


def _config_beside(path: Path) -> dict | None:
    """The config of the same folder, where it can only be about this file."""
    mine = path.name == WEIGHTS or len(list(path.parent.glob("*.safetensors"))) == 1
    return read_config(path.parent) if mine and (path.parent / CONFIG).is_file() else None


def read_config(folder: Path) -> dict:
    """The open_clip_config.json of a folder; LayoutError where it is missing or no config of open_clip's."""
    path = folder / CONFIG
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(settings["model_cfg"][part], dict) for part in ("vision_cfg", "text_cfg")):
            raise KeyError("model_cfg")
    except OSError as error:
        raise LayoutError(f"found no readable {CONFIG} in {folder} ({error.strerror}), expected an open_clip model there; "
                          "check the path after 'local-dir:'") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LayoutError(f"found a {CONFIG} in {folder} that is no config of open_clip's ({type(error).__name__}: {error}), "
                          "expected model_cfg with vision_cfg and text_cfg; copy it again") from error
    return settings


# ── whether it is what the experiment says ─────────────────────────────────────────────────────────────────────────────
def check_path(path: Path, name: str) -> None:
    """Refuse a path at which no file can be; raises LayoutError."""
    if path.is_dir():
        raise LayoutError(f"found the folder {path}, expected a file with the weights of {name}; name the file, "
                          f"or 'local-dir:{path}' for a folder with {CONFIG}")
    if not path.is_file():
        raise LayoutError(f"found no file {path}, expected the weights of {name}; check the path given")


class ClipFile:
    """The weights of one CLIP as a file holds them, and what it says of itself.

    Parameters
    ----------
    path : Path
    name : str
        The model that they are said to be: a name of open_clip's, or "local-dir:" with a folder.

    Attributes
    ----------
    quick : bool or None
        Whether they were trained with QuickGELU; None where the file cannot tell.
    why : str
        What says so.

    Raises LayoutError for a file that is missing or damaged, or that holds anything but tensors. Nothing in it is run, whether
    it is safetensors, an archive as OpenAI publishes them, or a state dict that torch saved (`checkpoints`).
    """

    def __init__(self, path: Path, name: str):
        check_path(path, name)
        self.path, self.name = path, name
        self.state, metadata = _read(path, f"the weights of {name}")
        self.quick, self.why = _activation(path, set(self.state), metadata) or (None, "")
        self.state = {key: value for key, value in self.state.items() if key not in IGNORED}

    @property
    def advice(self) -> str:
        """What to set, so that the experiment says what the file says."""
        if self.name.startswith("local-dir:"):
            return f"set quick_gelu to {str(self.quick).lower()} in model_cfg of its {CONFIG}"
        base = self.name.removesuffix("-quickgelu")
        there = f"{base}-quickgelu" if self.quick else base
        if there not in open_clip.list_models():
            return f"use 'local-dir:/folder' with a {CONFIG} that says so, for open_clip has no model {there}"
        return f"set embed.clip to '{there}:{self.path}' and embed.quick_gelu to {str(self.quick).lower()}"

    def load_into(self, module: nn.Module, quick: bool) -> None:
        """Load the weights into the model of this name, which has QuickGELU or not, once both are known to agree.

        Raises LayoutError for another model's, another activation's, or pictures that are prepared in another way.
        """
        path, state, expected = self.path, self.state, module.state_dict()
        self._check_shapes(expected)
        if self.quick is None:
            log.warning("nothing in or beside %s says which activation it was trained with; it is taken for %s, as embed.clip "
                        "and embed.quick_gelu say", path.name, QUICK[quick])
        elif self.quick != quick:
            raise LayoutError(f"found {path.name}, trained with {QUICK[self.quick]} as {self.why}, expected weights trained with "
                              f"{QUICK[quick]}, which {self.name} has, since others are silently wrong; {self.advice}")
        self._check_preprocessing(module)
        if state.keys() == expected.keys():
            module.load_state_dict({key: value.reshape(expected[key].shape) for key, value in state.items()})
            return
        try:
            open_clip.load_checkpoint(module, str(path))  # names of earlier versions, which it knows
        except Exception as error:  # it raises what it likes
            missing, more = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
            raise LayoutError(f"found weights in {path} that open_clip cannot load ({_some(missing)} missing, {_some(more)} too "
                              f"many), expected those of {self.name}; {_fits(state)}") from error

    def _check_shapes(self, expected: dict[str, torch.Tensor]) -> None:
        """Refuse tensors of other shapes than the model's, position embeddings included, which open_clip would stretch."""
        if other := _other_names(self.state):
            raise LayoutError(f"found {self.path.name} with names that open_clip cannot load, such as "
                              f"{next(iter(self.state))!r}, expected open_clip's own weights of {self.name}; {other}")
        wanted = {key.removeprefix("text."): tuple(value.shape) for key, value in expected.items()}
        for key, value in self.state.items():
            want, shape = wanted.get(key.removeprefix("text.")), tuple(value.shape)
            if want is not None and shape != want and not (key in SCALARS and value.numel() == 1):
                raise LayoutError(f"found weights in {self.path} that open_clip cannot load as they are ({key} is {shape}, not "
                                  f"{want}), expected those of {self.name}; {_fits(self.state)}")

    def _check_preprocessing(self, module: nn.Module) -> None:
        """Refuse weights whose config wants pictures in another way than a model by name prepares them."""
        beside = None if self.name.startswith("local-dir:") else _config_beside(self.path)
        wanted, used = (beside or {}).get("preprocess_cfg", {}), module.visual.preprocess_cfg
        for key in ("mean", "std", "interpolation", "resize_mode"):
            if key in wanted and _plain(wanted[key]) != _plain(used[key]):
                raise LayoutError(f"found {key} {wanted[key]} in {CONFIG} beside {self.path.name}, expected {used[key]}, with which "
                                  f"{self.name} prepares pictures; set embed.clip to 'local-dir:{self.path.parent}', which follows "
                                  f"that config, with the weights named {WEIGHTS}")


def _read(path: Path, what: str) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    if path.suffix == ".safetensors" and not weights.is_pickled(path):
        return weights.read_tensors(path, what)
    state = checkpoints.load_checkpoint(path)
    weights.check_tensors(state, path, what)
    return state, {}


def _other_names(state: dict) -> str:
    """What to do about the tensor names of another library, "" for none that is known."""
    if any(key.startswith(("text_model.", "vision_model.", "clip.text_model.")) for key in state):
        return ("these are the names of Hugging Face's transformers, so give the same model's open_clip_model.safetensors, or "
                "rename its tensors once")
    if any(key.startswith(("blocks.0.", "patch_embed.")) for key in state):
        return "these are the names of timm and of the picture side alone, so give the whole CLIP as open_clip saves it"
    return ""


def _fits(state: dict[str, torch.Tensor]) -> str:
    """What the shapes fit, as advice."""
    names = [name for name in open_clip.list_models() if _described(open_clip.get_model_config(name)) == _shapes_of(state)]
    if not names:
        return "they fit no vision transformer that open_clip lists, so check that file and model belong together"
    return f"they fit {' or '.join(names[:4])}, so name that model or give another file"


def _described(config: dict | None) -> tuple | None:
    """What tells one of open_clip's vision transformers from another: dimensions of picture side, text side and output."""
    see, read = (config or {}).get("vision_cfg", {}), (config or {}).get("text_cfg", {})
    size, patch = see.get("image_size"), see.get("patch_size")
    others = isinstance(see.get("layers"), list) or "hf_model_name" in read or "timm_model_name" in see
    if others or not isinstance(size, int) or not isinstance(patch, int):
        return None
    return (see.get("width", 768), patch, (size // patch) ** 2 + 1, see.get("layers", 12), read.get("width", 512),
            read.get("layers", 12), read.get("context_length", 77), config.get("embed_dim"))


def _shapes_of(state: dict[str, torch.Tensor]) -> tuple | None:
    """The same of a file's tensors."""
    plain = {key.removeprefix("text."): tuple(value.shape) for key, value in state.items()}
    try:
        layers = [1 + max(int(key.split("resblocks.")[1].split(".")[0]) for key in plain if key.startswith(side))
                  for side in ("visual.transformer.resblocks.", "transformer.resblocks.")]
        width, _, patch, _ = plain["visual.conv1.weight"]
        return (width, patch, plain["visual.positional_embedding"][0], layers[0], plain["token_embedding.weight"][1], layers[1],
                plain["positional_embedding"][0], plain["visual.proj"][1])
    except (KeyError, IndexError, ValueError):
        return None


def _plain(value):
    return [float(v) for v in value] if isinstance(value, list | tuple) else value


def _some(names: list[str]) -> str:
    return f"{', '.join(names[:2])}{f' and {len(names) - 2} more' * (len(names) > 2)}" if names else "none"
