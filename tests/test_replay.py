"""MINDREADER_STRICT=1 replays chapters and compares text, tables and pictures, but not what is meant for the terminal."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = """# %% tags=["parameters"]
seed: int = 0

# %%
import sys
from mindreader.companion import plots, rendering
_ = sys.stderr.write("a warning with the number of this process in it\\n")
print("seed", seed)

# %%
rendering.Shown(plots.histogram([1, 2, seed], bins=3, origin="twin", xlabel="x", ylabel="y", title="t"), "01_x/h")

# %%
rendering.Shown(plots.picture_grid({"seen": [[[[9, 9, seed * 40]] * 16] * 16]}, origin="twin"), "01_x/p")
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house with one executed chapter; not in a checkout, so that no test finds another one's settings."""
    from mindreader import core
    from mindreader.companion import nb
    from mindreader.core import paths

    root = tmp_path_factory.mktemp("replay")
    for name in ("notebooks", "tests", "mindreader/weights", "figures"):
        (root / name).mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / "conftest.py", root / "notebooks")
    shutil.copy(ROOT / "tests" / "nbval_sanitize.cfg", root / "tests")
    (root / "notebooks" / "01_x.py").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in dict(ROOT=".", NOTEBOOKS="notebooks", FIGURES="figures", RESULTS="figures/results",
                                 PACKAGE="mindreader", WEIGHTS="mindreader/weights").items():
            for module in (core, paths):    # the room keeps what it was once asked for
                patch.setattr(module, name, root / folder)
        nb.build("01_x")
    return root


def replay(house, strict):
    return subprocess.run([sys.executable, "-m", "pytest", "--nbval", "notebooks", "-q", "-p", "no:cacheprovider"], cwd=house,
                          env=os.environ | {"MINDREADER_STRICT": strict}, capture_output=True, text=True, timeout=900)


@pytest.fixture(scope="module")
def changed(house):
    """The same house after its unchanged chapter was replayed; then a line and two pictures of it were changed."""
    unchanged = replay(house, "1")
    path = house / "notebooks" / "01_x.ipynb"
    text = path.read_text()
    for old in ["seed 0\\n", *(picture[:40] for picture in pictures(path))]:
        assert old in text
        text = text.replace(old, "A" + old[1:])
    path.write_text(text)
    return unchanged, house


def pictures(path):
    """The PNG and the JPEG on the page, base64."""
    outputs = [o.get("data", {}) for cell in nbformat.read(path, 4).cells for o in cell.get("outputs", [])]
    (png,), (jpeg,) = ([data[kind] for data in outputs if kind in data] for kind in ("image/png", "image/jpeg"))
    return png, jpeg


def test_what_replays_the_same_passes_though_it_writes_to_the_terminal(changed):
    unchanged, _ = changed
    assert unchanged.returncode == 0, unchanged.stdout[-3000:]
    assert "4 passed" in unchanged.stdout


def test_a_changed_line_and_a_changed_picture_fail(changed):
    done = replay(changed[1], "1")
    assert done.returncode == 1
    for kind in ("stdout", "image/png", "image/jpeg"):
        assert f"mismatch '{kind}'" in done.stdout, done.stdout[-3000:]
    assert "3 failed, 1 passed" in done.stdout


def test_the_usual_replay_only_asks_that_every_cell_runs(changed):
    assert replay(changed[1], "0").returncode == 0
