"""Open a file of weights, whatever its container, and say which tensors it has, before any of them is read.

safetensors are read by their library. torch's zip archives, its files from before version 1.6, TorchScript archives and
plain pickles are all pickles around runs of numbers, and are read by `opcodes`. Nothing is unpacked to the disk.
"""

from __future__ import annotations

import io
import math
import mmap
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

import safetensors
import torch
from torch import Tensor

from ..records import LayoutError
from .inert import Global, Globals, Module, Refused, Storage, StoredArray, StoredTensor, shorten, storage
from .opcodes import read_pickle

MAGIC, PROTOCOL = 0x1950a86a20f9469cfc6c, 1001      # of torch's files before version 1.6
SHARED = 4              # tensors may fill this many times the file's length: names may share numbers, promises may not grow
PICKLE_BYTES = 64 << 20  # of the pickle within an archive, which has names and shapes only
DEPTH = 60              # modules within modules
NODES = 50_000          # dictionaries and modules that are looked at: those that share parts may have endless paths
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "module")
_PREFIXES = ("module.", "_orig_mod.")
# what libraries raise for a damaged file, by the byte that is wrong
_DAMAGE = (OSError, ValueError, RuntimeError, OverflowError, EOFError, KeyError, IndexError, MemoryError, struct.error, zlib.error,
           zipfile.BadZipFile, safetensors.SafetensorError)
_SAFE_TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
               "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool}
_NO_WEIGHTS = ((b"version https://git-lfs", "the pointer of Git LFS in place of a file", "fetch the file itself"),
               (b"<!doctype", "a web page", "download the file itself"), (b"<html", "a web page", "download the file itself"),
               (b"\x89HDF", "an HDF5 file", "give weights of PyTorch"), (b"\x1f\x8b", "a compressed file", "unpack it first"))


