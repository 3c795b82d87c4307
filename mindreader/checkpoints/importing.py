"""Keep published weights as safetensors in the home, each with a card, and find them again there or where the reader has them."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from .. import core
from ..core import weights
from ..records import LayoutError
from .containers import Checkpoint, open_checkpoint
from .generators import ROLES, generator_architecture, kept_names
from .inert import Refused, shorten
from .published import GENERATOR, LICENCES, MAPPER, PUBLISHED, Published, WHAT, clip_architecture, kind_of, release_of

VARIABLE = "MINDREADER_WEIGHTS"     # the environment variable that names the reader's folder of published weights
SUFFIXES = (".safetensors", ".pth", ".pth.tar", ".pt", ".bin", ".pkl", ".ckpt")


@dataclass(frozen=True)
class Imported:
    """One network that is kept now: where, what it is, and whether it was there before."""

    folder: Path
    card: dict
    was_there: bool

    @property
    def sentence(self) -> str:
        """One line for people."""
        agrees = {True: "its checksum is the published one", False: "its checksum is NOT the published one",
                  None: "no checksum is published"}[self.card["verified"]]
        return (f"{self.card['source']['file']}: {self.card['what']}; {agrees}; "
                f"{'was there already' if self.was_there else 'kept'} as {self.card['name']} in {self.folder}")


def imported_folder(name: str) -> Path:
    """Where the imported weights of this name are kept; it need not exist."""
    return core.home() / "weights" / name


def weights_folder() -> Path | None:
    """The reader's own folder of published weights, $MINDREADER_WEIGHTS; LayoutError where it names none that there is."""
    folder = core.named(VARIABLE)
    if folder is not None and not folder.is_dir():
        raise LayoutError(f"found no folder {folder}, expected published weights there; correct or unset ${VARIABLE}")
    return folder


def recognise(checkpoint: Checkpoint) -> str:
    """What the networks of an open file are (`kind_of`); "" for none that is known here."""
    return kind_of({part: {name: tensor.shape for name, tensor in tensors.items()} for part, tensors in checkpoint.parts.items()})


def import_file(path: Path | str, *, name: str = "") -> list[Imported]:
    """Keep the networks of a published file as safetensors in the home, each in a folder with a card.

    Parameters
    ----------
    path : path
        As published (`PUBLISHED`), a pickle of Lafite or Mind Reader, or a released mapper. Nothing in it is run.
    name : str
        Under which it is kept; by default its published name, or that of the file.

    Returns
    -------
    list of Imported
        One; for a pickle of Mind Reader also one for each of its mappers.

    Raises LayoutError for a file that holds nothing known, and where other weights are kept under the name.
    """
    path = Path(path).expanduser()
    with open_checkpoint(path) as checkpoint:
        kind = recognise(checkpoint)
        if not kind:
            first = [one for tensors in checkpoint.parts.values() for one in tensors][:3]
            raise LayoutError(f"found {path} with tensors such as {shorten(', '.join(first))}, expected one of the networks that "
                              "`python -m mindreader.checkpoints` lists; give another file")
        digest = weights.checksum(path)
        release, verified = release_of(kind, path, digest)
        name = _plain_name(name or (release.name if release else _stem(path)))
        source = {"file": path.name, "sha256": digest, "bytes": path.stat().st_size, "container": checkpoint.container}
        about = {"kind": kind, "verified": verified, "source": source, "what": WHAT.get(kind, kind),
                 "licence": LICENCES.get(kind, "not known: the file is none of those published")}
        if release and verified is not False:
            about |= {"what": release.what, "licence": release.licence}
        elif release:
            about["what"] = f"{kind}, with other weights than are published under this name"
        if kind != GENERATOR:
            return [_keep(name, checkpoint, about)]
        made = [_keep_generator(name, checkpoint, about)]
        mappers = [part for part in checkpoint.parts if re.fullmatch(r"\w{1,40}", part) and _is_mapper(checkpoint, part)]
        return made + [_keep(f"{name}-{part}", checkpoint, about | {"kind": MAPPER, "what": WHAT[MAPPER]}, part) for part in mappers]


def find_weights(name: str) -> Path | None:
    """The file of these published weights: imported into the home, or in $MINDREADER_WEIGHTS; None where it is in neither.

    Parameters
    ----------
    name : str
        A name of `PUBLISHED`, or one under which weights were imported.
    """
    folder = imported_folder(name)
    if (folder / weights.CARD).is_file():
        return folder / weights.load_card(folder).get("file", weights.FILE)
    own = weights_folder()
    if own is None:
        return None
    names = [file for one in PUBLISHED if one.name == name for file in one.files] + [name + suffix for suffix in SUFFIXES]
    places = [own / file for file in names] + [own / name / f"{name}.safetensors", own / name / "open_clip_model.safetensors"]
    return next((place for place in places if place.is_file()), None)


def published_digest(path: Path) -> str:
    """The checksum of the published file: of the one at the path, or of the one that it was made of by an import."""
    card = path.parent / weights.CARD
    known = weights.load_card(path.parent) if card.is_file() else {}
    source = known.get("source", {}).get("sha256") if known.get("file") == path.name else None
    return source or weights.file_checksum(path)


