"""Stand for what a pickle names by values that do nothing: tensors that are not read yet, arrays, and holders of state.

Each global that a weights file may name has a constructor of ours here. The class or function itself is never imported, so
that no code of a file, and none that a file points to, can be reached.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

_NUMBERS = {"Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16,
            "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
            "Bool": torch.bool, "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128}
_STORAGE = re.compile(r"torch\.(?:cuda\.|storage\.)?(\w+)Storage")
_PERSISTENT = re.compile(r"(?:[\w.]+\.)?torch_utils\.persistence\._reconstruct_persistent_obj")
_EASY_DICT = re.compile(r"(?:[\w.]+\.)?dnnlib\.(?:util\.)?EasyDict")
# Classes of which a file may hold state: TorchScript's, torch's own layers, and records without methods.
_NAMES = re.compile(r"__torch__\..+|torch\.nn\.[\w.]+|torch\._C\._nn\.\w+|argparse\.Namespace|types\.SimpleNamespace|numpy\.ndarray|torch\.Tensor|"
                    r"builtins\.(?:object|list|dict|tuple|set|int|float|str|bool|bytes|complex)")
_PARTS = ("_parameters", "_buffers", "_modules")
_KEYS = (str, bytes, float, bool, type(None))


class Refused(ValueError):
    """What a file holds or asks for that is not weights, as the end of 'found'."""


@dataclass(eq=False)
class Storage:
    """A run of numbers in the file: their format (None: bytes), how many, and a function that reads them."""

    dtype: torch.dtype | None
    count: int
    read: Callable[[], bytes | memoryview] | None = None

    def n_bytes(self) -> int:
        """Its promised length."""
        return self.count * (1 if self.dtype is None else self.dtype.itemsize)


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor that is still in the file: its shape and format are known, its numbers are read by `load`."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    def load(self) -> Tensor:
        """The numbers, contiguous, on the CPU."""
        if 0 in self.shape:
            return torch.empty(self.shape, dtype=self.dtype)
        size = self.dtype.itemsize
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.stride))
        part = bytearray(memoryview(self.storage.read())[self.offset * size:(last + 1) * size])
        return torch.frombuffer(part, dtype=self.dtype).as_strided(self.shape, self.stride).contiguous()


@dataclass(eq=False)
class Module:
    """The state of an object, with the name of its class and, for StyleGAN's, the checksum of the source that came with it."""

    class_name: str
    state: dict = field(default_factory=dict)
    source: str = ""

    def is_network(self) -> bool:
        """Whether the state is that of a torch.nn.Module."""
        return all(isinstance(self.state.get(part), dict) for part in _PARTS)


class Global:
    """A name in a pickle: `make` stands for calling it, `new` for an instance without arguments; None of both: a mere name."""

    def __init__(self, name: str, make: Callable | None = None, new: Callable | None = None):
        self.name, self.make, self.new = name, make, new
        self.is_known = True

    def call(self, arguments) -> object:
        """What calling it would give, made by us; Refused where it is not on our list."""
        if self.make is None or not isinstance(arguments, tuple):
            raise Refused(f"a call of {shorten(self.name)}")
        return self._checked(self.make, arguments)

    def instance(self, arguments) -> object:
        """What an instance of it would be, made by us."""
        if self.new is None or arguments != ():
            raise Refused(f"an instance of {shorten(self.name)} with arguments")
        return self._checked(self.new, ())

    def _checked(self, make: Callable, arguments: tuple) -> object:
        try:
            return make(*arguments)
        except (TypeError, ValueError, OverflowError, LookupError, AttributeError) as reason:
            if isinstance(reason, Refused):
                raise
            raise Refused(f"{shorten(self.name)} with arguments that do not fit ({shorten(str(reason))})") from reason


