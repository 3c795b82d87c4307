"""Damages: each does what its name says, grows with its strength, and leaves the rest of the picture alone."""

import numpy as np
import pytest
from scipy import ndimage

from mindreader.evaluation import damages
from mindreader.evaluation.damages import DAMAGES, damaged, largest_things, placements
from mindreader.world import draw_scene, masks, render


@pytest.fixture(scope="module")
def scenes():
    """Twelve pictures and the largest thing in each."""
    found, pictures = [], []
    for i in range(100, 160):
        scene = draw_scene(0, "world", i)
        thing = largest_things([masks(scene)[0]])[0]
        if thing.any() and len(found) < 12:
            found.append(thing)
            pictures.append(render(scene))
    return np.stack(pictures), np.stack(found)


def changed(a, b):
    return np.abs(a.astype(int) - b).mean((1, 2, 3))


@pytest.mark.parametrize("damage", DAMAGES)
def test_more_strength_changes_more_of_every_picture_on_average(scenes, damage):
    means = [changed(damaged(*scenes, damage, strength), scenes[0]).mean() for strength in (1, 2, 3, 4)]
    assert means[0] > 0 and means == sorted(means)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_same_seed_gives_the_same_damage(scenes, damage):
    assert np.array_equal(damaged(*scenes, damage, 3, seed=5), damaged(*scenes, damage, 3, seed=5))
    assert damage in ("blur",) or not np.array_equal(damaged(*scenes, damage, 3, seed=5), damaged(*scenes, damage, 3, seed=6))


def test_blur_is_scipys(scenes):
    wanted = ndimage.gaussian_filter(scenes[0][0, :, :, 1].astype(float), DAMAGES["blur"][1][3], mode="nearest")
    assert np.abs(damaged(*scenes, "blur", 4)[0, :, :, 1] - wanted).max() < 0.51


def test_a_shuffle_moves_tiles_to_a_neighbour_and_loses_none(scenes):
    for strength in (2, 4):
        shuffled = damaged(*scenes, "local shuffle", strength)
        for before, after in zip(scenes[0], shuffled):
            assert np.array_equal(np.sort(before.reshape(-1, 3), 0), np.sort(after.reshape(-1, 3), 0))
    whole = damaged(*scenes, "local shuffle", 4)[0]
    tiles = scenes[0][0].reshape(32, 2, 32, 2, 3).swapaxes(1, 2)
    along = np.stack([tiles[:, 1::2], tiles[:, 0::2]], 2).reshape(32, 32, 2, 2, 3)
    down = np.stack([tiles[1::2], tiles[0::2]], 1).reshape(32, 32, 2, 2, 3)
    found = whole.reshape(32, 2, 32, 2, 3).swapaxes(1, 2)
    assert np.array_equal(found, along) or np.array_equal(found, down)


def test_a_colour_shift_leaves_brightness_and_outlines(scenes):
    grey = np.full_like(scenes[0], 128)
    shifted = damaged(grey, scenes[1], "colour shift", 3).astype(float)
    assert np.abs(shifted.mean(-1) - 128).max() <= 0.5                               # each channel is rounded
    assert np.linalg.norm(shifted - 128, axis=-1) == pytest.approx(DAMAGES["colour shift"][1][2], abs=1)
    assert not np.allclose(shifted[0, 0, 0], shifted[1, 0, 0])


def test_grain_has_the_spread_that_it_says(scenes):
    grey = np.full((4, 64, 64, 3), 128, np.uint8)
    assert damaged(grey, scenes[1][:4], "grain", 4).std() == pytest.approx(20, rel=0.02)


def test_a_smear_leaves_what_is_flat_and_keeps_the_mean(scenes):
    flat = np.full((2, 64, 64, 3), 77, np.uint8)
    assert np.array_equal(damaged(flat, scenes[1][:2], "smear", 4), flat)
    edge = np.zeros((2, 64, 64, 3), np.uint8)
    edge[:, :, 32:] = 200
    smeared = damaged(edge, scenes[1][:2], "smear", 4)
    assert (smeared[:, :, :20] == 0).all() and (smeared[:, :, 44:] == 200).all() and ((smeared > 20) & (smeared < 180)).any()


@pytest.mark.parametrize("damage", ["part missing", "things merged"])
def test_a_part_is_of_the_share_that_it_says_and_nothing_else_changes(scenes, damage):
    pictures, things = scenes
    for strength, share in enumerate(DAMAGES[damage][1], 1):
        differs = (damaged(pictures, things, damage, strength) != pictures).any(-1)
        assert not (differs & ~things).any()
        assert (differs.sum((1, 2)) <= np.maximum(1, np.round(share * things.sum((1, 2))))).all()
    assert (differs.sum((1, 2)) / things.sum((1, 2))).mean() > 0.3


def test_a_doubled_part_is_a_copy_of_a_piece_of_the_thing():
    picture, thing = np.zeros((1, 64, 64, 3), np.uint8), np.zeros((1, 64, 64), bool)
    thing[0, 20:40, 24:34] = True
    picture[thing] = (10, 200, 30)
    doubled = damaged(picture, thing, "part doubled", 4)
    assert (doubled[thing] == (10, 200, 30)).all() and {tuple(c) for c in doubled.reshape(-1, 3)} == {(0, 0, 0), (10, 200, 30)}
    more = (doubled[..., 1] > 0).sum() - thing.sum()
    assert 0.2 * thing.sum() < more <= 0.45 * thing.sum()


def test_a_merged_thing_has_the_colours_of_the_other(scenes):
    pictures, things = scenes[0][:2].copy(), scenes[1][:2]
    pictures[1][things[1]] = (1, 2, 3)
    merged = damaged(pictures, things, "things merged", 4)
    differs = (merged[0] != pictures[0]).any(-1)
    assert differs.any() and (merged[0][differs] == (1, 2, 3)).all()


def test_every_damage_has_a_place_and_every_place_a_reason():
    table = placements()
    assert set(zip(table.damage, table.strength)) == {(d, s) for d in DAMAGES for s in (1, 2, 3, 4)} | {("our generator", 0)}
    assert table.seen.isin(damages.SEEN).all() and table.why.str.len().gt(10).all()
    for damage, (_, amounts) in DAMAGES.items():
        part = table[table.damage == damage]
        assert part.amount.tolist() == list(amounts) == sorted(amounts)
        assert [damages.SEEN.index(seen) for seen in part.seen] == sorted(damages.SEEN.index(seen) for seen in part.seen)
        assert part.seen.iloc[-1] == "at once"


@pytest.mark.parametrize("damage, strength, message", [
    ("fog", 1, "got damage 'fog' of strength 1, expected one of blur, "), ("blur", 5, "of strength 5"), ("blur", 0, "of strength 0")])
def test_an_unknown_damage_is_refused(scenes, damage, strength, message):
    with pytest.raises(ValueError, match=message):
        damaged(*scenes, damage, strength)


def test_a_picture_without_a_thing_is_refused(scenes):
    with pytest.raises(ValueError, match="got 12 pictures and 12 masks, 1 of them empty"):
        damaged(scenes[0], np.where(np.arange(12)[:, None, None] == 3, False, scenes[1]), "blur", 1)


def test_the_largest_thing_is_taken_unless_it_is_too_small():
    masks = np.zeros((2, 64, 64), bool)
    masks[0, :5, :5] = masks[1, :20, :20] = True
    assert np.array_equal(largest_things([masks, masks[:1], masks[:0]])[0], masks[1])
    assert not largest_things([masks, masks[:1], masks[:0]])[1:].any()
