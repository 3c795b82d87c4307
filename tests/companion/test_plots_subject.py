"""The figures of chapter 00 say where their data come from, are the same bytes every time, and show what they claim."""

import numpy as np
import pandas as pd
import pytest
from figure_checks import is_the_same_bytes_each_time, says_whose_brain_it_shows, texts
from matplotlib.patches import Rectangle

from mindreader.companion.plots import common as plots, subject as plots_subject
from mindreader.companion.plots.flatmap import flatten
from mindreader.nsd.outlines import Outline
from mindreader.twin.cortex import lay_out

RNG = np.random.default_rng(5)
PICTURES = RNG.integers(0, 255, (2, 16, 16, 3), dtype=np.uint8)
HALF = np.arange(16)[:, None].repeat(16, 1) < 8
OUTLINES = [[Outline(124, "grass", "stuff", ~HALF), Outline(18, "dog", "thing", HALF)], []]
CAPTIONS = pd.DataFrame({"image": [0, 0, 1], "caption": ["a dog", "a nice picture", "a cat"],
                         "grade": ["specific", "vague", ""]})
CORTEX = lay_out(300, 0)
FLAT = flatten(CORTEX.coords, CORTEX.shape)
V1 = CORTEX.having("prf-visualrois", "V1v", "V1d")
BRAIN = pd.DataFrame({"x": FLAT[:, 0], "y": FLAT[:, 1], "family": np.where(V1, "V1", ""), "ncsnr": RNG.random(300)})
NAMES = [f"{p} · {t}" for p in (1, 2) for t in (1, 2, 3)]
MATRIX = pd.DataFrame(np.corrcoef(RNG.standard_normal((6, 9))), index=NAMES, columns=NAMES)
RELIABILITY = pd.DataFrame({"same": RNG.random(20), "other": RNG.random(20) - 0.5})
MINDS = pd.DataFrame({"image_id": [4, 4, 9], "picture": list(PICTURES[[0, 0, 1]]),
                      "attended": ["dog", "cat", "dog"], "decoded": ["dog", "dog", "dog"]})
DRIFT = pd.DataFrame({"voxel": [0, 0, 1, 1], "session": [1, 2, 1, 2], "before": [0.4, -0.4, -0.1, 0.1], "after": 0.0,
                      "planted": [0.5, -0.5, 0.0, 0.0]})
TABLE = pd.DataFrame({"region": ["FFA-1", "FFA-1", "PPA", "PPA"], "contrast": ["faces", "places"] * 2,
                      "own": [True, False, False, True], "value": [9.0, -1.0, 0.5, 3.0], "n_voxels": [7, 7, 4, 4],
                      "n_shown": [20, 30, 20, 30]})
FIGURES = {
    "scenes": lambda o: plots_subject.annotated_scenes(PICTURES, OUTLINES, CAPTIONS, origin=o),
    "slices": lambda o: plots_subject.region_slices(CORTEX.coords, BRAIN.family.to_numpy(), origin=o, title="t"),
    "flat": lambda o: plots_subject.flat_maps(BRAIN, {"V1": V1}, origin=o, title="t"),
    "repeats": lambda o: plots_subject.repeats(MATRIX, RELIABILITY, origin=o, title="t"),
    "attended": lambda o: plots_subject.attended(MINDS, origin=o, title="t"),
    "sessions": lambda o: plots_subject.sessions(DRIFT, origin=o, title="t"),
    "contrasts": lambda o: plots_subject.contrasts(TABLE, bar=5.0, origin=o, title="t"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_whose_brain_it_shows(name):
    says_whose_brain_it_shows(FIGURES[name])


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_figure_is_the_same_bytes(name):
    is_the_same_bytes_each_time(FIGURES[name])


def test_scenes_name_what_is_marked_and_how_good_each_caption_is():
    assert {"dog", "grass", "specific", "vague", "a cat"} <= set(texts(FIGURES["scenes"]("twin")))


def test_slices_and_map_show_a_region_in_the_colour_of_its_family():
    colour = np.array(plots_subject.to_rgb(plots_subject.REGIONS["V1"]))
    for name in ("slices", "flat"):
        shown = [image.get_array() for ax in FIGURES[name]("twin").axes for image in ax.images]
        assert any((np.abs(a[..., :3] - colour) < 1e-6).all(-1).any() for a in shown if a.ndim == 3), name


def test_what_was_decoded_wrongly_is_red():
    fig = FIGURES["attended"]("twin")
    colours = [ax.xaxis.label.get_color() for ax in fig.axes if ax.get_xlabel()]
    assert colours == [plots.COLOURS[c] for c in ("kept", "dropped", "kept")]


def test_real_data_has_two_panels_of_sessions_and_no_planted_one():
    real = plots_subject.sessions(DRIFT.assign(planted=np.nan), origin="nsd", title="t")
    assert (len(real.axes), len(FIGURES["sessions"]("twin").axes)) == (2, 3)


def test_a_region_that_misses_the_bar_is_framed_in_red():
    frames = [p for p in FIGURES["contrasts"]("twin").axes[0].patches if isinstance(p, Rectangle)]
    expected = [plots_subject.to_rgb(plots.COLOURS[name]) for name in ("truth", "dropped")]
    assert [p.get_edgecolor()[:3] for p in frames] == expected


def test_a_map_without_noise_ceilings_says_so_in_words():
    unknown = plots_subject.flat_maps(BRAIN.assign(ncsnr=np.nan), {"V1": V1}, origin="nsd", title="t")
    assert any("no ncsnr.nii.gz" in text for text in texts(unknown))
    assert not any("no ncsnr.nii.gz" in text for text in texts(FIGURES["flat"]("twin")))
