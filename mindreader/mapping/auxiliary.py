"""Networks that train beside a mapper and add a term to its loss: the auxiliary rows of the paper's Table 3b."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..training import Companion, logistic_discriminator, logistic_generator, new_network, vicreg


class Discriminator(Companion):
    """Tells targets from mapped points, (B, n_dims) -> (B,) logits; the mapper is rewarded where it fails to.

        L_D = softplus(-D(target)) + softplus(D(mapped)),    term = softplus(-D(mapped)), each its mean over rows

    It takes its own step first, on mapped points without gradient. Three linear layers, n_dims -> 256 -> 128 -> 1.
    Source: released code's sizes, Adam and weight 1. Departs: D-12 (with the mapped points, as meant).
    """

    def __init__(self, n_dims: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_dims, 256), nn.LeakyReLU(0.25), nn.Linear(256, 128), nn.LeakyReLU(0.25),
                                    nn.Linear(128, 1))

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.layers(embeddings).squeeze(1)

    def begin(self, learning_rate: float, weight_decay: float) -> None:
        """Adam with the moments usual for discriminators, not decayed."""
        self.optimizer = torch.optim.Adam(self.parameters(), learning_rate, betas=(0.5, 0.999))

    def term(self, predicted: Tensor, target: Tensor) -> Tensor:
        """How unlike targets the mapped points look to the discriminator, after a step of its own."""
        self.optimizer.zero_grad(set_to_none=True)
        logistic_discriminator(self(target), self(predicted.detach())).backward()
        self.optimizer.step()
        return logistic_generator(self(predicted))

    def finish(self) -> None:
        """Nothing: its step was its own."""


class Expander(Companion):
    """VICReg between mapped points and targets, both widened by the same three layers to four times their size.

    No bias in the last layer and no batch norm after it. The term is the expander's own loss too, so both networks
    descend it together. Source: released code's layers (512 -> 2,048) and weights 25, 25, 1. Departs: D-13.
    """

    def __init__(self, n_dims: int):
        super().__init__()
        wide = 4 * n_dims
        self.layers = nn.Sequential(nn.Linear(n_dims, wide), nn.BatchNorm1d(wide), nn.ReLU(),
                                    nn.Linear(wide, wide), nn.BatchNorm1d(wide), nn.ReLU(),
                                    nn.Linear(wide, wide, bias=False))

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.layers(embeddings)

    def term(self, predicted: Tensor, target: Tensor) -> Tensor:
        """VICReg's loss; 0 for a single row, which has no variance."""
        self.optimizer.zero_grad(set_to_none=True)
        if len(predicted) == 1:
            return predicted.new_zeros(())
        return sum(vicreg(self(predicted), self(target)).values())


COMPANIONS: dict[str, type[Companion]] = {"gan": Discriminator, "vicreg": Expander}


def companion(kind: str, n_dims: int, seed: int, weight: float = 1.0) -> Companion:
    """A fresh companion of this kind ("gan" or "vicreg"), initialised from `seed` alone, and the weight of its term."""
    made = new_network(lambda: COMPANIONS[kind](n_dims), seed)
    made.weight = weight
    return made
