"""Trained parts: what was saved comes back, and whatever is not what its card says is refused by name."""

import json
import shutil

import pytest
import torch

from mindreader.core import paths, weights
from mindreader.records import LayoutError

ARCHITECTURE = {"stages": (4, 8), "n_dims": 16}


@pytest.fixture
def state():
    torch.manual_seed(sum(map(ord, "mind reader")))
    return {"kernel": torch.randn(5, 3), "bias": torch.zeros(3), "n_batches": torch.tensor(7)}


@pytest.fixture
def part(tmp_path, state):
    card = {"architecture": ARCHITECTURE, "seed": 1, "scores": {"auc": 0.9}}
    weights.save_part(tmp_path / "tiny", state, card)
    return tmp_path / "tiny"


def test_a_part_comes_back_in_full_precision_rounded_to_half(part, state):
    loaded, card = weights.load_part(part)
    assert loaded["kernel"].dtype == torch.float32 and loaded["n_batches"].dtype == torch.int64
    assert torch.equal(loaded["kernel"], state["kernel"].half().float())
    assert loaded["n_batches"] == 7 and card["scores"] == {"auc": 0.9}


def test_float32_storage_loses_nothing(tmp_path, state):
    weights.save_part(tmp_path / "exact", state, {"architecture": {}}, dtype=torch.float32)
    assert torch.equal(weights.load_part(tmp_path / "exact")[0]["kernel"], state["kernel"])


def test_the_card_counts_and_names_what_it_vouches_for(part):
    card = json.loads((part / "card.json").read_text())
    assert card["name"] == "tiny" and card["n_parameters"] == 18
    assert card["bytes"] == (part / "weights.safetensors").stat().st_size
    assert card["sha256"] == weights.checksum(part / "weights.safetensors") == weights.part_checksum(part)


def test_the_same_architecture_is_accepted_with_tuples_or_lists(part):
    found = [weights.load_part(part, architecture=asked) for asked in (ARCHITECTURE, {"n_dims": 16, "stages": [4, 8]})]
    assert [repr(each) for each in found] == [repr(weights.load_part(part))] * 2


def test_another_architecture_is_refused_with_what_differs(part):
    with pytest.raises(LayoutError, match=r"'tiny' with architecture \{'n_dims': 16\}, expected .*32"):
        weights.load_part(part, architecture=ARCHITECTURE | {"n_dims": 32})


def test_a_missing_part_says_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "WEIGHTS", tmp_path)
    with pytest.raises(LayoutError, match="no card.json .*'clip'.*make pretrain.*mindreader.pretraining clip"):
        weights.load_part("clip")


def test_the_command_for_a_variant_names_its_part(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "WEIGHTS", tmp_path)
    with pytest.raises(LayoutError, match="'generator_lf'.*mindreader.pretraining generator_lf`"):
        weights.part_checksum("generator_lf")


def test_a_card_without_its_weights_is_refused(part):
    (part / "weights.safetensors").unlink()
    with pytest.raises(LayoutError, match="no weights.safetensors"):
        weights.load_part(part)


def test_truncated_weights_are_refused(part):
    path = part / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(LayoutError, match="truncated"):
        weights.load_part(part)


def test_one_flipped_bit_is_refused(part):
    path = part / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(LayoutError, match="found checksum .* expected"):
        weights.load_part(part)


def test_a_pickle_under_the_right_name_is_never_read(part, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    path = part / "weights.safetensors"
    torch.save({"kernel": Bomb()}, path)
    card = json.loads((part / "card.json").read_text())
    card |= {"sha256": weights.checksum(path), "bytes": path.stat().st_size}
    (part / "card.json").write_text(json.dumps(card))
    with pytest.raises(LayoutError, match="unreadable"):
        weights.load_part(part)
    assert not (tmp_path / "exploded").exists()


def test_the_card_of_another_part_is_refused(part, monkeypatch):
    """Weights and card that agree with one another, under the name of something else."""
    monkeypatch.setattr(paths, "WEIGHTS", part.parent)
    shutil.copytree(part, part.parent / "generator_sup")
    with pytest.raises(LayoutError, match="found the card of the part 'tiny' in .*, expected that of .*'generator_sup'"):
        weights.load_part("generator_sup")


@pytest.mark.parametrize("text, message", [("{", "no JSON"), ("{}", "without architecture, bytes, sha256"),
                                           ("3", "without architecture, bytes, sha256")])
def test_a_damaged_card_is_refused(part, text, message):
    (part / "card.json").write_text(text)
    with pytest.raises(LayoutError, match=message):
        weights.load_part(part)


def test_saving_leaves_nothing_else_behind(part):
    assert sorted(p.name for p in part.iterdir()) == ["card.json", "weights.safetensors"]


def test_a_card_without_architecture_is_not_saved(tmp_path, state):
    with pytest.raises(ValueError, match="without 'architecture'"):
        weights.save_part(tmp_path / "x", state, {})


def test_numbers_too_large_for_half_precision_are_not_saved(tmp_path):
    with pytest.raises(ValueError, match="not finite"):
        weights.save_part(tmp_path / "x", {"w": torch.tensor([1e6])}, {"architecture": {}})


@pytest.mark.parametrize("name", sorted(p.parent.name for p in paths.WEIGHTS.glob("*/card.json")))
def test_shipped_parts_agree_with_their_cards(name):
    state, card = weights.load_part(name)
    assert card["name"] == name and card["scores"] and card["recipe"] and card["minutes"] > 0
    assert all(torch.isfinite(t).all() for t in state.values())