def all_weights() -> list[Path]:
    """Every file of weights that was imported, then every one in $MINDREADER_WEIGHTS that was not."""
    imported = [folder / weights.load_card(folder).get("file", weights.FILE) for folder in sorted(imported_folder("x").parent.glob("*"))
                if (folder / weights.CARD).is_file()]
    own = weights_folder()
    files = sorted(path for path in own.iterdir() if path.name.endswith(SUFFIXES) and not path.name.startswith(".")) if own else []
    return imported + [path for path in files if _stem(path) not in {there.stem for there in imported}]


def other_weights() -> list[dict]:
    """The cards of imported weights that go by no published name: generators, mappers, and what a reader named."""
    names = {one.name for one in PUBLISHED}
    cards = [weights.load_card(path.parent) for path in all_weights() if (path.parent / weights.CARD).is_file()]
    return [card for card in cards if card["name"] not in names]


def inventory() -> list[tuple[Published, Path | None, bool | None]]:
    """Each published file: where it is, if anywhere, and whether its checksum is the published one."""
    found = []
    for one in PUBLISHED:
        path, agrees = find_weights(one.name), None
        if path is not None and (path.parent / weights.CARD).is_file():
            agrees = weights.load_card(path.parent).get("verified")
        elif path is not None and one.sha256:
            agrees = published_digest(path).startswith(one.sha256)
        found.append((one, path, agrees))
    return found


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _is_mapper(checkpoint: Checkpoint, part: str) -> bool:
    return kind_of({"": {name: tensor.shape for name, tensor in checkpoint.parts[part].items()}}) == MAPPER


def _keep(name: str, checkpoint: Checkpoint, about: dict, part: str | None = None) -> Imported:
    stored = checkpoint.tensors if part is None else checkpoint.parts[part]
    architecture: dict = {"kind": about["kind"]}
    if about["kind"].startswith("CLIP"):
        architecture = clip_architecture({key: tensor.shape for key, tensor in stored.items()})
    return _write(name, about | {"architecture": architecture}, lambda: checkpoint.load(part))


def _keep_generator(name: str, checkpoint: Checkpoint, about: dict) -> Imported:
    parts = {role: tensors for role, tensors in checkpoint.parts.items() if role in ROLES}
    shapes = {role: {key: tensor.shape for key, tensor in tensors.items()} for role, tensors in parts.items()}
    settings = {role: checkpoint.kept.get(role, {}).get("settings", {}) for role in parts}
    try:
        architecture = generator_architecture(shapes, settings)
    except Refused as reason:
        raise LayoutError(f"found {reason} in {checkpoint.path}, expected networks as in {', '.join(ROLES)} of Lafite's or Mind "
                          "Reader's training; give a checkpoint of such a one") from reason
    others = [shorten(part) for part in sorted(set(checkpoint.parts) - set(parts))[:100]]

    def read() -> dict[str, Tensor]:
        return {f"{role}.{key}": tensor for role in parts for key, tensor in kept_names(checkpoint.load(role)).items()}

    return _write(name, about | {"architecture": architecture, "left_out": others, "released": {
        role: checkpoint.kept[role] for role in parts if role in checkpoint.kept}}, read)


def _write(name: str, card: dict, read) -> Imported:
    """The folder of this name with these weights; those of another file that are kept under the name stay, and it is said."""
    folder = imported_folder(name)
    if (folder / weights.CARD).is_file():
        there = weights.load_card(folder)
        if there.get("source", {}).get("sha256") != card["source"]["sha256"]:
            raise LayoutError(f"found other weights under the name {name!r} in {folder} (from {there.get('source', {}).get('file', '?')}"
                              f"), expected a free name; give one with --name, or delete that folder")
        weights.check_part(folder)
        return Imported(folder, there, True)
    tensors = {key: tensor.contiguous() for key, tensor in read().items()}
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise LayoutError(f"found numbers in {shorten(key)} of {card['source']['file']} that are not finite, expected trained weights; "
                              "download the file again")
    file = f"{name}.safetensors"
    with core.atomic_write(folder / file) as part:
        save_file(tensors, part)
        part.chmod(0o644)   # safetensors writes for its owner only
        digest, size = weights.checksum(part), part.stat().st_size
    card = {"name": name, **card, "file": file, "sha256": digest, "bytes": size,
            "n_parameters": sum(tensor.numel() for tensor in tensors.values() if tensor.is_floating_point())}
    with core.atomic_write(folder / weights.CARD) as part:
        part.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return Imported(folder, card, False)


def _stem(path: Path) -> str:
    suffix = next((s for s in sorted(SUFFIXES, key=len, reverse=True) if path.name.endswith(s)), path.suffix)
    return path.name.removesuffix(suffix)


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]{0,99}", name) or (core.WEIGHTS / name).exists():
        taken = (core.WEIGHTS / name).exists() and os.sep not in name
        raise LayoutError(f"found the name {name!r} for weights, expected letters, digits, dots and dashes"
                          f"{', and none of the shipped parts' if taken else ''}; give another with --name")
    return name
