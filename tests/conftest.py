"""Shared by all tests: a home of their own, so that no test reads or fills the user's cache."""

import os
from pathlib import Path

import pytest

from mindreader.core import hold_folders

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config):
    hold_folders()  # tests change the working folder
    os.environ.setdefault("MINDREADER_HOME", str(ROOT / ".make" / "home"))


# Each takes minutes. With a file to a worker, one that began last would keep all others waiting for its end.
LONG = {"test_cold_runs.py", "test_elsewhere.py", "test_exam.py", "test_failures.py", "test_generator_grid.py", "test_mapping_grid.py",
        "test_papermill.py", "test_photographs.py", "test_pipeline.py", "test_readme_runs.py", "test_rehearsal.py", "test_replay.py",
        "test_site.py", "test_snakefile.py"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.suffix != ".ipynb" and item.path.name not in LONG)    # in the order collected otherwise


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(sum(map(ord, "mind reader")))


@pytest.fixture
def gpu():
    """One that is pretended: `device="cuda"` works, and it notes where the host waits for it."""
    from pretended_gpu import pretended_gpu

    with pretended_gpu() as gpu:
        yield gpu


@pytest.fixture(scope="session")
def tiny_twin(tmp_path_factory):
    """Root of a simulated subject: 2 sessions of 120 trials, 96 voxels, 120 pictures; read it only."""
    from mindreader.twin.subject import TwinConfig, write_twin

    return write_twin(tmp_path_factory.mktemp("twin") / "tiny", TwinConfig(96, 2, 120), seed=7)


@pytest.fixture(scope="session")
def tiny_subject(tiny_twin):
    """The same as the record that the loader makes of it."""
    from mindreader.nsd.loader import load_subject

    return load_subject(tiny_twin, "subj01")


@pytest.fixture(scope="session")
def nets(tmp_path_factory):
    """Untrained feature net and ResNet, saved as parts: their embedders, and the ResNet's of its last block."""
    import torch

    from mindreader.core import paths, weights
    from mindreader.extractors import FEATURE_NET, RESNET, SmallNet, load_feature_net, load_resnet

    root = tmp_path_factory.mktemp("weights")
    for name, config in (("feature", FEATURE_NET), ("resnet", RESNET)):
        with torch.random.fork_rng():
            torch.manual_seed(2)
            weights.save_part(root / name, SmallNet(config).state_dict(), {"architecture": config.asdict()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "WEIGHTS", root)
        return load_feature_net(), load_resnet(), load_resnet("last")