class Globals:
    """The globals of one file, each by its own name; those on no list are remembered until something shows what they are."""

    def __init__(self, read_blob: Callable[[bytes], object] | None = None):
        self.made: dict[str, Global] = {}
        self.read_blob = read_blob

    def find(self, module: str, name: str) -> object:
        """What stands for module.name here."""
        module = {"__builtin__": "builtins", "copy_reg": "copyreg", "UserDict": "collections"}.get(module, module)
        full = f"{module}.{name}"
        if full not in self.made:
            self.made[full] = self._make(full)
        return self.made[full]

    def _make(self, full: str) -> object:
        if full in _DTYPES:
            return _DTYPES[full]
        if full in _CONSTRUCTORS:
            return Global(full, _CONSTRUCTORS[full])
        if full == "torch.storage._load_from_bytes" and self.read_blob is not None:
            return Global(full, self.read_blob)
        if _PERSISTENT.fullmatch(full):
            return Global(full, _persistent)
        if _EASY_DICT.fullmatch(full):
            return Global(full, _as_dict, dict)
        found = Global(full, None, lambda: Module(full))
        found.is_known = _NAMES.fullmatch(full) is not None or _STORAGE.fullmatch(full) is not None
        return found

    def note(self, built: Module) -> None:
        """An object whose state is that of a network shows that its class was one."""
        if built.is_network() and isinstance(named := self.made.get(built.class_name), Global):
            named.is_known = True

    def check(self) -> None:
        """Refuse the file where it named something that is neither on the list nor the class of a network."""
        unknown = [name for name, found in self.made.items() if isinstance(found, Global) and not found.is_known]
        if unknown:
            raise Refused(f"the global {shorten(unknown[0])}")


def plain_key(key) -> object:
    """The key, where it is one of weights; others can be made to take forever, or to crash Python."""
    if isinstance(key, _KEYS) or (type(key) is int and abs(key) < 2**53):
        return key
    if isinstance(key, tuple) and len(key) < 32 and all(isinstance(k, str | float) or type(k) is int for k in key):
        return key
    raise Refused(f"a key of type {type(key).__name__}")


def build(target, state, names: Globals) -> object:
    """The target with its state set, for the few kinds that have one; Refused for any other."""
    if isinstance(target, Module):
        if isinstance(state, tuple) and len(state) == 2 and state[0] is None:
            state = state[1]
        if not isinstance(state, dict):
            raise Refused(f"a state of {shorten(target.class_name)} that is no dictionary")
        target.state = state
        names.note(target)
    elif isinstance(target, _DType | StoredArray):
        try:
            target.set_state(state)
        except (TypeError, ValueError, OverflowError, LookupError, AttributeError) as reason:
            raise reason if isinstance(reason, Refused) else Refused(f"a damaged array ({shorten(str(reason))})") from reason
    elif not (isinstance(target, dict) and (state is None or isinstance(state, dict))):  # else: attributes of a dictionary
        raise Refused("the state of an object that has none here")
    return target


def storage(global_: object, count: int) -> Storage:
    """The run of numbers that torch's class of this name, e.g. torch.FloatStorage, would hold; Refused for another class."""
    name = global_.name if isinstance(global_, Global) else str(global_)
    kind = (_STORAGE.fullmatch(name) or [None, None])[1]
    if kind not in (*_NUMBERS, "Untyped"):
        raise Refused(f"numbers stored as {shorten(name)}")
    if type(count) is not int or count < 0:
        raise Refused("numbers of which it is not said how many there are")
    return Storage(_NUMBERS.get(kind), count)


# ── arrays of NumPy ────────────────────────────────────────────────────────────────────────────────────────────────────
class _DType:
    """A number format of NumPy; objects and records are refused."""

    def __init__(self, code: str, align=False, copy=True):
        code = code.decode() if isinstance(code, bytes) else code
        if not isinstance(code, str) or not re.fullmatch(r"[<>|=]?(?:[biufc]\d{1,2}|[SU]\d{1,6}|\?)", code):
            raise Refused(f"an array of {shorten(str(code))}, which are no numbers")
        self.dtype = np.dtype(code)

    def set_state(self, state: tuple) -> None:
        order, *structure = state[1:5]
        order = order.decode() if isinstance(order, bytes) else order
        if any(part is not None for part in structure) or order not in ("<", ">", "|", "="):
            raise Refused("an array of records, which are no numbers")
        self.dtype = self.dtype.newbyteorder(order) if order in "<>" else self.dtype


