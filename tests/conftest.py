"""Shared by all tests: a home of their own, so that no test reads or fills the user's cache."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config):
    os.environ.setdefault("MINDREADER_HOME", str(ROOT / ".make" / "home"))


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(sum(map(ord, "mind reader")))
