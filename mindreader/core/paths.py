"""Locate the checkout, the home of finished stages, and NSD: by the package or the environment, never the working folder."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

from platformdirs import user_cache_path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "mindreader"
NOTEBOOKS = ROOT / "notebooks"
FIGURES = ROOT / "figures"
RESULTS = FIGURES / "results"
WEIGHTS = PACKAGE / "weights"
PAPER_VALUES = PACKAGE / "core" / "paper_values.csv"
FOLDERS = ("MINDREADER_HOME", "MINDREADER_NSD", "MINDREADER_WEIGHTS", "MINDREADER_METRICS")


def home() -> Path:
    """The folder for what is made once and kept: $MINDREADER_HOME, or a folder in the user's cache (XDG_CACHE_HOME).

    Never inside what is committed; it need not exist yet. Raises ParameterError where a user without a home has named none.
    """
    chosen = named("MINDREADER_HOME")
    if chosen is not None:
        return chosen
    try:
        return user_cache_path("mindreader", appauthor=False)
    except RuntimeError as error:
        raise _refused("found no home folder for this user, expected one for what is made once and kept; set MINDREADER_HOME to a "
                       "folder of yours") from error


def nsd_root() -> Path:
    """The reader's copy of the Natural Scenes Dataset: $MINDREADER_NSD, or `nsd` in `home()`."""
    return named("MINDREADER_NSD") or home() / "nsd"


def named(variable: str) -> Path | None:
    """The folder that an environment variable names, absolute; None where it names none.

    What a shell would have done is done here, since files of settings (of containers, of schedulers) do not: $NAME and ~ are
    written out, and quotation marks around the whole are left out. Raises ParameterError for a name or a ~ of nobody, and for
    an address.
    """
    given = os.environ.get(variable, "").strip()
    chosen = given[1:-1].strip() if len(given) > 1 and given[0] == given[-1] and given[0] in "\"'" else given
    chosen = os.path.expandvars(chosen)
    if unset := re.search(r"\$\w+|\$\{\w+\}", chosen):
        raise _refused(f"{variable}={given!r} names {unset[0]}, which is not set here, expected a folder; write it out from /")
    if re.match(r"\w+://", chosen):
        raise _refused(f"{variable}={given!r} is an address, expected a folder of this machine; download it, and name where it is")
    try:
        return Path(chosen).expanduser().absolute() if chosen else None
    except RuntimeError as error:
        raise _refused(f"{variable}={given!r} begins with the home of nobody here, expected a folder; write it out from /") from error


def hold_folders() -> None:
    """Let the folders that the environment names stay what they are here for whatever this program starts elsewhere."""
    for variable in FOLDERS:
        if (folder := named(variable)) is not None:
            os.environ[variable] = str(folder)


def _refused(sentence: str) -> ValueError:
    from .params import ParameterError      # which stands on this module

    return ParameterError(sentence)


def output_root(run: str = "") -> Path:
    """Where a run leaves its figures: `figures` for the default run, a folder of its own for any other.

    Parameters
    ----------
    run : str
        "" for the default parameters; else a name such as "03_gan__cond-img", which becomes
        `figures/runs/<name>` (git-ignored), so that no other run writes over the committed record.
    """
    if not run:
        return FIGURES
    if Path(run).name != run or run.startswith("."):
        raise ValueError(f"run name {run!r} is not a plain folder name; expected one such as '03_gan__cond-img'")
    return FIGURES / "runs" / run


def require_checkout() -> None:
    """Raise LayoutError where the library was installed without its notebooks and figures, as by `pip install .`."""
    if checkout_of(PACKAGE) is None:
        from ..records import LayoutError  # here and not above: papermill imports this module before every run

        raise LayoutError(f"mindreader is installed in {ROOT} without its notebooks and figures, which chapters, records and the "
                          "book need; run `make setup` in a clone of the repository. The library itself works anywhere.")


def checkout_of(folder: Path | str = ".") -> Path | None:
    """The checkout of this repository that holds `folder`, or None."""
    folder = Path(folder).resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / "_toc.yml").is_file() and (candidate / "mindreader").is_dir():
            return candidate
    return None


def warn_of_other_checkout(folder: Path | str = ".") -> None:
    """Warn when `folder` lies in one checkout and the imported library in another, where its figures go."""
    here = checkout_of(folder)
    if here is not None and here != ROOT:
        warnings.warn(f"you are in {here}, but the installed mindreader is {ROOT} and writes its figures "
                      f"there; run `pip install -e .` in {here} to use its own code", stacklevel=2)
