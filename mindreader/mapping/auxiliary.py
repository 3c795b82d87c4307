"""Auxiliary networks of the mapper, a discriminator and a VICReg expander (the auxiliary rows of the paper's Table 3b)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..training import AuxiliaryNetwork, logistic_discriminator, logistic_generator, new_network, vicreg


class Discriminator(AuxiliaryNetwork):
    """Adversarial term: a classifier of targets against mapped embeddings, (B, n_dims) -> (B,) logits.

        L_D = softplus(-D(target)) + softplus(D(mapped)),    term = softplus(-D(mapped)), each its mean over rows

    Its own step comes first, on detached mapped embeddings. Three linear layers, n_dims -> 256 -> 128 -> 1.
    Source: released code's sizes, Adam and weight 1. Departs: D-12 (with the mapped embeddings, as meant).
    """

    def __init__(self, n_dims: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_dims, 256), nn.LeakyReLU(0.25), nn.Linear(256, 128), nn.LeakyReLU(0.25),
                                    nn.Linear(128, 1))

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.layers(embeddings).squeeze(1)

    def begin(self, learning_rate: float, weight_decay: float) -> None:
        """Make Adam with the betas usual for discriminators, without weight decay."""
        self.optimizer = torch.optim.Adam(self.parameters(), learning_rate, betas=(0.5, 0.999))

    def term(self, predicted: Tensor, target: Tensor) -> Tensor:
        """The mapper's adversarial loss, after the discriminator's own step."""
        self.optimizer.zero_grad(set_to_none=True)
        logistic_discriminator(self(target), self(predicted.detach())).backward()
        self.optimizer.step()
        return logistic_generator(self(predicted))

    def finish(self) -> None:
        """Do nothing: `term` has taken the step."""


class Expander(AuxiliaryNetwork):
    """VICReg between mapped embeddings and targets, both expanded by the same three layers to four times their size.

    No bias in the last layer and no batch norm after it. Both networks minimize the term. Source: released code's layers
    (512 -> 2,048) and weights 25, 25, 1. Departs: D-13.
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


AUXILIARY_NETWORKS: dict[str, type[AuxiliaryNetwork]] = {"gan": Discriminator, "vicreg": Expander}


def new_auxiliary(kind: str, n_dims: int, seed: int, weight: float = 1.0) -> AuxiliaryNetwork:
    """An untrained auxiliary network ("gan" or "vicreg"), initialised from `seed` alone; weight: of its term."""
    made = new_network(lambda: AUXILIARY_NETWORKS[kind](n_dims), seed)
    made.weight = weight
    return made