class StoredArray:
    """An array of NumPy in a pickle; empty until its state is set."""

    def __init__(self, *_):
        self.array = np.zeros(0)

    def set_state(self, state: tuple) -> None:
        _, shape, kind, by_column, raw = state
        self.fill(raw, kind, shape, "F" if by_column else "C")

    def fill(self, raw, kind: _DType, shape: tuple, order: str) -> StoredArray:
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        if not isinstance(kind, _DType) or not isinstance(raw, bytes | bytearray):
            raise Refused("an array that is not made of plain numbers")
        if _volume(shape) * kind.dtype.itemsize != len(raw):
            raise Refused(f"an array of shape {tuple(shape)} in {len(raw):,} bytes")
        if order not in ("C", "F"):
            raise Refused("an array whose order is neither by row nor by column")
        self.array = np.frombuffer(bytes(raw), kind.dtype).reshape(shape, order=order)
        return self

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self._tensor_type())

    def _tensor_type(self) -> torch.dtype:
        kind = self.array.dtype.newbyteorder("=")
        return torch.from_numpy(np.zeros(0, kind)).dtype

    def load(self) -> Tensor:
        """As a tensor."""
        return torch.from_numpy(np.ascontiguousarray(self.array.astype(self.array.dtype.newbyteorder("="))))


def _scalar(kind: _DType, raw: bytes = b"") -> object:
    raw = raw.encode("latin1") if isinstance(raw, str) else raw
    if not isinstance(kind, _DType) or len(raw) != kind.dtype.itemsize:
        raise Refused("a number of NumPy that is damaged")
    return np.frombuffer(raw, kind.dtype)[0].item()


# ── constructors, each in place of the one that it is named for ────────────────────────────────────────────────────────
def _tensor(stored: Storage, offset: int, shape: tuple, stride: tuple, *_) -> StoredTensor:
    return _view(stored, offset, shape, stride, stored.dtype)


def _tensor_of(stored: Storage, offset: int, shape: tuple, stride: tuple, requires_grad, hooks, dtype, *_) -> StoredTensor:
    return _view(stored, offset, shape, stride, dtype)


def _view(stored: Storage, offset, shape, stride, dtype) -> StoredTensor:
    if not isinstance(stored, Storage) or not isinstance(dtype, torch.dtype):
        raise Refused("a tensor without numbers")
    shape, stride = tuple(shape), tuple(stride)
    whole = all(type(n) is int and 0 <= n < 2**48 for n in (offset, *shape, *stride))
    if not whole or len(shape) != len(stride) or len(shape) > 16:
        raise Refused(f"a tensor of shape {shorten(str(shape))} and strides {shorten(str(stride))}")
    there = stored.n_bytes() // dtype.itemsize
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride))
    # as many numbers as there are at most: a view of few that counts them often is how little grows to much
    if 0 not in shape and (last >= there or _volume(shape) > there):
        raise Refused(f"a tensor of shape {shorten(str(shape))} from {there:,} numbers")
    return StoredTensor(stored, offset, shape, stride, dtype)


def _parameter(data: StoredTensor, *_) -> StoredTensor:
    if not isinstance(data, StoredTensor):
        raise Refused("a parameter that is no tensor")
    return data


def _subclass(function: Global, kind, arguments: tuple, state=None) -> object:
    return function.call(arguments)


