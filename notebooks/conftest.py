"""What plain `pytest --nbval` means here: every chapter runs at the smoke preset, and what does not depend on it is checked.

The committed chapters were run at the book preset, which takes half an hour; replaying them at smoke shows that every
cell still runs. Cells tagged `nbval-check-output` must print what is committed; tests/test_record.py holds the other
outputs to the committed figures and results. MINDREADER_STRICT=1 replays at the committed preset and compares it all:
text, tables and pictures. What goes to stderr (warnings, progress) is for the terminal and never part of a chapter.
"""

import os
from pathlib import Path

from mindreader.core import hold_folders

ROOT = Path(__file__).resolve().parents[1]
STRICT = os.environ.get("MINDREADER_STRICT", "").strip().lower() in ("1", "true", "yes", "on")
PICTURES = {"image/png", "image/jpeg", "text/markdown"}  # in whose place a link is committed; its checksum is compared


def pytest_configure(config):
    hold_folders()  # kernels run in this folder, the tests in another
    if not STRICT:
        os.environ.setdefault("MINDREADER_PRESET", "smoke")
        os.environ.setdefault("MINDREADER_HOME", str(ROOT / ".make" / "home"))
    options = config.option
    if getattr(options, "nbval", False) or getattr(options, "nbval_lax", False):
        if not STRICT:
            options.nbval, options.nbval_lax = False, True
        options.nbval_current_env = options.nbval_kernel_name is None
        options.nbval_sanitize_with = options.nbval_sanitize_with or str(ROOT / "tests" / "nbval_sanitize.cfg")
        os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))


def pytest_collectstart(collector):
    passed_over = getattr(collector, "skip_compare", None)  # only a notebook has it
    if passed_over is not None:
        collector.skip_compare = tuple({*passed_over, *PICTURES, "stderr"})
