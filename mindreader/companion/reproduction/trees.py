"""Find the two records of the book that are compared: that of a commit, and those of folders."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ... import core
from ...records import LayoutError

PARTS = ("figures", "notebooks")    # what a record of the book consists of
PASSING = {"runs", "scratch"}       # folders of figures that are of no record
WRITTEN = core.FIGURES / "runs" / "reproduction.md"     # the report; git does not see it


@dataclass(frozen=True)
class Tree:
    """One record of the book: a folder with figures and notebooks, or a folder of figures alone."""

    folder: Path
    name: str

    @property
    def figures(self) -> Path:
        """The folder of figures, which has `results`."""
        return self.folder / "figures" if (self.folder / "figures").is_dir() else self.folder

    def files(self, chapters: list[str] | None = None) -> dict[str, Path]:
        """All files of the record by their names, e.g. "03_gan/two_way.csv" and "notebooks/03_gan.ipynb".

        chapters: only what belongs to these, e.g. ["03_gan"].
        """
        found = {path.relative_to(self.figures).as_posix(): path for path in sorted(self.figures.rglob("*")) if path.is_file()}
        if self.figures != self.folder:
            found |= {f"notebooks/{path.name}": path for path in sorted((self.folder / "notebooks").glob("[0-9]*.ipynb"))}
        return {name: path for name, path in found.items() if not name.startswith(".") and "/" in name
                and Path(name).parts[0] not in PASSING and (chapters is None or chapter_of(name) in chapters)}


def chapter_of(name: str) -> str:
    """The chapter that a file of a record belongs to; "tables" for what `make tables` makes.

    >>> chapter_of("results/03_gan.json"), chapter_of("03_gan/two_way.csv")
    ('03_gan', '03_gan')
    """
    folder, _, rest = name.partition("/")
    return Path(rest).stem if folder in ("results", "notebooks") else folder


def of_folder(folder: Path | str) -> Tree:
    """The record in this folder; LayoutError where there is none."""
    folder = Path(folder).expanduser().absolute()
    if not any((at / "results").is_dir() for at in (folder, folder / "figures")):
        raise LayoutError(f"{folder} has no results/ and no figures/results/, expected a checkout or a folder of figures; name one "
                          "of them")
    return Tree(folder, str(folder))


@contextmanager
def of_commit(revision: str = "HEAD") -> Iterator[Tree]:
    """The record as it is committed in this checkout, unpacked for as long as it is needed.

    Raises LayoutError where there is no git, no such commit, or no record in it.
    """
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    there = [part for part in PARTS if _git("ls-tree", "--name-only", commit, part)]
    if "figures" not in there:
        raise LayoutError(f"commit {commit[:12]} of {core.ROOT} has no figures/, expected the committed book; name another commit "
                          "or a folder with --against")
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "record.tar"
        _git("archive", "--format=tar", f"--output={packed}", commit, *there)
        with tarfile.open(packed) as archive:
            archive.extractall(Path(folder) / "record", filter="data")
        yield Tree(Path(folder) / "record", f"commit {commit[:12]}")


def is_revision(name: str) -> bool:
    """Whether git knows a commit of this name here."""
    try:
        return bool(_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"))
    except LayoutError:
        return False


def _git(*arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=core.ROOT, capture_output=True, check=True, timeout=120).stdout
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
        why = said[-1] if said else "no such commit"
        raise LayoutError(f"git {arguments[0]} found no committed book in {core.ROOT} ({why}), expected a clone with the commit to "
                          "compare with; name one, or a folder with the book as it was, with --against") from error
