"""The released mapper, written plainly in its own order and names, against ours with the same weights."""

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from mindreader.mapping.network import FittedMapper, ResidualMapper
from mindreader.records import LayoutError
from mindreader.mapping.released import from_released, read_released, released_names, to_released


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(width, width, 3, padding=1), nn.ReLU(),
                                 nn.Conv1d(width, width, 3, padding=1), nn.ReLU(), nn.Conv1d(width, width, 1))

    def forward(self, x):
        return torch.relu(self.net(x) + x)


class Plain(nn.Module):
    """Layers under the released names, every one a Conv1d; no padding of its own."""

    def __init__(self, seen, n_dims, n_layers=1, n_blocks=2, hidden=8, fc=6, sigmoid=False):
        super().__init__()
        strided = [nn.Sequential(nn.Conv1d(hidden if i else 1, hidden, 4, 2, 1), nn.ReLU()) for i in range(n_layers)]
        self.encoder = nn.Sequential(*strided, *(Block(hidden) for _ in range(n_blocks)), nn.Conv1d(hidden, n_dims, 1))
        last = [nn.Sigmoid()] if sigmoid else []
        self.fc = nn.Sequential(nn.ReLU(), nn.Conv1d(seen // 2 ** n_layers, fc, 1), nn.ReLU(), nn.Conv1d(fc, 1, 1), *last)

    def forward(self, x):
        return self.fc(self.encoder(x[:, None]).transpose(1, 2))[:, 0]


def some(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("n_layers, sigmoid", [(1, False), (2, True)])
def test_released_weights_give_the_released_answers(n_layers, sigmoid):
    plain = Plain(44, 10, n_layers, sigmoid=sigmoid)
    ours = from_released(plain.state_dict(), n_voxels=37, sigmoid=sigmoid)
    x = some(5, 37)
    assert ours.margins == (3, 4)
    assert torch.allclose(ours(x), plain(F.pad(x, (3, 4))), atol=1e-4)


def test_there_and_back_is_the_same_in_names_order_and_bits():
    state = Plain(44, 10, n_blocks=3).state_dict()
    back = to_released(from_released(state))
    assert list(back) == list(state) and all(torch.equal(back[name], state[name]) for name in state)


def test_the_papers_network_has_the_names_that_are_documented():
    names = released_names()
    assert list(names.values()) == ["encoder.0.0", *(f"encoder.{b}.net.{k}" for b in (1, 2, 3, 4) for k in (0, 2, 4)),
                                    "encoder.5", "fc.1", "fc.3"]
    ours = {name.rpartition(".")[0] for name in ResidualMapper(16, 4).state_dict()}
    assert set(names) == ours


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_becomes_a_mapper_that_can_be_kept(tmp_path, suffix):
    plain = Plain(44, 10)
    path = tmp_path / f"mapper{suffix}"
    save_file(plain.state_dict(), path) if suffix == ".safetensors" else torch.save(plain.state_dict(), path)
    fitted = read_released(path, space="image", n_voxels=40)
    fitted.save(tmp_path / "kept")
    again = FittedMapper.load(tmp_path / "kept")
    x = some(3, 40)
    assert torch.equal(again.network(x), fitted.network(x)) and again.space == "image" and again.config == fitted.config


@pytest.mark.parametrize("old", [False, True])
def test_a_whole_module_becomes_the_same_mapper_without_its_class(tmp_path, monkeypatch, old):
    plain = Plain(44, 10).double()
    torch.save(plain, tmp_path / "whole.pth", _use_new_zipfile_serialization=not old)
    monkeypatch.delattr(f"{__name__}.Plain", raising=False)
    fitted = read_released(tmp_path / "whole.pth", space="image")
    assert all(torch.equal(tensor.double(), plain.state_dict()[name].float().double())
               for name, tensor in to_released(fitted.network).items())


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Harm:
        def __reduce__(self):
            return open, (str(tmp_path / "harm"), "w")

    (tmp_path / "mapper.pth").write_bytes(pickle.dumps(Harm(), 2))
    with pytest.raises(LayoutError, match="found a call of .*open in .*mapper.pth, expected tensors"):
        read_released(tmp_path / "mapper.pth", space="image")
    torch.save(Harm(), tmp_path / "mapper.pth")
    with pytest.raises(LayoutError, match="found a call of .*open in .*mapper.pth, expected tensors"):
        read_released(tmp_path / "mapper.pth", space="image")
    assert not (tmp_path / "harm").exists()


def test_weights_of_another_layout_are_refused():
    state = Plain(44, 10).state_dict()
    with pytest.raises(LayoutError, match="differ at encoder.1.net.1.running_mean"):
        from_released(state | {"encoder.1.net.1.running_mean": torch.zeros(8)})
    with pytest.raises(LayoutError, match="differ at fc.3.bias"):
        from_released({name: value for name, value in state.items() if name != "fc.3.bias"})
    with pytest.raises(LayoutError, match="other shapes.*blocks.0.conv1.weight"):
        from_released(state | {"encoder.1.net.0.weight": torch.zeros(8, 8, 5)})
    with pytest.raises(LayoutError, match="expected a mapper of strided"):
        from_released({})
    with pytest.raises(ValueError, match="pad_to=44 for 45 voxels"):
        from_released(state, n_voxels=45)
