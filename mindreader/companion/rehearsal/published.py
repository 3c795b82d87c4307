"""Write files of random weights in the formats in which others publish theirs.

OpenAI's are TorchScript archives in half precision, those of Lafite and Mind Reader pickles of StyleGAN2-ADA's persistence, the
rest state dicts that torch saved. Stand-ins only: what their code writes was read in its documentation.
"""

from __future__ import annotations

import json
import math
import pickle
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import open_clip
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ...checkpoints import PUBLISHED
from ...generator import Discriminator, Generator, StyleGanConfig

State = Mapping[str, Tensor]


# ── which networks ─────────────────────────────────────────────────────────────────────────────────────────────────────
def write_network(folder: Path, name: str, *, seed: int = 0) -> Path:
    """The file of a network of `checkpoints.PUBLISHED`, under its published name, with random weights."""
    published = next(one for one in PUBLISHED if one.name == name)
    path = folder / published.files[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if published.kind.startswith("CLIP"):
            _write_clip(path, name)
        else:
            torch.save(_NETWORKS[published.kind](), path)
    return path


def write_clip_folder(folder: Path, settings: dict, *, seed: int = 0) -> Path:
    """A folder with a CLIP of these settings as open_clip's users publish theirs: a config, and safetensors of random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _random_clip(settings)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": settings, "preprocess_cfg": {}}), encoding="utf-8")
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


def write_generator(path: Path, config: StyleGanConfig, *, seed: int = 0) -> Path:
    """The pickle of a generator of these sizes, as Lafite's training dumps it, with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator, discriminator = Generator(config), Discriminator(config)
    synthesis = EasyDict(conv_clamp=config.conv_clamp, structure=2 * config.heads)
    keywords = {"z_dim": config.z_dim, "c_dim": 0, "synthesis_kwargs": synthesis}
    write_pickle(path, snapshot(generator.state_dict(), discriminator.state_dict(), keywords,
                                {"epilogue_kwargs": EasyDict(mbstd_group_size=config.minibatch_group)}))
    return path


def _write_clip(path: Path, name: str) -> None:
    config = open_clip.get_model_config(name)
    model = _random_clip(config)
    state = {key: value.half() if value.ndim > 1 else value for key, value in model.state_dict().items()}
    script(state, path, input_resolution=config["vision_cfg"]["image_size"], context_length=config["text_cfg"]["context_length"],
           vocab_size=config["text_cfg"]["vocab_size"])


def _random_clip(settings: dict) -> nn.Module:
    model = open_clip.CLIP(**settings)
    model.logit_scale.data.fill_(math.log(100.0))   # by which a trained one is told from an untrained
    return model


def _torchvision(architecture: str, **settings) -> Callable[[], dict]:
    def state() -> dict:
        from torchvision.models import get_model

        return get_model(architecture, weights=None, **settings).state_dict()
    return state


def _without_classifier() -> dict:
    return {key: value for key, value in _torchvision("resnet50")().items() if not key.startswith("fc.")}


def _swav() -> dict:
    projection = nn.Sequential(nn.Linear(2048, 2048), nn.BatchNorm1d(2048), nn.ReLU(), nn.Linear(2048, 128))
    heads = nn.ModuleDict({"projection_head": projection, "prototypes": nn.Linear(128, 3000, bias=False)})
    return {f"module.{key}": value for key, value in (_without_classifier() | heads.state_dict()).items()}


_NETWORKS: dict[str, Callable[[], dict]] = {
    "ResNet-50 without classifier": _without_classifier, "ResNet-50 of SwAV": _swav, "ResNet-50": _torchvision("resnet50"),
    "AlexNet": _torchvision("alexnet"), "EfficientNet-B1": _torchvision("efficientnet_b1"),
    "Inception v3": _torchvision("inception_v3", init_weights=False),
    "Inception v3 of FID": _torchvision("inception_v3", init_weights=False, aux_logits=False, num_classes=1008)}


# ── StyleGAN2-ADA's persistence ────────────────────────────────────────────────────────────────────────────────────────
class EasyDict(dict):
    """A dictionary that other code reads by attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


EasyDict.__module__ = "dnnlib.util"


def _reconstruct_persistent_obj(meta):
    raise AssertionError("the file was run")


_reconstruct_persistent_obj.__module__ = "torch_utils.persistence"


class Persistent(nn.Module):
    """A module that pickles as classes decorated by StyleGAN2-ADA's persistence do.

    source: the text of the class's module, which such a pickle carries along
    """

    source = "class Generator: pass\n"

    def __init__(self, name: str, **keywords):
        super().__init__()
        self._init_args, self._init_kwargs, self._name = (), EasyDict(keywords), name
        self.weight_gain = np.float64(1.5) / np.sqrt(2)     # their layers keep numbers of NumPy

    def __reduce__(self):
        state = {key: value for key, value in self.__dict__.items() if key != "_name"}
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": self._name, "state": state}
        return _reconstruct_persistent_obj, (meta,), None, None, None


def persistent(state: State, name: str = "Generator", **keywords) -> Persistent:
    """A tree of persistent modules whose state dict is `state`; names that torch keeps as buffers are buffers."""
    root = Persistent(name, **keywords)
    for key, tensor in state.items():
        *path, last = key.split(".")
        node = root
        for part in path:
            if part not in node._modules:
                node.add_module(part, Persistent("Layer"))
            node = node._modules[part]
        if last in ("noise_const", "w_avg", "resample_filter"):
            node.register_buffer(last, tensor.clone())
        else:
            node.register_parameter(last, nn.Parameter(tensor.clone()))
    return root


def with_filters(state: State) -> dict[str, Tensor]:
    """The state dict with the fixed filters that published layers carry along."""
    layers = {key.rpartition(".")[0] for key in state if key.endswith((".noise_const", "skip.weight", "fromrgb.weight"))}
    return dict(state) | {f"{layer}.resample_filter": torch.ones(4, 4) / 16 for layer in layers}


def snapshot(generator: State, discriminator: State, keywords: dict | None = None, discriminator_keywords: dict | None = None,
             **more) -> dict:
    """What Lafite's training loop dumps."""
    def network(state, name, keywords):
        return persistent(with_filters(state), name, **(keywords or {}))

    return {"training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset", "path": "x.zip"},
            "args": {"num_gpus": 4, "loss_kwargs": EasyDict(r1_gamma=10.0)},
            "G": network(generator, "Generator", keywords), "D": network(discriminator, "Discriminator", discriminator_keywords),
            "G_ema": network(generator, "Generator", keywords), "augment_pipe": None, **more}


def write_pickle(path: Path, content, protocol: int = 4) -> None:
    """Dump with the modules in place that the real code has, and take them away again."""
    made = {name: types.ModuleType(name) for name in ("dnnlib", "dnnlib.util", "torch_utils", "torch_utils.persistence")}
    made["dnnlib.util"].EasyDict = EasyDict
    made["torch_utils.persistence"]._reconstruct_persistent_obj = _reconstruct_persistent_obj
    sys.modules.update(made)
    try:
        with open(path, "wb") as file:
            pickle.dump(content, file, protocol)
    finally:
        for name in made:
            del sys.modules[name]


# ── TorchScript ────────────────────────────────────────────────────────────────────────────────────────────────────────
class _Scripted(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def script(state: State, path: Path, **numbers: int) -> None:
    """A TorchScript archive whose modules have these tensors, and these numbers as buffers beside them."""
    root = _Scripted()
    for key, tensor in state.items():
        *names, last = key.split(".")
        node = root
        for part in names:
            if part not in node._modules:
                node.add_module(part, _Scripted())
            node = node._modules[part]
        node.register_parameter(last, nn.Parameter(tensor.clone()))
    for key, value in numbers.items():
        root.register_buffer(key, torch.tensor(value))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(root), str(path))