@dataclass(frozen=True)
class _SafeTensor:
    """A tensor of a safetensors file that is not read yet."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype

    def load(self) -> Tensor:
        with safetensors.safe_open(self.path, "pt") as file:
            return file.get_tensor(self.name)


class Stored(Protocol):
    """A tensor that is still in its file."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    def load(self) -> Tensor:
        """Its numbers, contiguous, on the CPU."""


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a file by name, not read yet; `close` it, or use it in a with statement.

    path       the file
    container  "safetensors", "torch zip", "torch legacy", "TorchScript" or "pickle"
    parts      the tensors of each network in it by name; a file of one network has the part ""
    kept       for a part that was saved as a module: the settings it was made with, and its class
    """

    path: Path
    container: str
    parts: dict[str, dict[str, Stored]]
    kept: dict[str, dict] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    @property
    def tensors(self) -> dict[str, Stored]:
        """Those of the one network in the file: LayoutError where there are several."""
        if len(self.parts) != 1:
            raise LayoutError(f"found the networks {shorten(', '.join(sorted(self.parts))) or 'none'} in {self.path}, expected one; "
                              "import the file with `python -m mindreader.checkpoints`")
        return next(iter(self.parts.values()))

    def load(self, part: str | None = None) -> dict[str, Tensor]:
        """The tensors of a part, read; without a name, of the only one. LayoutError where the file ends before they do."""
        chosen = self.tensors if part is None else self.parts[part]
        try:
            return {name: tensor.load() for name, tensor in chosen.items()}
        except _DAMAGE as reason:
            raise _refusal(self.path, f"numbers in it that cannot be read ({shorten(str(reason))})") from reason


def open_checkpoint(path: Path | str) -> Checkpoint:
    """Names, shapes and formats of all tensors in a file of weights. Nothing in the file is run.

    Raises LayoutError for what is no file of weights, for a damaged one, and for one that names anything but tensors,
    arrays, plain containers and modules; the sentence says what that was.
    """
    path = Path(path).expanduser()
    try:
        mode, size = path.stat().st_mode, path.stat().st_size
    except OSError as reason:
        raise LayoutError(f"found no file {path} ({reason.strerror}), expected one with weights; check the path") from reason
    if not stat.S_ISREG(mode) or not size:
        raise LayoutError(f"found {'an empty file' if stat.S_ISREG(mode) else 'no regular file'} at {path}, expected one with "
                          "weights; download it again")
    try:
        return _opened(path, size)
    except LayoutError:
        raise
    except Refused as reason:
        raise _refusal(path, str(reason)) from reason
    except _DAMAGE as reason:
        raise _refusal(path, f"a damaged file ({shorten(str(reason))})") from reason


def load_checkpoint(path: Path | str, part: str | None = None) -> dict[str, Tensor]:
    """All tensors of the one network in a file, or of a named one, by name. Raises as `open_checkpoint`."""
    with open_checkpoint(path) as checkpoint:
        return checkpoint.load(part)


def _refusal(path: Path, found: str) -> LayoutError:
    return LayoutError(f"found {found} in {path}, expected tensors, arrays and plain containers only; nothing in it was run: "
                       "give the file as its authors publish it, or save its state dict as safetensors")


def _opened(path: Path, size: int) -> Checkpoint:
    with open(path, "rb") as file:
        start = file.read(512)
    for sign, what, advice in _NO_WEIGHTS:
        if start.lstrip().lower().startswith(sign.lower()):
            raise LayoutError(f"found {what} at {path}, expected weights; {advice}")
    if start[257:262] == b"ustar":
        raise LayoutError(f"found a tar archive at {path}, expected weights; give a file that is in it, or one that a PyTorch "
                          "from this decade wrote")
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < size:
        return _safetensors(path)
    if start[:4] == b"PK\x03\x04":
        source, read = zipfile.ZipFile(path), _archive
    else:
        with open(path, "rb") as file:      # the map holds it open
            source, read = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), _pickle
    try:
        container, tree = read(source, size)
        parts, kept = _networks(tree)
        _check_sizes(parts, size)
        return Checkpoint(path, container, parts, kept, source.close)
    except BaseException:
        source.close()
        raise


def _safetensors(path: Path) -> Checkpoint:
    tensors: dict[str, Stored] = {}
    with safetensors.safe_open(path, "pt") as file:
        for name in file.keys():
            part = file.get_slice(name)
            if part.get_dtype() not in _SAFE_TYPES:
                raise Refused(f"numbers stored as {part.get_dtype()}")
            tensors[name] = _SafeTensor(path, name, tuple(part.get_shape()), _SAFE_TYPES[part.get_dtype()])
    return Checkpoint(path, "safetensors", {"": _stripped(tensors)})


# ── zip archives: torch since 1.6, and TorchScript ─────────────────────────────────────────────────────────────────────
def _archive(archive: zipfile.ZipFile, size: int) -> tuple[str, object]:
    records = {info.filename: info for info in archive.infolist()}
    if len(records) < len(archive.infolist()):
        raise Refused("an archive with two records of one name")
    for name, info in records.items():
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or stat.S_ISLNK(info.external_attr >> 16):
            raise Refused("an archive with records that lead out of it")
    roots = [name.removesuffix("data.pkl") for name in records if re.fullmatch(r"[^/]+/data\.pkl", name)]
    if len(roots) != 1:
        raise Refused("a zip archive that is none of torch's (no data.pkl)")
    root = roots[0]
    order = records.get(f"{root}byteorder")
    if order is not None and _record(archive, order, 16) != b"little":
        raise Refused("numbers whose bytes are in the other order")
    cached: list = [None, None]

    def numbers(key: str, needed: int) -> Callable[[], bytes]:
        info = records.get(f"{root}data/{key}")
        if info is None or info.compress_type != zipfile.ZIP_STORED or info.file_size > size or info.file_size < needed:
            raise Refused(f"no {needed:,} bytes under the name {shorten(key)!r}")

        def read() -> bytes:
            if cached[0] != key:        # one at a time: tensors that share numbers follow each other
                cached[:] = key, archive.read(info)
            return cached[1]

        return read

    made: dict[str, Storage] = {}

    def persistent(identity) -> Storage:
        kind, key, count = _storage_id(identity)
        if key not in made:
            made[key] = storage(kind, count)
            made[key].read = numbers(key, made[key].n_bytes())
        elif storage(kind, count).dtype != made[key].dtype or count != made[key].count:
            raise Refused(f"the numbers {shorten(key)!r} in two formats")
        return made[key]

    names = Globals()
    tree = read_pickle(io.BytesIO(_record(archive, records[f"{root}data.pkl"], PICKLE_BYTES)), names, persistent)
    names.check()
    scripted = any(name.startswith(f"{root}code/") for name in records) or f"{root}constants.pkl" in records
    return "TorchScript" if scripted else "torch zip", tree


def _record(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """A small record, however much it would unpack to."""
    if info.file_size > most:
        raise Refused(f"a record of {info.file_size:,} bytes in place of names and shapes")
    with archive.open(info) as file:
        return file.read(most + 1)[:most]


def _storage_id(identity) -> tuple[Global, str, int]:
    """(class, key, number of elements) of what torch's pickles refer to outside of themselves."""
    if not isinstance(identity, tuple) or not 5 <= len(identity) <= 6 or identity[0] != "storage":
        raise Refused("a reference to what are no numbers")
    _, kind, key, _, count = identity[:5]
    if len(identity) == 6 and identity[5] is not None:
        raise Refused("numbers that are a part of others, as PyTorch before 0.4 stored them")
    if not isinstance(key, str) or not re.fullmatch(r"\w{1,64}", key):
        raise Refused("numbers under a name that is none of torch's")
    return kind, key, count


