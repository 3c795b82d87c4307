"""Save and load trained parts: a safetensors file and the card that says what it is, checked before it is used.

Files that others made (CLIP's, those of evaluation networks) have no card; `read_tensors` reads them, or says what they are.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..records import LayoutError
from . import paths
from .files import atomic_write

CARD = "card.json"
FILE = "weights.safetensors"


def part_folder(name: str) -> Path:
    """Where the part of this name is kept, e.g. "clip" or "generator"; it need not exist."""
    return paths.WEIGHTS / name


def load_card(name_or_path: str | Path) -> dict:
    """The card of a part, unchecked against its weights; a missing or unreadable card is a LayoutError.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a part (`part_folder`) or of imported weights, or a folder: a Path, or a string with a slash.

    Returns
    -------
    dict
        name, file, architecture, recipe, data, seed, minutes, hardware, scores, sha256, bytes, n_parameters.
    """
    folder = _folder(name_or_path)
    path = folder / CARD
    if not path.is_file():
        other = "" if folder.is_dir() or folder.parent != paths.WEIGHTS else (
            f", or keep a published file under that name with `python -m mindreader.checkpoints FILE --name {folder.name}`")
        raise LayoutError(f"found no {CARD} in {folder}, expected the trained part '{folder.name}' there; "
                          + _remake(folder) + other)
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LayoutError(f"found a {CARD} in {folder} that is no JSON ({error}), expected the card of the "
                          f"part '{folder.name}'; " + _remake(folder)) from error
    missing = {"architecture", "sha256", "bytes"} - set(card if isinstance(card, dict) else ())
    if missing:
        raise LayoutError(f"found a {CARD} in {folder} without {', '.join(sorted(missing))}, expected the "
                          f"card of the part '{folder.name}'; " + _remake(folder))
    if folder.parent == paths.WEIGHTS and card.get("name", folder.name) != folder.name:
        raise LayoutError(f"found the card of the part '{card['name']}' in {folder}, expected that of the part "
                          f"'{folder.name}'; " + _remake(folder))
    return card


def is_part(name_or_path: str | Path) -> bool:
    """Whether there is a trained part of this name, or in this folder."""
    try:
        return (_folder(name_or_path) / CARD).is_file()
    except (LayoutError, OSError, RuntimeError, ValueError):     # a file, or what can be no path
        return False


def check_part(name_or_path: str | Path, *, architecture: dict | None = None) -> tuple[Path, dict]:
    """Path of a part's weights and its card, once length, checksum and architecture agree; else LayoutError.

    Parameters
    ----------
    name_or_path : str or Path
        As in `load_card`.
    architecture : dict, optional
        What the caller is about to build; must equal the card's.
    """
    folder = _folder(name_or_path)
    card = load_card(folder)
    if architecture is not None and _plain(architecture) != card["architecture"]:
        raise LayoutError(f"found the part '{folder.name}' with architecture "
                          f"{_differing(card, architecture)}; " + _remake(folder))
    path = folder / card.get("file", FILE)
    if not path.is_file():
        raise LayoutError(f"found no {path.name} in {folder}, expected the weights of the part "
                          f"'{folder.name}'; " + _remake(folder))
    size = path.stat().st_size
    if size != card["bytes"]:
        raise LayoutError(f"found {size:,} bytes in {path}, expected {card['bytes']:,} for the part "
                          f"'{folder.name}'; it is truncated or not this card's, so " + _remake(folder))
    digest = checksum(path)
    if digest != card["sha256"]:
        raise LayoutError(f"found checksum {digest[:12]} for {path}, expected {card['sha256'][:12]} for the "
                          f"part '{folder.name}'; " + _remake(folder))
    return path, card


def load_part(name_or_path: str | Path, *,
              architecture: dict | None = None) -> tuple[dict[str, Tensor], dict]:
    """The weights of a trained part in full precision, and its card.

    Nothing is unpickled. A part that is missing, truncated, altered or of another architecture is refused by
    name.

    Parameters
    ----------
    name_or_path : str or Path
        As in `load_card`.
    architecture : dict, optional
        What the caller is about to build; must equal the card's.

    Returns
    -------
    (dict of str to Tensor, dict)
        The state dict (floating-point tensors as float32, on the CPU), and the card.
    """
    path, card = check_part(name_or_path, architecture=architecture)
    try:
        state = load_file(path)
    except (safetensors.SafetensorError, ValueError) as error:
        raise LayoutError(f"found {path} unreadable ({error}), expected safetensors of the part "
                          f"'{path.parent.name}'; " + _remake(path.parent)) from error
    return {key: t.float() if t.is_floating_point() else t for key, t in state.items()}, card


def save_part(folder: str | Path, state: dict[str, Tensor], card: dict, *, dtype: torch.dtype = torch.float16,
              file: str = FILE) -> dict:
    """Write a trained part: weights, then the card that vouches for them, each by one rename.

    Parameters
    ----------
    folder : Path
        Made if need be; its name is the part's name unless the card has one.
    state : dict of str to Tensor
        Floating-point tensors are stored as `dtype`, all others as they are.
    card : dict
        At least `architecture`; also recipe, data, seed, minutes, hardware, scores. File name, checksum,
        length, and number of parameters are added here.

    Returns
    -------
    dict
        The card as written.
    """
    folder = Path(folder)
    if "architecture" not in card:
        raise ValueError("found a card without 'architecture', expected one; pass what builds the network")
    stored = {k: (t.to(dtype) if t.is_floating_point() else t).detach().cpu().contiguous().clone()
              for k, t in state.items()}
    for key, tensor in stored.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"found numbers in '{key}' that are not finite in {dtype}, expected finite "
                             "weights; train again or store them in float32")
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{file}.{os.getpid()}"
    save_file(stored, temporary)
    card = {"name": folder.name} | _plain(card) | {
        "file": file, "sha256": checksum(temporary), "bytes": temporary.stat().st_size,
        "n_parameters": sum(t.numel() for t in stored.values() if t.is_floating_point()),
        "dtype": str(dtype).removeprefix("torch."),
    }
    temporary.chmod(0o644)  # safetensors writes for its owner only
    os.replace(temporary, folder / file)
    with atomic_write(folder / CARD) as part:
        part.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


def is_of_simulated_world(card: dict) -> bool:
    """Whether this part was trained on pictures of the simulated world, so that it knows nothing of photographs."""
    data = card.get("data")
    return isinstance(data, dict) and "world" in data


def read_tensors(path: str | Path, what: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file without a card, as stored, and its metadata; nothing is unpickled.

    Parameters
    ----------
    path : str or Path
    what : str
        What is expected there, in words, for the message.

    Raises
    ------
    LayoutError
        The file cannot be read, is truncated or something else renamed, or has weights that are quantised or not finite.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            start = file.read(64)
    except OSError as error:
        raise LayoutError(f"found {path} unreadable ({error.strerror}), expected {what}; check the path and its "
                          "permissions") from error
    for opening, found, advice in _OPENINGS:
        if start.startswith(opening) or start.lstrip().lower().startswith(opening):
            raise LayoutError(f"found {found} in {path}, expected safetensors with {what}; {advice}")
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
        state = load_file(path)
    except (safetensors.SafetensorError, ValueError, OSError) as error:
        raise LayoutError(f"found {path.stat().st_size:,} bytes in {path} that are no whole safetensors file ({error}), "
                          f"expected {what}; it is truncated or damaged, so copy it again") from error
    check_tensors(state, path, what)
    return state, metadata


def is_pickled(path: str | Path) -> bool:
    """Whether a file is one of torch.save or pickle, whatever its name; False where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(4).startswith(_PICKLED)
    except OSError:
        return False


