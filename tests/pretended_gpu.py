"""A GPU that is only pretended: its tensors lie in the processor's memory, and refuse what tensors on a GPU refuse.

So a machine without one finds what would stop a training on a GPU or slow it down: tensors of two devices in one operation,
tensors that NumPy is given from there, random numbers of another device's generator, and each place where the host waits. It
computes by the processor's kernels in float32; what it says of time is nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from mindreader.mapping import baselines
from mindreader.training import precision

GPU, HOST = torch.device("cuda:0"), torch.device("cpu")
OURS = str(Path(precision.__file__).parents[1])
ASKING = {"item", "tolist", "__float__", "__int__", "__bool__", "__index__", "nonzero", "masked_select", "unique", "equal",
          "allclose", "repeat_interleave"}     # the host goes on once it has the answer


class OnGpu(torch.Tensor):
    """A tensor that says that it is on the GPU."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return _call(func, args, kwargs or {}, [])


class PretendedGpu(TorchFunctionMode):
    """Tensors can be made on it while this is active. `waits`: where the host has waited for it: what was done, file and line."""

    def __init__(self):
        super().__init__()
        self.waits: list[str] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return _call(func, args, kwargs or {}, self.waits)


class Generator(torch.Generator):
    """Of random numbers, on the processor or the GPU, which are not those of the other one."""

    def __new__(cls, device="cpu"):
        return super().__new__(cls)

    def __init__(self, device="cpu"):
        self.place = torch.device(device)

    def manual_seed(self, seed):
        return super().manual_seed(seed + (self.place.type == "cuda"))

    def set_state(self, state):
        if isinstance(state, OnGpu):
            raise TypeError("RNG state must be a torch.ByteTensor")
        return super().set_state(state)

    @property
    def device(self):
        return self.place


@contextmanager
def pretended_gpu() -> Iterator[PretendedGpu]:
    """Within it `device="cuda"` is the pretended GPU."""
    with pytest.MonkeyPatch.context() as patch, PretendedGpu() as gpu:
        patch.setattr(torch, "Generator", Generator)
        patch.setattr(precision, "has_bfloat16", lambda kind: False)
        patch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
        for name, value in {"device_count": 1, "current_device": 0, "get_device_name": "a pretended GPU", "get_device_capability": (9, 0),
                            "get_arch_list": ["sm_90"], "is_available": True, "synchronize": None}.items():
            patch.setattr(torch.cuda, name, lambda *_, value=value, **__: value)
        patch.setattr(torch.cuda, "get_rng_state", lambda *_: torch.get_rng_state())
        patch.setattr(torch.cuda, "set_rng_state", lambda state, *_: torch.set_rng_state(state))
        patch.setattr(torch.optim.Optimizer, "_accelerator_graph_capture_health_check", lambda self: None, raising=False)
        patch.setattr(torch.cuda, "device", lambda *_: nullcontext())
        patch.setitem(baselines.BACKENDS, "cuda", "torch")
        yield gpu


