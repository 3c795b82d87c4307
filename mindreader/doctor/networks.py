"""Look for the published weights: which are there, whether they are what was published, and whether they open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import checkpoints

__all__ = ["look_for_weights", "Weights", "wrong_with"]


@dataclass(frozen=True)
class Weights:
    """One published file: what it is for, where it is if anywhere, and what is wrong with it.

    is_as_published  whether its checksum is the published one; None where none is published, or no file is there
    problem          of a file whose checksum vouches for nothing and that does not open, one sentence
    """

    name: str
    files: tuple[str, ...]
    use: str
    megabytes: int
    licence: str
    path: Path | None = None
    is_as_published: bool | None = None
    problem: str = ""


def look_for_weights() -> tuple[tuple[Weights, ...], str]:
    """Every published file that the library knows what to do with, and what is wrong with the folders; "" for nothing.

    Checksums of all that is there are computed: seconds for a gigabyte.
    """
    try:
        found, problem = checkpoints.inventory(), ""
    except (OSError, ValueError) as reason:     # LayoutError among them
        found, problem = [(one, None, None) for one in checkpoints.PUBLISHED], str(reason)
    return tuple(Weights(one.name, one.files, one.use, one.megabytes, one.licence, path, agrees,
                         wrong_with(path, one.kind) if path and not agrees else "") for one, path, agrees in found), problem


def wrong_with(path: Path, kind: str = "") -> str:
    """Why a file of weights does not open, or what other networks it holds than these, one sentence; "" for nothing.

    Names and shapes of its tensors are read, and not the tensors.
    """
    try:
        with checkpoints.open_checkpoint(path) as checkpoint:
            holds = checkpoints.recognise(checkpoint)
    except (OSError, ValueError) as reason:
        return str(reason)
    return f"found {holds} in {path}, expected {kind}; get the file again" if kind and holds and holds != kind else ""
