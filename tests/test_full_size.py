"""The script that makes a subject of NSD's size: it runs, counts, and removes what it made."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "full_size.py"


def test_the_script_makes_loads_counts_and_tidies_up(tmp_path):
    sizes = ["--sessions", "1", "--voxels", "40", "--trials", "12", "--folder", str(tmp_path)]
    done = subprocess.run([sys.executable, SCRIPT, *sizes], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("2 sessions planned and 1 written, 8 pictures, 40 voxels")
    assert [line.split(":")[0] for line in lines[1:5]] == [
        "make", "load", "load again, from the cache", "the same, and gather both sides of the split"]
    assert "12 trials, 6 images, 5 training images, 1 validation images, 3 most repeats, 40 voxels" in lines[5]
    assert not list(tmp_path.iterdir())
