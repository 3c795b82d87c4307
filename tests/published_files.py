"""Write files as other people's code does: StyleGAN2-ADA's pickles, torch's archives, TorchScript's, and hostile ones of each.

Stand-ins only: what their code writes was read in its documentation, and is written here in this repository's own words.
"""

import io
import pickle
import struct
import sys
import types
import warnings
import zipfile

import numpy as np
import torch

SOURCE = "import os\nos.system('touch ran')\nclass Generator: pass\n"    # what would be run, were the file read as usual


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


class Persistent(torch.nn.Module):
    """A module that pickles as classes decorated by StyleGAN2-ADA's persistence do."""

    def __init__(self, name, **keywords):
        super().__init__()
        self._init_args, self._init_kwargs, self._name = (), EasyDict(keywords), name
        self.weight_gain = np.float64(1.5) / np.sqrt(2)     # their layers keep numbers of NumPy

    def __reduce__(self):
        state = {key: value for key, value in self.__dict__.items() if key != "_name"}
        meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": self._name, "state": state}
        return _reconstruct_persistent_obj, (meta,), None, None, None


def persistent(state, name="Generator", **keywords):
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
            node.register_parameter(last, torch.nn.Parameter(tensor.clone()))
    return root


def with_filters(state):
    """The state dict with the fixed filters that published layers carry along."""
    layers = {key.rpartition(".")[0] for key in state if key.endswith((".noise_const", "skip.weight", "fromrgb.weight"))}
    return dict(state) | {f"{layer}.resample_filter": torch.ones(4, 4) / 16 for layer in layers}


def write_pickle(path, content, protocol=4):
    """Dump with the modules in place that the real code has, and take them away again."""
    made = {name: types.ModuleType(name) for name in ("dnnlib", "dnnlib.util", "torch_utils", "torch_utils.persistence")}
    made["dnnlib.util"].EasyDict = EasyDict
    made["torch_utils.persistence"]._reconstruct_persistent_obj = _reconstruct_persistent_obj
    sys.modules.update(made)
    try:
        path.write_bytes(pickle.dumps(content, protocol))
    finally:
        for name in made:
            del sys.modules[name]


def snapshot(generator_state, discriminator_state, keywords=None, discriminator_keywords=None, **more):
    """What Lafite's training loop dumps."""
    def network(state, name, keywords):
        return persistent(with_filters(state), name, **(keywords or {}))

    return {"training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset", "path": "x.zip"},
            "args": {"num_gpus": 4, "loss_kwargs": EasyDict(r1_gamma=10.0)},
            "G": network(generator_state, "Generator", keywords), "D": network(discriminator_state, "Discriminator", discriminator_keywords),
            "G_ema": network(generator_state, "Generator", keywords), "augment_pipe": None, **more}


class _Scripted(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def script(state, path, **numbers):
    """A TorchScript archive whose modules have these tensors, and these numbers as buffers beside them."""
    root = _Scripted()
    for key, tensor in state.items():
        *names, last = key.split(".")
        node = root
        for part in names:
            if part not in node._modules:
                node.add_module(part, _Scripted())
            node = node._modules[part]
        node.register_parameter(last, torch.nn.Parameter(tensor.clone()))
    for key, value in numbers.items():
        root.register_buffer(key, torch.tensor(value))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(root), str(path))


# ── hostile files ──────────────────────────────────────────────────────────────────────────────────────────────────────
def text(value):
    """The instruction that puts a string on the stack."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def zipped(body, path, extra=(), compression=zipfile.ZIP_STORED):
    """torch's zip archive around a pickle."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", body)
        for name, content in extra:
            archive.writestr(name, content)


def legacy(body, path, keys=(), numbers=b""):
    """torch's file from before version 1.6 around a pickle."""
    head = [0x1950a86a20f9469cfc6c, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}]
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in head) + body + pickle.dumps(list(keys), 2) + numbers)


def legacy_bytes(tensor):
    """torch's own file from before 1.6 of a storage."""
    held = io.BytesIO()
    torch.save(tensor, held, _use_new_zipfile_serialization=False)
    return held.getvalue()