# ── pickles: torch before 1.6, and StyleGAN's ──────────────────────────────────────────────────────────────────────────
def _pickle(view: mmap.mmap, size: int) -> tuple[str, object]:
    if _is_legacy(view):
        names = Globals()
        tree = _legacy(view, names, size)
        names.check()
        return "torch legacy", tree
    view.seek(0)
    names = Globals(_blob)
    tree = read_pickle(view, names)
    names.check()
    return "pickle", tree


def _is_legacy(view: BinaryIO) -> bool:
    view.seek(0)
    start = view.read(2)
    view.seek(0)
    if start[:1] != b"\x80":
        return False
    try:
        return read_pickle(_Short(view), Globals()) == MAGIC
    except Refused:
        return False


class _Short:
    """The first bytes of a file, enough for the number that marks torch's old files."""

    def __init__(self, view: BinaryIO):
        self.read_all = io.BytesIO(view.read(64))
        self.read, self.readline, self.tell = self.read_all.read, self.read_all.readline, self.read_all.tell


def _legacy(view: BinaryIO, names: Globals, size: int) -> object:
    """A file of torch before 1.6: five pickles, then for each run of numbers how many, and the numbers."""
    view.seek(0)
    if read_pickle(view, names) != MAGIC or read_pickle(view, names) != PROTOCOL:
        raise Refused("another version of torch's old files")
    system = read_pickle(view, names)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise Refused("numbers whose bytes are in the other order")
    made: dict[str, Storage] = {}

    def persistent(identity) -> object:
        if isinstance(identity, tuple) and len(identity) == 4 and identity[0] == "module" and isinstance(identity[1], Global):
            return identity[1]      # a class, with its file and source, which are not looked at
        kind, key, count = _storage_id(identity)
        found = storage(kind, count)
        if found.n_bytes() > size:
            raise Refused(f"the promise of {found.n_bytes():,} bytes")
        if key in made and (made[key].dtype, made[key].count) != (found.dtype, found.count):
            raise Refused(f"the numbers {shorten(key)!r} in two formats")
        return made.setdefault(key, found)

    tree = read_pickle(view, names, persistent)
    keys = read_pickle(view, names)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(made):
        raise Refused("a list of numbers that is not that of its tensors")
    for key in keys:
        found, raw = made[key], view.read(8)
        at, length = view.tell(), found.n_bytes()
        if len(raw) < 8 or int.from_bytes(raw, "little") != found.count or at + length > size:
            raise Refused("fewer numbers than promised: it is truncated, or damaged")
        found.read = _slice(view, at, length)
        view.seek(at + length)
    return tree


def _slice(view: BinaryIO, at: int, length: int) -> Callable[[], bytes]:
    def read() -> bytes:
        view.seek(at)
        return view.read(length)

    return read


def _blob(raw: bytes) -> object:
    """What a plain pickle has of each run of numbers: torch's old file of it, within the pickle."""
    if not isinstance(raw, bytes):
        raise Refused("numbers that are no bytes")
    view, names = io.BytesIO(raw), Globals()    # Globals() has no blobs: none within another
    found = _legacy(view, names, len(raw))
    names.check()
    if not isinstance(found, Storage):
        raise Refused("something else in place of numbers")
    return found


