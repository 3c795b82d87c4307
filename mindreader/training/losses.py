"""The training losses of mapper and generator, each a pure function of tensors with its equation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.5  # one value for every contrastive loss (released code; the paper's number is lost)


def squared_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean over rows and dimensions of (predicted - target)^2. Both (B, d). Paper §2.2.

    >>> squared_error(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0]])).item()
    2.0
    """
    return F.mse_loss(predicted, target)


def cosine_distance(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean over rows of 1 - cos(predicted_i, target_i). Both (B, d). Paper §2.2."""
    return (1 - F.cosine_similarity(predicted, target, dim=1)).mean()


def similarity_logits(a: Tensor, b: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """S_ij = cos(a_i, b_j) / temperature; (A, d) and (B, d) -> (A, B)."""
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature


def contrastive(predicted: Tensor, target: Tensor, *, temperature: float = TEMPERATURE, rows: float = 0.5) -> Tensor:
    """InfoNCE on cosine similarity (paper eq. 1 and 5).

        L = -mean_i [ rows * log softmax_j(S_ij) at j=i + (1 - rows) * log softmax_j(S_ji) at j=i ]

    where S_ij = cos(predicted_i, target_j) / temperature. `rows=0.5` is the mapper's symmetric form; `rows=0` is the
    generator's: for each condition (a column), softmax over pictures. Departs: D-03 (the paper's eq. 1 reads
    one-directional, the released mapper code is symmetric; we follow the code).
    """
    logits = similarity_logits(predicted, target, temperature)
    labels = torch.arange(len(logits), device=logits.device)
    loss = logits.new_zeros(())
    if rows > 0:
        loss = loss + rows * F.cross_entropy(logits, labels)
    if rows < 1:
        loss = loss + (1 - rows) * F.cross_entropy(logits.T, labels)
    return loss


def blend(predicted: Tensor, target: Tensor, weights: tuple[float, float, float]) -> Tensor:
    """Paper eq. 2: a1 * squared error + a2 * cosine distance + a3 * contrastive, terms of weight 0 left out."""
    terms = (squared_error, cosine_distance, contrastive)
    return sum(w * term(predicted, target) for w, term in zip(weights, terms) if w)


def vicreg(a: Tensor, b: Tensor) -> dict[str, Tensor]:
    """VICReg's invariance ("agree"), variance ("spread") and covariance ("double"), weighted 25, 25, 1.

    Both (B, d) with B > 1. The total loss is the sum of the three.
    """
    spread = sum(F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean() / 2 for z in (a, b))
    double = 0.0
    for z in (a, b):
        z = z - z.mean(0)
        covariance = z.T @ z / (len(z) - 1)
        double = double + (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]
    return {"agree": 25 * F.mse_loss(a, b), "spread": 25 * spread, "double": double}


def logistic_generator(fake_logits: Tensor) -> Tensor:
    """Non-saturating generator loss, mean of -log sigmoid(D(fake)) (paper eq. 4)."""
    return F.softplus(-fake_logits).mean()


def logistic_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Discriminator loss, mean of -log sigmoid(D(real)) - log(1 - sigmoid(D(fake))) (paper eq. 4)."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def r1_penalty(real_logits: Tensor, real_pictures: Tensor) -> Tensor:
    """Mean over pictures of ||d logit / d picture||^2; the caller multiplies by gamma / 2 (StyleGAN2)."""
    (gradient,) = torch.autograd.grad(real_logits.sum(), real_pictures, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


# Losses of the mapper: weights of (squared error, cosine distance, contrastive) in each phase.
# Numbers: released code, w = 0.6, i.e. (1-w, w) and then half of that beside half contrastive; Table 3b's rows.
LOSSES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "mse": ((1, 0, 0),),
    "cos": ((0, 1, 0),),
    "contrastive": ((0, 0, 1),),
    "mse+cos": ((0.4, 0.6, 0),),
    "all": ((0.2, 0.3, 0.5),),
    "mse+cos then all": ((0.4, 0.6, 0), (0.2, 0.3, 0.5)),
}