def check_tensors(state: dict[str, Tensor], path: Path, what: str) -> None:
    """Refuse a state dict without tensors, or with weights that are quantised or not finite; raises LayoutError."""
    if not state:
        raise LayoutError(f"found no tensor in {path}, expected {what}; copy it again")
    for key, tensor in state.items():
        if tensor.is_floating_point() and tensor.dtype not in _FLOATS or tensor.dtype in (torch.int8, torch.uint8):
            raise LayoutError(f"found '{key}' as {str(tensor.dtype).removeprefix('torch.')} in {path}, expected {what} in "
                              "float16, bfloat16, float32 or float64; give weights that are not quantised")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise LayoutError(f"found numbers in '{key}' of {path} that are not finite, expected {what}; the file is damaged or "
                              "its training diverged, so copy it again or give another")


_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_PICKLED = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # a zip archive of torch's, and pickles
_OPENINGS = (  # of files that are often found under the name of another
    *((opening, "a file of torch.save or pickle", "it can run code when read, so convert it once, where you trust it")
      for opening in _PICKLED),
    (b"version https://git-lfs", "a pointer of git-lfs and not the file", "get the file itself, e.g. with `git lfs pull`"),
    (b"<!doctype", "a web page", "the download went wrong, so download it again"),
    (b"<html", "a web page", "the download went wrong, so download it again"),
)


def file_checksum(path: str | Path) -> str:
    """`checksum` of a file that others made, computed once for as long as it stays as it is."""
    path = Path(path)
    found = path.stat()
    return _checksum_then(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _checksum_then(path: Path, size: int, changed: int) -> str:
    return checksum(path)


def part_checksum(name_or_path: str | Path) -> str:
    """The checksum on a part's card, which changes whenever the part is trained again."""
    return load_card(name_or_path)["sha256"]


def checksum(path: Path) -> str:
    """sha256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder(name_or_path: str | Path) -> Path:
    """The folder of a part: a shipped one, or else one that was imported (`checkpoints`), by its name; or a path as it is."""
    if isinstance(name_or_path, str) and "/" not in name_or_path and os.sep not in name_or_path:
        shipped, imported = part_folder(name_or_path), paths.home() / "weights" / name_or_path
        return imported if not shipped.is_dir() and imported.is_dir() else shipped
    path = Path(name_or_path).expanduser()
    if path.is_file():
        raise LayoutError(f"found the file {path}, expected the folder or the name of a trained part; keep the file once with "
                          f"`python -m mindreader.checkpoints {path}`, which says its name")
    return path


def _remake(folder: Path) -> str:
    if folder.parent == paths.home() / "weights":
        return "delete that folder, and import the published file again with `python -m mindreader.checkpoints FILE`"
    return f"run `make pretrain` or `python -m mindreader.pretraining {folder.name}` to make it again"


def _plain(card: dict) -> dict:
    """The card as JSON gives it back: tuples become lists, keys strings."""
    return json.loads(json.dumps(card))


def _differing(card: dict, wanted: dict) -> str:
    """The entries in which two architectures differ, as 'found …, expected …'."""
    found, wanted = card["architecture"], _plain(wanted)
    keys = [k for k in sorted(set(found) | set(wanted)) if found.get(k) != wanted.get(k)]
    return f"{({k: found.get(k) for k in keys})}, expected {({k: wanted.get(k) for k in keys})}"