# ── from what was read to tensors by name ──────────────────────────────────────────────────────────────────────────────
def _networks(tree) -> tuple[dict[str, dict[str, Stored]], dict[str, dict]]:
    """The tensors of each network in the tree by name, and what is kept of those that were saved as modules."""
    if isinstance(tree, Module) and not _is_torch(tree) and not any(True for _ in _walk(tree)):
        raise Refused(f"an object of {shorten(tree.class_name)} without tensors")
    if isinstance(tree, dict):
        wrapped = next((tree[key] for key in _WRAPPERS if isinstance(tree.get(key), dict | Module)), None)
        own = {key: value for key, value in tree.items() if isinstance(key, str) and _is_tensor(value)}
        if wrapped is not None and not own:
            tree = wrapped
        elif not own:
            found = {key: value for key, value in tree.items() if isinstance(key, str) and isinstance(value, dict | Module)}
            parts = {key: _stripped(dict(_walk(value))) for key, value in found.items()}
            kept = {key: _kept(value) for key, value in found.items() if isinstance(value, Module)}
            parts = {key: tensors for key, tensors in parts.items() if tensors}
            if parts:
                return parts, {key: value for key, value in kept.items() if key in parts}
    tensors = _stripped(dict(_walk(tree)))
    if not tensors:
        raise Refused("no tensors")
    return {"": tensors}, {"": _kept(tree)} if isinstance(tree, Module) else {}


def _walk(node, prefix: str = "", depth: int = 0, left: list[int] | None = None) -> Iterator[tuple[str, Stored]]:
    """(dotted name, tensor) of a module as its state dict has them, or of a dictionary."""
    left = left or [NODES]
    left[0] -= 1
    if depth > DEPTH or not left[0]:
        raise Refused(f"modules within modules, more than {DEPTH} deep or {NODES:,} of them")
    if isinstance(node, Module) and node.is_network():
        hidden = node.state.get("_non_persistent_buffers_set") or ()
        entries = [node.state["_parameters"], {k: v for k, v in node.state["_buffers"].items() if k not in hidden},
                   node.state["_modules"]]
    else:
        entries = [node.state if isinstance(node, Module) else node if isinstance(node, dict) else {}]
    for key, value in ((k, v) for part in entries for k, v in part.items() if isinstance(k, str)):
        if _is_tensor(value):
            yield prefix + key, value
        elif isinstance(value, Module) or (isinstance(value, dict) and not isinstance(node, Module)):
            yield from _walk(value, f"{prefix}{key}.", depth + 1, left)


def _is_tensor(value) -> bool:
    return isinstance(value, StoredTensor) or (isinstance(value, StoredArray) and value.array.dtype.kind in "biufc")


def _is_torch(module: Module) -> bool:
    return module.is_network() or module.class_name.startswith("__torch__.")


def _kept(module: Module) -> dict:
    """The settings of a module that was saved whole: plain values only, so that they can stand on a card."""
    settings = module.state.get("_init_kwargs")
    return {"class": shorten(module.class_name), "source": module.source,
            "settings": _plain(settings) if isinstance(settings, dict) else {}}


def _plain(value, left: list[int] | None = None):
    """Numbers, text and containers of them, as JSON has them; everything else, and what is beyond a card's size, is None."""
    left = left or [1000]
    left[0] -= 1
    if left[0] <= 0:
        return None
    if isinstance(value, dict):
        return {str(key): _plain(v, left) for key, v in list(value.items())[:100]}
    if isinstance(value, list | tuple):
        return [_plain(v, left) for v in value[:100]]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, bool | int | float | type(None)) or (isinstance(value, str) and len(value) < 500) else None


def _stripped(tensors: dict[str, Stored]) -> dict[str, Stored]:
    """Without what wrappers for several GPUs and compilers put before every name."""
    for prefix in _PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _check_sizes(parts: Mapping[str, Mapping[str, Stored]], size: int) -> None:
    total = sum(tensor.dtype.itemsize * torch.Size(tensor.shape).numel() for part in parts.values() for tensor in part.values())
    if total > SHARED * size:
        raise Refused(f"tensors of {total:,} bytes from a file of {size:,}")