def _persistent(meta: dict) -> Module:
    """The wrapper of StyleGAN2-ADA's persistence: the state is kept, the source that came with it is not, but its checksum."""
    if not isinstance(meta, dict) or meta.get("type") != "class":
        raise Refused("a persistent object that is no class")
    source, state, name = (meta.get(key) for key in ("module_src", "state", "class_name"))
    if not isinstance(state, dict) or not isinstance(name, str):
        raise Refused("a persistent object without state")
    return Module(name, state, hashlib.sha256(str(source).encode()).hexdigest())


def _reconstructor(kind: Global, base, state=None) -> object:
    if not isinstance(kind, Global) or state is not None:
        raise Refused("an object made from another")
    return kind.instance(())


def _as_dict(*arguments) -> OrderedDict:
    """A dictionary, of pairs or of nothing; a default, as defaultdict has, is left out."""
    pairs = [a for a in arguments if not isinstance(a, Global) and a is not None]
    pairs = pairs[0].items() if pairs and isinstance(pairs[0], dict) else pairs[0] if pairs else ()
    return OrderedDict((plain_key(key), value) for key, value in pairs)


def _bytearray(raw=b"", *_) -> bytes:
    if not isinstance(raw, str | bytes):
        raise Refused("an array of bytes that are not in the file")
    return raw.encode("latin1") if isinstance(raw, str) else raw


def _encode(text: str, encoding: str = "latin1", *_) -> bytes:
    if encoding not in ("latin1", "latin-1", "utf-8", "utf8", "ascii"):
        raise Refused(f"text in the encoding {shorten(str(encoding))}")
    return text.encode(encoding)


def _list_of(values) -> list:
    return list(values) if isinstance(values, list | tuple) else []


_CONSTRUCTORS: dict[str, Callable] = {
    "collections.OrderedDict": _as_dict, "collections.defaultdict": _as_dict, "collections.Counter": _as_dict,
    "builtins.set": lambda values=(): set(map(plain_key, values)),
    "builtins.frozenset": lambda values=(): frozenset(map(plain_key, values)), "builtins.bytearray": _bytearray, "builtins.bytes": _bytearray,
    "builtins.complex": lambda a, b=0.0: complex(float(a), float(b)),
    "_codecs.encode": _encode, "copyreg._reconstructor": _reconstructor,
    "torch._utils._rebuild_tensor": _tensor, "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of,
    "torch._utils._rebuild_parameter": _parameter, "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _subclass, "torch.Size": lambda sizes=(): tuple(sizes),
    "torch.device": lambda kind="cpu", *_: str(kind), "torch.nn.backends.thnn._get_thnn_function_backend": lambda: None,
    **{f"torch.jit._pickle.build_{kind}list": _list_of for kind in ("int", "tensor", "double", "bool")},
    "torch.jit._pickle.restore_type_tag": lambda value, *_: value,
    "numpy.dtype": _DType, "numpy.core.numeric._frombuffer": lambda raw, kind, shape, order: StoredArray().fill(raw, kind, shape, order),
    **{f"pathlib.{kind}Path": lambda *parts: "/".join(map(str, parts)) for kind in ("Posix", "Windows", "PurePosix", "")},
}
for _core in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _CONSTRUCTORS |= {f"{_core}._reconstruct": StoredArray, f"{_core}.scalar": _scalar}
_CONSTRUCTORS["numpy._core.numeric._frombuffer"] = _CONSTRUCTORS["numpy.core.numeric._frombuffer"]
_DTYPES = {f"torch.{name}": getattr(torch, name) for name in (
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64", "complex128",
    "double", "float", "half", "long", "int", "short")}


def _volume(shape) -> int:
    if not all(type(n) is int and 0 <= n < 2**48 for n in shape) or len(shape) > 32:
        raise Refused(f"an array of shape {shorten(str(shape))}")
    return math.prod(shape)


def shorten(text: str, length: int = 80) -> str:
    """Printable, and no longer than a line: names in a hostile file may be anything."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= length else text[:length] + " …"
