"""The README's ten lines run as they stand: in a script without a guard, from any folder, with nothing made before."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Even the small subject is painted by several processes here, as that of the default preset is.
FIRST = "from mindreader.core import processes\nprocesses._WORTH_IT = 16\n\n"


def ten_lines():
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Ten lines\n")[2]
    return re.search(r"^```python\n(.*?)^```$", section, re.M | re.S)[1]


def test_the_ten_lines_run(tmp_path):
    text, presets = re.subn(r'"book"', '"smoke"', ten_lines())
    assert presets == 1, "one place names the preset"
    script = tmp_path / "ten_lines.py"
    script.write_text(FIRST + text, encoding="utf-8")
    env = os.environ | {"MINDREADER_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "home" / "twins").glob("twin-*")), "a subject was made"


def test_they_are_at_most_ten():
    lines = [line for line in ten_lines().splitlines() if line.strip()]
    assert 5 <= len(lines) <= 10
