"""Save and load fitted networks with their settings and loss curves."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import ClassVar, Self

import pandas as pd
from safetensors.torch import load_file, save_file

from ..records import LayoutError, Trials


class FittedNetwork:
    """Base of dataclasses that hold a trained `network`, its settings and its `history`.

    A subclass names its files (`part`) and the classes of its settings by field; `config.network(n_voxels, n_dims)` must
    give the untrained network, which has both sizes as attributes.
    """

    part: ClassVar[str]
    settings: ClassVar[dict[str, type]]

    def save(self, folder: Path) -> None:
        """Write <part>.safetensors (weights) and <part>.json (sizes, settings, loss curve) into `folder`."""
        card = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("network", "history")}
        card = {name: asdict(value) if name in self.settings else value for name, value in card.items()}
        card |= {"n_voxels": self.network.n_voxels, "n_dims": self.network.n_dims, "history": self.history.to_dict("records")}
        weights, text = self._paths(folder)
        weights.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}, weights)
        text.write_text(json.dumps(card, indent=1))

    def on(self, device: str) -> Self:
        """The same, with its network moved to a device, where it predicts from then on."""
        self.network.to(device)
        return self

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; LayoutError where something is missing."""
        weights, text = cls._paths(folder)
        for path in (weights, text):
            if not path.exists():
                raise LayoutError(f"no {path.name} in {folder}, expected what {cls.part}'s save() wrote; fit it again")
        card = json.loads(text.read_text())
        for name, kind in cls.settings.items():  # JSON has lists for tuples
            card[name] = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in card[name].items()})
        network = card["config"].network(card.pop("n_voxels"), card.pop("n_dims"))
        network.load_state_dict(load_file(weights))
        return cls(network=network, **card | {"history": pd.DataFrame(card["history"])})

    @classmethod
    def _paths(cls, folder: Path) -> tuple[Path, Path]:
        return Path(folder) / f"{cls.part}.safetensors", Path(folder) / f"{cls.part}.json"


def check_voxels(trials: Trials, expected: int) -> None:
    """Raise ValueError where trials have another number of voxels than a mapper was trained with."""
    if trials.betas.shape[1] != expected:
        raise ValueError(f"got trials of {trials.betas.shape[1]} voxels, expected {expected} as in training; "
                         "use the same subject and region")
