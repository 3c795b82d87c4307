"""Shared by the tests of this room: a tree so small that a test may look at it often."""

import pytest


@pytest.fixture(scope="session")
def smallest(tmp_path_factory):
    """Root of the small sound tree of `tests.nsd.fuzz`; read it only."""
    from tests.nsd.fuzz.oracle import sound_tree

    return sound_tree(tmp_path_factory.mktemp("smallest"))
