"""Convert the released mapper's weights to `ResidualMapper` and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from torch import Tensor

from ..checkpoints import load_checkpoint
from ..records import LayoutError
from .network import FittedMapper, MappingConfig, ResidualMapper


def released_names(n_layers: int = 1, n_blocks: int = 4) -> dict[str, str]:
    """This library's name of each layer -> its name in the released state dict, in the order of the layers.

        encoder.0.0        strided convolutions (row 1), further ones encoder.1.0, ...
        encoder.1.net.0    three convolutions of each residual block (rows 2-5): net.0, net.2, net.4
        encoder.5          over channels (row 6)
        fc.1, fc.3         over positions (rows 9 and 11)

    for one strided layer and four blocks. Rows as in `ResidualMapper`.
    """
    names = {f"stem.{i}": f"encoder.{i}.0" for i in range(n_layers)}
    names |= {f"blocks.{b}.conv{k + 1}": f"encoder.{n_layers + b}.net.{2 * k}" for b in range(n_blocks) for k in range(3)}
    return names | {"channels": f"encoder.{n_layers + n_blocks}", "positions": "fc.1", "out": "fc.3"}


def from_released(state: Mapping[str, Tensor], *, n_voxels: int | None = None, sigmoid: bool = False) -> ResidualMapper:
    """The network of a released state dict; its sizes are read from the shapes.

    Parameters
    ----------
    state : mapping of name to tensor
        Names as `released_names` says.
    n_voxels : int, optional
        Voxels before padding, which cannot be inferred from the weights; by default the padded number.
    sigmoid : bool
        Whether it ends in a sigmoid (the low-level mapper), which cannot be inferred either.

    Raises LayoutError for another layout, ValueError for more voxels than the padded number.
    """
    n_layers = sum(f"encoder.{i}.0.weight" in state for i in range(len(state)))
    n_blocks = sum(f"encoder.{i}.net.0.weight" in state for i in range(len(state)))
    names = _parameters(n_layers, n_blocks)
    if not n_layers or set(names.values()) != set(state):
        unexpected = sorted(set(names.values()) ^ set(state))
        raise LayoutError(f"found weights whose names differ at {', '.join(unexpected[:3])}, expected a mapper of strided "
                          "convolutions, residual blocks without batch norm and fc.1, fc.3 (see released_names); "
                          "give the state dict of such a one")
    padded = state["fc.1.weight"].shape[1] * 2 ** n_layers
    network = ResidualMapper(n_voxels or padded, state[names["channels.weight"]].shape[0],
                             n_blocks=n_blocks, hidden=state["encoder.0.0.weight"].shape[0],
                             fc_hidden=state["fc.1.weight"].shape[0], n_layers=n_layers, pad_to=padded, sigmoid=sigmoid)
    try:
        network.load_state_dict({ours: state[theirs] for ours, theirs in names.items()})
    except RuntimeError as error:
        raise LayoutError(f"found weights of other shapes ({str(error).splitlines()[-1].strip()}), expected those of "
                          "ResidualMapper's layers; give the state dict of such a mapper") from error
    return network


def to_released(network: ResidualMapper) -> dict[str, Tensor]:
    """The network's weights under the released names, in the released order.

    >>> list(to_released(ResidualMapper(8, 4, n_blocks=0)))[:2]
    ['encoder.0.0.weight', 'encoder.0.0.bias']
    """
    state = network.state_dict()
    return {theirs: state[ours] for ours, theirs in _parameters(len(network.stem), len(network.blocks)).items()}


def read_released(path: Path | str, *, space: str, n_voxels: int | None = None, sigmoid: bool = False) -> FittedMapper:
    """Load a mapper from a file of released weights: a state dict, a whole module, or what an import kept (`checkpoints`).

    `space`, `n_voxels` and `sigmoid` are not in the file. The history is empty. No code in the file is run. Raises as
    `from_released`, and LayoutError for a file that cannot be read.
    """
    state = load_checkpoint(path)
    network = from_released(state, n_voxels=n_voxels, sigmoid=sigmoid)
    config = MappingConfig(n_blocks=len(network.blocks), hidden=network.channels.in_channels,
                           fc_hidden=network.out.in_channels, n_layers=len(network.stem),
                           pad_to=network.n_voxels + sum(network.margins), sigmoid=sigmoid, unit=not sigmoid, epochs=())
    return FittedMapper(network, config, space, pd.DataFrame())


def _parameters(n_layers: int, n_blocks: int) -> dict[str, str]:
    return {f"{ours}.{kind}": f"{theirs}.{kind}"
            for ours, theirs in released_names(n_layers, n_blocks).items() for kind in ("weight", "bias")}
