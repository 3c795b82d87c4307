"""The simulated brain: tuning, receptive fields and attention as in visual cortex."""

import subprocess
import sys

import numpy as np
import pytest

from mindreader.twin import brain as brain_module
from mindreader.twin.brain import FEATURES, Brain, channels, states
from mindreader.twin.cortex import lay_out
from mindreader.world.sampling import draw_scene
from mindreader.world.rendering import render_many


@pytest.fixture(scope="module")
def small_brain():
    """(brain of 400 voxels, fitted to 150 pictures; its responses)."""
    brain = Brain(lay_out(400, 3), 3)
    scenes = [draw_scene(3, "subject", i) for i in range(150)]
    return brain, brain.fit(scenes, render_many(3, "subject", range(150), processes=1))


def test_the_brain_is_independent_of_torch():
    code = "import sys, mindreader.twin.brain, mindreader.twin.session; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_early_voxels_respond_to_the_contralateral_side_of_the_picture(small_brain):
    brain, _ = small_brain
    scene = draw_scene(3, "subject", 0)
    pixels = np.full((2, 64, 64, 3), 128, np.uint8)
    stripes = (np.indices((24, 20)).sum(0) // 2 % 2 * 255).astype(np.uint8)[..., None]
    pixels[0, 20:44, 4:24], pixels[1, 20:44, 40:60] = stripes, stripes      # left, right
    left, right = np.abs(brain.respond([scene] * 3, np.concatenate([pixels, pixels[:1] * 0 + 128])).expected()[:2]
                         - brain.respond([scene], np.full((1, 64, 64, 3), 128, np.uint8)).expected())
    v1 = brain.cortex.having("prf-visualrois", "V1v", "V1d")
    seen_right = brain.cortex.centre[:, 0] > 0.15
    assert right[v1 & seen_right].mean() > 3 * left[v1 & seen_right].mean()
    assert brain.cortex.right[tuple(brain.cortex.coords[v1 & seen_right].T)].mean() < 0.2


def test_receptive_fields_grow_along_the_hierarchy():
    cortex = lay_out(3000, 0)
    widths = [np.median(cortex.width[cortex.having("prf-visualrois", *names)])
              for names in (("V1v", "V1d"), ("V2v", "V2d"), ("V3v", "V3d"), ("hV4",))]
    assert (np.diff(widths) > 0).all()


def test_occipital_face_voxels_encode_the_position_of_a_face_and_fusiform_ones_its_identity():
    brain = Brain(lay_out(1024, 0), 0)
    ofa, ffa = (brain.cortex.having("floc-faces", name) for name in ("OFA", "FFA-1"))
    where, who = ([FEATURES.index(f"{what}") for what in pair] for pair in
                  (("face left", "face right"), ("identity 0", "identity 1")))
    assert brain.far[where][:, ofa].mean() > 5 * np.abs(brain.far[where][:, ffa]).mean()
    assert brain.far[who][:, ffa].mean() > 5 * np.abs(brain.far[who][:, ofa]).mean()


def test_attention_strengthens_the_attended_thing_and_weakens_the_others():
    index = next(i for i in range(50) if len({t.category for t in draw_scene(0, "subject", i).things}) == 2)
    features, image, attended, probability = states([draw_scene(0, "subject", index)])
    things = draw_scene(0, "subject", index).things
    for choice in (0, 1):
        mine, other = (FEATURES.index(f"thing {things[c].name}") for c in (choice, 1 - choice))
        neutral, now = features[attended == -1][0], features[attended == choice][0]
        assert now[mine] > neutral[mine] and now[other] < neutral[other]
    assert probability.sum() == pytest.approx(1)


def test_responses_to_the_fitted_pictures_have_mean_0_and_sd_1(small_brain):
    expected = small_brain[1].expected()
    np.testing.assert_allclose(expected.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(expected.std(0), 1, atol=1e-3)


def test_responses_do_not_depend_on_the_block_size(monkeypatch):
    cortex, scenes = lay_out(400, 3), [draw_scene(3, "subject", i) for i in range(30)]
    pixels = render_many(3, "subject", range(30), processes=1)
    fitted = Brain(cortex, 3).fit(scenes, pixels)
    monkeypatch.setattr(brain_module, "_BLOCK", 37)
    again = Brain(cortex, 3).fit(scenes, pixels)
    np.testing.assert_allclose(again.values, fitted.values, atol=1e-4)
    np.testing.assert_allclose(again.attention_variance(), fitted.attention_variance(), atol=1e-5)


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"got pictures of shape \(32, 32, 3\), expected \(64, 64, 3\)"):
        channels(np.zeros((1, 32, 32, 3), np.uint8))