def _call(func, args, kwargs, waits):
    """What torch would do with these arguments where there is a GPU."""
    name = getattr(func, "__name__", "")
    first = args[0] if args else None
    if func == torch.Tensor.device.__get__ and isinstance(first, OnGpu):
        return GPU
    if func == torch.Tensor.is_cuda.__get__:
        return isinstance(first, OnGpu)
    if name == "_parse_to":         # reads the arguments of a module's `to`
        return _plain(func, args, kwargs)
    if name in ("to", "cpu", "cuda") and isinstance(first, torch.Tensor):
        return _moved(name, first, args[1:], kwargs, waits)
    if name == "pin_memory":
        pinned = _plain(torch.Tensor.clone, args, {})
        pinned.is_in_pinned_memory = True
        return pinned
    given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    there, here = [x for x in given if isinstance(x, OnGpu)], [x for x in given if _is_here(x)]
    if name == "_has_compatible_shallow_copy_type" and there and here:
        return False
    if there:
        _refuse(name, first, here)
        if name in ASKING or name == "__getitem__" and any(x.dtype in (torch.bool, torch.uint8) for x in given[1:]):
            _note(waits, name)
    if name == "__reduce_ex__" and there:       # saved
        return _plain(func, (first.as_subclass(torch.Tensor), *args[1:]), kwargs)
    if name == "__deepcopy__" and there:
        return args[1].setdefault(id(first), _copied(first))
    if here and there and name in ("copy_", "__getitem__", "__setitem__") and any(x.dim() for x in here):
        if name != "copy_" or not (kwargs.get("non_blocking") and _is_pinned(args[1])):
            _note(waits, name)
    target = torch.device(kwargs["device"]) if kwargs.get("device") is not None else GPU if there else HOST
    if isinstance(generator := kwargs.get("generator"), Generator):
        if generator.device.type != target.type:
            raise RuntimeError(f"Expected a '{target.type}' device type for generator but found '{generator.device.type}'")
    if target.type != "cuda":
        return _plain(func, args, kwargs)
    if func in (torch.tensor, torch.as_tensor) and not there:
        _note(waits, "a tensor of the host's numbers")
    return _on_gpu(_plain(func, args, kwargs | ({"device": HOST} if "device" in kwargs else {})))


def _refuse(name, first, here):
    """Raise what torch raises where tensors of both devices meet."""
    if name in ("numpy", "__array__"):
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.")
    if not any(x.dim() for x in here) or name == "copy_" or name in ("__getitem__", "__setitem__") and isinstance(first, OnGpu):
        return
    raise RuntimeError(f"{name}: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!")


def _moved(name, x, rest, kwargs, waits):
    """`to`, `cpu` and `cuda`: to another device it is other memory."""
    rest, kwargs, target = list(rest), dict(kwargs), {"cpu": HOST, "cuda": GPU}.get(name, GPU if isinstance(x, OnGpu) else x.device)
    for place, keys in ((rest, range(len(rest))), (kwargs, list(kwargs))):
        for key in keys:
            if isinstance(place[key], (str, torch.device)):
                target = torch.device(place[key])
                place[key] = target if target.type == "meta" else HOST
            elif isinstance(place[key], torch.Tensor):
                target = place[key].device
    quick, moves = kwargs.pop("non_blocking", False), (target.type == "cuda") != isinstance(x, OnGpu)
    if moves and not (quick and (isinstance(x, OnGpu) or _is_pinned(x))):
        _note(waits, "to the GPU" if target.type == "cuda" else "from the GPU")
    found = _plain(torch.Tensor.to, (x, *rest), kwargs) if rest or kwargs else x
    if moves and found.data_ptr() == x.data_ptr():
        found = _plain(torch.Tensor.clone, (found,), {})
    return _on_gpu(found) if target.type == "cuda" else found.as_subclass(torch.Tensor) if isinstance(found, OnGpu) else found


def _copied(x):
    found = _on_gpu(_plain(lambda: x.detach().clone(memory_format=torch.preserve_format), (), {}))
    found.__dict__.update(x.__dict__)       # whether it is a parameter
    return found.requires_grad_(x.requires_grad)


def _plain(func, args, kwargs):
    with torch._C.DisableTorchFunction():
        return func(*args, **kwargs)


def _on_gpu(tree):
    with torch._C.DisableTorchFunction():
        return tree_map(lambda x: x.as_subclass(OnGpu) if isinstance(x, torch.Tensor) and not isinstance(x, OnGpu) else x, tree)


def _is_here(x):
    with torch._C.DisableTorchFunction():
        return isinstance(x, torch.Tensor) and not isinstance(x, OnGpu) and x.device.type == "cpu"


def _is_pinned(x):
    return getattr(x, "is_in_pinned_memory", False)


def _note(waits, what):
    """Where in the library it happens: the innermost line of ours."""
    frame = sys._getframe(1)
    while frame and not frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back
    waits.append(f"{what}, {Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else what)
