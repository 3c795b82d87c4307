"""Pictures and masks of scenes are reproducible and agree with the scene."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_scenes import few, many

from mindreader.world.rendering import masks, render, render_many
from mindreader.world.sampling import draw_scene
from mindreader.world.sentences import caption

# --- pictures --------------------------------------------------------------------------------------


def test_scenes_do_not_depend_on_batch_order_or_process():
    one = render(draw_scene(5, "world", 17))
    batch = render_many(5, "world", [16, 17, 18], processes=1)
    assert np.array_equal(batch[1], one)
    assert np.array_equal(render_many(5, "world", [18, 16, 17], processes=2), batch[[2, 0, 1]])
    assert batch.shape == (3, 64, 64, 3) and batch.dtype == np.uint8
    assert len({picture.tobytes() for picture in batch}) == 3


def test_rendering_leaves_numpys_global_generator_alone():
    before = np.random.get_state()[1].copy()
    scene = draw_scene(1, "world", 1)
    render(scene), caption(scene), masks(scene)
    assert np.array_equal(before, np.random.get_state()[1])


@pytest.mark.parametrize("size", [32, 64, 96, 256, 425])
def test_pictures_of_any_size_have_the_same_colours(size):
    scene = draw_scene(0, "world", 4)
    picture = render(scene, size)
    assert picture.shape == (size, size, 3)
    assert np.abs(picture.mean((0, 1)) - render(scene).mean((0, 1))).max() < 2


def test_pictures_are_not_flat():
    pictures = np.stack([render(scene) for scene in many()[:60]]).astype(float)
    luminance = pictures.mean(-1)
    assert luminance.std(axis=(1, 2)).min() > 12
    assert 80 < luminance.mean() < 170
    spectrum = np.abs(np.fft.fft2(luminance - luminance.mean((1, 2), keepdims=True))).mean(0)
    low, middle, high = spectrum[1, 1], spectrum[8, 8], spectrum[30, 30]
    # Energy falls with frequency, as in photographs, but not to nothing.
    assert low > middle > high > 0.005 * low


def test_watermark_stream_is_flatter_and_marked():
    world = np.stack([render(scene) for scene in many()[:40]]).astype(float)
    marked = np.stack([render(draw_scene(0, "watermark", n)) for n in range(40)]).astype(float)
    assert np.ptp(marked, axis=-1).mean() < 0.7 * np.ptp(world, axis=-1).mean()
    assert np.abs(marked.mean((0, 1, 2)) - world.mean((0, 1, 2))).max() > 8


def test_a_size_that_makes_no_picture_is_refused():
    with pytest.raises(ValueError, match="got size 0, expected 8 to 1024"):
        render(draw_scene(0, "world", 1), 0)


# --- masks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [64, 160])
def test_masks_are_disjoint_and_cover_the_picture_with_the_stuff(size):
    for scene in few().values():
        things, stuff = masks(scene, size)
        assert things.shape == (len(scene.things), size, size) and things.dtype == bool
        assert stuff.shape == (size, size)
        assert (things.sum(0) <= 1).all()
        assert np.array_equal(things.any(0), stuff == 0)
        assert set(np.unique(stuff)) - {0} <= {r.category for r in scene.stuff}


def test_a_mask_lies_where_its_thing_is():
    for scene in many()[:80]:
        things, _ = masks(scene)
        main = scene.things[0]
        if main.crowd or len(scene.things) > 1:
            continue
        ys, xs = np.nonzero(things[0])
        assert abs((xs.min() + xs.max() + 1) / 128 - main.x) < 0.13
        if main.pose not in ("flat", "face"):
            assert abs((ys.max() + 1) / 64 - min(main.y, 1)) < 0.11


def test_nearer_things_occlude_farther_ones():
    base = draw_scene(0, "world", 3)
    person = next(t for s in many() for t in s.things if t.category == 1 and t.pose == "standing")
    back = replace(person, x=0.5, y=0.8, depth=0.8, size=0.6, relation="", other=-1)
    front = replace(back, x=0.55, y=0.95, depth=0.95, seed=9)
    alone = masks(replace(base, things=(back,)), 256)[0][0].sum()
    both = masks(replace(base, things=(back, front)), 256)[0]
    assert both[0].sum() < 0.8 * alone
    assert both[1].sum() == masks(replace(base, things=(front,)), 256)[0][0].sum()
