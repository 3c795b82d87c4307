"""MINDREADER_STRICT=1 replays chapters and compares text, tables and pictures, but not what is meant for the terminal."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from mindreader.companion.rendering import FILE_OF

ROOT = Path(__file__).resolve().parents[1]
SOURCE = """# %% tags=["parameters"]
seed: int = 0

# %%
import sys
from pathlib import Path
from mindreader.companion import plots, rendering

def show(figure, slug):
    return rendering.Shown(figure, rendering.save_figure(figure, f"01_x/{slug}", origin="twin", root=Path("../figures").resolve()))

_ = sys.stderr.write("a warning with the number of this process in it\\n")
print("seed", seed)

# %%
show(plots.histogram([1, 2, seed], bins=3, origin="twin", xlabel="x", ylabel="y", title="t"), "h")

# %%
show(plots.picture_grid({"seen": [[[[9, 9, seed * 40]] * 16] * 16]}, origin="twin"), "p")
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
    for old in ["seed 0\\n", *pictures(path)]:
        assert old in text
        text = text.replace(old, "A" + old[1:])
    path.write_text(text)
    return unchanged, house


def pictures(path):
    """The checksums of the two pictures that the chapter links to."""
    outputs = [o.get("data", {}) for cell in nbformat.read(path, 4).cells for o in cell.get("outputs", [])]
    found = [data[FILE_OF] for data in outputs if FILE_OF in data]
    assert [Path(one["file"]).name for one in found] == ["h.svg", "p.webp"]
    return [one["sha256"] for one in found]


def test_what_replays_the_same_passes_though_it_writes_to_the_terminal(changed):
    unchanged, _ = changed
    assert unchanged.returncode == 0, unchanged.stdout[-3000:]
    assert "4 passed" in unchanged.stdout


def test_a_changed_line_and_a_changed_picture_fail(changed):
    done = replay(changed[1], "1")
    assert done.returncode == 1
    for kind, times in (("stdout", 1), (FILE_OF, 2)):
        assert done.stdout.count(f"mismatch '{kind}'") >= times, done.stdout[-3000:]     # the summary may repeat it
    assert "3 failed, 1 passed" in done.stdout


def test_the_usual_replay_only_asks_that_every_cell_runs(changed):
    assert replay(changed[1], "0").returncode == 0
