"""A small tree that passes for NSD's, and files that pass for weights."""

import os
import shutil

from mindreader.nsd import Layout


def photographs(tree, place):
    """The layout of a copy of a simulated tree without its mark, so that its pictures are taken for photographs.

    Its files are links to those of the tree: take one away before another is written in its place.
    """
    shutil.copytree(tree, place, copy_function=os.link)
    layout = Layout(place, "subj01")
    layout.marker.unlink()
    return layout


def weights_named(folder, monkeypatch, name, content):
    """A folder of published weights, named by its variable, with one file."""
    own = folder / "weights"
    own.mkdir(exist_ok=True)
    (own / name).write_bytes(content)
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(own))
    return own / name
