"""Shared by the tests of this room: a tree so small that a test may load it often."""

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def smallest(tmp_path_factory):
    """Root of the small sound tree of `fuzz`: 2 sessions of 24 trials, 40 voxels, 24 pictures; read it only."""
    from tests.nsd.fuzz.oracle import sound_tree

    return sound_tree(tmp_path_factory.mktemp("smallest"))


@pytest.fixture(scope="session")
def smallest_subject(smallest):
    """The same as the record that the loader makes of it."""
    from mindreader.nsd.loader import load_subject

    return load_subject(smallest, "subj01")


@pytest.fixture
def small(smallest, tmp_path):
    """A tree of hard links to it; to change a file, replace it."""
    return linked(smallest, tmp_path / "nsd")


@pytest.fixture
def copy(tiny_twin, tmp_path):
    """A tree of hard links to the tiny twin; to change a file, replace it."""
    return linked(tiny_twin, tmp_path / "nsd")


def linked(tree, place):
    from mindreader.nsd.loader import Layout

    shutil.copytree(tree, place, copy_function=os.link)
    return Layout(place, "subj01")
